"""Bindings: notes which names a statement binds in its module while it runs."""

from typing import Any


class Bindings(dict[str, Any]):
    """The local variables of code that runs in a module: binds them there, and notes their names."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        super().__init__()
        self.namespace = namespace
        self.names: set[str] = set()

    def __setitem__(self, name: str, value: Any) -> None:
        self.names.add(name)
        self.namespace[name] = value

    def __getitem__(self, name: str) -> Any:
        return self.namespace[name]

    def __delitem__(self, name: str) -> None:
        del self.namespace[name]

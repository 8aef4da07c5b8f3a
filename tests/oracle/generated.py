"""A generated load test: its items and modules, and what ran while it was loaded."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

MODULES = ("pages.cart", "pages.browse", "helper", "locustfile")
"""Each may import those before it; `pages` has no `__init__.py`."""


COUNTS: Counter[str] = Counter()
"""How much was tried, and what was left out."""


RAN: list[str] = []
"""Ids of the statements that ran. Each generated one calls `_ran` in one of its expressions."""


def ran(name: str, value: object = None) -> object:
    RAN.append(name)
    return value


@dataclass
class Item:
    """A statement, or a few that belong together, of a module or of a class body."""

    id: str
    kind: str
    name: str
    number: int = 1
    """Part of what runs while the module is loaded."""
    body: int = 1
    """Part of what runs later."""
    shape: int = 0
    """Which of a few ways it is written in."""
    uses: list[str] = field(default_factory=list)
    """Integers that it reads: while the module is loaded, or in its body if it has one."""
    calls: list[str] = field(default_factory=list)
    """Functions that it calls, likewise, or hands on."""
    decorator: str = ""
    base: str = ""
    arity: int = 1
    default: int | None = None
    docstring: str = ""
    comment: int = 0
    """Lines of comments before it."""
    parts: list["Item"] = field(default_factory=list)

    def walk(self) -> Iterator["Item"]:
        yield self
        for part in self.parts:
            yield from part.walk()


FUNCTIONS = {"function", "registrar", "decorator", "decorator factory", "class decorator"}


INTEGERS = {"integer", "computed", "data", "try", "attribute of"}


MODULE_KINDS = [
    "integer", "state", "computed", "built", "function", "function", "generator", "lambda", "listener", "conditional",
    "decorator", "decorator factory", "class decorator", "registrar", "data", "try", "instance", "attribute of", "loop",
    "plain class", "plain class", "dataclass", "enum", "named tuple", "slots", "user", "user", "task set", "sequence",
]  # fmt: skip


CLASSES = {
    "plain class",
    "dataclass",
    "enum",
    "named tuple",
    "slots",
    "user",
    "task set",
    "sequence",
    "nested",
    "nested task set",
}


TASK_HOLDERS = {"user", "task set", "sequence", "nested task set"}


NEVER_IN_PLACE = {"enum", "named tuple", "slots"}


PARTS = {
    "plain class": [
        "field",
        "attribute",
        "state attribute",
        "method",
        "method",
        "property",
        "static",
        "class method",
        "lambda attribute",
        "nested",
    ],
    "nested": ["attribute", "method"],
    "dataclass": ["field", "method", "property"],
    "enum": ["member", "method"],
    "named tuple": ["field", "method"],
    "slots": ["method", "property", "attribute"],
    "user": [
        "attribute",
        "state attribute",
        "method",
        "task",
        "task",
        "setting",
        "tasks",
        "nested task set",
        "property",
    ],
    "task set": ["attribute", "task", "task", "method", "nested task set", "tasks"],
    "sequence": ["task", "task", "method", "tasks"],
    "nested task set": ["task", "task", "method"],
}


EDITS = [
    "number", "number", "body", "body", "default", "docstring", "comment", "rename", "move", "move", "add", "add",
    "remove", "part", "part", "refer", "refer", "shape", "imports", "data", "future",
]  # fmt: skip


SPECIAL = {"__init__", "tasks", "weight", "wait_time", "fixed_count", "host", "abstract"}


WITH_BODY = FUNCTIONS | {
    "generator",
    "lambda",
    "listener",
    "conditional",
    "method",
    "property",
    "static",
    "class method",
    "lambda attribute",
    "task",
}


@dataclass
class LoadTest:
    """A generated load test, which is rendered to files."""

    modules: dict[str, list[Item]] = field(default_factory=lambda: {name: [] for name in MODULES})
    imports: dict[tuple[str, str], int] = field(default_factory=dict)
    """How one module imports another."""
    data: int = 1
    future: bool = False
    """Whether annotations are strings."""
    broken: str = ""
    """A last statement that makes loading fail."""

    def items(self) -> dict[str, tuple[str, Item]]:
        return {
            item.id: (module, item) for module, items in self.modules.items() for top in items for item in top.walk()
        }

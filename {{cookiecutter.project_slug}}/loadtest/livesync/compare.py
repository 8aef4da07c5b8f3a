"""Compare: does a class start, or wait, as it did before an edit? Where in the file it stands does not matter."""

from locust import User

from collections.abc import Hashable
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

READ_LATER = {"weight", "fixed_count", "tasks", "abstract", "wait_time"}
"""Attributes of Locust's user classes that a user does not read when it is made."""

PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict)


@lru_cache(maxsize=64)
def starts_alike(old: type[User], new: type[User]) -> bool:
    """Whether a user made from `new` begins as one made from `old`: same constructor, on_start and settings."""
    return _start(old) == _start(new)


@lru_cache(maxsize=64)
def waits_alike(old: Hashable, new: Hashable) -> bool:
    """Whether `wait_time` is the same function in both classes."""
    return _essence(getattr(old, "wait_time", None)) == _essence(getattr(new, "wait_time", None))


def _start(user_class: type[User]) -> object:
    library = [base for base in user_class.__mro__ if base.__module__.partition(".")[0] == "locust"]
    settings = [name for name in dir(library[0]) if not name.startswith("_") and name not in READ_LATER]
    values = {name: getattr(user_class, name) for name in settings}
    data = {name: _essence(value) for name, value in values.items() if not isinstance(value, FunctionType)}
    return library, data, _essence(user_class.__init__), _essence(user_class.on_start)


def _essence(value: Any) -> object:
    """Something that is equal for equal code and equal plain values."""
    if isinstance(value, FunctionType):
        cells = [_essence(cell.cell_contents) for cell in value.__closure__ or ()]
        return _code(value.__code__), value.__defaults__, value.__kwdefaults__, cells
    if isinstance(value, type):
        return value.__module__, value.__qualname__
    return value if isinstance(value, PLAIN) else type(value)


def _code(code: CodeType) -> CodeType:
    constants = tuple(_code(constant) if isinstance(constant, CodeType) else constant for constant in code.co_consts)
    return code.replace(co_firstlineno=1, co_linetable=b"", co_filename="", co_consts=constants)

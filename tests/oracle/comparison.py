"""A fresh load of files, and the comparison of live modules with it."""

import dis
import importlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any

from locust import events
from locust.event import EventHook

from tests.oracle.generated import MODULES, RAN
from tests.oracle.one_process import encoded


@dataclass
class Loaded:
    """Modules, by name, and the listeners of each hook."""

    modules: dict[str, ModuleType]
    listeners: dict[str, list[Any]]


def hooks() -> dict[str, EventHook]:
    return {name: hook for name, hook in vars(events).items() if isinstance(hook, EventHook)}


def fresh(files: dict[str, str]) -> Loaded:
    """Load the files as Python does, without live sync."""
    home = Path(tempfile.mkdtemp())
    handlers = {hook: hook._handlers[:] for hook in hooks().values()}
    kept = {name: sys.modules.pop(name) for name in (*MODULES, "pages") if name in sys.modules}
    path, cwd, names = sys.path[:], Path.cwd(), RAN[:]
    try:
        for name, content in encoded(files).items():
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_bytes(content)
        sys.path[:] = [str(home), *(entry for entry in path if not entry.startswith(tempfile.gettempdir()))]
        os.chdir(home)
        importlib.invalidate_caches()
        for hook in handlers:
            hook._handlers.clear()
        importlib.import_module("locustfile")
        return Loaded(
            {name: sys.modules[name] for name in MODULES if name in sys.modules},
            {name: hook._handlers[:] for name, hook in hooks().items()},
        )
    finally:
        for name in (*MODULES, "pages"):
            sys.modules.pop(name, None)
        sys.modules.update(kept)
        for hook, before in handlers.items():
            hook._handlers[:] = before
        sys.path[:], RAN[:] = path, names
        os.chdir(cwd)
        shutil.rmtree(home)


SKIPPED = {
    "__module__",
    "__dict__",
    "__weakref__",
    "__firstlineno__",
    "__static_attributes__",
    "__file__",
    "__cached__",
    "__loader__",
    "__spec__",
    "__builtins__",
    "_abc_impl",
    "__annotations_cache__",
    "__annotate__",
    "__annotate_func__",
    "_member_map_",
    "__path__",
}


class Comparison:
    """Compares what is live with a fresh load, object by object; the same objects have to be the same on both sides."""

    def __init__(self, state: dict[int, object]) -> None:
        """`state` holds values that a run has set, by id; they are right as they are."""
        self.state = state
        self.partners: dict[int, object] = {}
        self.reverse: dict[int, object] = {}
        self.alive: list[object] = []
        self.differences: list[str] = []

    def differ(self, path: str, live: object, new: object) -> None:
        self.differences.append(f"{path}: {live!r} is live, a fresh load has {new!r}")

    def same(self, path: str, live: Any, new: Any) -> None:
        if id(live) in self.state or live is new:
            return
        if isinstance(live, FunctionType | type) or hasattr(live, "__dict__"):
            if id(live) in self.partners or id(new) in self.reverse:
                if self.partners.get(id(live)) is not new:
                    self.differ(f"{path} (identity)", live, new)
                return
            self.partners[id(live)], self.reverse[id(new)] = new, live
            self.alive += [live, new]
        if type(live) is not type(new) and (type(live).__name__, type(live).__module__) != (
            type(new).__name__,
            type(new).__module__,
        ):
            self.differ(path, live, new)
            return
        match live:
            case ModuleType():
                self.check(path, live.__name__, new.__name__)
            case FunctionType():
                self.functions(path, live, new)
            case type():
                self.classes(path, live, new)
            case partial():
                self.same(f"{path}.func", live.func, new.func)
                self.same(f"{path}.args", live.args, new.args)
            case property():
                for name in ("fget", "fset"):
                    self.same(f"{path}.{name}", getattr(live, name), getattr(new, name))
            case staticmethod() | classmethod():
                self.same(path, live.__func__, new.__func__)
            case list() | tuple():
                self.check(f"{path} length", len(live), len(new))
                for index, (one, other) in enumerate(zip(live, new, strict=False)):
                    self.same(f"{path}[{index}]", one, other)
            case dict() | MappingProxyType():
                self.check(
                    f"{path} keys",
                    list(live) if path.endswith("D") else sorted(map(repr, live)),
                    sorted(map(repr, new)),
                )
                for key in live.keys() & new.keys():
                    self.same(f"{path}[{key!r}]", live[key], new[key])
            case _ if hasattr(live, "__wrapped__"):
                self.same(path, live.__wrapped__, new.__wrapped__)
            case _ if hasattr(live, "__dict__"):
                self.same(f"{path}'s class", type(live), type(new))
                self.same(path, vars(live), vars(new))
            case _ if type(live).__module__ in MODULES:
                self.same(f"{path}'s class", type(live), type(new))
            case _ if "__eq__" not in {name for base in type(live).__mro__[:-1] for name in vars(base)}:
                self.check(path, type(live).__name__, type(new).__name__)
            case _:
                self.check(path, live, new)

    def check(self, path: str, live: object, new: object) -> None:
        if live != new:
            self.differ(path, live, new)

    def functions(self, path: str, live: FunctionType, new: FunctionType) -> None:
        running = forwarded(live)
        codes = code_of(running.__code__), code_of(new.__code__)
        for name in codes[1]:
            self.check(f"{path} {name}", codes[0][name], codes[1][name])
        for name in ("__name__", "__qualname__", "__doc__"):
            self.check(f"{path}.{name}", getattr(live, name), getattr(new, name))
        for name in ("__defaults__", "__kwdefaults__", "__annotations__"):
            self.same(f"{path}.{name}", getattr(live, name), getattr(new, name))
        self.same(f"{path}.__dict__", vars(live), vars(new))
        self.same(f"{path} globals", live.__globals__["__name__"], new.__globals__["__name__"])
        for name, one, other in zip(
            new.__code__.co_freevars, running.__closure__ or (), new.__closure__ or (), strict=False
        ):
            self.same(f"{path} cell {name}", one.cell_contents, other.cell_contents)

    def classes(self, path: str, live: Any, new: Any) -> None:
        self.check(
            f"{path} bases", [base.__qualname__ for base in live.__mro__], [base.__qualname__ for base in new.__mro__]
        )
        for index, (one, other) in enumerate(zip(live.__bases__, new.__bases__, strict=False)):
            self.same(f"{path}.__bases__[{index}]", one, other)
        old, attributes = (
            {
                name: value
                for name, value in vars(cls).items()
                if name not in SKIPPED and not name.startswith("livesync_") and (name, value) != ("__annotations__", {})
            }
            for cls in (live, new)
        )
        self.check(f"{path} attributes", sorted(old), sorted(attributes))
        for name in old.keys() & attributes.keys():
            self.same(f"{path}.{name}", old[name], attributes[name])


def forwarded(function: FunctionType) -> FunctionType:
    """The function whose code runs; one that gained a variable hands its calls on."""
    while function.__code__.co_filename == "<livesync>":
        function = next(value for value in function.__code__.co_consts if isinstance(value, FunctionType))
    return function


CALLS = {"LOAD_METHOD", "LOAD_ATTR", "LOAD_GLOBAL", "LOAD_NAME", "PUSH_NULL", "PRECALL", "CALL"}
"""Of a call of `module.function`, Python makes other instructions where it sees the import beside it."""


ATTRIBUTES = [
    "argcount",
    "posonlyargcount",
    "kwonlyargcount",
    "names",
    "varnames",
    "freevars",
    "cellvars",
    "firstlineno",
]


def code_of(code: CodeType) -> dict[str, object]:
    """Code as something that can be compared, positions included."""
    return {name: getattr(code, f"co_{name}") for name in ("name", "qualname", *ATTRIBUTES)} | {
        "flags": code.co_flags & 0xFFFF,  # without those for imports from __future__
        "code": [
            (i.opname, i.arg) for i in dis.get_instructions(code) if i.opname not in CALLS and "JUMP" not in i.opname
        ],
        "lines": sorted({line for _, _, line in code.co_lines() if line}),
        "constants": [
            code_of(value) if isinstance(value, CodeType) else (type(value), value) for value in code.co_consts
        ],
    }


def described(handler: Any) -> str:
    if isinstance(handler, partial):
        return f"partial {described(handler.func)} {handler.args}"
    function = forwarded(handler) if isinstance(handler, FunctionType) else handler
    code = getattr(function, "__code__", None)
    return f"{getattr(handler, '__qualname__', handler)} line {code and code.co_firstlineno}"

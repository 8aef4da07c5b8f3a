"""The oracle: random edits of small load tests, applied in place and compared with a fresh load of the final code.

    export PYTHONPATH='tests/oracle:{{cookiecutter.project_slug}}/loadtest'
    .venv/bin/python tests/oracle/oracle.py --examples 1000 --seed 7

Importing Locust patches the standard library, so `test_oracle.py` starts this as a process.
"""

import argparse
import builtins
import copy
import dataclasses
import difflib
import dis
import gc
import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any

import gevent
from gevent.event import Event
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from locust import events
from locust.event import EventHook
from one_process import OneProcess, Rejected, encoded, install

MODULES = ("pages.cart", "pages.browse", "helper", "locustfile")
"""Each may import those before it; `pages` has no `__init__.py`."""

PREAMBLE = """\
import enum
from dataclasses import dataclass
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import NamedTuple
from locust import SequentialTaskSet, TaskSet, User, constant, events, task
"""

COUNTS: Counter[str] = Counter()
"""How much was tried, and what was left out."""

RAN: list[str] = []
"""Ids of the statements that ran. Each generated one calls `_ran` in one of its expressions."""


def ran(name: str, value: object = None) -> object:
    RAN.append(name)
    return value


# What is generated


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

    def files(self) -> dict[str, str]:
        renderer = Renderer(self)
        files = {f"{name.replace('.', '/')}.py": renderer.module(name) for name in MODULES}
        return {**files, "data.txt": f"{self.data}\n"}


class Renderer:
    """Writes the code of a load test."""

    def __init__(self, test: LoadTest, bodies: bool = True) -> None:
        self.test, self.bodies = test, bodies
        self.known = test.items()
        self.here = ""

    def module(self, name: str) -> str:
        self.here = name
        code = [line for item in self.test.modules[name] for line in self.item(item)]
        lines = ["from __future__ import annotations"] if self.test.future else []
        lines += [*PREAMBLE.splitlines(), *self.imports(name), *code]
        if name == "locustfile":
            lines += ["class Always(User):", "    @task", "    def always(self): ...", self.test.broken]
        return "\n".join(lines) + "\n"

    def imports(self, name: str) -> list[str]:
        lines = []
        for other in MODULES[: MODULES.index(name)]:
            needed = sorted({self.known[i][1].name for i in self.needed(name) if self.known[i][0] == other})
            folder, _, last = other.rpartition(".")
            match self.style(name, other):
                case 0:
                    lines += [f"from {other} import {n}" for n in needed]
                case 1:
                    lines.append(f"import {other}")
                case 2:
                    lines.append(f"from {folder} import {last}" if folder else f"import {other} as {last}")
                case 3:
                    lines.append(f"from {other} import *")
                case _ if needed:
                    lines.append(f"from {other} import {', '.join(needed)}")
        return lines

    def style(self, name: str, other: str) -> int:
        return self.test.imports.get((name, other), 1)

    def needed(self, name: str) -> set[str]:
        tops = {item.id: top.id for items in self.test.modules.values() for top in items for item in top.walk()}
        return {tops[i] for top in self.test.modules[name] for item in top.walk() for i in references(item)}

    def ref(self, item_id: str) -> str:
        module, item = self.known[item_id]
        if module == self.here:
            return item.name
        match self.style(self.here, module):
            case 1:
                return f"{module}.{item.name}"
            case 2:
                return f"{module.rpartition('.')[2]}.{item.name}"
        return item.name

    def sum(self, item: Item, number: int) -> str:
        return " + ".join([str(number), *map(self.ref, item.uses)])

    def call(self, function_id: str) -> str:
        return f"{self.ref(function_id)}({', '.join('1' for _ in range(self.known[function_id][1].arity))})"

    def body(self, item: Item, first: str = "a0") -> list[str]:
        """Lines of a body that returns an integer."""
        if not self.bodies:
            return ["..."]
        value = " + ".join([self.sum(item, item.body), *map(self.call, item.calls)])
        lines = [f'"""{item.docstring}"""'] if item.docstring else []
        match item.shape:
            case 1:
                return [*lines, f"return (lambda z: z + {item.body})(2) + {value}"]
            case 2:
                return [
                    *lines,
                    "def inner(z):",
                    f"    return z + len(str({first})) + {item.body}",
                    f"return inner(3) + {value}",
                ]
            case 3:
                return [*lines, f"return sum(z + {item.body} for z in range(3)) + {value}"]
            case 4 if first in ("self", "cls"):
                return [*lines, "super().__hash__()", f"return {value}"]
        return [*lines, f"return {value}"]

    def arguments(self, item: Item, *first: str) -> str:
        names = [f"a{n}" for n in range(item.arity)] if item.kind in FUNCTIONS | {"generator"} else []
        if item.default is not None and item.default % 3 == 0:
            return ", ".join([*first, *names, "*", f'k: int = _ran("{item.id}.k", {item.default})'])
        default = [f'd=_ran("{item.id}.k", {item.default})'] if item.default is not None else []
        return ", ".join([*first, *names, *default])

    def define(self, item: Item, arguments: str, first: str = "a0") -> list[str]:
        return [f"def {item.name}({arguments}):", *(f"    {line}" for line in self.body(item, first))]

    def decorators(self, item: Item) -> list[str]:
        if not item.decorator:
            return []
        if item.decorator == "lru_cache":
            return ["@lru_cache(maxsize=None)"]
        name = self.ref(item.decorator)
        factory = self.known[item.decorator][1].kind == "decorator factory"
        return [f'@{name}(_ran("{item.id}.d", {item.number}))' if factory else f"@{name}"]

    def item(self, item: Item) -> list[str]:
        comments = [f"# {n}" for n in range(item.comment)] if self.bodies else []
        return [*comments, *(self.class_(item) if item.kind in CLASSES else self.simple(item))]

    def simple(self, item: Item) -> list[str]:
        name, number = item.name, item.number
        note = f'_ran("{item.id}"'
        match item.kind:
            case "integer" | "attribute" | "setting":
                value = f"constant({number})" if name == "wait_time" else self.sum(item, number)
                return [f"{name} = {note}, {value})"]
            case "field":
                return [f"{name}: int = {note}, {self.sum(item, number)})"]
            case "member":
                return [f'{name} = {note}, "{name}{number}")']
            case "state" | "state attribute":
                return [f"{name} = {note}, {['None', '[]', f'[{number}]', f'{{1: {number}}}'][item.shape % 4]})"]
            case "computed":
                return [f"{name} = {note}, {number} + {self.call(item.calls[0])})"]
            case "attribute of":
                return [f"{name} = {note}, {number} + {self.ref(item.base)}.{self.known[item.uses[0]][1].name})"]
            case "instance":
                return [f"{name} = {note}, {self.ref(item.base)}())"]
            case "built":
                lines = [f"{name} = {note}, {{}})"]
                for part in item.parts:
                    lines += self.entry(part, name)
                return lines
            case "loop":
                numbers = f"range({note}, {number}))"
                return [f"{name} = []", f"for _{name} in {numbers}:", f"    {name}.append(_{name})"]
            case "function":
                return [*self.decorators(item), *self.define(item, self.arguments(item), "a0" if item.arity else "1")]
            case "generator":
                body = f"    yield {self.sum(item, item.body)}" if self.bodies else "    ..."
                return [f"{'async ' if item.shape % 2 else ''}def {name}({self.arguments(item)}):", body]
            case "lambda" | "lambda attribute":
                value = self.sum(item, item.body) if self.bodies else "..."
                return [f"{name} = {note}, [lambda x: x + {value}, lambda x: x - {value}][{number % 2}])"]
            case "registrar":
                return [f"def {name}(f):", f"    events.{'request' if item.body % 2 else 'quit'}.add_listener(f)"]
            case "listener":
                return self.listener(item)
            case "conditional":
                define = self.define(item, "a0")
                return [
                    f"if {note}, {number}) % 2:",
                    *(f"    {line}" for line in define),
                    "else:",
                    f"    {name} = None",
                ]
            case "try":
                return [
                    "try:",
                    f"    {name} = {note}, 6 // {number % 3})",
                    "except ZeroDivisionError:",
                    f"    {name} = 7",
                ]
            case "data":
                return [f'{name} = {note}, int(Path("data.txt").read_text()) + {number})']
            case "decorator" | "class decorator" | "decorator factory":
                return self.decorator(item)
            case "method":
                first = "self"
                if name == "__init__":
                    return (
                        [
                            f"def __init__({self.arguments(item, 'self', '*rest')}):",
                            f"    self.made = {self.sum(item, item.body) if self.bodies else 0}",
                        ]
                        if "d=" not in self.arguments(item)
                        else [
                            "def __init__(self, *rest):",
                            f"    self.made = {self.sum(item, item.body) if self.bodies else 0}",
                        ]
                    )
                return [*self.decorators(item), *self.define(item, self.arguments(item, first), first)]
            case "task":
                weight = f"({note}, {number}))" if number > 1 else ""
                return [f"@task{weight}", *self.decorators(item), *self.define(item, "self", "self")]
            case "property":
                getter = ["@property", *self.define(item, "self", "self")]
                setter = [
                    f"@{name}.setter",
                    f"def {name}(self, value):",
                    f"    self.set_to = {item.body if self.bodies else 0}",
                ]
                return getter + (setter if number % 2 else [])
            case "static":
                return ["@staticmethod", *self.define(item, "a0=1")]
            case "class method":
                return ["@classmethod", *self.define(item, "cls", "cls")]
            case "tasks":
                names = [self.ref(i) for i in item.calls]
                return [
                    f"tasks = {note}, {{{', '.join(f'{n}: {number}' for n in names)}}})"
                    if item.shape % 2
                    else f"tasks = {note}, [{', '.join(names)}])"
                ]
            case "entry":
                return self.entry(item, item.name)
        raise AssertionError(item.kind)

    def entry(self, item: Item, built: str) -> list[str]:
        value = f'_ran("{item.id}", {self.sum(item, item.number)})'
        return [
            [f'{built}["{item.name}"] = {value}'],
            [f"{built}.update({item.name}={value})"],
            ['for letter in "xyz":', f"    {built}[letter] = {value}"],
        ][item.shape % 3]

    def listener(self, item: Item) -> list[str]:
        hook = f"events.{['request', 'quit', 'test_start'][item.number % 3]}.add_listener"
        note = f'_ran("{item.id}"'
        match item.shape if item.calls else 0:
            case 1:
                return [f"{hook}({note}, partial({self.ref(item.calls[0])}, {item.number})))"]
            case 2 if self.known[item.calls[0]][1].kind == "registrar":
                handler = f'_ran("{item.id}.l", lambda **_: {item.body if self.bodies else 0})'
                return [f"{note}, {self.ref(item.calls[0])}({handler}))"]
            case 3:
                return [f"{hook}({note}, lambda **_: {item.body if self.bodies else 0}))"]
        return [f"@{hook}", f"def {item.name}(**_):", *(f"    {line}" for line in self.body(item, "_"))]

    def decorator(self, item: Item) -> list[str]:
        value = item.body if self.bodies else 0
        if item.kind == "class decorator":
            names = ["    Measured.__name__ = cls.__name__", "    Measured.__qualname__ = cls.__qualname__"]
            return [
                f"def {item.name}(cls):",
                "    class Measured(cls):",
                f"        measured = {value}",
                *names[: 1 + item.shape % 2],
                "    return Measured",
            ]
        inner = [
            "@wraps(function)",
            "def wrapper(*a, **k):",
            f"    return (function(*a, **k) or 0) + {value}{' + amount' if item.kind == 'decorator factory' else ''}",
            "return wrapper",
        ]
        if item.kind == "decorator":
            return [f"def {item.name}(function):", *(f"    {line}" for line in inner)]
        return [
            f"def {item.name}(amount):",
            "    def decorate(function):",
            *(f"        {line}" for line in inner),
            "    return decorate",
        ]

    def header(self, item: Item) -> list[str]:
        bases = {
            "plain class": "",
            "nested": "",
            "slots": "",
            "dataclass": "",
            "enum": "enum.Enum",
            "named tuple": "NamedTuple",
            "user": "User",
            "task set": "TaskSet",
            "nested task set": "SequentialTaskSet" if item.shape % 2 else "TaskSet",
            "sequence": "SequentialTaskSet",
        }
        base = self.ref(item.base) if item.base else bases[item.kind]
        decorator = {"dataclass": ["@dataclass"], "nested task set": [f"@task({item.number})"]}.get(
            item.kind, self.decorators(item)
        )
        return [*decorator, f"class {item.name}{f'({base})' if base else ''}:"]

    def class_(self, item: Item) -> list[str]:
        lines = [f'"""{item.docstring}"""'] if item.docstring and self.bodies else []
        lines += {
            "slots": [f'__slots__ = ("s{item.number}",)'],
            "enum": ['FIRST = "first"'],
            "named tuple": ["first: int = 1"],
        }.get(item.kind, [])
        lines += [line for part in item.parts for line in self.item(part)]
        return [*self.header(item), *(f"    {line}" for line in lines or ["pass"])]


def references(item: Item) -> set[str]:
    """Ids of what an item refers to itself, and its parts do not."""
    return {*item.uses, *item.calls, *filter(None, [item.base, item.decorator])} - {"lru_cache"}


# What an edit may run again


class Expected:
    """What of `new` may run again or be another object after an edit of `old`."""

    def __init__(self, old: LoadTest, new: LoadTest) -> None:
        self.old, self.new = old.items(), new.items()
        self.data_changed, self.flags_changed = old.data != new.data, old.future != new.future
        self.before, self.after = (Renderer(test, bodies=False) for test in (old, new))
        self.full = Renderer(old), Renderer(new)
        self.runs: set[str] = set()
        self.rebound: set[str] = set()
        while self._grow():
            pass

    def may_run(self, name: str) -> bool:
        return name.rpartition(".")[0] in self.runs if name.rpartition(".")[2] in ("d", "k", "l") else name in self.runs

    def _grow(self) -> bool:
        size = len(self.runs) + len(self.rebound)
        for items in self._modules():
            for item in items:
                self._visit(item, None)
        return len(self.runs) + len(self.rebound) > size

    def _modules(self) -> list[list[Item]]:
        found: dict[str, list[Item]] = {}
        for item_id, (module, item) in self.new.items():
            if "." not in item_id:
                found.setdefault(module, []).append(item)
        return list(found.values())

    def _visit(self, item: Item, holder: Item | None) -> None:
        runs = self._text(self.before, item) != self._text(self.after, item) or any(
            i in self.rebound for i in self._read(item)
        )
        runs = runs or any(self._changed(function) for function in self._called(item))
        runs = (
            runs
            or (item.kind == "data" and self.data_changed)
            or (holder is not None and holder.id in self.rebound)
            or self.flags_changed
        )
        runs = runs or (
            item.kind == "tasks"
            and any(
                self._text(self.before, self.new[i][1]) != self._text(self.after, self.new[i][1]) for i in item.calls
            )
        )
        for part in item.parts:
            self._visit(part, item if item.kind in CLASSES else None)
        if item.kind == "instance" and item.base in self.new:
            runs = runs or self._removed_parts(self.new[item.base][1])
        if item.kind == "built" and (
            runs or any(part.id in self.runs for part in item.parts) or self._removed_parts(item)
        ):
            runs = True
            self.runs |= {part.id for part in item.parts}
        if item.kind in NEVER_IN_PLACE | {"dataclass"} and (
            any(p.id in self.runs for p in item.parts) or self._removed_parts(item)
        ):
            self.runs |= {part.id for part in item.parts}
            if item.kind in NEVER_IN_PLACE:
                runs = True
        if item.kind in CLASSES and any(i in self.rebound for i in [*filter(None, [item.base, item.decorator])]):
            runs = True
        if runs:
            self.runs.add(item.id)
            if not (
                item.kind in FUNCTIONS
                and not item.decorator
                and item.id in self.old
                and self.old[item.id][1].name == item.name
                and not self.old[item.id][1].decorator
            ):
                self.rebound.add(item.id)

    def edited(self, item_id: str) -> bool:
        """Whether what runs while it is loaded reads otherwise."""
        return self._text(self.before, self.old[item_id][1]) != self._text(self.after, self.new[item_id][1])

    def _removed_parts(self, item: Item) -> bool:
        before = self.old.get(item.id)
        return before is not None and [p.id for p in before[1].parts] != [p.id for p in item.parts]

    def _text(self, renderer: Renderer, item: Item) -> list[str] | None:
        if item.id not in renderer.known:
            return None
        renderer.here, own = renderer.known[item.id]
        return (
            renderer.header(own) + [str(own.number)] * (own.kind == "slots")
            if own.kind in CLASSES
            else renderer.simple(dataclasses.replace(own, parts=[]) if own.kind == "built" else own)
        )

    def _read(self, item: Item) -> list[str]:
        read = [] if item.kind in WITH_BODY else [*item.uses, *item.calls]
        if item.kind in ("task", "method", "function") and item.decorator:
            read = []
        if item.kind == "listener" and item.shape in (1, 2):
            read = item.calls
        return [*read, *filter(None, [item.base, item.decorator])]

    def _called(self, item: Item) -> set[str]:
        """Functions that run while the item is loaded."""
        found: set[str] = set()
        queue = [item.decorator] if item.decorator else []
        if item.kind == "computed" or (item.kind == "listener" and item.shape == 2):
            queue += item.calls
        if item.kind == "instance":
            queue += self._methods(item.base)
        # Whoever reads a function with a cache may have got its old results.
        if item.kind in ("tasks", "listener"):
            queue += [called for called in item.calls if self.new[called][1].decorator == "lru_cache"]
        while queue:
            if (name := queue.pop()) in self.new and name not in found:
                found.add(name)
                queue += [*self.new[name][1].calls, self.new[name][1].decorator]
        return found

    def _methods(self, class_id: str) -> list[str]:
        found: list[str] = []
        while class_id in self.new:
            item = self.new[class_id][1]
            found += [part.id for part in item.parts]
            found += [item.decorator] * bool(item.decorator)
            class_id = item.base
        return found

    def _changed(self, name: str) -> bool:
        texts = []
        for renderer in self.full:
            if name not in renderer.known:
                return True
            renderer.here, item = renderer.known[name]
            texts.append(
                list(renderer.simple(dataclasses.replace(item, docstring="")))
                if item.kind not in CLASSES
                else renderer.class_(item)
            )
        return texts[0] != texts[1] or any(i in self.rebound for i in references(self.new[name][1]))

    def keeps_class(self, item_id: str) -> bool:
        return (
            item_id in self.old
            and item_id not in self.rebound
            and self.old[item_id][1].name == self.new[item_id][1].name
        )


# How it is edited


class Author:
    """Writes a load test and edits it at random."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def write(self) -> LoadTest:
        test = LoadTest(future=self.chance(20))
        for index, module in enumerate(MODULES):
            for other in MODULES[:index]:
                test.imports[module, other] = self.random.choice([0, 1, 1, 2, 3, 4])
            for _ in range(self.random.randint(0, 3 if index < 3 else 9)):
                self.add(test, module)
        return test

    def add(self, test: LoadTest, module: str, kind: str | None = None) -> None:
        kind = kind or self.random.choice(MODULE_KINDS)
        items = test.modules[module]
        visible = [item for name in MODULES[: MODULES.index(module)] for item in test.modules[name]]
        place = self.random.randint(0, len(items)) if self.chance(30) else len(items)
        item = self.make(kind, visible + items[:place])
        if item:
            items.insert(place, item)

    def make(self, kind: str, visible: list[Item], holder: Item | None = None) -> Item | None:
        random = self.random
        item_id = self.name(f"{holder.id}." if holder else "i")
        prefix = {"setting": "", "user": "User", "task": "task"}.get(kind, "C" if kind in CLASSES else "n")
        item = Item(item_id, kind, self.name(prefix), random.randint(1, 4), random.randint(1, 9), random.randint(0, 4))
        item.arity = random.randint(0, 2) if kind == "function" else 1
        pick = partial(self.pick, visible)
        if kind in {
            "integer",
            "function",
            "generator",
            "lambda",
            "method",
            "attribute",
            "field",
            "task",
            "conditional",
            "property",
        }:
            item.uses = pick(INTEGERS, random.randint(0, 2))
        if kind in {"function", "method", "task", "property"}:
            item.calls = pick({"function"}, random.randint(0, 1))
            item.default = random.randint(1, 9) if self.chance(40) else None
        if kind in {"computed", "tasks"}:
            item.calls = pick({"function"}, 1 if kind == "computed" else random.randint(1, 2))
            if not item.calls:
                return None
        if kind == "listener":
            item.calls = pick({"registrar"} if item.shape == 2 else {"function"}, 1)
        if kind in {"function", "method", "task"} and self.chance(30):
            item.decorator = (pick({"decorator", "decorator factory"}, 1) or [""])[0]
            if kind == "function" and not item.decorator:
                item.decorator = "lru_cache"
        if kind == "attribute of":
            classes = [
                c for c in visible if c.kind in {"plain class", "user"} and any(p.kind == "attribute" for p in c.parts)
            ]
            if not classes:
                return None
            holder_class = random.choice(classes)
            item.base, item.uses = (
                holder_class.id,
                [random.choice([p for p in holder_class.parts if p.kind == "attribute"]).id],
            )
        if kind == "instance":
            bases = pick({"plain class", "dataclass"}, 1)
            if not bases:
                return None
            item.base = bases[0]
        if kind == "built":
            item.parts = [self.entry(item, visible) for _ in range(random.randint(0, 3))]
        if kind in {"plain class", "user", "task set"}:
            if self.chance(40):
                item.base = (pick({kind}, 1) or [""])[0]
            if kind != "task set" and self.chance(25):
                item.decorator = (pick({"class decorator"}, 1) or [""])[0]
        if kind == "setting":
            item.name = random.choice(["weight", "wait_time", "fixed_count", "host", "abstract"])
            if holder and any(part.name == item.name for part in holder.parts):
                return None
        if kind == "tasks" and holder:
            item.name = "tasks"
            if any(part.name == "tasks" for part in holder.parts):
                return None
        if (
            kind == "method"
            and holder
            and holder.kind == "plain class"
            and self.chance(20)
            and not any(p.name == "__init__" for p in holder.parts)
        ):
            item.name, item.decorator, item.calls, item.default = "__init__", "", [], None
        if kind == "attribute" and holder:
            item.uses += [p.id for p in holder.parts if p.kind == "attribute"][:1] * random.randint(0, 1)
        if holder and holder.kind == "named tuple":
            item.shape = 0  # it has no `__class__` for `super()`
        if kind in CLASSES:
            for _ in range(random.randint(1, 4)):
                self.add_part(item, visible)
        return item

    def add_part(self, item: Item, visible: list[Item]) -> None:
        if item.kind == "built":
            item.parts.append(self.entry(item, visible))
        elif item.kind in CLASSES and (part := self.make(self.random.choice(PARTS[item.kind]), visible, item)):
            item.parts.append(part)

    def entry(self, item: Item, visible: list[Item]) -> Item:
        uses = self.pick(visible, INTEGERS, self.random.randint(0, 1))
        return Item(
            self.name(f"{item.id}."),
            "entry",
            self.name("k"),
            self.random.randint(1, 9),
            shape=self.random.randint(0, 2),
            uses=uses,
        )

    def pick(self, visible: list[Item], kinds: set[str], count: int) -> list[str]:
        found = [item.id for item in visible if item.kind in kinds]
        return [self.random.choice(found) for _ in range(count)] if found else []

    def edit(self, test: LoadTest, past: list[LoadTest]) -> LoadTest:
        """A copy with one to three edits."""
        loads = [old for old in past if not old.broken]
        if len(loads) > 1 and self.chance(10):
            return copy.deepcopy(self.random.choice(loads))
        new = copy.deepcopy(test)
        for _ in range(self.random.choice([1, 1, 2, 3, 5])):
            self.edit_once(new)
        return new

    def edit_once(self, test: LoadTest) -> None:
        random = self.random
        edit = random.choice(EDITS)
        if edit == "add":
            return self.add(test, random.choice(MODULES))
        if edit == "imports":
            test.imports[random.choice(list(test.imports))] = random.choice([0, 1, 2, 3, 4])
        elif edit == "data":
            test.data += 1
        elif edit == "future":
            test.future = not test.future
        else:
            candidates = [(module, item) for module, item in test.items().values() if self.can(edit, item)]
            if candidates:
                kind = random.choice(sorted({item.kind for _, item in candidates}))
                module, item = random.choice([found for found in candidates if found[1].kind == kind])
                self.edit_item(test, edit, module, item)
        return None

    def can(self, edit: str, item: Item) -> bool:
        match edit:
            case "body":
                return item.kind in WITH_BODY
            case "default":
                return item.default is not None or item.kind == "function"
            case "docstring":
                return item.kind in CLASSES | WITH_BODY
            case "rename":
                return item.name not in SPECIAL
            case "part":
                return item.kind in CLASSES | {"built"}
            case "shape":
                return item.kind not in CLASSES | {"listener", "built", "method"}
        return True

    def edit_item(self, test: LoadTest, edit: str, module: str, item: Item) -> None:
        random = self.random
        match edit:
            case "number":
                item.number = item.number % 4 + 1
            case "body":
                item.body += 1
            case "default":
                item.default = random.choice(
                    [1, 2, 3, 4, 5, 6, None] if item.kind == "function" else [1, 2, 3, 4, 5, 6]
                )
            case "docstring":
                item.docstring = self.name("doc") if self.chance(70) else ""
            case "comment":
                item.comment = random.randint(0, 3)
            case "rename":
                item.name = self.name("renamed")
            case "move":
                self.move(test, module, item)
            case "remove":
                self.remove(test, module, item)
            case "part":
                self.add_part(item, self.before(test, module, item))
            case "refer":
                self.refer(test, module, item)
            case "shape":
                item.shape = random.randint(0, 4)
                if item.kind == "function":
                    item.arity = random.randint(0, 2)

    def chance(self, percent: int) -> bool:
        return self.random.randint(0, 99) >= 100 - percent

    def before(self, test: LoadTest, module: str, item: Item) -> list[Item]:
        """What the item may refer to."""
        found = [other for name in MODULES[: MODULES.index(module)] for other in test.modules[name]]
        for other in test.modules[module]:
            if any(part is item for part in other.walk()):
                break
            found.append(other)
        return found

    def refer(self, test: LoadTest, module: str, item: Item) -> None:
        visible = self.before(test, module, item)
        if item.kind in {"integer", "function", "lambda", "method", "task", "field", "entry", "property"}:
            item.uses = self.pick(visible, INTEGERS, self.random.randint(0, 2))
        if item.kind in {"function", "method", "task"} and item.name != "__init__":
            item.decorator = (
                self.pick(visible, {"decorator", "decorator factory"}, self.random.randint(0, 1)) or [""]
            )[0]
        if item.kind in {"plain class", "user", "task set"}:
            item.base = (self.pick(visible, {item.kind}, self.random.randint(0, 1)) or [""])[0]
            if item.kind != "task set":
                item.decorator = (self.pick(visible, {"class decorator"}, self.random.randint(0, 1)) or [""])[0]
        if item.kind in {"computed", "tasks"}:
            item.calls = self.pick(visible, {"function"}, 1) or item.calls

    def siblings(self, test: LoadTest, module: str, item: Item) -> list[Item]:
        lists = [test.modules[module], *(other.parts for top in test.modules[module] for other in top.walk())]
        return next(items for items in lists if any(other is item for other in items))

    def move(self, test: LoadTest, module: str, item: Item) -> None:
        items = self.siblings(test, module, item)
        place = next(i for i, other in enumerate(items) if other is item)
        target = self.random.randrange(len(items))
        needs = {i for part in item.walk() for i in references(part)}
        between = items[min(place, target) : max(place, target) + 1]
        names = {
            i for other in between for part in other.walk() for i in ({part.id} if target < place else references(part))
        }
        if not names & (needs if target < place else {part.id for part in item.walk()}):
            items.insert(target, items.pop(place))

    def remove(self, test: LoadTest, module: str, item: Item) -> None:
        used = {i for _, other in test.items().values() for i in references(other)}
        if not used & {part.id for part in item.walk()}:
            items = self.siblings(test, module, item)
            items[:] = [other for other in items if other is not item]


# A fresh load


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


# The comparison

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


# A sequence of edits


@dataclass
class Look:
    """Functions and classes by the id of their item, and the names of the modules that are imported."""

    functions: dict[str, FunctionType]
    classes: dict[str, Any]
    modules: set[str]


class Sequence:
    """One load test with its edits, each applied and checked."""

    def __init__(self, random: Random) -> None:
        self.random, self.author = random, Author(random)
        self.past = [self.author.write()]
        self.state: dict[str, object] = {}
        """By the id of the item."""
        self.kept: list[tuple[str, type, object]] = []
        """Instances that users keep, with the class and its id."""

    @property
    def test(self) -> LoadTest:
        return self.past[-1]

    def run(self) -> None:
        RAN.clear()
        if not self.loads(self.test):
            return
        self.process = OneProcess(self.test.files())
        try:
            self.compare()
            for _ in range(self.random.randint(1, 4)):
                self.set_state()
                self.edit()
            self.compare()
        finally:
            self.process.close()

    def loads(self, test: LoadTest) -> bool:
        """Whether a load test loads at all; chance may have written one that makes no sense."""
        try:
            self.fresh = test, fresh(test.files())
        except Exception as error:
            COUNTS[f"{type(error).__name__}: {error}"] += 1
            return False
        return True

    def live(self) -> Loaded:
        modules = {name: sys.modules[name] for name in MODULES if name in sys.modules}
        return Loaded(modules, {name: hook._handlers[:] for name, hook in hooks().items()})

    def value(self, item_id: str) -> Any:
        """The live value of an item."""
        module, item = self.test.items()[item_id]
        if "." not in item_id:
            return vars(sys.modules[module])[item.name]
        holder = self.own_class(item_id.rpartition(".")[0])
        return vars(holder)[item.name]

    def own_class(self, item_id: str) -> Any:
        """The class itself, and not what a decorator made of it."""
        item = self.test.items()[item_id][1]
        return next(cls for cls in reversed(self.value(item_id).__mro__) if cls.__name__ == item.name)

    def set_state(self) -> None:
        """Do what listeners and tasks would have done."""
        if self.author.chance(30):
            return
        for item_id, (module, item) in self.test.items().items():
            if module not in sys.modules:
                continue
            if item.kind in ("state", "state attribute"):
                value = self.value(item_id)
                if isinstance(value, list) and item_id not in self.state:
                    value.append("state")
                else:
                    value = ["state of", item_id]
                    holder: Any = (
                        sys.modules[module] if item.kind == "state" else self.own_class(item_id.rpartition(".")[0])
                    )
                    setattr(holder, item.name, value)
                self.state[item_id] = value
            if item.kind in ("plain class", "dataclass") and "." not in item_id:
                self.kept.append((item_id, self.value(item_id), self.value(item_id)()))
            if item.kind == "enum":
                self.kept.append((item_id, self.value(item_id), self.value(item_id).FIRST))

    def edit(self) -> None:
        old, new = self.test, self.author.edit(self.test, self.past)
        if not self.loads(new):
            return
        COUNTS["edits"] += 1
        if self.author.chance(10):
            broken = copy.deepcopy(new)
            broken.broken = self.random.choice(
                ["raise ValueError", "1 +", "undefined_name", "class Broken(User): tasks = 1"]
            )
            self.past.append(broken)
            self.reject(broken)
            self.past.append(old)
            self.compare()
        before = self.look()
        done = self.begin_task() if self.author.chance(20) else None
        try:
            self.process.edit(new.files(), with_trial=self.author.chance(5))
        except Rejected as rejection:
            COUNTS["rejected"] += 1
            self.past += [new, old]
            if not is_expected(str(rejection)):
                raise
            return
        except BaseException:
            self.past.append(new)  # for the story
            raise
        finally:
            if done:
                done()
        self.check(new, before)

    def look(self) -> "Look":
        """What has to be the same after an edit."""
        RAN.clear()
        classes = {
            i: self.own_class(i)
            for i, (module, item) in self.test.items().items()
            if item.kind in CLASSES and module in sys.modules
        }
        return Look(self.functions(), classes, set(sys.modules))

    def check(self, new: LoadTest, before: "Look") -> None:
        """The edit to `new` is live: check what it ran, replaced and kept."""
        names = RAN[:]
        expected = Expected(self.test, new)
        self.past.append(new)
        self.check_runs(expected, names, before)
        self.check_identity(expected, before)
        self.check_state(expected)

    def check_state(self, expected: Expected) -> None:
        """What a run has set stays, unless its initial value was edited, or its class has another name."""
        for item_id, value in list(self.state.items()):
            same_name = item_id in expected.new and expected.new[item_id][1].name == expected.old[item_id][1].name
            if not same_name or expected.new[item_id][0] not in sys.modules:
                del self.state[item_id]
            elif expected.edited(item_id):
                assert self.value(item_id) is not value, f"{item_id} has old state in spite of its edit"
                del self.state[item_id]
            elif self.value(item_id) is not value:
                holders = [item_id[:n] for n, letter in enumerate(item_id) if letter == "."]
                renamed = any(expected.old[h][1].name != expected.new[h][1].name for h in holders)
                assert renamed, f"the state of {item_id} is lost"
                del self.state[item_id]

    def reject(self, broken: LoadTest) -> None:
        try:
            self.process.edit(broken.files(), with_trial=self.author.chance(20))
        except (Rejected, ValueError, NameError, TypeError):
            return
        raise AssertionError("an edit that fails is live")

    def begin_task(self) -> Callable[[], None]:
        """Have a greenlet be inside a task during the edit."""
        end = Event()

        def run_task() -> None:
            self.process.live.under_way.begin()
            end.wait()
            self.process.live.under_way.end()

        greenlet = gevent.spawn(run_task)
        gevent.sleep(0)

        def finish() -> None:
            end.set()
            greenlet.join()

        return finish

    def functions(self) -> dict[str, FunctionType]:
        """Functions that have to stay the same objects."""
        found = {}
        for item_id, (module, item) in self.test.items().items():
            if (
                module in sys.modules
                and item.kind in FUNCTIONS | {"generator", "method", "task"}
                and not item.decorator
            ):
                found[item_id] = self.value(item_id)
        return found

    def check_runs(self, expected: Expected, names: list[str], before: "Look") -> None:
        for name in names:
            item_id = name if name in expected.new else name.rpartition(".")[0]
            module = expected.new[item_id][0]
            known = module in before.modules
            assert not known or expected.may_run(name), f"{name} ran again"

    def check_identity(self, expected: Expected, before: "Look") -> None:
        for item_id, (module, item) in expected.new.items():
            if module not in sys.modules or item_id not in expected.old or expected.old[item_id][1].name != item.name:
                continue
            holders = [item_id[:n] for n, letter in enumerate(item_id) if letter == "."]
            if not all(map(expected.keeps_class, holders)):
                continue
            if item_id in before.classes and expected.keeps_class(item_id):
                assert self.own_class(item_id) is before.classes[item_id], f"{item.name} is another class now"
            if (
                item_id in before.functions
                and not item.decorator
                and all(expected.new[h][1].kind not in NEVER_IN_PLACE for h in holders)
            ):
                assert self.value(item_id) is before.functions[item_id], f"{item.name} is another function now"

    def compare(self) -> None:
        if self.fresh[0] is not self.test:
            self.fresh = self.test, fresh(self.test.files())
        live, new = self.live(), self.fresh[1]
        comparison = Comparison({id(value): value for value in self.state.values()})
        comparison.check("modules", sorted(live.modules), sorted(new.modules))
        for name, module in new.modules.items():
            if name not in live.modules:
                continue
            names = [{n for n in vars(m) if n not in SKIPPED} for m in (live.modules[name], module)]
            comparison.check(f"names of {name}", sorted(names[0] - names[1]), sorted(names[1] - names[0]))
            comparison.check(f"{name}.__doc__", live.modules[name].__doc__, module.__doc__)
            rebound = {self.test.items()[i][1].name for i in self.state if self.test.items()[i][0] != name}
            for n in sorted(names[0] & names[1] - rebound):
                comparison.same(f"{name}.{n}", vars(live.modules[name])[n], vars(module)[n])
        for home, item in self.test.items().values():
            if item.kind == "function" and home in new.modules:
                results = [vars(side.modules[home])[item.name](*[1] * item.arity) for side in (live, new)]
                comparison.check(f"result of {item.name}", *results)
        for hook in live.listeners:
            one, other = (sorted(side.listeners[hook], key=described) for side in (live, new))
            comparison.check(f"listeners of {hook}", list(map(described, one)), list(map(described, other)))
            for a, b in zip(one, other, strict=False):
                comparison.same(f"listener {described(a)}", a, b)
        assert not comparison.differences, "\n".join(comparison.differences[:8])


def story(past: list[LoadTest]) -> str:
    """The files, and how each edit changed them."""
    files = {path: content.replace(PREAMBLE, "") for path, content in past[0].files().items()}
    parts = [f"== {path}\n{content}" for path, content in files.items() if content.strip()]
    for number, (old, new) in enumerate(pairwise(past), 1):
        parts.append(f"== edit {number}")
        for path, content in new.files().items():
            parts += difflib.unified_diff(
                old.files()[path].splitlines(), content.splitlines(), path, path, lineterm="", n=1
            )
    return "\n".join(parts)


def described(handler: Any) -> str:
    if isinstance(handler, partial):
        return f"partial {described(handler.func)} {handler.args}"
    function = forwarded(handler) if isinstance(handler, FunctionType) else handler
    code = getattr(function, "__code__", None)
    return f"{getattr(handler, '__qualname__', handler)} line {code and code.co_firstlineno}"


REASONS = ("has no tasks", "have the same name", "has a weight", "other variables of the function around it")
"""For what an edit may be rejected that Python would load."""


def is_expected(reason: str) -> bool:
    return any(expected in reason for expected in REASONS)


SHRINKING = 15
"""Seconds for which a failing example is made smaller."""

failures: list[tuple[float, str]] = []


def example(random: Random) -> None:
    sequence = Sequence(random)
    try:
        sequence.run()
    except Exception as error:
        text = f"{story(sequence.past)}\n{''.join(traceback.format_exception(error)[-4:])}"
        if not failures or len(text) < len(failures[-1][1]):
            failures.append((time.monotonic(), text))
        if time.monotonic() > failures[0][0] + SHRINKING:
            print(failures[-1][1], flush=True)
            os._exit(1)
        raise
    finally:
        del sequence
        gc.collect()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--seed", type=int, help="without it, the same examples each time")
    parser.add_argument("--no-shrink", action="store_true")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    if Path("/dev/shm").is_dir():
        tempfile.tempdir = "/dev/shm"  # most of the time goes into small files
    vars(builtins)["_ran"] = ran
    set_hypothesis_home_dir(tempfile.gettempdir())
    randoms = st.randoms(use_true_random=False)
    randoms.validate()  # what Hypothesis imports late, before there is a folder of live sync's
    install()
    OneProcess(LoadTest().files()).close()  # the patches need one
    gc.collect()
    gc.freeze()
    phases = [Phase.generate] if options.no_shrink else [Phase.generate, Phase.shrink]
    configured = settings(
        max_examples=options.examples, deadline=None, database=None, derandomize=options.seed is None, phases=phases,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    test = configured(given(randoms)(example))
    if options.seed is not None:
        test = seed(options.seed)(test)
    try:
        test()
    except Exception:
        print(failures[-1][1] if failures else traceback.format_exc())
        sys.exit(1)
    print(f"{options.examples} sequences agree with a fresh load")
    print(COUNTS.most_common(20))


if __name__ == "__main__":
    main()

"""Renders a generated load test as files of Python."""

from tests.oracle.generated import CLASSES, FUNCTIONS, MODULES, Item, LoadTest

PREAMBLE = """\
import enum
from dataclasses import dataclass
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import NamedTuple
from locust import SequentialTaskSet, TaskSet, User, constant, events, task
"""


def files_of(test: LoadTest) -> dict[str, str]:
    """The content of each file of the load test, by path."""
    renderer = Renderer(test)
    files = {f"{name.replace('.', '/')}.py": renderer.module(name) for name in MODULES}
    return {**files, "data.txt": f"{test.data}\n"}


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

"""Source: a module as a list of statements, and which of them and of their functions an edit changed."""

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from importlib.util import decode_source
from types import CodeType
from typing import Generic, NamedTuple, TypeVar

from .code_objects import CodePath, functions_in, nested_codes, own_code, with_known_codes
from .syntax import (
    bound_names_of,
    chain_of,
    extended_names_of,
    first_line,
    is_string,
    loaded_nodes,
    read_names_of,
    targets_of,
    text_of,
    without_docstrings,
)

S = TypeVar("S", bound="Statement")


@dataclass(eq=False)
class Definition:
    """A function of the user's files. It stays the same object while edits change its code."""

    code: CodeType
    changed_at: int = 0
    """Number of the commit that last changed what it does."""
    opened: set[str] = field(default_factory=set)
    """Paths of files that it has read, itself or by what it called."""


@dataclass(eq=False)
class Registration:
    """A listener, message or route that user code has added to Locust."""

    handler: object
    remove: Callable[[], object]
    while_loading: bool
    """Whether the statement did it itself, and not a function that ran later, such as an `init` listener."""
    hook: object = None
    """The event that a listener listens to."""


@dataclass(eq=False)
class Statement:
    """A statement of a module or of a class body."""

    node: ast.stmt

    @cached_property
    def outline(self) -> str:
        """All of it but function bodies, docstrings and positions: what runs while the module is loaded."""
        return text_of(self.node, bodies=False)

    @cached_property
    def text(self) -> str:
        """The outline with the function bodies."""
        return text_of(self.node, bodies=True)

    @cached_property
    def unannotated(self) -> "Statement":
        """The assignment to a variable without its annotation; any other statement is this one."""
        match self.node:
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                return Statement(ast.Assign([target], value))
        return self

    def keeps_value(self, before: "Statement | None", needs: Callable[["Statement"], bool]) -> bool:
        """Whether it differs from the one before in an annotation alone; `needs` finds what depends on the edit."""
        if before is None:
            return False
        value, value_before = self.unannotated, before.unannotated
        is_annotated = value is not self or value_before is not before
        return is_annotated and value.outline == value_before.outline and not needs(value)

    def annotation(self) -> ast.AnnAssign | None:
        """The annotation of a variable, without its value."""
        match self.node:
            case ast.AnnAssign(target=target, annotation=annotation, simple=simple):
                return ast.copy_location(ast.AnnAssign(target, annotation, simple=simple), self.node)
        return None

    def take_analysis(self, other: "Statement") -> None:
        """Copy the cached analysis of a statement with the same outline."""
        vars(self).update(
            {
                name: value
                for name, value in vars(other).items()
                if name in ("binds", "reads", "targets", "chains", "members", "calls", "extends")
            }
        )

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that it binds in its module or class."""
        return frozenset(name for inner in loaded_nodes(self.node, scopes=False) for name in bound_names_of(inner))

    @cached_property
    def reads(self) -> frozenset[str]:
        """Names that it reads while the module is loaded."""
        return (
            frozenset(name for node in loaded_nodes(self.node, scopes=True) for name in read_names_of(node))
            - self.targets
        )

    @cached_property
    def targets(self) -> frozenset[str]:
        """Names that it binds for itself before it reads them, such as those of a loop."""
        targets = [target for node in loaded_nodes(self.node, scopes=True) for target in targets_of(node)]
        return frozenset(name for target in targets for inner in ast.walk(target) for name in bound_names_of(inner))

    @cached_property
    def chains(self) -> frozenset[tuple[str, ...]]:
        """What it reads while loading as `a`, `a.b` or `a.b.c`, as tuples of names."""
        return frozenset(
            chain
            for node in loaded_nodes(self.node, scopes=True)
            if (chain := chain_of(node)) and chain[0] in self.reads
        )

    @cached_property
    def members(self) -> frozenset[str]:
        """Attributes that it reads while loading of what no name of its module stands for: `b` of `a[0].b` or `a().b`."""
        attributes = [node for node in loaded_nodes(self.node, scopes=True) if isinstance(node, ast.Attribute)]
        return frozenset(node.attr for node in attributes if not self.reads.intersection(chain_of(node)[:1]))

    @cached_property
    def calls(self) -> frozenset[str]:
        """The last names of what it calls while loading, such as `c` of `a.b(…).c()`."""
        calls = [node.func for node in loaded_nodes(self.node, scopes=True) if isinstance(node, ast.Call)]
        return frozenset(name for function in calls if (name := getattr(function, "attr", getattr(function, "id", ""))))

    @cached_property
    def sets(self) -> frozenset[tuple[str, ...]]:
        """Attributes that it sets or deletes while loading, as tuples of names."""
        return frozenset(
            chain
            for node in loaded_nodes(self.node, scopes=False)
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and (chain := chain_of(node))
        )

    @cached_property
    def imports(self) -> list[ast.Import | ast.ImportFrom]:
        """The import statements in it, those in function bodies included."""
        return [node for node in ast.walk(self.node) if isinstance(node, ast.Import | ast.ImportFrom)]

    @cached_property
    def extends(self) -> frozenset[str]:
        """Names whose value it changes and does not just set: `X += 1`, `X["a"] = 1`, `X.append(1)`, `X = f(X)`, `@X.register`."""
        names = {name for inner in loaded_nodes(self.node, scopes=False) for name in extended_names_of(inner)}
        return frozenset(names | (self.binds & self.reads))


@dataclass(eq=False)
class Effects:
    """What a module-level statement did when it ran."""

    called: set[Definition] = field(default_factory=set)
    """Functions of the user's files that it called."""
    called_for: dict[str, set[Definition]] = field(default_factory=dict)
    """Those that the statements of its class bodies called, by the name that they bind."""
    opened: set[str] = field(default_factory=set)
    """Paths of files that it read."""
    opened_for: dict[str, set[str]] = field(default_factory=dict)
    """Those that the statements of its class bodies read, by the name that they bind or extend; the others by ""."""
    imported: set[str] = field(default_factory=set)
    """Paths of the user's modules that it imports."""
    taken: set[tuple[str, str]] = field(default_factory=set)
    """Names that `from x import name` took from the user's modules, with the path of x."""
    starred: dict[str, str] = field(default_factory=dict)
    """Names that `from x import *` bound, with the path of x if that is one of the user's modules."""
    registered: list[Registration] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)
    """Names of the lists, dictionaries and sets that it made longer or shorter, such as by a decorator that registers."""
    not_bound: frozenset[str] = frozenset()
    """Names that it binds under a condition which was false when it ran again."""


@dataclass(eq=False)
class TopLevel(Statement):
    """A statement at the top level of a module, which is compiled and run by itself."""

    code: CodeType
    definitions: dict[CodePath, Definition] = field(default_factory=dict)
    effects: Effects = field(default_factory=Effects)

    @cached_property
    def inner_by_line(self) -> dict[int, Statement]:
        """The statements of class bodies in it, by each of their lines."""
        return {
            line: statement
            for node in ast.walk(self.node)
            if isinstance(node, ast.ClassDef)
            for statement in map(Statement, node.body)
            for line in range(first_line(statement.node), (statement.node.end_lineno or 0) + 1)
        }

    @cached_property
    def actions(self) -> dict[CodePath, object]:
        """What its functions do; equal values do the same."""
        with without_docstrings(self.node):
            return {path: own_code(code) for path, code in functions_in(compile_node(self.node, self.code.co_filename))}


@dataclass
class Source:
    """A parsed module."""

    filename: str
    statements: list[TopLevel]
    docstring: str | None


def parse(content: bytes, filename: str) -> Source:
    """Parse a module. Raises SyntaxError or ValueError as Python does."""
    tree = ast.parse(decode_source(content), filename)
    if any(
        isinstance(n, ast.ImportFrom) and n.module == "__future__" and any(a.name == "annotations" for a in n.names)
        for n in tree.body
    ):
        _make_annotations_text(tree)
    statements = [TopLevel(node, compile_node(node, filename)) for node in tree.body if not is_string(node)]
    return Source(filename, statements, ast.get_docstring(tree, clean=False))


def _make_annotations_text(tree: ast.Module) -> None:
    """Do what `from __future__ import annotations` does, so that each statement can be compiled without that one."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if annotation := getattr(node, name, None):
                setattr(node, name, ast.copy_location(ast.Constant(ast.unparse(annotation)), annotation))


def compile_node(node: ast.stmt, filename: str) -> CodeType:
    """The code of one statement; line numbers are those of the file."""
    return compile(ast.Module([node], []), filename, "exec", dont_inherit=True)


def bodies(statements: Iterable[ast.stmt]) -> list[Statement]:
    """The statements of a class body, without strings that stand alone."""
    return [Statement(node) for node in statements if not is_string(node)]


@dataclass
class Difference(Generic[S]):
    """How the statements of a module, or of a class body, differ from those before."""

    pairs: list[tuple[S | None, S]]
    """Each new statement, in order, with the one that it replaces."""
    removed: list[S]


def compare(old: list[S], new: list[S]) -> Difference[S]:
    """Pair equal outlines in order, then statements that moved, then those that bind the same names."""
    partner: dict[S, S] = {}
    matcher = SequenceMatcher(None, [s.outline for s in old], [s.outline for s in new], autojunk=False)
    for i, j, size in matcher.get_matching_blocks():
        partner.update(zip(new[j : j + size], old[i : i + size], strict=True))
    _pair_by(lambda statement: statement.outline, partner, old, new)
    _pair_by(lambda statement: statement.binds or statement, partner, old, new)
    _pair_by(lambda s: (s.node.module, s.node.level) if isinstance(s.node, ast.ImportFrom) else s, partner, old, new)
    for now, before in partner.items():
        if now.outline == before.outline:
            now.take_analysis(before)
    taken = set(partner.values())
    return Difference([(partner.get(s), s) for s in new], [s for s in old if s not in taken])


def _pair_by(key: Callable[[S], Hashable], partner: dict[S, S], old: list[S], new: list[S]) -> None:
    taken = set(partner.values())
    left = {key(statement): statement for statement in reversed(old) if statement not in taken}
    for statement in new:
        if statement not in partner and (match := left.pop(key(statement), None)):
            partner[statement] = match


def adopt_definitions(old: TopLevel | None, new: TopLevel) -> dict[Definition, CodeType]:
    """Give `new` the definitions of `old`; return those whose code differs, if only in its line numbers."""
    known: dict[CodePath, Definition] = {}
    if old:
        new.code = with_known_codes(new.code, old.code)
        places = _partners(_Nested(old, old.code), _Nested(new, new.code))
        known = {path: old.definitions[before] for path, before in places if before in old.definitions}
    codes = dict(functions_in(new.code))
    new.definitions = {path: known.get(path) or Definition(code) for path, code in codes.items()}
    return {d: codes[path] for path, d in new.definitions.items() if d.code is not codes[path]}


class _Nested(NamedTuple):
    """Code that is nested in a statement, and where."""

    statement: TopLevel
    code: CodeType
    path: CodePath = ()

    def children(self) -> Iterator["_Nested"]:
        for place, code in nested_codes(self.code):
            yield _Nested(self.statement, code, (*self.path, place))

    def bound_names(self) -> frozenset[str]:
        """What the statement of a class body binds that it is in: lambdas have no name of their own."""
        inner = self.statement.inner_by_line.get(self.code.co_firstlineno)
        return inner.binds if inner else frozenset()


LIKENESS: list[Callable[[_Nested], object]] = [
    lambda nested: (nested.bound_names(), own_code(nested.code)),
    _Nested.bound_names,
    lambda nested: own_code(nested.code),
    lambda _: None,
]
"""Criteria by which functions of the same name are matched, the strictest first."""


def _partners(old: _Nested, new: _Nested) -> Iterator[tuple[CodePath, CodePath]]:
    """Pairs of paths: of a function in `new`, and of its match in `old`."""
    left: dict[str, list[_Nested]] = {}
    for child in old.children():
        left.setdefault(child.code.co_name, []).append(child)
    counts = {name: len(children) for name, children in left.items()}
    waiting = list(new.children())
    for likeness in LIKENESS:
        for child in waiting[:]:
            name = child.code.co_name
            if counts.get(name) == 1 and likeness is not LIKENESS[-1]:
                continue  # there is only one candidate
            wanted = likeness(child)
            found = next((before for before in left.get(name, ()) if likeness(before) == wanted), None)
            if found:
                waiting.remove(child)
                left[name].remove(found)
                yield child.path, found.path
                yield from _partners(found, child)


def changed_definitions(old: TopLevel, new: TopLevel) -> set[Definition]:
    """The definitions of `old` that do something else in `new`, or are gone; docstrings and positions do not count."""
    if old.text == new.text:
        return set()
    actions = {definition: new.actions.get(path) for path, definition in new.definitions.items()}
    return {d for path, d in old.definitions.items() if old.actions.get(path) != actions.get(d)}

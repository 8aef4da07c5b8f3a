"""Source: a module as a list of statements, and which of them and of their functions an edit changed."""

import ast
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from importlib.util import decode_source
from inspect import CO_OPTIMIZED
from types import CodeType
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound="Statement")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, int]
CodePath = tuple[Place, ...]
"""Where a code object is nested in a statement: its name, and its number among those of that name, level by level."""


@dataclass(eq=False)
class Definition:
    """A function of the user's files. It stays the same object while edits change its code."""

    code: CodeType
    changed_at: int = 0
    """Number of the commit that last changed what it does."""


@dataclass(eq=False)
class Registration:
    """A listener, message or route that user code has added to Locust."""

    what: str
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
        return _text(self.node, bodies=False)

    @cached_property
    def text(self) -> str:
        """The outline with the function bodies."""
        return _text(self.node, bodies=True)

    def take_analysis(self, other: "Statement") -> None:
        """Take over what was found out about a statement of the same outline."""
        vars(self).update(
            {
                name: value
                for name, value in vars(other).items()
                if name in ("binds", "reads", "targets", "chains", "extends")
            }
        )

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that it binds in its module or class."""
        return frozenset(name for inner in _loaded(self.node, scopes=False) for name in _bound_names(inner))

    @cached_property
    def reads(self) -> frozenset[str]:
        """Names that it reads while the module is loaded."""
        return frozenset(name for node in _loaded(self.node, scopes=True) for name in _read_names(node)) - self.targets

    @cached_property
    def targets(self) -> frozenset[str]:
        """Names that it binds for itself before it reads them, such as those of a loop."""
        targets = [target for node in _loaded(self.node, scopes=True) for target in _targets(node)]
        return frozenset(name for target in targets for inner in ast.walk(target) for name in _bound_names(inner))

    @cached_property
    def chains(self) -> frozenset[tuple[str, ...]]:
        """What it reads meanwhile as `a`, `a.b` or `a.b.c`, as tuples of names."""
        return frozenset(
            chain for node in _loaded(self.node, scopes=True) if (chain := _chain(node)) and chain[0] in self.reads
        )

    @cached_property
    def imports(self) -> list[ast.Import | ast.ImportFrom]:
        """The import statements in it, those in function bodies included."""
        return [node for node in ast.walk(self.node) if isinstance(node, ast.Import | ast.ImportFrom)]

    @cached_property
    def extends(self) -> frozenset[str]:
        """Names whose value it changes and does not just set: `X += 1`, `X["a"] = 1`, `X.append(1)`, `X = f(X)`, `@X.register`."""
        names = {name for inner in _loaded(self.node, scopes=False) for name in _extended_names(inner)}
        return frozenset(names | (self.binds & self.reads))


@dataclass(eq=False)
class Effects:
    """What a module-level statement did when it ran."""

    called: set[Definition] = field(default_factory=set)
    """Functions of the user's that ran meanwhile."""
    opened: set[str] = field(default_factory=set)
    """Paths of files that were read meanwhile."""
    imported: set[str] = field(default_factory=set)
    """Paths of the user's modules that it imports."""
    taken: set[tuple[str, str]] = field(default_factory=set)
    """Names that `from x import name` took from the user's modules, with the path of x."""
    starred: dict[str, str] = field(default_factory=dict)
    """Names that `from x import *` bound, with the path of x if it is a module of the user's."""
    registered: list[Registration] = field(default_factory=list)


@dataclass(eq=False)
class TopLevel(Statement):
    """A statement at the top level of a module, which is compiled and run by itself."""

    code: CodeType
    definitions: dict[CodePath, Definition] = field(default_factory=dict)
    effects: Effects = field(default_factory=Effects)

    @cached_property
    def names_by_line(self) -> dict[int, frozenset[str]]:
        """What the statements of class bodies in it bind, by each of their lines."""
        return {
            line: names
            for node in ast.walk(self.node)
            if isinstance(node, ast.ClassDef)
            for inner in node.body
            for names in [Statement(inner).binds]
            for line in range(_first_line(inner), (inner.end_lineno or 0) + 1)
        }

    @cached_property
    def actions(self) -> dict[CodePath, object]:
        """What its functions do; equal values do the same."""
        with _without_docstrings(self.node):
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
    statements = [TopLevel(node, compile_node(node, filename)) for node in tree.body if not _is_string(node)]
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
    return [Statement(node) for node in statements if not _is_string(node)]


@dataclass
class Difference(Generic[S]):
    """How the statements of a module, or of a class body, differ from those before."""

    pairs: list[tuple[S | None, S]]
    """Each new statement, in order, with the one that it takes the place of."""
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
        for place, code in _nested(self.code):
            yield _Nested(self.statement, code, (*self.path, place))

    def bound_names(self) -> frozenset[str]:
        """What the statement of a class body binds that it is in: lambdas have no name of their own."""
        return self.statement.names_by_line.get(self.code.co_firstlineno, frozenset())


LIKENESS: list[Callable[[_Nested], object]] = [
    lambda nested: (nested.bound_names(), own_code(nested.code)),
    _Nested.bound_names,
    lambda nested: own_code(nested.code),
    lambda _: None,
]
"""What two functions of the same name have in common that are taken for one, the best first."""


def _partners(old: _Nested, new: _Nested) -> Iterator[tuple[CodePath, CodePath]]:
    """Each place in `new` with that in `old` which it takes over."""
    left: dict[str, list[_Nested]] = {}
    for child in old.children():
        left.setdefault(child.code.co_name, []).append(child)
    counts = {name: len(children) for name, children in left.items()}
    waiting = list(new.children())
    for likeness in LIKENESS:
        for child in waiting[:]:
            name = child.code.co_name
            if counts.get(name) == 1 and likeness is not LIKENESS[-1]:
                continue  # there is no choice
            wanted = likeness(child)
            found = next((before for before in left.get(name, ()) if likeness(before) == wanted), None)
            if found:
                waiting.remove(child)
                left[name].remove(found)
                yield child.path, found.path
                yield from _partners(found, child)


def with_known_codes(code: CodeType, known: CodeType) -> CodeType:
    """The code with the very code objects of `known` that equal its own, since functions are found by theirs."""
    return _reusing(code, {(inner, inner.co_qualname): inner for inner in _all_codes(known)})


def _reusing(code: CodeType, known: dict[tuple[CodeType, str], CodeType]) -> CodeType:
    if same := known.get((code, code.co_qualname)):  # which says that it stands on the same lines, too
        return same
    constants = (_reusing(value, known) if isinstance(value, CodeType) else value for value in code.co_consts)
    return code.replace(co_consts=tuple(constants))


def _all_codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for _, inner in _nested(code):
        yield from _all_codes(inner)


def changed_definitions(old: TopLevel, new: TopLevel) -> set[Definition]:
    """The definitions of `old` that do something else in `new`, or are gone; docstrings and positions do not count."""
    if old.text == new.text:
        return set()
    actions = {definition: new.actions.get(path) for path, definition in new.definitions.items()}
    return {d for path, d in old.definitions.items() if old.actions.get(path) != actions.get(d)}


def header(node: ast.ClassDef) -> str:
    """What a class statement says before its body."""
    return _text([node.decorator_list, node.bases, node.keywords], bodies=False)


def own_code(code: CodeType) -> object:
    """Something that is equal for code that does the same, apart from the functions nested in it."""
    constants = [
        (code_constant.co_name if is_function(code_constant) else own_code(code_constant))
        if isinstance(code_constant, CodeType)
        else _constant(code_constant)
        for code_constant in code.co_consts
    ]
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return code.co_code, code.co_exceptiontable, arguments, names, constants


def is_function(code: CodeType) -> bool:
    """False for the body of a class or module."""
    return bool(code.co_flags & CO_OPTIMIZED)


def functions_in(code: CodeType, path: CodePath = ()) -> Iterator[tuple[CodePath, CodeType]]:
    """The functions whose code is nested in this one."""
    for place, inner in _nested(code):
        if is_function(inner):
            yield (*path, place), inner
        yield from functions_in(inner, (*path, place))


def _nested(code: CodeType) -> Iterator[tuple[Place, CodeType]]:
    count: Counter[str] = Counter()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield (constant.co_name, count[constant.co_name]), constant
            count[constant.co_name] += 1


def _constant(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else (type(value), repr(value))


@contextmanager
def _without_docstrings(node: ast.stmt) -> Iterator[None]:
    """Take docstrings out of a statement for a while."""
    inner = [n for n in ast.walk(node) if isinstance(n, FunctionNode | ast.ClassDef) and _is_string(n.body[0])]
    docstrings = [n.body[0] for n in inner]
    for n, docstring in zip(inner, docstrings, strict=True):
        n.body[0] = ast.copy_location(ast.Pass(), docstring)
    try:
        yield
    finally:
        for n, docstring in zip(inner, docstrings, strict=True):
            n.body[0] = docstring


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _text(node: object, bodies: bool) -> str:
    """The tree below `node` as text, without positions and docstrings, and without function bodies if not asked for."""
    if isinstance(node, list):
        return (
            "["
            + ",".join(_text(item, bodies) for item in node if not (isinstance(item, ast.AST) and _is_string(item)))
            + "]"
        )
    if not isinstance(node, ast.AST):
        return f"{type(node).__name__}:{node!r}"
    left_out = {"kind", "type_comment"}
    if isinstance(node, FunctionNode | ast.Lambda) and not bodies:
        left_out.add("body")
    # The names of arguments are part of the code, but for those that keyword defaults and annotations go by.
    if isinstance(node, ast.arg) and not bodies and node.annotation is None:
        left_out.add("arg")
    fields = [_text(value, bodies) for name, value in ast.iter_fields(node) if name not in left_out]
    if isinstance(node, ast.arguments) and not bodies:
        fields.append(repr([argument.arg for argument in node.kwonlyargs]))
    return f"{type(node).__name__}({','.join(fields)})"


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, FunctionNode | ast.ClassDef) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _bound_names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases if alias.name != "*"]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
    return []


def _targets(node: ast.AST) -> list[ast.AST]:
    """What a loop, a comprehension or a with statement binds before it reads it."""
    match node:
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            return [target]
        case ast.withitem(optional_vars=ast.expr() as target):
            return [target]
    return []


def _extended_names(node: ast.AST) -> list[str]:
    match node:
        case (
            ast.AugAssign(target=ast.Name(id=name))
            | ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name))))
        ):
            return [name]
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            called = [d.func if isinstance(d, ast.Call) else d for d in decorators]
            return [d.value.id for d in called if isinstance(d, ast.Attribute) and isinstance(d.value, ast.Name)]
    return []


def _read_names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Load() | ast.Del()) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _chain(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name) if outer := _chain(value):
            return (*outer, name)
    return ()


def _loaded(node: ast.AST, scopes: bool) -> Iterator[ast.AST]:
    """The nodes that run while the module is loaded; inner scopes (class bodies, comprehensions) only where asked for."""
    yield node
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            children = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        case ast.Lambda():
            children = [node.args]
        case ast.ClassDef() if not scopes:
            children = [*node.decorator_list, *node.bases, *node.keywords]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() if not scopes:
            children = [inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)]
    for child in children:
        yield from _loaded(child, scopes)

"""Syntax: what a statement of Python binds, reads and extends, found in its syntax tree."""

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Conditional = ast.If | ast.For | ast.While | ast.Try | ast.Match
"""Statements that may not bind the names in them."""


def header(node: ast.ClassDef) -> str:
    """The bases, keywords, decorators and type parameters of a class statement, as text."""
    return text_of([node.decorator_list, node.bases, node.keywords, getattr(node, "type_params", [])], bodies=False)


def without_body(node: ast.stmt) -> ast.ClassDef:
    """The head of a class statement."""
    return ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": []})


def text_of(node: object, bodies: bool) -> str:
    """The tree below `node` as text, without positions and docstrings, and without function bodies unless `bodies` is set."""
    if isinstance(node, list):
        return (
            "["
            + ",".join(text_of(item, bodies) for item in node if not (isinstance(item, ast.AST) and is_string(item)))
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
    fields = [text_of(value, bodies) for name, value in ast.iter_fields(node) if name not in left_out]
    if isinstance(node, ast.arguments) and not bodies:
        fields.append(repr([argument.arg for argument in node.kwonlyargs]))
    return f"{type(node).__name__}({','.join(fields)})"


def is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@contextmanager
def without_docstrings(node: ast.stmt) -> Iterator[None]:
    """Remove the docstrings of a statement while the block runs."""
    inner = [n for n in ast.walk(node) if isinstance(n, FunctionNode | ast.ClassDef) and is_string(n.body[0])]
    docstrings = [n.body[0] for n in inner]
    for n, docstring in zip(inner, docstrings, strict=True):
        n.body[0] = ast.copy_location(ast.Pass(), docstring)
    try:
        yield
    finally:
        for n, docstring in zip(inner, docstrings, strict=True):
            n.body[0] = docstring


def first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, FunctionNode | ast.ClassDef) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def bound_names_of(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases if alias.name != "*"]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
    return []


def read_names_of(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Load() | ast.Del()) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
    return []


def targets_of(node: ast.AST) -> list[ast.AST]:
    """What a loop, a comprehension or a with statement binds before it reads it."""
    match node:
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            return [target]
        case ast.withitem(optional_vars=ast.expr() as target):
            return [target]
    return []


def extended_names_of(node: ast.AST) -> list[str]:
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


def chain_of(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name) if outer := chain_of(value):
            return (*outer, name)
    return ()


def loaded_nodes(node: ast.AST, scopes: bool) -> Iterator[ast.AST]:
    """The nodes that run while the module is loaded; inner scopes (class bodies, comprehensions) only if `scopes` is set."""
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
        yield from loaded_nodes(child, scopes)

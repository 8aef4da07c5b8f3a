"""Definition order: rejects a statement that reads a name which its module binds only further below.

In a running process the name has a value already, so the edit would go live. But a process that starts with this code,
such as a worker that joins, could not load it.
"""

import ast
import builtins
import sys
from collections.abc import Iterator

from .errors import Rejected
from .source import Difference, TopLevel
from .syntax import FunctionNode, first_line, loaded_nodes

Unconditional = FunctionNode | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr
"""Statements that read all their names whenever they run."""

BINDS_ANYTHING = {"exec", "globals", "locals", "setattr", "vars"}
"""Functions that may bind names which no statement shows."""

READS_ANNOTATIONS = sys.version_info < (3, 14)
"""Whether Python reads the names in annotations while it loads a module; later versions do when they are asked for."""


def reject_reads_before_binding(path: str, old: list[TopLevel], difference: Difference[TopLevel]) -> None:
    """Raise Rejected if a process that starts with the new statements would end with a NameError that the old ones avoid."""
    known = set(_reads_before_binding(old))
    partners = {new: before for before, new in difference.pairs}
    for statement, name, binding in _reads_before_binding(list(partners)):
        if not any(before is partners[statement] and other == name for before, other, _ in known):
            line = first_line(statement.node)
            raise Rejected(
                f"{path}:{line}: NameError: name '{name}' is not defined above this line, only in line "
                f"{first_line(binding.node)}: move its definition above line {line}"
            )


def _reads_before_binding(statements: list[TopLevel]) -> Iterator[tuple[TopLevel, str, TopLevel]]:
    """Statements that read a name before any has bound it, the name, and the statement that binds it first."""
    bindings: dict[str, TopLevel] = {}
    for statement in reversed(statements):
        bindings |= dict.fromkeys(statement.binds, statement)
    bound = {
        name for s in statements for node in ast.walk(s.node) if isinstance(node, ast.Global) for name in node.names
    }
    for statement in statements:
        if _binds_unseen_names(statement):
            return
        bound |= statement.binds | _submodules(statement)
        if isinstance(statement.node, Unconditional):
            for name in sorted(_reads_of_module(statement) & bindings.keys() - bound - vars(builtins).keys()):
                yield statement, name, bindings[name]


def _binds_unseen_names(statement: TopLevel) -> bool:
    """Whether it binds names that it does not show, such as by `from x import *`."""
    has_star = any(alias.name == "*" for node in statement.imports for alias in node.names)
    return has_star or bool(statement.reads & BINDS_ANYTHING)


def _submodules(statement: TopLevel) -> set[str]:
    """Names that a package gets by importing from its own submodules, as by `from .pages import browse`."""
    relative = [node for node in statement.imports if isinstance(node, ast.ImportFrom) and node.level]
    return {node.module.partition(".")[0] for node in relative if node.module}


def _reads_of_module(statement: TopLevel) -> frozenset[str]:
    """Names that it reads from its module while loading."""
    in_classes = frozenset[str]().union(*(inner.binds for inner in statement.inner_by_line.values()))
    return statement.reads - in_classes - (frozenset() if READS_ANNOTATIONS else _annotated(statement))


def _annotated(statement: TopLevel) -> frozenset[str]:
    nodes = loaded_nodes(statement.node, scopes=True)
    annotations = [getattr(node, field, None) for node in nodes for field in ("annotation", "returns")]
    return frozenset(n.id for node in annotations if node for n in ast.walk(node) if isinstance(n, ast.Name))

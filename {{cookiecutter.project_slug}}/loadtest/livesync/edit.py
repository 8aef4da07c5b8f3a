"""Edit: finds what a save changes in the loaded modules, without running or changing anything."""

import ast
from dataclasses import dataclass, field
from functools import partial
from types import CodeType

from .classes import changes_fields, class_edit, find_live, is_inspected
from .definition_order import reject_reads_before_binding
from .errors import Rejected
from .files import Tree, changed_listings, changed_paths, revision_of
from .functions import functions_of, lacks_variables
from .modules import Module, Modules
from .source import Definition, Difference, Source, TopLevel, adopt_definitions, changed_definitions, compare, parse
from .syntax import FunctionNode, text_of

MODULE_LIMIT = 1_000_000
"""Bytes of a module; compiling a larger one holds up every user of a worker for seconds."""


@dataclass
class Edit:
    """The difference between the live tree and one that was saved."""

    tree: Tree
    revision: str
    paths: set[str]
    """Files that were added, removed or changed."""
    data: set[str] = field(default_factory=set)
    """Those of these files that are no modules which are edited in place, and the listings of folders that changed."""
    sources: dict[Module, Source] = field(default_factory=dict)
    differences: dict[Module, Difference[TopLevel]] = field(default_factory=dict)
    deleted: list[Module] = field(default_factory=list)
    codes: dict[Definition, CodeType] = field(default_factory=dict)
    """New code objects; most differ in their line numbers alone."""
    changed: set[Definition] = field(default_factory=set)
    """Definitions whose behaviour changed, or that were removed."""
    around: set[Definition] = field(default_factory=set)
    """Definitions in which a changed one is nested."""

    def runs_statements(self, modules: Modules) -> bool:
        """Whether anything has to run at the top level of a module."""
        return (
            bool(self.deleted)
            or any(self.runs(old, new) for module in modules.loaded for old, new in self.pairs(module))
            or any(difference.removed for difference in self.differences.values())
        )

    def has_all(self, modules: Modules) -> bool:
        """Whether all modules that are loaded now and whose files changed are edited."""
        known = {*self.sources, *self.deleted}
        return all(module in known for module in modules.loaded if module.path in self.paths)

    def replaces_classes(self) -> bool:
        """Whether a class is replaced, or what is called by other arguments from now on and cannot choose by its caller."""
        return any(
            old and old.outline != new.outline and (_replaces_class(module, old, new) or _changes_arguments(old, new))
            for module, difference in self.differences.items()
            for old, new in difference.pairs
        )

    def pairs(self, module: Module) -> list[tuple[TopLevel | None, TopLevel]]:
        """The statements that the module will have, each with the present one."""
        if difference := self.differences.get(module):
            return difference.pairs
        return [(statement, statement) for statement in module.source.statements]

    def runs(self, old: TopLevel | None, new: TopLevel) -> bool:
        """Whether the statement has to run (again) by itself, whatever other statements do."""
        return (
            old is None
            or old.outline != new.outline
            or not old.effects.called.isdisjoint(self.changed)
            or not old.effects.opened.isdisjoint(self.data)
            or any(module.path in old.effects.imported for module in self.deleted)
        )


def _replaces_class(module: Module, old: TopLevel, new: TopLevel) -> bool:
    """Whether a class statement makes a new class, or a dataclass gets another constructor."""
    if not (isinstance(old.node, ast.ClassDef) and isinstance(new.node, ast.ClassDef)):
        return False
    live = find_live(module.namespace, module.module.__name__, old.node.name)
    inspected = partial(is_inspected, namespace=module.namespace, called=old.effects.called)
    part = class_edit(old.node, new.node, live, lambda _: False, inspected) if live else None
    return part is None or changes_fields(part)


def _changes_arguments(old: TopLevel, new: TopLevel) -> bool:
    """Whether a decorated function, which is replaced by a new one, has other arguments."""
    before, after = _decorated(old.node), _decorated(new.node)
    return any(before[name] != after[name] for name in before.keys() & after.keys())


def _decorated(statement: ast.stmt) -> dict[str, str]:
    """The arguments of the decorated functions in a statement, without those that are updated in place."""
    functions = [node for node in ast.walk(statement) if isinstance(node, FunctionNode)]
    return {
        node.name: text_of(node.args, bodies=False)
        for node in functions
        if any(getattr(decorator, "id", "") not in {"staticmethod", "classmethod"} for decorator in node.decorator_list)
    }


def find_edit(modules: Modules, live: Tree, tree: Tree) -> Edit:
    """Compare `tree` with the `live` one. Raises Rejected for a module that does not compile."""
    modules.note_packages()
    edit = Edit(tree, revision_of(tree), changed_paths(live, tree))
    edit.data = edit.paths - {module.path for module in modules.loaded if module.path in tree}
    edit.data |= changed_listings(live, tree)
    for module in modules.loaded:
        if _is_module_of(live, module.path) and not _is_module_of(tree, module.path):
            edit.deleted.append(module)
            edit.changed |= {d for statement in module.source.statements for d in statement.definitions.values()}
            continue
        if module.path not in edit.paths:
            continue
        source = _parse(tree.get(module.path, b""), module)
        difference = compare(module.source.statements, source.statements)
        reject_reads_before_binding(module.path, module.source.statements, difference)
        edit.sources[module], edit.differences[module] = source, difference
        for old, new in difference.pairs:
            edit.codes.update(adopt_definitions(old, new))
            if old:
                changed = changed_definitions(old, new)
                edit.changed |= changed
                edit.around |= {outer for inner in changed for outer in enclosing(old, inner)}
        edit.changed |= {d for statement in difference.removed for d in statement.definitions.values()}
    _reject_closures_without_variables(edit, modules)
    return edit


def _is_module_of(tree: Tree, path: str) -> bool:
    """Whether this path can be imported; a folder is a package without its `__init__.py`, too."""
    folder, _, name = path.rpartition("/")
    is_package = name == "__init__.py" and f"{folder}.py" not in tree
    return path in tree or (is_package and any(other.startswith(f"{folder}/") for other in tree))


def _parse(content: bytes, module: Module) -> Source:
    if len(content) > MODULE_LIMIT:
        raise Rejected(f"{module.path} has more than {MODULE_LIMIT:,} bytes: move its data into a file of its own")
    try:
        return parse(content, module.source.filename)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f"{module.path}:{line}" if line else module.path
        raise Rejected(f"{where}: {type(error).__name__}: {getattr(error, 'msg', None) or error}") from error


def _reject_closures_without_variables(edit: Edit, modules: Modules) -> None:
    """Reject an edit of a closure that lacks variables of the new code and is not created again."""
    suspects = {
        d: code for d, code in edit.codes.items() if not {*code.co_freevars} <= {*d.code.co_freevars, "__class__"}
    }
    if not suspects:
        return
    statements = [(old, new) for module in modules.loaded for old, new in edit.pairs(module)]
    made_anew = {d for old, new in statements if old and edit.runs(old, new) for d in old.effects.called}
    for function, definition in functions_of(suspects, modules.usual):
        owner = modules.owner(definition)
        if not lacks_variables(function, suspects[definition]) or (owner and enclosing(owner, definition) & made_anew):
            continue
        path = modules.path_of(function.__code__.co_filename)
        raise Rejected(
            f"{path}:{suspects[definition].co_firstlineno}: {function.__qualname__} now uses variables of its "
            "enclosing function that the live one does not have: pass them as arguments, or restart Locust"
        )


def enclosing(statement: TopLevel, definition: Definition) -> set[Definition]:
    """The definitions of the statement in which this one is nested."""
    paths = [path for path, known in statement.definitions.items() if known is definition]
    return {
        known
        for outer, known in statement.definitions.items()
        if any(len(outer) < len(path) and path[: len(outer)] == outer for path in paths)
    }

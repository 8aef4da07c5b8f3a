"""Classes: applies the edited part of a class body to the live class, which stays the same object."""

from locust import SequentialTaskSet, TaskSet, User
from locust.user.sequential_taskset import SequentialTaskSetMeta
from locust.user.task import TaskSetMeta
from locust.user.users import UserMeta

import ast
import dataclasses
import gc
from abc import ABCMeta
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CellType, FunctionType
from typing import Any

from .code_objects import look_up
from .source import Definition, Difference, Statement, bodies, compare
from .syntax import chain_of, header, without_body

KEPT_METACLASSES = {type, ABCMeta, UserMeta, TaskSetMeta, SequentialTaskSetMeta}
"""Metaclasses that do nothing when an attribute is set; a class of one that does more is replaced by a new class."""

JOINS = {"__module__", "__doc__", "__firstlineno__", "__static_attributes__"}
"""What the body of a metaclass sets that only joins others, as of a user class that is abstract by `abc`."""

ABSTRACT = "__abstractmethods__"
"""Attribute of an abstract class for the names of the methods that it lacks."""

NOT_COPIED = {
    "__module__", "__qualname__", "__classcell__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__",
    "__classdictcell__",
}  # fmt: skip

TASKS_AS_WRITTEN = "livesync_tasks_as_written"
"""Attribute of a class for the value of `tasks` in its body, which Locust replaces by the list of all tasks."""

ORDER = "livesync_order"
"""Attribute of a class for the order of the names in its edited body, which is the order of a sequence."""

GENERATED = {"tasks", "abstract", "current", TASKS_AS_WRITTEN, ORDER}
"""Attributes that Locust's metaclasses and live sync set themselves."""

TRANSPARENT = {"dataclasses", "locust", "typing", "typing_extensions"}
"""Packages whose class decorators need not run again; of a dataclass whose fields change, the generated methods are made anew."""

IMPLICIT = {"__new__": staticmethod, "__init_subclass__": classmethod, "__class_getitem__": classmethod}
"""What Python makes of functions with these names when it creates a class."""

BINDING = {"exec", "locals", "vars"}
"""Functions by which a class body may bind names that cannot be seen in its text."""

Needs = Callable[[Statement], bool]
IsInspected = Callable[[ast.ClassDef], bool]


@dataclass
class ClassEdit:
    """The part of a class body that has to run again, with that of nested classes."""

    name: str
    live: type
    run: list[ast.stmt] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    unannotated: set[str] = field(default_factory=set)
    """Attributes that lose their annotation and keep their value."""
    nested: list["ClassEdit"] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    moved: bool = False
    """Whether statements changed places."""
    moved_fields: bool = False

    def bound(self) -> set[str]:
        """The attributes that it binds to values."""
        nodes = [node for node in self.run if getattr(node, "value", node)]
        return {as_attribute(name, self) for node in nodes for name in Statement(node).binds}

    def walk(self) -> Iterator["ClassEdit"]:
        """The edit itself and all nested ones."""
        yield self
        for inner in self.nested:
            yield from inner.walk()


def is_kept(metaclass: type) -> bool:
    """Whether a class of this metaclass can be changed in place."""
    return all(base in KEPT_METACLASSES or vars(base).keys() <= JOINS for base in metaclass.__mro__[:-1])


def find_live(namespace: Mapping[str, Any], module: str, qualname: str) -> type | None:
    """The class of a class statement, also if a decorator returned another one."""
    found = namespace.get(qualname.rpartition(".")[2])
    classes = reversed(found.__mro__) if isinstance(found, type) else ()
    return next((cls for cls in classes if (cls.__module__, cls.__qualname__) == (module, qualname)), None)


def is_inspected(node: ast.ClassDef, namespace: Mapping[str, Any], called: Iterable[Definition]) -> bool:
    """Whether a decorator or an `__init_subclass__` was given the class when it was made, and may have read its body."""
    if any(definition.code.co_name == "__init_subclass__" for definition in called):
        return True
    chains = [chain_of(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list]
    modules = [str(getattr(look_up(namespace, chain), "__module__", "")) for chain in chains]
    return any(module.partition(".")[0] not in TRANSPARENT for module in modules)


def class_edit(
    old: ast.ClassDef, new: ast.ClassDef, live: type, needs: Needs, is_inspected: IsInspected
) -> ClassEdit | None:
    """What has to run again to update the live class to `new`; None if that needs a new class."""
    if header(old) != header(new) or not is_kept(type(live)) or "__slots__" in vars(live):
        return None
    if needs(Statement(without_body(new))):
        return None
    edit = ClassEdit(new.name, live)
    difference = compare(bodies(old.body), bodies(new.body))
    merged: dict[Statement, ClassEdit] = {}
    for before, after in difference.pairs:
        if before and isinstance(before.node, ast.ClassDef) and isinstance(after.node, ast.ClassDef):
            nested = find_live(vars(live), live.__module__, f"{live.__qualname__}.{after.node.name}")
            inner = class_edit(before.node, after.node, nested, needs, is_inspected) if nested else None
            if inner:
                merged[after] = inner
    changed = {
        after
        for before, after in difference.pairs
        if after not in merged and (before is None or before.outline != after.outline or needs(after))
    }
    annotated = {after for before, after in difference.pairs if after in changed and after.keeps_value(before, needs)}
    if dataclasses.is_dataclass(live):
        annotated.clear()  # its annotations make its fields
    again = _to_run_again(difference, changed - annotated, merged)
    edit.nested = list(merged.values())
    annotated -= again
    statements = [after for _, after in difference.pairs]
    parts = [s.node if s in again else s.annotation() for s in statements if s in again | annotated]
    edit.run = [node for node in parts if node]
    edit.unannotated = {as_attribute(n, new) for s in annotated if not s.annotation() for n in s.binds}
    edit.order = [as_attribute(name, new) for _, statement in difference.pairs for name in sorted(statement.binds)]
    kept = [before.node for before, _ in difference.pairs if before]
    edit.moved = not _in_order(kept)
    edit.moved_fields = not _in_order([node for node in kept if isinstance(node, ast.AnnAssign)])
    gone = {as_attribute(name, new) for statement in difference.removed for name in statement.binds}
    edit.removed = gone.difference(edit.order)
    binds_unseen = any(BINDING & statement.reads for _, statement in difference.pairs)
    if (binds_unseen or is_inspected(new)) and not is_empty(edit):
        return None
    # What runs again by itself does not see the type parameters of the class.
    parameters = {parameter.name for parameter in getattr(new, "type_params", ())}
    names = (
        {node.id for part in edit.run for node in ast.walk(part) if isinstance(node, ast.Name)} if parameters else set()
    )
    return edit if parameters.isdisjoint(names) else None


def as_attribute(name: str, node: ast.ClassDef | ClassEdit) -> str:
    """The attribute that a name in a class body becomes: a private one gets the name of the class."""
    owner = node.name.lstrip("_")
    return f"_{owner}{name}" if owner and name.startswith("__") and not name.endswith("__") else name


def _in_order(nodes: list[ast.stmt]) -> bool:
    lines = [node.lineno for node in nodes]
    return lines == sorted(lines)


def _to_run_again(
    difference: Difference[Statement], changed: set[Statement], merged: dict[Statement, ClassEdit]
) -> set[Statement]:
    """The statements of a class body that run again; removes nested classes from `merged` whose bases do."""
    edited = {nested for nested, inner in merged.items() if not is_empty(inner)}
    again = set(_with_dependents(difference, changed | edited)) - merged.keys()
    bound = {name for statement in again for name in statement.binds}
    outdated = {nested for nested in merged if Statement(without_body(nested.node)).reads & bound}
    for nested in outdated:
        del merged[nested]
    return _to_run_again(difference, changed | outdated, merged) if outdated else again


def _with_dependents(difference: Difference[Statement], changed: set[Statement]) -> list[Statement]:
    """The changed statements of a class body, and those that take part in the same values, such as a property's setter."""
    statements = [after for _, after in difference.pairs]
    bound_here = {name for statement in statements for name in statement.binds}
    removed = {name for statement in difference.removed for name in statement.binds}
    built = removed.union(*(statement.extends for statement in difference.removed))
    size = -1
    while size < len(changed):
        size = len(changed)
        built |= {name for statement in changed for name in statement.extends}
        built &= bound_here
        bound = removed - bound_here
        for statement in statements:
            names = statement.binds | statement.extends
            if statement in changed or (statement.reads | statement.binds) & bound or names & built:
                changed.add(statement)
                bound |= statement.binds
    return [statement for statement in statements if statement in changed]


def is_empty(edit: ClassEdit) -> bool:
    """Whether nothing has to run or to be removed."""
    return not any(part.run or part.removed or part.moved for part in edit.walk())


def changes_fields(edit: ClassEdit) -> bool:
    """Whether a dataclass gets other fields, and with them other generated methods."""
    annotated = any(isinstance(node, ast.AnnAssign) for node in edit.run)
    return dataclasses.is_dataclass(edit.live) and (
        annotated or edit.moved_fields or not edit.removed.isdisjoint(vars(edit.live).get("__annotations__", ()))
    )


def as_statement(edit: ClassEdit, original: ast.ClassDef, names: dict[str, "Merging"], adopt: "Adopt") -> ast.ClassDef:
    """A class statement of the part that runs again. Run with `names`, it puts what it binds onto the live classes."""
    name = f"livesync_merging_{len(names)}"
    names[name] = Merging(edit, adopt, names)
    inner = {node.name: node for node in original.body if isinstance(node, ast.ClassDef)}
    parts = [as_statement(nested, inner[nested.name], names, adopt) for nested in edit.nested]
    body = sorted([*edit.run, *parts], key=lambda node: node.lineno)
    statement = ast.ClassDef(
        name=edit.name,
        bases=[],
        keywords=[ast.keyword(arg="metaclass", value=ast.Name(id=name, ctx=ast.Load()))],
        body=body or [ast.Pass()],
        decorator_list=[],
    )
    if "type_params" in ast.ClassDef._fields:
        vars(statement)["type_params"] = []
    return ast.fix_missing_locations(ast.copy_location(statement, original))


Adopt = Callable[[type, str, Any], None]


class Merging:
    """Used as a metaclass: sets what the class body binds on the live class, and returns that."""

    def __init__(self, edit: ClassEdit, adopt: Adopt, names: dict[str, "Merging"]) -> None:
        """`names` has the metaclasses of nested classes."""
        self.live, self.adopt, self.names = edit.live, adopt, names
        self.unbound = edit.removed | edit.bound()

    def __prepare__(self, _name: str, _bases: tuple[type, ...]) -> "_Namespace":
        attributes = {name: value for name, value in vars(self.live).items() if name not in self.unbound}
        return _Namespace(attributes | self.names)

    def __call__(self, _name: str, _bases: tuple[type, ...], namespace: "_Namespace") -> type:
        if isinstance(cell := namespace.written.get("__classcell__"), CellType):
            cell.cell_contents = self.live
        for name, value in namespace.written.items():
            if name not in NOT_COPIED:
                is_implicit = name in IMPLICIT and isinstance(value, FunctionType)
                self.adopt(self.live, name, IMPLICIT[name](value) if is_implicit else value)
        return self.live


class _Namespace(dict[str, Any]):
    """A namespace of a class body that contains attributes of the live class, and records what is bound."""

    def __init__(self, attributes: Any) -> None:
        super().__init__(attributes)
        self.written: dict[str, Any] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.written[name] = value


def carry_over(old: type, new: type, old_node: ast.ClassDef, new_node: ast.ClassDef, needs: Needs) -> None:
    """Copy the values that a run has set on a class to the class that replaces it."""
    difference = compare(bodies(old_node.body), bodies(new_node.body))
    changed = {
        after
        for before, after in difference.pairs
        if (before is None or before.outline != after.outline or needs(after)) and not after.keeps_value(before, needs)
    }
    kept = {as_attribute(name, new_node) for _, after in difference.pairs for name in after.binds}
    again = _with_dependents(difference, changed)
    kept -= {as_attribute(name, new_node) for statement in again for name in statement.binds}
    gone = {as_attribute(name, old_node) for statement in difference.removed for name in statement.binds}
    for name, value in vars(old).items():
        if (
            name.startswith("__")
            or name in gone | GENERATED
            or hasattr(type(value), "__get__")
            or isinstance(value, type)
        ):
            continue
        # A run or a decorator has set what the body does not bind.
        if name in kept or (name not in vars(new) and not old_node.decorator_list):
            setattr(new, name, value)


def take_generated(live: type, edited: type, part: ClassEdit, adopt: Adopt) -> None:
    """Give a dataclass the fields and generated methods of `edited`, which was made by the whole statement."""
    attributes = dict(vars(edited))
    for cell in gc.get_referrers(edited):
        if isinstance(cell, CellType):  # by which its methods find `__class__`; no function in here has one
            cell.cell_contents = live
    written = part.bound()
    for name, value in attributes.items():
        if name not in NOT_COPIED and (name not in vars(live) or name.startswith("__") or name in written):
            adopt(live, name, value)


def remember_tasks(
    original: Callable[..., type], metaclass: type, name: str, bases: tuple[type, ...], body: dict[str, Any]
) -> type:
    """Stands in for `__new__` of Locust's metaclasses, which override what the class says of its tasks."""
    as_written = body.get("tasks")
    cls = original(metaclass, name, bases, body)
    type.__setattr__(cls, TASKS_AS_WRITTEN, as_written)
    return cls


def tasks_of(cls: Any) -> list[Any]:
    """The tasks that Locust would give the class if it were made now."""
    library = next(base for base in cls.__mro__ if base in (SequentialTaskSet, TaskSet, User))
    inherited = [task for base in cls.__bases__ for task in getattr(base, "tasks", None) or []]
    body = {name: value for name, value in vars(cls).items() if name not in ("tasks", "__dict__", "__weakref__")}
    order = body.pop(ORDER, None)
    if (as_written := body.pop(TASKS_AS_WRITTEN, None)) is not None:
        body["tasks"] = as_written
    if order is not None:
        # Removed tasks may still be attributes, because running tasks use them.
        body = {n: v for n, v in body.items() if n in order or "locust_task_weight" not in dir(v)}
        body = {name: body[name] for name in (*(name for name in order if name in body), *body)}
    # No descriptor among them, which would be told that it belongs to this class.
    body = {name: value for name, value in body.items() if name == "tasks" or "locust_task_weight" in dir(value)}
    made = type(cls)(cls.__name__, (library,), {"__module__": cls.__module__, **body})
    return [*inherited, *made.tasks]


def holders_of_tasks() -> list[Any]:
    """The user's user classes and task sets, each after those that it is derived from."""
    found = with_derived(User, TaskSet)
    return [cls for cls in found if cls.__module__.partition(".")[0] != "locust" and is_kept(type(cls))]


def with_derived(*roots: type) -> list[type]:
    """The classes and all that are derived from them, each after its bases."""
    found: dict[type, None] = {}
    queue = list(roots)
    while queue:
        found[cls := queue.pop()] = None
        derived: list[type] = type.__subclasses__(cls)  # not of `cls`, which may be a metaclass
        queue += [subclass for subclass in derived if subclass not in found]
    return sorted(found, key=lambda cls: len(cls.__mro__))

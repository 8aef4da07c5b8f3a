"""Updates functions and classes in place, so that they stay the same objects."""

from locust import TaskSet, User

import abc
import ast
import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from functools import partial
from types import FunctionType
from typing import Any, TypeGuard

from . import classes, functions
from .classes import ClassEdit
from .code_objects import with_known_codes
from .dependents import Dependents
from .functions import Grace
from .modules import Module
from .source import Definition, Effects, Statement, TopLevel, compile_node
from .syntax import FunctionNode
from .transaction import MISSING, Transaction


class InPlace:
    """Applies the edit of a function or of a class body to the live object."""

    def __init__(self, transaction: Transaction, dependents: Dependents) -> None:
        self.transaction, self.dependents = transaction, dependents
        self.modules, self.edit, self.grace = transaction.modules, transaction.edit, transaction.grace
        self.outcome, self.undo = transaction.outcome, transaction.undo
        self.abstract: dict[type, frozenset[str]] = {}
        """What classes lacked before the edit."""

    def update_function(self, module: Module, old: TopLevel, new: TopLevel) -> bool:
        """Give a function without decorators its new code and defaults in place."""
        if not (_is_plain_function(old.node) and _is_plain_function(new.node)):
            return False
        name = new.node.name
        live = module.namespace.get(name)
        if not isinstance(live, FunctionType) or self._definition_of(live) not in new.definitions.values():
            return False
        scratch: dict[str, Any] = {}
        self.modules.run(module, new, names=scratch)
        self._update(live, scratch[name])
        return True

    def _update(self, live: FunctionType, edited: FunctionType) -> None:
        running = self._running(live, self.grace.earlier)
        if functions.update(running, edited, self.grace, self.undo):
            self.outcome.changed.add(self.modules.definitions[id(edited.__code__)])
        if running is not live:  # which gets that code once the tasks that run the old one have ended
            functions.take_defaults(live, edited, self.undo)

    def _running(self, function: FunctionType, graces: Iterable[Grace]) -> FunctionType:
        """The function that this one stands for, while it chooses between old and new code."""
        for grace in graces:
            function = grace.functions.get(function, function)
        return function

    def update_class(self, module: Module, old: TopLevel, new: TopLevel) -> bool:
        """Run only the part of a class body that changed, on the live class."""
        if not (isinstance(old.node, ast.ClassDef) and isinstance(new.node, ast.ClassDef)):
            return False
        live = self.live_class(module, old.node)
        if live is None or old.node.name != new.node.name:
            return False
        needs = self._needs(module, old.effects)
        if not old.effects.opened_for.get("", set()).isdisjoint(self.edit.data):
            return False
        is_inspected = partial(classes.is_inspected, namespace=module.namespace, called=old.effects.called)
        part = classes.class_edit(old.node, new.node, live, needs, is_inspected)
        if part is None or (classes.is_empty(part) and old.effects.called & self.outcome.changed):
            return False
        for inner in part.walk():
            self._keep_attributes(inner.live)
        if classes.changes_fields(part):
            self._make_dataclass(module, new, part)
        else:
            self._merge(module, old, new, new.node, part)
        for inner in part.walk():
            self._finish(inner)
        return True

    def _needs(self, module: Module, effects: Effects) -> classes.Needs:
        """Whether a statement of a class body depends on what the edit changed; `effects` are those of the class."""
        changed = self.outcome.changed
        names = {d.code.co_name for d in effects.called & changed}

        def needs(statement: Statement) -> bool:
            called = {d for name in statement.binds for d in effects.called_for.get(name, ())}
            opened = {p for name in statement.binds | statement.extends for p in effects.opened_for.get(name, ())}
            return (
                not called.isdisjoint(changed)
                or not opened.isdisjoint(self.edit.data)
                or any(not names.isdisjoint(chain) for chain in statement.chains)
                or self.dependents.reads(module, statement, Effects(called=called))
            )

        return needs

    def _merge(self, module: Module, old: TopLevel, new: TopLevel, node: ast.ClassDef, part: ClassEdit) -> None:
        names: dict[str, Any] = {}
        statement = classes.as_statement(part, node, names, self._adopt)
        code = with_known_codes(compile_node(statement, module.source.filename), new.code)
        before = old.effects
        self.modules.run(module, new, code, names)
        self.dependents.note_set(module, new)
        for name in ("called", "opened", "imported", "filled"):
            getattr(new.effects, name).update(getattr(before, name))
        new.effects.called_for = before.called_for | new.effects.called_for
        new.effects.opened_for = before.opened_for | new.effects.opened_for
        new.effects.registered += before.registered

    def _make_dataclass(self, module: Module, new: TopLevel, part: ClassEdit) -> None:
        scratch: dict[str, Any] = {}
        self.modules.run(module, new, names=scratch)
        classes.take_generated(part.live, scratch[part.name], part, self._adopt)

    def _keep_attributes(self, live: type) -> None:
        before = dict(vars(live))
        if annotations := before.get("__annotations__"):
            live.__annotations__ = dict(annotations)  # the class body adds to it

        def restore() -> None:
            after = dict(vars(live))
            for name in after.keys() - before.keys():
                type.__delattr__(live, name)
            for name, value in before.items():
                if after.get(name, MISSING) is not value:
                    type.__setattr__(live, name, value)

        self.undo.append(restore)

    def _adopt(self, live: type, name: str, value: Any) -> None:
        """Set an attribute that an edited class body binds; a function stays the object that it is."""
        changed = self.outcome.attributes.setdefault(live, set())
        current = vars(live).get(name, MISSING)
        if value is current:
            return
        if name == "tasks" and issubclass(live, User | TaskSet):
            type.__setattr__(live, classes.TASKS_AS_WRITTEN, value)
            self.outcome.retasked.add(live)
            return
        if "locust_task_weight" in dir(value) or "locust_task_weight" in dir(current):
            self.outcome.retasked.add(live)
        function, edited = (v.__func__ if isinstance(v, staticmethod | classmethod) else v for v in (current, value))
        if (
            type(current) is type(value)
            and isinstance(function, FunctionType)
            and isinstance(edited, FunctionType)
            and self._same(function, edited)
        ):
            self._update(function, edited)
            self.undo.append(partial(setattr, function, "__dict__", function.__dict__))
            function.__dict__ = vars(edited)
            return
        changed.add(name)
        type.__setattr__(live, name, value)
        if set_name := getattr(type(value), "__set_name__", None):
            set_name(value, live, name)
        if isinstance(current, type) and isinstance(value, type):
            self.outcome.replaced[current] = value

    def _same(self, current: FunctionType, edited: FunctionType) -> bool:
        """Whether both were made by the same definition, and not by a decorator around it."""
        definition = self.modules.definitions.get(id(edited.__code__))
        return (
            edited.__qualname__ == current.__qualname__
            and definition is not None
            and definition is self._definition_of(current)
            and set(edited.__code__.co_freevars) <= {"__class__"}
        )

    def _definition_of(self, function: FunctionType) -> Definition | None:
        running = self._running(function, (*self.grace.earlier, self.grace))
        return self.modules.definitions.get(id(running.__code__))

    def _finish(self, part: ClassEdit) -> None:
        """Remove the attributes that the edited class body does not bind."""
        live = part.live
        changed = self.outcome.attributes.setdefault(live, set())
        type.__setattr__(live, classes.ORDER, part.order)
        if part.moved:
            self.outcome.retasked.add(live)
        annotations = vars(live).get("__annotations__", {})
        for name in (part.removed | part.unannotated) & annotations.keys():
            del annotations[name]
        for name in part.removed & vars(live).keys():
            changed.add(name)
            if "locust_task_weight" in dir(vars(live)[name]) or name == "tasks":
                self.outcome.retasked.add(live)
            if name == "tasks":
                type.__setattr__(live, classes.TASKS_AS_WRITTEN, None)
            elif name == "abstract" and issubclass(live, User):
                live.abstract = False
            elif any(hasattr(base, name) for base in live.__bases__):
                type.__delattr__(live, name)  # from now on it is inherited
            else:
                self.transaction.delete_later(partial(_delete_attribute, live, name, vars(live)[name]))
        if live in self.outcome.retasked:
            self._retask(live)
        self.dependents.attributes |= {(live, name) for name in changed}
        self._note_abstract_methods(part)

    def _note_abstract_methods(self, part: ClassEdit) -> None:
        """Let the class and those derived from it know which abstract methods they lack now."""
        for cls in [cls for cls in classes.with_derived(part.live) if classes.ABSTRACT in vars(cls)]:
            before = self.abstract.setdefault(cls, vars(cls)[classes.ABSTRACT])
            self.undo.append(partial(setattr, cls, classes.ABSTRACT, before))
            abc.update_abstractmethods(cls)
            # Running tasks may still use a removed method.
            removed = part.removed & vars(cls).keys() if cls is part.live else set()
            after = vars(cls)[classes.ABSTRACT] - removed
            setattr(cls, classes.ABSTRACT, after)
            note = self.dependents.attributes.discard if before == after else self.dependents.attributes.add
            note((cls, classes.ABSTRACT))

    def _retask(self, live: type) -> None:
        """Set Locust's list of tasks at once, so that statements which change the list, such as `Visitor.tasks.append(look)`, run again on it."""
        for cls in classes.holders_of_tasks():
            if live in cls.__mro__:
                self.undo.append(partial(type.__setattr__, cls, "tasks", cls.tasks))
                cls.tasks = classes.tasks_of(cls)
                self.outcome.tasks[cls] = cls.tasks[:]
                self.dependents.attributes.add((cls, "tasks"))

    def note_replaced(
        self, module: Module, old: ast.ClassDef, new: ast.ClassDef, before: Any, effects: Effects
    ) -> None:
        after = module.namespace.get(new.name)
        if not isinstance(before, type) or not isinstance(after, type) or before is after:
            return
        own = [classes.find_live({new.name: cls}, module.module.__name__, new.name) for cls in (before, after)]
        for old_class, new_class in (
            {before: after} | {own[0]: own[1]} if before is own[0] else {own[0]: own[1], before: after}
        ).items():  # the class of the statement, and the one that its decorator returned
            if old_class and new_class and classes.is_kept(type(old_class)):
                classes.carry_over(old_class, new_class, old, new, self._needs(module, effects))
        for outdated, successor in _paired_classes(before, after):
            self.outcome.replaced[outdated] = successor
        if not issubclass(after, User | TaskSet):
            self.outcome.notes.append(
                f"{module.path}: {new.name} is a new class; existing objects stay instances of the old one"
            )

    def live_class(self, module: Module, node: ast.ClassDef) -> type | None:
        return classes.find_live(module.namespace, module.module.__name__, node.name)

    def update_docstrings(
        self, module: str, old: ast.stmt, new: ast.stmt, namespace: Mapping[str, Any], outer: str = ""
    ) -> None:
        if not (isinstance(old, ast.ClassDef) and isinstance(new, ast.ClassDef)):
            return
        live = classes.find_live(namespace, module, f"{outer}{new.name}")
        if not live:
            return
        docstring = ast.get_docstring(new, clean=False)
        if docstring != ast.get_docstring(old, clean=False):
            self.undo.append(partial(type.__setattr__, live, "__doc__", live.__doc__))
            live.__doc__ = docstring or _generated_docstring(live)
        inner = {node.name: node for node in old.body if isinstance(node, ast.ClassDef)}
        for node in new.body:
            if isinstance(node, ast.ClassDef) and node.name in inner:
                self.update_docstrings(module, inner[node.name], node, vars(live), f"{live.__qualname__}.")


def _paired_classes(old: type, new: type) -> list[tuple[type, type]]:
    pairs = [(old, new)]
    for name, value in vars(old).items():
        successor = vars(new).get(name)
        if (
            isinstance(value, type)
            and isinstance(successor, type)
            and value is not successor
            and not name.startswith("__")
        ):
            pairs += _paired_classes(value, successor)
    return pairs


def _generated_docstring(cls: type) -> str | None:
    """The generated docstring of a dataclass or NamedTuple."""
    if dataclasses.is_dataclass(cls):
        return f"{cls.__name__}{inspect.signature(cls)}".replace(" -> None", "")
    fields = getattr(cls, "_fields", None)
    return f"{cls.__name__}({', '.join(fields)})" if fields and issubclass(cls, tuple) else None


def _is_plain_function(node: ast.stmt) -> TypeGuard[FunctionNode]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list


def _delete_attribute(live: type, name: str, value: Any) -> None:
    if vars(live).get(name, MISSING) is value:
        type.__delattr__(live, name)

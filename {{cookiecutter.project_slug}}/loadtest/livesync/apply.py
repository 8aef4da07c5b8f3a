"""Apply: applies an edit in this process: exchanges functions, and runs statements again in the live modules.

A trial does this in a forked child first, where nothing is lost if it fails.
"""

from locust import TaskSet, User, events
from locust.event import EventHook

import abc
import ast
import inspect
import itertools
import linecache
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

from . import classes, functions
from .classes import ClassEdit
from .edit import Edit
from .functions import Grace
from .modules import Cache, Module, Modules, Undo
from .source import Definition, Effects, FunctionNode, Registration, Statement, TopLevel, compile_node, with_known_codes

AGAIN = "it has run before in this process: if it cannot run twice, take the edit back or restart Locust"
"""What is said of a statement that fails when it runs again."""

MISSING = object()
MUTABLE = (list, dict, set, bytearray, deque)
"""Types whose values a module may build in several statements."""


@dataclass
class Outcome:
    """What an edit did that concerns Locust."""

    changed: set[Definition]
    """Functions that do something else now."""
    replaced: dict[type, type] = field(default_factory=dict)
    """Classes that a new class took the place of."""
    attributes: dict[type, set[str]] = field(default_factory=dict)
    """Names that were set or removed on classes that stayed."""
    retasked: set[type] = field(default_factory=set)
    """Classes whose own tasks changed."""
    removed: set[tuple[str, str]] = field(default_factory=set)
    """Names that the edit removed, with the path of their module; tasks under way may still look them up."""
    initialised: list[object] = field(default_factory=list)
    """New `init` listeners that take the place of one that has run."""
    notes: list[str] = field(default_factory=list)
    """What a person has to know."""


class Apply:
    """Applies one edit; `undo` takes back what was done until then, last things first."""

    def __init__(self, modules: Modules, edit: Edit, grace: Grace, undo: Undo) -> None:
        self.modules, self.edit, self.grace, self.undo = modules, edit, grace, undo
        self.outcome = Outcome(changed=set(edit.changed))
        self._dirty: set[tuple[str, str]] = set()
        self._dirty_attributes: set[tuple[type, str]] = set()
        self._to_rebuild: set[tuple[str, str]] = set()
        self._rebuilt: set[str] = set()
        self._ran: set[TopLevel] = set()
        self._caches: dict[int, Cache] = {}
        self._cleared: set[int] = set()
        self._last: dict[str, TopLevel] = {}
        self._to_run: set[TopLevel] = set()
        self._removed: dict[tuple[str, str], object] = {}
        self._was_imported: set[str] = set()
        """Paths of modules that a statement imported which is gone now, or has run again."""

    def run(self) -> Outcome:
        self._keep_registrations()
        self._caches = self.modules.caches()
        self._exchange()
        self._clear_caches()
        loaded = self.modules.imported_first(self._imports)
        for module in self.edit.deleted:
            self._delete(module)
        for module in loaded:
            if module not in self.edit.deleted:
                self._update_module(module)
        self._remove_stale_names()
        self._unload()
        for path in self.edit.paths:
            linecache.cache.pop(str(self.modules.folder.path / path), None)
        return self.outcome

    def _imports(self, module: Module) -> set[str]:
        """Paths of the user's modules that the edited module imports."""
        paths: set[str] = set()
        for old, new in self.edit.pairs(module):
            if old and old.outline == new.outline:
                paths |= old.effects.imported
            else:
                paths |= self.modules.imports(module, new)
        return paths

    def _keep_registrations(self) -> None:
        hooks: set[EventHook] = {hook for hook in vars(events).values() if isinstance(hook, EventHook)}
        for module in self.modules.loaded:
            for statement in module.source.statements:
                hooks |= {r.hook for r in statement.effects.registered if isinstance(r.hook, EventHook)}
        for hook in hooks:
            self.undo.append(partial(hook._handlers.__setitem__, slice(None), hook._handlers[:]))
        loaded = self.modules.loaded
        self.undo.append(lambda: vars(self.modules).update(loaded=loaded))
        known = sys.modules.copy()

        def forget_new() -> None:
            for name in [name for name in sys.modules.keys() - known.keys() if self._is_own(name)]:
                _forget(name, [])

        self.undo.append(forget_new)

    def _is_own(self, name: str) -> bool:
        return any(module.module is sys.modules[name] for module in self.modules.loaded)

    def _exchange(self) -> None:
        found = functions.functions_of(
            self.edit.codes, partial(self.modules.usual, graces=self.grace.earlier), self.grace.pending
        )
        for definition, code in self.edit.codes.items():
            self.undo.append(partial(self.modules.set_code, definition, definition.code))
            self.modules.set_code(definition, code)
        changed = self.edit.changed | self.edit.around
        for function, definition in found:
            code = self.edit.codes[definition]
            if not functions.lacks_variables(function, code):  # else the statement that made it runs again
                functions.exchange(function, code, definition in changed, self.grace, self.undo)

    def _clear_caches(self) -> None:
        """Clear each `@lru_cache` whose results may come from a function or a value that the edit has changed."""
        changed = {definition.code.co_name for definition in self.edit.changed}
        for key, cache in self._caches.items():
            is_outdated = not cache.names.isdisjoint(changed) or not cache.reads.isdisjoint(self._dirty)
            if key not in self._cleared and is_outdated:
                self._cleared.add(key)
                cache.cached.cache_clear()
                self.undo.append(cache.cached.cache_clear)

    def _delete(self, module: Module) -> None:
        names = set(module.namespace)
        # It keeps its names: what it has handed to somebody, such as Flask, may still run.
        self._remove(module, module.source.statements, kept=names)
        self._dirty |= {(module.path, name) for name in names}
        self.outcome.removed |= {(module.path, name) for name in names}
        for name in [name for name, known in sys.modules.items() if known is module.module]:
            _forget(name, self.undo)
        self.modules.loaded = [other for other in self.modules.loaded if other is not module]

    def _unload(self) -> None:
        """Forget modules that nothing imports any more, with the listeners that they have added."""
        while self._was_imported:
            everything = [
                (module, statement) for module in self.modules.loaded for statement in module.source.statements
            ]
            still = {path for module, statement in everything for path in self.modules.imports(module, statement)}
            gone = [m for m in self.modules.loaded if m.path in self._was_imported - still and not m.is_root]
            self._was_imported = {path for module in gone for path in module.imported()}
            for module in gone:
                self._delete(module)

    def _update_module(self, module: Module) -> None:
        difference = self.edit.differences.get(module)
        self._keep_namespace(module)
        if difference:
            self._remove(module, difference.removed, self._bound(module))
        self._rebuilt = set()
        self._note_last(module)
        for old, new in self.edit.pairs(module):
            if new in self._ran:
                continue
            if self._must_run(module, old, new):
                try:
                    self._run_again(module, old, new)
                except Exception as error:
                    if old:
                        error.add_note(AGAIN)
                    raise
            elif old and old is not new:
                new.effects = old.effects
            if old and old is not new:
                self._update_docstrings(module.module.__name__, old.node, new.node, module.namespace)
        if difference:
            self._take_source(module)

    def _note_last(self, module: Module) -> None:
        """Where several statements bind one name, the last one has to have run last."""
        before = {
            name: statement for statement in module.source.statements for name in statement.binds - statement.targets
        }
        pairs = self.edit.pairs(module)
        after = {name: (old, new) for old, new in pairs for name in new.binds - new.targets}
        self._last = {name: new for name, (_, new) in after.items()}
        self._to_run = {new for name, (old, new) in after.items() if name in before and before[name] is not old}
        order: dict[str, list[int]] = {}
        for old, new in pairs if module in self.edit.differences else ():
            if old:
                for name in new.extends:
                    order.setdefault(name, []).append(old.node.lineno)
        moved = {name for name, lines in order.items() if lines != sorted(lines)}
        self._to_rebuild |= {(module.path, name) for name in moved if _is_built(module.namespace.get(name))}

    def _bound(self, module: Module) -> set[str]:
        """Names that the module's statements bind, with those of star imports as they were."""
        ran = self._ran
        return {
            name
            for old, new in self.edit.pairs(module)
            for name in (*new.binds, *(new if old is None or new in ran else old).effects.starred)
        }

    def _take_source(self, module: Module) -> None:
        old, new = module.source, self.edit.sources[module]
        for statement in old.statements:
            self.modules.unregister(statement)
        for statement in new.statements:
            self.modules.register(statement)
        module.source = new
        module.module.__doc__ = new.docstring
        self.undo.append(partial(setattr, module, "source", old))
        self.undo += [partial(self.modules.register, statement) for statement in old.statements]

    def _keep_namespace(self, module: Module) -> None:
        namespace = module.namespace
        before = dict(namespace)

        def restore() -> None:
            for name in namespace.keys() - before.keys():
                del namespace[name]
            namespace.update(before)

        self.undo.append(restore)

    def _must_run(self, module: Module, old: TopLevel | None, new: TopLevel) -> bool:
        if (
            self.edit.runs(old, new)
            or new in self._to_run
            or old is None
            or not old.effects.called.isdisjoint(self.outcome.changed)
        ):
            return True
        if self._to_rebuild and any((module.path, name) in self._to_rebuild for name in new.binds | new.extends):
            return True
        return bool(self._dirty or self._dirty_attributes or self._cleared) and self._reads_dirty(
            module, new, old.effects
        )

    def _reads_dirty(self, module: Module, statement: Statement, effects: Effects) -> bool:
        """Whether it reads a name that the edit bound anew, in its own module or in one that it can reach."""
        if any(path in effects.starred.values() for path, _ in self._dirty) or not effects.taken.isdisjoint(
            self._dirty
        ):
            return True
        return any(self._is_dirty(module, chain) for chain in statement.chains) or any(
            map(self._body_reads_dirty, effects.called)
        )

    def _is_dirty(self, module: Module, chain: tuple[str, ...]) -> bool:
        """Whether the edit bound one of `a`, `a.b`, … anew, as far as these are modules and classes."""
        path, namespace = module.path, module.namespace
        for name, attribute in itertools.zip_longest(chain, chain[1:]):
            if (path, name) in self._dirty:
                return True
            value = namespace.get(name)
            if id(value) in self._cleared:
                return True
            if isinstance(value, type):
                # A class by itself may be called.
                return any((cls, attribute or "__init__") in self._dirty_attributes for cls in value.__mro__)
            if not isinstance(value, ModuleType):
                return False
            found = self.modules.find(value)
            path, namespace = found.path if found else "", vars(value)
        return False

    def _body_reads_dirty(self, definition: Definition) -> bool:
        names = definition.code.co_names
        home = self.modules.home(definition)
        if home and any(id(home.namespace.get(name)) in self._cleared for name in names):
            return True
        return not self.modules.names_read(definition).isdisjoint(self._dirty) or any(
            cls.__name__ in names and attribute in names for cls, attribute in self._dirty_attributes
        )

    def _remove(self, module: Module, statements: Iterable[TopLevel], kept: set[str]) -> None:
        """Take back what removed statements did, as far as it can be taken back."""
        for statement in statements:
            self._was_imported |= statement.effects.imported
            for registration in statement.effects.registered:
                registration.remove()
            rebuilt = {name for name in statement.extends if _is_built(module.namespace.get(name)) or name in kept}
            self._to_rebuild |= {(module.path, name) for name in rebuilt}
            if not (statement.binds or statement.effects.starred or statement.effects.registered or rebuilt):
                self._note_what_stays(module, statement)
            for name in (statement.binds | statement.effects.starred.keys()) - kept:
                self._remove_name(module, name)
            if isinstance(statement.node, ast.ClassDef) and (live := self._live_class(module, statement.node)):
                self.outcome.attributes.setdefault(live, set())

    def _remove_stale_names(self) -> None:
        """Remove names that a star import took although they are gone: tasks under way may still look them up over there."""
        size = -1
        while size < len(self.outcome.removed):
            size = len(self.outcome.removed)
            for module in self.modules.loaded if size else ():
                for statement in module.source.statements:
                    starred = statement.effects.starred
                    for name in [n for n, path in starred.items() if (path, n) in self.outcome.removed]:
                        self.undo.append(partial(starred.__setitem__, name, starred.pop(name)))
                        if name not in self._bound(module):
                            self._remove_name(module, name)

    def _remove_name(self, module: Module, name: str) -> None:
        self._dirty.add((module.path, name))
        self.outcome.removed.add((module.path, name))
        self._removed[module.path, name] = module.namespace.get(name, MISSING)
        if self.grace.pending:
            self.grace.deletions.append(partial(_delete_unbound, module, name))
        else:
            module.namespace.pop(name, None)

    def _delete_later(self, delete: Callable[[], object]) -> None:
        """Delete a name once nobody runs old code, which may look it up."""
        if self.grace.pending:
            self.grace.deletions.append(delete)
        else:
            delete()

    def _rebuild(self, module: Module, new: TopLevel) -> None:
        """Before a statement like `X.append(1)` runs again, make X anew by what stands before it."""
        namespace = module.namespace
        names = {n for n in new.extends if n in new.binds or _is_built(namespace.get(n))} - self._rebuilt
        if not names:
            return
        self._rebuilt |= names
        for old, earlier in self.edit.pairs(module):
            if earlier is new:
                break
            if (earlier.binds | earlier.extends) & names and earlier not in self._ran:
                self._run_again(module, old, earlier)

    def _run_again(self, module: Module, old: TopLevel | None, new: TopLevel) -> None:
        self._ran.add(new)
        self._to_run |= {self._last.get(name, new) for name in new.binds - new.targets}
        self._was_imported |= old.effects.imported if old else set()
        self._rebuild(module, new)
        self.undo.append(partial(setattr, new, "effects", new.effects))
        if old and (self._update_function(module, old, new) or self._update_class(module, old, new)):
            return
        kept = self._take_back(old)
        namespace = module.namespace
        bound = {*old.binds, *old.effects.starred} if old else set()
        before = dict(namespace)
        self.modules.register(new)
        self.undo.append(partial(self.modules.unregister, new))
        self.modules.run(module, new)
        if any(registration.hook is events.init for registration in kept):
            self.outcome.initialised += [r.handler for r in new.effects.registered if r.hook is events.init]
        new.effects.registered += [registration for registration in kept if not registration.while_loading]
        for name in bound | new.binds | new.effects.starred.keys():
            place = module.path, name
            if place in self.outcome.removed and name in namespace:  # it was a name of another statement
                self.outcome.removed.discard(place)
                self._dirty.discard(place)
                before[name] = self._removed[place]
            if namespace.get(name, MISSING) is not before.get(name, MISSING):
                self._dirty.add(place)
        for name in bound - self._bound(module):
            self._remove_name(module, name)
        if old and isinstance(old.node, ast.ClassDef) and isinstance(new.node, ast.ClassDef):
            self._note_replaced(module, old.node, new.node, before.get(new.node.name))
        self._dirty |= {(module.path, name) for name in new.extends if _is_built(namespace.get(name))}
        self._clear_caches()
        if old and not (new.binds | new.extends or old.effects.starred or kept) and old is not new:
            self._note_what_stays(module, old)

    def _take_back(self, old: TopLevel | None) -> list[Registration]:
        """Remove what the statement registered itself; what its `init` listener did is not done again, so it stays."""
        registered = old.effects.registered if old else []
        for registration in registered:
            if registration.while_loading:
                registration.remove()
        return registered

    def _note_what_stays(self, module: Module, statement: TopLevel) -> None:
        self.outcome.notes.append(
            f"{module.path}: what line {statement.node.lineno} did when it ran stays until Locust restarts"
        )

    def _update_function(self, module: Module, old: TopLevel, new: TopLevel) -> bool:
        """Give a function without decorators its new code and defaults in place."""
        if not (_is_plain_function(old.node) and _is_plain_function(new.node)):
            return False
        name = new.node.name
        live = module.namespace.get(name)
        if not isinstance(live, FunctionType) or self._definition_of(live) not in new.definitions.values():
            return False
        scratch: dict[str, Any] = {}
        with self.modules.noting(module, new):
            exec(new.code, module.namespace, scratch)  # noqa: S102 - this is how modules are run
        self._update(live, scratch[name])
        return True

    def _update(self, live: FunctionType, edited: FunctionType) -> None:
        if functions.update(live, edited, self.grace, self.undo):
            self.outcome.changed.add(self.modules.definitions[id(edited.__code__)])

    def _update_class(self, module: Module, old: TopLevel, new: TopLevel) -> bool:
        """Run only the part of a class body that changed, on the live class."""
        if not (isinstance(old.node, ast.ClassDef) and isinstance(new.node, ast.ClassDef)):
            return False
        live = self._live_class(module, old.node)
        if live is None or old.node.name != new.node.name:
            return False
        changed_names = {d.code.co_name for d in old.effects.called & self.edit.changed}

        def needs(statement: Statement) -> bool:
            return any(not changed_names.isdisjoint(chain) for chain in statement.chains) or self._reads_dirty(
                module, statement, Effects()
            )

        if needs(Statement(_without_body(new.node))):
            return False
        part = classes.class_edit(old.node, new.node, live, needs)
        if part is None or (classes.is_empty(part) and old.effects.called & self.edit.changed):
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

    def _merge(self, module: Module, old: TopLevel, new: TopLevel, node: ast.ClassDef, part: ClassEdit) -> None:
        names: dict[str, Any] = {}
        statement = classes.as_statement(part, node, names, self._adopt)
        code = with_known_codes(compile_node(statement, module.source.filename), new.code)
        before = old.effects
        with self.modules.noting(module, new):
            exec(code, module.namespace, names)  # noqa: S102 - this is how modules are run
        for name in ("called", "opened", "imported"):
            getattr(new.effects, name).update(getattr(before, name))
        new.effects.registered += before.registered

    def _make_dataclass(self, module: Module, new: TopLevel, part: ClassEdit) -> None:
        scratch: dict[str, Any] = {}
        with self.modules.noting(module, new):
            exec(new.code, module.namespace, scratch)  # noqa: S102 - this is how modules are run
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
        if isinstance(value, FunctionType) and isinstance(current, FunctionType) and self._same(current, value):
            self._update(current, value)
            self.undo.append(partial(setattr, current, "__dict__", current.__dict__))
            current.__dict__ = vars(value)
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
        running = self.grace.functions.get(function, function)
        return self.modules.definitions.get(id(running.__code__))

    def _finish(self, part: ClassEdit) -> None:
        """Remove what the class body does not bind any more."""
        live = part.live
        changed = self.outcome.attributes.setdefault(live, set())
        type.__setattr__(live, classes.ORDER, part.order)
        abc.update_abstractmethods(live)
        if part.moved:
            self.outcome.retasked.add(live)
        annotations = vars(live).get("__annotations__", {})
        for name in part.removed & annotations.keys():
            del annotations[name]
        if annotations == {} and "__annotations__" in vars(live):
            del live.__annotations__
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
                self._delete_later(partial(_delete_attribute, live, name, vars(live)[name]))
        self._dirty_attributes |= {(live, name) for name in changed}

    def _note_replaced(self, module: Module, old: ast.ClassDef, new: ast.ClassDef, before: Any) -> None:
        after = module.namespace.get(new.name)
        if not isinstance(before, type) or not isinstance(after, type) or before is after:
            return
        own = [classes.find_live({new.name: cls}, module.module.__name__, new.name) for cls in (before, after)]
        for old_class, new_class in (
            {before: after} | {own[0]: own[1]} if before is own[0] else {own[0]: own[1], before: after}
        ).items():  # what the statement made, and a decorator of that
            if old_class and new_class and type(old_class) in classes.KEPT_METACLASSES:
                classes.carry_over(
                    old_class, new_class, old, new, lambda part: self._reads_dirty(module, part, Effects())
                )
        for outdated, successor in _paired_classes(before, after):
            self.outcome.replaced[outdated] = successor
        if not issubclass(after, User | TaskSet):
            self.outcome.notes.append(
                f"{module.path}: {new.name} is a new class; objects that were made before keep the old one"
            )

    def _live_class(self, module: Module, node: ast.ClassDef) -> type | None:
        return classes.find_live(module.namespace, module.module.__name__, node.name)

    def _update_docstrings(
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
            live.__doc__ = docstring or classes.generated_docstring(live)
        inner = {node.name: node for node in old.body if isinstance(node, ast.ClassDef)}
        for node in new.body:
            if isinstance(node, ast.ClassDef) and node.name in inner:
                self._update_docstrings(module, inner[node.name], node, vars(live), f"{live.__qualname__}.")


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


def _forget(name: str, undo: Undo) -> None:
    """Remove a module from those that are imported, and from its package."""
    module = sys.modules.pop(name)
    undo.append(partial(sys.modules.__setitem__, name, module))
    package, _, last = name.rpartition(".")
    if package in sys.modules and vars(sys.modules[package]).pop(last, None):
        undo.append(partial(setattr, sys.modules[package], last, module))


def _is_built(value: object) -> bool:
    """Whether a module may build such a value in several statements."""
    return (
        isinstance(value, MUTABLE) or inspect.getattr_static(value, "dispatch", None) is not None
    )  # the latter is a `@singledispatch`


def _is_plain_function(node: ast.stmt) -> TypeGuard[FunctionNode]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list


def _without_body(node: ast.ClassDef) -> ast.ClassDef:
    return ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": []})


def _delete_unbound(module: Module, name: str) -> None:
    """Delete a name unless an edit has bound it again meanwhile."""
    if all(
        name not in statement.binds and name not in statement.effects.starred for statement in module.source.statements
    ):
        module.namespace.pop(name, None)


def _delete_attribute(live: type, name: str, value: Any) -> None:
    if vars(live).get(name, MISSING) is value:
        type.__delattr__(live, name)

"""Apply: applies an edit in this process: exchanges functions, and runs statements again in the live modules.

A trial does this in a forked child first, where nothing is lost if it fails.
"""

from locust import events

import ast
import builtins
import inspect
import linecache
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from . import functions, imported_modules
from .bindings import Bindings
from .dependents import Changes, Dependents
from .modules import MUTABLE, Module, with_imports
from .removed_names import RemovedNames
from .source import Effects, Registration, Statement, TopLevel, compile_node
from .syntax import Conditional, FunctionNode
from .transaction import MISSING, Outcome, Transaction
from .update_in_place import InPlace

AGAIN = "it has run before in this process: if it cannot run twice, undo the edit or restart Locust"
"""Note on the error of a statement that fails when it runs again."""

MISTAKES = (NameError, AttributeError, ImportError, FileNotFoundError)
"""Errors that a statement does not raise because it has run before."""


class Apply:
    """Applies the edit of a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.modules, self.edit, self.grace = transaction.modules, transaction.edit, transaction.grace
        self.outcome, self.undo = transaction.outcome, transaction.undo
        self.dependents = Dependents(transaction)
        self.in_place = InPlace(transaction, self.dependents)
        self._to_rebuild: set[tuple[str, str]] = set()
        self._rebuilt: set[str] = set()
        self._ran: set[TopLevel] = set()
        self._ran_now: set[TopLevel] = set()
        """Those of them that ran since `_begin`."""
        self.removed_names = RemovedNames(transaction, self.dependents, self._ran)
        self._last: dict[str, TopLevel] = {}
        self._to_run: set[TopLevel] = set()
        self._was_imported: set[str] = set()
        """Paths of modules that were imported by a statement which was removed or has run again."""

    def run(self) -> Outcome:
        self.transaction.keep_registrations()
        self._exchange()
        self._register()
        self.dependents.clear_caches()
        loaded = self.modules.imported_first(self._imports)
        for module in self.edit.deleted:
            self._delete(module)
        updated: dict[Module, Changes] = {}
        for module in loaded:
            if module not in self.edit.deleted:
                self._update_module(module)
                updated[module] = self.dependents.changes()
        self._follow_circles(updated)
        self.removed_names.remove_stale()
        self._unload()
        self.modules.order_listeners()
        for path in self.edit.paths:
            linecache.cache.pop(str(self.modules.folder.path / path), None)
        self.outcome.rebound |= self.dependents.names
        return self.outcome

    def _imports(self, module: Module) -> set[str]:
        """Paths of the user's modules that the edited module imports."""
        paths: set[str] = set()
        for old, new in self.edit.pairs(module):
            if old and old.outline == new.outline:
                # Looking up the imports of each statement would take as long as the rest of a commit.
                paths |= old.effects.imported
            else:
                paths |= imported_modules.paths_in_turn(self.modules.folder, new.imports, module.package)
        return paths

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

    def _register(self) -> None:
        """Make the new statements known before anything runs, so that calls of their functions are recorded."""
        register, unregister = self.modules.register, self.modules.unregister
        for module, source in self.edit.sources.items():
            self.undo += [partial(register, statement) for statement in module.source.statements]
            self.undo += [partial(unregister, statement) for statement in source.statements]
            for statement in module.source.statements:
                unregister(statement)
            for statement in source.statements:
                register(statement)

    def _delete(self, module: Module) -> None:
        names = set(module.namespace)
        # The module keeps its names, because functions that it registered elsewhere, such as in Flask, may still run.
        self._remove(module, module.source.statements, kept=names)
        for name in [name for name, known in sys.modules.items() if known is module.module]:
            imported_modules.forget(name, self.undo)
        self.modules.loaded = [other for other in self.modules.loaded if other is not module]
        # A locustfile that a package imports is loaded a second time by Locust, and may stay.
        if all(other.path != module.path for other in self.modules.loaded):
            self.dependents.names |= {(module.path, name) for name in names}
            self.outcome.removed |= {(module.path, name) for name in names}

    def _unload(self) -> None:
        """Forget modules that nothing imports any more, with the listeners that they have added."""
        if not self._was_imported:
            return
        imports = {
            module: set().union(*(self.modules.imports(module, s) for s in module.source.statements))
            for module in self.modules.loaded
        }
        suspects = with_imports({m for m in imports if m.path in self._was_imported and not m.is_root}, imports)
        kept = with_imports({m for m in imports if m not in suspects or m.is_root}, imports)
        for module in [m for m in self.modules.loaded if m in suspects - kept]:
            self._delete(module)

    def _update_module(self, module: Module) -> None:
        difference = self.edit.differences.get(module)
        self.transaction.keep_names(module.namespace)
        if difference:
            if (module.path in self.edit.tree) != bool(module.namespace.get("__file__")):
                imported_modules.find_again(module.module)
            self._remove(module, difference.removed, self.removed_names.still_bound(module))
        self._begin(module)
        self._note_moved(module)
        for old, new in self.edit.pairs(module):
            if self._must_run(module, old, new) and not self._annotate(module, old, new):
                try:
                    self._run_again(module, old, new)
                except Exception as error:
                    if old and not isinstance(error, MISTAKES):
                        error.add_note(AGAIN)
                    raise
            elif old and old is not new:
                new.effects = old.effects
            if old and old is not new:
                self.in_place.update_docstrings(module.module.__name__, old.node, new.node, module.namespace)
        if difference:
            self._take_source(module)

    def _follow_circles(self, updated: dict[Module, Changes]) -> None:
        """Run what depends on a module that was updated later, as among modules that import each other.

        `updated` has the modules in the order of their updates, each with what had changed by then.
        """
        for _ in range(len(updated)):
            behind = next((module for module in updated if self._is_behind(module, updated)), None)
            if behind is None:
                return
            with self.dependents.only_since(updated.pop(behind)):
                self._begin(behind)
                for statement in behind.source.statements:
                    if statement in self._to_run or self._depends(behind, statement, statement.effects):
                        self._run_again(behind, statement, statement)
            updated[behind] = self.dependents.changes()

    def _is_behind(self, module: Module, updated: dict[Module, Changes]) -> bool:
        if updated[module] == self.dependents.changes():
            return False
        order = list(updated)
        return not module.imported().isdisjoint(later.path for later in order[order.index(module) + 1 :])

    def _begin(self, module: Module) -> None:
        """Begin to run statements of a module. If several bind one name, the last of them also has to run last."""
        self._rebuilt, self._ran_now, self._to_run = set(), set(), set()
        self._last = {
            name: new
            for old, new in self._pairs(module)
            for name in (*new.binds - new.targets, *(old.effects.starred if old else ()))
        }

    def _pairs(self, module: Module) -> list[tuple[TopLevel | None, TopLevel]]:
        """The statements of a module that is being updated, each with the present one."""
        if module.source is self.edit.sources.get(module):
            return [(statement, statement) for statement in module.source.statements]
        return self.edit.pairs(module)

    def _note_moved(self, module: Module) -> None:
        """Run the last statement that binds a name, if it was another one before, and build again what is built in another order."""
        before = {
            name: statement for statement in module.source.statements for name in statement.binds - statement.targets
        }
        pairs = self.edit.pairs(module)
        after = {name: (old, new) for old, new in pairs for name in new.binds - new.targets}
        self._to_run = {new for name, (old, new) in after.items() if name in before and before[name] is not old}
        order: dict[str, list[int]] = {}
        for old, new in pairs if module in self.edit.differences else ():
            if old:
                for name in new.extends:
                    order.setdefault(name, []).append(old.node.lineno)
        moved = {name for name, lines in order.items() if lines != sorted(lines)}
        self._to_rebuild |= {(module.path, name) for name in moved if _is_built(module.namespace.get(name))}

    def _take_source(self, module: Module) -> None:
        self.undo.append(partial(setattr, module, "source", module.source))
        module.source = self.edit.sources[module]
        module.module.__doc__ = module.source.docstring

    def _must_run(self, module: Module, old: TopLevel | None, new: TopLevel) -> bool:
        return old is None or self.edit.runs(old, new) or new in self._to_run or self._depends(module, new, old.effects)

    def _depends(self, module: Module, statement: Statement, effects: Effects) -> bool:
        names = statement.binds | statement.extends
        return (
            not effects.called.isdisjoint(self.outcome.changed)
            or any(path == module.path and name in names for path, name in self._to_rebuild)
            or self.dependents.reads(module, statement, effects)
        )

    def _annotate(self, module: Module, old: TopLevel | None, new: TopLevel) -> bool:
        """Whether only the annotation of a variable changed, or what that reads: then annotate it, and keep its value."""
        if old is None or new in self._to_run or not old.effects.opened.isdisjoint(self.edit.data):
            return False
        if not new.keeps_value(old, lambda value: self._depends(module, value, old.effects)):
            return False
        annotations = module.namespace.setdefault("__annotations__", {})
        self.undo.append(partial(module.namespace.__setitem__, "__annotations__", dict(annotations)))
        for name in new.binds:
            annotations.pop(name, None)
        if annotation := new.annotation():
            exec(compile_node(annotation, module.source.filename), module.namespace)  # noqa: S102
        new.effects = old.effects
        return True

    def _remove(self, module: Module, statements: Iterable[TopLevel], kept: set[str]) -> None:
        """Undo what removed statements did, as far as that is possible."""
        for statement in statements:
            self._was_imported |= statement.effects.imported
            for registration in statement.effects.registered:
                registration.remove()
            # An object is not made anew for a line that calls a method of it: that may have been `thread.start()`.
            own = statement.extends if isinstance(statement.node, FunctionNode) else statement.extends & statement.binds
            rebuilt = {n for n in statement.extends if _is_built(module.namespace.get(n)) or (n in own and n in kept)}
            self._to_rebuild |= {(module.path, name) for name in rebuilt}
            effects = statement.effects
            if not (statement.binds or effects.starred or effects.registered or rebuilt) or (effects.filled - rebuilt):
                self._note_what_stays(module, statement)
            for name in (statement.binds | statement.effects.starred.keys()) - kept:
                self.removed_names.remove(module, name)
            if isinstance(statement.node, ast.ClassDef) and (live := self.in_place.live_class(module, statement.node)):
                self.outcome.attributes.setdefault(live, set())

    def _rebuild(self, module: Module, new: TopLevel) -> None:
        """Before a statement like `X.append(1)`, or one that reads an X that a `del` removed, create X again by those before it."""
        namespace = module.namespace
        deleted = {n for n in new.reads if n not in namespace and not hasattr(builtins, n)}
        names = {n for n in new.extends if n in new.binds or _is_built(namespace.get(n))} | deleted
        names |= new.binds - new.targets if isinstance(new.node, Conditional) else set()
        names -= self._rebuilt
        if not names:
            return
        self._rebuilt |= names
        for old, earlier in self._pairs(module):
            if earlier is new:
                break
            if (earlier.binds | earlier.extends) & names and earlier not in self._ran_now:
                self._run_again(module, old, earlier)
        # Its value is what it was, so what else reads it need not run.
        self.dependents.names -= {(module.path, name) for name in deleted & namespace.keys()}

    def _run_again(self, module: Module, old: TopLevel | None, new: TopLevel) -> None:
        self._ran.add(new)
        self._ran_now.add(new)
        self._to_run |= {self._last.get(name, new) for name in new.binds - new.targets}
        self._was_imported |= old.effects.imported if old else set()
        self._rebuild(module, new)
        self.undo.append(partial(setattr, new, "effects", new.effects))
        if old and (self.in_place.update_function(module, old, new) or self.in_place.update_class(module, old, new)):
            self.dependents.clear_caches()
            return
        kept = self._take_back(old)
        namespace = module.namespace
        bound = {*old.binds, *old.effects.starred} if old else set()
        before = dict(namespace)
        made = Bindings(namespace) if isinstance(new.node, Conditional) else None
        self.modules.run(module, new, names=made)
        self._keep_overridden(new, namespace, before)
        if any(registration.hook is events.init for registration in kept):
            self.outcome.initialised += [r.handler for r in new.effects.registered if r.hook is events.init]
        new.effects.registered += [registration for registration in kept if not registration.while_loading]
        for name in bound | new.binds | new.effects.starred.keys():
            place = module.path, name
            if name in namespace:  # perhaps by another statement than before
                self.outcome.removed.discard(place)
            if namespace.get(name, MISSING) is not before.get(name, MISSING):
                self.dependents.names.add(place)
        for name in bound - self.removed_names.bound(module):
            self.removed_names.remove(module, name)
        if made is not None:
            self.removed_names.remove_not_bound(module, new, made)
        if old and isinstance(old.node, ast.ClassDef) and isinstance(new.node, ast.ClassDef):
            self.in_place.note_replaced(module, old.node, new.node, before.get(new.node.name), new.effects)
        self.dependents.names |= {(module.path, name) for name in new.extends if _is_built(namespace.get(name))}
        self.dependents.note_set(module, new)
        self.dependents.clear_caches()
        is_all_effect = old and not (new.binds | new.extends or old.effects.starred or kept) and old is not new
        if old and (is_all_effect or (old.effects.filled & new.effects.filled) - new.extends):
            self._note_what_stays(module, old)

    def _keep_overridden(self, star: TopLevel, namespace: dict[str, Any], before: dict[str, Any]) -> None:
        """Keep the values that later statements have given to names which a star import has bound again."""
        for name, path in star.effects.starred.items():
            last = self._last.get(name, star)
            if last.node.lineno <= star.node.lineno:
                continue
            if (path, name) in self.dependents.names:
                self._to_run.add(last)
            elif name in before:
                namespace[name] = before[name]

    def _take_back(self, old: TopLevel | None) -> list[Registration]:
        """Remove what the statement registered while loading. What its `init` listener registered stays, as that runs once."""
        registered = old.effects.registered if old else []
        for registration in registered:
            if registration.while_loading:
                registration.remove()
        return registered

    def _note_what_stays(self, module: Module, statement: TopLevel) -> None:
        self.outcome.notes.append(
            f"{module.path}: the effects of line {statement.node.lineno} before the edit remain until Locust restarts"
        )


def _is_built(value: object) -> bool:
    """Whether a module may build such a value in several statements."""
    return isinstance(value, MUTABLE) or all(
        inspect.getattr_static(value, name, None) for name in ("dispatch", "register", "registry")
    )  # the latter is a `@singledispatch`

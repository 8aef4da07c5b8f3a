"""Removed names: removes the names that modules lose by an edit, once no running task may use them."""

import sys
from functools import partial

from .bindings import Bindings
from .dependents import Dependents
from .modules import Module
from .source import TopLevel
from .transaction import Transaction


class RemovedNames:
    """Removes names from the modules of a transaction."""

    def __init__(self, transaction: Transaction, dependents: Dependents, ran: set[TopLevel]) -> None:
        """`ran` are the statements that have run again so far."""
        self.modules, self.edit, self.grace = transaction.modules, transaction.edit, transaction.grace
        self.outcome, self.undo = transaction.outcome, transaction.undo
        self.dependents, self.ran = dependents, ran

    def bound(self, module: Module, but: TopLevel | None = None) -> set[str]:
        """Names that the module's statements bind, but for one, with those of star imports as they were."""
        return {
            name
            for old, new in self.edit.pairs(module)
            if new is not but
            for earlier in [old.effects.starred if old and new not in self.ran else ()]
            for name in (*new.binds, *new.effects.starred, *earlier)
        }

    def still_bound(self, module: Module) -> set[str]:
        """Names that the statements of a module which is about to be updated bind, with those of edited star imports."""
        for old, new in self.edit.pairs(module):
            if old is None or old.outline != new.outline:
                self.modules.note_names(module, new)
        return self.bound(module)

    def remove_stale(self) -> None:
        """Remove names that a star import took from a module that has them no more; running tasks may still use them there."""
        size = -1
        while size < len(self.outcome.removed):
            size = len(self.outcome.removed)
            for module in self.modules.loaded if size else ():
                for statement in module.source.statements:
                    starred = statement.effects.starred
                    for name in [n for n, path in starred.items() if (path, n) in self.outcome.removed]:
                        self.undo.append(partial(starred.__setitem__, name, starred.pop(name)))
                        if name not in self.bound(module):
                            self.remove(module, name)

    def remove(self, module: Module, name: str) -> None:
        self.dependents.names.add((module.path, name))
        self.outcome.removed.add((module.path, name))
        if self.grace.pending:
            self.grace.deletions.append(partial(_delete_unbound, module, name))
        else:
            _delete_name(module, name)

    def remove_not_bound(self, module: Module, statement: TopLevel, made: Bindings) -> None:
        """Remove names that only this statement binds, and did not bind now: its condition may have become false."""
        statement.effects.not_bound = statement.binds - made.names
        for name in (statement.effects.not_bound & module.namespace.keys()) - self.bound(module, statement):
            self.remove(module, name)


def _delete_unbound(module: Module, name: str) -> None:
    """Delete a name, unless a later edit has bound it again."""
    if all(
        name not in statement.binds - statement.effects.not_bound and name not in statement.effects.starred
        for statement in module.source.statements
    ):
        _delete_name(module, name)


def _delete_name(module: Module, name: str) -> None:
    """Delete a name of a module; in a package, a module of that name is found by it again."""
    module.namespace.pop(name, None)
    if inner := sys.modules.get(f"{module.module.__name__}.{name}"):
        module.namespace[name] = inner

"""Transaction: one edit that is being applied, what it did, and what takes it back."""

from locust import events
from locust.event import EventHook

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import imported_modules
from .edit import Edit
from .functions import Grace
from .modules import Modules, Undo
from .source import Definition

MISSING = object()
"""Stands for a value that does not exist."""


@dataclass
class Outcome:
    """What an edit did that concerns Locust."""

    changed: set[Definition]
    """Functions whose behaviour changed."""
    replaced: dict[type, type] = field(default_factory=dict)
    """Replaced classes, with the new ones."""
    attributes: dict[type, set[str]] = field(default_factory=dict)
    """Names that were set or removed on classes that stayed."""
    retasked: set[type] = field(default_factory=set)
    """Classes whose own tasks changed."""
    tasks: dict[type, list[Any]] = field(default_factory=dict)
    """The tasks that these classes got, before statements that change the list ran again."""
    rebound: set[tuple[str, str]] = field(default_factory=set)
    """Names that have another value now, with the path of their module."""
    removed: set[tuple[str, str]] = field(default_factory=set)
    """Names that the edit removed, with the path of their module; running tasks may still use them."""
    initialised: list[object] = field(default_factory=list)
    """New `init` listeners that replace one that has run."""
    notes: list[str] = field(default_factory=list)
    """Messages for the user."""


@dataclass
class Transaction:
    """One edit that is being applied; the functions of `undo`, called in reverse order, revert it."""

    modules: Modules
    edit: Edit
    grace: Grace
    undo: Undo
    outcome: Outcome = field(init=False)

    def __post_init__(self) -> None:
        self.outcome = Outcome(changed=set(self.edit.changed))

    def keep_names(self, namespace: dict[str, Any]) -> None:
        """Let `undo` give a module the names and values back that it has now."""
        before = dict(namespace)

        def restore() -> None:
            for name in namespace.keys() - before.keys():
                del namespace[name]
            namespace.update(before)

        self.undo.append(restore)

    def keep_registrations(self) -> None:
        """Let `undo` restore the listeners of all events, and the loaded modules."""
        hooks: set[EventHook] = {hook for hook in vars(events).values() if isinstance(hook, EventHook)}
        for module in self.modules.loaded:
            for statement in module.source.statements:
                hooks |= {r.hook for r in statement.effects.registered if isinstance(r.hook, EventHook)}
        for hook in hooks:
            self.undo.append(partial(hook._handlers.__setitem__, slice(None), hook._handlers[:]))
        self.undo.append(partial(setattr, self.modules, "loaded", self.modules.loaded))
        known = sys.modules.copy()

        def forget_new() -> None:
            for name in sys.modules.keys() - known.keys():
                if self.modules.find(sys.modules[name]):
                    imported_modules.forget(name, [])

        self.undo.append(forget_new)

    def delete_later(self, delete: Callable[[], object]) -> None:
        """Delete a name once no task runs old code, which may use it."""
        if self.grace.pending:
            self.grace.deletions.append(delete)
        else:
            delete()

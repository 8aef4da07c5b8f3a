"""The code that is live in this process."""

from locust import events
from locust.event import EventHook

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from types import ModuleType
from typing import Any

from gevent.event import Event

from .tree import Shelf, Tree, revision_of

Listeners = dict[str, list[Callable[..., Any]]]
"""Event listeners by the name of their event."""


@dataclass
class Live:
    """One per process, changed by `commit` alone."""

    shelf: Shelf
    tree: Tree = field(default_factory=dict)
    revision: str = revision_of({})
    past: set[str] = field(default_factory=set)
    """Revisions that were live before."""
    modules: set[str] = field(default_factory=set)
    """Names of all modules that came from a tree, those that are gone included."""
    listeners: Listeners = field(default_factory=dict)
    """What these modules registered while they were imported."""
    commits: int = 0
    next_commit: Event = field(default_factory=Event)
    """What the next commit sets, and replaces."""

    def own_modules(self) -> dict[str, ModuleType]:
        """The imported modules that came from a tree."""
        folder = f"{self.shelf.current}/"
        return {
            name: module
            for name, module in sys.modules.items()
            if (getattr(module, "__file__", None) or "").startswith(folder)
        }

    def class_now(self, cls: type) -> type | None:
        """The class that stands where `cls` stood when it was defined; None if there is none any more."""
        if cls.__module__ not in self.modules:
            return cls
        try:
            now = attrgetter(cls.__qualname__)(sys.modules[cls.__module__])
        except (KeyError, AttributeError):
            return None
        return now if isinstance(now, type) else None

    def committed_within(self, seconds: float | None) -> bool:
        """Sleep for `seconds`, or without end; return True at once when a commit happens, else False."""
        return bool(self.next_commit.wait(None if seconds is None else max(seconds, 0)))


def event_hooks() -> dict[str, EventHook]:
    """Locust's global events by name."""
    return {name: hook for name, hook in vars(events).items() if isinstance(hook, EventHook)}

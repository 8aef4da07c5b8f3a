"""Commit: make staged modules the live ones in this process, in one go and without yielding to other greenlets."""

from locust import User
from locust.argument_parser import get_parser
from locust.env import Environment

import linecache
import logging
import sys
from collections.abc import Callable
from typing import Any

from gevent.event import Event

from . import shape
from .live import Live, event_hooks
from .stage import Staged

logger = logging.getLogger(__name__)


def commit(live: Live, staged: Staged, environment: Environment | None = None) -> None:
    """Make `staged` the live code. Without an environment Locust has not started yet and will read it itself."""
    previous, known_modules = live.revision, set(live.modules)
    _replace_modules(live, staged)
    _replace_listeners(live, staged)
    live.tree, live.revision = staged.tree, staged.revision
    live.past = (live.past | {previous}) - {live.revision}
    live.shelf.show(staged.revision)
    if environment and staged.user_classes is not None:
        _replace_user_classes(environment, staged.user_classes)
        _add_arguments(environment, staged)
        shape.replace(environment, staged.shapes)
        _initialise(
            environment, [on_init for on_init in staged.listeners["init"] if on_init.__module__ not in known_modules]
        )
    live.commits += 1
    live.next_commit.set()
    live.next_commit = Event()


def _replace_modules(live: Live, staged: Staged) -> None:
    for name in staged.stale:
        sys.modules.pop(name, None)
    sys.modules.update(staged.modules)
    live.modules |= staged.modules.keys()
    linecache.clearcache()


def _replace_listeners(live: Live, staged: Staged) -> None:
    for name, hook in event_hooks().items():
        known = live.listeners.get(name, [])
        outdated = [listener for listener in known if getattr(listener, "__module__", None) in staged.stale]
        added = staged.listeners.get(name, [])
        hook._handlers[:] = [handler for handler in hook._handlers if handler not in outdated] + added
        live.listeners[name] = [listener for listener in known if listener not in outdated] + added


def _replace_user_classes(environment: Environment, available: dict[str, type[User]]) -> None:
    known: dict[str, Any] = environment.available_user_classes or {}
    picked = {user_class.__name__ for user_class in environment.user_classes}
    left_out = {name for name, user_class in known.items() if _can_spawn(user_class)} - picked
    vars(environment).update(available_user_classes=available)  # Locust's annotation says instances
    environment.available_user_tasks = {name: user_class.tasks for name, user_class in available.items()}
    environment.user_classes[:] = [
        user_class for name, user_class in available.items() if _can_spawn(user_class) and name not in left_out
    ]
    for user_class in environment.user_classes:
        user_class.host = environment.host or user_class.host
    environment._tasks_filtered = False
    environment._filter_tasks_by_tags()
    if environment.parsed_options and environment.parsed_options.equal_weights:
        environment.assign_equal_weights()


def _initialise(environment: Environment, listeners: list[Callable[..., Any]]) -> None:
    """Run the init listeners of modules that are new; those of the others have done their work at the start."""
    for listener in listeners:
        try:
            listener(environment=environment, runner=environment.runner, web_ui=environment.web_ui)
        except Exception:
            logger.exception("The init listener %s failed", listener.__qualname__)


def _can_spawn(user_class: type[User]) -> bool:
    return user_class.weight > 0 or user_class.fixed_count > 0


def _add_arguments(environment: Environment, staged: Staged) -> None:
    """Give a custom argument that the edit added its default value."""
    if environment.parsed_options and staged.listeners.get("init_command_line_parser"):
        for name, value in vars(get_parser().parse_args()).items():
            if not hasattr(environment.parsed_options, name):
                setattr(environment.parsed_options, name, value)

"""How live sync replaces functions of Locust, and which other private names of Locust it uses."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import isfunction
from pkgutil import resolve_name
from typing import Any

from .errors import Misfit

READ = {
    "locust.dispatch.UsersDispatcher": [
        "_original_user_classes",
        "_prepare_rebalance",
        "_rebalance",
        "_user_classes",
        "_worker_nodes",
    ],
    "locust.env.Environment": ["_filter_tasks_by_tags", "_tasks_filtered"],
    "locust.event.EventHook": ["_handlers"],
    "locust.rpc.zmqrpc.BaseSocket": ["socket"],
    "locust.runners.Runner": ["_users_dispatcher", "custom_messages", "shape_greenlet", "user_greenlets"],
    "locust.runners.MasterRunner": ["clients", "start"],
    "locust.runners.WorkerRunner": ["last_heartbeat_timestamp", "last_received_spawn_timestamp", "worker_state"],
    "locust.user.task.TaskSet": ["_cp_last_run", "_cp_last_wait_time", "_task_queue", "get_next_task", "schedule_task"],
    "locust.user.users.User": ["_cp_last_run", "_cp_last_wait_time", "_greenlet", "_group", "_state"],
    "locust.web.WebUI": ["auth_required_if_enabled", "template_args"],
}
"""Names that are read, by the module or class that has them or whose functions set them.

Names that are replaced are in `patches`, and those that are imported need no list.
"""


@dataclass
class Patch:
    """A method or function that is replaced."""

    place: str
    replacement: Callable[..., Any]
    """Called with the original, and then with the arguments of the call."""
    why: str
    until: str = "live sync ends with the process"

    def instead_of(self, original: Any) -> Any:
        """The replacement of the original."""
        replacement = functools.partial(self.replacement, original)

        @functools.wraps(original)
        def wrapper(*arguments: Any, **options: Any) -> Any:  # a partial does not become a method
            return replacement(*arguments, **options)

        return wrapper


@dataclass
class Setting(Patch):
    """A value that is replaced."""

    replacement: Any

    def instead_of(self, _original: Any) -> Any:
        return self.replacement


def check(patches: Iterable[Patch]) -> None:
    """Raise Misfit if this Locust lacks a name that is replaced or read."""
    names = [patch.place for patch in patches] + [f"{holder}.{name}" for holder in READ for name in READ[holder]]
    if missing := [name for name in names if not _is_there(name)]:
        raise Misfit(f"this Locust has no {', '.join(missing)}")


def install(patches: Iterable[Patch]) -> None:
    """Put the replacements in place, for the life of the process."""
    for patch in patches:
        place, _, name = patch.place.rpartition(".")
        holder = resolve_name(place)
        setattr(holder, name, patch.instead_of(getattr(holder, name)))


def _is_there(place: str) -> bool:
    """Whether a module or class has the name, or one of its functions uses it."""
    holder, _, name = place.rpartition(".")
    try:
        found = resolve_name(holder)
    except (ImportError, AttributeError):
        return False
    functions = filter(isfunction, vars(found).values())
    return hasattr(found, name) or any(name in function.__code__.co_names for function in functions)

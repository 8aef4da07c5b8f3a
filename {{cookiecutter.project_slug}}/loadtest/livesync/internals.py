"""Internals: Locust's private names that live sync relies on, and how it replaces its functions."""

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import isfunction
from pkgutil import resolve_name
from typing import Any

NAMES = {
    "locust.argument_parser": ["default_args_dict", "download_locustfile_from_master", "parse_locustfile_option"],
    "locust.dispatch:UsersDispatcher": [
        "_original_user_classes",
        "_prepare_rebalance",
        "_rebalance",
        "_user_classes",
        "_worker_nodes",
        "add_worker",
    ],
    "locust.env:Environment": ["_filter_tasks_by_tags", "_tasks_filtered", "parsed_locustfiles", "update_user_class"],
    "locust.event:EventHook": ["_handlers", "add_listener"],
    "locust.main": ["get_html_report", "get_locustfiles_locally", "load_locustfile", "load_locustfile_pytest"],
    "locust.rpc.zmqrpc:BaseSocket": ["socket"],
    "locust.runners": ["CONNECT_RETRY_COUNT", "HEARTBEAT_DEAD_INTERNAL", "WORKER_REPORT_INTERVAL", "time"],
    "locust.runners:MasterRunner": ["client_listener", "clients", "heartbeat_worker", "server", "start", "start_shape"],
    "locust.runners:Runner": [
        "_users_dispatcher",
        "custom_messages",
        "register_message",
        "shape_greenlet",
        "shape_worker",
        "stop_users",
        "user_greenlets",
    ],
    "locust.runners:WorkerRunner": [
        "handle_message",
        "last_heartbeat_timestamp",
        "last_received_spawn_timestamp",
        "start_worker",
        "worker_state",
    ],
    "locust.user.sequential_taskset:SequentialTaskSet": ["get_next_task"],
    "locust.user.sequential_taskset": ["SequentialTaskSetMeta"],
    "locust.user.task": ["DefaultTaskSet", "LOCUST_STATE_WAITING", "TaskSetMeta"],
    "locust.user.task:TaskSet": ["_sleep", "_task_queue", "execute_next_task", "get_next_task", "run", "schedule_task"],
    "locust.user.users": ["UserMeta"],
    "locust.user.users:User": ["_greenlet", "_group", "_state", "run"],
    "locust.util.load_locustfile": ["is_shape_class", "is_user_class"],
    "locust.web": ["get_html_report"],
    "locust.web:WebUI": ["auth_required_if_enabled", "template_args"],
}
"""Private names of Locust, by the module or class that has them, or whose functions set them."""


def missing() -> list[str]:
    """What live sync needs and this installation does not have."""
    names = [f"{place}.{name}" for place, names in NAMES.items() for name in names if not _is_there(place, name)]
    return names if hasattr(os, "fork") else [*names, "os.fork"]


def _is_there(place: str, name: str) -> bool:
    try:
        found = resolve_name(place)
    except (ImportError, AttributeError):
        return False
    functions = filter(isfunction, vars(found).values())
    return hasattr(found, name) or any(name in function.__code__.co_names for function in functions)


@dataclass
class Patch:
    """A method or function that is replaced."""

    place: str
    """`module:Class.method` or `module:function`."""
    replacement: Callable[..., Any]
    """Called with the original, and then with the arguments of the call."""
    why: str
    until: str = "live sync ends with the process"


@dataclass
class Setting:
    """A value of Locust's that is replaced."""

    place: str
    value: Any
    why: str
    until: str


def install(patches: Iterable[Patch | Setting]) -> None:
    """Put the replacements in place, for the life of the process."""
    for patch in patches:
        module, _, path = patch.place.partition(":")
        *outer, name = path.split(".")
        holder = resolve_name(":".join([module, *outer]))
        setattr(
            holder,
            name,
            patch.value if isinstance(patch, Setting) else _wrapped(getattr(holder, name), patch.replacement),
        )


def _wrapped(original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        return replacement(original, *arguments, **options)

    return wrapper

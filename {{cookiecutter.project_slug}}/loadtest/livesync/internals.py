"""Locust's private names that live sync relies on, all of them, and how it hooks into Locust's methods."""

import functools
from collections.abc import Callable
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
    "locust.env:Environment": ["_filter_tasks_by_tags", "_tasks_filtered", "parsed_locustfiles"],
    "locust.event:EventHook": ["_handlers"],
    "locust.main": ["get_html_report", "load_locustfile"],
    "locust.rpc.zmqrpc:BaseSocket": ["socket"],
    "locust.runners": ["CONNECT_RETRY_COUNT", "HEARTBEAT_DEAD_INTERNAL", "WORKER_REPORT_INTERVAL"],
    "locust.runners:MasterRunner": ["client_listener", "clients", "heartbeat_worker", "server", "start", "start_shape"],
    "locust.runners:Runner": ["_users_dispatcher", "shape_greenlet", "shape_worker", "stop_users", "user_greenlets"],
    "locust.runners:WorkerRunner": ["handle_message", "last_heartbeat_timestamp", "start_worker", "worker_state"],
    "locust.user.sequential_taskset:SequentialTaskSet": ["_task_cycle"],
    "locust.user.task": ["DefaultTaskSet", "LOCUST_STATE_WAITING"],
    "locust.user.task:TaskSet": ["_sleep", "_task_queue", "execute_next_task", "get_next_task", "schedule_task"],
    "locust.user.users:User": ["_greenlet", "_group", "_state", "run"],
    "locust.util.load_locustfile": ["load_locustfile"],
    "locust.web": ["get_html_report"],
    "locust.web:WebUI": ["auth_required_if_enabled", "template_args"],
}
"""By the module or class that has them, or whose functions set them."""


def missing() -> list[str]:
    """The names that this version of Locust does not have."""
    return [f"{place}.{name}" for place, names in NAMES.items() for name in names if not _is_there(place, name)]


def _is_there(place: str, name: str) -> bool:
    try:
        found = resolve_name(place)
    except (ImportError, AttributeError):
        return False
    functions = filter(isfunction, vars(found).values())
    return hasattr(found, name) or any(name in function.__code__.co_names for function in functions)


def wrap(cls: type, name: str, wrapper: Callable[..., Any]) -> None:
    """From now on `cls.name(self, …)` is `wrapper(stock, self, …)`, with `stock` as the method it was."""
    stock = getattr(cls, name)

    @functools.wraps(stock)
    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        return wrapper(stock, self, *arguments, **options)

    setattr(cls, name, method)

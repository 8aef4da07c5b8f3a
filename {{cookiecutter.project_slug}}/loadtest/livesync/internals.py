"""Locust's private names that live sync relies on, all of them, and how it hooks into Locust's methods."""

from locust import SequentialTaskSet, TaskSet, User
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.event import EventHook
from locust.runners import MasterRunner, Runner, WorkerRunner

import functools
from collections.abc import Callable
from typing import Any

METHODS = {
    TaskSet: ["execute_next_task", "_sleep", "get_next_task", "schedule_task"],
    User: ["run"],
    Runner: ["stop_users", "shape_worker"],
    WorkerRunner: ["start_worker", "handle_message"],
    MasterRunner: ["start", "start_shape", "client_listener", "heartbeat_worker"],
    UsersDispatcher: ["add_worker", "_prepare_rebalance"],
    Environment: ["_filter_tasks_by_tags"],
}
"""Methods that are called or wrapped."""

ATTRIBUTES = {
    TaskSet: ["_task_queue", "_parent"],
    SequentialTaskSet: ["_task_cycle"],
    User: ["_greenlet", "_state", "environment"],
    EventHook: ["_handlers"],
    Runner: ["_users_dispatcher", "user_greenlets", "shape_greenlet"],
    UsersDispatcher: ["_user_classes", "_original_user_classes", "_worker_nodes", "_rebalance"],
    MasterRunner: ["spawn_rate", "clients", "server"],
    WorkerRunner: ["last_heartbeat_timestamp"],
}
"""Attributes that a constructor sets."""


def missing() -> list[str]:
    """The names that this version of Locust does not have."""
    methods = [(cls, name) for cls, names in METHODS.items() for name in names if not hasattr(cls, name)]
    attributes = [
        (cls, name) for cls, names in ATTRIBUTES.items() for name in names if name not in _names_in_constructor(cls)
    ]
    return [f"{cls.__name__}.{name}" for cls, name in methods + attributes]


def _names_in_constructor(cls: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = cls.__init__.__code__.co_names
    return names


def wrap(cls: type, name: str, wrapper: Callable[..., Any]) -> None:
    """From now on `cls.name(self, …)` is `wrapper(stock, self, …)`, with `stock` as the method it was."""
    stock = getattr(cls, name)

    @functools.wraps(stock)
    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        return wrapper(stock, self, *arguments, **options)

    setattr(cls, name, method)

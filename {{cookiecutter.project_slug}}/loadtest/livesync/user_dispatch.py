"""Dispatch: rebalances the users over the workers after an edit of their classes, and when workers join or leave.

Locust 2.47 loses users when workers come and go, see docs/upstream of the template; here it does not.
"""

from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import STATE_RUNNING, MasterRunner, WorkerNode

from collections.abc import Callable
from operator import attrgetter
from typing import NoReturn

import gevent

FORGET_AFTER = 60
"""Seconds after which a worker that went missing is no longer listed, as in Locust."""


def class_weights(environment: Environment) -> list[tuple[str, float, int]]:
    """Weights and fixed counts of the user classes."""
    return sorted((cls.__name__, cls.weight, cls.fixed_count) for cls in environment.user_classes)


def rebalance(runner: MasterRunner) -> None:
    """Do what Locust does when a worker joins: all users at once, at the same total, by the new weights."""
    dispatcher = runner._users_dispatcher
    if dispatcher:
        classes = sorted(runner.user_classes, key=attrgetter("__name__"))
        dispatcher._user_classes = dispatcher._original_user_classes = classes
        dispatcher._prepare_rebalance()


def keep_users_spread(runner: MasterRunner) -> NoReturn:
    """Rebalance the users whenever workers came or went, all that did so at a time.

    Locust would do so inside its message loop, which blocks it for up to 1 s. Heartbeats go unread meanwhile, so live
    workers are declared missing, and a worker that joins or quits is overlooked.
    """
    while True:
        gevent.sleep(0.2)
        dispatcher = runner._users_dispatcher
        if runner.state == STATE_RUNNING and dispatcher and dispatcher._rebalance:
            runner.start(runner.target_user_count, runner.spawn_rate)
        for worker in runner.clients.missing:
            if worker.heartbeat < -FORGET_AFTER:
                del runner.clients[worker.id]


def add_worker(original: Callable[..., None], dispatcher: UsersDispatcher, worker_node: WorkerNode) -> None:
    """Count a worker once that reports twice that it is ready."""
    dispatcher._worker_nodes = [known for known in dispatcher._worker_nodes if known.id != worker_node.id]
    original(dispatcher, worker_node)

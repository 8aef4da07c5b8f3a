"""Defects of Locust 2.47 that a swarm runs into which is edited and scaled while it runs, repaired."""

from locust.dispatch import UsersDispatcher
from locust.runners import STATE_RUNNING, MasterRunner, WorkerNode

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import NoReturn

import gevent

FORGET_AFTER = 60
"""Seconds after which a worker that went missing is no longer listed, as in Locust."""

_OFFSET = time.time() - time.monotonic()

STEADY_TIME = SimpleNamespace(**{**vars(time), "time": lambda: _OFFSET + time.monotonic()})
"""The module `time` with a `time()` that a step of the system's clock does not change."""


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
    """Give a worker that says twice that it is ready one share of the users."""
    dispatcher._worker_nodes = [known for known in dispatcher._worker_nodes if known.id != worker_node.id]
    original(dispatcher, worker_node)

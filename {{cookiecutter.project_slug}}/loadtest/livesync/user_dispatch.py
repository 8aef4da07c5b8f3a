"""Dispatch: rebalances the users over the workers after an edit of their classes, and when workers join or leave.

Locust 2.47 loses users when workers come and go, see docs/upstream of the template; here it does not.
"""

from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_STOPPING, MasterRunner, WorkerNode, locust_exception_handler

import logging
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NoReturn

import gevent

logger = logging.getLogger(__name__)

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


class Spread:
    """Rebalances the users whenever workers came or went, all that did so at a time, and forgets missing workers.

    Locust would do so inside its message loop, which blocks it for up to 1 s. Heartbeats go unread meanwhile, so live
    workers are declared missing, and a worker that joins or quits is overlooked.
    """

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._rebalancing = gevent.Greenlet()

    def keep(self) -> NoReturn:
        """Look for changes, for the life of the process."""
        while True:
            gevent.sleep(0.2)
            try:
                self._rebalance()
                self._forget_missing()
            except Exception:
                logger.exception("the users could not be spread over the workers")

    def give_way(self, **_: Any) -> None:
        """Listens to `test_stopping`: end a rebalancing, which would start users and set the state to running again."""
        if self._rebalancing is not gevent.getcurrent():
            self._rebalancing.kill()

    def _rebalance(self) -> None:
        runner, dispatcher = self._runner, self._runner._users_dispatcher
        if runner.state == STATE_RUNNING and dispatcher and dispatcher._rebalance:
            self._rebalancing = gevent.spawn(runner.start, runner.target_user_count, runner.spawn_rate)
            self._rebalancing.link_exception(locust_exception_handler(runner.environment))
            self._rebalancing.join()

    def _forget_missing(self) -> None:
        """Forget who is missing for long; a test that stops does not wait for them at all, while Locust would."""
        limit = 0 if self._runner.state == STATE_STOPPING else FORGET_AFTER
        for worker in self._runner.clients.missing:
            if worker.heartbeat < -limit:
                del self._runner.clients[worker.id]


def add_worker(original: Callable[..., None], dispatcher: UsersDispatcher, worker_node: WorkerNode) -> None:
    """Count a worker once that reports twice that it is ready."""
    dispatcher._worker_nodes = [known for known in dispatcher._worker_nodes if known.id != worker_node.id]
    original(dispatcher, worker_node)

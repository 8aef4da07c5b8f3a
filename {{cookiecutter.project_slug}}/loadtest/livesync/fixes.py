"""Defects of Locust 2.47 that a swarm runs into which is edited and scaled while it runs, repaired.

`apply` repairs what is wrong in Locust's own functions; `keep_users_spread` does what they do at the wrong moment.
"""

from locust import argument_parser, runners
from locust.dispatch import UsersDispatcher
from locust.runners import STATE_RUNNING, MasterRunner, WorkerNode

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

import gevent

from .internals import wrap

FORGET_AFTER = 60
"""Seconds after which a worker that went missing is no longer listed, as in Locust."""


def apply() -> None:
    """Repair what a worker and a master do on each other's messages."""
    # A worker builds the whole argument parser once per option for every spawn message: 0.2 s in which no user runs.
    argument_parser.default_args_dict = lru_cache(maxsize=1)(argument_parser.default_args_dict)
    for contact in ("client_listener", "heartbeat_worker"):
        wrap(MasterRunner, contact, _mark)
    wrap(MasterRunner, "start", _start)
    wrap(UsersDispatcher, "add_worker", _add_worker)
    # Forgetting a worker, Locust would begin the whole ramp-up anew.
    vars(runners).update(HEARTBEAT_DEAD_INTERNAL=float("-inf"))


def keep_users_spread(runner: MasterRunner) -> NoReturn:
    """Spread the users over the workers again whenever some came or went, all that did so at a time."""
    while True:
        gevent.sleep(0.2)
        dispatcher = runner._users_dispatcher
        if runner.state == STATE_RUNNING and dispatcher and dispatcher._rebalance:
            runner.start(runner.target_user_count, runner.spawn_rate)
        for worker in runner.clients.missing:
            if worker.heartbeat < -FORGET_AFTER:
                del runner.clients[worker.id]


def _mark(stock: Callable[[MasterRunner], NoReturn], runner: MasterRunner) -> NoReturn:
    vars(gevent.getcurrent()).update(keeps_contact=True)
    stock(runner)


def _start(stock: Callable[..., None], runner: MasterRunner, *arguments: Any, **options: Any) -> None:
    """Locust spreads the users while it handles a worker's message, and is deaf for up to a second after each.

    Several workers that leave together make it take all others for lost; and what it misses meanwhile, a worker that
    joins or quits, it never makes up for. So it is left to `keep_users_spread`.
    """
    if not hasattr(gevent.getcurrent(), "keeps_contact"):
        stock(runner, *arguments, **options)


def _add_worker(stock: Callable[..., None], dispatcher: UsersDispatcher, worker_node: WorkerNode) -> None:
    """A worker that says twice that it is ready would get two shares of the users."""
    dispatcher._worker_nodes = [known for known in dispatcher._worker_nodes if known.id != worker_node.id]
    stock(dispatcher, worker_node)

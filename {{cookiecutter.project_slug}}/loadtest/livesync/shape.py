"""Shapes: a running one takes the new code at its next tick; one that is gone leaves the users as they are."""

from locust import LoadTestShape
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, Runner

import logging
from collections.abc import Callable
from functools import partial

from .internals import wrap
from .live import Live

logger = logging.getLogger(__name__)


def follow_commits(live: Live) -> None:
    """Let a test outlive an error of its shape: it goes on with the next edit."""
    wrap(Runner, "shape_worker", partial(_shape_worker, live))


def _shape_worker(live: Live, stock: Callable[[Runner], None], runner: Runner) -> None:
    while True:
        try:
            return stock(runner)
        except Exception:
            logger.exception("The shape fails, and the users stay as they are until the next edit")
            live.committed_within(None)


class Hold(LoadTestShape):
    """Stands in for a shape that an edit removed during its run."""

    abstract = True  # so that Locust does not list it

    def tick(self) -> tuple[int, float]:
        """The users that there are."""
        return self.runner.target_user_count if self.runner else 0, 1


def replace(environment: Environment, shapes: dict[str, LoadTestShape]) -> None:
    """Make `shapes` the available ones; the active one keeps its state under its new class."""
    had_none = not environment.available_shape_classes
    active, runner = environment.shape_class, environment.runner
    if active and (successor := shapes.get(type(active).__name__)):
        active.__class__ = type(successor)
        shapes = {**shapes, type(active).__name__: active}
    elif active:
        environment.shape_class = Hold() if runner and runner.shape_greenlet else None
    environment.available_shape_classes = shapes
    if isinstance(runner, MasterRunner):
        if shapes and had_none:
            _adopt(environment, runner, next(iter(shapes.values())))
        if environment.shape_class:
            environment.shape_class.runner = runner


def _adopt(environment: Environment, runner: MasterRunner, shape: LoadTestShape) -> None:
    """Follow a shape that an edit has added, a running test included."""
    environment.shape_class = shape
    if runner.state in (STATE_RUNNING, STATE_SPAWNING) and runner.shape_greenlet is None:
        shape.reset_time()
        runner.shape_last_tick = None
        runner.shape_greenlet = runner.greenlet.spawn(runner.shape_worker)

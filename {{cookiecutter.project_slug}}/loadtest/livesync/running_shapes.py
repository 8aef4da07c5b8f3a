"""Shapes during a test: an edited one applies at its next tick; after a removed one the number of users stays."""

from locust import LoadTestShape
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, Runner

import logging
from collections.abc import Callable

from .call_recorder import Calls
from .source import Definition

logger = logging.getLogger(__name__)

STARTED_BY = "livesync_started_by"
"""Attribute of a shape for the user's functions that its constructor called."""

KNOWN = "livesync_known_shapes"
"""Attribute of the environment for the shape classes that have been available in this process."""


def make(calls: Calls, shape_class: type[LoadTestShape]) -> LoadTestShape:
    """Create a shape, and record the user's functions that its constructor called."""
    called = calls.begin()
    try:
        shape = shape_class()
    finally:
        calls.end()
    vars(shape)[STARTED_BY] = called
    return shape


def started_by(shape: LoadTestShape) -> set[Definition]:
    """The user's functions that the constructor of the shape called, itself included."""
    called: set[Definition] = vars(shape).get(STARTED_BY, set())
    return called


def run(wait_for_commit: Callable[[], object], original: Callable[[Runner], None], runner: Runner) -> None:
    """Stands in for `Runner.shape_worker`: a test outlives an error of its shape, and goes on with the next edit."""
    while True:
        try:
            return original(runner)
        except Exception:
            logger.exception("The shape failed; the number of users stays the same until the next edit")
            wait_for_commit()


class Hold(LoadTestShape):
    """Stands in for a shape that an edit removed during its run."""

    abstract = True  # so that Locust does not list it

    def __init__(self, removed: LoadTestShape) -> None:
        super().__init__()
        self.removed = removed

    def tick(self) -> tuple[int, float]:
        """The present number of users."""
        return self.runner.target_user_count if self.runner else 0, 1


def replace(environment: Environment, shapes: dict[str, LoadTestShape]) -> None:
    """Make `shapes` the available ones; a test that follows one goes on with its successor of the same name.

    A shape that a plugin chose is not one of the locustfile's, so no edit of those replaces it.
    """
    active, runner = environment.shape_class, environment.runner
    is_chosen = active and active not in (environment.available_shape_classes or {}).values()
    removed = active.removed if isinstance(active, Hold) else active
    known: set[str] = vars(environment).get(KNOWN, set())
    added = [shape for shape in shapes.values() if type(shape).__name__ not in known]
    environment.available_shape_classes = shapes
    vars(environment)[KNOWN] = known | set(shapes)
    if is_chosen and not isinstance(active, Hold):
        return
    if removed and (successor := shapes.get(type(removed).__name__)):
        if hasattr(removed, "start_time"):  # a shape need not call the constructor of its base class
            successor.start_time = removed.start_time
        environment.shape_class = successor
    elif active and not isinstance(active, Hold):
        environment.shape_class = Hold(active) if runner and runner.shape_greenlet else None
    elif not active and added and isinstance(runner, MasterRunner):
        _follow(environment, runner, added[0])
    if environment.shape_class and isinstance(runner, MasterRunner):
        environment.shape_class.runner = runner


def _follow(environment: Environment, runner: MasterRunner, shape: LoadTestShape) -> None:
    """Follow a shape that an edit has added, a running test included."""
    environment.shape_class = shape
    if runner.state in (STATE_RUNNING, STATE_SPAWNING) and runner.shape_greenlet is None:
        shape.reset_time()
        runner.shape_last_tick = None
        runner.shape_greenlet = runner.greenlet.spawn(runner.shape_worker)

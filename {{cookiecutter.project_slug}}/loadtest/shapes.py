"""Shapes: how many users there are, over time. `--shape pulse`, LOCUST_SHAPE or the web UI's field chooses one.

Without a choice Locust goes by its own number of users and spawn rate. A shape lasts as long as Locust's run time.
"""

from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner, WorkerRunner
from locust.web import WebUI

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import start_form

RATE = 200
"""Users that start or stop in a second where the number jumps."""


@dataclass(frozen=True)
class Settings:
    """What the shapes have in common. Raises ValueError, with the name of the field, for what makes no sense."""

    low: int = field(default=1, metadata={"help": "Users at rest"})
    high: int = field(default=50, metadata={"help": "Users at most"})
    period: int = field(default=120, metadata={"help": "Seconds until a shape is complete, or begins again"})
    width: int = field(default=60, metadata={"help": "Seconds of a pulse, a spike, a step, or a soak's rise and fall"})

    def __post_init__(self) -> None:
        if self.low < 0:
            raise ValueError(f"low is {self.low}: it needs 0 users or more")
        if self.high < max(self.low, 1):
            raise ValueError(f"high is {self.high}: it needs at least 1 user, and as many as low ({self.low})")
        if self.period <= 0:
            raise ValueError(f"period is {self.period}: it needs at least 1 second")
        if not 0 < self.width <= self.period:
            raise ValueError(f"width is {self.width}: it needs from 1 second to a period ({self.period})")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Settings":
        """The settings among `values`, which may be text."""
        numbers = {}
        for name in (setting.name for setting in fields(cls)):
            try:
                numbers[name] = int(values[name])
            except ValueError:
                raise ValueError(f"{name} is {values[name]!r}: it needs a whole number") from None
        return cls(**numbers)

    def between(self, share: float) -> int:
        """Users at that share of the way from low to high."""
        return self.low + round((self.high - self.low) * min(max(share, 0), 1))


def constant(_second: float, settings: Settings) -> int:
    """Does it hold this load? `high` users from the beginning."""
    return settings.high


def ramp(second: float, settings: Settings) -> int:
    """At how many users does it begin to slow down? From `low` to `high` over a `period`, evenly."""
    return settings.between(second / settings.period)


def step(second: float, settings: Settings) -> int:
    """Which number of users does it still bear for long? From `low` to `high` over a `period`, a step each `width`."""
    return settings.between(second // settings.width / (settings.period // settings.width))


def spike(second: float, settings: Settings) -> int:
    """Does it survive a sudden crowd, and recover? `high` for a `width` in the middle of the first `period`."""
    return pulse(second, settings) if second < settings.period else settings.low


def pulse(second: float, settings: Settings) -> int:
    """Does it scale out under each pulse, and back in? `high` for a `width` in the middle of every `period`."""
    from_middle = abs(second % settings.period - settings.period / 2)
    return settings.high if from_middle < settings.width / 2 else settings.low


def soak(second: float, settings: Settings) -> int:
    """Does it leak or tire over hours? `high` for a `period`, with a rise and a fall of a `width` each."""
    return settings.between(min(second, settings.period - second) / settings.width)


SHAPES: dict[str, Callable[[float, Settings], int]] = {
    shape.__name__: shape for shape in (constant, ramp, step, spike, pulse, soak)
}


class Shape(LoadTestShape):
    """What Locust follows: the shape that is chosen, with settings that may change while it runs."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """Users wanted now, and how many of them to start or stop a second; None at the end of the run time."""
        second, limit = self.get_run_time(), self.options["run_time"]
        if limit and second >= limit:
            return None
        return SHAPES[self.options["shape"]](second, Settings.read(self.options)), RATE

    @property
    def options(self) -> dict[str, Any]:
        return vars(self.runner.environment.parsed_options) if self.runner else {}

    def problem(self, form: dict[str, str]) -> str | None:
        """Why this form cannot start a test, or change the one that runs, if so."""
        values = self.options | form
        if not values["shape"]:
            return None
        if values["shape"] not in SHAPES:
            return f"shape is {values['shape']!r}: it needs one of {', '.join(SHAPES)}"
        try:
            Settings.read(values)
        except ValueError as error:
            return str(error)
        return None


@events.init_command_line_parser.add_listener
def _add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    # In a group of its own the web UI would leave them out.
    choices = ["", *SHAPES]
    parser.add_argument(
        "--shape", choices=choices, default="", env_var="LOCUST_SHAPE", help="How many users, over time"
    )
    for setting in fields(Settings):
        parser.add_argument(
            f"--{setting.name}",
            type=int,
            default=setting.default,
            env_var=f"LOCUST_{setting.name.upper()}",
            help=setting.metadata["help"],
        )


@events.init.add_listener
def _offer_choice(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
    if isinstance(runner, WorkerRunner):
        return

    def choose(form: dict[str, str]) -> str | None:
        shape: Any = (environment.available_shape_classes or {}).get("Shape")  # live sync may have brought another
        if shape is None:
            return None
        shape.runner = runner
        if problem := shape.problem(form):
            return str(problem)
        if (shape.options | form)["shape"]:
            environment.shape_class = shape
        elif environment.shape_class is shape:
            if runner.state in (STATE_SPAWNING, STATE_RUNNING):
                return "shape is empty, and the test that runs follows one: stop it first"
            environment.shape_class = None
        return None

    if problem := choose({}):
        sys.exit(problem)
    if web_ui:
        start_form.check(web_ui, choose)

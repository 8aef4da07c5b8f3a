"""Adds `--shape` (LOCUST_SHAPE, and a field of the start form), which chooses one of the curves in shapes.py.

Without a choice Locust's own number of users and spawn rate apply, or the shape class of the locustfile.
A chosen shape runs as long as Locust's run time.
"""

from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner, WorkerRunner
from locust.web import WebUI

import sys
from dataclasses import fields
from typing import Any

from shapes import SHAPES, Settings

from . import forms

SPAWN_RATE = 200
"""Users that start or stop per second when a curve jumps."""


class ChosenShape(LoadTestShape):
    """Follows the curve that `--shape` names, with settings that may change while it runs."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """The number of users now and the spawn rate, or None at the end of the run time."""
        options = vars(self.runner.environment.parsed_options) if self.runner else {}
        second, limit = self.get_run_time(), options["run_time"]
        if limit and second >= limit:
            return None
        return SHAPES[options["shape"]](second, Settings.read(options)), SPAWN_RATE


def problem(values: dict[str, Any]) -> str | None:
    """Why no shape can run with these options, or None if one can or none is chosen."""
    if not values["shape"]:
        return None
    if values["shape"] not in SHAPES:
        return f"shape is {values['shape']!r}: it must be one of: {', '.join(SHAPES)}"
    try:
        Settings.read(values)
    except ValueError as error:
        return str(error)
    return None


@events.init_command_line_parser.add_listener
def _add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    # Not in an argument group, because the web UI would not show it.
    parser.add_argument(
        "--shape",
        choices=["", *SHAPES],
        default="",
        env_var="LOCUST_SHAPE",
        help="Curve of the number of users over time",
    )
    for setting in fields(Settings):
        parser.add_argument(
            f"--{setting.name}",
            type=int,
            default=setting.default,
            env_var=f"LOCUST_{setting.name.upper()}",
            help=setting.metadata["help"],
        )


class Choice:
    """Applies the option `--shape` to the environment."""

    def __init__(self, environment: Environment, runner: Runner, web_ui: WebUI | None) -> None:
        self.environment, self.runner = environment, runner
        self.has_class_picker = web_ui is not None and web_ui.userclass_picker_is_active
        self.chosen = ChosenShape()
        self.chosen.runner = runner

    def apply(self, form: dict[str, str]) -> str | None:
        """Follow the shape of the options, which `form` overrides, or return why that is impossible."""
        values = vars(self.environment.parsed_options) | form
        if message := problem(values):
            return message
        message = self._follow() if values["shape"] else self._follow_none()
        if not message and form.get("run_time") == "":
            # Locust would leave the option as it is, and the shape would end with the run time of the last test.
            vars(self.environment.parsed_options)["run_time"] = None
        return message

    def _follow(self) -> str | None:
        if self.has_class_picker:
            return "The class picker and a shape cannot be combined: leave shape empty, or omit --class-picker"
        self.environment.shape_class = self.chosen
        return None

    def _follow_none(self) -> str | None:
        if self.environment.shape_class is not self.chosen:
            return None
        if self.runner.state in (STATE_SPAWNING, STATE_RUNNING):
            return "The shape cannot be removed while a test uses it: stop the test first"
        # As at the start of Locust: the first shape class of the locustfile, if it has one.
        of_locustfile = next(iter((self.environment.available_shape_classes or {}).values()), None)
        if of_locustfile:
            of_locustfile.runner = self.runner
        self.environment.shape_class = of_locustfile
        return None


@events.init.add_listener
def _offer_choice(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
    if isinstance(runner, WorkerRunner) or not environment.parsed_options:
        return
    choice = Choice(environment, runner, web_ui)
    if message := choice.apply({}):
        sys.exit(message)
    if web_ui:
        forms.reject_start_if(web_ui, choice.apply)

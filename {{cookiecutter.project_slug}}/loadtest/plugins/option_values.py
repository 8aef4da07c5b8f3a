"""Rejects values of options that Locust accepts, but on which its master or its workers fail later.

It checks the options at the start, and the whole start form before Locust applies any of its fields.
"""

from locust import events
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.util.timespan import parse_timespan
from locust.web import WebUI

import math
import sys
from collections.abc import Callable, Mapping
from reprlib import Repr
from typing import Any

from flask import request

from . import forms

LARGEST = 2**63 - 1
"""Messages to workers cannot have a larger number, and each message that changes the number of users has all options."""

MOST_USERS = 1_000_000
"""A million needs about 20 GB of memory. With many more, the master blocks while it distributes them to the workers."""

USERS = ("user_count", "num_users", "users", "high")

FIELDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "user_count": (int, "a whole number"),
    "spawn_rate": (float, "a number"),
    "run_time": (lambda text: parse_timespan(text) if text else None, "a time, such as 90s, 20m or 1h30m"),
    "user_classes": (str, "names"),
}
"""Fields that Locust converts in its own way, whatever value their option has: the function, and what a value must be."""

KINDS = {int: "a whole number", float: "a number", list: "whole numbers, separated by commas"}

_short = Repr()
_short.maxstring = _short.maxlong = _short.maxother = 60


def problem(options: Mapping[str, Any]) -> str | None:
    """Why no test can run with these options, or None if one can."""
    # Locust's code has another name for --users.
    by_flag = {"users" if name == "num_users" else name: value for name, value in options.items()}
    return next(filter(None, (_out_of_range(name, value) for name, value in by_flag.items())), None)


def problem_of_form(form: Mapping[str, str], options: Mapping[str, Any]) -> str | None:
    """Why Locust cannot convert a field to a value of its option, or why no test can run with that value."""
    for name, text in form.items():
        current = options.get(name)
        convert, kind = FIELDS.get(name) or (_conversion(current), KINDS.get(type(current), "a valid value"))
        try:
            value = convert(text)
        except (ValueError, TypeError, ArithmeticError):
            return f"{name} is {_short.repr(text)}: it must be {kind}"
        if message := _out_of_range(name, value):
            return message
    return None


def is_url(value: object) -> bool:
    """Whether this can be a URL, by its characters alone; also if it is empty."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value


def _conversion(current: object) -> Callable[[str], Any]:
    """How Locust converts a field whose option has this value."""
    if current is None or isinstance(current, bool | str):
        return str
    if isinstance(current, list):
        whole = all(isinstance(item, int) for item in current)
        return lambda text: [int(item) for item in text.split(",")] if whole else text
    return type(current)


def _out_of_range(name: str, value: object) -> str | None:
    lowest, highest = (0, MOST_USERS) if name in USERS else (-LARGEST, LARGEST)
    match value:
        case int() if value < lowest:
            needed = f"at least {lowest}"
        case int() if value > highest:
            needed = f"at most {highest:,}"
        case float() if name == "spawn_rate" and not 0 < value < math.inf:
            needed = "a number above 0"
        case str() if name == "host" and not is_url(value):
            needed = "a URL, such as http://server:8000"
        case _:
            return None
    return f"{name} is {_short.repr(value)}: it must be {needed}"


def _unknown_choice(environment: Environment) -> str | None:
    """Why a choice in the class picker is rejected: the load test has no such class. None if it has all of them."""
    for field, known in {
        "user_classes": list(environment.available_user_classes or {}),
        "shape_class": ["Default", *(environment.available_shape_classes or {})],
    }.items():
        if unknown := set(request.form.getlist(field)) - set(known):
            return f"{field} contains {_short.repr(min(unknown))}, which is not one of: {', '.join(known)}"
    return None


@events.init.add_listener
def _check(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
    if isinstance(runner, WorkerRunner) or not environment.parsed_options:
        return
    options = vars(environment.parsed_options)
    if message := problem(options):
        sys.exit(message)

    def problem_of_start(form: dict[str, str]) -> str | None:
        has_shape = environment.shape_class or options.get("shape") or form.get("shape")
        for name in ("user_count", "spawn_rate"):
            # Locust would reject it, too, but only after it has cancelled the run time of the running test.
            if name not in form and not has_shape:
                return f"{name} is missing: set it, or choose a shape"
        return problem_of_form(form, options)

    if web_ui:
        forms.reject_start_if(web_ui, problem_of_start)
        if web_ui.userclass_picker_is_active:
            forms.reject_start_if(web_ui, lambda _: _unknown_choice(environment))

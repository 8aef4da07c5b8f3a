"""Rejects fields that the forms of the web UI do not show, such as a proxy, and invalid values of a user class."""

from locust import argument_parser, events
from locust.env import Environment
from locust.rpc import Message
from locust.web import WebUI

from collections.abc import Callable
from typing import Any

from . import forms, option_values

START_FIELDS = {"user_count", "spawn_rate", "host", "run_time", "profile", "user_classes", "shape_class"}
"""Fields of Locust's own start form. It also shows the options that plugins and the locustfile add."""


USER_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "weight": (lambda value: type(value) in (int, float) and 0 <= value <= 1_000_000, "a number from 0 to 1,000,000"),
    "fixed_count": (lambda value: type(value) is int and 0 <= value <= 1_000_000, "a whole number from 0 to 1,000,000"),
    "host": (lambda value: value is None or option_values.is_url(value), "a URL, such as http://server:8000"),
}
"""Valid values of a user class's form. Others would end a worker's connection to its master, or the distribution of users."""


def problem_of_start(form: dict[str, str], environment: Environment) -> str | None:
    """Why this start form is rejected, or None: Locust would write any field into the option of that name."""
    options = vars(environment.parsed_options).keys()
    hidden = form.keys() & (options - START_FIELDS - argument_parser.ui_extra_args_dict().keys())
    return f"The start form has no field {min(hidden)}: set it when you start Locust." if hidden else None


def problem_of_user(settings: Any, environment: Environment) -> str | None:
    """Why these settings of a user class are rejected, or None: Locust would set any attribute of the class."""
    known = environment.available_user_classes or {}
    name = settings.get("user_class_name") if isinstance(settings, dict) else None
    if not isinstance(name, str) or name not in known:
        return f"user_class_name must be one of: {', '.join(known) or '(there is none)'}."
    if hidden := settings.keys() - known[name].json().keys() - {"user_class_name"}:
        return f"The form of {name} has no field {min(hidden)}."
    for field, (is_valid, needed) in USER_VALUES.items():
        if field in settings and not is_valid(settings[field]):
            return f"{field} of {name} must be {needed}."
    known_tasks: list[Any] = (environment.available_user_tasks or {}).get(name, [])
    tasks = [task.__name__ for task in known_tasks]
    chosen = settings.get("tasks", tasks)
    # A user without tasks raises an exception instead of each task.
    if (tasks and not chosen) or not all(task in tasks for task in (chosen if isinstance(chosen, list) else [chosen])):
        return f"tasks of {name} must be one or more of: {', '.join(dict.fromkeys(tasks))}."
    return None if _fits_into_a_message(settings) else f"A value of {name} cannot be sent to the workers."


def _fits_into_a_message(settings: dict[str, Any]) -> bool:
    """Whether Locust can send the settings: it cannot if a whole number has more than 64 bits, or text is not Unicode."""
    try:
        Message("update_user_class", settings, "").serialize()
    except (ValueError, OverflowError):
        return False
    return True


@events.init.add_listener
def _check_forms(environment: Environment, web_ui: WebUI | None, **_: Any) -> None:
    if not web_ui or not environment.parsed_options:
        return
    forms.reject_start_if(web_ui, lambda form: problem_of_start(form, environment))
    forms.reject_user_if(web_ui, lambda settings: problem_of_user(settings, environment))

"""Rejects fields that the forms of the web UI do not show, such as a proxy or the name of a file."""

from locust import argument_parser, events
from locust.env import Environment
from locust.web import WebUI

from typing import Any, cast

from flask import Flask, Response, request

from . import start_form

START_FIELDS = {"user_count", "spawn_rate", "host", "run_time", "profile", "user_classes", "shape_class"}
"""Fields of Locust's own start form. It also shows the options that plugins and the locustfile add."""


def problem_of_start(form: dict[str, str], environment: Environment) -> str | None:
    """Why this start form is rejected, or None: Locust would write any field into the option of that name."""
    options = vars(environment.parsed_options).keys()
    hidden = form.keys() & (options - START_FIELDS - argument_parser.ui_extra_args_dict().keys())
    return f"The start form has no field {min(hidden)}: set it when you start Locust." if hidden else None


def problem_of_user(settings: Any, environment: Environment) -> str | None:
    """Why these settings of a user class are rejected, or None: Locust would set any attribute of the class."""
    known = environment.available_user_classes or {}
    if not isinstance(settings, dict) or settings.get("user_class_name") not in known:
        return f"Name one of these user classes in user_class_name: {', '.join(known) or 'there is none'}."
    user_class = known[settings["user_class_name"]]
    hidden = settings.keys() - user_class.json().keys() - {"user_class_name"}
    return f"The form of {settings['user_class_name']} has no field {min(hidden)}." if hidden else None


@events.init.add_listener
def _check_forms(environment: Environment, web_ui: WebUI | None, **_: Any) -> None:
    if not web_ui or not environment.parsed_options:
        return

    def reject_user() -> Response | None:
        if request.endpoint != "locust.update_user":
            return None
        settings = request.get_json(force=True, silent=True)
        message = problem_of_user(settings, environment)
        return Response(message, status=400, mimetype="text/plain") if message else None

    start_form.reject_if(web_ui, lambda form: problem_of_start(form, environment))
    cast(Flask, web_ui.app).before_request(reject_user)

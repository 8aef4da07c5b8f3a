"""Lets plugins reject the forms of the web UI, so that no test starts or continues with invalid values."""

from locust.web import WebUI

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response, jsonify, request


def reject_start_if(web_ui: WebUI, problem: Callable[[dict[str, str]], str | None]) -> None:
    """Reject the start form while `problem(form)` returns a message, and show that message.

    The form also changes a running test; a rejected form changes nothing.
    """

    def answer() -> Response | None:
        if request.endpoint == "locust.swarm" and (message := problem(request.form.to_dict())):
            return jsonify(success=False, message=message, host=web_ui.environment.host)
        return None

    cast(Flask, web_ui.app).before_request(answer)


def reject_user_if(web_ui: WebUI, problem: Callable[[Any], str | None]) -> None:
    """Reject the form of a user class while `problem(settings)` returns a message; settings may be any JSON value."""

    def answer() -> Response | None:
        if request.endpoint == "locust.update_user" and (message := problem(_json())):
            return Response(message, status=400, mimetype="text/plain")
        return None

    cast(Flask, web_ui.app).before_request(answer)


def _json() -> Any:
    try:
        return request.get_json(force=True, silent=True)
    except RecursionError:
        return None

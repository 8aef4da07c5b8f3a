"""Lets a plugin reject the web UI's start form, so that no test starts with invalid values."""

from locust.web import WebUI

from collections.abc import Callable
from typing import cast

from flask import Flask, Response, jsonify, request


def reject_if(web_ui: WebUI, problem: Callable[[dict[str, str]], str | None]) -> None:
    """Reject the start form while `problem(form)` returns a message, and show that message.

    The form also changes a test that runs; a rejected one changes nothing.
    """

    def answer() -> Response | None:
        if request.endpoint == "locust.swarm" and (message := problem(request.form.to_dict())):
            return jsonify(success=False, message=message, host=web_ui.environment.host)
        return None

    cast(Flask, web_ui.app).before_request(answer)

"""The web UI's start form, and what it must not ask for."""

from locust.web import WebUI

from collections.abc import Callable
from typing import cast

from flask import Flask, Response, jsonify, request


def check(web_ui: WebUI, problem: Callable[[dict[str, str]], str | None]) -> None:
    """From now on a form whose fields have a `problem` starts no test and changes none, and is answered with it."""

    def answer() -> Response | None:
        if request.endpoint == "locust.swarm" and (message := problem(request.form.to_dict())):
            return jsonify(success=False, message=message, host=web_ui.environment.host)
        return None

    cast(Flask, web_ui.app).before_request(answer)

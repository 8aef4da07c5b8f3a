"""Continues the test after a restart of the master, if LIVESYNC_RESUME is set."""

from locust.env import Environment
from locust.runners import STATE_INIT, STATE_STOPPED, MasterRunner
from locust.web import WebUI

import os
from typing import Any, cast

from flask import Flask


def can_resume(environment: Environment, runner: MasterRunner) -> bool:
    """Whether this master starts a test again: that is wanted, and none runs."""
    is_idle = runner.state in (STATE_INIT, STATE_STOPPED)
    return bool(os.environ.get("LIVESYNC_RESUME")) and environment.web_ui is not None and is_idle


def resume(environment: Environment, runner: MasterRunner, options: dict[str, Any]) -> None:
    """Start a test with the `options` of the one that ran, as the web UI's start form would."""
    if not can_resume(environment, runner):
        return
    own = vars(environment.parsed_options)
    # The start form has the number of users under another name, and a plugin may reject a field that it does not have.
    others = {name: value for name, value in options.items() if name != "num_users"}
    changed = {name: value for name, value in others.items() if value is not None and value != own.get(name)}
    form = {name: str(value).lower() if isinstance(value, bool) else value for name, value in changed.items()}
    numbers = {"user_count": options["num_users"], "spawn_rate": options["spawn_rate"]}
    with cast(Flask, cast(WebUI, environment.web_ui).app).test_client() as browser:
        browser.post(f"{own['web_base_path']}/swarm", data=form | numbers)

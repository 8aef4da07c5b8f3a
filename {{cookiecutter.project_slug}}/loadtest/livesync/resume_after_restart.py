"""Continues the test after a restart of the master, if LIVESYNC_RESUME is set."""

from locust.env import Environment
from locust.runners import STATE_INIT, STATE_STOPPED, MasterRunner

import os
from typing import Any, cast

from flask import Flask


def resume(environment: Environment, runner: MasterRunner, options: dict[str, Any]) -> None:
    """Start a test with the `options` of the one that ran, as the web UI's start form would."""
    web_ui = environment.web_ui
    if not os.environ.get("LIVESYNC_RESUME") or not web_ui or runner.state not in (STATE_INIT, STATE_STOPPED):
        return
    own = vars(environment.parsed_options)
    changed = {name: value for name, value in options.items() if value is not None and value != own.get(name)}
    form = {name: str(value).lower() if isinstance(value, bool) else value for name, value in changed.items()}
    numbers = {"user_count": options["num_users"], "spawn_rate": options["spawn_rate"]}
    with cast(Flask, web_ui.app).test_client() as browser:
        browser.post(f"{own['web_base_path']}/swarm", data=form | numbers)

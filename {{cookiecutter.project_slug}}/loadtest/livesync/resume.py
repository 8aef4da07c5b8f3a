"""Resume: a master that was restarted during a test goes on with it, if LIVESYNC_RESUME is set."""

from locust.env import Environment
from locust.runners import STATE_INIT, STATE_STOPPED, MasterRunner

import os
from typing import Any


def resume(environment: Environment, runner: MasterRunner, options: dict[str, Any]) -> None:
    """Start a test with the `options` of the one that ran: users, spawn rate, host and custom arguments."""
    if not os.environ.get("LIVESYNC_RESUME") or runner.state not in (STATE_INIT, STATE_STOPPED):
        return
    vars(environment.parsed_options).update(options)
    environment.host = options["host"]
    if environment.shape_class:
        runner.start_shape()
    else:
        runner.start(options["num_users"], options["spawn_rate"])

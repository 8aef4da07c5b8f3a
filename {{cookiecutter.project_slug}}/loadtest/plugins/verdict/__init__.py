"""Verdict: a run with `--verdict FOLDER` leaves FOLDER/verdict.json and ends with exit code 0 or 1.

`run_monitor` watches the run and collects the checks: `service_levels` compares the statistics with slo.toml, `user_checks`
looks at the users, `user_exceptions` at exceptions in their code, `unanswered_requests` at requests that the statistics lack,
`load_generator` at the workers. `verdict_document` is the content of verdict.json; schema.json describes it.
"""

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner

import atexit
import os
import sys
from pathlib import Path
from typing import Any

from livesync.errors import Rejected

from . import load_generator, unanswered_requests, user_checks, user_exceptions
from .run_monitor import RunMonitor
from .service_levels import ServiceLevels

SLO = Path(__file__).parents[2] / "slo.toml"

_verdicts: list[Path] = []
"""The verdict that this process has to leave."""


@events.init_command_line_parser.add_listener
def _add_argument(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument(
        "--verdict",
        metavar="FOLDER",
        env_var="LOCUST_VERDICT",
        help="Check the run against slo.toml, write verdict.json into this folder, and exit with 1 if a check fails",
        include_in_web_ui=False,
    )


@events.init.add_listener
def _begin(environment: Environment, runner: Runner, **_: Any) -> None:
    if isinstance(runner, WorkerRunner):
        load_generator.report_throttling(environment)
        user_checks.report_missing(environment, runner)
        user_exceptions.report_exceptions(environment)
        unanswered_requests.report_unanswered(environment)
    elif environment.parsed_options and environment.parsed_options.verdict:
        folder = Path(environment.parsed_options.verdict).absolute()
        try:
            levels = ServiceLevels.read(SLO)
        except (ValueError, OSError) as error:
            sys.exit(f"{SLO.name}: {getattr(error, 'strerror', None) or error}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "verdict.json").unlink(missing_ok=True)  # of an earlier run
        except OSError as error:
            sys.exit(f"{folder} cannot be created for the verdict ({error.strerror}): name another folder.")
        try:
            RunMonitor(environment, runner, levels, folder).begin()
        except Rejected as reason:
            sys.exit(str(reason))
        _verdicts.append(folder / "verdict.json")


# Registered before Locust registers what ends its workers, so that it is called after that.
@atexit.register
def _require_verdict() -> None:
    if not all(verdict.exists() for verdict in _verdicts):
        print("The run ended without a verdict, perhaps by sys.exit in user code.", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

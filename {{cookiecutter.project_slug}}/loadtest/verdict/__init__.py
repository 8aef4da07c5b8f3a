"""Verdict: a headless run with `--verdict FOLDER` is judged by slo.toml, and ends with exit code 0 or 1.

judge looks on while the test runs: slo compares with the service levels, generator tells whether Locust itself was at
its limit, and files writes what is left in the folder beside Locust's own reports.
"""

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner

import sys
from functools import partial
from pathlib import Path
from typing import Any

from . import generator
from .judge import Judge
from .slo import Levels

SLO = Path(__file__).parents[1] / "slo.toml"


@events.init_command_line_parser.add_listener
def _add_argument(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument(
        "--verdict",
        metavar="FOLDER",
        env_var="LOCUST_VERDICT",
        help="Judge the run by slo.toml: a summary and JUnit XML in this folder, and the exit code",
        include_in_web_ui=False,
    )


@events.init.add_listener
def _begin(environment: Environment, runner: Runner, **_: Any) -> None:
    if isinstance(runner, WorkerRunner):
        generator.report_throttling(environment)
    elif environment.parsed_options and (folder := environment.parsed_options.verdict):
        try:
            levels = Levels.read(SLO)
        except (ValueError, OSError) as error:
            sys.exit(f"{SLO.name}: {error}")
        judge = Judge(environment, runner, levels)
        runner.greenlet.spawn(judge.watch)
        events.quitting.add_listener(partial(judge.end, folder=Path(folder)))

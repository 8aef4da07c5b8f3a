"""What a run to completion is set to: loadtest/headless.toml, environment variables, which override it, and slo.toml."""

import math
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from cluster import Problem

LOADTEST = Path(__file__).parents[1] / "loadtest"
HEADLESS = LOADTEST / "headless.toml"
SLO = LOADTEST / "slo.toml"
WORKERS = "LOCUST_EXPECT_WORKERS"

OF_THE_RUN = re.compile(
    "LOCUST_(LOCUSTFILE|CONFIG|MODE_.*|MASTER_.*|PROCESSES|EXPECT_WORKERS_MAX_WAIT|HEADLESS|HEADFUL|AUTO.*|WEB_.*|TLS_.*|"
    "USERCLASS_PICKER|BUILD_PATH|LEGACY_UI|CSV|CSV_FULL_HISTORY|HTML|JSON_FILE|PRINT_STATS|ONLY_SUMMARY|VERDICT|"
    "SKIP_LOG_SETUP|LOGFILE|SKIP_MONKEY_PATCH)"
)
"""Variables for what a run to completion decides by itself, such as who is the master and where its reports go."""


def from_environment() -> dict[str, str]:
    """The variables that override headless.toml: all of Locust's and of the load test's own, but those OF_THE_RUN."""
    return {name: value for name, value in sorted(os.environ.items()) if _is_setting(name)}


def process_environment() -> dict[str, str]:
    """The environment for a process of the run: this one's, without the variables OF_THE_RUN."""
    return {name: value for name, value in os.environ.items() if not OF_THE_RUN.fullmatch(name)}


def describe_environment() -> str:
    """One line that names the variables which are taken and ignored, without their values, which may be secret."""
    ignored = [name for name in sorted(os.environ) if OF_THE_RUN.fullmatch(name)]
    taken = f"From the environment: {', '.join(from_environment()) or 'nothing'}"
    return f"{taken}; ignored, as the run decides it: {', '.join(ignored)}" if ignored else taken


def _is_setting(name: str) -> bool:
    return name.startswith("LOCUST_") and not OF_THE_RUN.fullmatch(name)


def expected_workers(file: Path = HEADLESS) -> int:
    """How many workers the run starts and waits for. Raises Problem for an invalid setting."""
    if WORKERS in os.environ:
        return _workers(WORKERS, os.environ[WORKERS])
    options = _options(file)
    if "expect-workers" not in options:
        raise Problem(f"{file.name} has no expect-workers in [tool.locust]: add it, such as expect-workers = 2")
    return _workers(f"expect-workers in {file.name}", options["expect-workers"])


def p95_level(file: Path = SLO) -> float:
    """Milliseconds that slo.toml allows p95 in total; infinite where it has no such level, of which the verdict tells."""
    match _read(file) if file.exists() else {}:
        case {"total": {"p95": int(level) | float(level)}}:
            return level
    return math.inf


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Problem(f"{file.name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _options(file: Path) -> dict[str, Any]:
    match _read(file):
        case {"tool": {"locust": dict(options)}}:
            return options
    raise Problem(f"{file.name} has no table [tool.locust]: put the options of Locust there")


def _workers(name: str, value: object) -> int:
    if re.fullmatch("[1-9][0-9]{0,5}", value if isinstance(value, str) else repr(value)):
        return int(str(value))
    raise Problem(f"{name} is {value!r}: it needs a whole number of at least 1")

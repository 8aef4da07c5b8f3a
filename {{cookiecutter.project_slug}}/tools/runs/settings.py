"""Settings of a run: loadtest/headless.toml, the environment variables that override it, and slo.toml."""

import math
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from ..problem import Problem

LOADTEST = Path(__file__).parents[2] / "loadtest"
HEADLESS = LOADTEST / "headless.toml"
SLO = LOADTEST / "slo.toml"
WORKERS = "LOCUST_EXPECT_WORKERS"

RESERVED = re.compile(
    "LOCUST_(LOCUSTFILE|CONFIG|MODE_.*|MASTER_.*|PROCESSES|EXPECT_WORKERS_MAX_WAIT|HEADLESS|HEADFUL|AUTO.*|WEB_.*|TLS_.*|"
    "USERCLASS_PICKER|BUILD_PATH|LEGACY_UI|CSV|CSV_FULL_HISTORY|HTML|JSON_FILE|PRINT_STATS|ONLY_SUMMARY|VERDICT|"
    "SKIP_LOG_SETUP|LOGFILE|SKIP_MONKEY_PATCH)"
)
"""Variables that a run sets itself or does without, such as the roles of its processes and the files of its reports."""


def from_environment() -> dict[str, str]:
    """The variables that override headless.toml: all of Locust and of the load test that are not reserved or empty."""
    return {name: value for name, value in sorted(process_environment().items()) if name.startswith("LOCUST_")}


def process_environment() -> dict[str, str]:
    """The environment for a process of the run: the one of this process without the reserved and empty variables."""
    return {
        name: value
        for name, value in os.environ.items()
        if not RESERVED.fullmatch(name) and not (name.startswith("LOCUST_") and not value)
    }


def describe_environment() -> str:
    """One line with the names of the variables that are used and ignored. Their values may be secret."""
    ignored = [name for name in sorted(os.environ) if RESERVED.fullmatch(name)]
    used = f"Variables used: {', '.join(from_environment()) or 'none'}"
    return f"{used}; ignored, because the run sets them: {', '.join(ignored)}" if ignored else used


def as_variables(file: Path) -> dict[str, str]:
    """The options in a TOML file of Locust, as the environment variables that set them. Raises Problem if it is invalid."""
    return {f"LOCUST_{name.upper().replace('-', '_')}": str(value) for name, value in _options(file).items()}


def require_valid(settings: dict[str, str], loadtest: Path = LOADTEST) -> None:
    """Raise Problem, with Locust's message, if Locust rejects headless.toml, these settings or the locustfile."""
    _options(loadtest / HEADLESS.name)
    command = [sys.executable, "-m", "plugins", "--config", HEADLESS.name, "--list"]
    environment = process_environment() | settings
    checked = subprocess.run(
        command, cwd=loadtest, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    if checked.returncode:
        message = checked.stderr.partition("error: ")[2] or checked.stderr
        raise Problem(f"Locust rejects headless.toml, a LOCUST_ variable or the locustfile: {message.strip()}")


def expected_workers(file: Path = HEADLESS) -> int:
    """How many workers the run starts and waits for. Raises Problem for an invalid setting."""
    if value := os.environ.get(WORKERS):
        return _workers(WORKERS, value)
    options = _options(file)
    if "expect-workers" not in options:
        raise Problem(f"{file.name} has no expect-workers in [tool.locust]: add it, such as expect-workers = 2")
    return _workers(f"expect-workers in {file.name}", options["expect-workers"])


def p95_level(file: Path = SLO) -> float:
    """The level of p95 for the total in slo.toml, in milliseconds; infinite if there is none, which the verdict reports."""
    match _read(file) if file.exists() else {}:
        case {"total": {"p95": int(level) | float(level)}}:
            return level
    return math.inf


def _read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        repr(content)  # raises ValueError if a hexadecimal number has too many decimal digits to be shown
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(f"{file.name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return content


def _options(file: Path) -> dict[str, Any]:
    match _read(file):
        case {"tool": {"locust": dict(options)}}:
            pass
        case _:
            raise Problem(f"{file.name} has no table [tool.locust]: put the options of Locust there")
    for name, value in options.items():
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", name):
            raise Problem(f"{file.name} has {name!r}, which is no option of Locust: see locust --help")
        if isinstance(value, str) and "\0" in value:
            raise Problem(f"{name} in {file.name} is {value!r}: it needs a value without null characters")
        if isinstance(value, dict) or (isinstance(value, float) and not math.isfinite(value)):
            raise Problem(f"{name} in {file.name} is {value!r}: it needs a value of Locust's option --{name}")
    return options


def _workers(name: str, value: object) -> int:
    if re.fullmatch("[1-9][0-9]{0,5}", value if isinstance(value, str) else repr(value)):
        return int(str(value))
    raise Problem(f"{name} is {value!r}: it needs a whole number of at least 1")

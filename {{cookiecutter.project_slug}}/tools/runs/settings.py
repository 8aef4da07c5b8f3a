"""Settings of a run: loadtest/headless.toml, the environment variables that override it, and slo.toml."""

import json
import math
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from ..problem import Problem
from .settings_check import INVALID_LEVELS, INVALID_OPTION

LOADTEST = Path(__file__).parents[2] / "loadtest"
HEADLESS = LOADTEST / "headless.toml"
SLO = LOADTEST / "slo.toml"
WORKERS, WORKERS_TIMEOUT = "LOCUST_EXPECT_WORKERS", "LOCUST_EXPECT_WORKERS_MAX_WAIT"

RESERVED = re.compile(
    "LOCUST_(LOCUSTFILE|CONFIG|MODE_.*|MASTER_.*|PROCESSES|EXPECT_WORKERS_MAX_WAIT|HEADLESS|HEADFUL|AUTO.*|WEB_.*|TLS_.*|"
    "USERCLASS_PICKER|BUILD_PATH|LEGACY_UI|CSV|CSV_FULL_HISTORY|HTML|JSON_FILE|PRINT_STATS|ONLY_SUMMARY|VERDICT|"
    "SKIP_LOG_SETUP|LOGFILE|SKIP_MONKEY_PATCH)"
)
"""Variables that a run sets itself or does without, such as the roles of its processes and the files of its reports."""

RESERVED_OPTIONS = {"worker", "master", "slave", "list", "help", "version", "show-task-ratio", "show-task-ratio-json"}
"""Options without such a variable with which Locust would run no test, or one without a verdict."""

CHECK_TIMEOUT = 60
"""Seconds that the locustfile may take to load."""


class RunSettings(NamedTuple):
    """What the checks of the settings give a run."""

    variables: dict[str, str]
    """Of Locust, for the options in files other than headless.toml."""
    run_time: int | None
    """Seconds; None for a run without end."""


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
    return {
        _variable(name): json.dumps(value) if isinstance(value, list) else str(value)
        for name, value in _options(file).items()
    }


def valid_settings(*files: Path, loadtest: Path = LOADTEST) -> RunSettings:
    """The settings of a run with headless.toml and, as variables, the options in `files`.

    Raises Problem, which names the file or the variable, if one of them, the locustfile or slo.toml is invalid.
    """
    options = {file.name: _options(file) for file in (*files, loadtest / HEADLESS.name)}
    for file in files:
        if "expect-workers" in options[file.name]:
            raise Problem(f"{file.name} has expect-workers, which applies in {HEADLESS.name} alone: set it there")
    variables = {name: value for file in files for name, value in as_variables(file).items()}
    found = _check(loadtest, variables | process_environment(), options)
    for file in files:
        for option in options[file.name]:
            if _variable(option) not in found["variables"]:
                raise Problem(f"{file.name} has {option!r}, which is no option of Locust that has a variable")
    return RunSettings(variables, found["run_time"])


def _check(loadtest: Path, environment: dict[str, str], options: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What settings_check.py prints; `options` are those of the files by name. Raises Problem if it rejects the settings."""
    script = str(Path(__file__).with_name("settings_check.py"))
    command = [sys.executable, "-P", script, "--config", HEADLESS.name]
    try:
        checked = subprocess.run(
            command, cwd=loadtest, env=environment, capture_output=True, text=True, check=False, timeout=CHECK_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise Problem(
            f"The locustfile takes more than {CHECK_TIMEOUT} s to load: move slow code into on_start"
        ) from None
    reason = checked.stderr.strip()
    if checked.returncode == INVALID_LEVELS:
        raise Problem(reason)
    if checked.returncode == INVALID_OPTION:
        message = " ".join(reason.rpartition("error: ")[2].split())
        raise Problem(f"{_source(message, options)} is invalid: {message}")
    if checked.returncode:
        places = re.findall(rf'File "{re.escape(str(loadtest.resolve()))}/(.+)", line (\d+)', reason)
        place = ":".join(places[-1]) + ": " if places else ""
        raise Problem(f"The locustfile cannot be loaded: {place}{(reason.splitlines() or ['no reason'])[-1]}")
    return dict(json.loads(checked.stdout.splitlines()[-1]))


def _source(message: str, options: dict[str, dict[str, Any]]) -> str:
    """The variable or the file that sets the option which Locust's message names."""
    if named := re.search(r"--([\w-]+)|^([\w-]+) (?:is|can't) ", message):
        option = (named[1] or named[2]).replace("_", "-")
        if _variable(option) in from_environment():
            return _variable(option)
        for file, of_file in options.items():
            if option in of_file:
                return file
    return " or ".join([*options, "a variable of Locust"])


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
            raise Problem(f"{name} in {file.name} is {value!r}: it must be a value without null characters")
        if RESERVED.fullmatch(_variable(name)) or name.lower() in RESERVED_OPTIONS:
            raise Problem(f"{file.name} has {name!r}, which cannot be set for a run: remove it")
        if name.lower() == "host":
            raise Problem(
                f"{file.name} has {name!r}, which LOCUST_HOST overrides: remove it, and set LOCUST_HOST in "
                "k8s/base/kustomization.yaml, or for one run: LOCUST_HOST=http://... make headless"
            )
        if isinstance(value, dict) or (isinstance(value, float) and not math.isfinite(value)):
            raise Problem(f"{name} in {file.name} is {value!r}: it must be a value of Locust's option --{name}")
    return options


def _variable(option: str) -> str:
    return f"LOCUST_{option.upper().replace('-', '_')}"


def _workers(name: str, value: object) -> int:
    if re.fullmatch("[1-9][0-9]{0,5}", value if isinstance(value, str) else repr(value)):
        return int(str(value))
    raise Problem(f"{name} is {value!r}: it must be a whole number of at least 1")

"""What a run to completion is set to: loadtest/headless.toml, and environment variables, which override it."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from cluster import Problem

FILE = Path(__file__).parents[1] / "loadtest" / "headless.toml"
WORKERS = "LOCUST_EXPECT_WORKERS"


def expected_workers(file: Path = FILE) -> int:
    """How many workers the run starts and waits for. Raises Problem for an invalid setting."""
    if WORKERS in os.environ:
        return _workers(WORKERS, os.environ[WORKERS])
    options = _options(file)
    if "expect-workers" not in options:
        raise Problem(f"{file.name} has no expect-workers in [tool.locust]: add it, such as expect-workers = 2")
    return _workers(f"expect-workers in {file.name}", options["expect-workers"])


def _options(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Problem(f"{file.name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    match content:
        case {"tool": {"locust": dict(options)}}:
            return options
    raise Problem(f"{file.name} has no table [tool.locust]: put the options of Locust there")


def _workers(name: str, value: object) -> int:
    if re.fullmatch("[1-9][0-9]{0,5}", value if isinstance(value, str) else repr(value)):
        return int(str(value))
    raise Problem(f"{name} is {value!r}: it needs a whole number of at least 1")

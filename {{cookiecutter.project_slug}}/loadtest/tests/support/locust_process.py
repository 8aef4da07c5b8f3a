"""Locust with the plugins, as a process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

LOADTEST = Path(__file__).parents[2]


def locust(*arguments: str, folder: Path, module: str = "plugins", **environment: str) -> "subprocess.Popen[str]":
    """Start Locust on the locustfile in `folder`; output and errors come together."""
    outside = {name: value for name, value in os.environ.items() if name != "LOCUST_SKIP_MONKEY_PATCH"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=outside | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


class Run(NamedTuple):
    """How a run of Locust ended."""

    code: int
    output: str
    rows: list[dict[str, Any]]
    """Its statistics, a dictionary per request."""

"""Locust with the plugins, as a process."""

import compileall
import os
import subprocess
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any, NamedTuple

LOADTEST = Path(__file__).parents[2]


def compile_once(folder: Path) -> None:
    """Compile the Python files of a folder, which no process that is started there has to do then."""
    compileall.compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)


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

"""Fixtures: a real service, runs of Locust against it, and swarms with live sync."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.locust_process import LOADTEST, Run, locust
from support.ports import free_port
from support.service import Service
from support.swarm_fixtures import idle, shared, swarm
from support.waiting import TIMEOUT

__all__ = ["idle", "shared", "swarm"]

# Importing Locust would turn the threads of the tests into greenlets.
os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the load test, which a test may change."""
    return Path(shutil.copytree(LOADTEST, tmp_path / "loadtest", ignore=shutil.ignore_patterns("tests", "__pycache__")))


@pytest.fixture
def run_locust(service: Service, tmp_path: Path) -> Callable[..., Run]:
    """Run Locust without a web UI against the service, for some seconds."""

    def run(*arguments: str, folder: Path = LOADTEST, **environment: str) -> Run:
        file = tmp_path / "rows.json"
        environment = {"LOCUST_HOST": service.url} | environment
        load = ["--users", "4", "--spawn-rate", "4", "--run-time", "4s"]
        port = str(free_port())
        ports = ["--master-bind-port", port, "--master-port", port]
        options = ["--headless", *load, *ports, "--json-file", str(file.with_suffix("")), *arguments]
        with locust(*options, folder=folder, **environment) as process:
            try:
                output, _ = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
        return Run(process.returncode, output, json.loads(file.read_text()) if file.exists() else [])

    return run

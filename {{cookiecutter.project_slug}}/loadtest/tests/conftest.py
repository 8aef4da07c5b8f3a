"""Fixtures: a real service, runs of Locust against it, and swarms with live sync."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.locust_process import LOADTEST, Run, compile_once, locust
from support.ports import free_port, is_taken
from support.service import Service
from support.swarm_fixtures import idle, shared, swarm
from support.waiting import TIMEOUT, wait_until

__all__ = ["idle", "shared", "swarm"]

# Importing Locust would turn the threads of the tests into greenlets.
os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The load test with the files of `example` in place of yours, so that your edits fail no test of the plugins."""
    left_out = shutil.ignore_patterns("tests", "__pycache__", ".env")
    folder = shutil.copytree(LOADTEST, tmp_path_factory.mktemp("example") / "loadtest", ignore=left_out)
    shutil.copytree(LOADTEST / "tests/example", folder, dirs_exist_ok=True)
    compile_once(folder)
    return Path(folder)


@pytest.fixture
def copy(example: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return Path(shutil.copytree(example, tmp_path / "loadtest"))


@pytest.fixture
def run_locust(service: Service, example: Path, tmp_path: Path) -> Callable[..., Run]:
    """Run Locust without a web UI against the service, for some seconds."""

    def run(*arguments: str, folder: Path = example, **environment: str) -> Run:
        file = tmp_path / "rows.json"
        environment = {"LOCUST_HOST": service.url} | environment
        load = ["--users", "4", "--spawn-rate", "4", "--run-time", "6s"]
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


@pytest.fixture
def start_web_ui(service: Service, example: Path) -> Iterator[Callable[..., str]]:
    """Start Locust, and return the address of its web UI once that answers."""
    with ExitStack() as processes:

        def start(*options: str, **environment: str) -> str:
            port = free_port()
            address = ["--web-host", "127.0.0.1", "--web-port", str(port)]
            process = locust(*address, "--host", service.url, *options, folder=example, **environment)
            processes.callback(process.communicate)
            processes.callback(process.kill)
            wait_until(lambda: is_taken(port), "the web UI")
            return f"http://127.0.0.1:{port}"

        yield start


@pytest.fixture
def web_ui(start_web_ui: Callable[..., str]) -> str:
    """The address of the web UI of a Locust that runs."""
    return start_web_ui()

"""The load test against a real server: the default user class asks for nothing but GET /hello."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

LOADTEST = Path(__file__).parents[1]
NO_PATCH = "LOCUST_SKIP_MONKEY_PATCH"
LOAD = ["--users", "4", "--spawn-rate", "4", "--run-time", "4s"]


class Service(ThreadingHTTPServer):
    """Another service than this repository's: it knows /hello, and remembers who came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.visitors: list[str] = []
        self.tokens: set[str] = set()

    def handle_error(self, *_: Any) -> None:
        """Say nothing when a user that is stopped hangs up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        self.server.visitors.append(self.headers["X-Visitor"])
        self.server.tokens.add(self.headers["Authorization"])
        self.send_response(200 if self.path == "/hello" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        thread = Thread(target=service.serve_forever)
        thread.start()
        yield service
        service.shutdown()
        thread.join()


def run_locust(service: Service, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run Locust for some seconds and return its statistics, a dictionary a row."""
    host = f"http://127.0.0.1:{service.server_port}"
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "locust",
            "--headless",
            "--json-file",
            str(folder / "rows"),
            "--host",
            host,
            *LOAD,
            *arguments,
        ],
        cwd=LOADTEST,
        env={name: value for name, value in os.environ.items() if name != NO_PATCH} | {"API_TOKEN": "secret"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    rows: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text())
    return rows


def test_the_default_users_need_nothing_but_hello(service: Service, tmp_path: Path) -> None:
    rows = run_locust(service, tmp_path)
    assert {row["name"] for row in rows} == {"/hello"}
    assert sum(row["num_requests"] for row in rows) > 4
    assert sum(row["num_failures"] for row in rows) == 0


def test_no_two_users_share_a_row_across_workers(service: Service, tmp_path: Path) -> None:
    run_locust(service, tmp_path, "--processes", "2")
    names = [line.split(",")[0] for line in (LOADTEST / "data/users.csv").read_text().splitlines()[1:5]]
    assert set(service.visitors) == set(names)


def test_a_secret_reaches_the_requests(service: Service, tmp_path: Path) -> None:
    run_locust(service, tmp_path)
    assert service.tokens == {"Bearer secret"}

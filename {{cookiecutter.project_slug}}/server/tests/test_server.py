"""The server's promises, tried on a real uvicorn process."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation

LIMIT = 60  # seconds for any one step


class Server:
    """A uvicorn process with the application, and the means to ask it."""

    def __init__(self) -> None:
        # The socket listens before the process does, so that a first request waits instead of being refused.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.host, self.port = listener.getsockname()
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "uvicorn", "server:app", "--fd", str(listener.fileno())],
                cwd=Path(__file__).parents[1],
                pass_fds=[listener.fileno()],
            )

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body of a GET."""
        with closing(self.send(path)) as connection, connection.getresponse() as response:
            return response.status, json.load(response)

    def send(self, path: str) -> http.client.HTTPConnection:
        """The connection on which a GET was sent."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=LIMIT)
        connection.request("GET", path)
        return connection

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT)


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(LIMIT)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/hello", 200, {"message": "Hello from FastAPI!"}),
        ("/cpu?ms=0", 200, {"message": "Used 0 ms of CPU time."}),
        ("/wait?ms=1", 200, {"message": "Waited 1 ms."}),
        ("/flaky?rate=0", 200, {"message": "Did not fail."}),
        ("/flaky?rate=1", 503, {"detail": "Failed on purpose."}),
        ("/healthz", 200, {"status": "ok"}),
        ("/absent", 404, {"detail": "Not Found"}),
    ],
)
def test_a_route_answers(server: Server, path: str, status: int, body: object) -> None:
    assert server.get(path) == (status, body)


@pytest.mark.parametrize(
    "path",
    ["/cpu?ms=-1", "/cpu?ms=1001", "/cpu?ms=x", "/wait?ms=10001", "/flaky?rate=-0.1", "/flaky?rate=1.1"],
)
def test_a_value_out_of_bounds_is_refused(server: Server, path: str) -> None:
    status, body = server.get(path)

    assert status == 422
    assert body["detail"][0]["loc"][0] == "query"


def test_every_route_answers_random_values_as_its_schema_says(server: Server) -> None:
    schema = schemathesis.openapi.from_url(f"http://{server.host}:{server.port}/openapi.json")
    for operation in (operation for methods in schema.values() for operation in methods.values()):
        # Without parameters there are no invalid values.
        for mode in GenerationMode if operation.query else [GenerationMode.POSITIVE]:
            answers_as_its_schema_says(operation, mode)


def answers_as_its_schema_says(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
    @settings(derandomize=True, database=None, deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(mode))
    def answers(case: Case[Any]) -> None:
        if case.query.get("ms") in range(20, 10_001):  # would take seconds
            assume(mode is GenerationMode.POSITIVE)
            case.query["ms"] = 1
        # /flaky fails on purpose, as its schema says. A status that is not in the schema is a failure anyway.
        case.call_and_validate(excluded_checks=[not_a_server_error])

    answers()


def test_the_documentation_shows_every_route(server: Server) -> None:
    _, body = server.get("/openapi.json")

    assert set(body["paths"]) == {"/hello", "/cpu", "/wait", "/flaky", "/healthz"}


def test_the_cpu_route_costs_what_was_asked(server: Server) -> None:
    server.get("/hello")
    process = psutil.Process(server.process.pid)
    before = process.cpu_times()
    server.get("/cpu?ms=500")
    after = process.cpu_times()

    # At least what was asked; what serving it costs on top depends on how busy the machine is.
    assert 0.45 <= after.user + after.system - before.user - before.system <= 1.5


def test_probes_are_answered_while_requests_use_the_cpu(server: Server) -> None:
    probes = 0
    with ThreadPoolExecutor(max_workers=20) as pool:
        working = [pool.submit(server.get, "/cpu?ms=50") for _ in range(20)]
        while not all(request.done() for request in working):
            assert server.get("/healthz") == (200, {"status": "ok"})
            probes += 1

    assert probes > 20


def test_sigterm_lets_a_running_request_finish() -> None:
    with running() as server, closing(server.send("/wait?ms=1000")) as connection:
        server.get("/hello")  # sent later: once it is answered, the request above is being served
        exit_code = server.stop()

        with connection.getresponse() as response:
            assert json.load(response) == {"message": "Waited 1000 ms."}
    assert exit_code == -signal.SIGTERM

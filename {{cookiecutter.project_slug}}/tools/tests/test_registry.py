"""Registries: one that answers, whatever it says, is reachable."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tools.problem import Problem
from tools.setup import registry


class Unauthorized(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(401)


@pytest.fixture
def address() -> Iterator[str]:
    """A registry that wants credentials."""
    with HTTPServer(("127.0.0.1", 0), Unauthorized) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_a_registry_that_wants_credentials_is_reachable(address: str) -> None:
    registry.require_reachable(f"{address}/team")


def test_a_registry_that_does_not_answer_is_a_problem() -> None:
    with pytest.raises(Problem, match=r"Registry 127\.0\.0\.1:9 does not answer"):
        registry.require_reachable("127.0.0.1:9/team")


def test_a_context_without_a_registry_has_none() -> None:
    assert registry.registry_of("docker-desktop") == ""

"""What the tests run: a service, and Locust with the plugins as a process."""

import os
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

LOADTEST = Path(__file__).parents[1]
TIMEOUT = 60
"""Seconds that a process may take."""


class Service(ThreadingHTTPServer):
    """Another service than the server of this repository: it answers /hello, and remembers the visitors."""

    request_queue_size = 100  # with fewer, users that connect at the same time wait for a second

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.visitors: list[str] = []
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """Ignore a user that is stopped during its request."""


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


def locust(
    *arguments: str, folder: Path = LOADTEST, module: str = "plugins", **environment: str
) -> "subprocess.Popen[str]":
    """Locust with the plugins as a process, on the locustfile in `folder`."""
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
    """Its statistics, a dictionary a row."""


def unused_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port

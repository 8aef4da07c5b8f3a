"""A service to test, which is not the server of this repository."""

import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import Thread
from typing import Any


class Service(ThreadingHTTPServer):
    """Answers every GET request with 200, and remembers the requests. It runs in threads until `close`.

    `/redirect/302/` redirects with this status to what follows: a path or another URL.
    """

    daemon_threads = True
    request_queue_size = 100  # with fewer, users that connect at the same time wait for a second

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.connections = 0
        self.seen: list[str] = []
        """Paths, in order."""
        self.visitors: set[str | None] = set()
        """Values of the header X-Visitor."""
        self.tokens: set[str | None] = set()
        """Values of the header Authorization."""
        Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def get_request(self) -> tuple[socket, Any]:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a user that is stopped during its request."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        self.server.visitors.add(self.headers["X-Visitor"])
        self.server.tokens.add(self.headers["Authorization"])
        _, _, redirect = self.path.partition("/redirect/")
        status, _, location = redirect.partition("/")
        self.send_response(int(status or 200))
        if redirect:
            self.send_header("Location", location)
        self.send_header("Content-Length", "2")
        self.end_headers()
        with suppress(BrokenPipeError):  # from a user that is stopped
            self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        pass

"""A cluster that is not on this machine, as far as its address tells: it answers what is read, and records all else."""

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from support.ports import free_port, is_taken
from support.waiting import wait_until

from tests.cluster.machine import Machine

REFUSAL = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}'


@dataclass
class Elsewhere:
    url: str
    changes: list[str] = field(default_factory=list)
    """The requests with another method than GET; none of them changed anything."""


@contextmanager
def elsewhere(machine: Machine, context: str, folder: Path) -> Iterator[Elsewhere]:
    """A server at an address of this machine that is not loopback, which answers as the cluster of the context does."""
    port = free_port()
    command = ["kubectl", "--context", context, "proxy", f"--port={port}"]
    with ExitStack() as processes:
        # Not by Ctrl-C, which a program ignores that was started in the background.
        proxy = subprocess.Popen(command, cwd=folder, env=machine.environment, stdout=subprocess.DEVNULL)
        processes.callback(proxy.wait, 60)
        processes.callback(proxy.terminate)
        wait_until(lambda: is_taken(port), "kubectl proxy")
        server = ThreadingHTTPServer((address(), 0), Handler)
        server.daemon_threads = True
        cluster = Elsewhere(f"http://{server.server_address[0]!s}:{server.server_port}")
        Handler.cluster, Handler.proxy = cluster, f"http://127.0.0.1:{port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Handler(BaseHTTPRequestHandler):
    cluster: Elsewhere
    proxy: str

    def do_GET(self) -> None:
        accept = {"Accept": self.headers.get("Accept", "*/*")}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.proxy + self.path, headers=accept)) as answer:
                self.answer(answer.status, answer.read(), answer.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.read(), error.headers["Content-Type"])

    def record(self) -> None:
        self.cluster.changes.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(403, REFUSAL, "application/json")

    do_POST = do_PUT = do_PATCH = do_DELETE = record

    def answer(self, status: int, body: bytes, content_type: str) -> None:
        with suppress(OSError):  # a client that has ended
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def address() -> str:
    """The address of this machine in its network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # It sends nothing.
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def kubeconfigs(machine: Machine, cluster: Elsewhere, folder: Path, context: str) -> tuple[Machine, Machine]:
    """Two users of this machine, for whom the cluster elsewhere has these names.

    The first has it as production, which is current, and as the context with a space after its name. The second has it
    as the context itself, in a kubeconfig before the one of this machine.
    """
    wrong = Machine(folder / "kubeconfig", machine.logs)
    shutil.copy(machine.kubeconfig, wrong.kubeconfig)
    wrong.output("kubectl", "config", "set-cluster", "elsewhere", "--server", cluster.url)
    for name in ("production", f"{context} "):
        wrong.output("kubectl", "config", "set-context", name, "--cluster=elsewhere")
    wrong.use("production")
    first = Machine(folder / "first", machine.logs)
    first.output("kubectl", "config", "set-cluster", "elsewhere", "--server", cluster.url)
    first.output("kubectl", "config", "set-context", context, "--cluster=elsewhere")
    first.use(context)
    return wrong, Machine(machine.kubeconfig, machine.logs, kubeconfig_before=f"{first.kubeconfig}:")

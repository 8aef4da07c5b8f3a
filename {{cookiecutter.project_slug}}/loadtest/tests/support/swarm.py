"""A real swarm on loopback: `python -m livesync` as master and workers, and a service that remembers the requests."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .locust_process import LOADTEST, compile_once
from .ports import free_port
from .service import Service
from .waiting import TIMEOUT, wait_until

PROCESS = "{os.getpid()}"
"""Part of an f-string in locustfiles: the process id of the worker."""


def base(path: str = "/base", body: str = "", wait: float = 0.2) -> str:
    """A locustfile whose requests end in the process id of the worker, with `body` at the end of its user class."""
    return f"""
import os
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant({wait})

    @task
    def visit(self):
        self.client.get(f"{path}/{PROCESS}", name="/")
{body}"""


BASE = base()


@cache
def _compiled(package: str) -> TemporaryDirectory[str]:
    """A copy of one of the project's packages with its compiled code."""
    folder = TemporaryDirectory()
    shutil.copytree(LOADTEST / package, folder.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    compile_once(Path(folder.name))
    return folder


def add_livesync(folder: Path) -> None:
    """Give a folder the package that `python -m livesync` runs."""
    shutil.copytree(_compiled("livesync").name, folder / "livesync")


def add_plugins(folder: Path) -> None:
    """Give a folder the plugins of the project, and what they read."""
    shutil.copytree(_compiled("plugins").name, folder / "plugins")
    for name in ("shapes.py", "slo.toml"):
        shutil.copy(LOADTEST / name, folder / name)


@contextmanager
def new_swarm(folder: Path, module: str = "livesync") -> Iterator["Swarm"]:
    """A swarm on a new folder with the base locustfile, not started; its processes and service end with the block."""
    folder.mkdir(parents=True)
    service = Service()
    swarm = Swarm(folder, service, module=module)
    swarm.save(BASE)
    try:
        yield swarm
    finally:
        swarm.stop()
        service.close()


class Swarm:
    """A master and its workers on the files of a folder."""

    def __init__(self, folder: Path, service: Service, *options: str, module: str = "livesync") -> None:
        self.folder, self.service, self.module = folder, service, module
        self.web, self.port = free_port(), free_port()
        self.address, self.opener = f"http://127.0.0.1:{self.web}", urllib.request.build_opener()
        # As in the image that Tilt builds for workers: a folder with the project's packages alone.
        self.workers_folder = folder.with_name(f"{folder.name}-workers")
        for place in (folder, self.workers_folder):
            add_livesync(place)
        self.options = ["--web-port", str(self.web), "--master-bind-port", str(self.port), *options]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, workers: int = 2) -> None:
        self.start_master()
        for _ in range(workers):
            # Locust's own worker has no other place for the locustfile.
            self.start_worker(None if self.module == "livesync" else self.folder)
        if self.module != "livesync":
            wait_until(lambda: len(self.get("/stats/requests").get("workers", [])) == workers, f"{workers} workers")
            return
        wait_until(lambda: len(self.workers()) == workers and self.agrees(), f"{workers} workers")
        self.first_revision = self.get("/livesync")["revision"]

    def start_master(self, folder: Path | None = None) -> None:
        self._start(
            "master", folder or self.folder, "--master", "--enable-rebalancing", "-H", self.service.url, *self.options
        )

    def start_worker(self, folder: Path | None = None, module: str = "") -> str:
        name = f"worker{len(self.processes)}"
        master = ["--master-host", "127.0.0.1", "--master-port", str(self.port)]
        self._start(name, folder or self.workers_folder, "--worker", *master, module=module)
        return name

    def _start(self, name: str, folder: Path, *arguments: str, module: str = "") -> None:
        with self.log_file(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module or self.module, *arguments],
                cwd=folder,
                # A killed process leaves its temporary folder behind.
                env={"TMPDIR": str(self.folder.parent)} | os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """End a process without giving it a chance to say so."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log_file(self, name: str) -> Path:
        return self.folder.parent / f"{self.folder.name}-{name}.log"

    def log(self, name: str = "master") -> str:
        return self.log_file(name).read_text()

    def log_tails(self) -> str:
        return "\n".join(line for name in self.processes for line in [f"{name}:", *self.log(name).splitlines()[-8:]])

    # What the web UI says.

    def get(self, path: str, method: str = "GET") -> Any:
        try:
            request = urllib.request.Request(f"{self.address}{path}", method=method)  # noqa: S310 - it is http
            with self.opener.open(request, timeout=TIMEOUT) as response:
                return json.load(response)
        except OSError:
            return {}

    def post(self, path: str, **form: Any) -> Any:
        data = urllib.parse.urlencode(form).encode()
        with self.opener.open(f"{self.address}{path}", data, timeout=TIMEOUT) as response:
            return json.load(response)

    def workers(self) -> dict[str, str]:
        workers: dict[str, str] = self.get("/livesync").get("workers", {})
        return workers

    def users(self) -> int:
        return int(self.get("/stats/requests").get("user_count", -1))

    def total(self) -> dict[str, Any]:
        return next(row for row in self.get("/stats/requests")["stats"] if row["name"] == "Aggregated")

    # What a user does.

    def swarm(self, users: int = 10) -> None:
        self.post("/swarm", user_count=users, spawn_rate=100)
        wait_until(lambda: self.users() == users, f"{users} users")

    def save(self, source: str, name: str = "locustfile.py") -> None:
        """Write a file as a sync tool does: into a new file that takes the place of the old one."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_text(source)
        temporary.replace(file)

    def edit(self, source: str, name: str = "locustfile.py") -> str:
        """Save, and return the revision once it is live everywhere."""
        before = self.get("/livesync")
        self.save(source, name)

        def is_live() -> str:
            now = self.get("/livesync")
            assert now["refused"] in (None, before["refused"]), now["refused"]
            return now["revision"] if now["revision"] != before["revision"] and self.agrees() else ""

        return str(wait_until(is_live, lambda: f"a new revision on all workers\n{self.log_tails()}"))

    def agrees(self) -> bool:
        """No save is rejected, and every worker runs the live revision."""
        now = self.get("/livesync")
        return not now["refused"] and set(now["workers"].values()) == {now["revision"]}

    def rejection(self) -> str:
        return str(wait_until(lambda: self.get("/livesync").get("refused"), "a rejection"))

    # What reaches the target.

    def requests(self, path: str) -> list[str]:
        """The last parts of the paths that begin with `path`: in these tests the worker's process id."""
        return [seen.rpartition("/")[2] for seen in list(self.service.seen) if seen.startswith(f"{path}/")]

    def wait_for(self, path: str, workers: int = 2) -> None:
        wait_until(
            lambda: len(set(self.requests(path))) >= workers,
            lambda: f"{path} from {workers} workers\n{self.log_tails()}",
        )

    def settle(self) -> None:
        """Wait until every user has made a few more requests."""
        start = len(self.service.seen)
        wait_until(lambda: len(self.service.seen) > start + 20, "20 more requests")

    def wait_for_silence(self) -> None:
        """Wait until half a second goes by without a request."""

        def is_silent() -> bool:
            before = len(self.service.seen)
            time.sleep(0.5)
            return len(self.service.seen) == before

        wait_until(is_silent, "no more requests")

    def wait_for_end_of(self, path: str) -> None:
        """Wait until the users make requests, but none to this path."""

        def is_over() -> bool:
            self.forget()
            self.settle()
            return not self.requests(path)

        wait_until(is_over, lambda: f"no more requests to {path}\n{self.log_tails()}")

    def forget(self) -> None:
        self.service.seen.clear()

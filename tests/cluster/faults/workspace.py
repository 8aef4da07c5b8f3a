"""A session of `tilt up` with a running test, in which faults are caused, and what a fault has cost."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil
from support.waiting import wait_until

from benchmarks.results import Results
from tests.cluster import web_ui
from tests.cluster.contexts import SLUG
from tests.cluster.machine import Machine
from tests.cluster.signals import send_signal
from tests.cluster.web_ui import USERS, even_split

WORKERS = 2
RECOVERY = 120.0
"""Seconds after which a swarm that has not recovered fails the test."""

DEPLOYMENT = 300.0
"""Seconds for the builds of the images, and until the workers are connected."""


@dataclass
class Workspace:
    """Server, master and workers in the cluster of a context."""

    machine: Machine
    context: str
    project: Path
    command: list[str]
    """That of Tilt."""
    results: Results
    tilt: subprocess.Popen[bytes] = field(init=False)
    before: dict[str, Any] = field(init=False)
    """The state of the test before the fault."""

    def start_tilt(self) -> None:
        """Start Tilt, and wait until it forwards the port of the web UI."""
        with (self.machine.logs / "tilt.log").open("ab") as log:
            self.tilt = subprocess.Popen(
                self.command,
                cwd=self.project,
                env=self.machine.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: len(web_ui.connected()) == WORKERS, "the workers", DEPLOYMENT)

    def kill_tilt(self) -> None:
        """Kill Tilt, and what it has started on this machine, such as the server of the reports, which would stay."""
        processes = psutil.Process(self.tilt.pid).children(recursive=True)
        self.tilt.kill()
        self.tilt.wait()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def kubectl(self, *words: str, seconds: float = 60) -> str:
        return self.machine.output("kubectl", "--context", self.context, "--namespace", SLUG, *words, seconds=seconds)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of a component that were not asked to end."""
        selector = f"app.kubernetes.io/component={component}"
        pods = self.machine.objects(self.context, "pods", "--namespace", SLUG, "--selector", selector)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def run_in(self, component: str, script: str) -> str:
        """Run a script of the shell in the first pod of a component; what runs there may be killed meanwhile."""
        pod = self.pods(component)[0]
        names = ["exec", pod["metadata"]["name"], "--container", pod["spec"]["containers"][0]["name"]]
        command = ["kubectl", "--context", self.context, "--namespace", SLUG, *names, "--", "sh", "-c", script]
        return self.machine.run(*command).stdout

    def signal(self, role: Literal["master", "worker"], name: str) -> None:
        """Send a signal to Locust's process in the first pod of a role."""
        send_signal(self.machine, self.context, self.pods(role)[0]["metadata"]["name"], role, name)

    def start_test(self) -> None:
        """Start a test, unless one runs, and wait until all its users make requests without a failure."""
        if state().get("state") not in ("running", "spawning"):
            web_ui.post("/swarm", user_count=USERS, spawn_rate=USERS)
        wait_until(is_whole, "all users", RECOVERY)
        self.before = state()

    def cost(self, fault: str, end: Callable[[], object], recovered: Callable[[], object]) -> dict[str, Any]:
        """Report the cost of a fault that ends with `end`: seconds from there until `recovered`, and the statistics."""
        end()
        start = time.monotonic()
        wait_until(recovered, lambda: f"the recovery from {fault}: {state()}", RECOVERY)
        seconds = time.monotonic() - start
        after = state()
        lost = max(0, self.before["requests"] - after["requests"])
        failed = max(0, after["failures"] - self.before["failures"])
        self.results.say(
            f"| {fault} | {seconds:.0f} s | {after['users']} of {USERS}, {after['state']} | {failed} | {lost} |"
        )
        return {"failed": failed, "lost": lost, **after}


def state() -> dict[str, Any]:
    """State, users, requests and failures of the test, and users by worker; empty while nothing answers."""
    with suppress(OSError):
        report = web_ui.get("/stats/requests")
        total = next(row for row in report["stats"] if row["name"] == "Aggregated")
        return {
            "state": report["state"],
            "users": report["user_count"],
            "requests": total["num_requests"],
            "failures": total["num_failures"],
            "workers": {item["id"]: item["user_count"] for item in report["workers"] if web_ui.is_there(item)},
        }
    return {}


def is_whole(workers: int = WORKERS) -> bool:
    """Whether a test runs with all its users, evenly on so many workers with the live code, and they make requests."""
    before = state()
    if not is_even(before, workers) or len(web_ui.connected()) != workers or not web_ui.revision():
        return False
    # What the master knows of a worker may be a second old.
    time.sleep(1)
    after = state()
    return (
        is_even(after, workers) and after["requests"] > before["requests"] and after["failures"] == before["failures"]
    )


def is_even(found: dict[str, Any], workers: int) -> bool:
    """Whether all users run, evenly on so many workers."""
    return bool(found) and found["users"] == USERS and sorted(found["workers"].values()) == even_split(USERS, workers)

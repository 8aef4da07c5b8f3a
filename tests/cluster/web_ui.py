"""The web UI of the master under Tilt or Skaffold, and what it says about the swarm."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.waiting import wait_until

from tests.cluster.machine import Machine

WEB_UI = "http://localhost:8089"
USERS = 10

TIMEOUT = 120
"""Seconds for what a cluster may take its time with."""


@dataclass(frozen=True)
class Look:
    """Locust's own statistics at one moment."""

    requests: dict[str, int]
    failures: int
    users: int
    users_by_worker: dict[str, int]


@dataclass
class Swarm:
    """A test that runs: every look at it checks that no request failed and no count went down."""

    users: int = USERS
    seen: dict[str, int] = field(default_factory=dict)

    def look(self) -> Look:
        """The statistics now, which are some seconds old."""
        report = get("/stats/requests")
        rows = [row for row in report["stats"] if row["name"] != "Aggregated"]
        look = Look(
            requests={row["name"]: row["num_requests"] for row in rows},
            failures=sum(row["num_failures"] for row in rows),
            users=report["user_count"],
            users_by_worker={worker["id"]: worker["user_count"] for worker in report["workers"] if is_there(worker)},
        )
        assert look.failures == 0, report["errors"]
        assert all(look.requests.get(name, 0) >= count for name, count in self.seen.items()), (self.seen, look)
        self.seen = look.requests
        return look

    def start(self, workers: int) -> None:
        post("/swarm", user_count=self.users, spawn_rate=self.users)
        self.wait_for_even_split(workers)

    def stop(self) -> None:
        get("/stop", method="POST")

    def wait_for_even_split(self, workers: int) -> None:
        """Wait until so many workers share all the users as evenly as it goes."""
        even = even_split(self.users, workers)

        def is_even(look: Look) -> bool:
            # Statistics from before a worker was replaced may look even, too.
            current = look.users_by_worker.keys() == connected().keys()
            return current and sorted(look.users_by_worker.values()) == even and look.users == self.users

        self.wait_for(is_even, f"a split of {even}")

    def wait_for(self, condition: Callable[[Look], bool], what: str) -> Look:
        """The first look at which the condition holds."""
        look = wait_until(lambda: look if condition(look := self.look()) else None, what, TIMEOUT)
        assert look is not None
        return look

    def wait_for_only(self, name: str) -> None:
        """Wait until requests of this name arrive and no others do, while all users keep running."""
        before = self.wait_for(lambda look: look.requests.get(name, 0) > 0, f"requests named {name}")

        def alone() -> bool:
            nonlocal before
            look = self.look()
            assert look.users == self.users
            if look.requests[name] < before.requests[name] + self.users:
                return False
            others = [other for other in look.requests if look.requests[other] > before.requests.get(other, 0)]
            before = look
            return others == [name]

        wait_until(alone, f"no requests but {name}", TIMEOUT)


def even_split(users: int, workers: int) -> list[int]:
    """Users of each worker where they are spread as evenly as it goes, in ascending order."""
    return sorted(users // workers + (place < users % workers) for place in range(workers))


def is_there(worker: dict[str, Any]) -> bool:
    return worker["state"] not in ("missing", "stopped")


def livesync() -> dict[str, Any]:
    """What the master says at /livesync; while it restarts, as if it had no workers."""
    try:
        return get("/livesync")
    except OSError:
        return {"revision": None, "workers": {}, "refused": None}


def connected() -> dict[str, str]:
    """The revision that each connected worker runs."""
    revisions: dict[str, str] = livesync()["workers"]
    return revisions


def revision() -> str | None:
    """The revision that is live everywhere, or None."""
    answer = livesync()
    return answer["revision"] if set(answer["workers"].values()) == {answer["revision"]} else None


def reaches_server(machine: Machine, context: str, namespace: str) -> bool:
    """Whether requests get through the Service, which opens only after the server's pod is ready."""
    python = ["python", "-c", "from urllib.request import urlopen; urlopen('http://server:8000/hello', timeout=5)"]
    master = ["exec", "deployment/locust-master", "--container", "locust-master", "--", *python]
    return machine.run("kubectl", "--context", context, "--namespace", namespace, *master).returncode == 0


def rejection() -> str | None:
    """Why the last save is not live, or None if it is."""
    reason: str | None = livesync()["refused"]
    return reason


def post(path: str, **values: object) -> None:
    get(path, method="POST", data=urllib.parse.urlencode(values).encode())


def get(path: str, method: str = "GET", data: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(WEB_UI + path, method=method, data=data)
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
        return answer

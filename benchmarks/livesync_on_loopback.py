"""Part of `make bench`: live sync on this machine, without a cluster.

A save counts as live with the first request of the new code on the last worker.
"""

import math
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from support.swarm import Swarm, base, new_swarm

from benchmarks.measuring import cpu_seconds, resident_mib, time_until
from benchmarks.plain_server import plain_server
from benchmarks.results import Results

EDITS, FEW_EDITS, MANY_EDITS = 200, 40, 500
PAIRS, LENGTH = 8, 8.0
"""Pairs of runs for the throughput, and seconds of each run."""

WAIT = 0.05
"""Seconds between two requests of a user, which are part of each time from save to the first new request."""
FREQUENT = base("/base", wait=WAIT)


def main() -> None:
    results = Results("loopback")
    results.head("milliseconds from save to the first new request on the last worker")
    with running(workers=2) as swarm:
        results.row("2 workers", save_to_request(swarm, EDITS), digits=0)
    for workers in (1, 4, 8, 16):
        with running(workers) as swarm:
            results.row(f"{workers} workers", save_to_request(swarm, FEW_EDITS), digits=0)
    results.say("")
    results.head("milliseconds for which a commit holds up a worker with 500 users")
    with running(workers=2, users=1000, source=timed(0)) as swarm:
        for kind, change in CHANGES.items():
            results.row(kind, commit_pauses(swarm, change), digits=1)
    results.say("")
    memory(results)
    throughput(results)


@contextmanager
def running(workers: int, users: int = 20, source: str = FREQUENT) -> Iterator[Swarm]:
    with tempfile.TemporaryDirectory() as folder, new_swarm(Path(folder) / "loadtest") as swarm:
        swarm.save(source)
        swarm.start(workers)
        swarm.swarm(users)
        yield swarm
        assert swarm.total()["num_failures"] == 0


def save_to_request(swarm: Swarm, edits: int) -> list[float]:
    """Milliseconds for each of so many edits of one size."""
    workers = len(swarm.workers())
    return [1000 * time_until(partial(all_ask_for, swarm, path, workers)) for path in edit_again(swarm, edits)]


def all_ask_for(swarm: Swarm, path: str, workers: int) -> bool:
    return len(set(swarm.requests(path))) == workers


def edit_again(swarm: Swarm, edits: int) -> Iterator[str]:
    """Save one edit after the other, and yield the path that its requests go to."""
    for number in range(edits):
        time.sleep(0.1)
        swarm.forget()
        path = f"/edit{number:04}"
        swarm.save(base(path, wait=WAIT))
        yield path


TIMES_COMMITS = """
import time
from enum import Enum
from livesync import worker
from locust import events

@events.init.add_listener
def time_commits(**_):
    original = worker.commit
    def timed(*arguments):
        start = time.perf_counter()
        outcome = original(*arguments)
        print(f"commit: {1000 * (time.perf_counter() - start)} ms", flush=True)
        return outcome
    worker.commit = timed
"""


def timed(body: int, attribute: int = 0, constant: int = 0, member: int = 0) -> str:
    """A locustfile whose workers print the milliseconds of each commit."""
    after = f"CONSTANT = {constant}\nclass Replaced(Enum):\n    MEMBER = {member}\n"
    return base(f"/edit{body}", f"    attribute = {attribute}\n{TIMES_COMMITS}{after}", wait=2)


CHANGES: dict[str, Callable[[int], str]] = {
    "a function body": timed,
    "a module-level constant": lambda number: timed(0, constant=number),
    "an attribute of the user class": lambda number: timed(0, attribute=number),
    "a class that becomes a new one": lambda number: timed(0, member=number),
}


def commit_pauses(swarm: Swarm, change: Callable[[int], str]) -> list[float]:
    """What both workers say that each of FEW_EDITS commits took."""
    before = {name: len(pauses(swarm, name)) for name in ("worker1", "worker2")}
    for number in range(1, FEW_EDITS + 1):
        swarm.edit(change(number))
    return [pause for name, count in before.items() for pause in pauses(swarm, name)[count:]]


def pauses(swarm: Swarm, name: str) -> list[float]:
    return [float(pause) for pause in re.findall(r"^commit: (.*) ms$", swarm.log(name), re.MULTILINE)]


def memory(results: Results) -> None:
    """Resident memory before and after many edits."""
    with running(workers=2) as swarm:
        save_to_request(swarm, 20)
        before = {name: resident_mib(process.pid) for name, process in swarm.processes.items()}
        missed = save_to_request(swarm, MANY_EDITS).count(math.inf)
        grown = {name: resident_mib(process.pid) - before[name] for name, process in swarm.processes.items()}
    says = ", ".join(f"{name} {before[name]:.1f} {grown[name]:+.1f}" for name in grown)
    results.say(f"MiB resident before {MANY_EDITS} edits, {missed} of them missed, and how much more after: {says}\n")


def throughput(results: Results) -> None:
    """Requests for each second of a worker's CPU with live sync and with plain Locust, in pairs."""
    with plain_server() as (url, requests):
        pairs = [(rate("livesync", url, requests), rate("locust", url, requests)) for _ in range(PAIRS)]
    percent = [100 * (synced / plain - 1) for synced, plain in pairs]
    # Student's t for 7 degrees of freedom, two-sided 95 %.
    error = 2.365 * statistics.stdev(percent) / math.sqrt(PAIRS)
    plain = statistics.median(plain for _, plain in pairs)
    results.say(
        f"Requests for a CPU second of a worker: {plain:.0f} with plain Locust; "
        f"with live sync {statistics.mean(percent):+.1f} % ± {error:.1f} (95 %, {PAIRS} pairs)"
    )


def rate(module: str, url: str, requests: Callable[[], int]) -> float:
    """Requests per CPU second of the one worker of a swarm."""
    with tempfile.TemporaryDirectory() as folder, new_swarm(Path(folder) / "loadtest", module) as swarm:
        swarm.service.url = url
        swarm.save(base("/base", wait=0))
        swarm.start(workers=1)
        swarm.swarm(users=20)
        time.sleep(2)
        start = cpu_seconds(swarm.processes["worker1"].pid), requests()
        time.sleep(LENGTH)
        end = cpu_seconds(swarm.processes["worker1"].pid), requests()
        return (end[1] - start[1]) / (end[0] - start[0])


if __name__ == "__main__":
    main()

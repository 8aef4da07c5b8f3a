"""How live sync grows with the number of workers, on this machine: `python -m benchmarks.many_workers`.

Every worker has one user, which makes five requests a second.
"""

import random
import tempfile
import time
from functools import partial
from pathlib import Path

from support.swarm import Swarm, base, new_swarm

from benchmarks.livesync_on_loopback import all_ask_for
from benchmarks.measuring import cpu_seconds, resident_mib, time_until
from benchmarks.results import Results

WORKERS = (2, 12, 24, 48)
EDITS = 100
WAIT = 0.2
IDLE = 20
"""Seconds over which the master's CPU usage is measured."""


def main() -> None:
    results = Results("many-workers")
    figures = [measure(results, workers) for workers in WORKERS]
    results.say("\n| workers | seconds to connect | master: % of a core | master: MiB | master: file descriptors |")
    results.say("| --- | --- | --- | --- | --- |")
    for row in figures:
        results.say(f"| {row} |")


def measure(results: Results, workers: int) -> str:
    """Add the rows of a swarm with so many workers, and return the figures of its master."""
    with tempfile.TemporaryDirectory() as folder, new_swarm(Path(folder) / "loadtest") as swarm:
        swarm.save(base(wait=WAIT))
        start = time.monotonic()
        swarm.start(workers)
        connected = time.monotonic() - start
        swarm.swarm(workers)
        if workers == WORKERS[0]:
            results.head("milliseconds from save to the first new request on the last worker")
        results.row(f"{workers} workers", saves(swarm, workers), digits=0)
        master = swarm.processes["master"].pid
        before = cpu_seconds(master)
        time.sleep(IDLE)
        busy = 100 * (cpu_seconds(master) - before) / IDLE
        assert swarm.total()["num_failures"] == 0
        descriptors = len(list(Path(f"/proc/{master}/fd").iterdir()))
        return f"{workers} | {connected:.1f} | {busy:.1f} | {resident_mib(master):.0f} | {descriptors}"


def saves(swarm: Swarm, workers: int) -> list[float]:
    """Milliseconds for each of EDITS edits of one size."""
    times = []
    for number in range(EDITS):
        # In step with the users, every save would find them at the same point of their wait time.
        time.sleep(random.uniform(0.2, 0.4))
        swarm.forget()
        path = f"/edit{number:04}"
        swarm.save(base(path, wait=WAIT))
        times.append(1000 * time_until(partial(all_ask_for, swarm, path, workers)))
    return times


if __name__ == "__main__":
    main()

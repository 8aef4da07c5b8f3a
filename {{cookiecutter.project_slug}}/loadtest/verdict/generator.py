"""Generator: the swarm itself. Where a worker was at its limit, the numbers measure Locust and not the service."""

from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, Runner

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .slo import Check

SATURATED = 90.0
"""Per cent of a core that a worker may use, as Locust itself measures and warns; it runs on one."""

THROTTLED = "throttled_seconds"
CPU_STATS = {"/sys/fs/cgroup/cpu.stat": ("throttled_usec", 1e6), "/sys/fs/cgroup/cpu/cpu.stat": ("throttled_time", 1e9)}
"""Where version 2 and version 1 of cgroups tell how long a container was throttled, and in which part of a second."""


@dataclass
class Generator:
    """What is seen of the workers while a test runs; without workers, of the one process that does it all."""

    busiest: dict[str, float] = field(default_factory=dict)
    """The highest per cent of a core that each worker has used."""
    throttled: dict[str, float] = field(default_factory=dict)
    """Seconds in which each worker wanted to run and its CPU limit held it up."""
    lost: set[str] = field(default_factory=set)

    def look(self, runner: Runner) -> None:
        """Note how the workers are now."""
        if not isinstance(runner, MasterRunner):
            self._note_cpu("this process", runner.current_cpu_usage)
            return
        there = {worker.id: worker for worker in runner.clients.values() if worker.state != STATE_MISSING}
        self.lost |= self.busiest.keys() - there.keys()
        for worker in there.values():
            self._note_cpu(worker.id, worker.cpu_usage)

    def note_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Listen to what the workers report."""
        self.throttled[client_id] = data.get(THROTTLED, 0)

    def checks(self) -> list[Check]:
        """No worker may be lost, as nobody knows what its users saw."""
        if self.lost:
            seen = f"lost {', '.join(sorted(self.lost))}"
        else:
            highest = max(self.busiest.values(), default=0)
            seen = f"all {len(self.busiest)}, the busiest at {highest:.0f} % of a core"
        return [Check("workers", "all to the end", seen, not self.lost)]

    def doubts(self) -> list[str]:
        """Why the numbers measure Locust rather than the service, where they do."""
        return [
            f"{worker} used {cpu:.0f} % of a core, of {SATURATED:g} % that it may: the numbers measure Locust, so give it "
            "more workers or cores"
            for worker, cpu in self.busiest.items()
            if cpu > SATURATED
        ] + [
            f"{worker} was throttled for {seconds:.1f} s by its CPU limit: the numbers measure that limit, so take it away"
            for worker, seconds in self.throttled.items()
            if seconds > 0
        ]

    def _note_cpu(self, worker: str, cpu: float) -> None:
        self.busiest[worker] = max(cpu, self.busiest.get(worker, 0))


def report_throttling(environment: Environment) -> None:
    """Let a worker tell its master for how long its container was throttled since the test began."""
    before = 0.0

    def begin(**_: Any) -> None:
        nonlocal before
        before = throttled_seconds()

    def report(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - Locust passes it
        data[THROTTLED] = throttled_seconds() - before

    environment.events.test_start.add_listener(begin)
    environment.events.report_to_master.add_listener(report)


def throttled_seconds() -> float:
    """Seconds for which a CPU limit has held this container up; 0 without one."""
    for file, (name, a_second) in CPU_STATS.items():
        with suppress(OSError):
            values = dict(line.split() for line in Path(file).read_text().splitlines())
            return int(values.get(name, 0)) / a_second
    return 0.0

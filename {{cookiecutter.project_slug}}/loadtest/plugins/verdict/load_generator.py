"""The load generator: whether a worker was lost, saturated or throttled, so that the numbers measure Locust itself."""

from locust import runners
from locust.env import Environment
from locust.runners import STATE_MISSING, STATE_RUNNING, STATE_SPAWNING, MasterRunner, Runner

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .verdict_document import Check

SATURATED = 90.0
"""CPU usage of a worker in per cent of one core, above which Locust itself warns: it cannot use a second core."""

# Locust measures CPU usage every 10 s, from one time to the next, so that a run of 15 s would end without a value.
runners.CPU_MONITOR_INTERVAL = 2.0

THROTTLED = "throttled_seconds"
CPU_STATS = {"/sys/fs/cgroup/cpu.stat": ("throttled_usec", 1e6), "/sys/fs/cgroup/cpu/cpu.stat": ("throttled_time", 1e9)}
"""Files of cgroup v2 and v1 with the time for which a container was throttled: key, and units per second."""


@dataclass
class LoadGenerator:
    """The workers during a run; without workers, the one process that does everything."""

    busiest: dict[str, float] = field(default_factory=dict)
    """Highest CPU usage by worker, in per cent of a core."""
    throttled: dict[str, float] = field(default_factory=dict)
    """Seconds by worker for which a CPU limit throttled it."""
    lost: set[str] = field(default_factory=set)
    """Workers that are gone, or whose heartbeats do not arrive."""
    returned: set[str] = field(default_factory=set)
    """Workers that were lost and whose heartbeats arrive again: no result is lost, but other workers ran their users."""

    def look(self, runner: Runner) -> None:
        """Note the CPU usage of each worker, and which workers are lost; called once a second, and before the test stops."""
        if not isinstance(runner, MasterRunner):
            self._note_cpu("this process", runner.current_cpu_usage)
            return
        present = {worker.id: worker for worker in runner.clients.values() if worker.state != STATE_MISSING}
        lost = self.busiest.keys() - present.keys()
        self.returned |= self.lost - lost
        self.lost = lost
        for worker in present.values():
            self._note_cpu(worker.id, worker.cpu_usage)

    def note_end(self, runner: Runner) -> None:
        """Count a worker as lost that is still there after the test: it has not sent its last report."""
        if isinstance(runner, MasterRunner) and runner.state not in (STATE_SPAWNING, STATE_RUNNING):
            self.lost |= self.busiest.keys() & runner.clients.keys()

    def note_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Note what a worker reports about throttling."""
        self.throttled[client_id] = data.get(THROTTLED, 0)

    def checks(self) -> list[Check]:
        """No worker may be lost: its users and the results it had not reported are gone."""
        if self.lost:
            actual = f"lost {', '.join(sorted(self.lost))}"
        else:
            highest = max(self.busiest.values(), default=0)
            usage = f"highest CPU usage {highest:.0f} % of a core" if highest else "CPU usage not measured"
            actual = f"all {len(self.busiest)}, {usage}"
        return [Check("load test", "workers", "all connected at the end", actual, not self.lost)]

    def doubts(self) -> list[str]:
        """Reasons why the numbers may measure Locust and not the service."""
        saturated = [
            f"{worker} used {cpu:.0f} % of a core (limit {SATURATED:g} %): Locust was the bottleneck, so add workers or cores."
            for worker, cpu in self.busiest.items()
            if cpu > SATURATED
        ]
        throttled = [
            f"{worker} was throttled for {seconds:.1f} s by its CPU limit, so the results are too low: remove the CPU limit."
            for worker, seconds in self.throttled.items()
            if round(seconds, 1) > 0
        ]
        returned = [
            f"{worker} sent no heartbeat for a while, so other workers ran its users: check the CPU and the network of its node."
            for worker in sorted(self.returned - self.lost)
        ]
        return [*saturated, *throttled, *returned]

    def _note_cpu(self, worker: str, cpu: float) -> None:
        self.busiest[worker] = max(cpu, self.busiest.get(worker, 0))


def report_throttling(environment: Environment) -> None:
    """Let a worker add to its reports for how long its container was throttled since the test began."""
    before = 0.0

    def begin(**_: Any) -> None:
        nonlocal before
        before = throttled_seconds()

    def report(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - Locust passes it
        data[THROTTLED] = throttled_seconds() - before

    environment.events.test_start.add_listener(begin)
    environment.events.report_to_master.add_listener(report)


def throttled_seconds() -> float:
    """Seconds for which a CPU limit has throttled this container; 0 without a limit."""
    for file, (name, a_second) in CPU_STATS.items():
        with suppress(OSError):
            values = dict(line.split() for line in Path(file).read_text().splitlines())
            return int(values.get(name, 0)) / a_second
    return 0.0

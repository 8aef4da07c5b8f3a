"""Check of the users: whether all of them were running."""

from locust.env import Environment
from locust.runners import STATE_RUNNING, MasterRunner, Runner, WorkerRunner

from dataclasses import dataclass, field
from typing import Any

from .verdict_document import Check

TOLERANCE = 5
"""Seconds for which users may be missing in a master: workers report every 3 s, and a rebalance stops users before it starts others."""

MISSING = "missing_users"


@dataclass
class Users:
    """How many users were missing while all of them should have been running."""

    missing: int = 0
    """The most that were missing at one time for longer than the tolerance."""
    target: int = 0
    """How many should have been running at that time."""
    workers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Both numbers by worker, from its last report."""
    _seconds: int = 0

    def look(self, runner: Runner) -> None:
        """Compare the number of users with the target; called once a second, and before the test stops."""
        missing = max(runner.target_user_count - runner.user_count, 0)
        self._seconds = self._seconds + 1 if missing and _is_running(runner) else 0
        # Where the users are, a missing one has ended.
        tolerance = TOLERANCE if isinstance(runner, MasterRunner) else 0
        if self._seconds > tolerance and missing > self.missing:
            self.missing, self.target = missing, runner.target_user_count
        elif not self.missing:
            self.target = runner.target_user_count

    def note_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Note what a worker reports about its users."""
        self.workers[client_id] = data.get(MISSING, (0, 0))

    def check(self) -> Check:
        """A user whose `on_start` raises never runs a task, so the load is lower than the settings say."""
        by_worker = [sum(numbers) for numbers in zip(*self.workers.values(), strict=True)]
        missing, target = max([self.missing, self.target], by_worker)
        return Check("load test", "users", "all running", f"{target - missing} of {target}", not missing)


def report_missing(environment: Environment, runner: Runner) -> None:
    """Let a worker add to its reports how many of its users ended before the test did, without the delay of the reports."""
    users = Users()

    def begin(**_: Any) -> None:
        nonlocal users
        users = Users()

    def look(**_: Any) -> None:
        users.look(runner)

    def report(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - Locust passes it
        look()
        data[MISSING] = users.missing, users.target

    environment.events.test_start.add_listener(begin)
    environment.events.test_stopping.add_listener(look)
    environment.events.report_to_master.add_listener(report)


def _is_running(runner: Runner) -> bool:
    # While a worker starts or stops users, only its `worker_state` says so; while it stops a test, only its `state` does.
    states = {runner.state, runner.worker_state} if isinstance(runner, WorkerRunner) else {runner.state}
    return states == {STATE_RUNNING}

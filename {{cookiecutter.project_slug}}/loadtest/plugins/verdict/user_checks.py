"""Checks of the users: whether all of them were running, and whether their code raised exceptions."""

from locust.runners import STATE_RUNNING, Runner

from dataclasses import dataclass

from .verdict_document import Check

TOLERANCE = 5
"""Seconds for which users may be missing: workers report every 3 s, and a rebalance stops users before it starts others."""


@dataclass
class Users:
    """How many users were missing while all of them should have been running."""

    missing: int = 0
    """The most that were missing at one time for longer than the tolerance."""
    target: int = 0
    """How many should have been running at that time."""
    _seconds: int = 0

    def look(self, runner: Runner) -> None:
        """Compare the number of users with the target; called once a second."""
        missing = max(runner.target_user_count - runner.user_count, 0)
        self._seconds = self._seconds + 1 if missing and runner.state == STATE_RUNNING else 0
        if self._seconds > TOLERANCE and missing > self.missing:
            self.missing, self.target = missing, runner.target_user_count
        elif not self.missing:
            self.target = runner.target_user_count

    def check(self) -> Check:
        """A user whose `on_start` raises never runs a task, so the load is lower than the settings say."""
        running = self.target - self.missing
        return Check("load test", "users", "all running", f"{running} of {self.target}", not self.missing)


def exceptions_check(runner: Runner) -> Check:
    """An exception in a task is not part of Locust's statistics unless a request failed, too."""
    found = sorted(runner.exceptions.values(), key=lambda row: row["count"], reverse=True)
    count = sum(row["count"] for row in found)
    actual = f"{count}, most often {found[0]['msg']}" if found else "none"
    return Check("load test", "exceptions in user code", "none", actual, not found)

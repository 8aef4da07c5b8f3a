"""Users: those that should run and do not, and the exceptions that their tasks raised."""

from locust.runners import STATE_RUNNING, Runner

from dataclasses import dataclass

from .slo import Check

GRACE = 5
"""Seconds after which a missing user counts. Workers report every 3 s, and users that are rebalanced run nowhere for a moment."""


@dataclass
class Users:
    """How many users were missing while all of them should have run."""

    missing: int = 0
    """The most that were missing for longer than GRACE at one time."""
    target: int = 0
    """How many there should have been then, or else at the last look."""
    _seconds: int = 0

    def look(self, runner: Runner) -> None:
        """Note how many users there are; called once a second."""
        missing = max(runner.target_user_count - runner.user_count, 0)
        self._seconds = self._seconds + 1 if missing and runner.state == STATE_RUNNING else 0
        if self._seconds > GRACE and missing > self.missing:
            self.missing, self.target = missing, runner.target_user_count
        elif not self.missing:
            self.target = runner.target_user_count

    def check(self) -> Check:
        """A user that raised in `on_start` is gone for good, and the load is lower than the summary says."""
        alive = self.target - self.missing
        return Check("users", "all alive", f"{alive} of {self.target}", holds=not self.missing)


def exceptions_check(runner: Runner) -> Check:
    """A task that raises need not have made a failed request; no statistics count it."""
    found = sorted(runner.exceptions.values(), key=lambda row: row["count"], reverse=True)
    count = sum(row["count"] for row in found)
    seen = f"{count}, most often {found[0]['msg']}" if found else "none"
    return Check("exceptions in user code", "none", seen, holds=not found)

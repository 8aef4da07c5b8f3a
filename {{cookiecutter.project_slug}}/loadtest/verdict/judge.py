"""Judge: looks on while the test runs, says how it goes each second, and in the end says how it went."""

from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner

import time
from pathlib import Path
from typing import Any, NoReturn

import gevent

from .files import write_junit, write_summary
from .generator import Generator
from .slo import Check, Levels
from .users import Users, exceptions_check

GRACE = 5.0
"""Seconds by which Locust's own clock, which starts before the test does, may be ahead on a busy machine."""


class Judge:
    """The one who judges a test."""

    def __init__(self, environment: Environment, runner: Runner, levels: Levels) -> None:
        self.environment, self.runner, self.levels = environment, runner, levels
        self.generator = Generator()
        self.users = Users()
        self.began = self.ended = 0.0
        environment.events.test_start.add_listener(self._begin)
        environment.events.test_stop.add_listener(self._end)
        environment.events.worker_report.add_listener(self.generator.note_report)

    def watch(self) -> NoReturn:
        """Look at the generator each second of the test, and print a line on it."""
        while True:
            gevent.sleep(1)
            if self.runner.state in (STATE_SPAWNING, STATE_RUNNING):
                self.generator.look(self.runner)
                self.users.look(self.runner)
                print(self.progress(), flush=True)

    def progress(self) -> str:
        """Elapsed time, users, requests and failures a second, and the 95th percentile, all as they are now."""
        total = self.environment.stats.total
        p95 = total.get_current_response_time_percentile(0.95)
        return (
            f"{self.seconds():4.0f} s  {self.runner.user_count} users  {total.current_rps:.1f} requests/s  "
            f"p95 {'-' if p95 is None else f'{p95:.0f} ms'}  {total.num_failures} failures"
        )

    def seconds(self) -> float:
        """How long the test has run."""
        return (self.ended or time.monotonic()) - self.began if self.began else 0.0

    def checks(self) -> list[Check]:
        """All lines of the verdict."""
        total = self.environment.stats.total
        wanted = getattr(self.environment.parsed_options, "run_time", None)
        checks = [Check("requests", "at least 1", str(total.num_requests), total.num_requests > 0)]
        if wanted:
            checks.append(Check("run time", f"{wanted} s", f"{self.seconds():.0f} s", self.seconds() > wanted - GRACE))
        checks.append(exceptions_check(self.runner))
        return [*checks, self.users.check(), *self.generator.checks(), *self.levels.checks(self.environment.stats)]

    def end(self, folder: Path, **_: Any) -> None:
        """Write the verdict into `folder`, and make it the exit code of Locust."""
        checks, doubts = self.checks(), self.generator.doubts()
        folder.mkdir(parents=True, exist_ok=True)
        write_summary(folder / "summary.md", self.environment, checks, doubts, self.seconds())
        write_junit(folder / "junit.xml", checks, doubts, self.seconds())
        self.environment.process_exit_code = int(not all(check.holds for check in checks))

    def _begin(self, **_: Any) -> None:
        self.began, self.ended = time.monotonic(), 0.0

    def _end(self, **_: Any) -> None:
        self.ended = time.monotonic()

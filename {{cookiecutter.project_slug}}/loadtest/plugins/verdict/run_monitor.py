"""Watches a headless run, prints its progress each second, and writes the verdict at the end."""

from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner

import json
import math
import signal
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import gevent
from livesync.file_scan import scan, unless_gone
from livesync.files import revision_of

from . import verdict_document
from .load_generator import LoadGenerator
from .service_levels import ServiceLevels
from .unanswered_requests import UnansweredRequests, count_unanswered
from .user_checks import Users
from .user_exceptions import UserExceptions
from .verdict_document import Check, Run

TOLERANCE = 5.0
"""Seconds by which a run may be shorter than its run time, but at most half of it: Locust's timer starts before the test."""

load_test_check = partial(Check, "load test")


class RunMonitor:
    """Watches one run; `begin` and `end` are called once."""

    def __init__(self, environment: Environment, runner: Runner, levels: ServiceLevels, folder: Path) -> None:
        """`folder` is where the verdict goes. Raises Rejected if a file of the load test cannot be read."""
        self.environment, self.runner, self.levels, self.folder = environment, runner, levels, folder
        # Before the test, which may write files.
        self.revision = _revision()
        self.generator = LoadGenerator()
        self.users = Users()
        self.exceptions = UserExceptions()
        self.unanswered = UnansweredRequests()
        self._began_at = datetime.now(UTC)
        self._began = self._ended = 0.0
        self._resets: list[float] = []
        """Seconds of the test at which Locust reset the statistics."""

    def begin(self) -> None:
        """Listen to the test, and write the verdict when Locust quits."""
        events = self.environment.events
        events.test_start.add_listener(self._on_start)
        events.test_stopping.add_listener(self._look)
        events.test_stop.add_listener(self._on_stop)
        if self.environment.reset_stats:
            events.spawning_complete.add_listener(self._on_reset)
        events.worker_report.add_listener(self.generator.note_report)
        events.worker_report.add_listener(self.users.note_report)
        events.worker_report.add_listener(self.exceptions.note_report)
        events.worker_report.add_listener(self.unanswered.note_report)
        # Locust calls these listeners in reverse order: no other one overrides the exit code or raises after the verdict.
        events.quitting._handlers.insert(0, self.end)  # noqa: SLF001 - `add_listener` appends
        self.exceptions.here.begin()
        self.unanswered.here = count_unanswered(self.environment)
        # Locust's timer for the run time would start when the event loop ran last, before the imports of the load test.
        gevent.get_hub().loop.update_now()
        self.runner.greenlet.spawn(self._watch)

    def seconds(self) -> float:
        """How long the test has run."""
        return (self._ended or time.monotonic()) - self._began if self._began else 0.0

    def progress(self) -> dict[str, Any]:
        """The state of the test now: rates per second, p95 in milliseconds over the last ten seconds."""
        total = self.environment.stats.total
        return {
            "seconds": round(self.seconds()),
            "users": self.runner.user_count,
            "requests_per_second": round(total.current_rps, 1),
            "failures": total.num_failures,
            "p95": total.get_current_response_time_percentile(0.95),
        }

    def checks(self) -> list[Check]:
        """All checks of the verdict."""
        total = self.environment.stats.total
        checks = [load_test_check("requests", "at least 1", str(total.num_requests), total.num_requests > 0)]
        run_time = getattr(self.environment.parsed_options, "run_time", None)
        if run_time:
            seconds = self.seconds()
            checks.append(
                load_test_check(
                    "run time", f"{run_time} s", f"{seconds:.0f} s", seconds > run_time - min(TOLERANCE, run_time / 2)
                )
            )
        if code := self.environment.process_exit_code:
            checks.append(load_test_check("exit code", "0", f"{code}, set by a listener", passed=False))
        checks += [self.exceptions.check(self.runner), self.users.check(), *self.generator.checks()]
        checks.append(self.unanswered.check(self.environment.stats))
        return [*checks, *self.levels.checks(self.environment.stats)]

    def doubts(self) -> list[str]:
        """Reasons why the numbers may be wrong, although every check passed."""
        doubts = self.generator.doubts()
        if len(self._resets) > 1:
            doubts.append(
                f"--reset-stats reset the statistics {len(self._resets)} times, because users were started that often, "
                f"so only the requests after second {self._resets[-1]:.0f} were checked: with a shape, leave the option out."
            )
        return doubts

    def end(self, **_: Any) -> None:
        """Write verdict.json, and make the outcome Locust's exit code."""
        self.generator.note_end(self.runner)
        run = Run(self._began_at.isoformat(timespec="seconds"), round(self.seconds(), 1), self.revision)
        content = verdict_document.create(self.environment, run, self.checks(), self.doubts())
        verdict_document.write(content, self.folder)
        self.environment.process_exit_code = int(content["outcome"] != "passed")

    def _watch(self) -> NoReturn:
        while True:
            gevent.sleep(1)
            if self.runner.state in (STATE_SPAWNING, STATE_RUNNING):
                self._look()
                # One line of JSON, which `make headless` reads and shows.
                print(json.dumps({"progress": self.progress()}), flush=True)

    def _look(self, **_: Any) -> None:
        self.generator.look(self.runner)
        self.users.look(self.runner)

    def _on_start(self, **_: Any) -> None:
        self._began_at, self._began, self._ended = datetime.now(UTC), time.monotonic(), 0.0
        # As an exception, Ctrl-C would end whichever greenlet runs, and a shape's reports would be lost.
        gevent.signal_handler(signal.SIGINT, self.runner.quit)
        self._look()

    def _on_reset(self, **_: Any) -> None:
        self._resets.append(self.seconds())

    def _on_stop(self, **_: Any) -> None:
        self._ended = time.monotonic()


def _revision() -> str:
    # Live sync alone has a limit for the size of all files.
    files = scan(Path.cwd(), limit=math.inf)
    contents = {path: unless_gone(path, Path(file.real).read_bytes) for path, file in files.items()}
    return revision_of({path: content for path, content in contents.items() if content is not None})

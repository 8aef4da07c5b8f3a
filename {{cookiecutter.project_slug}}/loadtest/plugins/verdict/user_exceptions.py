"""Exceptions in user code: those of tasks, which Locust counts, and those outside of tasks, which it only logs."""

from locust import log
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.runners import MasterRunner, Runner

import logging
import sys
import threading
import traceback
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import gevent

from .verdict_document import Check

OUTSIDE_OF_TASKS = "exceptions_outside_of_tasks"

LOGGED = "Uncaught exception in "
"""How a message of Locust begins if a listener or `TaskSet.on_stop` raised."""

KEPT = 100
"""The latest exceptions, which user code may still catch where it waits for a greenlet; older ones count as uncaught."""


class OutsideOfTasks:
    """The exceptions of this process in listeners, in `on_stop`, and in greenlets and threads that user code started."""

    def __init__(self) -> None:
        self._count = 0
        self._first = ""
        self._latest: deque[tuple[BaseException, TracebackType | None]] = deque()

    def begin(self) -> None:
        """Record them from now on."""
        hub, in_thread = gevent.get_hub(), threading.excepthook
        in_greenlet = hub.handle_error
        no_errors = (*hub.SYSTEM_ERROR, StopUser, StopTest)

        def note_greenlet(context: object, kind: type[BaseException], value: BaseException, tb: TracebackType) -> None:
            in_greenlet(context, kind, value, tb)
            if isinstance(context, gevent.Greenlet) and not issubclass(kind, (*hub.NOT_ERROR, *no_errors)):
                self._note(value)

        def note_thread(arguments: threading.ExceptHookArgs) -> None:
            in_thread(arguments)
            if arguments.exc_value and not isinstance(arguments.exc_value, no_errors):
                self._note(arguments.exc_value)

        def note_logged(record: logging.LogRecord) -> bool:
            if str(record.msg).startswith(LOGGED) and (exception := sys.exc_info()[1]):
                self._note(exception)
            return True

        vars(hub)["handle_error"], threading.excepthook = note_greenlet, note_thread
        logging.getLogger().addFilter(note_logged)

    def found(self) -> tuple[int, str]:
        """How many there were, and the first of them."""
        uncaught = [exception for exception, tb in self._latest if exception.__traceback__ is tb]
        # With a log level above ERROR, this is all that Locust leaves of an exception in a listener.
        count = max(self._count + len(uncaught), int(log.unhandled_greenlet_exception))
        return count, self._first or (_line(uncaught[0]) if uncaught else "an exception")

    def _note(self, exception: BaseException) -> None:
        self._latest.append((exception, exception.__traceback__))
        if len(self._latest) > KEPT:
            exception, tb = self._latest.popleft()
            # `Greenlet.get` raises it again in the code that waits, and so changes its traceback.
            if exception.__traceback__ is tb:
                self._count += 1
                self._first = self._first or _line(exception)


@dataclass
class UserExceptions:
    """The exceptions in the user code of all processes."""

    here: OutsideOfTasks = field(default_factory=OutsideOfTasks)
    workers: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Number and first of those outside of tasks, by worker."""

    def note_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Note what a worker reports about its exceptions outside of tasks."""
        self.workers[client_id] = data.get(OUTSIDE_OF_TASKS, (0, ""))

    def check(self, runner: Runner) -> Check:
        """No exception is part of Locust's statistics unless a request failed, too."""
        found = _in_tasks(runner) or self._outside_of_tasks(runner)
        return Check("load test", "exceptions in user code", "none", found or "none", not found)

    def _outside_of_tasks(self, runner: Runner) -> str:
        here = "the master" if isinstance(runner, MasterRunner) else "this process"
        return "; ".join(
            f"{count} outside of tasks, first {first}: see the log of {process}"
            for process, (count, first) in ({here: self.here.found()} | self.workers).items()
            if count
        )


def _in_tasks(runner: Runner) -> str:
    rows = sorted(runner.exceptions.values(), key=lambda row: row["count"], reverse=True)
    return f"{sum(row['count'] for row in rows)}, most often {rows[0]['msg']}" if rows else ""


def report_exceptions(environment: Environment) -> None:
    """Let a worker add its exceptions outside of tasks to its reports."""
    outside = OutsideOfTasks()
    outside.begin()

    def report(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - Locust passes it
        data[OUTSIDE_OF_TASKS] = outside.found()

    environment.events.report_to_master.add_listener(report)


def _line(exception: BaseException) -> str:
    return "".join(traceback.format_exception_only(exception)).strip()

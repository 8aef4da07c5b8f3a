"""Rows of a CSV file for the users of a locustfile: one row per user, assigned in order across all workers.

    from plugins.csv_rows import CsvRows

    VISITORS = CsvRows("data/users.csv")

    class Visitor(FastHttpUser):
        def on_start(self):
            self.visitor = VISITORS.next_row(self)

The master assigns the rows, so each is used once before the first one is used again.
"""

from locust import User, events
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner, Runner, WorkerRunner

import csv
import itertools
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from gevent.event import AsyncResult

REQUEST, REPLY = "csv_rows_request", "csv_rows_reply"

TIMEOUT = 10
"""Seconds that a user waits for its row."""


class CsvRows:
    """The rows of a CSV file with a header line."""

    def __init__(self, path: str) -> None:
        """`path` is relative to the folder of the locustfile. Raises ValueError for a file without rows."""
        self.path = path
        with (Path(__file__).parents[1] / path).open(encoding="utf-8-sig", newline="") as file:
            self.rows = list(csv.DictReader(file))
        if not self.rows:
            raise ValueError(f"{path} has no rows: add a header line and at least one row")

    def next_row(self, user: User) -> dict[str, str]:
        """The next row: its values by column name. Raises gevent.Timeout if the master does not answer."""
        runner = user.environment.runner
        if isinstance(runner, WorkerRunner):
            number = _ask_master(runner, self.path)
        else:
            # A single user in a debugger has no runner.
            number = _next_number(runner or user.environment, self.path)
        return self.rows[number % len(self.rows)]


# Counters are attributes of Locust's runner or environment, so that they survive an edit of this module.
def _next_number(owner: Runner | Environment, path: str) -> int:
    used: dict[str, Iterator[int]] = vars(owner).setdefault("csv_rows_used", defaultdict(itertools.count))
    return next(used[path])


def _pending(runner: Runner) -> "dict[str, AsyncResult[int]]":
    pending: dict[str, AsyncResult[int]] = vars(runner).setdefault("csv_rows_pending", {})
    return pending


def _ask_master(runner: WorkerRunner, path: str) -> int:
    request_id = uuid4().hex
    reply = _pending(runner)[request_id] = AsyncResult()
    runner.send_message(REQUEST, {"request_id": request_id, "path": path})
    try:
        return int(reply.get(timeout=TIMEOUT))
    finally:
        del _pending(runner)[request_id]


@events.init.add_listener
def _connect(runner: Runner, **_: Any) -> None:
    if isinstance(runner, MasterRunner):
        runner.register_message(REQUEST, partial(_on_request, runner))
    elif isinstance(runner, WorkerRunner):
        runner.register_message(REPLY, partial(_on_reply, runner))


def _on_request(runner: MasterRunner, msg: Message, **_: Any) -> None:
    number = _next_number(runner, msg.data["path"])
    runner.send_message(REPLY, {"request_id": msg.data["request_id"], "number": number}, msg.node_id)


def _on_reply(runner: WorkerRunner, msg: Message, **_: Any) -> None:
    if reply := _pending(runner).get(msg.data["request_id"]):
        reply.set(msg.data["number"])

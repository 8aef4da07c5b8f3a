"""Rows of a CSV file for users of a locustfile: one row a user, dealt in order across all workers.

    from csv_rows import CsvRows

    VISITORS = CsvRows("data/users.csv")

    class Visitor(FastHttpUser):
        def on_start(self):
            self.visitor = VISITORS.deal(self)

The master deals, so no row goes out twice before the file has gone round; then it starts again at the first row.
"""

from locust import User, events
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

ASK, DEAL = "csv_rows_ask", "csv_rows_deal"

PATIENCE = 10
"""Seconds that a user waits for its row."""


class CsvRows:
    """The rows of a CSV file with a header line."""

    def __init__(self, path: str) -> None:
        """`path` is relative to the folder of the locustfile. Raises ValueError for a file without rows."""
        self.path = path
        with (Path(__file__).parent / path).open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        if not self.rows:
            raise ValueError(f"{path} has no rows: it needs a header line and a line for each user")

    def deal(self, user: User) -> dict[str, str]:
        """The next row, as a value for each column. Raises gevent.Timeout if the master does not answer."""
        runner: Any = user.environment.runner
        number = _ask_master(runner, self.path) if isinstance(runner, WorkerRunner) else _next_number(runner, self.path)
        return self.rows[number % len(self.rows)]


# What has to outlive an edit of this module is kept on Locust's runner.
def _next_number(runner: Runner, path: str) -> int:
    dealt: dict[str, Iterator[int]] = vars(runner).setdefault("csv_rows_dealt", defaultdict(itertools.count))
    return next(dealt[path])


def _awaited(runner: Runner) -> "dict[str, AsyncResult[int]]":
    awaited: dict[str, AsyncResult[int]] = vars(runner).setdefault("csv_rows_awaited", {})
    return awaited


def _ask_master(runner: WorkerRunner, path: str) -> int:
    question = uuid4().hex
    answer = _awaited(runner)[question] = AsyncResult()
    runner.send_message(ASK, {"question": question, "path": path})
    try:
        return int(answer.get(timeout=PATIENCE))
    finally:
        del _awaited(runner)[question]


@events.init.add_listener
def _connect(runner: Runner, **_: Any) -> None:
    if isinstance(runner, MasterRunner):
        runner.register_message(ASK, partial(_answer, runner))
    elif isinstance(runner, WorkerRunner):
        runner.register_message(DEAL, partial(_take, runner))


def _answer(runner: MasterRunner, msg: Message, **_: Any) -> None:
    number = _next_number(runner, msg.data["path"])
    runner.send_message(DEAL, {"question": msg.data["question"], "number": number}, msg.node_id)


def _take(runner: WorkerRunner, msg: Message, **_: Any) -> None:
    if answer := _awaited(runner).get(msg.data["question"]):
        answer.set(msg.data["number"])

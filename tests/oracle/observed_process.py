"""`python -m livesync` in a process that compares itself with a fresh load when it is asked to.

On the socket that OBSERVED names it answers one pickled request at a time: a method of `Observer` and its arguments.
"""

import builtins
import os
import pickle
import runpy
import time
import traceback
from random import Random
from typing import Any

import gevent
from gevent import socket
from locust import User, constant

from tests.oracle.comparison import SKIPPED, Loaded, fresh
from tests.oracle.generated import MODULES, LoadTest, ran
from tests.oracle.rendering import files_of
from tests.oracle.sequence import Look, Sequence

GRACE = 5.0
"""Seconds within which the last task has ended that was under way at a commit."""


class Observer(Sequence):
    """Checks the live load test of this process."""

    def __init__(self) -> None:
        super().__init__(Random(os.getpid()))
        self.before = Look({}, {}, set())

    def begin(self, test: LoadTest) -> None:
        """This is live, and the run has set nothing yet."""
        self.past, self.state, self.kept = [test], {}, []
        self.compare_soon()

    def expect_edit(self) -> None:
        """An edit is about to be saved."""
        self.set_state()
        self.before = self.look()

    def check_edit(self, new: LoadTest) -> None:
        """The edit is live."""
        self.check(new, self.before)
        self.compare_soon()

    def live(self) -> Loaded:
        """Without Locust's own listeners."""
        found = super().live()
        own = {name: [h for h in handlers if _is_own(h)] for name, handlers in found.listeners.items()}
        return Loaded(found.modules, own)

    def compare_soon(self) -> None:
        """Compare once no task is under way any more that began before the edit; until then removed names stay."""
        self.fresh = self.test, fresh(files_of(self.test))
        deadline = time.monotonic() + GRACE
        while True:
            try:
                self.compare()
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                gevent.sleep(0.05)
            else:
                return


def _is_own(handler: Any) -> bool:
    return getattr(handler, "func", handler).__module__ in MODULES


def answer_requests(path: str) -> None:
    observer = Observer()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                method, arguments = pickle.load(stream)
                pickle.dump(_answer(observer, method, arguments), stream)


def _answer(observer: Observer, method: str, arguments: tuple[Any, ...]) -> str:
    try:
        getattr(observer, method)(*arguments)
    except Exception:
        return traceback.format_exc(limit=-4)
    return ""


if __name__ == "__main__":
    vars(builtins)["_ran"] = ran
    SKIPPED.add("host")  # the command line overrides it
    User.wait_time = constant(0.1)  # generated user classes have none
    gevent.spawn(answer_requests, os.environ["OBSERVED"])
    runpy.run_module("livesync", run_name="__main__", alter_sys=True)

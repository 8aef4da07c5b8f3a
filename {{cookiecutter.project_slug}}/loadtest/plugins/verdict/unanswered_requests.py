"""Requests that had no answer when Locust stopped their user: they are in no statistics."""

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.stats import RequestStats

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent

from .verdict_document import Check

UNANSWERED = "unanswered_requests"

SHORT = 5.0
"""Seconds: what has waited for less is no failure, because some requests are always under way when a user stops."""

FACTOR = 2.0
"""What has waited for less than this many times the longest response time is no failure, where the whole service is slow."""

Waits = dict[int, int]
"""Number of requests by the seconds for which they had no answer."""


@dataclass
class UnansweredRequests:
    """The requests of all processes that had no answer for at least SHORT when their user stopped."""

    here: Waits = field(default_factory=dict)
    workers: dict[str, Waits] = field(default_factory=dict)
    """By worker, from its last report."""

    def note_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Note what a worker reports about its requests."""
        self.workers[client_id] = data.get(UNANSWERED, {})

    def check(self, stats: RequestStats) -> Check:
        """A service that stops answering shows in no response time and in no failure until its requests time out."""
        limit = max(SHORT, FACTOR * stats.total.max_response_time / 1000)
        waits = sum(map(Counter, (self.here, *self.workers.values())), Counter[int]())
        long = {seconds: number for seconds, number in waits.items() if seconds >= limit}
        actual = f"{sum(long.values())}, the longest for {max(long)} s" if long else "none"
        return Check("load test", "requests without an answer", "none", actual, not long)


def count_unanswered(environment: Environment) -> Waits:
    """The unanswered requests of this process in the current test, which are counted from now on."""
    waits: Counter[int] = Counter()
    sessions: list[Any] = [HttpSession, FastHttpSession]
    for session in sessions:
        session.request = _counting(session.request, waits)
    environment.events.test_start.add_listener(lambda **_: waits.clear())
    return waits


def report_unanswered(environment: Environment) -> None:
    """Let a worker add its unanswered requests to its reports."""
    waits = count_unanswered(environment)

    def report(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - Locust passes it
        data[UNANSWERED] = dict(waits)

    environment.events.report_to_master.add_listener(report)


def _counting(request: Callable[..., Any], waits: Counter[int]) -> Callable[..., Any]:
    def request_and_count(*arguments: Any, **options: Any) -> Any:
        began = time.monotonic()
        try:
            return request(*arguments, **options)
        except gevent.GreenletExit:  # by which Locust stops a user
            if (seconds := time.monotonic() - began) >= SHORT:
                waits[int(seconds)] += 1
            raise

    return request_and_count

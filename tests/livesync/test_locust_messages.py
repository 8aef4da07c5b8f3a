"""Locust's own messages from a worker: an invalid one disables neither the web UI nor Stop."""

import math
import time
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest
from support.swarm import Swarm
from support.waiting import TIMEOUT, wait_until

from tests.livesync.peer import Peer, assert_ignored, heartbeat


def stats_message(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "stats", {"user_classes_count": {}, "stats": [], "stats_total": entry(), "errors": {}, **changes}


def entry(**changes: Any) -> dict[str, Any]:
    """Statistics of a request, as a worker reports them."""
    counts = dict.fromkeys(("num_requests", "num_none_requests", "num_failures"), 0)
    sums = dict.fromkeys(("total_response_time", "max_response_time", "total_content_length"), 0)
    by_second: dict[str, dict[int, int]] = {"response_times": {}, "num_reqs_per_sec": {}, "num_fail_per_sec": {}}
    times = {"start_time": time.time(), "last_request_timestamp": None, "min_response_time": None}
    return {"name": "/", "method": "GET", **counts, **sums, **by_second, **times, **changes}


def failure(**changes: Any) -> dict[str, Any]:
    """How often a request failed, as a worker reports it."""
    seen = {"first_seen": None, "last_seen": None}
    return {"name": "/", "method": "GET", "error": "404", "occurrences": 1, **seen, **changes}


INVALID: dict[str, tuple[str, Any, str]] = {
    "a heartbeat without content": ("heartbeat", None, "its data is not a dictionary"),
    "a heartbeat in no state": (*heartbeat(state=["ready"]), "its state is not valid"),
    "bytes for the CPU": (*heartbeat(current_cpu_usage=b"x"), "its current_cpu_usage is not valid"),
    "bytes for the memory": (*heartbeat(current_memory_usage=b"x"), "its current_memory_usage is not valid"),
    "memory without a number": (*heartbeat(current_memory_usage=math.nan), "its current_memory_usage is not valid"),
    "text for the users": (*stats_message(user_classes_count="x"), "its user_classes_count is not valid"),
    "text for a count of users": (*stats_message(user_classes_count={"X": "x"}), "its user_classes_count is not valid"),
    "less than no users": (*stats_message(user_classes_count={"X": -1}), "its user_classes_count is not valid"),
    "users of class 5": (*stats_message(user_classes_count={5: 1}), "its user_classes_count is not valid"),
    "statistics without a total": (*stats_message(stats_total=None), "an entry's data is not a dictionary"),
    "statistics that are none": (*stats_message(stats=5), "its stats is not valid"),
    "a request that is none": (*stats_message(stats=["/"]), "an entry's data is not a dictionary"),
    "a request without a name": (*stats_message(stats=[entry(name=None)]), "an entry's name is not valid"),
    "a request with a list for a name": (*stats_message(stats=[entry(name=["/"])]), "an entry's name is not valid"),
    "a request with a number for a method": (*stats_message(stats=[entry(method=5)]), "an entry's method is not valid"),
    "text for a number of requests": (
        *stats_message(stats_total=entry(num_requests="1")), "an entry's num_requests is not valid"
    ),
    "response times without end": (
        *stats_message(stats_total=entry(total_response_time=1e308)), "an entry's total_response_time is not valid"
    ),
    "text for a response time": (
        *stats_message(stats_total=entry(response_times={"x": 1})), "an entry's response_times is not valid"
    ),
    "text for requests of a second": (
        *stats_message(stats_total=entry(num_reqs_per_sec={1: "x"})), "an entry's num_reqs_per_sec is not valid"
    ),
    "a time of no calendar": (*stats_message(stats_total=entry(start_time=-1)), "an entry's start_time is not valid"),
    "a last time of no calendar": (
        *stats_message(stats_total=entry(last_request_timestamp=1e15)), "an entry's last_request_timestamp is not valid"
    ),
    "failures that are none": (*stats_message(errors=[]), "its errors is not valid"),
    "a failure without a text": (*stats_message(errors={"x": failure(error=b"x")}), "a failure's error is not valid"),
    "a failure at no time": (*stats_message(errors={"x": failure(last_seen="")}), "a failure's last_seen is not valid"),
    "a failure with a number for a key": (*stats_message(errors={5: failure()}), "its errors is not valid"),
    "users that have started without a count": ("spawning_complete", {}, "its user_classes_count is not valid"),
    "an exception without a text": ("exception", {"msg": 5, "traceback": ""}, "its msg is not valid"),
    "an exception without a traceback": ("exception", {"msg": "x", "traceback": b""}, "its traceback is not valid"),
    "logs of no worker": ("logs", {"worker_id": ["x"], "logs": []}, "its worker_id is not valid"),
    "logs in bytes": ("logs", {"worker_id": "x", "logs": [b"x"]}, "its logs is not valid"),
    "a worker without a version": ("client_ready", {"version": "2"}, "it does not contain a version of Locust"),
}  # fmt: skip
"""Messages of Locust's own kinds. Locust takes them, and then fails where it counts, shows or reports what they say."""

PAGES = [
    "/", "/exceptions", "/exceptions/csv", "/logs", "/stats/failures/csv", "/stats/report", "/stats/requests",
    "/stats/requests/csv", "/tasks",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "reason"), INVALID.values(), ids=INVALID)
def test_an_invalid_message_disables_neither_the_web_ui_nor_its_stop(
    open_master: Swarm, connect: Callable[..., Peer], kind: str, data: Any, reason: str
) -> None:
    peer = connect(open_master.port)
    peer.join()
    open_master.post("/swarm", user_count=1, spawn_rate=1)
    assert_ignored(open_master, peer, lambda: peer.send(kind, data), reason)
    assert_serves(open_master)
    peer.send("quit", None)


def test_what_workers_report_is_counted_with_what_user_code_adds(
    open_master: Swarm, connect: Callable[..., Peer]
) -> None:
    peer = connect(open_master.port)
    peer.join()
    open_master.post("/swarm", user_count=1, spawn_rate=1)
    requests = entry(num_requests=2, response_times={1.5: 1, 2: 1}, max_response_time=2.5, total_response_time=4.5)
    report = {"stats": [requests], "stats_total": requests, "errors": {"x": failure(first_seen=1.5)}}
    peer.send(*stats_message(user_classes_count={"Visitor": 3}, of_user_code=[{"x": b"y"}], **report))
    wait_until(lambda: open_master.users() == 3, "three users")
    assert open_master.total()["num_requests"] == 2
    peer.send(*stats_message())
    wait_until(lambda: open_master.users() == 0, "no users")
    assert_serves(open_master)
    peer.send("quit", None)


def assert_serves(master: Swarm) -> None:
    """Every page answers, and a test can be stopped."""
    for page in PAGES:
        with urlopen(f"{master.address}{page}", timeout=TIMEOUT) as response:
            assert response.status == 200, page
    assert master.post("/stop")["success"]

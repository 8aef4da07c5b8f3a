"""Random requests to the web UI of a running swarm: none of them is an error 500, or disturbs the test."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.swarm import Swarm
from support.waiting import TIMEOUT, wait_until

USERS = 10

same_each_time = settings(
    derandomize=True, database=None, deadline=None, max_examples=80, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def swarm(with_plugins: Swarm) -> Iterator[Swarm]:
    """The swarm, with ten users that run; afterwards it must have lost none of them, no request and no statistics."""
    with_plugins.swarm(USERS)
    with_plugins.settle()
    before = with_plugins.total()["num_requests"]
    yield with_plugins
    assert all(process.poll() is None for process in with_plugins.processes.values())
    assert "Traceback" not in "".join(map(with_plugins.log, with_plugins.processes))
    assert with_plugins.agrees()
    wait_until(lambda: with_plugins.total()["num_requests"] > before, "more requests")
    assert with_plugins.total()["num_failures"] == 0
    # Each worker still takes orders.
    with_plugins.swarm(USERS + 2)
    assert with_plugins.post("/stop")["success"]
    wait_until(lambda: with_plugins.get("/stats/requests")["state"] == "stopped", "the end of the test")


class Request(NamedTuple):
    """What a client sends."""

    method: str = "GET"
    path: str = "/"
    body: bytes = b""
    content_type: str = ""
    missing: int = 0
    """How many bytes of the body are announced, but never sent."""


def send(swarm: Swarm, request: Request) -> tuple[int, bytes]:
    """Status and body of the response."""
    headers = {"Content-Type": request.content_type, "Content-Length": str(len(request.body) + request.missing)}
    with closing(http.client.HTTPConnection("127.0.0.1", swarm.web, timeout=TIMEOUT)) as connection:
        connection.request(request.method, request.path, request.body, headers)
        if request.missing:
            connection.sock.shutdown(socket.SHUT_WR)
        with connection.getresponse() as response:
            return response.status, response.read()


JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
READ_ONLY = [
    "/", "/exceptions", "/exceptions/csv", "/livesync", "/login", "/logs", "/stats/failures/csv", "/stats/report",
    "/stats/requests", "/stats/requests/csv", "/stats/requests_full_history/csv", "/tasks", "/worker-count",
]  # fmt: skip
POSTED = ["/swarm", "/user", "/livesync/differences"]
# A POST to these does what it says, whatever its body.
ORDERS = ["/stop", "/stats/reset"]

texts = st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from([10**30, "\ud800", "a\0b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
bodies = (
    st.binary(max_size=100)
    | values.map(json.dumps).map(str.encode)
    | st.lists(st.tuples(texts, texts), max_size=4).map(urlencode).map(str.encode)
)
others = st.sampled_from(["/assets/", "/livesync/", "/stats/", "//", ""])
paths = st.sampled_from(READ_ONLY + POSTED) | st.builds(lambda folder, name: f"{folder}{quote(name)}", others, texts)
queries = st.just("") | st.dictionaries(texts, texts, max_size=2).map(lambda query: f"?{urlencode(query)}")
content_types = st.sampled_from(["", JSON, FORM, MULTIPART, "text/plain; charset=nowhere"])
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
requests = st.one_of(
    st.tuples(methods, st.builds(str.__add__, paths, queries), bodies, content_types),
    st.tuples(st.sampled_from(["GET", "PUT", "FOO"]), st.sampled_from(ORDERS), bodies, content_types),
    st.tuples(st.just("POST"), st.sampled_from(POSTED), bodies, st.sampled_from([JSON, FORM])),
).map(lambda parts: Request(*parts))


def test_no_request_is_an_error_of_the_server(swarm: Swarm) -> None:
    @same_each_time
    @given(requests)
    @example(Request("POST", "/livesync/differences", b"[" * 100_000, JSON))
    @example(Request("POST", "/livesync/differences", b'{"\\ud800": ""}', JSON))
    @example(Request("POST", "/livesync/differences", b'{"a\\u0000b": ""}', JSON))
    @example(Request("POST", "/livesync/differences", b"{}", JSON, missing=9))
    @example(Request("POST", "/user", b"[" * 100_000))
    @example(Request("POST", "/user", b'{"user_class_name": []}'))
    @example(Request("POST", "/user", b'{"user_class_name": "Visitor", "tasks": 5}'))
    @example(Request("POST", "/user", b'{"user_class_name": "Visitor", "weight": 1' + 30 * b"0" + b"}"))
    def answers(request: Request) -> None:
        status, body = send(swarm, request)
        assert status < 500, body

    answers()


def is_no(convert: type[int] | type[float], text: str) -> bool:
    try:
        convert(text)
    except ValueError:
        return True
    return False


no_whole_numbers = st.sampled_from(["", "1.5", "nan", "1" * 30, "1" * 5000]) | texts.filter(
    lambda text: is_no(int, text)
)
no_numbers = st.sampled_from(["", "0", "-1", "nan", "inf", "1e999"]) | texts.filter(lambda text: is_no(float, text))
no_times = st.sampled_from(["-1", "1.5s", "1" * 30, "99999999999h"]) | texts.filter(lambda text: text[:1].isalpha())
FIELDS = {
    "user_count": (st.integers(0, 20).map(str), no_whole_numbers | st.sampled_from(["-1", "1000001"])),
    "spawn_rate": (st.sampled_from(["100", "1e3", "5e300"]), no_numbers),
    "run_time": (st.sampled_from(["", "3600", "2h"]), no_times),
    "host": (
        st.just(""),
        st.sampled_from(["https://example.com", "http://a b", "http://ä", "http://a\nb", "http://a\0"]),
    ),
    "shape": (st.just(""), st.sampled_from(["pulses", "pulse\0", "__class__"])),
    "high": (st.integers(0, 1000).map(str), no_whole_numbers | st.just("1000001")),
    "period": (st.integers(0, 1000).map(str), no_whole_numbers),
    "width": (st.integers(0, 1000).map(str), no_whole_numbers),
    "profile": (texts, st.nothing()),
    "nothing": (texts, st.nothing()),
}
"""Values that a field of the start form may have, and values that it may not have."""


class Form(NamedTuple):
    """Values of the start form."""

    values: dict[str, str]
    invalid: set[str]


@st.composite
def forms(draw: st.DrawFn) -> Form:
    names = draw(st.sets(st.sampled_from(list(FIELDS)))) | {"user_count", "spawn_rate"}
    invalid = draw(st.sets(st.sampled_from([name for name in sorted(names) if not FIELDS[name][1].is_empty])))
    return Form({name: draw(FIELDS[name][name in invalid]) for name in sorted(names)}, invalid)


def test_a_form_starts_a_test_if_all_its_values_are_valid_and_else_changes_nothing(swarm: Swarm) -> None:
    before = {"host": swarm.service.url, "user_count": str(USERS)}

    @same_each_time
    @given(forms())
    def is_accepted_or_rejected(form: Form) -> None:
        answer = swarm.post("/swarm", **form.values)
        assert answer["success"] is not bool(form.invalid), (form, answer)
        if answer["success"]:
            before.update(form.values)
        else:
            assert any(name in answer["message"] for name in form.invalid | {"Load on"}), (form, answer)
        assert answer["host"] == before["host"]

    is_accepted_or_rejected()
    for path in READ_ONLY:
        assert send(swarm, Request(path=path))[0] < 500, path
    wait_until(lambda: swarm.users() == int(before["user_count"]), lambda: f"{before['user_count']} users")

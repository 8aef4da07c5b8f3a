"""The forms of the web UI: what rejects them, and how the start form starts a shape."""

from locust import User
from locust.env import Environment

import json
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from plugins.form_fields import problem_of_user
from support.waiting import TIMEOUT, wait_until


def read(address: str, **form: object) -> str:
    """What it answers to GET, or to POST with a form."""
    body = urlencode(form).encode() if form else None
    with urlopen(address, body, timeout=TIMEOUT) as answer:  # noqa: S310 - it is http
        text: str = answer.read().decode()
    return text


def start(web_ui: str, **form: object) -> dict[str, Any]:
    """Fill in the start form and send it."""
    answer: dict[str, Any] = json.loads(read(f"{web_ui}/swarm", **{"user_count": 1, "spawn_rate": 1, **form}))
    return answer


def now(web_ui: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(read(f"{web_ui}/stats/requests"))
    return state


def test_the_page_offers_the_shapes_and_their_settings(web_ui: str) -> None:
    page = read(web_ui)
    for name in ("pulse", "soak", "period", "width"):
        assert f'"{name}"' in page


def test_an_invalid_form_starts_nothing_and_names_the_field(web_ui: str) -> None:
    for field, value, problem in [
        ("host", "https://example.com", "Load on example.com is rejected"),
        ("host", "http://a..b", "Load on a..b is rejected"),
        ("host", f"http://{'a' * 64}.b", "Load on aaa"),
        ("host", "http://[::1", "Load on 'http://[::1' is rejected"),
        ("width", 0, "width is 0"),
        ("low", "some", "low is 'some'"),
        ("shape", "zigzag", "shape is 'zigzag'"),
        ("user_count", 1_000_001, "user_count is 1000001: it must be at most 1,000,000"),
        ("run_time", "9" * 30, "run_time is 999999999999999999999999999999: it must be at most"),
        ("run_time", "99999999999h", "run_time is '99999999999h': it must be a time, such as"),
        ("width", "", "width is '': it must be a whole number"),
    ]:
        answer = start(web_ui, **{"shape": "pulse", field: value})
        assert not answer["success"]
        assert answer["message"].startswith(problem)
    assert now(web_ui)["state"] == "ready"


def test_the_start_form_sets_what_it_shows_and_nothing_else(web_ui: str) -> None:
    for field in ("html_file", "csv_prefix", "json_file", "logfile", "allowed_hosts", "web_hosts", "verdict"):
        answer = start(web_ui, **{field: "/tmp/x", "user_count": 1})  # noqa: S108 - it is not written
        assert answer["message"] == f"The start form has no field {field}: set it when you start Locust."
    assert now(web_ui)["state"] == "ready"
    shown = {"host": "http://localhost:1", "run_time": "1m", "profile": "p", "shape": "", "high": 3, "unknown": "x"}
    assert start(web_ui, **shown)["success"]


def test_the_form_of_a_user_class_sets_what_it_shows_and_nothing_else(start_web_ui: Callable[..., str]) -> None:
    web_ui = start_web_ui("--class-picker")

    def edit(**settings: object) -> str:
        body = json.dumps({"user_class_name": "Visitor", **settings}).encode()
        try:
            with urlopen(f"{web_ui}/user", body, timeout=TIMEOUT) as answer:  # noqa: S310 - it is http
                return str(answer.status)
        except HTTPError as error:
            return error.read().decode()

    for field in ("proxy_host", "proxy_port", "insecure", "default_headers", "wait_time", "__init__", "user_classes"):
        assert edit(**{field: "x"}) == f"The form of Visitor has no field {field}."
    for name in ("Other", ["Visitor"], None):
        assert edit(user_class_name=name) == "user_class_name must be one of: Visitor."
    for weight in ("2", -1, 10**30, float("nan"), None):
        assert edit(weight=weight) == "weight of Visitor must be a number from 0 to 1,000,000."
    for count in ("2", -1, 2.5, None):
        assert edit(fixed_count=count) == "fixed_count of Visitor must be a whole number from 0 to 1,000,000."
    for host in (5, "http://a b", "\ud800"):
        assert edit(host=host) == "host of Visitor must be a URL, such as http://server:8000."
    assert edit(host="https://example.com").startswith("Load on example.com is rejected")
    for host in ("http://u:s3cret@localhost:1", "https://s3cret@example.com"):
        assert edit(host=host).startswith("A host with a user name or a password is rejected")
        assert "s3cret" not in edit(host=host)
    assert edit(host="") == edit(host=None) == "201"
    chosen: list[object] = [5, None, {}, [], ["bye"], [["hello"]], "\ud800"]
    for tasks in chosen:
        assert edit(tasks=tasks) == "tasks of Visitor must be one or more of: hello."
    assert edit(weight=2, fixed_count=1, tasks=["hello"], host="http://localhost:1") == "201"


class Planned(User):
    """Has a field of its own in the form, as Locust documents it."""

    plan = 1

    @classmethod
    def json(cls) -> dict[str, int]:
        return {"plan": cls.plan}


@pytest.mark.parametrize(("plan", "is_rejected"), [(2, False), ("x", False), (10**30, True), ("\ud800", True)])
def test_a_field_of_your_own_takes_what_can_be_sent_to_workers(plan: object, is_rejected: bool) -> None:
    environment = Environment(available_user_classes={"Planned": Planned})  # type: ignore[dict-item] # it wants the class
    message = problem_of_user({"user_class_name": "Planned", "plan": plan}, environment)
    assert message == ("A value of Planned cannot be sent to the workers." if is_rejected else None)


def test_a_rejected_form_leaves_the_test_its_end(web_ui: str) -> None:
    assert start(web_ui, run_time="3s")["success"]
    assert start(web_ui, spawn_rate=0)["message"] == "spawn_rate is 0.0: it must be a number above 0"
    rejection = json.loads(read(f"{web_ui}/swarm", user_count=1))
    assert rejection["message"] == "spawn_rate is missing: set it, or choose a shape"
    wait_until(lambda: now(web_ui)["state"] == "stopped", "the end of the test")


def test_a_shape_of_the_form_sets_the_number_of_users(web_ui: str) -> None:
    assert start(web_ui, shape="constant", high=7)["success"]
    wait_until(lambda: now(web_ui)["user_count"] == 7, lambda: str(now(web_ui)))
    # Its settings may change while it runs, but it cannot be left out.
    assert start(web_ui, shape="constant", high=3)["success"]
    wait_until(lambda: now(web_ui)["user_count"] == 3, lambda: str(now(web_ui)))
    assert not start(web_ui, shape="")["success"]
    # The next test need not follow one.
    read(f"{web_ui}/stop", now="")
    wait_until(lambda: now(web_ui)["state"] == "stopped", lambda: str(now(web_ui)))
    assert start(web_ui, shape="", user_count=2)["success"]
    wait_until(lambda: now(web_ui)["user_count"] == 2, lambda: str(now(web_ui)))


def test_an_empty_run_time_lets_a_shape_run_on(web_ui: str) -> None:
    assert start(web_ui, shape="constant", high=4, run_time="1s")["success"]
    wait_until(lambda: now(web_ui)["state"] == "stopped", "the end of the test")
    assert start(web_ui, shape="constant", high=4, run_time="")["success"]
    # In one second, four users make twelve requests at most.
    wait_until(lambda: now(web_ui)["stats"][-1]["num_requests"] > 20, lambda: str(now(web_ui)))


def test_a_shape_is_rejected_where_the_class_picker_would_override_it(start_web_ui: Callable[..., str]) -> None:
    web_ui = start_web_ui("--class-picker")
    answer = start(web_ui, shape="pulse", user_classes="Visitor")
    assert not answer["success"]
    assert answer["message"].startswith("The class picker and a shape cannot be combined")
    answer = start(web_ui, user_classes="Visitors")
    assert answer["message"] == "user_classes contains 'Visitors', which is not one of: Visitor"
    answer = start(web_ui, user_classes="Visitor", shape_class="Zigzag")
    assert answer["message"] == "shape_class contains 'Zigzag', which is not one of: Default"
    assert start(web_ui, user_classes="Visitor")["success"]

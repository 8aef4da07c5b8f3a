"""The start form of the web UI: what rejects it, and how it starts a shape."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from support.locust_process import locust
from support.ports import free_port
from support.service import Service
from support.waiting import TIMEOUT, wait_until


@pytest.fixture
def start_web_ui(service: Service, example: Path) -> Iterator[Callable[..., str]]:
    """Start Locust, and return the address of its web UI once that answers."""
    with ExitStack() as processes:

        def start(*options: str) -> str:
            port = str(free_port())
            address = ["--web-host", "127.0.0.1", "--web-port", port]
            process = locust(*address, "--host", service.url, *options, folder=example)
            processes.callback(process.communicate)
            processes.callback(process.kill)
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(url), "the web UI")
            return url

        yield start


@pytest.fixture
def web_ui(start_web_ui: Callable[..., str]) -> str:
    """The address of the web UI of a Locust that runs."""
    return start_web_ui()


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


def answers(address: str) -> bool:
    try:
        return bool(read(address))
    except URLError:
        return False


def test_the_page_offers_the_shapes_and_their_settings(web_ui: str) -> None:
    page = read(web_ui)
    for name in ("pulse", "soak", "period", "width"):
        assert f'"{name}"' in page


def test_an_invalid_form_starts_nothing_and_names_the_field(web_ui: str) -> None:
    for field, value, problem in [
        ("host", "https://example.com", "Load on example.com is rejected"),
        ("width", 0, "width is 0"),
        ("low", "some", "low is 'some'"),
        ("shape", "zigzag", "shape is 'zigzag'"),
    ]:
        answer = start(web_ui, **{"shape": "pulse", field: value})
        assert not answer["success"]
        assert answer["message"].startswith(problem)
    assert now(web_ui)["state"] == "ready"


def test_a_form_cannot_allow_other_hosts(web_ui: str) -> None:
    assert start(web_ui, allowed_hosts="example.com")["success"]
    assert not start(web_ui, host="https://example.com")["success"]


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


def test_a_shape_is_rejected_where_the_class_picker_would_override_it(start_web_ui: Callable[..., str]) -> None:
    web_ui = start_web_ui("--class-picker")
    answer = start(web_ui, shape="pulse", user_classes="Visitor")
    assert not answer["success"]
    assert answer["message"].startswith("the class picker overrides shape")
    assert start(web_ui, user_classes="Visitor")["success"]

"""Listeners, routes and shapes of the user's: registered once, and removed with their line."""

import urllib.error
import urllib.request

import pytest
from support.swarm import BASE, Swarm
from support.waiting import TIMEOUT, wait_until

TELL = """
import urllib.request
from functools import partial
from locust import events
from wiring import wire

def tell(path, name="", **_):
    if name == "/":
        urllib.request.urlopen(f"TARGET/{path}/{os.getpid()}").read()

events.request.add_listener(partial(tell, "partial"))
wire(tell)
"""
WIRING = """
from functools import partial
from locust import events

def wire(tell):
    events.request.add_listener(partial(tell, "wired"))
"""


def last_change(swarm: Swarm) -> str:
    """What the tab says of the live revision, which it does a moment after the last worker has committed it."""

    def change() -> str:
        now = swarm.get("/livesync")
        last = now["changes"][-1]
        return str(last["what"]) if last["revision"] == now["revision"] else ""

    return wait_until(change, "the live revision in the tab")


def test_partial_listeners_and_those_of_helpers_are_called_once_a_request(swarm: Swarm) -> None:
    source = BASE + TELL.replace("TARGET", swarm.service.url)
    swarm.save(WIRING, "wiring.py")
    swarm.edit(source)
    for number in range(3):
        swarm.edit(source.replace("/base/", f"/edited{number}/"))
    swarm.wait_for("/edited2")
    swarm.settle()
    swarm.forget()
    swarm.settle()
    for path in ("/partial", "/wired"):
        assert abs(len(swarm.requests(path)) - len(swarm.requests("/edited2"))) <= 10
    swarm.edit(source.replace('events.request.add_listener(partial(tell, "partial"))\n', ""))
    swarm.wait_for_end_of("/partial")
    swarm.forget()
    swarm.wait_for("/wired")


INIT = """
import urllib.request
from locust import events

@events.init.add_listener
def offer(environment, web_ui, **_):
    urllib.request.urlopen(f"TARGET/initialised/{os.getpid()}").read()
    if web_ui:
        @web_ui.app.route("/mine")
        def mine():
            return '"mine"'
"""


def test_an_added_init_listener_runs_once_and_its_route_goes_with_it(swarm: Swarm) -> None:
    source = BASE + INIT.replace("TARGET", swarm.service.url)
    swarm.edit(source)
    assert swarm.get("/mine") == "mine"
    swarm.edit(source.replace("'\"mine\"'", "'\"edited\"'").replace("/base/", "/edited/"))
    assert swarm.get("/mine") == "edited"
    swarm.edit(source.replace("web_ui, **_", "web_ui, default=1, **_"))
    assert swarm.get("/mine") == "mine"
    assert len(swarm.requests("/initialised")) == 3 * 2, "the master and both workers, tried and then live"
    swarm.edit(BASE)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{swarm.web}/mine", timeout=TIMEOUT)
    swarm.edit(source)
    assert swarm.get("/mine") == "mine"


def test_a_route_moves_to_another_url_and_back(swarm: Swarm) -> None:
    source = BASE + INIT.replace("TARGET", swarm.service.url)
    swarm.edit(source)
    swarm.edit(source.replace("offer", "give").replace("/mine", "/yours"))
    assert (swarm.get("/mine"), swarm.get("/yours")) == ({}, "mine")
    swarm.edit(source)
    assert (swarm.get("/mine"), swarm.get("/yours")) == ("mine", {})


GREETS = """
from locust import events

@events.init.add_listener
def greet(environment, web_ui, **_):
    environment.runner.register_message("greeting", print)
    if web_ui:
        view = lambda: [name for name in environment.runner.custom_messages if name.endswith("ing")]
        web_ui.app.add_url_rule("/mine", "mine", view)
"""

FAILS_IN_THE_COMMIT = """
from pathlib import Path

RUNS = Path("RUNS")

@events.init.add_listener
def fail(**_):
    if os.getpid() == PID:
        with RUNS.open("a") as runs:
            runs.write(".")
        if RUNS.stat().st_size == 2:
            raise RuntimeError("the second time")
"""


def test_a_commit_that_fails_leaves_routes_and_message_handlers_as_they_were(swarm: Swarm) -> None:
    source = BASE + GREETS
    swarm.edit(source)
    fails = FAILS_IN_THE_COMMIT.replace("PID", str(swarm.processes["master"].pid))
    moved = source.replace("greet(", "part(").replace("/mine", "/yours").replace("greeting", "parting")
    swarm.save(moved + fails.replace('RUNS"', f'{swarm.folder}-runs"'))
    assert swarm.rejection().endswith("RuntimeError: the second time")
    assert (swarm.get("/mine"), swarm.get("/yours")) == (["greeting"], {})


def test_an_added_test_start_listener_is_for_the_next_start_and_the_tab_says_so(swarm: Swarm) -> None:
    swarm.edit(BASE + "\nfrom locust import events\n\n@events.test_start.add_listener\ndef begin(**_):\n    pass\n")
    assert "from the next start" in last_change(swarm)
    assert "from the next start" in swarm.log()


BEGIN = """
from calls import CALLED
from locust import events

events.request.add_listener(lambda **_: CALLED.clear())
"""


def test_listeners_are_called_in_the_order_of_the_file_wherever_an_edit_puts_one(swarm: Swarm) -> None:
    first, second = (f"events.request.add_listener(lambda **_: CALLED.append({name!r}))\n" for name in ("a", "b"))
    imported = "import listening\n"

    def source(*lines: str) -> str:
        return "".join([BEGIN, *lines]) + BASE.replace("/base/", "/called-{''.join(CALLED)}/")

    swarm.save("CALLED = []\n", "calls.py")
    swarm.save("from calls import CALLED\nfrom locust import events\n" + second.replace("'b'", "'c'"), "listening.py")
    for lines, called in (((first,), "a"), ((second, first), "ba"), ((second, imported, first), "bca")):
        swarm.edit(source(*lines))
        swarm.wait_for(f"/called-{called}")
    swarm.edit(source(first, imported, second))
    swarm.wait_for("/called-acb")


def test_an_edited_init_listener_runs_at_the_next_start_of_locust_and_the_tab_says_so(swarm: Swarm) -> None:
    source = BASE + "\nfrom locust import events\n\n@events.init.add_listener\ndef begin(**_):\n    print('one')\n"
    swarm.edit(source)
    swarm.edit(source.replace("/base/", "/edited/"))
    assert "init listener" not in last_change(swarm)
    swarm.edit(source.replace("'one'", "'two'"))
    assert "when Locust restarts" in last_change(swarm)
    assert "when Locust restarts" in swarm.log()


def test_an_edited_loop_that_is_running_keeps_its_code_and_the_tab_says_so(swarm: Swarm) -> None:
    source = (
        BASE + "\nimport gevent\n\ndef watch():\n    while True:\n        gevent.sleep(0.1)\n\ngevent.spawn(watch)\n"
    )
    swarm.edit(source)
    swarm.edit(source.replace("/base/", "/edited/"))
    assert "watch is running" not in last_change(swarm)
    swarm.edit(source.replace("sleep(0.1)", "sleep(0.2)"))
    assert "watch has been running since before the edit" in last_change(swarm)


def test_what_a_removed_line_did_is_named_where_it_stays(swarm: Swarm) -> None:
    source = BASE + "\nimport atexit\natexit.register(print, 'end')\n"
    swarm.edit(source)
    swarm.edit(BASE)
    wait_until(lambda: "locustfile.py: the effects of line 13" in swarm.log(), "the line in the log")
    for line in ("PATHS = [1]", "PATHS = [1, 2]", "PATHS = [1, 2, 3]", ""):
        swarm.edit(BASE + line)
        assert "the effects of line" not in last_change(swarm)


REGISTRY = """
SCENARIOS = {}

def scenario(name):
    def register(function):
        SCENARIOS[name] = function
        return function
    return register

@scenario("look")
def look():
    pass

@scenario("buy")
def buy():
    pass
"""


def test_what_a_decorator_has_registered_is_named_where_it_stays(swarm: Swarm) -> None:
    swarm.edit(REGISTRY + BASE)
    swarm.edit(REGISTRY.replace("    pass", "    return 1", 1) + BASE)
    assert "stays" not in last_change(swarm)
    swarm.edit(REGISTRY.replace('"buy"', '"sell"') + BASE)
    assert "the effects of line 15 before the edit remain" in last_change(swarm)
    swarm.edit(REGISTRY.partition('@scenario("buy")')[0] + BASE)
    assert "the effects of line 15 before the edit remain" in last_change(swarm)


SHAPE = """
from locust import LoadTestShape

class Steady(LoadTestShape):
    def __init__(self):
        super().__init__()
        self.users = 6

    def tick(self):
        return self.users, 100
"""


def test_values_of_a_shapes_constructor_follow_edits(idle: Swarm) -> None:
    idle.save(BASE + SHAPE)
    idle.start(workers=1)
    idle.post("/swarm")
    wait_until(lambda: idle.users() == 6, "6 users")
    idle.edit(BASE + SHAPE.replace("= 6", "= 9"))
    wait_until(lambda: idle.users() == 9, "9 users")


def test_a_shape_class_can_be_removed_and_added_again_beside_the_shapes_of_the_project(shaped: Swarm) -> None:
    shaped.edit(BASE + SHAPE)
    assert shaped.post("/swarm", user_count=3, spawn_rate=3, shape="constant", high=5)["success"]
    wait_until(lambda: shaped.users() == 5, "5 users")
    shaped.edit(BASE)
    shaped.edit(BASE + SHAPE)
    assert shaped.users() == 5
    assert shaped.get("/stop", method="POST")["success"]
    wait_until(lambda: shaped.get("/stats/requests")["state"] == "stopped", "the end of the test")
    assert shaped.post("/swarm", user_count=3, spawn_rate=3, shape="")["success"]
    wait_until(lambda: shaped.users() == 6, "6 users")
    assert shaped.get("/stop", method="POST")["success"]
    shaped.edit(BASE)
    assert shaped.post("/swarm", user_count=3, spawn_rate=3, shape="")["success"]
    wait_until(lambda: shaped.users() == 3, "3 users")

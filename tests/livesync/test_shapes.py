"""Load shapes that are edited, added, removed or broken while a test runs."""

import pytest
from support.locust_process import LOADTEST
from support.swarm import BASE, Swarm
from support.waiting import wait_until

SHAPE = """
from locust import LoadTestShape

class Steady(LoadTestShape):
    def tick(self):
        return 6, 100
"""


@pytest.fixture
def steady(idle: Swarm) -> Swarm:
    """A swarm whose shape holds six users."""
    idle.save(BASE + SHAPE)
    idle.start()
    idle.post("/swarm")
    wait_for_users(idle, 6)
    return idle


def test_an_edited_shape_steers_the_test_that_runs(steady: Swarm) -> None:
    steady.edit(BASE + SHAPE.replace("6", "9"))
    wait_for_users(steady, 9)
    steady.edit(BASE + SHAPE.replace("6", "2"))
    wait_for_users(steady, 2)


def test_a_shape_follows_an_edit_of_what_its_constructor_reads(idle: Swarm) -> None:
    shape = SHAPE.replace("    def tick", "    def __init__(self):\n        self.users = USERS\n\n    def tick")
    source = f"USERS = 6\n{BASE}{shape.replace('6, 100', 'self.users, 100')}"
    idle.save(source)
    idle.start(workers=1)
    idle.post("/swarm")
    wait_for_users(idle, 6)
    idle.edit(source.replace("USERS = 6", "USERS = 9"))
    wait_for_users(idle, 9)


def test_a_removed_shape_leaves_the_users_that_there_are(steady: Swarm) -> None:
    steady.edit(BASE.replace("/base/", "/edited/"))
    steady.wait_for("/edited")
    assert steady.users() == 6
    steady.edit(BASE + SHAPE.replace("6", "4"))
    wait_for_users(steady, 4)


def test_an_added_shape_takes_the_test_over(idle: Swarm) -> None:
    idle.start()
    idle.swarm(users=5)
    idle.edit(BASE + SHAPE)
    wait_for_users(idle, 6)


def test_a_shape_that_raises_holds_the_users_and_is_healed_by_an_edit(steady: Swarm) -> None:
    steady.edit(BASE + SHAPE.replace("return 6, 100", "return 1 / 0"))
    wait_until(lambda: "ZeroDivisionError" in steady.log(), "the error in the log")
    steady.forget()
    steady.settle()
    assert steady.users() == 6
    steady.edit(BASE + SHAPE.replace("6", "3"))
    wait_for_users(steady, 3)


MADE = BASE + SHAPE.replace("    def tick", "    def __init__(self):\n        self.users = 6\n\n    def tick")
FAILS = "if '--worker' in __import__('sys').argv: raise ValueError('no plan')"


def test_a_shape_that_cannot_be_made_is_waited_for_at_the_start_and_rejected_later(idle: Swarm) -> None:
    idle.save(MADE.replace("self.users = 6", "raise ValueError('no plan')"))
    idle.start_master()
    wait_until(lambda: ": ValueError: no plan" in idle.log(), "the reason in the log")
    idle.save(MADE)
    idle.start_worker()
    wait_until(lambda: len(idle.workers()) == 1 and idle.agrees(), "the worker")
    idle.save(MADE.replace("self.users = 6", FAILS))
    assert idle.rejection().endswith(": ValueError: no plan")
    assert "could not be committed" not in idle.log("worker1")


@pytest.fixture
def chosen(shaped: Swarm) -> Swarm:
    """A swarm for which the start form has chosen one of the project's own shapes, with six users."""
    shaped.post("/swarm", user_count=2, spawn_rate=2, shape="constant", high=6)
    wait_for_users(shaped, 6)
    return shaped


def test_a_chosen_shape_follows_the_edits_of_its_file(chosen: Swarm) -> None:
    source = (LOADTEST / "shapes.py").read_text()
    assert "return settings.high\n" in source
    chosen.edit(source.replace("return settings.high\n", "return settings.high + 3\n"), "shapes.py")
    wait_for_users(chosen, 9)
    # A new one can be chosen at once.
    chosen.post("/stop")
    chosen.edit(source.replace("def constant(", "def steady(").replace("(constant,", "(steady,"), "shapes.py")
    assert not chosen.post("/swarm", user_count=2, spawn_rate=2, shape="constant")["success"]
    assert chosen.post("/swarm", user_count=2, spawn_rate=2, shape="steady", high=4)["success"]
    wait_for_users(chosen, 4)


def test_a_chosen_shape_survives_its_master_where_that_is_wanted(
    chosen: Swarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESYNC_RESUME", "1")
    chosen.kill("master")
    chosen.start_master()
    wait_until(lambda: len(chosen.workers()) == 2, "both workers")
    wait_for_users(chosen, 6)
    assert "Shape test starting" in chosen.log()


def wait_for_users(swarm: Swarm, users: int) -> None:
    wait_until(lambda: swarm.users() == users, lambda: f"{users} users, not {swarm.users()}\n{swarm.log_tails()}")

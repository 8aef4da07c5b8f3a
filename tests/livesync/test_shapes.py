"""Load shapes that are edited, added, removed or broken while a test runs."""

import pytest
from swarm import BASE, Swarm, wait_until

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


def wait_for_users(swarm: Swarm, users: int) -> None:
    wait_until(lambda: swarm.users() == users, lambda: f"{users} users, not {swarm.users()}\n{swarm.last_words()}")

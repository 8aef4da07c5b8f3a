"""Load shapes that are edited, added, removed or broken while a test runs."""

from swarm import BASE, Swarm, wait_until

SHAPE = """
from locust import LoadTestShape

class Steady(LoadTestShape):
    def tick(self):
        return 6, 100
"""


def test_an_edited_shape_steers_the_test_that_runs(idle: Swarm) -> None:
    idle.save(BASE + SHAPE)
    idle.start()
    idle.post("/swarm")
    wait_for_users(idle, 6)
    idle.edit(BASE + SHAPE.replace("6", "9"))
    wait_for_users(idle, 9)
    idle.edit(BASE + SHAPE.replace("6", "2"))
    wait_for_users(idle, 2)


def test_a_removed_shape_leaves_the_users_that_there_are(idle: Swarm) -> None:
    idle.save(BASE + SHAPE)
    idle.start()
    idle.post("/swarm")
    wait_for_users(idle, 6)
    idle.edit(BASE.replace("/base/", "/edited/"))
    idle.wait_for("/edited")
    assert idle.users() == 6
    idle.edit(BASE + SHAPE.replace("6", "4"))
    wait_for_users(idle, 4)


def test_an_added_shape_takes_the_test_over(idle: Swarm) -> None:
    idle.start()
    idle.swarm(users=5)
    idle.edit(BASE + SHAPE)
    wait_for_users(idle, 6)


def test_a_shape_that_raises_holds_the_users_and_is_healed_by_an_edit(idle: Swarm) -> None:
    idle.save(BASE + SHAPE)
    idle.start()
    idle.post("/swarm")
    wait_for_users(idle, 6)
    idle.edit(BASE + SHAPE.replace("return 6, 100", "return 1 / 0"))
    wait_until(lambda: "ZeroDivisionError" in idle.log(), "the error in the log")
    idle.forget()
    idle.settle()
    assert idle.users() == 6
    idle.edit(BASE + SHAPE.replace("6", "3"))
    wait_for_users(idle, 3)


def wait_for_users(swarm: Swarm, users: int) -> None:
    wait_until(lambda: swarm.users() == users, lambda: f"{users} users, not {swarm.users()}\n{swarm.last_words()}")

"""A user starts again where an edit changed how it starts, and only there."""

import pytest
from support.swarm import BASE, Swarm
from support.waiting import wait_until

STARTS = """
import os
from functools import wraps
from locust import FastHttpUser, TaskSet, constant, task
from parts import token

def logged(function):
    @wraps(function)
    def wrapper(self):
        return function(self)
    return wrapper

class Base(FastHttpUser):
    abstract = True
    wait_time = constant(0.2)

    def on_start(self):
        self.client.get(f"/started/{os.getpid()}", name="/")
        self.base = "base"

class Visitor(Base):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.made = "made"

    @logged
    def on_start(self):
        super().on_start()
        self.token = token()

    @task
    class Browse(TaskSet):
        def on_start(self):
            self.user.place = "place"

        @task
        def visit(self):
            user = self.user
            self.client.get(f"/{user.base}-{user.made}-{user.token}-{user.place}/{os.getpid()}", name="/")
"""
PARTS = "def token():\n    return secret()\n\ndef secret():\n    return 'token'\n"

EDITS = {
    "a base class's on_start": ('self.base = "base"', 'self.base = "edited"', "/edited-made-token-place"),
    "the constructor": ('self.made = "made"', 'self.made = "edited"', "/base-edited-token-place"),
    "a task set's on_start": ('self.user.place = "place"', 'self.user.place = "edited"', "/base-made-token-edited"),
    "a decorated on_start": ("self.token = token()", 'self.token = token() + "s"', "/base-made-tokens-place"),
}


@pytest.fixture
def starting(swarm: Swarm) -> Swarm:
    swarm.save(PARTS, "parts.py")
    swarm.edit(STARTS)
    swarm.wait_for("/base-made-token-place")
    wait_until(lambda: len(swarm.requests("/started")) == 10, "10 users started")
    swarm.forget()
    return swarm


@pytest.mark.parametrize(("old", "new", "path"), EDITS.values(), ids=EDITS)
def test_an_edit_of_what_ran_at_the_start_starts_users_again(starting: Swarm, old: str, new: str, path: str) -> None:
    starting.edit(STARTS.replace(old, new))
    starting.wait_for(path)
    wait_until(lambda: len(starting.requests("/started")) == 10, "10 users started again")


def test_an_edit_of_a_helper_that_ran_at_the_start_starts_users_again(starting: Swarm) -> None:
    starting.edit(PARTS.replace("'token'", "'edited'"), "parts.py")
    starting.wait_for("/base-made-edited-place")


def test_an_attribute_renamed_in_a_base_class_and_in_the_task_fails_no_task(starting: Swarm) -> None:
    starting.edit(STARTS.replace("self.base", "self.renamed").replace("user.base", "user.renamed"))
    starting.settle()
    wait_until(lambda: len(starting.requests("/started")) == 10, "10 users started again")


def test_an_edit_of_something_else_starts_no_user_again(starting: Swarm) -> None:
    starting.edit(STARTS.replace('f"/{user.base}', 'f"/moved-{user.base}'))
    starting.wait_for("/moved-base-made-token-place")
    documented = STARTS.replace("    def on_start(self):\n", "    def on_start(self):\n        'Says why.'\n", 1)
    starting.edit("'A docstring.'\n\n" + documented)
    starting.settle()
    assert not starting.requests("/started")


def test_an_edit_of_a_request_listener_starts_no_user_again(starting: Swarm) -> None:
    listener = """
from locust import events

HEARD = []

@events.request.add_listener
def hear(name, **_):
    HEARD[:] = ["first"]
"""
    source = STARTS.replace("/{user.base}", "/{''.join(HEARD)}-{user.base}") + listener
    starting.edit(
        source.replace('self.base = "base"', 'self.base = "again"')
    )  # with a request while the listener is there
    wait_until(lambda: len(starting.requests("/started")) == 10, "10 users started again")
    starting.wait_for("/first-again-made-token-place")
    starting.forget()
    starting.edit(source.replace('self.base = "base"', 'self.base = "again"').replace("first", "second"))
    starting.wait_for("/second-again-made-token-place")
    assert not starting.requests("/started")


MARKED = """
def marked(mark):
    def decorate(cls):
        cls.mark = mark
        return cls
    return decorate

@marked("one")
class Visitor(Base):"""


def test_an_edited_class_decorator_starts_no_user_again(starting: Swarm) -> None:
    source = STARTS.replace("class Visitor(Base):", MARKED).replace("/{user.base}", "/{user.mark}-{user.base}")
    starting.edit(source)
    starting.wait_for("/one-base-made-token-place")
    starting.edit(source.replace('"one"', '"two"'))
    starting.wait_for("/two-base-made-token-place")
    starting.settle()
    assert not starting.requests("/started")


def test_a_setting_of_the_client_starts_users_again_and_a_weight_does_not(starting: Swarm) -> None:
    starting.edit(STARTS.replace("class Visitor(Base):", "class Visitor(Base):\n    weight = 5"))
    starting.settle()
    starting.edit(STARTS + "\n    def context(self):\n        return {'user': 1}\n")
    starting.settle()
    assert not starting.requests("/started")
    starting.edit(STARTS.replace("class Visitor(Base):", "class Visitor(Base):\n    network_timeout = 7.0"))
    wait_until(lambda: len(starting.requests("/started")) == 10, "10 users started again")


SLOW = """
import os, time
from locust import FastHttpUser, constant, task

def token(name):
    return name

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        time.sleep(0.5)
        self.name = token("one")

    @task
    def visit(self):
        self.client.get(f"/{self.name}/{os.getpid()}", name="/")
"""


def test_a_user_whose_constructor_is_edited_while_it_runs_starts_again(idle: Swarm) -> None:
    idle.save(SLOW)
    idle.start(workers=1)
    idle.post("/swarm", user_count=6, spawn_rate=100)
    wait_until(lambda: idle.requests("/one"), "the first user, while others are made")
    edited = (
        SLOW.replace("self.name", "self.token")
        .replace("(name):", "(name, other):")
        .replace("return name", "return other")
    )
    idle.edit(edited.replace('token("one")', 'token("one", "two")'))
    wait_until(lambda: idle.users() == 6, "6 users")
    idle.wait_for_end_of("/one")
    assert idle.requests("/two")
    assert idle.get("/exceptions")["exceptions"] == []


def test_a_user_whose_on_stop_fails_starts_again_all_the_same(swarm: Swarm) -> None:
    source = BASE + "\n    def on_start(self):\n        self.name = 'one'\n\n    def on_stop(self):\n        1 / 0\n"
    source = source.replace("/base/", "/{self.name}/")
    swarm.edit(source)
    swarm.wait_for("/one")
    swarm.edit(source.replace("'one'", "'two'"))
    swarm.wait_for("/two")
    swarm.wait_for_end_of("/one")


def test_users_that_cannot_start_wait_for_the_next_edit(idle: Swarm) -> None:
    source = BASE + "\n    def on_start(self):\n        self.name = 'one'\n"
    source = source.replace("/base/", "/{self.name}/")
    idle.save(source)
    idle.start(workers=1)
    idle.swarm(2)
    idle.wait_for("/one", workers=1)
    idle.edit(source.replace("'one'", "1 / 0"))
    wait_until(lambda: idle.log("worker1").count("failed to start; it is paused") == 2, "two users that wait")
    idle.edit(source.replace("'one'", "'two'"))
    idle.wait_for("/two", workers=1)
    assert idle.users() == 2


WITHOUT_TASKS = """
import os
from locust import FastHttpUser, SequentialTaskSet, TaskSet, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        self.client.get(f"/base/{os.getpid()}", name="/")

    @task
    class Steps(KIND):
        pass
"""


@pytest.mark.parametrize("kind", ["TaskSet", "SequentialTaskSet"])
def test_a_user_in_a_task_set_without_tasks_takes_new_code(idle: Swarm, kind: str) -> None:
    source = WITHOUT_TASKS.replace("KIND", kind)
    idle.save(source)
    idle.start()
    idle.swarm()
    idle.wait_for("/base")
    idle.edit(source.replace("/base/", "/edited/"))
    idle.wait_for("/edited")
    idle.edit(
        source.replace(
            "        pass",
            "        @task\n        def step(self):\n            self.client.get(f'/step/{os.getpid()}', name='/')",
        )
    )
    idle.wait_for("/step")

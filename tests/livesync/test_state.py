"""What a run has built up outlives an edit of something else: globals, attributes, identities, places in a sequence."""

import pytest
from support.swarm import BASE, Swarm
from support.waiting import wait_until

TOKEN = """
import os
from locust import FastHttpUser, constant, events, task

TOKEN = None
SEEN = []

@events.test_start.add_listener
def log_in(**_):
    global TOKEN
    TOKEN = "token"
    SEEN.append("start")

class Visitor(FastHttpUser):
    wait_time = constant(0.2)
    logins = 0

    def on_start(self):
        Visitor.logins += 1

    @task
    def visit(self):
        self.client.get(f"/NAME-{TOKEN.upper()}-{len(SEEN)}-{bool(Visitor.logins)}/{os.getpid()}", name="/")
"""


@pytest.fixture
def started(idle: Swarm) -> Swarm:
    """A running swarm whose test_start listener has set globals."""
    idle.save(TOKEN)
    idle.start()
    idle.swarm()
    idle.wait_for("/NAME-TOKEN-1-True")
    return idle


def test_globals_and_class_attributes_that_a_run_has_set_are_kept(started: Swarm) -> None:
    started.edit(TOKEN.replace("/NAME", "/renamed"))
    started.wait_for("/renamed-TOKEN-1-True")
    started.edit(TOKEN.replace("/NAME", "/added") + "\n    @task\n    def more(self):\n        pass\n")
    started.wait_for("/added-TOKEN-1-True")
    started.edit("# A comment.\n\n" + TOKEN.replace("/NAME", "/commented"))
    started.wait_for("/commented-TOKEN-1-True")
    annotated = TOKEN.replace("TOKEN = None", "Text = str\nTOKEN: Text | None = None").replace(
        "logins =", "logins: int ="
    )
    started.edit(annotated.replace("SEEN =", "SEEN: list[str] =").replace("/NAME", "/annotated"))
    started.wait_for("/annotated-TOKEN-1-True")
    started.edit(annotated.replace("Text = str", "Text = object").replace("/NAME", "/otherwise"))
    started.wait_for("/otherwise-TOKEN-1-True")
    assert started.total()["num_failures"] == 0
    assert started.get("/exceptions")["exceptions"] == []


def test_a_global_that_is_built_from_an_import_is_kept_when_the_import_gets_a_star(idle: Swarm) -> None:
    named = "from settings import FIRST\nfrom settings import LIMIT\nSEEN = [FIRST, LIMIT]\n"
    idle.save("FIRST, LIMIT = 1, 2\n", "settings.py")
    idle.save(TOKEN.replace("SEEN = []\n", named))
    idle.start()
    idle.swarm()
    idle.wait_for("/NAME-TOKEN-3-True")
    star = named.replace("from settings import FIRST\nfrom settings import LIMIT", "from settings import *")
    idle.edit(TOKEN.replace("SEEN = []\n", star).replace("/NAME", "/star"))
    idle.wait_for("/star-TOKEN-3-True")


def test_an_edited_initial_value_wins_and_undoing_it_brings_no_old_state_back(started: Swarm) -> None:
    started.edit(TOKEN.replace("TOKEN = None", 'TOKEN = "edited"'))
    started.wait_for("/NAME-EDITED-1-True")
    started.edit(TOKEN.replace("TOKEN = None", 'TOKEN = "token"').replace("/NAME", "/undone"))
    started.wait_for("/undone-TOKEN-1-True")


MESSAGES = """
import os
from locust import FastHttpUser, constant, events, task
from locust.runners import MasterRunner, WorkerRunner

RECEIVED = []

@events.init.add_listener
def register(environment, **_):
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message("names", lambda environment, msg, **_: RECEIVED.extend(msg.data))

@events.test_start.add_listener
def send(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        environment.runner.send_message("names", ["first"])

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    def visit(self):
        if RECEIVED:
            self.client.get(f"/PATH-{RECEIVED[-1]}/{os.getpid()}", name="/")
"""


CACHES = """
import os
from functools import lru_cache, update_wrapper
from locust import FastHttpUser, constant, task

class Remembered:
    def __init__(self, function):
        update_wrapper(self, function)
        self.results = {}

    def __call__(self, key):
        if key not in self.results:
            self.results[key] = self.__wrapped__(key)
        return self.results[key]

    def cache_clear(self):
        self.results.clear()

@lru_cache
def shop(name):
    return f"first-{name}"

@Remembered
def basket(name):
    return f"first-{name}"

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    def visit(self):
        self.client.get(f"/{shop('shop')}/{basket('basket')}/{os.getpid()}", name="/")
"""


def test_a_cache_forgets_what_an_edited_function_returned(swarm: Swarm) -> None:
    swarm.edit(CACHES)
    swarm.wait_for("/first-shop/first-basket")
    swarm.edit(CACHES.replace("first-", "second-"))
    swarm.wait_for("/second-shop/second-basket")
    swarm.wait_for_end_of("/first-shop")


def test_a_list_that_a_message_handler_fills_is_kept_and_filled_further(idle: Swarm) -> None:
    idle.save(MESSAGES)
    idle.start()
    idle.swarm()
    idle.wait_for("/PATH-first")
    idle.edit(MESSAGES.replace("/PATH", "/renamed").replace('["first"]', '["second"]'))
    idle.wait_for("/renamed-first")
    assert idle.get("/stop", method="POST")["success"]
    idle.swarm()
    idle.wait_for("/renamed-second")


IDENTITY = """
import enum, os
from dataclasses import dataclass
from locust import FastHttpUser, constant, task

class Role(enum.Enum):
    BUYER = 1
    SELLER = 2

@dataclass
class Cart:
    items: int = 0

class Api:
    def __init__(self, client):
        self.client = client

    def visit(self, name):
        return self.client.get(f"/PATH{name}/{os.getpid()}", name="/")

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        self.role, self.cart, self.api = Role.BUYER, Cart(1), Api(self.client)

    @task
    def visit(self):
        assert self.role == Role.BUYER and self.cart == Cart(1) and isinstance(self.api, Api)
        self.api.visit("-api")
"""


def test_enums_dataclasses_and_helper_objects_on_a_user_stay_what_they_are(swarm: Swarm) -> None:
    swarm.edit(IDENTITY)
    swarm.wait_for("/PATH-api")
    swarm.edit(IDENTITY.replace("/PATH", "/renamed"))
    swarm.wait_for("/renamed-api")
    swarm.edit(IDENTITY.replace("/PATH", "/task") + "\n    @task\n    def more(self):\n        pass\n")
    swarm.wait_for("/task-api")
    swarm.edit(IDENTITY.replace("/PATH", "/field").replace("items: int = 0", "items: int = 0\n    total: int = 0"))
    swarm.wait_for("/field-api")


ABSTRACT = """
import abc
from locust import events

class Joined(type(FastHttpUser), abc.ABCMeta):
    pass

class Visitor(FastHttpUser, abc.ABC, metaclass=Joined):
    mark = None
    kind = "a"
"""
MARKS = """
@events.init.add_listener
def mark(**_):
    Visitor.mark = "mark"
"""


def test_a_class_whose_metaclass_only_joins_others_keeps_what_a_run_has_set(swarm: Swarm) -> None:
    joined = BASE.replace("class Visitor(FastHttpUser):\n", ABSTRACT).replace("/base/", "/{self.mark}-{self.kind}/")
    swarm.edit(joined + MARKS)
    swarm.wait_for("/mark-a")
    swarm.edit(joined.replace('"a"', '"b"') + MARKS)
    swarm.wait_for("/mark-b")


SEQUENCE = """
import os
from locust import FastHttpUser, SequentialTaskSet, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.02)

    @task
    class Steps(SequentialTaskSet):
        def on_start(self):
            self.path = []

        def step(self, name):
            self.path.append(name)
            self.client.get(f"/PATH-{name}/{os.getpid()}", name="/")

        @task
        def first(self):
            self.step("first")

        @task(2)
        def twice(self):
            self.step("twice")

        @task
        def last(self):
            self.step("last")
            path, self.path = self.path, []
            assert path in (["first", "twice", "twice", "last"], ["first", "twice", "twice", "extra", "last"]), path
"""


def test_a_sequence_keeps_its_position_also_with_a_task_that_occurs_twice(swarm: Swarm) -> None:
    swarm.edit(SEQUENCE)
    for number in range(4):
        swarm.edit(SEQUENCE.replace("/PATH", f"/PATH{number}"))
        swarm.wait_for(f"/PATH{number}-last")
    extra = (
        '\n        @task\n        def extra(self):\n            self.step("extra")\n\n        @task\n        def last'
    )
    swarm.edit(SEQUENCE.replace("\n        @task\n        def last", extra))
    swarm.wait_for("/PATH-extra")


COUNTER = """
STARTED = []

class Counter:
    def start(self):
        STARTED.append(self)

    def count_to(self, limit):
        self.limit = limit

counter = Counter()
counter.start()
counter.count_to(3)
"""


def test_an_object_is_kept_when_a_line_that_calls_a_method_of_it_is_edited_or_removed(swarm: Swarm) -> None:
    source = COUNTER + BASE.replace("/base/", "/PATH-{len(STARTED)}-{STARTED[0] is counter}-{counter.limit}/")
    swarm.edit(source)
    swarm.wait_for("/PATH-1-True-3")
    swarm.edit(source.replace("to(3)", "to(4)"))
    swarm.wait_for("/PATH-1-True-4")
    swarm.edit(source.replace("counter.count_to(3)\n", "").replace("/PATH", "/removed"))
    swarm.wait_for("/removed-1-True-4")


def test_weights_and_hosts_of_the_command_line_win_over_edits(idle: Swarm) -> None:
    two = BASE + BASE.replace("Visitor", "Buyer").replace("/base/", "/buy/")
    idle.save(two)
    idle.options += ["--config-users", '{"user_class_name": "Buyer", "weight": 0, "fixed_count": 1}']
    idle.start(workers=1)
    idle.swarm()

    def buyers() -> float:
        return float(idle.get("/tasks")["per_class"]["Buyer"]["ratio"])

    assert buyers() == pytest.approx(0.1)
    idle.edit(two.replace("/base/", "/edited/"))
    idle.edit(
        two.replace("/base/", "/edited/").replace(
            "class Buyer(FastHttpUser):", "class Buyer(FastHttpUser):\n    weight = 9"
        )
    )
    idle.wait_for("/edited", workers=1)
    wait_until(lambda: buyers() == pytest.approx(0.1), "one buyer")

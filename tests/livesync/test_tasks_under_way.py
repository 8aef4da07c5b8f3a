"""A task under way when an edit is applied ends on the old functions."""

from support.swarm import BASE, Swarm, base


def test_a_task_under_way_ends_on_the_old_functions(swarm: Swarm) -> None:
    source = """
import os, time
from locust import FastHttpUser, constant, task

def name(first):
    return first

class Visitor(FastHttpUser):
    wait_time = constant(0.01)

    def path(self, first):
        return name(first)

    @task
    def visit(self):
        first = self.path("old")
        time.sleep(0.3)
        assert self.path("old") == first == "old"
        self.client.get(f"/old/{os.getpid()}", name="/")
"""
    edited = (
        source.replace("def name(first)", "def name(first, second)")
        .replace("name(first)\n", 'name(first, "new")\n')
        .replace("    return first\n", "    return second\n", 1)
        .replace('self.path("old") == first == "old"', 'self.path("new") == first == "new"')
        .replace('self.path("old")', 'self.path("new")')
        .replace("def path(self, first)", "def path(self, first, *more)")
        .replace("/old/", "/new/")
    )
    swarm.edit(source)
    swarm.wait_for("/old")
    swarm.edit(edited)
    swarm.wait_for("/new")
    swarm.edit(BASE)
    swarm.forget()
    swarm.wait_for("/base")


def test_a_task_under_way_ends_on_the_functions_before_several_edits(swarm: Swarm) -> None:
    source = """
import os, time
from locust import FastHttpUser, constant, task

def name(first, second="old"):
    return second

class Visitor(FastHttpUser):
    wait_time = constant(0.01)

    def path(self, first):
        return name(first)

    @task
    def visit(self):
        time.sleep(1)
        self.client.get(f"/{self.path(1)}/{os.getpid()}", name="/")
"""
    swarm.edit(source)
    swarm.wait_for("/old")
    swarm.edit(source.replace("return second", "return second + ''").replace("return name", "return '' + name"))
    edited = source.replace('(first, second="old")', '(first, third, *, second="new")').replace(
        "name(first)", "name(first, third)"
    )
    edited = edited.replace("path(self, first):", "path(self, first, third):").replace(
        "self.path(1)", "self.path(1, 2)"
    )
    swarm.edit(edited)
    swarm.edit(edited.replace('second="new"', 'second="newest"'))
    swarm.wait_for("/newest")
    swarm.wait_for_end_of("/old")


def test_a_name_that_a_condition_defines_again_outlives_the_tasks_under_way(swarm: Swarm) -> None:
    requests = base("/{globals().get('EXTRA')}", "        time.sleep(1)\n", wait=0.01)
    source = f"import time\nIS_ON = True\nif IS_ON:\n    EXTRA = 'extra'\n{requests}"
    swarm.edit(source)
    swarm.wait_for("/extra")
    swarm.edit(source.replace("IS_ON = True", "IS_ON = False"))
    swarm.edit(source)
    swarm.wait_for_end_of("/None")


WAITING = """
from time import sleep

class Waiting(FastHttpUser):
    fixed_count = 2
    wait_time = constant(1000)

    @task
    def visit(self):
        self.client.get(f"/waiting/{os.getpid()}", name="/")
        while "END_OF_WAITING" not in os.environ:
            sleep(0.01)
"""


def test_a_name_is_removed_also_where_the_task_under_way_ends_while_the_edit_runs(swarm: Swarm) -> None:
    source = base("/{globals().get('EXTRA')}") + WAITING
    swarm.edit("EXTRA = 'extra'\n" + source)
    swarm.wait_for("/extra")
    swarm.wait_for("/waiting")
    swarm.edit(source + "\nos.environ['END_OF_WAITING'] = '1'\nsleep(0.3)\n")
    swarm.wait_for("/None")


def test_static_methods_and_greenlets_of_a_task_under_way_are_the_old_ones(swarm: Swarm) -> None:
    source = """
import os, time
import gevent
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.01)

    @staticmethod
    def path(first):
        return first

    @classmethod
    def name(cls, first):
        return cls.path(first)

    def in_a_greenlet(self, first):
        return self.name(first)

    @task
    def visit(self):
        time.sleep(0.3)
        path = gevent.spawn(self.in_a_greenlet, "old").get()
        self.client.get(f"/{path}/{os.getpid()}", name="/")
"""
    edited = (
        source.replace("def path(first):\n        return first", "def path(first, *, second):\n        return second")
        .replace("def name(cls, first):", "def name(cls, first, second):")
        .replace("cls.path(first)", "cls.path(first, second=second)")
        .replace("def in_a_greenlet(self, first):", "def in_a_greenlet(self, first, second):")
        .replace("self.name(first)", "self.name(first, second)")
        .replace('in_a_greenlet, "old"', 'in_a_greenlet, "old", "new"')
    )
    swarm.edit(source)
    swarm.wait_for("/old")
    swarm.edit(edited)
    swarm.wait_for("/new")
    swarm.wait_for_end_of("/old")


def test_a_task_under_way_meets_no_constructor_and_no_decorated_function_with_other_arguments(swarm: Swarm) -> None:
    source = """
import os, time
from dataclasses import dataclass
from functools import wraps
from locust import FastHttpUser, constant, task

def logged(function):
    @wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper

@dataclass
class Cart:
    owner: str

@logged
def name(cart):
    return cart.owner

class Visitor(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def visit(self):
        time.sleep(0.3)
        self.client.get(f"/{name(Cart('old'))}/{os.getpid()}", name="/")
"""
    edited = (
        source.replace("owner: str", "owner: str\n    place: str")
        .replace("def name(cart):", "def name(cart, mark):")
        .replace("return cart.owner", "return cart.place + mark")
        .replace("name(Cart('old'))", "name(Cart('old', 'new'), '-a')")
    )
    swarm.edit(source)
    swarm.wait_for("/old")
    swarm.edit(edited)
    swarm.wait_for("/new-a")
    swarm.wait_for_end_of("/old")

"""Users go on whatever statement makes their class: one with a decorator, an import, a call or a condition."""

import sys
from textwrap import indent

import pytest
from support.swarm import BASE, Swarm, base


def test_a_class_decorator_that_returns_a_subclass_keeps_its_users(swarm: Swarm) -> None:
    measured = BASE.replace(
        "class Visitor",
        "def measured(cls):\n    class Measured(cls):\n        mark = 'm'\n    return Measured\n\n"
        "@measured\nclass Visitor",
    ).replace("/base/", "/{self.mark}-one/")
    swarm.edit(measured)
    swarm.wait_for("/m-one")
    swarm.edit(measured.replace("-one", "-two"))
    swarm.wait_for("/m-two")
    swarm.edit(measured.replace("-one", "-two").replace("constant(0.2)", "constant(0.04)"))
    swarm.edit(measured.replace("-one", "-three").replace("mark = 'm'", "mark = 'n'"))
    swarm.wait_for("/n-three")


INSPECTED = """
import os
from locust import FastHttpUser, constant, task

def marked(function):
    def wrapper(self):
        self.mark = "marked"
        function(self)
        del self.mark
    wrapper.locust_task_weight = function.locust_task_weight
    return wrapper

def mark_tasks(cls):
    for name, value in list(vars(cls).items()):
        if "locust_task_weight" in dir(value):
            setattr(cls, name, marked(value))
    cls.tasks = [getattr(cls, name) for name in vars(cls) if "locust_task_weight" in dir(getattr(cls, name))]
    return cls

class Base(FastHttpUser):
    abstract = True
    wait_time = constant(0.2)
    mark = "plain"

    def __init_subclass__(cls):
        cls.names = "-".join(name for name in vars(cls) if name.startswith("go"))

@mark_tasks
class Visitor(Base):
    visits = 0

    def on_start(self):
        self.client.get(f"/started/{os.getpid()}", name="/")

    @task
    def go(self):
        Visitor.visits += 1
        self.client.get(f"/{self.names}-{self.mark}-{Visitor.visits > 0}/{os.getpid()}", name="/")
"""


def test_a_decorator_and_an_init_subclass_see_what_an_edit_adds_to_a_class(swarm: Swarm) -> None:
    swarm.edit(INSPECTED)
    swarm.wait_for("/go-marked-True")
    swarm.forget()
    added = """
    @task
    def going(self):
        self.client.get(f"/{self.names}-{self.mark}-{Visitor.visits > 2}-going/{os.getpid()}", name="/")
"""
    swarm.edit(INSPECTED + added)
    swarm.wait_for("/go-going-marked-True-going")
    swarm.edit((INSPECTED + added).replace("    @task\n    def going", "    @task(3)\n    def going"))
    swarm.wait_for_end_of("/go-going-plain-True-going")
    swarm.wait_for("/go-going-marked-True-going")
    assert not swarm.requests("/started")


MADE = """
import os
from locust import FastHttpUser, constant, task

def make(path, wait):
    class Visitor(FastHttpUser):
        wait_time = constant(wait)

        @task
        def visit(self):
            self.client.get(f"/{path}/{os.getpid()}", name="/")

    return Visitor

Visitor = make("base", 0.1)
"""
IMPORTS, _, CLASS = base(wait=0.1).partition("class")
IN_AN_IF = IMPORTS + "if os.name:\n" + indent("class" + CLASS, "    ")
MOVED = "from shop.visitors import Visitor\n"
REBOUND = {
    "moved to a helper": ({}, {"locustfile.py": MOVED, "shop/visitors.py": BASE}),
    "in a helper that is renamed": (
        {"locustfile.py": MOVED, "shop/visitors.py": BASE},
        {"locustfile.py": MOVED.replace("visitors", "people"), "shop/people.py": BASE},
    ),
    "made by a function": ({"locustfile.py": MADE}, {"locustfile.py": MADE.replace("0.1", "0.05")}),
    "inside of an if": ({"locustfile.py": IN_AN_IF}, {"locustfile.py": IN_AN_IF.replace("0.1", "0.05")}),
}


@pytest.mark.parametrize(("before", "after"), REBOUND.values(), ids=REBOUND)
def test_users_go_on_whatever_statement_makes_their_class(
    swarm: Swarm, before: dict[str, str], after: dict[str, str]
) -> None:
    for name, source in reversed(before.items()):  # the helper first
        swarm.save(source, name)
    swarm.forget()
    swarm.wait_for("/base")
    edited = {
        name: source.replace("/base/", "/edited/").replace('"base"', '"edited"') for name, source in after.items()
    }
    for name, source in reversed(edited.items()):
        swarm.save(source, name)
    swarm.wait_for("/edited")
    swarm.wait_for_end_of("/base")


READERS = {
    "a class": ("class Early(Late):", "    abstract = True\n"),
    "an annotation": ("class Early(FastHttpUser):", "    abstract = True\n    late: list[Late] = []\n"),
    "a default": ("def early(late=Late):", "    return late\n"),
}


@pytest.mark.parametrize("early_before", [False, True], ids=["new", "moves"])
@pytest.mark.parametrize("reader", READERS)
def test_what_reads_a_class_above_it_is_rejected_as_no_worker_could_load_it(
    swarm: Swarm, reader: str, early_before: bool
) -> None:
    if reader == "an annotation" and sys.version_info >= (3, 14):
        pytest.skip("since Python 3.14, annotations are read when they are asked for")
    late = "\n\nclass Late(FastHttpUser):\n    abstract = True\n"
    first_line, body = READERS[reader]
    early = f"\n\n{first_line}\n{body}"
    swarm.edit(BASE + late + (early if early_before else ""))
    source = BASE + early + late
    line = source.splitlines().index(first_line) + 1
    swarm.save(source)
    assert swarm.rejection().startswith(f"locustfile.py:{line}: NameError: name 'Late' is not defined")
    swarm.edit(f"{BASE}{late}{early}# Below its base.\n")


def test_what_reads_a_name_later_or_knows_how_to_do_without_it_may_stand_above_its_definition(swarm: Swarm) -> None:
    guarded = "\ntry:\n    LIMIT\nexcept NameError:\n    LIMIT = 3\n"
    reads_later = "\n\ndef late():\n    return Late\n\n\nclass Pages:\n    page = 1\n    pages = [page]\n\n\npage = 2\n"
    swarm.edit(f"{BASE}{guarded}{reads_later}\n\nclass Late:\n    pass\n")


PAGES = """
import abc

class Page(abc.ABC):
    @abc.abstractmethod
    def path(self):
        return "/made"

class Shop(Page):
    pass

def path():
    try:
        return Shop().path()
    except TypeError:
        return "/abstract"
"""


def test_a_class_is_abstract_as_long_as_it_lacks_a_method_that_its_edited_base_asks_for(swarm: Swarm) -> None:
    abstract = PAGES + BASE.replace("/base/", "{path()}/")
    made = abstract.replace("    @abc.abstractmethod\n", "")
    swarm.edit(abstract)
    swarm.wait_for("/abstract")
    swarm.edit(made)
    swarm.wait_for_end_of("/abstract")
    swarm.edit(abstract)
    swarm.wait_for("/abstract")
    swarm.edit(made + "\nSHOP = Shop()\n")
    swarm.save(abstract + "\nSHOP = Shop()\n")
    assert "Can't instantiate abstract class Shop" in swarm.rejection()


NESTED = """
class Page:
    __slots__ = ()
    mark = "a"

class Shop:
    class Settings:
        name = "one"

        class Page(Page):
            pass

    prefix = "/"
    path = f"{prefix}{Settings.name}-{Settings.Page.mark}"
"""


def test_a_class_body_follows_edits_of_what_it_reads_from_itself_and_its_nested_classes(swarm: Swarm) -> None:
    source = NESTED + BASE.replace("/base/", "{Shop.path}/")
    swarm.edit(source)
    swarm.wait_for("/one-a")
    swarm.edit(source.replace('"one"', '"two"'))
    swarm.wait_for("/two-a")
    swarm.edit(source.replace('"one"', '"two"').replace('"a"', '"b"'))
    swarm.wait_for("/two-b")
    swarm.save(source.replace('    prefix = "/"\n', ""))
    assert "NameError: name 'prefix' is not defined" in swarm.rejection()

"""Every edit is live on all workers at once, with the users running and the statistics kept."""

import os
import signal

import pytest
from support.locust_process import LOADTEST
from support.swarm import BASE, Swarm, base
from support.waiting import wait_until

PATH = "/base/{os.getpid()}"


def test_an_edited_task_is_live_on_every_worker(swarm: Swarm) -> None:
    swarm.edit(base("/edited"))
    swarm.wait_for("/edited")
    swarm.wait_for_end_of("/base")


def test_same_sized_edits_in_a_row_are_all_noticed(swarm: Swarm) -> None:
    for digit in range(1, 10):
        swarm.edit(base(f"/edit{digit}"))
        swarm.wait_for(f"/edit{digit}")


WAITS = {
    "constant": ("wait_time = constant(0.2)", "0.2", "600"),
    "constant_pacing": ("wait_time = constant_pacing(0.1)", "0.1", "600"),
    "a method": ("def wait_time(self):\n        return 0.1", "return 0.1", "return 600"),
    "an attribute": ("pause = 0.1\n    wait_time = lambda self: self.pause", "pause = 0.1", "pause = 600"),
    "a global": ("wait_time = lambda _: PAUSE", "PAUSE = 0.1", "PAUSE = 600"),
    "a static method": ("wait_time = staticmethod(lambda: 0.1)", "0.1", "600"),
    "a class method": ("wait_time = classmethod(lambda cls: 0.1 if cls.tasks else None)", "0.1", "600"),
    "one of a base of the task set": ("tasks = [Tour]", "return self.pause", "return 600 + self.pause"),
}
TOUR = """
import os
from locust import TaskSet, constant_pacing, task

class Paused(TaskSet):
    def wait_time(self):
        return self.pause

class Tour(Paused):
    pause = 0.1

    @task
    def look(self):
        self.user.visit()

PAUSE = 0.1
"""


@pytest.mark.parametrize(("wait_time", "quick", "slow"), WAITS.values(), ids=WAITS)
def test_a_shorter_wait_time_wakes_the_users_that_sleep(swarm: Swarm, wait_time: str, quick: str, slow: str) -> None:
    source = TOUR + BASE.replace("wait_time = constant(0.2)", wait_time)
    if "Tour" in wait_time:
        source = source.replace("@task\n    def visit", "def visit")
    swarm.edit(source.replace("/base/", "/slow/").replace(quick, slow))
    swarm.wait_for_silence()
    swarm.edit(source.replace("/base/", "/quick/"))
    swarm.wait_for("/quick")


def test_a_wait_time_that_raises_ends_no_user_and_is_healed_by_an_edit(idle: Swarm) -> None:
    idle.start(workers=1)
    idle.swarm(users=4)
    raising = base("/base").replace("wait_time = constant(0.2)", "def wait_time(self):\n        return random.random()")
    idle.edit(raising)
    idle.wait_for_silence()
    wait_until(lambda: "random" in str(idle.get("/exceptions")["exceptions"]), "the error in the tab")
    idle.edit("import random\n" + raising.replace("/base/", "/healed/"))
    idle.wait_for("/healed", workers=1)
    assert idle.users() == 4


def test_helpers_and_packages_can_be_added_edited_and_deleted(swarm: Swarm) -> None:
    uses = BASE.replace("import os", "import os\nfrom shop.paths import PATH").replace("/base/", "{PATH}/")
    swarm.save("PATH = '/one'\n", "shop/paths.py")
    swarm.save("", "shop/__init__.py")
    swarm.edit(uses)
    swarm.wait_for("/one")
    swarm.edit("PATH = '/two'\n", "shop/paths.py")
    swarm.wait_for("/two")
    (swarm.folder / "shop/paths.py").unlink()
    assert "ModuleNotFoundError" in swarm.rejection()
    swarm.edit(BASE)
    swarm.forget()
    swarm.wait_for("/base")


ADDED = {
    "a method": (
        "class Pages:\n    pass\n\nPATH = '/none'\n",
        "class Pages:\n    def path(self):\n        return '/one'\n\nPATH = Pages().path()\n",
    ),
    "a nested function": (
        "def path():\n    return '/none'\n\nPATH = path()\n",
        "def path():\n    def inner():\n        return '/one'\n    return inner()\n\nPATH = path()\n",
    ),
    "an __init_subclass__": (
        "class Page:\n    path = '/none'\n\nclass Start(Page):\n    pass\n\nPATH = Start.path\n",
        "class Page:\n    def __init_subclass__(cls, path='/one'):\n        cls.path = path\n\n"
        "class Start(Page):\n    pass\n\nPATH = Start.path\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED)
def test_what_an_edit_adds_can_be_edited_in_the_next_one(swarm: Swarm, before: str, after: str) -> None:
    uses = BASE.replace("/base/", "{PATH}/")
    for source, path in ((before, "/none"), (after, "/one"), (after.replace("/one", "/two"), "/two")):
        swarm.edit(source + uses)
        swarm.wait_for(path)


MADE = {
    "a function that another one calls": "def name():\n    return '/one'\n\ndef made():\n    return name()\n",
    "a default argument": "def made(name='/one'):\n    return name\n",
    "a global": "NAME = '/one'\n\ndef made():\n    return NAME\n",
    "a class in a dictionary": (
        "class One:\n    name = '/one'\n\nALL = {1: One}\n\ndef made():\n    return ALL[1].name\n"
    ),
    "a constructor": (
        "class Name(str):\n    def __new__(cls):\n        return str.__new__(cls, '/one')\n\n"
        "def made():\n    return Name()\n"
    ),
}


@pytest.mark.parametrize("source", MADE.values(), ids=MADE)
def test_an_attribute_follows_what_the_function_in_the_class_body_uses(swarm: Swarm, source: str) -> None:
    uses = BASE.replace("/base/", "{self.path}/") + "\n    path = made()\n    kept = []\n"
    swarm.edit(source + uses)
    swarm.wait_for("/one")
    swarm.edit(source.replace("/one", "/two") + uses)
    swarm.wait_for("/two")


def test_what_a_condition_defines_goes_and_comes_with_it(swarm: Swarm) -> None:
    source = "IS_ON = True\nPATH = '/off'\nif IS_ON:\n    PATH = '/on'\n    EXTRA = 'extra'\n" + BASE.replace(
        "/base/", "{PATH}-{globals().get('EXTRA')}/"
    )
    for is_on, path in ((True, "/on-extra"), (False, "/off-None"), (True, "/on-extra")):
        swarm.forget()
        swarm.edit(source.replace("IS_ON = True", f"IS_ON = {is_on}"))
        swarm.wait_for(path)


def test_state_in_a_module_of_its_own_outlives_edits(swarm: Swarm) -> None:
    reads = "import state\nNAMES = open('data/names.csv').read().split()\n" + BASE.replace(
        "/base/", "/{NAMES[0]}/{state.TOKEN}/"
    )
    swarm.save("from uuid import uuid4\nTOKEN = uuid4().hex\n", "state.py")
    swarm.save("first\n", "data/names.csv")
    swarm.edit(reads)
    swarm.wait_for("/first")
    swarm.edit("other\n", "data/names.csv")
    swarm.wait_for("/other")
    swarm.edit(reads.replace("/{NAMES", "/edited-{NAMES"))
    swarm.wait_for("/edited-other")
    assert tokens(swarm, "first") == tokens(swarm, "other") == tokens(swarm, "edited-other")


def tokens(swarm: Swarm, name: str) -> set[str]:
    """What the state holds, and in which process."""
    return {seen.removeprefix(f"/{name}/") for seen in list(swarm.service.seen) if seen.startswith(f"/{name}/")}


def test_request_listeners_are_exchanged_not_added(swarm: Swarm) -> None:
    listener = """
import urllib.request
from locust import events

@events.request.add_listener
def count(name, **_):
    if name == "/":
        urllib.request.urlopen(f"TARGET/heard/{os.getpid()}").read()
""".replace("TARGET", swarm.service.url)
    for path in ("/heard-a", "/heard-b", "/heard-c"):
        swarm.edit(base("/base", listener.replace("/heard", path)))
        swarm.wait_for(path)
    swarm.wait_for_end_of("/heard-a")
    swarm.wait_for_end_of("/heard-b")
    assert abs(len(swarm.requests("/heard-c")) - len(swarm.requests("/base"))) <= 10


def test_super_and_isinstance_hold_across_an_edit(swarm: Swarm) -> None:
    source = """
import os, time
from locust import FastHttpUser, constant, task

class Shopper(FastHttpUser):
    abstract = True
    wait_time = constant(0.2)
    def path(self):
        return "/PATH"

class Visitor(Shopper):
    def path(self):
        time.sleep(0.2)
        assert isinstance(self, Visitor) and isinstance(self, Shopper)
        return super().path()

    @task
    def visit(self):
        self.client.get(f"{self.path()}/{os.getpid()}", name="/")
"""
    for name in ("one", "two", "three"):
        swarm.edit(source.replace("PATH", name))
        swarm.wait_for(f"/{name}")


def test_two_saves_at_once_end_on_the_second(swarm: Swarm) -> None:
    swarm.save(base("/early"))
    swarm.edit(base("/late"))
    swarm.wait_for("/late")
    swarm.wait_for_end_of("/early")


def test_what_an_editor_leaves_beside_a_file_is_no_code(swarm: Swarm) -> None:
    for name in ("locustfile.py~", "locustfile.py___jb_tmp___", "locustfile.py.tmp", ".locustfile.py.swp"):
        swarm.save("not Python\n", name)
    os.mkfifo(swarm.folder / "pipe")
    swarm.edit(base("/edited"))
    assert swarm.edit(BASE) == swarm.first_revision


@pytest.mark.parametrize("half", [100, 200])
def test_a_save_in_two_halves_ends_on_the_whole(swarm: Swarm, half: int) -> None:
    whole = base("/whole")
    with (swarm.folder / "locustfile.py").open("w") as file:
        file.write(whole[:half])
        file.flush()
        os.fsync(file.fileno())
        wait_until(lambda: swarm.get("/livesync")["refused"], "the half refused")
        file.write(whole[half:])
    swarm.wait_for("/whole")


def test_a_file_reverted_to_what_it_was_is_live_again(swarm: Swarm) -> None:
    first = swarm.get("/livesync")["revision"]
    swarm.edit(base("/detour"))
    swarm.wait_for("/detour")
    assert swarm.edit(BASE) == first
    swarm.forget()
    swarm.wait_for("/base")


def test_a_frozen_worker_catches_up(swarm: Swarm) -> None:
    frozen = swarm.processes["worker1"]
    frozen.send_signal(signal.SIGSTOP)
    swarm.save(base("/thawed"))
    wait_until(lambda: swarm.requests("/thawed"), "the other worker live")
    frozen.send_signal(signal.SIGCONT)
    swarm.wait_for("/thawed")
    wait_until(lambda: swarm.users() == 10, "10 users")


def test_a_helper_that_an_edit_adds_assigns_the_rows_of_a_new_file(swarm: Swarm) -> None:
    uses = BASE.replace(
        "import os", "import os\nfrom plugins.csv_rows import CsvRows\nROWS = CsvRows('data/rows.csv')"
    ).replace("    @task", "    def on_start(self):\n        self.row = ROWS.next_row(self)\n\n    @task")
    swarm.save("name\n" + "\n".join(f"row{number}" for number in range(20)), "data/rows.csv")
    swarm.save((LOADTEST / "plugins/csv_rows.py").read_text(), "plugins/csv_rows.py")
    swarm.edit(uses.replace("/base/{os.getpid()}", "/{self.row['name']}/"))
    wait_until(lambda: len(rows(swarm, "/row")) == 10, "a row for each user")
    swarm.save("name\n" + "\n".join(f"new{number}" for number in range(20)), "data/rows.csv")
    swarm.edit(
        uses.replace("/base/{os.getpid()}", "/{self.row['name']}/again/").replace(
            "def on_start(self):", "def on_start(self):\n        pass"
        )
    )
    wait_until(lambda: len(rows(swarm, "/new")) == 10, "another row for each user")


def rows(swarm: Swarm, path: str) -> set[str]:
    return {seen for seen in list(swarm.service.seen) if seen.startswith(path)}


def test_constants_and_decorators_are_those_of_the_edit(swarm: Swarm) -> None:
    source = (
        base("/{PLACE}")
        .replace(
            "class Visitor",
            """PLACE = "first"

def twice(function):
    def both(self):
        function(self)
        self.client.get(f"/MARK/{os.getpid()}", name="/")
    return both

class Visitor""",
        )
        .replace("    def visit", "    @twice\n    def visit")
    )
    swarm.edit(source.replace("MARK", "once"))
    swarm.wait_for("/first")
    swarm.wait_for("/once")
    swarm.edit(source.replace("MARK", "more").replace('"first"', '"second"'))
    swarm.wait_for("/second")
    swarm.wait_for("/more")
    swarm.wait_for_end_of("/once")


def test_a_custom_argument_that_an_edit_adds_has_its_default(swarm: Swarm) -> None:
    argument = """
from locust import events

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--place", default="somewhere")
"""
    swarm.edit(base("/{self.environment.parsed_options.place}", argument))
    swarm.wait_for("/somewhere")


def test_test_listeners_are_those_of_the_last_edit(idle: Swarm) -> None:
    listeners = """
import urllib.request
from locust import events

@events.test_start.add_listener
@events.test_stop.add_listener
def tell(environment, **_):
    urllib.request.urlopen(f"TARGET/told/{os.getpid()}").read()
""".replace("TARGET", idle.service.url)
    idle.save(BASE + listeners.replace("told", "early"))
    idle.start()
    idle.edit(BASE + listeners)
    idle.swarm()
    assert len(idle.requests("/told")) == 3, "the master and both workers, once each"
    assert idle.get("/stop", method="POST")["success"]
    wait_until(lambda: len(idle.requests("/told")) == 6, "the end told by all three")
    assert not idle.requests("/early")

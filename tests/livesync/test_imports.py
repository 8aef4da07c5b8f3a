"""What a save runs cannot end a process, hang it, do something twice, or apply half."""

import os
import subprocess
from pathlib import Path

import pytest
from support.ports import free_port
from support.swarm import BASE, Swarm
from support.waiting import wait_until

ARGUMENT = """
from locust import events

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--plan", required=True)
"""
EXITS = """
import sys
from locust import events

@events.init.add_listener
def leave(environment, **_):
    sys.exit("no plan")
"""
RESISTS = {
    "a required argument": (ARGUMENT, "--plan"),
    "an init listener that exits": (EXITS, "SystemExit: no plan"),
    "endless recursion": ("\ndef again():\n    again()\n\nagain()\n", "RecursionError"),
    "os._exit": ("\nos._exit(3)\n", "crashed its process or called os._exit"),
    "KeyboardInterrupt": ("\nraise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "a timeout of its own": ("\nimport gevent\nraise gevent.Timeout(1)\n", "Timeout"),
    "a loop that catches everything": (
        "\nimport time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass\n",
        "took longer than 2 s",
    ),
    "a busy loop that catches everything": (
        "\nwhile True:\n    try:\n        sum(range(1000))\n    except BaseException:\n        pass\n",
        "took longer than 2 s",
    ),
    "a long message": ("\nraise ValueError('x' * 5_000_000)\n", "ValueError: xxx"),
    "a file name that is not UTF-8": (None, "UTF-8"),
}


@pytest.fixture
def impatient(idle: Swarm, monkeypatch: pytest.MonkeyPatch) -> Swarm:
    """A running swarm that gives an edit two seconds."""
    monkeypatch.setenv("LIVESYNC_IMPORT_TIMEOUT", "2")
    idle.start()
    idle.swarm()
    return idle


def test_whatever_an_edit_raises_is_a_rejection_and_the_next_save_works(impatient: Swarm) -> None:
    for number, (name, (addition, reason)) in enumerate(RESISTS.items()):
        odd = Path(os.fsdecode(os.fsencode(impatient.folder) + b"/\xff.csv"))
        if addition is None:
            odd.touch()
        else:
            impatient.save(BASE + addition)
        refusal = impatient.rejection()
        assert reason in refusal, name
        assert len(refusal) <= 2000
        odd.unlink(missing_ok=True)
        impatient.edit(BASE.replace("/base/", f"/after{number}/"))
        impatient.wait_for(f"/after{number}")
    assert all(process.poll() is None for process in impatient.processes.values())
    assert impatient.users() == 10
    assert impatient.total()["num_failures"] == 0


def test_a_new_argument_is_rejected_where_it_is_required_and_taken_with_a_default(swarm: Swarm) -> None:
    swarm.save(BASE + ARGUMENT)
    assert "give new arguments a default" in swarm.rejection()
    swarm.edit(
        BASE.replace("/base/", "/{self.environment.parsed_options.plan}/")
        + ARGUMENT.replace("required=True", "default='b'")
    )
    swarm.wait_for("/b")


ONCE = """
import logging, socket, threading, time
import gevent

logging.getLogger("visits").addHandler(logging.StreamHandler())
LISTENER = socket.create_server(("127.0.0.1", 0))
TICKS = []

def tick():
    while True:
        TICKS.append(1)
        gevent.sleep(0.1)

gevent.spawn(tick)
threading.Thread(target=tick, name="ticking", daemon=True).start()
"""


def test_what_an_import_starts_exists_once_also_after_rejected_saves(swarm: Swarm) -> None:
    count = "{len(logging.getLogger('visits').handlers)}-{sum(t.name == 'ticking' for t in threading.enumerate())}"
    source = ONCE + BASE.replace("/base/", f"/PATH-{count}/")
    swarm.edit(source)
    swarm.wait_for("/PATH-1-1")
    swarm.save(source + "\n1 / 0\n")
    swarm.rejection()
    for number in range(3):
        swarm.edit(source.replace("/PATH", f"/edited{number}"))
        swarm.wait_for(f"/edited{number}-1-1")


RUNS_A_PROGRAM = """
import subprocess, time
import gevent
from locust import events

def keep_busy():
    # A loop that is busy hears of a child's end before whoever waits for it.
    while True:
        gevent.sleep(0.001)
        until = time.perf_counter() + 0.03
        while time.perf_counter() < until:
            pass

@events.test_start.add_listener
def run_a_program(**_):
    subprocess.run(["true"], check=True)
    gevent.spawn(keep_busy)
"""


def test_programs_that_a_listener_runs_leave_edits_as_they_are(idle: Swarm) -> None:
    idle.save(RUNS_A_PROGRAM + BASE)
    idle.start(workers=1)
    idle.swarm()
    for number in range(3):  # each runs a statement again, and so has a trial
        idle.edit(RUNS_A_PROGRAM + f"NUMBER = {number}\n" + BASE.replace("/base/", f"/edited{number}/"))
        idle.wait_for(f"/edited{number}", workers=1)


COUNTER = """
import socket, sys

class Counter:
    NAMES = set()

    def __init__(self, name):
        assert name not in self.NAMES, f"duplicate {name}"
        self.NAMES.add(name)

if "--master" in sys.argv:
    SERVER = socket.create_server(("127.0.0.1", PORT))
"""


def test_an_edit_of_a_line_that_cannot_run_twice_is_rejected_and_other_edits_go_live(swarm: Swarm) -> None:
    counter = COUNTER.replace("PORT", str(free_port()))
    swarm.save(counter, "counter.py")
    source = "from counter import Counter\nVISITS = Counter('visits')\n" + BASE
    swarm.edit(source)
    swarm.edit(source.replace("/base/", "/edited/"))
    swarm.wait_for("/edited")
    swarm.save(source.replace("/base/", "/edited/").replace("Counter('visits')", "Counter(name='visits')"))
    assert "duplicate visits; it has run before in this process" in swarm.rejection()
    swarm.save(source.replace("/base/", "/edited/").replace("= Counter(", "= Conter("))
    wait_until(lambda: "Conter" in swarm.rejection(), "a rejection of a name that does not exist")
    assert swarm.rejection() == "locustfile.py:2: NameError: name 'Conter' is not defined"
    swarm.save(source.replace("/base/", "/edited/"))
    wait_until(swarm.agrees, "the rejection taken back")
    swarm.save(counter.replace("))\n", "), backlog=5)\n"), "counter.py")
    assert "OSError" in swarm.rejection()


def test_a_full_disk_is_a_rejection_and_leaves_one_revision_everywhere(
    idle: Swarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        monkeypatch.setenv("TMPDIR", str(small))
        idle.start()
        idle.swarm()
        idle.save("x" * 1_500_000, "data.bin")
        assert "could not be written" in idle.rejection()
        assert set(idle.workers().values()) == {idle.first_revision}
        (idle.folder / "data.bin").unlink()
        wait_until(idle.agrees, "the rejection taken back")
        idle.edit(BASE.replace("/base/", "/edited/"))
        idle.wait_for("/edited")
    finally:
        idle.stop()
        subprocess.run(["umount", small], check=True)


def test_a_name_that_stands_for_something_else_is_left_alone(swarm: Swarm) -> None:
    source = "from flask import g, request\nimport functools\n" + BASE
    swarm.edit(source)
    swarm.edit(source.replace("/base/", "/edited/"))
    swarm.wait_for("/edited")
    swarm.edit(source.replace("/base/", "/more/") + "\n    @task\n    def more(self):\n        pass\n")
    swarm.wait_for("/more")


IMPORTS_LATE = """
import os
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        path = "/base"
        if os.path.exists(f"FILE{os.getpid()}"):
            from late import path
        self.client.get(f"{path}/{os.getpid()}", name="/")
"""

WAITS_FOR_THE_IMPORT = """
import sys, time

if "--worker" in sys.argv:
    open(f"FILE{os.getpid()}", "w").close()
    time.sleep(0.5)
"""


def test_an_edit_reaches_a_module_that_is_imported_between_its_trial_and_its_commit(swarm: Swarm) -> None:
    file = f"{swarm.folder}-staged-"
    source = IMPORTS_LATE.replace("FILE", file)
    swarm.save("path = '/old'\n", "late.py")
    swarm.edit(source)
    swarm.wait_for("/base")
    swarm.save("path = '/new'\n", "late.py")
    swarm.edit(source + WAITS_FOR_THE_IMPORT.replace("FILE", file))
    swarm.wait_for("/new")
    swarm.wait_for_end_of("/old")

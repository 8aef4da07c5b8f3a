"""Runs that were bad in a way which the statistics do not show: their verdict says so."""

from locust.stats import RequestStats

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from plugins.verdict.unanswered_requests import UnansweredRequests
from support.locust_process import Run
from support.verdicts import failed

ENDS_EARLY = """
import itertools
from locust import FastHttpUser, constant, task
from locust.exception import StopUser

STARTED = itertools.count()

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        if next(STARTED) % 3:
            raise StopUser

    @task
    def hello(self):
        self.client.get("/hello")
"""


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["one process", "workers"])
def test_users_that_end_at_once_fail_a_run_however_short(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path, processes: list[str]
) -> None:
    (copy / "locustfile.py").write_text(ENDS_EARLY)
    load = ["--users", "12", "--spawn-rate", "12", "--run-time", "4s"]
    run = run_locust("--verdict", str(tmp_path / "reports"), *load, *processes, folder=copy)
    assert run.code == 1, run.output
    assert failed(tmp_path / "reports") == {"users": "4 of 12"}


def test_a_run_that_ends_while_users_start_passes(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    (copy / "slo.toml").write_text("[total]\nfailure_ratio = 0")
    load = ["--users", "100", "--spawn-rate", "2", "--run-time", "4s"]
    run = run_locust("--verdict", str(tmp_path / "reports"), *load, "--processes", "2", folder=copy)
    assert run.code == 0, run.output


RAISES = """
import gevent
import threading
from locust import FastHttpUser, TaskSet, constant, events, task
from locust.runners import MasterRunner, WorkerRunner

def broken(*_, **__):
    raise ValueError("no account")

class Part(TaskSet):
    on_stop = broken

    @task
    def leave(self):
        self.interrupt()

class Visitor(FastHttpUser):
    wait_time = constant(0.5)

    @task
    def hello(self):
        self.client.get("/hello")
        IN_TASK

    def on_stop(self):
        IN_ON_STOP

@events.init.add_listener
def listen(environment, runner, **_):
    BEFORE_THE_TEST
"""


@pytest.mark.parametrize(
    ("place", "statement"),
    [
        ("IN_ON_STOP", "broken()"),
        ("IN_TASK", "gevent.joinall([gevent.spawn(broken)])"),
        ("IN_TASK", "threading.Thread(target=broken).start()"),
        ("IN_TASK", "Part(self).run()"),
        ("BEFORE_THE_TEST", "events.test_start.add_listener(broken) if isinstance(runner, MasterRunner) else 0"),
        ("BEFORE_THE_TEST", "events.test_stop.add_listener(broken) if isinstance(runner, WorkerRunner) else 0"),
        ("BEFORE_THE_TEST", "events.request.add_listener(broken)"),
    ],
)
def test_an_exception_outside_of_tasks_fails_the_run(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path, place: str, statement: str
) -> None:
    source = RAISES.replace(place, statement)
    for other in ("IN_TASK", "IN_ON_STOP", "BEFORE_THE_TEST"):
        source = source.replace(other, "pass")
    (copy / "locustfile.py").write_text(source)
    load = ["--users", "4", "--spawn-rate", "4", "--run-time", "3s"]
    run = run_locust("--verdict", str(tmp_path / "reports"), *load, "--processes", "1", folder=copy)
    assert run.code == 1, run.output
    assert "no account" in failed(tmp_path / "reports")["exceptions in user code"]


CATCHES = """
import gevent
from locust import FastHttpUser, constant, task

def broken():
    raise ValueError("no account")

class Visitor(FastHttpUser):
    wait_time = constant(0.5)

    def on_start(self):
        gevent.spawn(gevent.sleep, 60).kill()
        account = gevent.spawn(broken)
        try:
            account.get()
        except ValueError:
            self.client.get("/new-account")

    @task
    def hello(self):
        self.client.get("/hello")
"""


def test_an_exception_of_a_greenlet_that_user_code_catches_passes(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path
) -> None:
    (copy / "locustfile.py").write_text(CATCHES)
    (copy / "slo.toml").write_text("[total]\nfailure_ratio = 0")
    run = run_locust("--verdict", str(tmp_path / "reports"), "--run-time", "3s", "--processes", "1", folder=copy)
    assert run.code == 0, run.output


FALLS_SILENT = """
from locust import FastHttpUser, HttpUser, constant, task

class Visitor(USER):
    wait_time = constant(0.2)

    @task
    def hello(self):
        self.client.get("/hello")
        self.client.get("SILENT", name="/silent")
"""


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["one process", "workers"])
@pytest.mark.parametrize("user", ["FastHttpUser", "HttpUser"])
def test_a_target_that_stops_answering_fails_the_run(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path, user: str, processes: list[str]
) -> None:
    (copy / "slo.toml").write_text("[total]\nfailure_ratio = 0\np95 = 2000")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel connects, and nobody answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        (copy / "locustfile.py").write_text(FALLS_SILENT.replace("USER", user, 1).replace("SILENT", url))
        run = run_locust("--verdict", str(tmp_path / "reports"), "--run-time", "8s", *processes, folder=copy)
    assert run.code == 1, run.output
    [(check, actual)] = failed(tmp_path / "reports").items()
    assert check == "requests without an answer"
    assert re.fullmatch(r"4, the longest for \d+ s", actual)


@pytest.mark.parametrize(
    ("slowest", "actual"), [(100, "3, the longest for 12 s"), (5_000, "1, the longest for 12 s"), (9_000, "none")]
)
def test_a_slow_target_may_take_twice_as_long_as_its_slowest_answer(slowest: int, actual: str) -> None:
    stats = RequestStats()
    stats.log_request("GET", "/report", slowest, 0)
    requests = UnansweredRequests()
    requests.note_report("first", {"unanswered_requests": {6: 2}})
    requests.note_report("second", {"unanswered_requests": {12: 1}})
    requests.note_report("third", {})
    check = requests.check(stats)
    assert (check.actual, check.passed) == (actual, actual == "none")


GREETS = """
import gevent
from locust import FastHttpUser, constant, events, task
from locust.runners import WorkerRunner

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    def hello(self):
        self.client.get("/hello")
"""

SETS_AN_EXIT_CODE = """
@events.quitting.add_listener
def decide(environment, **_):
    environment.process_exit_code = CODE
"""

QUITS_EARLY = """
@events.test_start.add_listener
def quit_soon(environment, **_):
    gevent.spawn_later(1, environment.runner.quit)
"""

WORKER_QUITS = """
from locust.exception import StopTest

Visitor.abstract = True

class Unwilling(Visitor):
    def __init__(self, environment):
        super().__init__(environment)
        if environment.runner.worker_index == 0:
            raise StopTest("no account")
"""


@pytest.mark.parametrize(
    ("addition", "options", "reason"),
    [
        (SETS_AN_EXIT_CODE.replace("CODE", "3"), ["--run-time", "3s"], {"exit code": "3, set by a listener"}),
        (QUITS_EARLY, ["--run-time", "90s"], {"run time": r"\d+ s"}),
        (WORKER_QUITS, ["--processes", "2"], {"workers": "lost "}),
    ],
    ids=["exit code", "early end", "worker that quits"],
)
def test_a_bad_run_says_why_it_failed(
    run_locust: Callable[..., Run], copy: Path, addition: str, options: list[str], reason: dict[str, str]
) -> None:
    (copy / "locustfile.py").write_text(GREETS + addition)
    (copy / "slo.toml").write_text("[total]\nfailure_ratio = 0")
    run = run_locust("--verdict", str(reports := copy.parent / "reports"), *options, folder=copy)
    assert run.code == 1, run.output
    [(check, actual)] = reason.items()
    assert re.match(actual, failed(reports)[check])


def test_a_listener_cannot_make_a_failed_run_pass(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    (copy / "locustfile.py").write_text(GREETS + SETS_AN_EXIT_CODE.replace("CODE", "0"))
    (copy / "slo.toml").write_text("[total]\nmin_samples = 1000000")
    run = run_locust("--verdict", str(tmp_path / "reports"), "--run-time", "3s", folder=copy)
    assert run.code == 1, run.output


def test_a_run_that_ends_without_a_verdict_exits_with_1(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/verdict.json").write_text("that of an earlier run")
    (copy / "locustfile.py").write_text(GREETS + "\nevents.test_start.add_listener(lambda **_: exit(0))\n")
    run = run_locust("--verdict", str(tmp_path / "reports"), folder=copy)
    assert run.code == 1, run.output
    assert "The run ended without a verdict" in run.output
    assert not (tmp_path / "reports/verdict.json").exists()

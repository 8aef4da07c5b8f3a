"""Verdicts: the checks of a run, and verdict.json."""

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from plugins.verdict.load_generator import LoadGenerator
from support.locust_process import LOADTEST, Run, locust
from support.ports import free_port
from support.service import Service
from support.verdicts import failed, read
from support.waiting import TIMEOUT

SCHEMA = json.loads((LOADTEST / "plugins/verdict/schema.json").read_text())

RAISES = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        assert not FAILS_TO_START, "no account"

    @task
    def hello(self):
        self.client.get("/hello")
        assert not FAILS_TO_END, "no greeting"
"""


def test_tasks_that_raise_fail_the_run(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    (copy / "locustfile.py").write_text(RAISES.replace("FAILS_TO_START", "False").replace("FAILS_TO_END", "True"))
    run = run_locust("--verdict", str(tmp_path / "reports"), "--processes", "2", folder=copy)
    assert run.code == 1, run.output
    assert failed(tmp_path / "reports")["exceptions in user code"].endswith(", most often no greeting")


def test_users_that_fail_to_start_fail_the_run(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    two_thirds = RAISES.replace("not FAILS_TO_START", "next(STARTED) % 3 == 0").replace("FAILS_TO_END", "False")
    (copy / "locustfile.py").write_text(
        two_thirds.replace("class", "import itertools\nSTARTED = itertools.count()\n\nclass", 1)
    )
    run = run_locust(
        "--verdict", str(tmp_path / "reports"), "--users", "9", "--spawn-rate", "9", "--run-time", "15s", folder=copy
    )
    assert run.code == 1, run.output
    assert failed(tmp_path / "reports")["users"] == "3 of 9"
    [workers] = [check["actual"] for check in read(tmp_path / "reports")["checks"] if check["name"] == "workers"]
    assert re.fullmatch(r"all 1, highest CPU usage \d+ % of a core", workers)


SLOW_TO_STOP = """
import gevent
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(1)

    @task
    def hello(self):
        self.client.get("/hello")

    def on_stop(self):
        gevent.sleep(2)
        self.client.get("/logout")
"""

ENDS_WITHOUT_A_REPORT = """
import os
from locust import events
from locust.runners import WorkerRunner

@events.test_stop.add_listener
def end(environment, **_):
    if isinstance(environment.runner, WorkerRunner):
        os._exit(1)
"""


def test_what_users_do_in_a_slow_on_stop_counts(run_locust: Callable[..., Run], copy: Path) -> None:
    (copy / "locustfile.py").write_text(SLOW_TO_STOP)
    run = run_locust("--processes", "2", folder=copy)
    [logouts] = [row["num_requests"] for row in run.rows if row["name"] == "/logout"]
    assert logouts == 4


def test_a_worker_without_a_last_report_fails_the_run(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path
) -> None:
    (copy / "locustfile.py").write_text(RAISES.replace("FAILS_TO_START", "False") + ENDS_WITHOUT_A_REPORT)
    run = run_locust("--verdict", str(tmp_path / "reports"), "--processes", "1", folder=copy)
    assert run.code == 1, run.output
    assert "their results are incomplete" in run.output
    assert failed(tmp_path / "reports")["workers"].startswith("lost ")


def test_a_saturated_or_throttled_worker_is_a_doubt() -> None:
    generator = LoadGenerator(busiest={"calm": 89.0, "busy": 97.0}, throttled={"calm": 0.04, "held": 2.5})
    busy, held = generator.doubts()
    assert busy.startswith("busy used 97 % of a core (limit 90 %)")
    assert held.startswith("held was throttled for 2.5 s")
    [check] = generator.checks()
    assert (check.passed, check.actual) == (True, "all 2, highest CPU usage 97 % of a core")
    [check] = LoadGenerator(busiest={"new": 0.0}).checks()
    assert (check.passed, check.actual) == (True, "all 1, CPU usage not measured")


def test_a_good_run_exits_with_0_and_leaves_its_verdict(run_locust: Callable[..., Run], tmp_path: Path) -> None:
    run = run_locust(
        "--verdict",
        str(tmp_path / "reports"),
        "--processes",
        "2",
        "--users",
        "20",
        "--spawn-rate",
        "20",
        "--run-time",
        "3s",
    )
    assert run.code == 0, run.output
    assert '"users": 20' in run.output
    verdict = read(tmp_path / "reports")
    assert (verdict["version"], verdict["outcome"]) == (1, "passed")
    assert verdict["settings"] == {
        "num_users": 20, "spawn_rate": 20.0, "run_time": 3, "expect_workers": 2,
    }  # fmt: skip
    assert verdict["statistics"]["total"]["requests"] == sum(r["requests"] for r in verdict["statistics"]["requests"])
    assert set(verdict) == set(SCHEMA["required"])


WRITES = """
from locust import FastHttpUser, constant, events, task

@events.test_start.add_listener
def write(**_):
    with open("rows.csv", "wb") as file:
        file.truncate(40_000_000)

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def hello(self):
        self.client.get("/hello")
"""


def test_a_run_that_writes_large_files_beside_the_locustfile_leaves_its_verdict(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path
) -> None:
    (copy / "locustfile.py").write_text(WRITES)
    run = run_locust("--verdict", str(tmp_path / "reports"), folder=copy)
    assert run.code == 0, run.output
    assert (copy / "rows.csv").exists()
    assert read(tmp_path / "reports")["outcome"] == "passed"


STEPS = """
from locust import LoadTestShape

class Steps(LoadTestShape):
    def tick(self):
        second = self.get_run_time()
        return (1 + int(second // 2), 10) if second < 6 else None
"""


def test_statistics_that_each_step_of_a_shape_resets_are_a_doubt(
    run_locust: Callable[..., Run], copy: Path, tmp_path: Path
) -> None:
    raises_nothing = RAISES.replace("FAILS_TO_START", "False").replace("FAILS_TO_END", "False")
    (copy / "locustfile.py").write_text(raises_nothing + STEPS)
    run = run_locust("--verdict", str(tmp_path / "reports"), "--reset-stats", folder=copy)
    [doubt] = read(tmp_path / "reports")["doubts"]
    assert re.match(r"--reset-stats reset the statistics \d times", doubt), run.output


def test_a_missed_level_exits_with_1(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    (copy / "slo.toml").write_text("[total]\nmin_samples = 1000000")
    run = run_locust("--verdict", str(tmp_path / "reports"), folder=copy)
    assert run.code == 1
    assert failed(tmp_path / "reports")["total min_samples"]
    assert read(tmp_path / "reports")["outcome"] == "failed"


def test_an_invalid_slo_file_is_rejected_before_any_load(
    run_locust: Callable[..., Run], service: Service, copy: Path, tmp_path: Path
) -> None:
    (copy / "slo.toml").write_text("[total]\np90 = 1")
    run = run_locust("--verdict", str(tmp_path / "reports"), folder=copy)
    assert run.code == 1
    assert "slo.toml: [total] has 'p90'" in run.output
    assert "Traceback" not in run.output
    assert service.seen == []


@contextmanager
def run_on_two_workers(
    service: Service, folder: Path, reports: Path, run_time: str
) -> Iterator[tuple["subprocess.Popen[str]", "subprocess.Popen[str]"]]:
    """The master of a run whose users have started, and one of its workers; what still runs is killed at the end."""
    port = str(free_port())
    options = ["--headless", "--expect-workers", "2", "--host", service.url, "--users", "4", "--run-time", run_time]
    with ExitStack() as processes:

        def start(*arguments: str) -> "subprocess.Popen[str]":
            process = processes.enter_context(locust(*arguments, folder=folder))
            processes.callback(process.kill)
            return process

        master = start("--master", "--master-bind-port", port, *options, "--verdict", str(reports))
        worker, _ = (start("--worker", "--master-port", port) for _ in range(2))
        wait_for_users(master)
        yield master, worker


def test_a_lost_worker_fails_the_run(service: Service, example: Path, tmp_path: Path) -> None:
    with run_on_two_workers(service, example, tmp_path, "7s") as (master, worker):
        worker.kill()
        assert exit_code(master) == 1
    assert failed(tmp_path)["workers"].startswith("lost ")


def test_a_worker_that_is_missing_for_a_while_is_a_doubt(service: Service, copy: Path, tmp_path: Path) -> None:
    (copy / "slo.toml").write_text("[total]\nfailure_ratio = 0")
    with run_on_two_workers(service, copy, tmp_path, "20s") as (master, worker):
        worker.send_signal(signal.SIGSTOP)
        assert master.stdout
        next(line for line in master.stdout if "failed to send heartbeat" in line)
        worker.send_signal(signal.SIGCONT)
        assert exit_code(master) == 0, failed(tmp_path)
    [doubt] = read(tmp_path)["doubts"]
    assert "sent no heartbeat for a while" in doubt


@pytest.mark.parametrize("shape", ["", "constant"])
def test_an_interrupted_run_fails_and_leaves_its_reports(
    service: Service, example: Path, tmp_path: Path, shape: str
) -> None:
    port = str(free_port())
    options = ["--host", service.url, "--run-time", "60s", "--expect-workers", "1", "--master-bind-port", port]
    with (
        locust(str(tmp_path), *options, folder=example, module="plugins.headless", LOCUST_SHAPE=shape) as master,
        locust("--worker", "--master-port", port, folder=example) as worker,
    ):
        wait_for_users(master)
        master.send_signal(signal.SIGINT)
        assert exit_code(master) == 1
        worker.kill()
    assert {"locust_stats.csv", "locust.json", "report.html"} < {file.name for file in tmp_path.iterdir()}
    assert "run time" in failed(tmp_path)


COUNTS_PARSERS = """
from locust import FastHttpUser, argument_parser, constant, task
set_up, built = argument_parser.setup_parser_arguments, []

def counted(parser):
    built.append(parser)
    print(f"parser {len(built)}", flush=True)
    set_up(parser)

argument_parser.setup_parser_arguments = counted

class Visitor(FastHttpUser):
    wait_time = constant(1)

    @task
    def hello(self):
        self.client.get("/hello")
"""


def test_a_worker_builds_no_parser_for_each_step_of_a_ramp_up(run_locust: Callable[..., Run], copy: Path) -> None:
    (copy / "locustfile.py").write_text(COUNTS_PARSERS)
    run = run_locust("--processes", "1", "--users", "6", "--spawn-rate", "2", "--run-time", "5s", folder=copy)
    assert run.code == 0, run.output
    # The master builds one, the worker one for the defaults; without the repair it is one for each step and more.
    assert run.output.count("parser ") <= 3


def wait_for_users(process: "subprocess.Popen[str]") -> None:
    """Read the output until the first users run."""
    assert process.stdout
    next(line for line in process.stdout if line.startswith('{"progress"') and '"users": 0' not in line)


def exit_code(process: "subprocess.Popen[str]") -> int:
    try:
        process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    return process.returncode

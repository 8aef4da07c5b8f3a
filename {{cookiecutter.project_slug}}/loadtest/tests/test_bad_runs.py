"""Runs that were bad in a way which the statistics do not show: their verdict says so."""

from collections.abc import Callable
from pathlib import Path

import pytest
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

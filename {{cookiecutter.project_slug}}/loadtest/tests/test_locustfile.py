"""Your locustfile loads; that of the template, in `example`, runs against a real service."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plugins.csv_rows import CsvRows
from support.locust_process import LOADTEST, Run, locust
from support.service import Service
from support.waiting import TIMEOUT


@pytest.mark.parametrize("module", ["plugins", "locust"])
def test_your_locustfile_loads(module: str) -> None:
    process = locust("--list", folder=LOADTEST, module=module)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, output


def test_the_default_users_need_nothing_but_hello(service: Service, run_locust: Callable[..., Run]) -> None:
    code, output, rows = run_locust()
    assert code == 0, output
    assert {row["name"] for row in rows} == {"/hello"}
    assert set(service.seen) == {"/hello"}
    assert sum(row["num_requests"] for row in rows) > 4
    assert sum(row["num_failures"] for row in rows) == 0


def test_no_two_users_share_a_row_across_workers(
    service: Service, run_locust: Callable[..., Run], example: Path
) -> None:
    run_locust("--processes", "2")
    names = [line.split(",")[0] for line in (example / "data/users.csv").read_text().splitlines()[1:5]]
    assert service.visitors == set(names)


def test_a_file_that_a_spreadsheet_saved_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("name\nada\n", encoding="utf-8-sig")
    assert CsvRows(str(tmp_path / "users.csv")).rows == [{"name": "ada"}]


def test_a_secret_reaches_the_requests(service: Service, run_locust: Callable[..., Run]) -> None:
    run_locust(API_TOKEN="from-env")  # noqa: S106 - it opens nothing
    assert service.tokens == {"Bearer from-env"}


ORDINARY = """
from locust import HttpUser, task

class Person(HttpUser):
    @task
    def hello(self):
        self.client.get("/hello")
"""


def test_an_ordinary_locustfile_has_all_plugins(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    (copy / "locustfile.py").write_text(ORDINARY)
    run = run_locust("--verdict", str(tmp_path / "reports"), folder=copy, LOCUST_SHAPE="constant", LOCUST_HIGH="3")
    assert run.code == 0, run.output
    assert '"users": 3' in run.output
    assert (tmp_path / "reports/verdict.json").exists()
    rejected = run_locust(folder=copy, LOCUST_HOST="http://example.com")
    assert "Load on example.com is rejected" in rejected.output


def test_locust_alone_runs_the_locustfile(service: Service, example: Path) -> None:
    command = [sys.executable, "-m", "locust", "--headless", "--host", service.url, "--users", "2", "--run-time", "6s"]
    environment = {name: value for name, value in os.environ.items() if name != "LOCUST_SKIP_MONKEY_PATCH"}
    subprocess.run(command, cwd=example, env=environment, check=True, timeout=TIMEOUT, capture_output=True)
    assert service.seen

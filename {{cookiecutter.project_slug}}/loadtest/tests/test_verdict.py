"""Verdicts: what slo.toml asks for, what a run is judged by, and what is left of it."""

from locust.stats import RequestStats

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from running import PATIENCE, Run, Service, locust, unused_port
from verdict.generator import Generator
from verdict.slo import Levels


def levels(folder: Path, text: str) -> Levels:
    file = folder / "slo.toml"
    file.write_text(text)
    return Levels.read(file)


def measured() -> RequestStats:
    """A hundred requests to /hello that took 10 to 1,000 ms, one of which failed."""
    stats = RequestStats()
    for number in range(100):
        stats.log_request("GET", "/hello", 10 * (number + 1), 0)
    stats.log_error("GET", "/hello", "refused")
    return stats


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[total]\np90 = 1", "[total] has 'p90', which is none of p50"),
        ('[requests."/hello"]\nmax = 1', "[requests.\"/hello\"] has 'max'"),
        ("[sum]", "slo.toml has 'sum', which is none of"),
        ("[total]\np95 = -1", "p95 in [total] is -1: it needs a number"),
        ("[total]\np95 = '5'", "p95 in [total] is '5': it needs a number"),
        ("[total", "Expected ']'"),
        ("[total]\np95 = inf", "p95 in [total] is inf: it needs a number of at least 0"),
        ("[total]\np95 = nan", "p95 in [total] is nan: it needs a number of at least 0"),
        ("[total]\np95 = 1e400", "p95 in [total] is inf: it needs a number of at least 0"),
        ("[total]\np95 = true", "p95 in [total] is True: it needs a number of at least 0"),
        ("[total]\nfailure_ratio = 5", "failure_ratio in [total] is 5: it needs a number from 0 to 1"),
        ("[total]", "[total] is {}: it needs at least one level"),
        ('[requests."/hello"]', '[requests."/hello"] is {}: it needs at least one level'),
        ("total = 5", "total is 5: it needs to be a table"),
        ("[requests]\n'/hello' = 5", '[requests."/hello"] is 5: it needs at least one level'),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - what it says is compared below
        levels(tmp_path, text)
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("level", "holds"),
    [
        ("p50 = 510", True),
        ("p50 = 490", False),
        ("p95 = 970", True),
        ("p95 = 940", False),
        ("p99 = 1000", True),
        ("p99 = 980", False),
        ("failure_ratio = 0.01", True),
        ("failure_ratio = 0.009", False),
        ("min_samples = 100", True),
        ("min_samples = 101", False),
        ("requests_per_second = 1e9", False),
        ("requests_per_second = 0", True),
    ],
)
@pytest.mark.parametrize("place", ["[total]", '[requests."/hello"]'])
def test_a_level_is_compared_with_what_was_measured(tmp_path: Path, place: str, level: str, holds: bool) -> None:
    [check] = levels(tmp_path, f"{place}\n{level}").checks(measured())
    assert check.holds == holds


def test_a_broken_level_says_what_was_wanted_and_seen(tmp_path: Path) -> None:
    [check] = levels(tmp_path, '[requests."/hello"]\np95 = 500').checks(measured())
    assert check[:3] == ("GET /hello p95", "at most 500 ms", "960 ms")


def test_a_name_that_no_request_used_is_broken(tmp_path: Path) -> None:
    [check] = levels(tmp_path, '[requests."/hallo"]\np95 = 500').checks(measured())
    assert not check.holds
    assert check.seen == "none"


@pytest.mark.parametrize("text", [None, "", "[requests]"])
def test_without_a_level_nothing_has_been_checked(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "slo.toml"
    if text is not None:
        file.write_text(text)
    [check] = Levels.read(file).checks(measured())
    assert not check.holds
    assert check.seen == ("no such file" if text is None else "no level")


RAISES = """
from locust import FastHttpUser, constant, task
import verdict

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
    assert run.code == 1, run.said
    summary = (tmp_path / "reports/summary.md").read_text()
    assert re.search(r"\| exceptions in user code \| none \| \d+, most often no greeting \| \*\*broken\*\* \|", summary)


def test_users_that_fail_to_start_fail_the_run(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    two_thirds = RAISES.replace("not FAILS_TO_START", "next(STARTED) % 3 == 0").replace("FAILS_TO_END", "False")
    (copy / "locustfile.py").write_text(
        two_thirds.replace("class", "import itertools\nSTARTED = itertools.count()\n\nclass", 1)
    )
    run = run_locust(
        "--verdict", str(tmp_path / "reports"), "--users", "9", "--spawn-rate", "9", "--run-time", "9s", folder=copy
    )
    assert run.code == 1, run.said
    assert "| users | all alive | 3 of 9 | **broken** |" in (tmp_path / "reports/summary.md").read_text()


def test_a_worker_at_its_limit_is_doubted() -> None:
    generator = Generator(busiest={"calm": 89.0, "busy": 97.0}, throttled={"calm": 0.0, "held": 2.5})
    busy, held = generator.doubts()
    assert busy.startswith("busy used 97 % of a core")
    assert held.startswith("held was throttled for 2.5 s")
    assert generator.checks() == [("workers", "all to the end", "all 2, the busiest at 97 % of a core", True)]


def test_a_good_run_ends_with_0_and_leaves_its_reports(run_locust: Callable[..., Run], tmp_path: Path) -> None:
    run = run_locust("--verdict", str(tmp_path / "reports"), "--processes", "2", "--users", "20", "--spawn-rate", "20")
    assert run.code == 0, run.said
    assert "s  20 users" in run.said
    assert (tmp_path / "reports/summary.md").read_text().startswith("# Passed")
    suite = ET.parse(tmp_path / "reports/junit.xml").getroot()[0]  # noqa: S314 - we wrote it
    assert (int(suite.attrib["tests"]), suite.attrib["failures"]) == (len(suite), "0")


def test_a_broken_level_ends_the_run_with_1(run_locust: Callable[..., Run], copy: Path, tmp_path: Path) -> None:
    (copy / "slo.toml").write_text("[total]\nmin_samples = 1000000")
    run = run_locust("--verdict", str(tmp_path / "reports"), folder=copy)
    assert run.code == 1
    assert "| total min_samples | at least 1000000 |" in (tmp_path / "reports/summary.md").read_text()
    suite = ET.parse(tmp_path / "reports/junit.xml")  # noqa: S314 - we wrote it
    [broken] = [failure.attrib["message"] for failure in suite.iter("failure")]
    assert broken.startswith("wanted at least 1000000, seen ")


def test_a_wrong_slo_file_is_refused_before_any_load(
    run_locust: Callable[..., Run], service: Service, copy: Path, tmp_path: Path
) -> None:
    (copy / "slo.toml").write_text("[total]\np90 = 1")
    run = run_locust("--verdict", str(tmp_path / "reports"), folder=copy)
    assert run.code == 1
    assert "slo.toml: [total] has 'p90'" in run.said
    assert "Traceback" not in run.said
    assert service.visitors == []


def test_a_lost_worker_is_part_of_the_verdict(service: Service, tmp_path: Path) -> None:
    port = str(unused_port())
    options = ["--headless", "--expect-workers", "2", "--host", service.url, "--users", "4", "--run-time", "7s"]
    with (
        locust("--master", "--master-bind-port", port, *options, "--verdict", str(tmp_path)) as master,
        locust("--worker", "--master-port", port) as worker,
        locust("--worker", "--master-port", port) as lost,
    ):
        wait_for_users(master)
        lost.kill()
        assert ended(master) == 1
        worker.kill()
    assert "| workers | all to the end | lost " in (tmp_path / "summary.md").read_text()


def test_an_interrupted_run_says_so_and_leaves_its_reports(service: Service, tmp_path: Path) -> None:
    options = ["--headless", "--host", service.url, "--run-time", "60s", "--html", str(tmp_path / "report.html")]
    with locust(*options, "--verdict", str(tmp_path)) as process:
        wait_for_users(process)
        process.send_signal(signal.SIGINT)
        assert ended(process) == 1
    assert (tmp_path / "report.html").exists()
    assert "| run time | 60 s | " in (tmp_path / "summary.md").read_text()


def wait_for_users(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    next(line for line in process.stdout if " users  " in line)


def ended(process: "subprocess.Popen[str]") -> int:
    try:
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode

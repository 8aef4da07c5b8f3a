"""A fresh clone runs the demo, and the project that it bakes runs without a cluster.

In one file, because all of it takes the same ports.
"""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from support.ports import is_taken
from support.waiting import wait_until

from tests.support.commands import run

PORTS = {"server": 8000, "web UI": 8089, "workers": 5557}
START_TIMEOUT = 180
"""Seconds for the demo to start; it installs on the way."""

WEB = f"http://localhost:{PORTS['web UI']}"


def get(path: str) -> Any:
    with urlopen(WEB + path, timeout=60) as response:
        return json.load(response)


def processes_in(folder: Path) -> list[str]:
    """Command lines of what still runs in a folder; Linux alone tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.joinpath("cwd").resolve().is_relative_to(folder):
                found.append(process.joinpath("cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def ports_are_free() -> None:
    taken = [port for port in PORTS.values() if is_taken(port)]
    assert not taken, f"ports {taken} are taken: stop what listens there, then test again"


@pytest.fixture
def demo(clone: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`make demo`, running."""
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            ["make", "--old-file", ".venv/.installed", "demo"],
            cwd=clone,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: process.poll() is not None or is_taken(PORTS["web UI"]), "web UI", START_TIMEOUT)
        assert process.poll() is None, (tmp_path / "output").read_text()
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=60)


def test_a_demo_syncs_an_edit_and_ends_with_ctrl_c(demo: subprocess.Popen[bytes], clone: Path) -> None:
    def live() -> str | None:
        """The one revision of the master and two workers, if they agree."""
        state = get("/livesync")
        agree = list(state["workers"].values()) == [state["revision"]] * 2
        return str(state["revision"]) if agree else None

    def requested(name: str) -> bool:
        stats = get("/stats/requests")["stats"]
        return any(row["name"] == name and row["num_requests"] for row in stats)

    wait_until(lambda: live() is not None, "two workers with the code of the master", START_TIMEOUT)
    wait_until(lambda: is_taken(PORTS["server"]), "server", START_TIMEOUT)
    before = live()
    urlopen(f"{WEB}/swarm", data=urlencode({"user_count": 4, "spawn_rate": 4}).encode()).close()
    wait_until(lambda: requested("/hello"), "requests", START_TIMEOUT)

    locustfile = clone / "build/load-lab/loadtest/locustfile.py"
    source = locustfile.read_text()
    try:
        edited = re.sub(r'(?<=client\.get\()"/hello"', '"/hello?edited"', source)
        assert edited != source
        locustfile.write_text(edited)
        outcome = run("python3", "-m", "tools", "live", cwd=clone / "build/load-lab")
        assert json.loads(outcome.stdout)["state"] == "live", outcome.stdout
        assert (outcome.returncode, live() not in (None, before)) == (0, True)
        wait_until(lambda: requested("/hello?edited"), "requests of the edited task", START_TIMEOUT)

        locustfile.write_text(edited + "1 / 0\n")
        outcome = run("python3", "-m", "tools", "live", cwd=clone / "build/load-lab")
        assert outcome.returncode == 1
        assert json.loads(outcome.stdout)["state"] == "rejected"
        assert json.loads(outcome.stdout)["reason"].startswith("locustfile.py:")
    finally:
        locustfile.write_text(source)

    stats = get("/stats/requests")
    assert stats["user_count"] == 4
    assert stats["state"] == "running"
    assert stats["fail_ratio"] == 0
    assert requested("/hello"), "the statistics of before the edit are kept"

    os.killpg(demo.pid, signal.SIGINT)
    demo.wait(timeout=60)
    assert not [port for port in PORTS.values() if is_taken(port)]
    assert not processes_in(clone)


@pytest.mark.parametrize("name", PORTS)
def test_a_taken_port_is_reported_before_anything_starts(workshop: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", PORTS[name])):
        made = run("make", "local", cwd=workshop)
    assert made.returncode != 0
    assert re.search(rf"\b{PORTS[name]}\b", made.stdout)
    assert "Traceback" not in made.stdout
    assert not re.search(r"(?i)uvicorn running|starting locust|started process", made.stdout)
    assert not processes_in(workshop)


def test_a_run_without_a_cluster_leaves_reports_that_can_be_compared(workshop: Path) -> None:
    (workshop / "reports").mkdir(exist_ok=True)
    before = set((workshop / "reports").glob("20*"))
    made = run("make", "headless-local", "LOCUST_RUN_TIME=6s", cwd=workshop, seconds=120)
    assert made.returncode == 0, made.stdout
    assert "Variables used: LOCUST_RUN_TIME" in made.stdout
    assert re.search(r"# Passed(, with doubts)?: (\d+) of \2 checks passed", made.stdout)
    [folder] = set((workshop / "reports").glob("20*")) - before
    assert {file.name for file in folder.iterdir()} >= {"verdict.json", "summary.md", "junit.xml", "report.html"}
    compared = run("make", "compare", f"A={folder}", "B=reports/newest", cwd=workshop)
    assert re.search(r"GET /hello +p95 ms .* 0 %", compared.stdout), compared.stdout
    verdict = run("python3", "-m", "tools", "verdict", cwd=workshop)
    assert (verdict.returncode, json.loads(verdict.stdout)["folder"]) == (0, str(folder))
    assert not processes_in(workshop)


def test_a_run_without_a_cluster_that_is_interrupted_leaves_its_reports(workshop: Path, tmp_path: Path) -> None:
    before = set((workshop / "reports").glob("20*"))
    with (tmp_path / "output").open("wb") as output:
        command = ["make", "headless-local", "LOCUST_RUN_TIME=10m"]
        process = subprocess.Popen(command, cwd=workshop, stdout=output, stderr=output, start_new_session=True)
    try:
        log = tmp_path / "output"
        wait_until(lambda: "  10 s  10 users" in log.read_text(), log.read_text, START_TIMEOUT)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    [folder] = set((workshop / "reports").glob("20*")) - before
    assert "| load test | run time | 600 s |" in (folder / "summary.md").read_text()
    assert (folder / "report.html").exists()
    assert "Traceback" not in log.read_text()
    wait_until(lambda: not processes_in(workshop), "the end of all processes")

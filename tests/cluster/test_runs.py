"""`make headless` and `make pulse` on a real cluster, beside a workspace that is deployed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import validate
from support.ports import free_port
from support.waiting import wait_until

from tests.cluster.conftest import CONTEXTS, SLUG, absence, bake
from tests.cluster.machine import Machine
from tests.cluster.reports import failed, failures, newest, read_verdict, ready_pods

REPORTS = {
    "junit.xml",
    "locust.json",
    "locust_exceptions.csv",
    "locust_failures.csv",
    "locust_stats.csv",
    "locust_stats_history.csv",
    "report.html",
    "summary.md",
    "verdict.json",
}
LABEL = "app.kubernetes.io/name=locust-headless"


@pytest.fixture(scope="module")
def workspace(
    machine: Machine, cluster: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A project that is deployed in the current context, once for all tests on a cluster."""
    machine.use(cluster)
    project = bake(template_url, tmp_path_factory.mktemp(cluster))
    try:
        machine.output("tilt", "ci", "--port", str(free_port()), cwd=project, seconds=300)
        machine.output("make", ".venv/.installed", cwd=project, seconds=300)
        yield project
    finally:
        machine.run("tilt", "down", cwd=project)
        machine.run("make", "clean", cwd=project, seconds=180)


def test_headless_runs_end_with_a_verdict_and_its_reasons(machine: Machine, cluster: str, workspace: Path) -> None:
    with ThreadPoolExecutor() as pool:
        command = ("make", "headless", "LOCUST_RUN_TIME=12s")
        both = [pool.submit(machine.run, *command, cwd=workspace, seconds=120) for _ in range(2)]
        good, refused = sorted((run.result() for run in both), key=lambda run: run.returncode)
    assert good.returncode == 0, good.stdout
    assert "Another headless run" in refused.stdout
    assert "  10 s  10 users" in good.stdout
    folder = next(path for path in (workspace / "reports").iterdir() if (path / "summary.md").exists())
    assert {file.name for file in folder.iterdir()} >= REPORTS
    assert (folder / "summary.md").read_text().startswith("# Passed")
    assert not machine.objects(cluster, "jobs,pods,services,configmaps", "--namespace", SLUG, "--selector", LABEL)

    # Another locustfile and another level, which no image has yet.
    locustfile, levels = workspace / "loadtest/locustfile.py", workspace / "loadtest/slo.toml"
    before = {file: file.read_text() for file in (locustfile, levels)}
    locustfile.write_text(before[locustfile].replace('.get("/hello"', '.get("/hello", name="greeting"'))
    levels.write_text("[requests.greeting]\nmin_samples = 1000000\n")
    broken = machine.run("make", "headless", "LOCUST_RUN_TIME=5s", cwd=workspace, seconds=120)
    for file, text in before.items():
        file.write_text(text)
    assert broken.returncode != 0
    assert "| service levels | GET greeting min_samples | at least 1000000 |" in broken.stdout
    [failure] = ET.parse(newest(workspace) / "junit.xml").iter("failure")
    assert failure.attrib["message"].startswith("expected at least 1000000")


def test_a_run_that_loses_a_worker_or_is_interrupted_still_reports(
    machine: Machine, cluster: str, workspace: Path
) -> None:
    if cluster != CONTEXTS[0] and not absence(machine, CONTEXTS[0]):
        pytest.skip(f"it has been tested on {CONTEXTS[0]}, and no line of it depends on the cluster")
    in_namespace = ("kubectl", "--context", cluster, "--namespace", SLUG)
    with headless(machine, workspace, "LOCUST_RUN_TIME=25s") as run:
        worker = ("--selector", f"{LABEL},app.kubernetes.io/component=worker", "--output", "name")
        pod, *_ = machine.output(*in_namespace, "get", "pods", *worker).split()
        machine.output(*in_namespace, "delete", pod, "--grace-period=0", "--force")
        os.kill(log_stream(run.pid), signal.SIGTERM)
        assert run.wait(90) != 0
    assert failed(newest(workspace))["workers"].startswith("lost ")

    with headless(machine, workspace, "LOCUST_RUN_TIME=10m") as run:
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(90) != 0
    folder = newest(workspace)
    assert {file.name for file in folder.iterdir()} >= REPORTS
    assert "run time" in failed(folder)


def log_stream(group: int) -> int:
    """The process in this group that prints the output of Locust."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            pid = int(file.parent.name)
            if b"logs\0--follow" in file.read_bytes() and os.getpgid(pid) == group:
                return pid
    raise AssertionError("nothing prints the output of Locust")


def test_a_pulse_takes_the_server_to_its_maximum_and_back(machine: Machine, workspace: Path) -> None:
    # How fast a server answers that shares two cores with all the rest is another question.
    (workspace / "loadtest/slo.toml").write_text("[total]\nfailure_ratio = 0\n")
    pulse = machine.run("make", "pulse", "LOCUST_PERIOD=90", "LOCUST_RUN_TIME=95s", cwd=workspace, seconds=600)
    print(pulse.stdout[-2000:])
    assert pulse.returncode == 0
    folder = newest(workspace)
    assert "desired" in (folder / "chart.svg").read_text()
    assert ready_pods(folder) == (1, 5, 1)
    assert failures(folder) == 0
    validate(read_verdict(folder), json.loads((workspace / "loadtest/plugins/verdict/schema.json").read_text()))
    groups = [check["group"] for check in read_verdict(folder)["checks"]]
    assert (
        groups.count("autoscaler") == len(ET.parse(folder / "junit.xml").findall(".//*[@classname='autoscaler']")) > 5
    )


@contextmanager
def headless(machine: Machine, project: Path, setting: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A headless run that has loaded the server for ten seconds; it is over after the block."""
    log = machine.logs / f"headless-{time.monotonic_ns()}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "headless", setting],
            cwd=project,
            env=machine.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "\n  10 s  10 users" in log.read_text(), "ten seconds of load", 120)
        yield process
    finally:
        print(log.read_text())
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

"""`make headless` and `make pulse` on a real cluster, beside a workspace that is deployed."""

import json
import os
import shutil
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

from tests.cluster import web_ui
from tests.cluster.conftest import bake
from tests.cluster.contexts import CONTEXTS, REMOTE, SLUG, absence
from tests.cluster.edits import save, task_named
from tests.cluster.machine import Machine
from tests.cluster.other_service import SWARM, aim_at, deployments
from tests.cluster.reports import failed, failures, newest, read_verdict, ready_pods
from tests.cluster.sessions import assert_nothing_left, session
from tests.cluster.web_ui import TIMEOUT, Swarm

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


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the project is baked for each cluster in turn, so that its tools are installed once."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def fresh(machine: Machine, cluster: str, template_url: str, folder: Path) -> Path:
    """A project for the current context, in which it is not deployed yet."""
    machine.use(cluster)
    tools, kept = folder / SLUG / ".venv", folder / "tools"
    if tools.exists():
        tools.rename(kept)
    shutil.rmtree(folder / SLUG, ignore_errors=True)
    project = bake(template_url, folder, machine, cluster)
    if kept.exists():
        kept.rename(tools)
        (tools / ".installed").touch()
    return project


@pytest.fixture(scope="module")
def installed(machine: Machine, fresh: Path) -> Path:
    """The same with its tools."""
    machine.output("make", ".venv/.installed", cwd=fresh, seconds=300)
    return fresh


@pytest.fixture(scope="module")
def workspace(machine: Machine, cluster: str, fresh: Path) -> Iterator[Path]:
    """The project, deployed once for all tests on a cluster."""
    try:
        start = time.monotonic()
        machine.output("tilt", "ci", "--port", str(free_port()), cwd=fresh, seconds=300)
        print(f"tilt ci on {cluster}: {time.monotonic() - start:.1f} s")
        yield fresh
        down = machine.output("tilt", "down", cwd=fresh)
        assert "error" not in down.lower()
        assert_nothing_left(machine, cluster, fresh)
    finally:
        machine.run("make", "clean", cwd=fresh, seconds=180)


def test_a_run_from_a_pipeline_needs_its_target_alone_and_leaves_nothing(
    machine: Machine, cluster: str, installed: Path, knowledge_service: str
) -> None:
    def headless(*settings: str) -> subprocess.CompletedProcess[str]:
        run = machine.run("make", "headless", "LOCUST_RUN_TIME=5s", *settings, cwd=installed, seconds=120)
        assert machine.run("kubectl", "--context", cluster, "get", "namespace", SLUG).returncode
        return run

    missing = headless()
    assert missing.returncode
    assert f"Service server in namespace {SLUG} does not exist in context {cluster}" in missing.stdout
    levels = installed / "loadtest/slo.toml"
    before = levels.read_text()
    levels.write_text("[total]\nfailure_ratio = 0\n")
    passed = headless(f"LOCUST_HOST={knowledge_service}")
    assert passed.returncode == 0, passed.stdout
    if cluster == REMOTE:
        images = json.loads((newest(installed) / "kustomization.yaml").read_text())["images"]
        assert [image["digest"][:7] for image in images] == ["sha256:"]
    nowhere = f"IMAGE=127.0.0.1:9/none@sha256:{'0' * 64}"
    unpulled = headless(f"LOCUST_HOST={knowledge_service}", nowhere)
    assert unpulled.returncode
    assert "The node cannot pull 127.0.0.1:9/none@sha256:" in unpulled.stdout
    levels.write_text(before)


@pytest.mark.usefixtures("workspace")
def test_tilt_ci_brings_the_fresh_project_up_and_tilt_down_removes_it(machine: Machine, cluster: str) -> None:
    wait_until(lambda: web_ui.reaches_server(machine, cluster, SLUG), "the server, from the master's pod", TIMEOUT)


@pytest.mark.usefixtures("installed")
def test_headless_runs_end_with_a_verdict_and_its_reasons(machine: Machine, cluster: str, workspace: Path) -> None:
    with ThreadPoolExecutor() as pool:
        command = ("make", "headless", "LOCUST_RUN_TIME=12s", "LOCUST_API_TOKEN=s3cret")
        both = [pool.submit(machine.run, *command, cwd=workspace, seconds=120) for _ in range(2)]
        good, refused = sorted((run.result() for run in both), key=lambda run: run.returncode)
    assert good.returncode == 0, good.stdout
    assert "Another headless run" in refused.stdout
    assert "  10 s  10 users" in good.stdout
    folder = next(path for path in (workspace / "reports").glob("20*") if (path / "summary.md").exists())
    assert {file.name for file in folder.iterdir()} >= REPORTS
    assert (folder / "summary.md").read_text().startswith("# Passed")
    assert not [file.name for file in folder.iterdir() if "s3cret" in file.read_text()]
    assert "s3cret" not in good.stdout + refused.stdout
    kinds = "jobs,pods,services,configmaps,secrets"
    assert not machine.objects(cluster, kinds, "--namespace", SLUG, "--selector", LABEL)

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


@pytest.mark.usefixtures("installed")
def test_a_run_that_loses_a_worker_or_is_interrupted_still_reports(
    machine: Machine, cluster: str, workspace: Path
) -> None:
    if cluster != CONTEXTS[0] and not absence(machine, CONTEXTS[0]):
        pytest.skip(f"it has been tested on {CONTEXTS[0]}, and no line of it depends on the cluster")
    in_namespace = ("kubectl", "--context", cluster, "--namespace", SLUG)
    with headless(machine, workspace, "LOCUST_RUN_TIME=18s") as run:
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


@pytest.mark.usefixtures("installed")
def test_a_pulse_takes_the_server_to_its_maximum_and_back(machine: Machine, workspace: Path) -> None:
    # How fast a server answers that shares two cores with all the rest is another question.
    (workspace / "loadtest/slo.toml").write_text("[total]\nfailure_ratio = 0\n")
    pulse = machine.run(
        "make", "pulse", "LOCUST_PERIOD=60", "LOCUST_WIDTH=45", "LOCUST_RUN_TIME=62s", cwd=workspace, seconds=600
    )
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


@pytest.mark.usefixtures("installed")
def test_a_new_dependency_and_another_target_go_live_under_tilt_up(
    machine: Machine, cluster: str, workspace: Path, knowledge_service: str
) -> None:
    with session(machine, cluster, workspace, "tilt", "up", "--port", str(free_port())):
        requirements = workspace / "loadtest/requirements.in"
        requirements.write_text(requirements.read_text() + "humanize\n")
        save(workspace, "import humanize\n" + task_named(workspace, "humanize.intcomma(1000)"))
        wait_until(lambda: "humanize" in (web_ui.rejection() or ""), "a rejection of what is not installed", TIMEOUT)
        machine.output("make", "lock", cwd=workspace, seconds=300)
        start = time.monotonic()
        imports = ("python", "-c", "import humanize")
        wait_until(lambda: all_run(machine, cluster, "worker", *imports), "the dependency on both workers", TIMEOUT)
        print(f"a new dependency on {cluster}: {time.monotonic() - start:.1f} s after make lock")
        wait_until(lambda: all_run(machine, cluster, "master", *imports), "the dependency on the master", TIMEOUT)
        wait_until(lambda: len(web_ui.connected()) == 2 and web_ui.revision(), "both workers on one revision", TIMEOUT)
        test = Swarm()
        test.start(workers=2)
        test.wait_for_only("1,000")

        aim_at(knowledge_service, workspace)
        wait_until(lambda: deployments(machine, cluster) == SWARM, "the removal of the server", TIMEOUT)
        # The old pods answer until they are replaced.
        aims = ("sh", "-c", f'[ "$LOCUST_HOST" = {knowledge_service} ]')
        wait_until(lambda: all_run(machine, cluster, "master", *aims), "a master for the other target", TIMEOUT)
        wait_until(lambda: all_run(machine, cluster, "worker", *aims), "workers for the other target", TIMEOUT)
        wait_until(lambda: len(web_ui.connected()) == 2 and web_ui.revision(), "both workers, restarted", TIMEOUT)
        test = Swarm()
        test.start(workers=2)
        test.wait_for(lambda look: sum(look.requests.values()) > 50, "requests to the other service")


def all_run(machine: Machine, context: str, component: str, *command: str) -> bool:
    """Whether a command succeeds in all pods of a component, none of which is on its way out."""
    selector = ["--namespace", SLUG, "--selector", f"app.kubernetes.io/component={component}"]
    pods = [pod["metadata"] for pod in machine.objects(context, "pods", *selector)]
    in_pod = ("kubectl", "--context", context, "--namespace", SLUG, "exec")
    return len(pods) == {"master": 1, "worker": 2}[component] and all(
        "deletionTimestamp" not in pod and machine.run(*in_pod, pod["name"], "--", *command).returncode == 0
        for pod in pods
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

"""`tilt up` and `skaffold dev` on a real cluster: edits are live on every worker while ten users keep running."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.ports import free_port
from support.waiting import wait_until

from tests.cluster import web_ui
from tests.cluster.conftest import SLUG, require_cluster
from tests.cluster.machine import Machine
from tests.cluster.web_ui import TIMEOUT, Swarm

pytestmark = pytest.mark.usefixtures("clean_cluster")

# What Skaffold is told to deploy to each of them.
PROFILES: dict[str, list[str]] = {"docker-desktop": [], "minikube": ["--profile", "minikube"]}


def test_tilt_ci_brings_the_fresh_project_up_and_tilt_down_removes_it(
    machine: Machine, context: str, project: Path
) -> None:
    start = time.monotonic()
    machine.output("tilt", "ci", "--port", str(free_port()), cwd=project, seconds=300)
    print(f"tilt ci on {context}: {time.monotonic() - start:.1f} s")
    down = machine.output("tilt", "down", cwd=project)
    assert "error" not in down.lower()
    assert_nothing_left(machine, context, project)


def test_edits_under_tilt_up(machine: Machine, context: str, project: Path) -> None:
    with session(machine, context, project, "tilt", "up", "--port", str(free_port())):
        whole_loop(machine, context, project)
    machine.output("tilt", "down", cwd=project)
    assert_nothing_left(machine, context, project)


def test_edits_under_skaffold_dev(machine: Machine, context: str, project: Path) -> None:
    with session(machine, context, project, "skaffold", "dev", *PROFILES[context]):
        whole_loop(machine, context, project)
    assert_nothing_left(machine, context, project)


def test_skaffold_deploys_to_its_cluster_while_another_one_is_current(
    machine: Machine, context: str, project: Path
) -> None:
    (elsewhere,) = PROFILES.keys() - {context}
    require_cluster(machine, elsewhere)
    machine.use(elsewhere)
    with session(machine, context, project, "skaffold", "dev", *PROFILES[context]):
        test = Swarm()
        test.start(workers=2)
        edit(project, "from afar")
        test.wait_for_only("from afar")
        assert machine.run("kubectl", "get", "namespace", SLUG).returncode, f"it is in {elsewhere} too"
    machine.use(context)
    assert_nothing_left(machine, context, project)


def test_another_service_is_loaded_without_the_server(machine: Machine, context: str, project: Path) -> None:
    base = project / "k8s/base/kustomization.yaml"
    elsewhere = f"{SLUG}-elsewhere"
    source = base.read_text().replace("http://server:8000", f"http://knowledge-service.{elsewhere}:8000")
    base.write_text(source.replace("  - server\n", ""))
    with another_service(machine, context, elsewhere):
        for command in (["tilt", "up", "--port", str(free_port())], ["skaffold", "dev", *without_server(context)]):
            tool = machine.for_skaffold() if command[0] == "skaffold" else machine
            with tool.running(*command, cwd=project):
                wait_until(lambda: len(web_ui.connected()) == 2, "two workers", seconds=300)
                test = Swarm()
                test.start(workers=2)
                test.wait_for(lambda look: sum(look.requests.values()) > 50, "requests to the other service")
                names = [item["metadata"]["name"] for item in machine.objects(context, "deploy", "--namespace", SLUG)]
                assert names == ["locust-master", "locust-worker"]
            assert_nothing_left(machine, context, project)


def without_server(context: str) -> list[str]:
    return ["--profile", "minikube,without-server" if context == "minikube" else "without-server"]


@contextmanager
def another_service(machine: Machine, context: str, namespace: str) -> Iterator[None]:
    """A knowledge-service in a namespace of its own, which answers `GET /hello`."""

    def kubectl(*words: str) -> None:
        machine.output("kubectl", "--context", context, "--namespace", namespace, *words, seconds=120)

    serve = "mkdir /tmp/www && cd /tmp/www && echo hello > hello && exec python -m http.server 8000"
    if machine.runtime(context) == "containerd":
        # The node of a test may have no network to pull from.
        machine.output("minikube", "--profile", context, "image", "load", "python:3.13-slim", seconds=120)
    kubectl("create", "namespace", namespace)
    try:
        kubectl("create", "deployment", "knowledge-service", "--image=python:3.13-slim", "--", "sh", "-c", serve)
        kubectl("expose", "deployment", "knowledge-service", "--port=8000")
        kubectl("wait", "--for=condition=available", "deployment/knowledge-service", "--timeout=90s")
        yield
    finally:
        kubectl("delete", "namespace", namespace)


def test_a_new_dependency_is_importable_on_all_workers_after_make_lock(
    machine: Machine, context: str, project: Path
) -> None:
    with session(machine, context, project, "tilt", "up", "--port", str(free_port())):
        requirements = project / "loadtest/requirements.in"
        requirements.write_text(requirements.read_text() + "humanize\n")
        save(project, "import humanize\n" + task_named(project, "humanize.intcomma(1000)"))
        wait_until(lambda: "humanize" in (web_ui.rejection() or ""), "a rejection of what is not installed", TIMEOUT)
        machine.output("make", "lock", cwd=project, seconds=300)
        start = time.monotonic()
        wait_until(lambda: imports(machine, context, "humanize"), "the dependency on both workers", TIMEOUT)
        print(f"a new dependency on {context}: {time.monotonic() - start:.1f} s after make lock")
        wait_until(lambda: len(web_ui.connected()) == 2 and web_ui.revision(), "both workers on one revision", TIMEOUT)
        test = Swarm()
        test.start(workers=2)
        test.wait_for_only("1,000")
    machine.output("tilt", "down", cwd=project)


def imports(machine: Machine, context: str, module: str) -> bool:
    """Whether both workers, none of which is on its way out, can import it."""
    selector = ["--namespace", SLUG, "--selector", "app.kubernetes.io/component=worker"]
    pods = [pod["metadata"] for pod in machine.objects(context, "pods", *selector)]
    python = ["--", "python", "-c", f"import {module}"]
    return len(pods) == 2 and all(
        "deletionTimestamp" not in pod
        and machine.run("kubectl", "--context", context, "--namespace", SLUG, "exec", pod["name"], *python).returncode
        == 0
        for pod in pods
    )


@contextmanager
def session(machine: Machine, context: str, project: Path, *command: str) -> Iterator[None]:
    """The command runs, and server, master and both workers are there, also for each other."""
    tool = machine.for_skaffold() if command[0] == "skaffold" else machine
    with tool.running(*command, cwd=project) as log:
        wait_until(lambda: len(web_ui.connected()) == 2, "two workers", seconds=300)
        wait_until(lambda: greeting() == "Hello from FastAPI!", "the server", TIMEOUT)
        wait_until(lambda: web_ui.reaches_server(machine, context, SLUG), "the server, from the master's pod", TIMEOUT)
        if command[0] == "skaffold":
            # What is saved before it says so, Skaffold takes for what it has built.
            wait_until(lambda: "Watching for changes" in log.read_text(), "Skaffold's watch", TIMEOUT)
        yield


def whole_loop(machine: Machine, context: str, project: Path) -> None:
    """All that happens to a locustfile in an afternoon, while ten users run."""
    test = Swarm()
    test.start(workers=2)

    for name in ("first", "second"):
        edit(project, name)
        test.wait_for_only(name)

    before = web_ui.revision()
    save(project, locustfile(project).read_text().replace("class ", "clas ", 1))
    wait_until(web_ui.rejection, "a rejection of the syntax error")
    assert web_ui.revision() == before
    test.wait_for_only("second")

    names = project / "loadtest/live/names.py"
    names.parent.mkdir()
    names.write_text('NAME = "from a new file"\n')
    save(project, "from live import names\n\n" + task_named(project, "names.NAME"))
    test.wait_for_only("from a new file")
    assert web_ui.rejection() is None

    before = web_ui.revision()
    levels = project / "loadtest/slo.toml"
    levels.write_text(levels.read_text() + "# A comment.\n")
    wait_until(lambda: web_ui.revision() not in (None, before), "the service levels, synced", TIMEOUT)
    test.wait_for_only("from a new file")

    workers = ("--namespace", SLUG, "deployment/locust-worker")
    machine.output("kubectl", "--context", context, "scale", "--replicas=4", *workers)
    test.wait_for_even_split(4)
    edit(project, "on four")
    test.wait_for_only("on four")
    assert len(web_ui.connected()) == 4, "a save scaled the workers"

    (pod, *_) = machine.objects(
        context, "pods", "--namespace", SLUG, "--selector", "app.kubernetes.io/component=worker"
    )
    name = pod["metadata"]["name"]
    machine.output("kubectl", "--context", context, "--namespace", SLUG, "delete", "pod", name, "--wait=false")
    wait_until(lambda: not any(worker.startswith(name) for worker in web_ui.connected()), "the worker's end", TIMEOUT)
    test.wait_for_even_split(4)
    wait_until(web_ui.revision, "one revision on all workers")
    test.wait_for_only("on four")

    revision = web_ui.revision()
    kill_master(machine, context)
    wait_until(lambda: not web_ui.connected(), "the master's end", TIMEOUT)
    wait_until(lambda: len(web_ui.connected()) == 4, "four workers on the restarted master", TIMEOUT)
    wait_until(lambda: web_ui.revision() == revision, "the code that was live", TIMEOUT)
    test = Swarm()
    test.start(workers=4)
    test.wait_for_only("on four")

    names.unlink()
    master = ("exec", "deployment/locust-master", "--container", "locust-master", "--", "ls", "live")
    wait_until(
        lambda: "names.py" not in machine.output("kubectl", "--context", context, "--namespace", SLUG, *master),
        "the removal of a deleted file",
        TIMEOUT,
    )
    test.look()
    test.stop()

    server = project / "server/server.py"
    server.write_text(server.read_text().replace("Hello from FastAPI!", "Hello again!"))
    wait_until(lambda: greeting() == "Hello again!", "the server's new answer", TIMEOUT)


def kill_master(machine: Machine, context: str) -> None:
    """End the master's process without giving it a chance to say so."""
    script = """
import os, pathlib, signal
for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if b"livesync\\0--master\\0" in process.read_bytes():
        os.kill(int(process.parent.name), signal.SIGKILL)
"""
    words = ["exec", "deployment/locust-master", "--container", "locust-master", "--", "python", "-c", script]
    machine.output("kubectl", "--context", context, "--namespace", SLUG, *words)


def locustfile(project: Path) -> Path:
    return project / "loadtest/locustfile.py"


def save(project: Path, source: str) -> None:
    locustfile(project).write_text(source)


def edit(project: Path, name: str) -> None:
    """Give the requests of the default task another name."""
    save(project, task_named(project, repr(name)))


def task_named(project: Path, expression: str) -> str:
    fresh = project.parent / "locustfile.py"
    if not fresh.exists():
        fresh.write_text(locustfile(project).read_text())
    source, changes = re.subn(r'(\.get\("/hello")[^)]*', rf"\1, name={expression}", fresh.read_text())
    assert changes
    return source


def greeting() -> str | None:
    """What the server says, or None while it says nothing."""
    try:
        with urllib.request.urlopen("http://localhost:8000/hello", timeout=5) as response:
            message: str = json.load(response)["message"]
            return message
    except OSError:
        return None


def assert_nothing_left(machine: Machine, context: str, project: Path) -> None:
    """After `make clean` the cluster holds no object of the project, and no namespace."""
    machine.output("make", "clean", cwd=project, seconds=180)
    everything = "namespaces,deployments,replicasets,pods,services,configmaps,secrets,horizontalpodautoscalers,jobs"
    label = f"app.kubernetes.io/part-of={SLUG}"
    wait_until(
        lambda: not machine.objects(context, everything, "--all-namespaces", "--selector", label),
        "an empty cluster",
        TIMEOUT,
    )
    assert machine.run("kubectl", "--context", context, "get", "namespace", SLUG).returncode

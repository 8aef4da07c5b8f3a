"""A session of Tilt or Skaffold, from the start of the command to an empty cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import wait_until

from tests.cluster import web_ui
from tests.cluster.contexts import SLUG
from tests.cluster.edits import edit, greet, greeting
from tests.cluster.machine import Machine
from tests.cluster.web_ui import TIMEOUT


@contextmanager
def session(machine: Machine, context: str, project: Path, *command: str, workers: int = 2) -> Iterator[None]:
    """The command runs, server, master and workers are there, and so is what was saved in the meantime."""
    tool = machine.for_skaffold() if command[0] == "skaffold" else machine
    with tool.running(*command, cwd=project):
        wait_until(lambda: machine.objects(context, "pods", "--namespace", SLUG), "pods", seconds=300)
        greet(project, "Hello from a save!")
        wait_until(lambda: len(web_ui.connected()) == workers, f"{workers} workers", seconds=300)
        edit(project, "saved early")
        wait_until(lambda: greeting() == "Hello from a save!", "the server as saved during the deployment", TIMEOUT)
        wait_until(lambda: web_ui.reaches_server(machine, context, SLUG), "the server, from the master's pod", TIMEOUT)
        wait_until(lambda: "saved early" in live_locustfile(machine, context), "what was saved early", TIMEOUT)
        wait_until(web_ui.revision, "one revision on all workers", TIMEOUT)
        yield


def live_locustfile(machine: Machine, context: str) -> str:
    master = ("exec", "deployment/locust-master", "--container", "locust-master", "--", "cat", "locustfile.py")
    return machine.run("kubectl", "--context", context, "--namespace", SLUG, *master).stdout


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

"""`tilt up` and `skaffold dev` on a real cluster: edits are live on every worker while ten users keep running."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port
from support.waiting import wait_until

from tests.cluster import web_ui
from tests.cluster.contexts import CONTEXTS, SLUG, absence, profiles
from tests.cluster.edits import edit, greet, greeting, locustfile, save, task_named
from tests.cluster.machine import Machine
from tests.cluster.other_service import SWARM, aim_at, deployments
from tests.cluster.sessions import assert_nothing_left, session
from tests.cluster.signals import send_signal
from tests.cluster.web_ui import TIMEOUT, Swarm

pytestmark = pytest.mark.usefixtures("clean_cluster")


def test_edits_under_tilt_up(machine: Machine, context: str, project: Path) -> None:
    with session(machine, context, project, "tilt", "up", "--port", str(free_port())):
        whole_loop(machine, context, project)
    machine.output("tilt", "down", cwd=project)
    assert_nothing_left(machine, context, project)


def test_edits_under_skaffold_dev_while_another_context_is_current(
    machine: Machine, context: str, project: Path
) -> None:
    if elsewhere := next((name for name in CONTEXTS if name != context and not absence(machine, name)), None):
        machine.use(elsewhere)
    with session(machine, context, project, "skaffold", "dev", *profiles(context)):
        whole_loop(machine, context, project)
        if elsewhere:
            assert machine.run("kubectl", "get", "namespace", SLUG).returncode, f"it is in {elsewhere} too"
    machine.use(context)
    assert_nothing_left(machine, context, project)


def test_another_service_is_loaded_without_the_server_under_skaffold_dev(
    machine: Machine, context: str, project: Path, knowledge_service: str
) -> None:
    aim_at(knowledge_service, project)
    command = ["skaffold", "dev", *profiles(context), "--profile", "without-server"]
    with machine.for_skaffold().running(*command, cwd=project):
        wait_until(lambda: len(web_ui.connected()) == 2, "two workers", seconds=300)
        test = Swarm()
        test.start(workers=2)
        test.wait_for(lambda look: sum(look.requests.values()) > 50, "requests to the other service")
        assert deployments(machine, context) == SWARM
        edit(project, "an edit")
        test.wait_for_only("an edit")
    assert_nothing_left(machine, context, project)


def whole_loop(machine: Machine, context: str, project: Path) -> None:
    """All that happens to a locustfile in an afternoon, while ten users run."""
    test = Swarm()
    test.start(workers=2)
    test.wait_for_only("saved early")

    for name in ("first", "second"):
        edit(project, name)
        assert outcome(machine, project)["state"] == "live"
        test.wait_for_only(name)

    before = web_ui.revision()
    save(project, locustfile(project).read_text().replace("class ", "clas ", 1))
    rejected = outcome(machine, project)
    assert (rejected["state"], rejected["reason"]) == ("rejected", web_ui.rejection())
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
    send_signal(machine, context, "deployment/locust-master", "master", "SIGKILL")
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

    greet(project, "Hello again!")
    wait_until(lambda: greeting() == "Hello again!", "the server's new answer", TIMEOUT)


def outcome(machine: Machine, project: Path) -> dict[str, Any]:
    """What `python3 -m tools live` prints about the last save."""
    printed: dict[str, Any] = json.loads(machine.run("python3", "-m", "tools", "live", cwd=project, seconds=60).stdout)
    return printed

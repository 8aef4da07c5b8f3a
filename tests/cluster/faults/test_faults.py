"""What a working day does to a cluster, and how the swarm recovers without a person."""

import os
import subprocess
import time

import pytest
from support.waiting import wait_until

from tests.cluster import web_ui
from tests.cluster.edits import edit, locustfile, save
from tests.cluster.faults.workspace import WORKERS, Workspace, is_whole, state
from tests.cluster.web_ui import USERS


@pytest.fixture(autouse=True)
def running_test(workspace: Workspace) -> None:
    workspace.start_test()


def restarts(workspace: Workspace, component: str) -> int:
    return sum(
        status["restartCount"] for pod in workspace.pods(component) for status in pod["status"]["containerStatuses"]
    )


def is_idle() -> bool:
    """Whether no test runs, and the workers wait for the next one."""
    return state().get("state") in ("ready", "stopped") and len(web_ui.connected()) == WORKERS


def test_a_test_goes_on_without_tilt_and_with_a_new_one(workspace: Workspace) -> None:
    workspace.kill_tilt()
    found = workspace.cost("Tilt killed and started again", workspace.start_tilt, is_whole)
    assert (found["failed"], found["lost"]) == (0, 0)


def test_a_killed_worker_comes_back(workspace: Workspace) -> None:
    before = restarts(workspace, "worker")
    found = workspace.cost(
        "worker killed",
        lambda: workspace.signal("worker", "SIGKILL"),
        lambda: restarts(workspace, "worker") > before and is_whole(),
    )
    assert (found["failed"], found["lost"]) == (0, 0)


def test_workers_come_back_to_a_killed_master(workspace: Workspace) -> None:
    revision = web_ui.revision()
    found = workspace.cost(
        "master killed",
        lambda: workspace.signal("master", "SIGKILL"),
        lambda: is_idle() and web_ui.revision() == revision,
    )
    assert found["users"] == 0


def test_requests_succeed_again_after_the_server_was_killed(workspace: Workspace) -> None:
    killed = workspace.pods("api")[0]["metadata"]["name"]
    delete = ["delete", "pod", killed, "--grace-period=0", "--force", "--wait=false"]

    def is_replaced() -> bool:
        ready = [
            pod["metadata"]["name"]
            for pod in workspace.pods("api")
            if all(status["ready"] for status in pod["status"].get("containerStatuses", [{"ready": False}]))
        ]
        return bool(ready) and killed not in ready and is_whole()

    found = workspace.cost("pod of the server killed", lambda: workspace.kubectl(*delete), is_replaced)
    assert found["lost"] == 0


def test_users_stay_even_while_workers_are_scaled(workspace: Workspace) -> None:
    def scale_to(workers: int) -> None:
        command = ["scale", "deployment/locust-worker", f"--replicas={workers}"]
        found = workspace.cost(
            f"scaled to {workers} workers", lambda: workspace.kubectl(*command), lambda: is_whole(workers)
        )
        assert (found["failed"], found["lost"]) == (0, 0)

    scale_to(16)
    scale_to(WORKERS)


GREEDY = """

import os, locust

@locust.events.request.add_listener
def take_all_memory(**_):
    if os.path.exists("/tmp/greedy"):
        os.remove("/tmp/greedy")
        bytearray(600_000_000)
"""


def test_a_worker_out_of_memory_is_replaced(workspace: Workspace) -> None:
    before = restarts(workspace, "worker")
    save(workspace.project, locustfile(workspace.project).read_text() + GREEDY)
    wait_until(lambda: "locustfile.py +9 -0" in str(web_ui.livesync().get("changes")) and web_ui.revision(), "the edit")
    found = workspace.cost(
        "worker out of memory",
        lambda: workspace.run_in("worker", "touch /tmp/greedy"),
        lambda: restarts(workspace, "worker") > before and is_whole(),
    )
    assert (found["failed"], found["lost"]) == (0, 0)


def test_a_frozen_worker_takes_part_again(workspace: Workspace) -> None:
    workspace.signal("worker", "SIGSTOP")
    time.sleep(90)
    others = state()
    found = workspace.cost("worker frozen for 90 s", lambda: workspace.signal("worker", "SIGCONT"), is_whole)
    assert others["users"] == USERS
    assert found["lost"] == 0


def test_a_master_that_was_unreachable_goes_on(workspace: Workspace) -> None:
    workspace.signal("master", "SIGSTOP")
    time.sleep(30)
    found = workspace.cost("master frozen for 30 s", lambda: workspace.signal("master", "SIGCONT"), is_whole)
    assert (found["failed"], found["lost"]) == (0, 0)


@pytest.mark.parametrize("component", ["worker", "master"])
def test_a_pod_whose_volume_is_full_is_replaced(workspace: Workspace, component: str) -> None:
    revision = web_ui.revision()
    (full, *_) = [pod["metadata"]["name"] for pod in workspace.pods(component)]

    def is_replaced() -> bool:
        phases = {pod["metadata"]["name"]: pod["status"]["phase"] for pod in workspace.pods(component)}
        if phases.get(full) == "Running" or web_ui.revision() != revision or len(web_ui.connected()) != WORKERS:
            return False
        return is_whole() if component == "worker" else is_idle()

    workspace.cost(
        f"volume of the {component} full",
        lambda: workspace.run_in(component, "head -c 600M /dev/zero > /tmp/fill"),
        is_replaced,
    )


def test_tilt_that_starts_after_an_edit_deploys_it(workspace: Workspace) -> None:
    edit(workspace.project, "another name")
    wait_until(web_ui.revision, "the edit")
    masters = [pod["metadata"]["name"] for pod in workspace.pods("master")]
    workspace.kill_tilt()
    workspace.cost(
        "Tilt killed, and started again after an edit",
        workspace.start_tilt,
        lambda: workspace.pods("master")[0]["metadata"]["name"] not in masters and is_idle(),
    )


def test_the_swarm_is_there_again_after_a_restart_of_the_node(workspace: Workspace) -> None:
    if not (command := os.environ.get("RESTART_NODE")):
        pytest.skip("RESTART_NODE is not set, such as to 'minikube stop && minikube start'")
    revision = web_ui.revision()
    workspace.cost(
        "node restarted",
        lambda: subprocess.run(["sh", "-c", command], check=True, timeout=300),
        lambda: is_idle() and web_ui.revision() == revision,
    )

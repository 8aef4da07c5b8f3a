"""What could not work is said in one sentence, with the remedy, before anything is built or deployed."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ports import free_port

from tests.cluster.conftest import bake, require_cluster
from tests.cluster.contexts import REMOTE, SLUG, profiles
from tests.cluster.machine import Machine

TOOLS = {"tilt": ["tilt", "ci", "--port"], "skaffold": ["skaffold", "dev"]}


@pytest.fixture(params=TOOLS)
def command(request: pytest.FixtureRequest, context: str) -> list[str]:
    """How the tool deploys to the context."""
    command = TOOLS[request.param]
    if request.param == "tilt":
        return [*command, str(free_port())]
    return [*command, *profiles(context)]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 8089)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_reported(
    machine: Machine, context: str, project: Path, command: list[str], taken_port: int
) -> None:
    assert_refused(machine, project, command, rf"Port {taken_port} is taken by .*: stop it first\.")
    assert machine.run("kubectl", "--context", context, "get", "namespace", SLUG).returncode


def test_the_doctor_finds_nothing_missing(machine: Machine, context: str, project: Path) -> None:
    checked = machine.output("make", "doctor", f"CONTEXT={context}", cwd=project)
    assert "FAIL" not in checked
    loads = context != REMOTE and machine.runtime(context) == "containerd"
    how = "loaded by" if loads else "pushed to" if context == REMOTE else "built with the Docker that the nodes use"
    assert f"images are {how}" in checked or f"on this machine and {how}" in checked


def test_a_cluster_that_does_not_answer_is_reported(
    machine: Machine, context: str, project: Path, command: list[str], tmp_path: Path
) -> None:
    stopped = Machine(tmp_path / "kubeconfig", machine.logs)
    config = json.loads(machine.output("kubectl", "config", "view", "--raw", "--output", "json"))
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:9"
    stopped.kubeconfig.write_text(json.dumps(config))
    assert_refused(stopped, project, command, rf"The cluster of context {context} does not answer: ")


def test_tilt_refuses_any_other_context(machine: Machine, context: str, project: Path, tmp_path: Path) -> None:
    elsewhere = Machine(tmp_path / "kubeconfig", machine.logs)
    elsewhere.kubeconfig.write_bytes(machine.kubeconfig.read_bytes())
    elsewhere.output("kubectl", "config", "rename-context", context, "production")
    elsewhere.use("production")
    command = [*TOOLS["tilt"], str(free_port())]
    assert_refused(elsewhere, project, command, r"kubectl config use-context docker-desktop")
    assert machine.run("kubectl", "--context", context, "get", "namespace", SLUG).returncode


@pytest.mark.parametrize(
    ("allowed", "sentence"),
    [
        ("", r"set ALLOW_REMOTE=production for the first deployment"),
        ("production", r"Registry 127\.0\.0\.1:9 does not answer"),
    ],
)
def test_a_first_deployment_to_a_remote_cluster_needs_permission_and_a_registry(
    machine: Machine, context: str, project: Path, tmp_path: Path, allowed: str, sentence: str
) -> None:
    production = Machine(tmp_path / "kubeconfig", machine.logs, variables={"ALLOW_REMOTE": allowed})
    production.kubeconfig.write_bytes(machine.kubeconfig.read_bytes())
    production.output("kubectl", "config", "rename-context", context, "production")
    production.use("production")
    production.output("make", "overlay", "CONTEXT=production", "REGISTRY=127.0.0.1:9", cwd=project)
    skaffold = ["skaffold", "run", "--profile", "production", "--default-repo", "127.0.0.1:9"]
    for command in ([*TOOLS["tilt"], str(free_port())], skaffold):
        assert_refused(production, project, command, sentence)
    assert machine.run("kubectl", "--context", context, "get", "namespace", SLUG).returncode


def test_skaffold_pushes_to_the_registry_of_the_overlay_only(machine: Machine, context: str, project: Path) -> None:
    if context != REMOTE:
        pytest.skip("the nodes of this cluster need no registry")
    command = ["skaffold", "run", "--profile", context]
    assert_refused(machine, project, command, rf"The nodes of {context} pull from .*--default-repo")


def test_skaffold_is_stopped_before_it_asks_for_a_docker_that_minikube_does_not_have(
    machine: Machine, template_url: str, tmp_path: Path
) -> None:
    require_cluster(machine, "minikube")
    if machine.runtime("minikube") != "containerd":
        pytest.skip("this minikube runs on Docker")
    machine.use("minikube")
    project = bake(template_url, tmp_path, machine, "minikube")
    command = rf"KUBECONFIG=k8s/no-context.yaml:{machine.kubeconfig} \S*skaffold dev --profile minikube"
    assert_refused(machine, project, ["skaffold", "dev", "--profile", "minikube"], command)


@pytest.mark.usefixtures("context")
def test_skaffold_refuses_to_be_sent_elsewhere(machine: Machine, project: Path) -> None:
    command = ["skaffold", "run", "--kube-context", "production"]
    assert_refused(machine, project, command, r"not for 'production': leave out --kube-context")


def assert_refused(machine: Machine, project: Path, command: list[str], sentence: str) -> None:
    """The command fails soon, says this, and has built nothing."""
    result: subprocess.CompletedProcess[str] = machine.run(*command, cwd=project, seconds=60)
    assert result.returncode != 0
    assert re.search(sentence, result.stdout), result.stdout
    assert "naming to" not in result.stdout

"""No command touches another cluster, and none deletes what is not of the project. Once, on one cluster."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ports import free_port
from support.waiting import wait_until

from tests.cluster.conftest import bake, delete_namespace, require_cluster
from tests.cluster.contexts import GENERATED, SLUG
from tests.cluster.elsewhere import Elsewhere, elsewhere, kubeconfigs
from tests.cluster.machine import Machine

CONTEXT = GENERATED[0]

NO_OVERLAY = r"no overlay for context [\"']?(production|docker-desktop|minikube)"
NOT_HERE = rf"Context {CONTEXT} has the name of a cluster on this machine, but its server is [\d.]+: check KUBECONFIG"
NOT_FOR = r"not for '{}': leave out --kube-context and SKAFFOLD_KUBE_CONTEXT"
STOPPED = "exit status 1"
"""All that `skaffold delete` shows of a hook that fails, where there is no terminal."""
SPACE = f"{CONTEXT} "

IMAGES = [
    word
    for name, image in (("server", "server:1"), ("loadtest", "loadtest:1"), ("loadtest-worker", "worker:1"))
    for word in ("--images", f"{SLUG}-{name}={image}")
]

PRODUCTION_IS_CURRENT = [
    (["tilt", "ci"], NO_OVERLAY),
    (["tilt", "down"], NO_OVERLAY),
    (["tilt", "ci", "--context", "production"], NO_OVERLAY),
    (["tilt", "down", "--context", "production"], NO_OVERLAY),
    (["tilt", "down", "--context", SPACE], NO_OVERLAY),
    (["skaffold", "dev", "--kube-context", "production"], NOT_FOR.format("production")),
    (["skaffold", "run", "--kube-context=production"], NOT_FOR.format("production")),
    (["skaffold", "run", "--kube-context", SPACE], NOT_FOR.format(SPACE)),
    (["skaffold", "deploy", "--kube-context", "production", *IMAGES], NOT_FOR.format("production")),
    (["skaffold", "delete", "--kube-context", "production"], STOPPED),
    (["skaffold", "delete", "--kube-context", SPACE], STOPPED),
    (["env", "SKAFFOLD_KUBE_CONTEXT=production", "skaffold", "delete"], STOPPED),
    (["skaffold", "delete"], "Cleaning up"),
    (["env", "SKAFFOLD_KUBE_CONTEXT=production", "skaffold", "run"], NOT_FOR.format("production")),
    (["sh", "-c", 'skaffold run --kubeconfig "$KUBECONFIG"'], "set KUBECONFIG instead"),
    (["skaffold", "apply", "--kube-context", "production", "k8s/base/namespace.yaml"], "namespace/"),
    (["skaffold", "render", "--digest-source", "tag"], "kind: Deployment"),
    (["make", "clean"], NO_OVERLAY),
    (["make", "clean", "CONTEXT=production"], NO_OVERLAY),
    (["make", "clean", f"CONTEXT={SPACE}"], f"no overlay for context {SPACE}"),
    (["make", "headless"], NO_OVERLAY),
    (["make", "headless", f"CONTEXT={SPACE}"], f"no overlay for context {SPACE}"),
    (["make", "pulse", "CONTEXT=production"], NO_OVERLAY),
    (["make", "doctor"], NO_OVERLAY),
]

ANOTHER_SERVER_HAS_THE_NAME = [
    (["tilt", "ci"], NOT_HERE),
    (["tilt", "down"], NOT_HERE),
    (["skaffold", "run"], NOT_HERE),
    (["skaffold", "deploy", *IMAGES], NOT_HERE),
    (["skaffold", "delete"], STOPPED),
    (["make", "clean"], NOT_HERE),
    (["make", "headless", f"CONTEXT={CONTEXT}"], NOT_HERE),
    (["make", "pulse"], NOT_HERE),
    (["make", "doctor"], NOT_HERE),
]


@pytest.fixture(scope="module")
def project(machine: Machine, template_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with its tools; what a failed test leaves of it in the cluster is deleted."""
    require_cluster(machine, CONTEXT)
    project = bake(template_url, tmp_path_factory.mktemp("clusters"), machine, CONTEXT)
    machine.output("make", ".venv/.installed", cwd=project, seconds=300)
    yield project
    delete_namespace(machine, CONTEXT)


@pytest.fixture(scope="module")
def cluster(machine: Machine, project: Path) -> Iterator[Elsewhere]:
    with elsewhere(machine, CONTEXT, project) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def users(machine: Machine, cluster: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Machine]:
    return kubeconfigs(machine, cluster, tmp_path_factory.mktemp("kubeconfigs"), CONTEXT)


def shown(parameter: list[str] | str) -> str:
    return " ".join(parameter) if isinstance(parameter, list) else ""


@pytest.mark.parametrize(("command", "sentence"), PRODUCTION_IS_CURRENT, ids=shown)
def test_the_current_context_and_one_on_the_command_line_stay_untouched(
    users: tuple[Machine, Machine], project: Path, cluster: Elsewhere, command: list[str], sentence: str
) -> None:
    assert_untouched(users[0], project, cluster, command, sentence)


@pytest.mark.parametrize(("command", "sentence"), ANOTHER_SERVER_HAS_THE_NAME, ids=shown)
def test_a_cluster_elsewhere_with_the_name_of_a_local_one_stays_untouched(
    users: tuple[Machine, Machine], project: Path, cluster: Elsewhere, command: list[str], sentence: str
) -> None:
    assert_untouched(users[1], project, cluster, command, sentence)


@pytest.mark.parametrize("user", [0, 1])
def test_tilt_up_waits_for_another_context(
    users: tuple[Machine, Machine], project: Path, cluster: Elsewhere, user: int
) -> None:
    cluster.changes.clear()
    with users[user].running("tilt", "up", "--stream", "--port", str(free_port()), cwd=project) as log:
        sentence = [NO_OVERLAY, NOT_HERE][user]
        wait_until(lambda: re.search(sentence, log.read_text()), log.read_text, seconds=60)
    assert cluster.changes == []


def test_what_is_not_of_the_project_stays_in_its_namespace(machine: Machine, project: Path) -> None:
    machine.use(CONTEXT)
    kubectl = ("kubectl", "--context", CONTEXT, "--namespace", SLUG)
    machine.output("kubectl", "--context", CONTEXT, "apply", "--kustomize", f"k8s/overlays/{CONTEXT}", cwd=project)
    machine.output(*kubectl, "create", "configmap", "theirs", "--from-literal=a=b")
    machine.output(*kubectl, "create", "secret", "generic", "locust-env", "--from-literal=API_TOKEN=x")
    deleted = machine.output("skaffold", "delete", cwd=project)
    assert 'deployment.apps "server" deleted' in deleted
    assert "namespace" not in deleted.replace(f"from {SLUG} namespace", "")
    machine.output("kubectl", "--context", CONTEXT, "apply", "--kustomize", f"k8s/overlays/{CONTEXT}", cwd=project)
    left = machine.output("make", "clean", cwd=project, seconds=180)
    assert f"Namespace {SLUG} of context {CONTEXT} was kept, because it also contains ConfigMap/theirs" in left
    kept = machine.output(*kubectl, "get", "deployments,services,pods,configmaps,secrets,hpa", "--output", "name")
    assert kept.split() == ["configmap/kube-root-ca.crt", "configmap/theirs"]
    machine.output(*kubectl, "delete", "configmap", "theirs")
    machine.output("make", "clean", cwd=project, seconds=180)
    assert machine.run("kubectl", "--context", CONTEXT, "get", "namespace", SLUG).returncode


def assert_untouched(user: Machine, project: Path, cluster: Elsewhere, command: list[str], sentence: str) -> None:
    """The command says this, and changes nothing in the cluster elsewhere."""
    cluster.changes.clear()
    port = ["--port", str(free_port())] if command[:2] == ["tilt", "ci"] else []
    result = user.run(*command, *port, cwd=project, seconds=60)
    assert cluster.changes == []
    assert re.search(sentence, result.stdout), result.stdout

"""`make overlay` adds a cluster to all that read the list of contexts, and rejects what could not work."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import latest_version, validate

from tests.support.commands import run
from tests.template.conftest import KUBECTL
from tests.template.contract.objects import Render, containers, of_kind
from tests.template.contract.tiltfile import Builtins, Refused, skaffold

EKS = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
CONTEXTS = ["kind-kind", "colima", "gke_project_europe-west1_shared", EKS, "user@shop.eksctl.io", "with space"]
REGISTRY = "registry.example.com:5000/team"


class Project:
    """A fresh project, and a kubeconfig with CONTEXTS."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder = folder
        kubectl = kubeconfig.with_name("kubectl")
        kubectl.symlink_to(KUBECTL)
        self.environment = os.environ | {
            "KUBECONFIG": str(kubeconfig),
            "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
        }
        contexts = [{"name": context, "context": {"cluster": "c", "user": ""}} for context in CONTEXTS]
        kubeconfig.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "contexts": contexts}))

    def overlay(self, context: str, registry: str = "") -> subprocess.CompletedProcess[str]:
        words = ("make", "overlay", f"CONTEXT={context}", f"REGISTRY={registry}")
        return run(*words, cwd=self.folder, environment=self.environment)

    def allows(self, context: str) -> bool:
        script = "import sys; from tools.setup.contexts import allowed_context; allowed_context(sys.argv[1])"
        checked = run("python3", "-c", script, context, cwd=self.folder, environment=self.environment)
        return checked.returncode == 0

    def profiles(self) -> dict[str, dict[str, Any]]:
        return {profile["name"]: profile for profile in skaffold(self.folder)["profiles"]}

    def tilt_up(self, context: str, render: Render) -> dict[str, Any]:
        return Builtins(self.folder, context, render).run()


@pytest.fixture
def project(project: Path, tmp_path: Path) -> Project:
    return Project(shutil.copytree(project, tmp_path / "load-lab"), tmp_path / "kubeconfig")


@pytest.mark.parametrize(
    ("context", "registry"), [(context, "" if context in CONTEXTS[:2] else REGISTRY) for context in CONTEXTS[:-1]]
)
def test_a_new_context_is_one_for_tilt_skaffold_and_make_until_its_folder_is_removed(
    project: Project, render: Render, context: str, registry: str
) -> None:
    assert not project.allows(context)
    before = project.profiles()
    added = project.overlay(context, registry)
    assert added.returncode == 0, added.stdout
    written = [project.folder / line.removeprefix("Wrote ") for line in added.stdout.splitlines() if "Wrote" in line]
    assert [file.name for file in written] == ["kustomization.yaml", *(["registry.env"] if registry else [])]
    folder = written[0].parent

    assert project.allows(context)
    assert [call.args[0] for call in project.tilt_up(context, render)["kustomize"]] == [f"k8s/overlays/{folder.name}"]
    profiles = project.profiles()
    profile = profiles.pop(context)
    assert profiles == before
    assert profile["deploy"]["kubeContext"] == context
    assert profile["manifests"]["kustomize"]["paths"] == [f"k8s/overlays/{folder.name}"]
    assert profile["build"]["local"]["push"] is bool(registry)
    hooks = [hook["command"] for hooks in profile["build"]["hooks"].values() for hook in hooks]
    assert [command[-2:] for command in hooks] == [["preflight", context], ["images", context]]
    assert profile["manifests"]["hooks"]["before"][0]["host"]["command"][-2:] == ["check-cluster", context]
    assert profile["deploy"]["kubectl"]["flags"]["global"] == [f"--context={context}"]

    shutil.rmtree(folder)
    assert not project.allows(context)
    with pytest.raises(Refused, match="make overlay CONTEXT="):
        project.tilt_up(context, render)
    assert project.overlay(context, registry).returncode == 0
    assert project.profiles().keys() == {*before, context}


def test_pods_of_a_shared_cluster_have_limits_a_low_priority_and_no_node_port(project: Project, render: Render) -> None:
    assert project.overlay(EKS, REGISTRY).returncode == 0
    objects = render(next(project.folder.glob("k8s/overlays/arn*")))
    for item in objects:
        validate(item, latest_version(), strict=True)
    [priority] = of_kind("PriorityClass", objects)
    for name, deployment in of_kind("Deployment", objects).items():
        for container in containers(deployment):
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        pod = deployment["spec"]["template"]["spec"]
        assert pod.get("priorityClassName") == (None if name == "server" else priority)
        assert ("topologySpreadConstraints" in pod) == (name == "locust-worker")
    assert all(service["spec"].get("type") != "NodePort" for service in of_kind("Service", objects).values())


@pytest.mark.parametrize(
    ("context", "registry", "reason"),
    [
        ("", "", "kubectl has no context without a name: choose from arn:aws"),
        ("kind-other", "", "kubectl has no context kind-other"),
        ("user@shop.eksctl.io", "", "is not a cluster on this machine: set REGISTRY=... to a registry"),
        ("user@shop.eksctl.io", "https://registry", "REGISTRY is 'https://registry': it must be an address such as"),
        ("with space", "registry", "has characters that a folder name cannot have"),
    ],
)
def test_what_cannot_work_is_rejected_and_nothing_is_written(
    project: Project, context: str, registry: str, reason: str
) -> None:
    before = {file: file.read_bytes() for file in project.folder.rglob("*") if file.is_file()}
    rejected = project.overlay(context, registry)
    assert rejected.returncode
    assert reason in rejected.stdout
    assert "Traceback" not in rejected.stdout
    after = {file for file in project.folder.rglob("*") if file.is_file()}
    assert after == before.keys()
    assert all(file.read_bytes() == content for file, content in before.items())


def test_an_overlay_is_never_overwritten(project: Project) -> None:
    assert project.overlay("kind-kind").returncode == 0
    overlay = project.folder / "k8s/overlays/kind-kind/kustomization.yaml"
    overlay.write_text(overlay.read_text() + "# An edit.\n")
    rejected = project.overlay("kind-kind")
    assert rejected.returncode
    assert "k8s/overlays/kind-kind already exists, so nothing was written" in rejected.stdout
    assert overlay.read_text().endswith("# An edit.\n")


def test_profiles_that_make_overlay_writes_are_yaml_like_those_of_the_template(project: Project) -> None:
    assert project.overlay(EKS, REGISTRY).returncode == 0
    written, minikube = (project.profiles()[name] for name in (EKS, "minikube"))
    assert yaml.safe_dump(written).replace(f"'{EKS}'", EKS).count("minikube") == 0
    assert written.keys() == minikube.keys()
    assert written["deploy"].keys() == minikube["deploy"].keys()

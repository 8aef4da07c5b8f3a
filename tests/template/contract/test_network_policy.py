"""The component network-policy allows what the swarm needs, and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kubernetes_validate import latest_version, validate

from tests.template.contract.network_policies import Endpoint, is_allowed, matches, pods
from tests.template.contract.objects import CONTEXTS, Object, Render

SWARM = {"locust-master", "locust-worker"}
HEADLESS = {"locust-headless", "locust-headless-worker"}
LOAD = SWARM | HEADLESS
NOT_LOAD = {"server", "neighbor", "shop", "outside"}

# Who may connect, for each port of a pod.
ALLOWED = {
    ("server", "TCP", 8000): LOAD,
    ("server", "TCP", 8001): set(),
    ("locust-master", "TCP", 5557): {"locust-worker"},
    ("locust-master", "TCP", 8089): set(),
    ("locust-worker", "TCP", 5557): set(),
    ("locust-headless", "TCP", 5557): {"locust-headless-worker"},
    ("locust-headless", "TCP", 8089): set(),
    ("locust-headless-worker", "TCP", 5557): set(),
    ("kube-dns", "UDP", 53): LOAD | NOT_LOAD,
    ("kube-dns", "TCP", 53): LOAD | NOT_LOAD,
    ("kube-dns", "TCP", 9153): NOT_LOAD,
    ("neighbor", "TCP", 8000): LOAD | NOT_LOAD,
    ("shop", "TCP", 8000): NOT_LOAD,
    ("outside", "TCP", 443): NOT_LOAD,
}


def with_policies(k8s: Path, context: str) -> Path:
    """An overlay with network-policy in place of node-port, and a headless run on top of it."""
    folder = k8s / "overlays" / f"{context}-policies"
    folder.mkdir()
    kustomization = (k8s / "overlays" / context / "kustomization.yaml").read_text()
    assert "components/node-port\n" in kustomization
    components = "components/network-policy\n  - ../../components/headless\n"
    (folder / "kustomization.yaml").write_text(kustomization.replace("components/node-port\n", components))
    return folder


def endpoints(objects: list[Object], slug: str) -> dict[str, Endpoint]:
    return pods(objects) | {
        "neighbor": Endpoint(slug, {"app": "neighbor"}),
        "shop": Endpoint("shop", {"app.kubernetes.io/name": "locust", "app.kubernetes.io/component": "worker"}),
        "kube-dns": Endpoint("kube-system", {"k8s-app": "kube-dns"}),
        "outside": Endpoint(address="203.0.113.5"),
    }


def allowed(objects: list[Object], slug: str) -> dict[tuple[str, str, int], set[str]]:
    """Who may connect, for each port in ALLOWED."""
    policies = [item for item in objects if item["kind"] == "NetworkPolicy"]
    known = endpoints(objects, slug)
    return {
        (name, protocol, port): {
            source for source in LOAD | NOT_LOAD if is_allowed(policies, known[source], known[name], protocol, port)
        }
        for name, protocol, port in ALLOWED
    }


@pytest.fixture
def k8s(project: Path, tmp_path: Path) -> Path:
    """The folder k8s of the project, to edit."""
    return shutil.copytree(project / "k8s", tmp_path / "k8s")


@pytest.mark.parametrize("context", CONTEXTS)
def test_load_pods_reach_the_target_dns_and_their_master_and_nothing_else_reaches_them(
    k8s: Path, render: Render, answers: dict[str, str], context: str
) -> None:
    objects = render(with_policies(k8s, context))
    for item in objects:
        validate(item, latest_version(), strict=True)
    assert allowed(objects, answers["project_slug"]) == ALLOWED


def test_another_target_is_one_line(k8s: Path, render: Render, answers: dict[str, str]) -> None:
    slug = answers["project_slug"]
    folder = with_policies(k8s, "minikube")
    policy = k8s / "components/network-policy/target-policy.yaml"
    source = policy.read_text()

    policy.write_text(source.replace(f"metadata.name: {slug}\n", "metadata.name: shop\n"))
    elsewhere = {("server", "TCP", 8000): set(), ("neighbor", "TCP", 8000): NOT_LOAD}
    assert allowed(render(folder), slug) == ALLOWED | elsewhere | {("shop", "TCP", 8000): LOAD | NOT_LOAD}

    policy.write_text(source.replace("# - ipBlock", "- ipBlock"))
    assert allowed(render(folder), slug) == ALLOWED | {("outside", "TCP", 443): LOAD | NOT_LOAD}


def test_every_selector_of_pods_matches_one(k8s: Path, render: Render) -> None:
    objects = render(with_policies(k8s, "minikube"))
    specs = [item["spec"] for item in objects if item["kind"] == "NetworkPolicy"]
    rules = [rule for spec in specs for rule in [*spec.get("ingress", []), *spec.get("egress", [])]]
    peers = [peer for rule in rules for peer in [*rule.get("from", []), *rule.get("to", [])]]
    selectors = [spec["podSelector"] for spec in specs]
    selectors += [peer["podSelector"] for peer in peers if "podSelector" in peer and "namespaceSelector" not in peer]
    for selector in selectors:
        assert any(matches(selector, pod.labels) for pod in pods(objects).values()), selector


def test_a_headless_run_brings_its_policies_where_nothing_is_deployed(k8s: Path, render: Render) -> None:
    setup = {"app.kubernetes.io/component": "setup"}
    brought = {
        item["metadata"]["name"]
        for item in render(with_policies(k8s, "minikube"))
        if item["kind"] == "NetworkPolicy" and setup.items() <= item["metadata"]["labels"].items()
    }
    assert brought == {"locust", "locust-target", "locust-headless"}


@pytest.mark.parametrize(("host", "allowed"), [("http://server:8000", True), ("http://server.shop:8000", False)])
def test_a_run_compares_its_target_with_the_policy(
    k8s: Path, project: Path, render: Render, host: str, allowed: bool
) -> None:
    objects = json.dumps(render(with_policies(k8s, "minikube")))
    script = (
        "import json, sys; from tools.runs.target import require_allowed_by_policy; "
        "require_allowed_by_policy(json.load(sys.stdin))"
    )
    environment = os.environ | {"LOCUST_HOST": host}
    checked = subprocess.run(
        [sys.executable, "-c", script], cwd=project, env=environment, input=objects, text=True, stderr=subprocess.PIPE
    )
    assert ("The network policy does not let the load pods reach" not in checked.stderr) == allowed
    assert (checked.returncode == 0) == allowed


@pytest.mark.parametrize("order", [["network-policy", "node-port"], ["node-port", "network-policy"]])
def test_an_overlay_with_a_node_port_and_network_policies_does_not_render(
    k8s: Path, render: Render, order: list[str]
) -> None:
    overlay = k8s / "overlays/minikube/kustomization.yaml"
    kustomization = yaml.safe_load(overlay.read_text())
    kustomization["components"] = [f"../../components/{component}" for component in order]
    overlay.write_text(yaml.safe_dump(kustomization))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        render(overlay.parent)
    assert b"the components network-policy and node-port exclude each other" in failed.value.stderr

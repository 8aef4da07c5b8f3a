"""Overlays and components render, and Kubernetes accepts what comes out."""

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import latest_version, validate

from tests.support.baking import TEMPLATE

COMPONENTS = ["autoscaling", "headless", "live-sync", "network-policy", "node-port", "priority-class", "shared-cluster"]
# They exclude each other.
WITH_NODE_PORT = [component for component in COMPONENTS if component != "network-policy"]
WITH_NETWORK_POLICY = [component for component in COMPONENTS if component != "node-port"]
OVERLAYS = ["docker-desktop", "minikube"]

Render = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def k8s(bake: Callable[..., Path]) -> Path:
    return bake(workers="4") / "k8s"


@pytest.mark.parametrize(
    "components",
    [[], *([component] for component in COMPONENTS), WITH_NODE_PORT, WITH_NETWORK_POLICY],
    ids=["none", *COMPONENTS, "all-but-network-policy", "all-but-node-port"],
)
def test_the_base_renders_with_any_components(k8s: Path, render: Render, components: list[str]) -> None:
    trial = k8s / "-".join(["trial", *components])
    trial.mkdir()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../base"],
        "components": [f"../components/{component}" for component in components],
    }
    (trial / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    assert_valid(render(trial))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders(k8s: Path, render: Render, overlay: str) -> None:
    assert_valid(render(k8s / "overlays" / overlay))


def test_there_are_no_other_overlays_and_components(k8s: Path) -> None:
    assert sorted(path.name for path in (k8s / "components").iterdir()) == COMPONENTS
    assert sorted(path.name for path in (k8s / "overlays").iterdir()) == OVERLAYS


def assert_valid(objects: list[dict[str, Any]]) -> None:
    """Fail unless the oldest Kubernetes that the README names and the newest know every field of every object."""
    assert objects
    [oldest] = re.findall(r"Kubernetes (\d\.\d+) or newer", (TEMPLATE / "README.md").read_text())
    for version, item in product((oldest, latest_version()), objects):
        validate(item, version, strict=True)
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(names) == len(set(names))

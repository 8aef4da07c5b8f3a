"""Contexts: the folder of an overlay, and which clusters are on this machine."""

import os
from pathlib import Path

import pytest

from tools.problem import Problem
from tools.setup import contexts

NAMES = [
    "minikube",
    "kind-kind",
    "gke_project_europe-west1_shared",
    "arn:aws:eks:eu-west-1:123456789012:cluster/shop",
    "user@shop.eu-west-1.eksctl.io",
    "default/api.shop:6443/kube:admin",
    "50%2F/off",
]


@pytest.mark.parametrize("context", NAMES)
def test_the_folder_of_an_overlay_is_one_that_every_system_allows_and_that_names_its_context(context: str) -> None:
    folder = contexts.overlay_folder(context)
    assert folder.parent == contexts.OVERLAYS
    assert not set("/:@") & set(folder.name)
    assert contexts.context_of(folder.name) == context


@pytest.mark.parametrize("context", ["docker-desktop", "minikube", "kind-kind", "k3d-shop", "colima", "colima-amd"])
def test_a_local_cluster_needs_no_permission(context: str) -> None:
    assert contexts.is_local(context)
    contexts.require_remote_allowed(context)


@pytest.mark.parametrize("context", ["", "production", "minikube2", "my-kind-kind", "gke_project_europe-west1_shared"])
def test_any_other_context_is_remote(context: str) -> None:
    assert not contexts.is_local(context)


@pytest.mark.parametrize("allowed", [None, "", "1", "production-2", "PRODUCTION"])
def test_the_first_deployment_to_a_remote_context_needs_a_variable_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str | None
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\n# A cluster without namespaces of this project.\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if allowed is not None:
        monkeypatch.setenv("ALLOW_REMOTE", allowed)
    with pytest.raises(Problem, match="set ALLOW_REMOTE=production for the first deployment"):
        contexts.require_remote_allowed("production")
    monkeypatch.setenv("ALLOW_REMOTE", "production")
    contexts.require_remote_allowed("production")

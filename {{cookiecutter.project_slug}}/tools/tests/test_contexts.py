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
def test_the_folder_of_an_overlay_is_one_that_every_system_allows_and_that_names_its_context(
    context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "OVERLAYS", tmp_path)
    folder = contexts.overlay_folder(context)
    assert folder.parent == tmp_path
    assert not set("/:@") & set(folder.name)
    folder.mkdir()
    (folder / "kustomization.yaml").touch()
    assert contexts.allowed_contexts() == [context]


@pytest.mark.parametrize("context", ["docker-desktop", "minikube", "kind-kind", "k3d-shop", "colima", "colima-amd"])
def test_a_local_cluster_needs_no_permission(context: str) -> None:
    assert contexts.is_local(context)
    contexts.require_remote_allowed(context)


@pytest.mark.parametrize("context", ["", "production", "minikube2", "my-kind-kind", "gke_project_europe-west1_shared"])
def test_any_other_context_is_remote(context: str) -> None:
    assert not contexts.is_local(context)


@pytest.mark.parametrize(
    ("context", "server", "is_here"),
    [
        ("docker-desktop", "https://kubernetes.docker.internal:6443", True),
        ("docker-desktop", "https://127.0.0.1:6443", True),
        ("kind-shop", "https://[::1]:38211", True),
        ("k3d-shop", "https://0.0.0.0:38211", True),
        ("minikube", "https://192.168.49.2:8443", True),
        ("minikube", "https://192.168.49.254:8443", True),
        ("minikube", "https://127.0.0.1:32771", True),
        ("minikube", "", True),
        ("minikube", "https://192.168.1.20:8443", False),
        ("minikube", "https://production.example.com", False),
        ("docker-desktop", "https://192.168.49.2:8443", False),
        ("kind-shop", "https://127.0.0.1.example.com", False),
        ("colima", "https://10.20.30.40:6443", False),
    ],
)
def test_a_context_with_the_name_of_a_local_cluster_has_its_server_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: str, server: str, is_here: bool
) -> None:
    stand_in(tmp_path, "kubectl", f"printf '{server}'")
    profile = '{"valid": [{"Name": "minikube", "Config": {"Nodes": [{"IP": "192.168.49.2"}]}}]}'
    stand_in(tmp_path, "minikube", f"echo '{profile}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("ALLOW_REMOTE", raising=False)
    if not is_here:
        with pytest.raises(Problem, match=rf"has the name of a cluster on this machine, .* ALLOW_REMOTE={context} if"):
            contexts.require_server_here(context)
        monkeypatch.setenv("ALLOW_REMOTE", context)
    contexts.require_server_here(context)


def test_a_server_that_cannot_be_read_does_not_count_as_one_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, "kubectl", "echo 'error: the kubeconfig is broken' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(Problem, match="The server of context minikube cannot be read: error: the kubeconfig is broken"):
        contexts.require_server_here("minikube")


NAMESPACE_COMMANDS = """\
case "$*" in
    *' apply '*) echo "$@" >> FOLDER/applied; echo 'Error: forbidden' >&2; exit ${FORBIDDEN:-0} ;;
    *'get namespace '*) printf "$DEPLOYED" ;;
esac
"""


def test_a_namespace_gets_what_the_overlay_adds_unless_the_account_may_not_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(tmp_path, "kubectl", NAMESPACE_COMMANDS.replace("FOLDER", str(tmp_path)))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DEPLOYED", contexts.NAMESPACE)
    contexts.update_namespace("minikube")
    assert contexts.SETUP in (tmp_path / "applied").read_text()
    assert not capsys.readouterr().out
    monkeypatch.setenv("FORBIDDEN", "1")
    contexts.update_namespace("minikube")
    assert "was not updated: Error: forbidden" in capsys.readouterr().out
    monkeypatch.setenv("DEPLOYED", "")
    with pytest.raises(Problem, match="cannot be created: Error: forbidden"):
        contexts.update_namespace("minikube")


def test_a_space_at_the_end_belongs_to_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "kubectl", "echo 'minikube '")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert contexts.current_context() == "minikube "


def stand_in(folder: Path, name: str, script: str) -> None:
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


@pytest.mark.parametrize("allowed", [None, "", "1", "production-2", "PRODUCTION"])
def test_the_first_deployment_to_a_remote_context_needs_a_variable_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str | None
) -> None:
    stand_in(tmp_path, "kubectl", "# A cluster without namespaces of this project.")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if allowed is not None:
        monkeypatch.setenv("ALLOW_REMOTE", allowed)
    with pytest.raises(Problem, match="set ALLOW_REMOTE=production for the first deployment"):
        contexts.require_remote_allowed("production")
    monkeypatch.setenv("ALLOW_REMOTE", "production")
    contexts.require_remote_allowed("production")

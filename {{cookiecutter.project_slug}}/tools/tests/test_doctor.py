"""How images get to the nodes, and what is missing for it, on clusters and with tools that stand-ins imitate."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.problem import Problem
from tools.setup import doctor
from tools.setup.images import build_and_load, load

Command = Callable[[str, str], None]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A function from a name and the lines of a shell script to a command in PATH, which has no others of these."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")

    def command(name: str, script: str) -> None:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    command("docker", "echo driver-type: io.containerd.snapshotter.v1")
    return command


def nodes(command: Command, runtime: str) -> None:
    command("kubectl", f"echo {runtime}://2.1")


def test_docker_desktop_in_kind_mode_needs_the_containerd_image_store(command: Command) -> None:
    nodes(command, "containerd")
    assert (
        doctor.images("docker-desktop")
        == "images are built with the Docker that the nodes use, container runtime containerd"
    )
    command("docker", "echo Storage Driver: overlay2")
    with pytest.raises(Problem, match="switch on 'Use containerd for pulling and storing images'"):
        doctor.images("docker-desktop")
    nodes(command, "docker")
    assert (
        doctor.images("docker-desktop")
        == "images are built with the Docker that the nodes use, container runtime docker"
    )


def test_a_minikube_that_cannot_lend_its_docker_is_reported_with_its_reason(command: Command) -> None:
    nodes(command, "docker")
    command("minikube", "echo 'The docker-env command is incompatible with multi-node clusters.' >&2; exit 89")
    with pytest.raises(Problem, match=r"incompatible with multi-node clusters.*minikube node delete"):
        doctor.images("minikube")
    command("minikube", "echo DOCKER_HOST=tcp://192.168.49.2:2376")
    assert doctor.images("minikube") == "images are built with the Docker that the nodes use, container runtime docker"


@pytest.mark.parametrize(("context", "tool"), [("minikube", "minikube"), ("kind-shop", "kind"), ("k3d-shop", "k3d")])
def test_the_command_that_loads_images_has_to_be_there(command: Command, context: str, tool: str) -> None:
    nodes(command, "containerd")
    with pytest.raises(Problem, match=f"{tool} is missing: install it"):
        doctor.images(context)
    command(tool, "exit 0")
    assert f"loaded by {tool}" in doctor.images(context)


@pytest.mark.parametrize(
    ("context", "tool", "words"),
    [
        ("minikube", "minikube", "--profile minikube image load shop:1"),
        ("kind-shop", "kind", "load docker-image shop:1 --name shop"),
        ("k3d-shop", "k3d", "image import shop:1 --cluster shop"),
    ],
)
def test_an_image_is_loaded_by_the_command_of_its_cluster(
    command: Command, tmp_path: Path, context: str, tool: str, words: str
) -> None:
    nodes(command, "containerd")
    command(tool, f'echo "$@" > {tmp_path}/words')
    load(context, "shop:1")
    assert (tmp_path / "words").read_text().strip() == words
    command(tool, "echo 'no such cluster' >&2; exit 1")
    with pytest.raises(Problem, match=rf"shop:1 could not be loaded into {context}: no such cluster"):
        load(context, "shop:1")


def test_an_image_that_the_node_has_is_not_loaded_again(command: Command, tmp_path: Path) -> None:
    nodes(command, "containerd")
    command("docker", "echo sha256:5f0c")
    loaded, reference = tmp_path / "loaded", tmp_path / ".tilt/shop"
    loaded.touch()
    command("minikube", f'[ "$4" = load ] && echo "$5" >> {loaded} || cat {loaded}')
    for _ in range(2):
        build_and_load("minikube", "shop", str(reference), "server", files="")
    assert loaded.read_text() == "shop:5f0c\n"
    assert reference.read_text() == "shop:5f0c"


def test_nodes_that_cannot_see_the_images_of_docker_need_a_registry(command: Command) -> None:
    nodes(command, "containerd")
    with pytest.raises(Problem, match=r"context colima run on containerd.*make overlay CONTEXT=\.\.\. REGISTRY="):
        doctor.images("colima")
    nodes(command, "docker")
    assert "built with the Docker that the nodes use" in doctor.images("colima")


def test_without_a_docker_nothing_is_built(command: Command) -> None:
    nodes(command, "containerd")
    command("docker", "exit 1")
    with pytest.raises(Problem, match="Docker does not answer: start it"):
        doctor.images("kind-shop")


def test_a_cluster_that_is_gone_can_be_removed_from_the_list(command: Command) -> None:
    command("kubectl", "exit 1")
    with pytest.raises(Problem, match=r"remove k8s/overlays/kind-shop if the cluster is gone"):
        doctor.cluster("kind-shop")
    with pytest.raises(Problem, match=r"does not answer: run minikube start"):
        doctor.cluster("minikube")


def test_the_port_of_the_server_may_be_taken_where_the_base_leaves_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "kustomization.yaml"
    base.write_text("resources:\n  - namespace.yaml\n  - server\n  - locust\n")
    monkeypatch.setattr(doctor, "BASE", base)
    required: list[list[int]] = []
    monkeypatch.setattr(doctor, "require_free", required.append)
    doctor.ports("minikube")
    base.write_text(base.read_text().replace("  - server\n", ""))
    doctor.ports("minikube")
    assert required == [[8000, 8089], [8089]]

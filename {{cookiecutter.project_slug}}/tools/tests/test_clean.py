"""What `make clean` deletes and what it leaves, in a cluster that a stand-in imitates."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tools.problem import Problem
from tools.setup import clean
from tools.setup.contexts import NAMESPACE

OURS = {"app.kubernetes.io/part-of": NAMESPACE}

KUBECTL = """\
case "$*" in
    *'config view'*) echo https://127.0.0.1:6443 ;;
    *'get namespace '*) printf NAMESPACE ;;
    *api-resources*) echo configmaps events secrets deployments.apps
        test -z "$LISTED" || { echo 'metrics.k8s.io/v1beta1: no endpoints' >&2; exit 1; } ;;
    *'get configmaps,deployments.apps,secrets '*) cat FOLDER/objects ;;
    *'get priorityclasses '*) echo priorityclass/swarm ;;
    *' wait --for=delete pods '*) echo "$@" >> FOLDER/waited ;;
    *' delete '*) echo "$@" >> FOLDER/deleted; rm -f FOLDER/objects; cp FOLDER/left FOLDER/objects ;;
esac
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cluster: `objects` that it has, those that are `left` after the first deletion, what was `deleted`."""
    kubectl = tmp_path / "kubectl"
    script = KUBECTL.replace("FOLDER", str(tmp_path)).replace("NAMESPACE", NAMESPACE)
    kubectl.write_text(f"#!/bin/sh\n{script}")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def item(kind: str, name: str, version: str = "v1", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}


AUTOMATIC = [item("ConfigMap", "kube-root-ca.crt"), item("ServiceAccount", "default")]
OWNED = item("ReplicaSet", "server-1", "apps/v1", ownerReferences=[{}], labels=OURS)
PROJECT = [item("Deployment", "server", "apps/v1", labels=OURS), OWNED, item("Secret", "locust-env")]
POLICY = item(
    "NetworkPolicy", "locust", "networking.k8s.io/v1", labels={**OURS, "app.kubernetes.io/component": "setup"}
)
THEIRS = [item("ConfigMap", "theirs", labels={"app.kubernetes.io/part-of": "shop"})]


def write(cluster: Path, before: list[dict[str, Any]], left: list[dict[str, Any]]) -> None:
    (cluster / "objects").write_text(json.dumps({"items": before}))
    (cluster / "left").write_text(json.dumps({"items": left}))


def deleted(cluster: Path) -> list[str]:
    lines = (cluster / "deleted").read_text().splitlines()
    return [line.partition(" delete ")[2].partition(" --timeout")[0] for line in lines]


OBJECTS = f"--namespace {NAMESPACE} --cascade=foreground Deployment.v1.apps/server Secret/locust-env"


def test_the_objects_of_the_project_are_deleted_and_then_the_namespace(cluster: Path) -> None:
    write(cluster, before=[*AUTOMATIC, *PROJECT], left=AUTOMATIC)
    clean.main("docker-desktop")
    assert deleted(cluster) == [OBJECTS, f"namespace/{NAMESPACE}", "priorityclass/swarm"]
    assert f"--selector=app.kubernetes.io/part-of={NAMESPACE} --timeout=120s" in (cluster / "waited").read_text()


def test_the_namespace_stays_while_something_else_is_in_it(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(cluster, before=[*AUTOMATIC, *PROJECT, *THEIRS], left=[*AUTOMATIC, *THEIRS])
    clean.main("docker-desktop")
    assert deleted(cluster) == [OBJECTS, "priorityclass/swarm"]
    left = "because it also contains ConfigMap/theirs"
    assert f"Namespace {NAMESPACE} of context docker-desktop was kept, {left}" in capsys.readouterr().out


def test_what_came_with_the_namespace_goes_with_it(cluster: Path) -> None:
    write(cluster, before=[*AUTOMATIC, POLICY], left=AUTOMATIC)
    assert clean.delete_namespace("docker-desktop")
    assert deleted(cluster) == [f"namespace/{NAMESPACE}"]


def test_a_namespace_with_objects_of_another_deployment_stays(cluster: Path) -> None:
    write(cluster, before=[*AUTOMATIC, POLICY, *PROJECT], left=[])
    assert not clean.delete_namespace("docker-desktop")
    assert not (cluster / "deleted").exists()


def test_a_namespace_that_cannot_be_listed_as_a_whole_stays_without_the_objects_of_the_project(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cluster, before=[*AUTOMATIC, *PROJECT], left=AUTOMATIC)
    monkeypatch.setenv("LISTED", "1")
    with pytest.raises(Problem, match=r"was kept, because it cannot be listed: metrics\.k8s\.io/v1beta1: no endpoints"):
        clean.main("docker-desktop")
    assert deleted(cluster) == [OBJECTS]

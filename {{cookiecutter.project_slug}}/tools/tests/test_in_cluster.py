"""A run in the cluster, for which a program named kubectl stands in."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tools.problem import Problem
from tools.runs import in_cluster, report_folders
from tools.runs.settings import RunSettings
from tools.setup import clean

MASTER = """{"metadata": {"name": "master-1"}, "status": {"containerStatuses": [{"state": {"STATE": {}}}]}}"""
RUNNING, TERMINATED = (MASTER.replace("STATE", state) for state in ("running", "terminated"))

KUBECTL = """\
#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >> asked
case "$*" in
*" get pods "*) echo "{\\"items\\": [$(cat started)] }" ;;
*" get pod "*)
    number=$(grep -c ' get pod ' asked)
    cat "state$number" || { echo 'The connection to the server was refused' >&2; exit 1; } ;;
*" logs "*) echo "output of Locust" ;;
*" tar cf "*) cat reports ;;
*" delete "*) test ! -e is_away ;;
esac
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a kubectl that answers `get pod` with the numbered files `state`, one after the other.

    Without such a file the cluster does not answer. An archive `reports` is what can be collected.
    """
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL)
    program.chmod(0o755)
    (tmp_path / "started").write_text(RUNNING)
    with tarfile.open(tmp_path / "reports", "w") as archive:
        archive.add(__file__, "verdict.json")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def asked(cluster: Path, word: str) -> list[str]:
    return [line for line in (cluster / "asked").read_text().splitlines() if f" {word} " in line]


def test_a_run_goes_on_while_the_cluster_does_not_answer_for_some_seconds(cluster: Path, folder: Path) -> None:
    (cluster / "state3").write_text(RUNNING)
    (cluster / "state5").write_text(TERMINATED)
    in_cluster.run("minikube", folder, {})
    assert (folder / "verdict.json").exists()
    first, second = asked(cluster, "logs")
    assert "--since" not in first
    # What Locust printed in the meantime is shown, too.
    assert int(second.partition("--since=")[2].removesuffix("s")) >= 2
    assert len(asked(cluster, "delete")) == 1


@pytest.mark.usefixtures("cluster")
def test_a_run_whose_state_stays_unknown_is_collected_before_it_is_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(in_cluster, "RECONNECT_TIMEOUT", 0)
    in_cluster.run("minikube", folder, {})
    assert (folder / "verdict.json").exists()
    assert "kubectl get failed in context minikube: The connection to the server was refused" in capsys.readouterr().out


def test_a_failed_deletion_does_not_hide_how_the_run_ended(
    cluster: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cluster / "state1").write_text(TERMINATED)
    (cluster / "is_away").touch()
    (cluster / "reports").unlink()
    with pytest.raises(Problem, match="The reports of pod master-1 did not arrive in full"):
        in_cluster.run("minikube", folder, {})
    assert "What is left of the run can be deleted with kubectl --context minikube" in capsys.readouterr().out


@pytest.mark.usefixtures("cluster")
def test_a_namespace_that_cannot_be_deleted_does_not_hide_how_the_run_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: str) -> bool:
        raise Problem("Deleting in context minikube failed: metrics.k8s.io does not answer")

    monkeypatch.setattr(clean, "delete_namespace", fail)
    monkeypatch.setattr(in_cluster, "update_namespace", lambda _: None)
    monkeypatch.setattr(
        in_cluster, "kubectl", lambda *_, **__: subprocess.CompletedProcess([], returncode=1, stdout="", stderr="")
    )
    with in_cluster.project_namespace("minikube"):
        pass
    printed = capsys.readouterr().out
    assert "metrics.k8s.io does not answer. Delete what is left with make clean CONTEXT=minikube" in printed


def test_a_master_that_was_deleted_is_not_waited_for(cluster: Path, folder: Path) -> None:
    program = cluster / "kubectl"
    program.write_text(program.read_text().replace("The connection", "Error from server (NotFound): the connection"))
    in_cluster.run("minikube", folder, {})
    assert len(asked(cluster, "pod")) == 1


def test_nothing_is_created_in_a_cluster_without_a_folder_for_the_reports(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_folders, "REPORTS", cluster / "asked")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(in_cluster, "rendered", lambda _: [])
    monkeypatch.setattr(in_cluster, "require_idle_project", lambda _: None)
    monkeypatch.setenv("IMAGE", f"registry/image@sha256:{'0' * 64}")
    (cluster / "asked").touch()
    with (
        pytest.raises(Problem, match="asked is not a folder: move it away"),
        in_cluster.prepared("minikube", RunSettings({}, None)),
    ):
        pass
    assert not asked(cluster, "create")
    assert not asked(cluster, "apply")

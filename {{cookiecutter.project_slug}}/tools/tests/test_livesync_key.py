"""The key of live sync: created once, and never shown."""

import base64
import json
import os
from pathlib import Path

import pytest

from tools.problem import Problem
from tools.setup import livesync_key

KUBECTL = """#!/bin/sh
# A cluster whose objects are the files beside it.
for last; do :; done
cd "$(dirname "$0")" || exit
echo "$@" >> calls
case "$*" in
*"get secret"*) test -e secret ;;
*" create "*) if test -e broken; then echo "Error: forbidden" >&2; exit 1; fi; cp "$last" secret ;;
*deletionTimestamp*) if test -e terminating; then cat terminating; fi ;;
*" wait "*) rm terminating ;;
esac
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty cluster."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_a_key_is_created_once_with_its_namespace_and_is_in_no_command(cluster: Path) -> None:
    livesync_key.ensure("minikube")
    first = (cluster / "secret").read_text()
    key = json.loads(first)["data"]["LIVESYNC_KEY"]
    assert len(base64.b64decode(key)) == 64
    calls = (cluster / "calls").read_text()
    assert " apply --kustomize " in calls
    assert key not in calls
    livesync_key.ensure("minikube")
    assert (cluster / "secret").read_text() == first
    assert (cluster / "calls").read_text().count(" create ") == 1


def test_a_namespace_that_is_being_deleted_is_waited_for(cluster: Path) -> None:
    (cluster / "terminating").write_text("2026-01-01T00:00:00Z")
    livesync_key.ensure("minikube")
    assert not (cluster / "terminating").exists()
    assert (cluster / "secret").exists()


def test_a_key_that_cannot_be_created_is_reported(cluster: Path) -> None:
    (cluster / "broken").touch()
    with pytest.raises(Problem, match="Secret locust-livesync cannot be created in context minikube: Error: forbidden"):
        livesync_key.ensure("minikube")

"""The key of live sync: created once, and never shown."""

import json
import os
from pathlib import Path

import pytest

from tools.problem import Problem
from tools.setup import livesync_key

KUBECTL = """#!/bin/sh
# A cluster whose objects are the files beside it.
cd "$(dirname "$0")" || exit
echo "$@" >> calls
case "$*" in
*"get secret"*) test -e secret ;;
*" create "*) if test -e broken; then echo "Error: forbidden" >&2; exit 1; fi; cat > secret ;;
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
    key = json.loads(first)["stringData"]["LIVESYNC_KEY"]
    assert len(key) == 64
    calls = (cluster / "calls").read_text()
    assert " apply --kustomize " in calls
    assert key not in calls
    livesync_key.ensure("minikube")
    assert (cluster / "secret").read_text() == first
    assert (cluster / "calls").read_text().count(" create ") == 1


def test_a_key_that_cannot_be_created_is_reported(cluster: Path) -> None:
    (cluster / "broken").touch()
    with pytest.raises(Problem, match="Secret locust-livesync cannot be created in context minikube: Error: forbidden"):
        livesync_key.ensure("minikube")

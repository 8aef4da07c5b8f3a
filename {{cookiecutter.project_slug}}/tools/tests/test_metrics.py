"""What people are told whose cluster does not measure CPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

METRICS = Path(__file__).parents[1] / "metrics.py"


@pytest.mark.parametrize(
    ("context", "command"),
    [
        ("minikube", "minikube addons enable metrics-server"),
        ("docker-desktop", "--kubelet-insecure-tls"),
        ("kind-kind", "install it"),
    ],
)
def test_a_cluster_without_metrics_is_named_the_command_that_brings_them(
    tmp_path: Path, context: str, command: str
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho False\n")
    kubectl.chmod(0o755)
    run = subprocess.run(
        [sys.executable, METRICS, context],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert command in run.stdout
    assert "all else works" in run.stdout

"""A cluster without metrics-server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("context", "command"),
    [
        ("minikube", "minikube addons enable metrics-server"),
        ("docker-desktop", "--kubelet-insecure-tls"),
        ("kind-kind", "install it as"),
    ],
)
def test_without_metrics_server_the_message_has_the_command_that_installs_it(
    tmp_path: Path, context: str, command: str
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho False\n")
    kubectl.chmod(0o755)
    run = subprocess.run(
        [sys.executable, "-m", "tools", "metrics", context],
        cwd=PROJECT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert command in run.stdout
    assert "metrics-server does not answer" in run.stdout

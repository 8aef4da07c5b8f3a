"""A fresh project passes its own checks and tests, untouched."""

import subprocess
from pathlib import Path

import pytest


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_fresh_project_passes_its_own(workshop: Path, command: str) -> None:
    run = subprocess.run(
        ["make", command],
        cwd=workshop,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout
    assert "warning" not in run.stdout.lower(), run.stdout

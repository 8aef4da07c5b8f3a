"""A fresh project passes its own checks and tests, untouched."""

from pathlib import Path

import pytest

from tests.support.commands import run


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_fresh_project_passes_its_own(workshop: Path, command: str) -> None:
    made = run("make", command, cwd=workshop, seconds=600)
    assert made.returncode == 0, made.stdout
    assert "warning" not in made.stdout.lower(), made.stdout

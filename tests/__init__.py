"""Tests of the template. Those of live sync use the swarm that a generated project brings for its own tests."""

import sys
from pathlib import Path

LOADTEST = Path(__file__).parents[1] / "{{cookiecutter.project_slug}}" / "loadtest"

# So that `support` and `livesync` are those of the project.
sys.path[:0] = [str(LOADTEST / "tests"), str(LOADTEST)]

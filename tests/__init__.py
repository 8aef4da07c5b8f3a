"""Tests of the template. Those of live sync use the swarm that a generated project brings for its own tests."""

import os
import sys
from pathlib import Path

# Compiled code beside the template's files would be part of every bake.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

# The folder .hypothesis would be another one to leave out of copies of the template.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(__file__).parents[1] / ".pytest_cache/hypothesis")

LOADTEST = Path(__file__).parents[1] / "{{cookiecutter.project_slug}}" / "loadtest"

# So that `support` and `livesync` are those of the project.
sys.path[:0] = [str(LOADTEST / "tests"), str(LOADTEST)]

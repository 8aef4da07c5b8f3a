"""Fixtures: bakes of the template, as paths."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import baking
from tests.support.baking import TEMPLATE
from tests.support.browser import page
from tests.support.commands import run

__all__ = ["page"]

# Whatever its time says, the .venv that runs the tests is not made anew.
INSTALLED = ["--old-file", ".venv/.installed"]
# The one of requirements.txt, whatever else this machine has.
KUBECTL = Path(sys.executable).with_name("kubectl")


@pytest.fixture(scope="session")
def template() -> Path:
    """The root of the template repository."""
    return TEMPLATE


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function from answers to the path of a new project.

    It raises FailedHookException when the answers are refused.
    """

    def bake(**answers: str) -> Path:
        return baking.bake(tmp_path_factory.mktemp("bake"), **answers)

    return bake


@pytest.fixture(scope="session")
def project(bake: Callable[..., Path]) -> Path:
    """The default project as it was baked: read it, change nothing."""
    return bake()


@pytest.fixture(params=["template", "project"])
def root(request: pytest.FixtureRequest) -> Path:
    """The root of either repository."""
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template repository, in which `make demo` has baked the project."""
    path = tmp_path_factory.mktemp("clone") / "locust-k8s"
    baking.copy_template(path)
    (path / ".venv").symlink_to(sys.prefix)
    made = run("make", *INSTALLED, "build/load-lab", cwd=path)
    assert made.returncode == 0, made.stdout
    return path


@pytest.fixture(scope="session")
def workshop(clone: Path) -> Path:
    """The project in the clone, with its own .venv: leave its files as they were."""
    project = clone / "build/load-lab"
    made = run("make", ".venv/.installed", cwd=project, seconds=600)
    assert made.returncode == 0, made.stdout
    return project


@pytest.fixture(scope="session")
def render() -> Callable[[Path], list[dict[str, Any]]]:
    """A function from a folder with a kustomization.yaml to the objects it makes."""

    def render(folder: Path) -> list[dict[str, Any]]:
        command = [str(KUBECTL), "kustomize", str(folder)]
        output = subprocess.run(command, check=True, capture_output=True).stdout
        return list(yaml.safe_load_all(output))

    return render

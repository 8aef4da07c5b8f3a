"""Fixtures for all tests: bakes of the template, as paths."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cookiecutter.main import cookiecutter

# So that a `make` started by a test behaves as in a terminal of its own.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV"):
    os.environ.pop(name, None)

TEMPLATE = Path(__file__).parents[1]
# Whatever its time says, the .venv that runs the tests is not made anew.
INSTALLED = ["--old-file", ".venv/.installed"]
# The one of requirements.txt, whatever else this machine has.
KUBECTL = Path(sys.executable).with_name("kubectl")


LONGEST = ["test_clone.py", "test_oracle.py", "test_swarm.py", "test_edits.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that processes which share the tests end at about the same time."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def template() -> Path:
    """The root of the template repository."""
    return TEMPLATE


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function from answers to the path of a new project.

    It raises FailedHookException when the answers are refused.
    """
    # Without a configuration of its own, cookiecutter reads the home directory.
    config = tmp_path_factory.mktemp("config") / "config.yaml"
    config.write_text(f"replay_dir: {config.parent}\n")

    def bake(**answers: str) -> Path:
        return Path(
            cookiecutter(
                str(TEMPLATE),
                no_input=True,
                extra_context=answers,
                output_dir=str(tmp_path_factory.mktemp("bake")),
                config_file=str(config),
            )
        )

    return bake


@pytest.fixture(scope="session")
def project(bake: Callable[..., Path]) -> Path:
    """The default project as it was baked: read it, change nothing."""
    return bake()


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template repository in which `make demo` has baked and installed."""
    path = tmp_path_factory.mktemp("clone") / "locust-k8s"
    not_in_git = shutil.ignore_patterns(".git", ".venv", "build", "*_cache", "__pycache__")
    shutil.copytree(TEMPLATE, path, ignore=not_in_git)
    (path / ".venv").symlink_to(sys.prefix)
    subprocess.run(["make", *INSTALLED, "build/load-lab"], cwd=path, check=True)
    subprocess.run(["make", ".venv/.installed"], cwd=path / "build/load-lab", check=True)
    return path


@pytest.fixture(scope="session")
def workshop(clone: Path) -> Path:
    """The project in the clone, with its own .venv: leave its files as they were."""
    return clone / "build/load-lab"


@pytest.fixture(scope="session")
def render() -> Callable[[Path], list[dict[str, Any]]]:
    """A function from a folder with a kustomization.yaml to the objects it makes."""

    def render(folder: Path) -> list[dict[str, Any]]:
        command = [str(KUBECTL), "kustomize", str(folder)]
        output = subprocess.run(command, check=True, capture_output=True).stdout
        return list(yaml.safe_load_all(output))

    return render

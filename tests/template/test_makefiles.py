"""What the Makefiles of both repositories install, and from where."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.commands import run

INDEX = {"INDEX_URL": "https://index", "EXTRA_INDEX_URL": "https://extra", "TRUSTED_HOST": "index"}
NAMES_OF_UV = {"TRUSTED_HOST": "INSECURE_HOST"}


def test_the_package_index_of_pip_is_that_of_uv(root: Path, tmp_path: Path) -> None:
    print_environment = tmp_path / "print.mk"
    print_environment.write_text("print:\n\t@env\n")
    of_pip = {f"PIP_{name}": value for name, value in INDEX.items()}
    of_uv = {f"UV_{NAMES_OF_UV.get(name, name)}": value for name, value in INDEX.items()}
    # A make that runs this one, such as that of the tests, may have exported empty values.
    environment = os.environ | of_pip | dict.fromkeys(of_uv, "")
    made = run("make", "-f", "Makefile", "-f", str(print_environment), "print", cwd=root, environment=environment)
    expected = {f"{name}={value}" for name, value in of_uv.items()}
    assert {line for line in made.stdout.splitlines() if line.startswith("UV_")} >= expected


def test_a_pulse_installs_what_a_headless_run_needs_and_what_draws_its_chart(bake: Callable[..., Path]) -> None:
    project = bake()
    installed = {target: installations(project, target) for target in ("headless", "pulse")}
    assert len(installed["headless"]) == 1
    assert installed["pulse"][:-1] == installed["headless"]
    assert re.fullmatch(r"--constraint \S+ matplotlib", installed["pulse"][-1])
    # Where all tools are installed already, nothing else is.
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").symlink_to(sys.executable)
    (project / ".venv/.installed").touch()
    assert [installations(project, target) for target in installed] == [[], []]


def test_a_virtual_environment_whose_python_is_gone_is_made_anew_with_its_packages(root: Path, tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        if (root / name).exists():
            shutil.copy(root / name, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "python-of-an-older-version")
    (tmp_path / ".venv/.installed").touch()
    made = run("make", "--dry-run", "check", cwd=tmp_path).stdout
    assert "-m venv --clear" in made
    assert "pip sync" in made


def installations(project: Path, target: str) -> list[str]:
    """The arguments of each `uv pip install` that `make` would run, but for the interpreter."""
    made = run("make", "--dry-run", "UV=uv", target, cwd=project)
    return re.findall(r"uv pip \w+ --python \S+ (.*)", made.stdout)

"""What the generated project starts outside its virtual environment runs on the oldest Python that systems bring."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

STARTED = re.compile(r"(?:\$\(PYTHON\)|python3)\W+tools/(\w+)\.py")
"""How the Makefile, the Tiltfile and skaffold.yaml start a script with whatever Python there is."""


@pytest.fixture(scope="session")
def old_python() -> str:
    """A Python 3.9, which macOS brings."""
    installed = [
        *filter(None, [shutil.which("python3.9")]),
        *map(str, Path.home().glob(".pyenv/versions/3.9.*/bin/python")),
    ]
    for python in installed:
        # The one in PATH may be a shim for a version that is not installed.
        if subprocess.run([python, "-c", ""], capture_output=True).returncode == 0:
            return python
    pytest.skip("there is no Python 3.9 here")


def test_what_runs_outside_the_virtual_environment_runs_on_python_3_9(project: Path, old_python: str) -> None:
    callers = "".join((project / name).read_text() for name in ("Makefile", "Tiltfile", "skaffold.yaml"))
    names = sorted(set(STARTED.findall(callers)))
    assert {"clean", "compare", "doctor", "images", "metrics", "ports", "preflight"} <= set(names)
    for name in names:
        imported = subprocess.run(
            [old_python, "-B", "-W", "error", "-c", f"import {name}"],
            cwd=project / "tools",
            capture_output=True,
            text=True,
        )
        assert imported.returncode == 0, imported.stderr


def test_two_runs_are_compared_on_python_3_9(project: Path, old_python: str, tmp_path: Path) -> None:
    head = "Type,Name,Request Count,Failure Count,Requests/s,50%,95%,99%\n"
    for run in "AB":
        (tmp_path / run).mkdir()
        (tmp_path / run / "locust_stats.csv").write_text(head + "GET,/hello,100,0,10.0,10,20,40\n")
    command = [old_python, "-B", "tools/compare.py", str(tmp_path / "A"), str(tmp_path / "B")]
    compared = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert compared.returncode == 0, compared.stderr
    assert re.search(r"GET /hello +p95 ms +20 +20 +0 %", compared.stdout)

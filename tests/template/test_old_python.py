"""What the generated project starts outside its virtual environment runs on the oldest Python that systems bring."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

STARTED = re.compile(r"(?:\$\(PYTHON\)|python3)\W+m\W+tools\W+([a-z-]+)")
"""How the Makefile, the Tiltfile, skaffold.yaml and AGENTS.md run a command with whatever Python is installed."""


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
    callers = "".join((project / name).read_text() for name in ("Makefile", "Tiltfile", "skaffold.yaml", "AGENTS.md"))
    commands = set(STARTED.findall(callers))
    assert commands == {
        *(
            "build-image",
            "check-cluster",
            "clean",
            "doctor",
            "image-delivery",
            "images",
            "live",
            "metrics",
            "overlay",
            "preflight",
            "sync-saves",
            "verdict",
        )
    }
    modules = ["live", "runs.report_folders"]
    modules += [f"setup.{path.stem}" for path in (project / "tools/setup").glob("*.py")]
    for module in modules:
        script = f"import tools.{module}, sys; print(*sys.modules)"
        imported = run(project, old_python, "-c", script)
        assert imported.returncode == 0, imported.stderr
        installed = {name.partition(".")[0] for name in imported.stdout.split()} - {"tools", "__main__"}
        assert not {name for name in installed if name in {"locust", "honcho", "matplotlib", "packaging"}}
    for command in commands:
        assert run(project, old_python, "-m", "tools", command, "--help").returncode == 0


def test_a_problem_is_one_sentence_on_python_3_9(project: Path, old_python: str) -> None:
    refused = run(project, old_python, "-m", "tools", "clean", "production")
    assert refused.returncode == 1
    assert refused.stderr.startswith("This project has no overlay for context production")


@pytest.mark.parametrize("command", ["compare", "headless", "headless-local"])
def test_a_command_that_needs_a_newer_python_says_how_to_run_it(project: Path, old_python: str, command: str) -> None:
    refused = run(project, old_python, "-m", "tools", command, *(["a", "b"] if command == "compare" else []))
    assert refused.returncode == 1
    assert refused.stderr.endswith(f": run make {command}\n")
    assert len(refused.stderr.splitlines()) == 1


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    strict = [program, "-B", "-W", "error", *arguments]
    return subprocess.run(strict, cwd=folder, capture_output=True, text=True, timeout=60)

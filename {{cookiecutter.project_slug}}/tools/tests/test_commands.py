"""`python3 -m tools`: its commands, and how a Problem reaches the user."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.__main__ import COMMANDS

PROJECT = Path(__file__).parents[2]


def tools(*words: str, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *options, "-m", "tools", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_command_all_but_the_internal_ones_are_listed() -> None:
    listed = tools()
    assert listed.returncode == 0
    found = {line.split()[0] for line in listed.stdout.splitlines() if line.startswith("    ")}
    internal = {
        *("preflight", "check-cluster", "sync-saves", "copy-saves", "images", "build-image", "image-delivery"),
    }
    assert found & COMMANDS.keys() == COMMANDS.keys() - internal


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_help(command: str) -> None:
    assert COMMANDS[command].summary in tools(command, "--help").stdout


def test_a_problem_is_one_line_without_a_traceback() -> None:
    failed = tools("clean", "production")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("This project has no overlay for context production, so nothing was done: run")
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["local", "pulse"])
def test_a_python_without_the_packages_is_a_problem_with_the_remedy(command: str) -> None:
    # Without site-packages.
    failed = tools(command, options=("-S",))
    assert failed.returncode == 1
    assert failed.stderr.endswith(f": run make {command}\n")
    assert len(failed.stderr.splitlines()) == 1


PRINTS = """
import sys
from tools import __main__ as tools
tools.function_of = lambda name: lambda: print("{}")
sys.exit(tools.main(["verdict"]))
"""


def test_a_reader_that_has_ended_causes_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-c", PRINTS]
        printed = subprocess.run(command, cwd=PROJECT, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    finally:
        os.close(writer)
    assert (printed.returncode, printed.stderr) == (1, b"")


def test_ctrl_c_before_a_command_runs_prints_no_traceback(tmp_path: Path) -> None:
    # The first module that the commands import; it stands for a slow start.
    (tmp_path / "argparse.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    interrupted = subprocess.run(
        [sys.executable, "-m", "tools"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        # Tests that run in the background ignore Ctrl-C, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert interrupted.returncode == -signal.SIGINT
    assert not interrupted.stderr

"""`python3 -m tools`: its commands, and how a Problem reaches the user."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.__main__ import COMMANDS

PROJECT = Path(__file__).parents[2]


def tools(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tools", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_command_all_are_listed() -> None:
    listed = tools()
    assert listed.returncode == 0
    assert set(COMMANDS) <= {line.split()[0] for line in listed.stdout.splitlines() if line.startswith("    ")}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_help(command: str) -> None:
    assert COMMANDS[command].summary in tools(command, "--help").stdout


def test_a_problem_is_one_line_without_a_traceback() -> None:
    failed = tools("clean", "production")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("This project has no overlay for context production, so nothing was done: run")
    assert len(failed.stderr.splitlines()) == 1

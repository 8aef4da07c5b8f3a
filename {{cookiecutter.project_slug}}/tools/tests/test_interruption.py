"""Commands end when they are interrupted, and leave no process behind."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tools.runs import on_this_machine

WAITING = """
import time
from tools.interruption import interrupt_on_signals

interrupt_on_signals()
try:
    print("ready", flush=True)
    time.sleep(30)
except KeyboardInterrupt:
    print("to a terminal that may be gone", flush=True)
    raise SystemExit(7)
"""


def started(on_hangup: signal.Handlers) -> "subprocess.Popen[bytes]":
    """A command that waits, with what its parent has set for SIGHUP."""
    folder = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        cwd=folder,
        stdout=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGHUP, on_hangup),  # noqa: PLW1509 - this test has no threads
    )
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_interrupts_a_command(signum: int) -> None:
    with started(signal.SIG_DFL) as process:
        process.send_signal(signum)
        assert process.wait(10) == 7


def test_nohup_keeps_a_command_running_after_its_terminal() -> None:
    with started(signal.SIG_IGN) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 7
        assert process.stdout
        assert process.stdout.read() == b"to a terminal that may be gone\n"


def test_a_process_that_does_not_react_to_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_this_machine, "PROJECT", tmp_path)
    monkeypatch.setattr(on_this_machine, "STOP_TIMEOUT", 0.2)
    (tmp_path / "loadtest").mkdir()
    (tmp_path / "loadtest/busy.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(30)\n"
    )
    with on_this_machine.running("loadtest", "busy", stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)

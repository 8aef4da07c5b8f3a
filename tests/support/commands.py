"""Commands: those that run to their end, and one that runs until Ctrl-C."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# So that a `make` that a test starts behaves as in a terminal of its own.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV"):
    os.environ.pop(name, None)


def run(
    *command: str | Path, cwd: Path | None = None, seconds: float = 60, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command without input, whatever its exit code; output and errors come together."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


@contextmanager
def running(*command: str, cwd: Path, log: Path, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs beside the block, with its output in `log`; Ctrl-C ends it, unless it has ended."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, stdin=stdin, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            interrupt(process)


def interrupt(process: subprocess.Popen[bytes]) -> int:
    """Press Ctrl-C in its terminal, and return its exit code. One that goes on for a minute is killed."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise

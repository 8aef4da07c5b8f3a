"""Commands that run to their end."""

import os
import subprocess
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

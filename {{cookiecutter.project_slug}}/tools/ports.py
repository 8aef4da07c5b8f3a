"""Tell which of the given ports of this machine are taken, and by what: `python3 tools/ports.py 8000 8089`."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    name: str
    pid: int


# Commands that know what listens on a port, and how each of them says it; which of them exists depends on the system.
FINDERS = [
    ("ss -Hltnp sport = :{}", re.compile(r'\(\("(?P<name>[^"]+)",pid=(?P<pid>\d+)')),
    ("lsof -nP -iTCP:{} -sTCP:LISTEN -Fpc", re.compile(r"p(?P<pid>\d+)\nc(?P<name>.+)")),
]
# They forward ports themselves, so what they hold is no obstacle to a check that they start.
TOOLS = {"tilt", "skaffold"}


def problems(ports: list[int]) -> list[str]:
    """One sentence for each port that is taken by something else than the Tilt or Skaffold that calls."""
    return [
        f"Port {port} is taken by {description(holder)}: stop that first."
        for port, holder in ((port, listener(port)) for port in ports if is_taken(port))
        if holder is None or not belongs_to_caller(holder)
    ]


def is_taken(port: int) -> bool:
    """Whether something on this machine answers at the port, in either family of addresses."""
    return any(answers(address, port) for address in ("127.0.0.1", "::1"))


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError as error:
        return isinstance(error, TimeoutError)
    return True


def listener(port: int) -> Process | None:
    """The process that listens on the port, unless it is another user's or no command here can tell."""
    for command, pattern in FINDERS:
        if found := pattern.search(output_of(command.format(port).split())):
            return Process(found["name"], int(found["pid"]))
    return None


def description(holder: Process | None) -> str:
    return f"{holder.name} (process {holder.pid})" if holder else "another program"


def belongs_to_caller(holder: Process) -> bool:
    """Whether Tilt or Skaffold started this check and holds the port, itself or through a child."""
    parents, names = process_table()
    caller = os.getpid()
    while caller and names.get(caller) not in TOOLS:
        caller = parents.get(caller, 0)
    return bool(caller) and caller in {holder.pid, parents.get(holder.pid)}


def process_table() -> tuple[dict[int, int], dict[int, str]]:
    """The parent and the name of every process."""
    rows = [line.split(maxsplit=2) for line in output_of(["ps", "-A", "-o", "pid=,ppid=,comm="]).splitlines()]
    return {int(pid): int(parent) for pid, parent, _ in rows}, {int(pid): Path(name).name for pid, _, name in rows}


def output_of(command: list[str]) -> str:
    """What a command prints; nothing where it does not exist."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""


if __name__ == "__main__":
    sys.exit("\n".join(problems([int(port) for port in sys.argv[1:]])) or 0)

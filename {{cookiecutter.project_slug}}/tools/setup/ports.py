"""Checks that ports of this machine are free, and names the process that uses one."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

from ..problem import Problem


class Process(NamedTuple):
    name: str
    pid: int


# Commands that name the process which listens on a port, and the pattern of their output. Linux has ss, macOS lsof.
FINDERS = [
    ("ss -Hltnp sport = :{}", re.compile(r'\(\("(?P<name>[^"]+)",pid=(?P<pid>\d+)')),
    ("lsof -nP -iTCP:{} -sTCP:LISTEN -Fpc", re.compile(r"p(?P<pid>\d+)\nc(?P<name>.+)")),
]
# A check that Tilt or Skaffold starts ignores the ports that they forward themselves.
TOOLS = ("tilt", "skaffold")
"""Beginnings of their names: a download is named for its platform, such as skaffold-linux-amd64."""


def require_free(ports: list[int]) -> None:
    """Raise Problem if a port is in use, unless by the Tilt or Skaffold that runs this process."""
    taken = [
        f"Port {port} is taken by {description(holder)}: stop it first."
        for port, holder in ((port, listener(port)) for port in ports if is_taken(port))
        if holder is None or not belongs_to_caller(holder)
    ]
    if taken:
        raise Problem(" ".join(taken))


def is_taken(port: int) -> bool:
    """Whether something listens on the port, at the IPv4 or the IPv6 address of this machine."""
    return any(answers(address, port) for address in ("127.0.0.1", "::1"))


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError as error:
        return isinstance(error, TimeoutError)
    return True


def listener(port: int) -> Process | None:
    """The process that listens on the port, or None if it is another user's or none of the FINDERS is installed."""
    for command, pattern in FINDERS:
        if found := pattern.search(output_of(command.format(port).split())):
            return Process(found["name"], int(found["pid"]))
    return None


def description(holder: Process | None) -> str:
    return f"{holder.name} (process {holder.pid})" if holder else "another program"


def belongs_to_caller(holder: Process) -> bool:
    """Whether the Tilt or Skaffold that runs this process listens on the port, itself or by a child process."""
    parents, names = process_table()
    caller = os.getpid()
    while caller and not names.get(caller, "").startswith(TOOLS):
        caller = parents.get(caller, 0)
    return bool(caller) and caller in {holder.pid, parents.get(holder.pid)}


def process_table() -> tuple[dict[int, int], dict[int, str]]:
    """Parent and name of every process, by process id."""
    rows = [line.split(maxsplit=2) for line in output_of(["ps", "-A", "-o", "pid=,ppid=,comm="]).splitlines()]
    return {int(pid): int(parent) for pid, parent, _ in rows}, {int(pid): Path(name).name for pid, _, name in rows}


def output_of(command: list[str]) -> str:
    """What a command prints, or nothing if it is not installed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""

"""`python3 -m tools live`: waits until what is saved in loadtest is live or rejected, and prints which of them as JSON.

It needs nothing but Python 3.9, and asks the master at http://localhost:8089, wherever that runs.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from .problem import Problem

LOADTEST = Path(__file__).parents[1] / "loadtest"
PORT = 8089

DEFAULT_TIMEOUT = 30
PERIOD = 0.2
"""Seconds between two questions to the master."""

SKIPPED_FOLDERS = {"__pycache__", "node_modules"}
"""Folders that are never synced, and may have thousands of files. The master decides on all others."""


def main(timeout: str) -> int:
    """Wait up to `timeout` seconds, print what came of the save, and return 0 if it is live. Raises Problem."""
    outcome = wait(seconds(timeout))
    print(json.dumps(outcome, indent=2, ensure_ascii=False))
    return int(outcome["state"] != "live")


def wait(timeout: float) -> dict[str, Any]:
    """The last look, once the save is live or rejected, or after the timeout. Raises Problem if the master never answered."""
    deadline = time.monotonic() + timeout
    while True:
        is_over = time.monotonic() > deadline
        try:
            outcome = look()
            if is_over or outcome["state"] != "waiting":
                return outcome
        except Problem:
            if is_over:
                raise
        time.sleep(PERIOD)


def seconds(timeout: str) -> float:
    """The timeout as a number. Raises Problem if it is none."""
    with suppress(ValueError):
        number = float(timeout or DEFAULT_TIMEOUT)
        if math.isfinite(number):
            return number
    raise Problem(f"The timeout is {timeout!r}: use a number of seconds, such as {DEFAULT_TIMEOUT}.")


def look() -> dict[str, Any]:
    """What the master knows now: the state is live, rejected, or waiting, for the sync or for a worker. Raises Problem."""
    # In this order: what is true of this save in the first answer stays true in the second.
    differing = ask("/livesync/differences", json.dumps(digests()).encode())
    live = ask("/livesync")
    is_live = bool(live["workers"]) and set(live["workers"].values()) == {live["revision"]}
    if differing:
        state = "waiting"
    elif live["refused"]:
        state = "rejected"
    else:
        state = "live" if is_live else "waiting"
    return {
        "state": state,
        "reason": live["refused"],
        "revision": live["revision"],
        "change": live["changes"][-1]["what"],
        "workers": live["workers"],
        "not_synced_yet": differing,
    }


def digests() -> dict[str, str]:
    """SHA-256 of each file in loadtest, by path relative to it; live sync follows links to folders as well."""
    found = {}
    walked = set()
    for folder, folders, files in os.walk(LOADTEST, followlinks=True):
        real = os.path.realpath(folder)
        if real in walked or "pyvenv.cfg" in files:  # a link to a folder above, or a virtual environment
            folders.clear()
            continue
        walked.add(real)
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith(".")]
        for file in (Path(folder, name) for name in files):
            if file.is_file():  # not a pipe, which would block
                with suppress(OSError):  # an editor may remove a temporary file meanwhile
                    found[file.relative_to(LOADTEST).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def ask(path: str, body: bytes | None = None) -> Any:
    """The master's answer. Raises Problem if there is none."""
    try:
        with closing(HTTPConnection("localhost", PORT, timeout=10)) as connection:
            connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            if response.status == HTTPStatus.OK:
                return json.load(response)
            reason = f"{response.status} {response.reason}"
    except (OSError, HTTPException, ValueError) as error:
        reason = str(error)
    raise Problem(
        f"http://localhost:{PORT}{path} cannot be read ({reason}). Start the swarm with `make local`, `tilt up` or "
        "`skaffold dev`, or see its log if it is running."
    )

"""Restart: where live sync does not fit the installed Locust, an edit restarts Locust instead."""

import logging
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from .watch import saves

logger = logging.getLogger("livesync")


def on_every_save(missing: list[str]) -> NoReturn:
    """Run `locust` with this process's arguments, and again after each save; never returns."""
    logger.warning(
        "LIVE SYNC IS OFF: this Locust has no %s. Every edit restarts Locust and ends the test; "
        "install the Locust version of requirements.txt to get live sync back.",
        ", ".join(missing),
    )
    locust: subprocess.Popen[bytes] | None = None

    def end(signum: int, _frame: FrameType | None) -> NoReturn:
        if locust:
            locust.send_signal(signum)
            locust.wait()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    for _ in saves(Path.cwd()):
        if locust:
            locust.terminate()
            locust.wait()
        locust = subprocess.Popen([sys.executable, "-m", "locust", *sys.argv[1:]])  # noqa: S603 - its own arguments
    raise EOFError("saves have no end")

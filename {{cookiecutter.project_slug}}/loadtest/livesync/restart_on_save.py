"""Restart: restarts Locust after every edit, where live sync does not fit the installed Locust."""

import logging
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from watchfiles import run_process

GRACE = 30
"""Seconds that Locust has to end a test and write its reports, before it is killed."""

logger = logging.getLogger("livesync")


def on_every_save(reason: str) -> NoReturn:
    """Run `locust` with this process's arguments, and again after each save, until a signal ends it."""
    logger.warning(
        "LIVE SYNC IS OFF: %s. Every edit restarts Locust and ends the test; "
        "install the Locust version of requirements.txt, on Linux or macOS, to get live sync back.",
        reason,
    )
    locust = shlex.join([sys.executable, "-m", "locust", *sys.argv[1:]])
    run_process(Path.cwd(), target=locust, target_type="command", sigint_timeout=GRACE)
    sys.exit()

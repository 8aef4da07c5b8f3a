"""Restart: where live sync does not fit the installed Locust, an edit restarts Locust instead."""

import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import gevent
from gevent.event import Event
from gevent.subprocess import Popen

from .errors import Rejected
from .watch import Watcher

logger = logging.getLogger("livesync")


def on_every_save(missing: list[str]) -> NoReturn:
    """Run `locust` with this process's arguments, and again after each save; never returns."""
    logger.warning(
        "LIVE SYNC IS OFF: this Locust has no %s. Every edit restarts Locust and ends the test; "
        "install the Locust version of requirements.txt, on Linux or macOS, to get live sync back.",
        ", ".join(missing),
    )
    running: list[Popen] = []
    saved = Event()

    def end_with(signum: int) -> NoReturn:
        for locust in running:
            locust.send_signal(signum)
            locust.wait()
        sys.exit()

    def restart_on_saves() -> None:
        watcher = Watcher(Path.cwd())
        with suppress(Rejected):
            watcher.read()
        while True:
            with suppress(Rejected):
                watcher.next_save()
            saved.set()
            for locust in running:
                locust.terminate()

    for signum in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(signum, end_with, signum)
    gevent.spawn(restart_on_saves)
    while True:
        saved.clear()
        running[:] = [Popen([sys.executable, "-m", "locust", *sys.argv[1:]])]
        if running[0].wait():  # it failed, so that only another save can help
            saved.wait()

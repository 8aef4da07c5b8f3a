"""`make local`: runs the Procfile with honcho until Ctrl-C, and leaves no process behind.

By itself honcho loses processes if it is interrupted while it starts them, or if its terminal is closed.
"""

import os
import signal
import sys
import threading

from honcho import command
from honcho.manager import Manager

from .setup.ports import require_free

PORTS = [8000, 8089, 5557]
"""Of the server, the web UI and the master."""


class ReliableManager(Manager):  # type: ignore[misc] # honcho ships no type hints
    """Terminates its processes once all of them have started, because honcho cannot terminate one that has not."""

    def terminate(self) -> None:
        if self._all_started():
            super().terminate()
            return
        again = threading.Timer(0.05, self.terminate)
        again.daemon = True
        again.start()


def _end_silently(*_: object) -> None:
    """End as after Ctrl-C, without output, because the terminal is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run until Ctrl-C. Raises Problem if a port is taken."""
    require_free(PORTS)
    signal.signal(signal.SIGHUP, _end_silently)
    command.Manager = ReliableManager
    sys.argv = ["honcho", "--env", "loadtest/.env", "start", "--concurrency", "worker=2"]
    command.main()

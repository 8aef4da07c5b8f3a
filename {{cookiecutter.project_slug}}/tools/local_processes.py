"""`make local`: runs the Procfile with honcho until Ctrl-C, and leaves no process behind.

By itself honcho loses processes if it is interrupted while it starts them, or if its terminal is closed.
"""

import os
import signal
import sys
import threading

from honcho import command
from honcho.manager import Manager

from .env_file import add_env_file
from .interruption import on_closed_terminal
from .setup.ports import require_free

SERVER_PORT, WEB_PORT, MASTER_PORT = 8000, 8089, 5557


class ReliableManager(Manager):  # type: ignore[misc] # honcho ships no type hints
    """Terminates its processes once all of them have started, because honcho cannot terminate one that has not."""

    def terminate(self) -> None:
        if self._all_started():
            super().terminate()
            return
        again = threading.Timer(0.05, self.terminate)
        again.daemon = True
        again.start()


def main() -> None:
    """Run until Ctrl-C; the server only if LOCUST_HOST names no other target. Raises Problem if a port is taken."""
    add_env_file()
    needs_server = not os.environ.get("LOCUST_HOST")
    require_free([WEB_PORT, MASTER_PORT, *([SERVER_PORT] if needs_server else [])])
    on_closed_terminal(lambda: os.kill(os.getpid(), signal.SIGTERM))
    command.Manager = ReliableManager
    processes = ["master", "worker", *(["server"] if needs_server else [])]
    sys.argv = ["honcho", "--env", os.devnull, "start", "--concurrency", "worker=2", *processes]
    command.main()

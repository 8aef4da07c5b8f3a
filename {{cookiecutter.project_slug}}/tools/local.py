"""Run the Procfile with honcho until Ctrl-C, and leave no process behind: `.venv/bin/python tools/local.py start`.

It takes honcho's own arguments. By itself honcho loses processes when it is interrupted while it still starts them, or
when its terminal is closed.
"""

import os
import signal
import threading

from honcho import command
from honcho.manager import Manager


class PatientManager(Manager):  # type: ignore[misc] # honcho ships no type hints
    """Ends its processes once all of them have started, as honcho cannot end one that has not."""

    def terminate(self) -> None:
        if self._all_started():
            super().terminate()
            return
        again = threading.Timer(0.05, self.terminate)
        again.daemon = True
        again.start()


def hang_up(*_: object) -> None:
    """End as after Ctrl-C, without a word, since the terminal that would show it is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, hang_up)
    command.Manager = PatientManager
    command.main()

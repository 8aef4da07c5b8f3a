"""How a command ends when it is interrupted: by Ctrl-C, by SIGTERM, or because its terminal was closed."""

import os
import signal
from collections.abc import Callable


def interrupt_on_signals() -> None:
    """Raise KeyboardInterrupt on SIGTERM and after the terminal was closed, as on Ctrl-C."""
    for signum in (signal.SIGINT, signal.SIGTERM):  # a shell ignores SIGINT in what it starts in the background
        signal.signal(signum, signal.default_int_handler)
    on_closed_terminal(lambda: os.kill(os.getpid(), signal.SIGINT))


def on_closed_terminal(end: Callable[[], None]) -> None:
    """Call `end` when the terminal was closed, unless `nohup` started this process. Further output is discarded."""

    def end_silently(*_: object) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        end()

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, end_silently)

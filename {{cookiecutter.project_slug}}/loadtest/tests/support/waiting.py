"""Waiting for a condition, with a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

TIMEOUT = 120.0
"""Seconds after which a test gives up, on what takes a second or two."""

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str | Callable[[], str], seconds: float = TIMEOUT) -> T:
    """The first true value of `condition`. Fails with `what` after so many seconds."""
    deadline, pause = time.monotonic() + seconds, 0.04
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what if isinstance(what, str) else what()}"
        time.sleep(pause)
        pause = min(pause * 1.3, 0.2)
    return value

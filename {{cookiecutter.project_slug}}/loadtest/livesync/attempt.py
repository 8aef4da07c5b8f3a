"""Attempt: do something of which user code is a part, whatever that raises."""

from collections.abc import Callable
from pathlib import Path

from gevent import GreenletExit

from .edit import explain
from .errors import Rejected


def why_not(action: Callable[[], object], folder: Path) -> str | None:
    """Do it; if it cannot be done, return why in one sentence."""
    try:
        action()
    except GreenletExit:
        raise
    except Rejected as rejection:
        return str(rejection)
    except BaseException as error:  # noqa: BLE001 - nothing that user code raises may end a greenlet of live sync
        return explain(error, folder)
    return None

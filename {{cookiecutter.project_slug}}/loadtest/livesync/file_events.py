"""Events of the file system, which say when to look for changes below a folder."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gevent.event import Event
from watchfiles import Change, watch
from watchfiles.main import FileChange

from .file_access import WRITTEN
from .file_scan import is_synced

STEP, TURN = 10, 100
"""Milliseconds without a further change until changes are reported, and until an empty report."""

logger = logging.getLogger("livesync")
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts the files of each save


def notices(folder: Path, rest: Callable[[], float], is_closed: Event) -> Iterator[None]:
    """Yield when a file may have changed, at the latest after `rest` seconds; it blocks the thread, until closed."""
    due = time.monotonic() + rest()
    while not is_closed.is_set():
        for changes in _told(folder, is_closed):
            if time.monotonic() > due or any(concerns(folder, path) for _, path in changes):
                yield
                due = time.monotonic() + rest()


def _told(folder: Path, is_closed: Event) -> Iterator[set[FileChange]]:
    """The changes at the folder's path, until something else is there."""
    try:
        watched = folder.stat()
        for changes in watch(
            folder,
            watch_filter=None,
            step=STEP,
            stop_event=is_closed,
            rust_timeout=TURN,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            yield changes
            # What comes in the place of a folder that was deleted may have the same inode.
            if (Change.deleted, str(folder)) in changes or not os.path.samestat(watched, folder.stat()):
                return
    except FileNotFoundError:
        time.sleep(TURN / 1000)
        yield set()
    except Exception as error:  # noqa: BLE001 - whatever it is, the folder can still be looked at
        logger.warning("Saves are noticed late, because the file system does not report them: %s", error)
        while not is_closed.is_set():
            time.sleep(TURN / 1000)
            yield set()


def concerns(folder: Path, path: str) -> bool:
    """Whether a change there may be a save."""
    is_file = is_synced(os.path.relpath(path, folder)) and os.path.realpath(path) not in WRITTEN
    return is_file or path == str(folder)

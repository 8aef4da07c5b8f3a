"""Notices: what the file system tells of changes below a folder, where it tells anything."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
from watchfiles import Change, watch
from watchfiles.main import FileChange

from .opened import WRITTEN
from .scan import is_synced

STEP = 30
"""Milliseconds without a further change after which changes are told."""

TURN = 500
"""Milliseconds after which a thread that waits for changes is given back."""

logger = logging.getLogger("livesync")
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts the files of each save


class Notices:
    """The changes below one folder, which may be removed and come back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watched: tuple[int, int] | None = None
        self._changes: Iterator[set[FileChange]] | None = None
        self._pending: Any = None

    def wait(self, seconds: float) -> None:
        """Return when a file may have changed, at the latest after `seconds`."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if any(map(self._concerns, self._next(rest))):
                return

    def _next(self, seconds: float) -> set[FileChange]:
        self._follow_folder()
        if not self._changes:
            gevent.sleep(seconds)
            return set()
        # A greenlet that is killed here leaves its thread behind, and the next one takes it over.
        self._pending = self._pending or gevent.get_hub().threadpool.spawn(_step, self._changes)
        self._pending.wait(seconds)
        if not self._pending.ready():
            return set()
        told, self._pending = self._pending.get(), None
        if isinstance(told, set):
            if (Change.deleted, str(self._folder)) in told:
                self._watched = None  # what comes in its place may have the same inode
            return told
        logger.warning("Saves are noticed late, as the file system does not tell of them: %s", told)
        self._changes = None
        return set()

    def _follow_folder(self) -> None:
        """Watch what is at the folder's path now."""
        if (identity := _identity(self._folder)) == self._watched:
            return
        self._watched, self._pending = identity, None
        self._changes = identity and watch(
            self._folder,
            watch_filter=None,
            step=STEP,
            rust_timeout=TURN,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )

    def _concerns(self, change: FileChange) -> bool:
        _, path = change
        is_file = is_synced(os.path.relpath(path, self._folder)) and os.path.realpath(path) not in WRITTEN
        return is_file or path == str(self._folder)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _step(changes: Iterator[set[FileChange]]) -> set[FileChange] | Exception:
    """The next changes, or why there are none: gevent prints what is raised in a thread."""
    try:
        return next(changes)
    except Exception as error:  # noqa: BLE001 - whatever it is, the folder can still be looked at
        return error

"""Notices: what the file system tells of changes below a folder, where it tells anything."""

import logging
import os
from pathlib import Path

import gevent
from gevent.event import Event
from watchfiles import Change, watch

from .opened import WRITTEN
from .scan import is_synced

STEP = 20
"""Milliseconds without a further change after which changes are told."""

TURN = 500
"""Milliseconds after which it is checked that the folder is still the one that is watched."""

logger = logging.getLogger("livesync")
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts the files of each save


class Notices:
    """The changes below one folder, which may be removed and come back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hub = gevent.get_hub()
        self._has_changed, self._is_closed = Event(), Event()
        self._is_running, self._is_told = False, True

    def wait(self, seconds: float) -> None:
        """Return when a file may have changed, at the latest after `seconds`."""
        if self._is_told and not self._is_running:
            self._is_running = True
            self._hub.threadpool.spawn(self._tell)
        self._has_changed.wait(seconds)
        self._has_changed.clear()

    def close(self) -> None:
        """End the thread."""
        self._is_closed.set()

    def _tell(self) -> None:
        """In a thread: tell of changes until the folder is gone, which may be there again at the next wait."""
        try:
            self._tell_of(self._folder.stat())
        except FileNotFoundError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the folder can still be looked at
            self._is_told = False
            message = "Saves are noticed late, as the file system does not tell of them: %s"
            self._hub.loop.run_callback_threadsafe(gevent.spawn, logger.warning, message, error)
        self._is_running = False

    def _tell_of(self, watched: os.stat_result) -> None:
        changes = watch(
            self._folder,
            watch_filter=self._concerns,
            step=STEP,
            stop_event=self._is_closed,
            rust_timeout=TURN,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        for told in changes:
            if told:
                self._hub.loop.run_callback_threadsafe(self._has_changed.set)
            # What comes in the place of a folder that was deleted may have the same inode.
            is_deleted = (Change.deleted, str(self._folder)) in told
            if is_deleted or not os.path.samestat(watched, self._folder.stat()):
                return

    def _concerns(self, _change: Change, path: str) -> bool:
        is_file = is_synced(os.path.relpath(path, self._folder)) and os.path.realpath(path) not in WRITTEN
        return is_file or path == str(self._folder)

"""Watch: notices changes in the folder of the locustfile, and reads the changed files."""

import time
from itertools import chain
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from .errors import Rejected
from .file_access import WRITTEN
from .file_events import notices
from .file_scan import File, max_bytes, scan, unless_gone
from .files import Tree, changed_paths

DEBOUNCE, DEBOUNCE_DATA = 20, 300
"""Debounce in milliseconds: a save is complete if two scans in that interval find the same. For code, and for data.

The file system's notice has come after 10 ms without a change (`notices`).
"""

TIMEOUT = 10
"""Timeout in seconds after which a save is taken as it is, although files still change."""

POLL = 500
"""Milliseconds after which the folder is scanned in any case, because some file systems report no changes."""

REST = 0.5
"""Milliseconds between these scans for each file, so that they cost less than 2 % of a core."""

RECENT = 2_000
"""Milliseconds within which two writes may have the same times on the coarsest file systems."""


class Watcher:
    """The saves below a folder, for one greenlet.

    Only content counts. A file that this process opens for writing stays in the tree as it was before, or out of it,
    to the end of the process, even if somebody edits it later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._limit = max_bytes()
        self._is_closed = Event()
        self._notices = notices(self._folder, self._rest, self._is_closed)
        self._kept: dict[str, tuple[File, bytes]] = {}
        """The content of each file, and its properties when it was read."""
        self._last: Tree | str | None = None
        """What was returned last, or the reason of what was raised."""
        self._next: Any = None

    def close(self) -> None:
        """Stop watching."""
        self._is_closed.set()

    def read(self) -> Tree:
        """Return the content now, or raise Rejected."""
        return self._hand_out(gevent.get_hub().threadpool.apply(self._look))

    def next_save(self) -> Tree:
        """Return the content once it differs from the last one, or raise Rejected."""
        # If a greenlet is killed here, the next one continues with its thread.
        self._next = self._next or gevent.get_hub().threadpool.spawn(self._wait)
        self._next.wait()
        found, self._next = self._next, None
        return self._hand_out(found.get())

    def _hand_out(self, outcome: Tree | str) -> Tree:
        self._last = outcome
        if isinstance(outcome, str):
            raise Rejected(outcome)
        return outcome

    # In a thread

    def _wait(self) -> Tree | str | None:
        for _ in chain([None], self._notices):
            if (outcome := self._settled()) != self._last:
                return outcome
        return self._last

    def _rest(self) -> float:
        return max(POLL, REST * len(self._kept)) / 1000

    def _settled(self) -> Tree | str:
        """The content of the folder, once two scans in a row find the same."""
        deadline = time.monotonic() + TIMEOUT
        outcome = self._look()
        while outcome != self._last and time.monotonic() < deadline:
            time.sleep(_debounce(self._last, outcome) / 1000)
            before, outcome = outcome, self._look()
            if outcome == before:
                break
        return outcome

    def _look(self) -> Tree | str:
        """Read the changed files; return the reason if that fails."""
        try:
            files = scan(self._folder, self._limit)
            for path in self._kept.keys() - files.keys():
                if self._kept[path][0].real not in WRITTEN:
                    del self._kept[path]
            for path, file in files.items():
                if path not in self._kept or self._kept[path][0] != file:
                    self._read(path, file)
        except Rejected as trouble:
            return str(trouble)
        return {path: content for path, (_, content) in self._kept.items()}

    def _read(self, path: str, file: File) -> None:
        is_recent = time.time_ns() - file.ctime < RECENT * 1_000_000
        content = unless_gone(path, lambda: content_of(file))
        if file.real in WRITTEN:  # whatever opens a file for writing says so before it writes
            return
        if content is None:
            self._kept.pop(path, None)
        else:
            self._kept[path] = file._replace(ctime=0) if is_recent else file, content  # 0, to read it again


def content_of(file: File) -> bytes:
    """The content up to the size at the scan, because the file may grow above the limit."""
    with Path(file.real).open("rb") as opened:
        return opened.read(file.size)


def _debounce(old: Tree | str | None, new: Tree | str) -> int:
    """Milliseconds for which `new` has to stay the same until it is taken for complete."""
    is_code = (
        isinstance(old, dict) and isinstance(new, dict) and all(p.endswith(".py") for p in changed_paths(old, new))
    )
    return DEBOUNCE if is_code else DEBOUNCE_DATA

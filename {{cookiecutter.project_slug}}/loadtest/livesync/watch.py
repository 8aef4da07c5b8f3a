"""Watch: notice that the files of the locustfile's folder changed, and read them."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import gevent

from .errors import Rejected
from .files import Tree
from .notices import Notices
from .opened import WRITTEN
from .scan import File, Scan, max_bytes, scan, unless_gone

QUIET, QUIET_DATA = 30, 300
"""Milliseconds without a change after which a save is taken for complete: one of code alone, and any other."""

PATIENCE = 10
"""Seconds after which a save is taken as it is, although something still writes."""

POLL = 500
"""Milliseconds after which the folder is looked at in any case: not every file system tells of changes."""

REST = 50
"""How many times the CPU time of a look passes, at least, before that: 2 % of a core."""

RECENT = 2_000
"""Milliseconds for which two writes may leave the same times, on the coarsest of file systems."""

T = TypeVar("T")


class Kept(NamedTuple):
    """A file that has been read."""

    file: File
    content: bytes
    is_final: bool
    """Whether any later write changes `file` too."""


class Watcher:
    """The saves below a folder, for one greenlet.

    Only content counts. A file that this process opens for writing stays in the tree as it was before, or out of it,
    to the end of the process, even if somebody edits it later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._limit = max_bytes()
        self._notices = Notices(self._folder)
        self._scan = Scan({})
        self._kept: dict[str, Kept] = {}
        self._last: Tree | str | None = None
        """What was returned last, or the reason of what was raised."""
        self._cost = 0.0
        """Seconds of CPU that the last look took."""

    def read(self) -> Tree:
        """Return the content now, or raise Rejected."""
        outcome, _ = self._load(self._look())
        return self._hand_out(outcome)

    def next_save(self) -> Tree:
        """Return the content once it differs from what was returned last or made trouble, or raise Rejected."""
        while (outcome := self._settled()) == self._last:
            self._notices.wait(max(POLL / 1000, REST * self._cost))
        return self._hand_out(outcome)

    def _hand_out(self, outcome: Tree | str) -> Tree:
        self._last = outcome
        if isinstance(outcome, str):
            raise Rejected(outcome)
        return outcome

    def _settled(self) -> Tree | str:
        """Read the folder once nothing in it changes any more."""
        deadline = time.monotonic() + PATIENCE
        before, now = self._scan, self._look()
        while True:
            is_late = time.monotonic() > deadline
            rest = 0 if now == before else _rest(self._scan, now)
            if rest <= 0 or is_late:
                outcome, is_whole = self._load(now)
                if is_whole or is_late:
                    return outcome
            gevent.sleep(max(rest, QUIET) / 1000)
            before, now = now, self._look()

    def _look(self) -> Scan:
        def timed_scan() -> tuple[Scan, float]:
            start = time.thread_time()
            return scan(self._folder, self._limit), time.thread_time() - start

        found, self._cost = _in_thread(timed_scan)
        return found

    def _load(self, found: Scan) -> tuple[Tree | str, bool]:
        """Read what changed, and tell whether all of it still was as it was found."""
        self._scan = found
        return _in_thread(partial(self._read_all, found))

    def _read_all(self, found: Scan) -> tuple[Tree | str, bool]:
        if found.trouble:
            return found.trouble, True
        for path, kept in list(self._kept.items()):
            if path not in found.files and kept.file.real not in WRITTEN:
                self._kept.pop(path, None)
        try:
            outdated = [path for path, file in found.files.items() if not self._keep(path, file)]
        except Rejected as trouble:
            return str(trouble), True
        return {path: kept.content for path, kept in self._kept.items()}, not outdated

    def _keep(self, path: str, file: File) -> bool:
        """Read a file that may have changed; False if it is not the one any more that was found."""
        known = self._kept.get(path)
        if known and known.is_final and known.file == file:
            return True
        is_final = time.time_ns() - file.ctime > RECENT * 1_000_000
        read = unless_gone(path, partial(_read, file))
        if file.real in WRITTEN:  # whatever opens a file for writing says so before it writes
            return True
        if not read:
            self._kept.pop(path, None)
            return False
        content, is_whole = read
        if known and known.content == content:
            content = known.content
        self._kept[path] = Kept(file, content, is_final and is_whole)
        return is_whole


def _in_thread(call: Callable[[], T]) -> T:
    result: T = gevent.get_hub().threadpool.apply(call)
    return result


def _rest(old: Scan, new: Scan) -> float:
    """Milliseconds for which `new` has to stay the same until it is taken for complete."""
    changed = {path for path, _ in old.files.items() ^ new.files.items()}
    if not changed and old.trouble == new.trouble:
        return 0
    quiet = QUIET_DATA if new.trouble or not all(path.endswith(".py") for path in changed) else QUIET
    if new.trouble or not changed <= new.files.keys():
        return quiet
    last_write = max(new.files[path].ctime for path in changed)
    return min(quiet - (time.time_ns() - last_write) / 1_000_000, quiet)  # its clock may be ahead of this one


def _read(file: File) -> tuple[bytes, bool]:
    """The content, and whether the file is still as it was found."""
    with Path(file.real).open("rb") as opened:
        content = opened.read(file.size)  # no more, as it may grow beyond the limit
        return content, File.of(file.real, os.fstat(opened.fileno())) == file

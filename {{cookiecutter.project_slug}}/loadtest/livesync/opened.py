"""Opened: which files this process writes, and which ones its code reads while it is loaded."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gevent import getcurrent

WRITTEN: set[str] = set()
"""Real paths below the watched folder that this process opened for writing, or moved a file to.

What a child process or a library in C (of SQLite, say) writes is not in here.
"""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
"""Flags of `os.open`, one of which is enough."""

_watched: list[str] = []
_readers: dict[object, list[set[str]]] = {}
"""The sets that `reads` gave each greenlet, the innermost last."""


def install(folder: Path) -> None:
    """Fill WRITTEN from now on with what is written below `folder`. It cannot be taken back."""
    if not _watched:
        sys.addaudithook(_hook)
    _watched.extend({f"{_absolute(folder)}/", f"{os.path.realpath(folder)}/"}.difference(_watched))


@contextmanager
def reads() -> Iterator[set[str]]:
    """Give the set of absolute paths that this greenlet opens for reading from here on, whether they exist or not.

    Of nested blocks the innermost gets a path.
    """
    greenlet, seen = getcurrent(), set[str]()
    sets = _readers.setdefault(greenlet, [])
    sets.append(seen)
    try:
        yield seen
    finally:
        sets.pop()
        if not sets:
            del _readers[greenlet]


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event != "open" and event != "os.rename":  # noqa: PLR1714 - the fastest way, and most events are others
        return
    with suppress(Exception):  # it would come out of the call to `open`
        if event == "open":
            _note_opened(*args)
        else:  # what `os.replace` and `shutil.move` come down to
            _note_moved(*args)


def _note_opened(path: str | bytes, mode: str | None, flags: int) -> None:
    if flags & WRITING or not {"w", "a", "x", "+"}.isdisjoint(mode or ""):
        _note_written(os.fsdecode(path), os.path.realpath(os.fsdecode(path)))
    if _readers and _is_reading(mode, flags) and (sets := _readers.get(getcurrent())):
        sets[-1].add(_absolute(os.fsdecode(path)))


def _note_moved(_source: object, target: str | bytes, _source_folder: int, target_folder: int) -> None:
    path = Path(os.fsdecode(target))
    if target_folder == -1:  # otherwise the path is relative to who knows what
        # A link there is replaced, not followed.
        _note_written(str(path), f"{os.path.realpath(path.parent)}/{path.name}")


def _note_written(path: str, real: str) -> None:
    watched = tuple(_watched)
    if real.startswith(watched) or _absolute(path).startswith(watched):  # a folder in it may be a link to elsewhere
        WRITTEN.add(real)


def _is_reading(mode: str | None, flags: int) -> bool:
    return not {"r", "+"}.isdisjoint(mode) if mode else flags & (os.O_WRONLY | os.O_RDWR) != os.O_WRONLY


def _absolute(path: str | Path) -> str:
    return os.path.normpath(Path(path).absolute())

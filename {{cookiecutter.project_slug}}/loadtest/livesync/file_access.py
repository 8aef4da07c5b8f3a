"""Records which files this process writes, and which ones its code reads."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from .code_objects import frames, is_function

WRITTEN: set[str] = set()
"""Real paths below the watched folder that this process opened for writing, or moved a file to.

What a child process or a library in C (of SQLite, say) writes is not in here.
"""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
"""Flags of `os.open`, one of which is enough."""

LISTING = "*"
"""Stands in a path for the listing of its folder, in place of the name of a file."""

_watched: list[str] = []
_reads: ContextVar[dict[str, set[int]] | None] = ContextVar("reads", default=None)
"""What the current greenlet has read; each greenlet has a context of its own."""

readers: list[Callable[[str], None]] = []
"""Called with the path of each file that any greenlet opens for reading, and of each listing."""


def install(folder: Path) -> None:
    """Record in WRITTEN what is written below `folder`, until the process ends."""
    if not _watched:
        sys.addaudithook(_hook)
    _watched.extend({f"{_absolute(folder)}/", f"{os.path.realpath(folder)}/"}.difference(_watched))


@contextmanager
def reads() -> Iterator[dict[str, set[int]]]:
    """Give the absolute paths that this greenlet opens for reading from here on, whether they exist or not.

    Each has the lines of class bodies that open it, or 0 for other code. Of nested blocks the innermost gets a path.
    """
    seen: dict[str, set[int]] = {}
    token = _reads.set(seen)
    try:
        yield seen
    finally:
        _reads.reset(token)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if NOTES and (note := NOTES.get(event)):  # it is None when the interpreter ends
        with suppress(Exception):  # it would come out of the call to `open`
            note(*args)


def _note_opened(path: str | bytes, _mode: str | None, flags: int) -> None:
    name = os.fsdecode(path)
    if flags & WRITING:
        _note_written(name, os.path.realpath(name))
    if flags & (os.O_WRONLY | os.O_RDWR) != os.O_WRONLY:
        _note_read(name)


def _note_listed(folder: str | bytes | None) -> None:
    # Where Python looks for a module is not what the module's code reads.
    if not sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
        _note_read(f"{os.fsdecode(folder or '.')}/{LISTING}")


def _note_read(name: str) -> None:
    for note in readers:
        note(name)
    if (seen := _reads.get()) is not None:
        seen.setdefault(_absolute(name), set()).add(_line_of_class())


def _note_moved(_source: object, target: str | bytes, _source_folder: int, target_folder: int) -> None:
    path = Path(os.fsdecode(target))
    if target_folder == -1:  # otherwise the path is relative to an unknown folder
        # A link there is replaced, not followed.
        _note_written(str(path), f"{os.path.realpath(path.parent)}/{path.name}")


def _note_written(path: str, real: str) -> None:
    watched = tuple(_watched)
    if real.startswith(watched) or _absolute(path).startswith(watched):  # a folder in it may be a link to elsewhere
        WRITTEN.add(real)


def _line_of_class() -> int:
    """The line of the class body that runs here, else 0."""
    body = next(frame for frame in frames(sys._getframe()) if not is_function(frame.f_code))
    return 0 if body.f_code.co_name == "<module>" else body.f_lineno


def _absolute(path: str | Path) -> str:
    return os.path.normpath(Path(path).absolute())


NOTES: dict[str, Callable[..., None]] = {
    "open": _note_opened,
    "os.listdir": _note_listed,
    "os.scandir": _note_listed,
    "os.rename": _note_moved,
}
"""Handlers of audit events; `os.replace` and `shutil.move` raise the event of a rename."""

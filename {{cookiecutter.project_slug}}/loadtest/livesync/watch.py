"""Watch: notice that the files of the locustfile's folder changed, and read them."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gevent

from .tree import Tree

POLL = 0.04
"""Seconds between two looks; a folder that looks the same twice in a row is taken for saved in full."""

UNSETTLED = 2.0
"""Seconds for which a file's times prove nothing: two writes within one clock tick leave them alike."""

NOT_SYNCED = {"livesync", "tests", "__pycache__", "Dockerfile", "requirements.in", "requirements.txt"}
"""Names that belong to the image; hidden files are left out too, a `.env` among them."""

EDITOR_FILES = ("~", ".tmp", ".swp", "___jb_tmp___", "___jb_old___")
"""How the names end that editors give to the files they write next to the one that is saved."""

Stamp = tuple[int, int, int, int]


class Folder:
    """The files of a folder, read again only when their times or their size changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, tuple[Stamp, bytes]] = {}

    def read(self) -> Tree:
        """The folder's files as they are now; one that vanishes meanwhile is left out."""
        tree: Tree = {}
        for entry in _files(self.path):
            path = Path(entry.path).relative_to(self.path).as_posix()
            try:
                tree[path] = self._content(path, Path(entry.path))
            except FileNotFoundError:
                continue
        self._known = {path: known for path, known in self._known.items() if path in tree}
        return tree

    def _content(self, path: str, file: Path) -> bytes:
        stat = file.stat()
        stamp = (stat.st_ctime_ns, stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._known.get(path)
        if known and known[0] == stamp and time.time() - stat.st_ctime > UNSETTLED:
            return known[1]
        content = file.read_bytes()
        self._known[path] = (stamp, content)
        return content


@dataclass
class Save:
    """What a folder held when it was left alone again, and when it was written to, in seconds since the epoch."""

    tree: Tree
    at: float


def saves(path: Path) -> Iterator[Save]:
    """Yield the folder's content now, and again after each save."""
    folder = Folder(path)
    tree = folder.read()
    yield Save(tree, time.time())
    while True:
        gevent.sleep(POLL)
        seen = folder.read()
        if seen == tree:
            continue
        at = time.time()
        tree = _settled(folder, seen)
        yield Save(tree, at)


def _settled(folder: Folder, tree: Tree) -> Tree:
    while True:
        gevent.sleep(POLL)
        seen = folder.read()
        if seen == tree:
            return tree
        tree = seen


def _files(path: Path | str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(EDITOR_FILES) or entry.name in NOT_SYNCED:
                continue
            if entry.is_dir():
                yield from _files(entry.path)
            elif entry.is_file():
                yield entry

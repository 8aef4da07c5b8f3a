"""Watch: notice that the files of the locustfile's folder changed, and read them."""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import gevent
from watchfiles import Change, DefaultFilter, watch

from .tree import Tree

QUIET = 30
"""Milliseconds without a change after which a save is taken for complete."""

LOOK = 500
"""Milliseconds after which the folder is read in any case: not every file system tells of changes."""

NOT_SYNCED = {"livesync", "tests", "Dockerfile", "requirements.in", "requirements.txt"}
"""Names that belong to the image; hidden files are left out too, a `.env` among them."""

TEMPORARY = (r"\.tmp$", r"___jb_(tmp|old)___$")
"""Names of files that editors write to and then rename, and watchfiles does not leave out by itself."""

is_no_litter = DefaultFilter(ignore_entity_patterns=(*DefaultFilter.ignore_entity_patterns, *TEMPORARY))
"""False for what editors and Python leave beside the files that one writes."""

logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts the files of each save


def saves(folder: Path) -> Iterator[Tree]:
    """Yield the folder's content now, and again after each save."""
    changes = watch(folder, watch_filter=None, step=QUIET, rust_timeout=LOOK, yield_on_timeout=True)
    tree = _read(folder)
    yield tree
    while True:
        gevent.get_hub().threadpool.apply(next, (changes,))
        # Sync tools may give two saves of one size the same time: only the content tells them apart.
        if (seen := _read(folder)) != tree:
            tree = seen
            yield tree


def _read(root: Path) -> Tree:
    tree: Tree = {}
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = filter(_is_synced, subfolders)
        for name in filter(_is_synced, names):
            file = Path(folder, name)
            with suppress(OSError):  # it is gone again, or not ours to read
                if file.is_file():  # reading a pipe would not end
                    tree[file.relative_to(root).as_posix()] = file.read_bytes()
    return tree


def _is_synced(name: str) -> bool:
    return not name.startswith(".") and name not in NOT_SYNCED and is_no_litter(Change.modified, name)

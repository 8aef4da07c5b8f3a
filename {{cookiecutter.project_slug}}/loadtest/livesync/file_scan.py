"""Scan: finds the files below a folder that are synced, without reading them."""

import math
import os
import re
from collections.abc import Callable, Iterator
from errno import ELOOP, ENOENT, ENOTDIR
from fnmatch import translate
from itertools import accumulate
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple, TypeVar

from .errors import Rejected
from .file_access import WRITTEN

IMAGE = {"livesync", "Dockerfile", "requirements.in", "requirements.txt", "requirements-otel.txt"}
"""Names at the top level that belong to the image."""

IGNORED_NAMES = ["__pycache__", "node_modules", "4913", ".*", "~$*", "#*#", "*~", "*.swp", "*.tmp", "*.part"]
IGNORED_NAMES += ["*.crdownload", "*___jb_tmp___", "*___jb_old___", "*.pyc", "*.egg-info"]
"""Names of files that editors, downloads and Python create beside a load test; `4913` is Vim's."""

has_ignored_name = re.compile("|".join(map(translate, IGNORED_NAMES))).match
is_not_utf8 = re.compile("[\udc80-\udcff]").search
has_odd_name = re.compile(r"[\udc80-\udcff\\\0]|^[A-Za-z]:").search
"""Whether a path is not UTF-8, or would lead elsewhere on another system: by a backslash or a drive."""

T = TypeVar("T")


class File(NamedTuple):
    """A file's real path, and the properties that change when it is written."""

    real: str
    ctime: int
    mtime: int
    size: int
    inode: int

    @classmethod
    def of(cls, real: str, status: os.stat_result) -> "File":
        return cls(real, status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino)


def max_bytes() -> int:
    """The most that all files may have together."""
    value = os.environ.get("LIVESYNC_MAX_MB") or "32"
    try:
        megabytes = float(value)
    except ValueError:
        megabytes = 0
    if not 0 < megabytes < math.inf:
        raise SystemExit(f"LIVESYNC_MAX_MB is {value!r}: it must be a number of megabytes above 0, such as 32")
    return int(megabytes * 1e6)


def scan(folder: Path, limit: float) -> dict[str, File]:
    """The files by path relative to the folder. Raises Rejected if they cannot be synced, such as above `limit` bytes."""
    files = dict(_walk(str(folder)))
    if odd := next(filter(has_odd_name, files), None):
        what = "is not UTF-8" if is_not_utf8(odd) else "contains a backslash or begins with a drive letter"
        raise Rejected(f"the name {odd!r} {what}: rename the file")
    sizes = {path: file.size for path, file in files.items()}
    if (total := sum(sizes.values())) > limit:
        biggest = max(sizes, key=sizes.__getitem__)
        raise Rejected(
            f"the files in {folder} have {total / 1e6:,.2f} MB, more than the {limit / 1e6:g} MB of LIVESYNC_MAX_MB: "
            f"move the biggest, {biggest} with {sizes[biggest] / 1e6:,.2f} MB, elsewhere, or increase LIVESYNC_MAX_MB"
        )
    return files


def unless_gone(path: str, look: Callable[[], T]) -> T | None:
    """The result of `look`, or None if the file has disappeared. Raises Rejected if it cannot be read."""
    try:
        return look()
    except OSError as error:
        if error.errno in {ENOENT, ENOTDIR, ELOOP}:
            return None
        reason = (error.strerror or str(error)).lower()
        raise Rejected(f"{path} cannot be read: {reason}; make it readable, or move it out of the folder") from error


def is_synced(path: str) -> bool:
    """Whether no part of this relative path is excluded."""
    return not any(map(_is_left_out, accumulate(path.split("/"), "{}/{}".format)))


def _is_left_out(path: str) -> bool:
    """Whether the last part of this relative path is excluded."""
    name = path.rpartition("/")[2]
    return path in IMAGE or (name != ".env" and bool(has_ignored_name(name)))


def _walk(root: str) -> Iterator[tuple[str, File]]:
    """Yield each file, those behind links too."""
    folders: list[tuple[str, str, tuple[str, ...]]] = [("", os.path.realpath(root), ())]
    while folders:
        folder, real, parents = folders.pop()
        for entry in _entries(folder, real):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_left_out(path) or not (status := unless_gone(path, entry.stat)):
                continue
            target = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            is_loop = target == real or target in parents  # a link to a folder that it is in
            if S_ISDIR(status.st_mode) and not is_loop and entry.name != ".env":
                folders.append((path, target, (*parents, real)))
            elif S_ISREG(status.st_mode) and target not in WRITTEN:  # reading a pipe would not end
                yield path, File.of(target, status)


def _entries(folder: str, real: str) -> list[os.DirEntry[str]]:
    entries = unless_gone(folder or real, lambda: list(os.scandir(real)))
    if entries is None and not folder:
        raise Rejected(f"the folder {real} is missing: live sync continues once it exists again")
    is_venv = folder and any(entry.name == "pyvenv.cfg" for entry in entries or ())
    return [] if entries is None or is_venv else entries

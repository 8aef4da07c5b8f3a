"""Files: the synced files, and the folder from which a process loads them."""

import hashlib
import importlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath

from .errors import Rejected
from .file_access import LISTING

Tree = dict[str, bytes]
"""Content by path, relative to the folder of the locustfile, with forward slashes."""


def revision_of(tree: Tree) -> str:
    """The first 7 hex digits of the SHA-256 over all paths and contents."""
    digest = hashlib.sha256()
    for path, content in sorted(tree.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:7]


def changed_paths(old: Tree, new: Tree) -> set[str]:
    """Paths that were added, removed or given another content."""
    return {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


def changed_listings(old: Tree, new: Tree) -> set[str]:
    """Paths of folders, with LISTING as the name, in which files or folders were added or removed."""
    if old.keys() == new.keys():
        return set()
    before, after = ({entry for path in tree for entry in (path, *_folders(path))} for tree in (old, new))
    return {str(PurePosixPath(entry).parent / LISTING) for entry in before ^ after}


def _folders(path: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(path).parents]


def patched(tree: Tree, old: Tree, new: Tree) -> Tree:
    """`tree` with what changed from `old` to `new`."""
    changed = changed_paths(old, new)
    kept = {path: content for path, content in tree.items() if path not in changed}
    return kept | {path: content for path, content in new.items() if path in changed}


class Folder:
    """The folder that user code is loaded from, the same one for the life of the process.

    New files are written beside it first, so that a full disk shows before anything has changed.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self.path = self.home / "loadtest"
        self.staged = self.home / "staged"
        self.mirror = self.home / "mirror"
        self._replaced = self.home / "replaced"
        self.path.mkdir()

    def stage(self, tree: Tree, changed: set[str]) -> None:
        """Write the changed files of `tree` beside the folder. Raises Rejected if that fails."""
        try:
            for folder in (self.staged, self._replaced, self.mirror):
                shutil.rmtree(folder, ignore_errors=True)
            self.staged.mkdir()
            self._replaced.mkdir()
            for path in changed & tree.keys():
                (self.staged / path).parent.mkdir(parents=True, exist_ok=True)
                (self.staged / path).write_bytes(tree[path])
        except OSError as error:
            raise Rejected(
                f"the files could not be written to {self.home} ({error.strerror}): free some disk space, and save again"
            ) from error

    def activate(self, tree: Tree, changed: set[str], undo: list[Callable[[], object]]) -> None:
        """Put what was staged in place, each file by one rename, and remove what `tree` does not have."""
        for path in sorted(changed, key=tree.__contains__):  # what is removed goes first
            self._keep(path, undo)
            if path in tree:
                _move(self.staged / path, self.path / path)
            else:
                _remove(self.path, path)
        importlib.invalidate_caches()

    def activate_in(self, mirror: Path, tree: Tree, changed: set[str]) -> None:
        """Put what was staged into a copy of the folder, for a trial."""
        for path in sorted(changed, key=tree.__contains__):  # what is removed goes first
            _remove(mirror, path)
            if path in tree:
                (mirror / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.staged / path, mirror / path)
        importlib.invalidate_caches()

    def relative(self, path: str) -> str | None:
        """The path within the folder, or None if it is elsewhere."""
        root = f"{self.path}{os.sep}"
        return path.removeprefix(root).replace(os.sep, "/") if path.startswith(root) else None

    def _keep(self, path: str, undo: list[Callable[[], object]]) -> None:
        file, copy = self.path / path, self._replaced / path
        if file.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, copy)
            undo.append(partial(_move, copy, file))
        else:
            undo.append(partial(_remove, self.path, path))


def _remove(root: Path, path: str) -> None:
    """Remove a file, if it is there, and the folders below `root` that are empty then; one may become a file."""
    (root / path).unlink(missing_ok=True)
    folder = (root / path).parent
    with suppress(OSError):  # it is not empty, or not there
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)

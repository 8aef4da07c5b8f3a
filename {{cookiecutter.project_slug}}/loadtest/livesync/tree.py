"""A tree is the set of files that live sync keeps alike on the master and on every worker."""

import hashlib
import importlib
import os
import shutil
from pathlib import Path

LOCUSTFILE = "locustfile.py"

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


def patched(tree: Tree, old: Tree, new: Tree) -> Tree:
    """`tree` with what changed from `old` to `new`."""
    changed = changed_paths(old, new)
    kept = {path: content for path, content in tree.items() if path not in changed}
    return kept | {path: content for path, content in new.items() if path in changed}


class Shelf:
    """A folder of unpacked trees, one of which `current` points to, as every `__file__` and `sys.path` do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.current = folder / "current"
        self.unpack({}, revision_of({}))
        self.show(revision_of({}))

    def unpack(self, tree: Tree, revision: str) -> None:
        """Write `tree` below the shelf."""
        target = self.folder / revision
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for path, content in tree.items():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def shown(self) -> str:
        """The revision that `current` points to."""
        return self.current.readlink().name

    def show(self, revision: str) -> None:
        """Let `current` point to the tree of `revision`; a process that works in the shelf goes along."""
        works_here = Path.cwd().is_relative_to(self.folder)
        link = self.folder / "next"
        link.symlink_to(revision)
        link.replace(self.current)
        if works_here:
            os.chdir(self.current)
        importlib.invalidate_caches()

    def keep(self, revision: str) -> None:
        """Remove every tree but this one."""
        for folder in self.folder.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name != revision:
                shutil.rmtree(folder)

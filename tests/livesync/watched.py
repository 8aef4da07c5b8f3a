"""A watched folder: the modules that watch it, inside of the test's own process, and what is written to it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from support.waiting import TIMEOUT, wait_until

HOUR = 3_600_000
"""Milliseconds that no test waits for."""


class Modules(SimpleNamespace):
    """The modules under test."""

    watch: Any
    file_scan: Any
    file_events: Any
    file_access: Any
    errors: Any


class Folder:
    """A folder with a watcher, whose saves a greenlet follows."""

    def __init__(self, path: Path, livesync: Modules) -> None:
        self.path = path
        self.livesync = livesync
        self.outcomes: list[dict[str, bytes] | str] = []
        self.write("locustfile.py", "first")

    def write(self, name: str, content: str | bytes = "x") -> Path:
        """Write as another process would, which an audit hook does not see, and at once, so that no half is found."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, bytes) else content.encode()
        script = 'cat > "$0" && mv "$0" "$1"'
        subprocess.run(["sh", "-c", script, self.path / ".new", os.fsencode(file)], input=text, check=True)
        return file

    def overwrite(self, name: str, content: str) -> None:
        """Write as many bytes as the file has, in place."""
        command = ["dd", "conv=notrunc", "status=none", f"of={self.path / name}"]
        subprocess.run(command, input=content.encode(), check=True)

    def read(self) -> Any:
        """What the watcher reads first."""
        self.watcher = self.livesync.watch.Watcher(self.path)
        return self.watcher.read()

    def save(self) -> Any:
        """What the watcher says next, where no greenlet follows it."""
        return gevent.with_timeout(TIMEOUT, self.watcher.next_save)

    def follow(self) -> None:
        self.read()
        self.greenlet = gevent.spawn(self._follow)
        gevent.sleep(0)

    def _follow(self) -> None:
        while True:
            try:
                self.outcomes.append(self.watcher.next_save())
            except self.livesync.errors.Rejected as rejected:
                self.outcomes.append(str(rejected))

    def next(self) -> Any:
        """The next save, or the reason of a rejection."""
        wait_in_hub(lambda: self.outcomes or self.greenlet.dead)
        return self.outcomes.pop(0)

    def close(self) -> None:
        """End what `read` and `follow` began; no save may be left."""
        if hasattr(self, "greenlet"):
            self.greenlet.kill()
        if hasattr(self, "watcher"):
            self.watcher.close()
        assert not self.outcomes


def wait_in_hub(condition: Callable[[], Any]) -> None:
    """As `wait_until`, while greenlets go on."""
    wait_until(lambda: gevent.sleep(0.01) or condition(), "the watcher")


def override(livesync: Modules, monkeypatch: pytest.MonkeyPatch, **values: float) -> None:
    for name, value in values.items():
        monkeypatch.setattr(livesync.watch, name, value)


@contextmanager
def counted_looks(folder: Folder) -> Iterator[list[float]]:
    """Give a list to which each look of the watcher adds its time."""
    seen: list[float] = []
    look = folder.watcher._look

    def seen_look() -> Any:
        seen.append(time.time())
        return look()

    folder.watcher._look = seen_look
    yield seen
    del folder.watcher._look


def looks(folder: Folder, count: int) -> None:
    """Wait until the watcher has looked `count` times."""
    with counted_looks(folder) as seen:
        wait_in_hub(lambda: len(seen) > count)


def notices(folder: Folder) -> None:
    """Wait until the file system tells the watcher of changes, which does not look by itself."""
    with counted_looks(folder) as seen:
        while len(seen) < 2:  # one may have been under way
            (folder.path / "locustfile.py").touch()
            gevent.sleep(0.05)

"""Tracks each worker's revision and why the last save was rejected; logs it and feeds the web UI."""

from locust.runners import MasterRunner

import hashlib
import logging
import os
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .file_access import WRITTEN
from .file_scan import is_synced
from .files import Tree, changed_paths
from .forked_trial import REASON_LIMIT
from .live_code import Live

logger = logging.getLogger(__name__)

CHANGES_LIMIT = 500
"""Changes that are remembered."""


@dataclass
class Change:
    """A revision that went live, or a save that was rejected."""

    revision: str
    what: str
    """What changed, or why it is rejected, in one line."""
    at: str = field(default_factory=lambda: datetime.now(UTC).strftime("%H:%M:%S UTC"))


@dataclass
class Report:
    """What the master knows about the swarm's code."""

    live: Live
    runner: MasterRunner = field(init=False)
    workers: dict[str, str] = field(default_factory=dict)
    """The revision that each worker has reported."""
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=CHANGES_LIMIT))
    """What went live since Locust started, oldest first."""
    changes_of_run: deque[Change] = field(default_factory=lambda: deque(maxlen=CHANGES_LIMIT))
    """What went live since the test began."""
    refused: Change | None = None
    """The last save, if it was rejected."""
    decided: Tree = field(default_factory=dict)
    """The files of the last save that went live or was rejected."""

    def begin(self, runner: MasterRunner) -> None:
        """Called when Locust has started."""
        self.runner = runner
        self.decided = self.live.tree
        self.changes.append(Change(self.live.revision, "the code that Locust started with"))

    def begin_run(self, **_: object) -> None:
        """Called when a test starts."""
        self.changes_of_run.clear()

    def current_workers(self) -> list[str]:
        """The connected workers that run the live revision."""
        return [worker for worker in self.connected() if self.workers.get(worker) == self.live.revision]

    def connected(self) -> list[str]:
        """The workers that Locust counts."""
        clients = self.runner.clients
        return [client.id for client in clients.ready + clients.spawning + clients.running]

    def committed(self, what: str, notes: list[str], seconds: float) -> None:
        """The live revision went live within so many seconds; `notes` are messages for the user."""
        self.refused = None
        change = Change(self.live.revision, ". ".join([what, *notes])[:REASON_LIMIT])
        self.changes.append(change)
        self.changes_of_run.append(change)
        current, connected = len(self.current_workers()), len(self.connected())
        logger.info("revision %s live on %d of %d workers in %.1f s", self.live.revision, current, connected, seconds)
        for note in notes:
            logger.warning("revision %s: %s", self.live.revision, note)

    def reject(self, revision: str, reason: str) -> None:
        """Record and log that a save was rejected."""
        self.refused = Change(revision, reason[:REASON_LIMIT])
        logger.error("edit rejected, revision %s stays live: %s", self.live.revision, self.refused.what)

    def differing_paths(self, digests: dict[str, str]) -> list[str]:
        """The synced paths whose content is not what `digests` says, SHA-256 by path, as of the last save that was decided.

        Files named .env do not count, because images leave them out, nor do files that this process writes.
        """
        theirs = {path: digest for path, digest in digests.items() if is_synced(path)}
        ours = {path: hashlib.sha256(content).hexdigest() for path, content in self.decided.items()}
        return sorted(
            path
            for path in ours.keys() | theirs.keys()
            if ours.get(path) != theirs.get(path)
            and path.rpartition("/")[2] != ".env"
            and os.path.realpath(self.live.modules.watched / path) not in WRITTEN
        )

    def reverted(self) -> None:
        """Record that the files are equal to the live ones again."""
        if self.refused:
            logger.info("the files match the live revision %s again", self.live.revision)
        self.refused = None


def summary(old: Tree, new: Tree) -> str:
    """What changed between two trees, in one line: `locustfile.py +2 -1, names.py new`."""
    return ", ".join(f"{path} {_extent(old.get(path), new.get(path))}" for path in sorted(changed_paths(old, new)))


def _extent(old: bytes | None, new: bytes | None) -> str:
    if old is None or new is None:
        return "new" if old is None else "deleted"
    before, after = Counter(old.splitlines()), Counter(new.splitlines())
    return f"+{(after - before).total()} -{(before - after).total()}"

"""Join: a worker starts with the master's live code, not with its own files, and takes users only once it has it."""

from locust import __version__, runners
from locust.argument_parser import download_locustfile_from_master
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING, WorkerRunner

import json
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent.event import Event

from . import users
from .commit import commit
from .internals import wrap
from .live import Live
from .messages import COMMIT, HAS, LIVE, STAGE, VOTE
from .stage import Refused, Staged, stage
from .tree import Tree

logger = logging.getLogger(__name__)

RETRY = 2.0
"""Seconds until a worker that cannot run what it got asks for the master's code again."""

SILENCE = 3.0
"""Seconds without an answer from the master, which answers each second, after which a worker looks for it."""


def offer(live: Live, environment: Environment) -> None:
    """Let Locust hand out the live tree when a worker that starts asks its master for the locustfile."""
    bundle = live.shelf.folder / "tree.json"
    tree = {path: b64encode(content).decode() for path, content in live.tree.items()}
    bundle.write_text(json.dumps({"tree": tree, "past": list(live.past)}))
    environment.parsed_locustfiles = [str(bundle)]


def trees(live: Live, host: str, port: int) -> Iterator[Tree]:
    """Yield the master's live tree, as it is each time; waits for the master as long as it takes."""
    runners.CONNECT_RETRY_COUNT = 1_000_000  # two months of its five seconds
    while True:
        locustfiles: Any = download_locustfile_from_master(host, port)
        bundle = json.loads(locustfiles[0]["contents"])
        live.past = set(bundle["past"])
        yield {path: b64decode(content) for path, content in bundle["tree"].items()}
        gevent.sleep(RETRY)


class Worker:
    """Stages, votes and commits as the master says."""

    def __init__(self, live: Live, environment: Environment, runner: WorkerRunner) -> None:
        self.live, self.environment, self.runner = live, environment, runner
        self._staged: Staged | None = None
        self._options: dict[str, Any] = {}
        self._is_current = Event()
        runner.register_message(STAGE, self._on_stage)
        runner.register_message(COMMIT, self._on_commit)
        runner.register_message(LIVE, self._on_live)
        wrap(type(runner), "start_worker", self._start_worker)
        wrap(type(runner), "handle_message", self._note_options)
        runner.greenlet.spawn(self._look_for_the_master)
        self._say_what_is_live()

    def _on_stage(self, msg: Message, **_: Any) -> None:
        kept = {path: content for path, content in self.live.tree.items() if path not in msg.data["removed"]}
        reason = None
        try:
            self._staged = stage(self.live, kept | msg.data["files"])
        except Refused as refusal:
            reason = str(refusal)
        self.runner.send_message(VOTE, {"revision": msg.data["revision"], "reason": reason})

    def _on_commit(self, msg: Message, **_: Any) -> None:
        if self._staged and self._staged.revision == msg.data["revision"]:
            self._commit(self._staged)

    def _on_live(self, msg: Message, **_: Any) -> None:
        if not msg.data["known"]:
            self._join_once_more(msg.data["revision"])
            return
        if msg.data["revision"] == self.live.revision:
            self._is_current.set()
            return
        self.live.past |= set(msg.data["past"])
        try:
            self._commit(stage(self.live, msg.data["tree"]))
        except Refused as refusal:
            logger.critical("This worker leaves, as it cannot run the live code: %s", refusal)
            self.runner.quit()

    def _commit(self, staged: Staged) -> None:
        commit(self.live, staged, self.environment)
        users.release_removed(self.runner)
        self._staged = None
        self._say_what_is_live()

    def _say_what_is_live(self, **more: Any) -> None:
        self.runner.send_message(HAS, {"revision": self.live.revision, **more})

    def _look_for_the_master(self) -> None:
        while True:
            gevent.sleep(1)
            if self._is_lost():
                self._say_what_is_live()

    def _is_lost(self) -> bool:
        heard = self.runner.last_heartbeat_timestamp
        return heard is not None and time.time() - heard > SILENCE

    def _join_once_more(self, masters_revision: str) -> None:
        """Stop the users, which nobody counts, and begin again with a master that does not know this worker."""
        if not self._is_lost():
            return  # this answers an earlier question
        runner, live = self.runner, self.live
        runner.last_heartbeat_timestamp = time.time()
        options = self._options if runner.worker_state in (STATE_SPAWNING, STATE_RUNNING) else None
        self._is_current.clear()
        runner.stop()
        runner.worker_state = STATE_INIT
        runner.client.send(Message("client_ready", __version__, runner.client_id))
        newer = live.tree if masters_revision in live.past else None
        self._say_what_is_live(tree=newer, past=list(live.past), options=options)

    def _note_options(self, stock: Callable[..., None], runner: WorkerRunner, msg: Message) -> None:
        if msg.type == "spawn":
            self._options = msg.data["parsed_options"]
        stock(runner, msg)

    def _start_worker(
        self, stock: Callable[..., None], runner: WorkerRunner, user_classes_count: dict[str, int], **options: Any
    ) -> None:
        """Start users once the code is current, and none of a class that an edit has removed meanwhile."""
        self._is_current.wait()
        known = runner.user_classes_by_name
        stock(runner, {name: count for name, count in user_classes_count.items() if name in known}, **options)

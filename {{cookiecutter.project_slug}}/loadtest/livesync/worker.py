"""Worker: runs the master's live code instead of its own files; stages and commits what the master sends."""

from locust import __version__, runners
from locust.env import Environment
from locust.exception import RPCSendError
from locust.rpc import Message
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING, WorkerRunner

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NoReturn

import gevent
from gevent.event import Event
from gevent.lock import RLock

from . import locust_environment, messages, users
from .edit import Edit
from .errors import Rejected, why_not
from .files import Tree
from .live_code import Live, commit, stage
from .messages import CURRENT, STAGE, STATUS, VOTE
from .proof import signed

logger = logging.getLogger(__name__)

HEARTBEAT_TIMEOUT = 3.0
"""Seconds without a heartbeat, which the master sends each second, before the worker reconnects."""


class Worker:
    """Stages, votes and commits on the master's messages, one at a time."""

    environment: Environment
    runner: WorkerRunner

    def __init__(self, live: Live, restart_process: Callable[[], NoReturn]) -> None:
        self.live = live
        self._restart_process = restart_process
        self._one_at_a_time = RLock()
        self._staged: Edit | None = None
        self._options: dict[str, Any] = {}
        self._is_current = Event()
        self._nonce = ""
        """What the master sent for the next status."""

    def join(self, environment: Environment, runner: WorkerRunner, **_: Any) -> None:
        """Listens to `init`: handle the master's messages from now on."""
        self.environment, self.runner = environment, runner
        locust_environment.note_initialised(environment)
        runner.register_message(STAGE, self._on_stage, concurrent=True)
        runner.register_message(CURRENT, self._on_current, concurrent=True)
        runner.greenlet.spawn(self._look_for_the_master)
        self._send_status()

    def _on_stage(self, msg: Message, **_: Any) -> None:
        with self._one_at_a_time:
            files = self.live.tree | msg.data["files"]
            tree = {path: content for path, content in files.items() if content is not None}
            reason = why_not(partial(self._stage, tree), self.live.folder.path)
            self.runner.send_message(VOTE, {"revision": msg.data["revision"], "reason": reason})

    def _stage(self, tree: Tree) -> None:
        self._staged = None
        self._staged = stage(self.live, tree, self.environment)

    def _on_current(self, msg: Message, **_: Any) -> None:
        self._nonce = msg.data["nonce"]
        with self._one_at_a_time:
            if not msg.data["known"]:
                self._join_again(msg.data["revision"])
            elif msg.data["again"]:
                self._send_status()
            elif msg.data["revision"] == self.live.revision:
                self._is_current.set()
            elif self._staged and self._staged.revision == msg.data["revision"]:
                self._commit(self._staged)
            elif msg.data["tree"] is not None:
                self._catch_up(msg.data)

    def _catch_up(self, current: dict[str, Any]) -> None:
        self.live.past.extend(current["past"])
        try:
            edit = stage(self.live, current["tree"], self.environment)
        except Rejected as rejection:
            self._restart(str(rejection))
        self._commit(edit)
        if self.live.revision != edit.revision:
            self._restart("its commit failed")

    def _restart(self, reason: str) -> NoReturn:
        logger.warning("This worker restarts, because it cannot apply the live code in place: %s", reason)
        self._restart_process()

    def _commit(self, edit: Edit) -> None:
        self._staged = None
        if reason := why_not(partial(commit, self.live, edit, self.environment), self.live.folder.path):
            logger.error("Revision %s could not be committed here: %s", edit.revision, reason)
        users.release_removed(self.runner, self.live)
        self._send_status()  # the master sends the code again to a worker that lacks it

    def _send_status(
        self, tree: Tree | None = None, past: Iterable[str] = (), options: dict[str, Any] | None = None
    ) -> None:
        status = {"revision": self.live.revision, "tree": tree, "past": list(past), "options": options}
        self.runner.client.send(signed(STATUS, status, self.runner.client_id, self._nonce))

    def _look_for_the_master(self) -> None:
        while True:
            gevent.sleep(1)
            if self._is_lost():
                try:
                    self._send_status()
                except RPCSendError as error:
                    logger.warning("The status could not be sent: %s", error)

    def _is_lost(self) -> bool:
        heard = self.runner.last_heartbeat_timestamp
        return heard is not None and _locusts_clock() - heard > HEARTBEAT_TIMEOUT

    def _join_again(self, masters_revision: str) -> None:
        """Stop the users, which no master counts, and join a master that does not know this worker."""
        if not self._is_lost():
            return  # this answers an earlier status
        runner, live = self.runner, self.live
        runner.last_heartbeat_timestamp = _locusts_clock()
        options = self._options if runner.worker_state in (STATE_SPAWNING, STATE_RUNNING) else None
        self._is_current.clear()
        runner.stop()
        runner.worker_state = STATE_INIT
        runner.last_received_spawn_timestamp = 0  # the new master has a clock of its own
        runner.client.send(Message("client_ready", __version__, runner.client_id))
        newer = live.tree if masters_revision in live.past else None
        self._send_status(newer, live.past, options)

    def handle(self, original: Callable[..., None], runner: WorkerRunner, msg: Message) -> None:
        """Stands in for `WorkerRunner.handle_message`: notes the options of a test, and ignores what is invalid."""
        messages.handle(partial(self._handle, partial(original, runner, msg), msg), msg)

    def _handle(self, original: Callable[[], None], msg: Message) -> None:
        if msg.type == "spawn":
            self._options = msg.data["parsed_options"]
        original()

    def start_worker(
        self, original: Callable[..., None], runner: WorkerRunner, user_classes_count: dict[str, int], **options: Any
    ) -> None:
        """Stands in for `WorkerRunner.start_worker`: start users once the code is current, and none of a class that an edit has removed."""
        self._is_current.wait()
        known = runner.user_classes_by_name
        original(runner, {name: count for name, count in user_classes_count.items() if name in known}, **options)


def _locusts_clock() -> float:
    """The time that Locust compares heartbeats with; a plugin makes it steady."""
    seconds: float = vars(runners)["time"].time()
    return seconds

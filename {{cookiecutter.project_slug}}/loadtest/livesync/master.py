"""Master: makes a revision live on the master and on every worker, or nowhere."""

from locust import events
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner
from locust.web import WebUI

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import gevent
from gevent.lock import RLock

from . import locust_environment, messages, proof, user_dispatch, web
from .edit import Edit
from .errors import Rejected, why_not
from .files import Tree, patched, revision_of
from .forked_trial import import_timeout
from .live_code import Live, commit, stage
from .messages import CURRENT, LOCUSTFILE, STAGE, STATUS, VOTE
from .proof import Challenges, ProofResult
from .resume_after_restart import can_resume, resume
from .swarm_status import Report, summary
from .watch import Watcher

logger = logging.getLogger(__name__)

TAKE_BACK = 30
"""Seconds from its start for which a master without a key takes code and a test from a worker."""


class Master:
    """Lets the workers vote on each save, and sends the live code to workers that run other code."""

    environment: Environment
    runner: MasterRunner

    def __init__(self, live: Live, watcher: Watcher) -> None:
        self.live, self.watcher = live, watcher
        self.report = Report(live)
        self._vote_timeout = import_timeout() + 3
        self._one_at_a_time = RLock()
        self._challenges = Challenges()
        self._has_begun = False
        """Whether a file was saved here, or a test started."""
        self._votes: dict[tuple[str, str], str | None] = {}
        """Why a worker cannot run a revision, or None if it can."""

    def answer(self, original: Callable[..., None], runner: MasterRunner, client: str, message: Message) -> None:
        """Stands in for `MasterRunner.handle_message`: answers a worker's request for the locustfile, and ignores what is invalid."""
        if message.type == LOCUSTFILE:
            messages.handle(partial(self._send_code, runner, message), message, client)
        else:
            messages.handle(partial(original, runner, client, message), message, client)

    def _send_code(self, runner: MasterRunner, request: Message) -> None:
        """Send the live code to a worker that starts, or the nonce for the proof that it lacks."""
        if self._challenges.check(request) is ProofResult.PROVEN:
            paths = [module.path for module in self.live.locustfiles]
            code = {"tree": self.live.tree, "past": list(self.live.past), "locustfiles": paths}
            runner.send_message(LOCUSTFILE, {"locustfiles": code}, request.node_id)
        else:
            nonce = self._challenges.nonce(request.node_id)
            runner.send_message(LOCUSTFILE, {"error": proof.MISSING, "nonce": nonce}, request.node_id)

    def serve(self, environment: Environment, runner: MasterRunner, web_ui: WebUI | None, **_: Any) -> None:
        """Listens to `init`: publish each save from now on."""
        self.environment, self.runner = environment, runner
        self._began = time.monotonic()
        self.report.begin(runner)
        self._saved = self._wanted = self.live.tree
        locust_environment.note_initialised(environment)
        events.test_start.add_listener(self.report.begin_run)
        events.test_start.add_listener(self._note_begin)
        events.test_start.add_listener(locust_environment.note_test_start)
        spread = user_dispatch.Spread(runner)
        events.test_stopping.add_listener(spread.give_way)
        runner.register_message(VOTE, self._on_vote)
        runner.register_message(STATUS, self._on_status, concurrent=True)
        if web_ui:
            web.serve(self.report, environment, web_ui)
        runner.greenlet.spawn(self._publish_saves)
        runner.greenlet.spawn(spread.keep)

    def _publish_saves(self) -> None:
        while True:
            if reason := why_not(self._publish_save, self.live.folder.path):
                self.report.reject("unknown", reason)
                gevent.sleep(1)

    def _publish_save(self) -> None:
        """Publish what is saved in the folder next, on top of what a worker may have handed back."""
        saved = self.watcher.next_save()
        self._note_begin()
        with self._one_at_a_time:
            wanted = patched(self._wanted, self._saved, saved)
            self._saved = saved
            self.publish(wanted)

    def _note_begin(self, **_: Any) -> None:
        self._has_begun = True

    def publish(self, tree: Tree) -> None:
        """Make `tree` live everywhere; if a process cannot run it, nowhere, and report why."""
        with self._one_at_a_time:
            self._wanted = tree
            if reason := why_not(partial(self._publish, tree), self.live.folder.path):
                self.report.reject(revision_of(tree), reason)
            self.report.decided = tree

    def _publish(self, tree: Tree) -> None:
        start = time.monotonic()
        if tree == self.live.tree:
            self.report.reverted()
            return
        what = summary(self.live.tree, tree)
        edit = stage(self.live, tree, self.environment)
        voters = self._ask(edit)
        weights_before = user_dispatch.class_weights(self.environment)
        outcome = commit(self.live, edit, self.environment)
        for worker in voters:
            self._send_current(worker)
        self._wait_for(voters, lambda worker: self.report.workers.get(worker) == edit.revision)
        self.report.committed(what, outcome.notes, seconds=time.monotonic() - start)
        for worker in self._connected(self.report.workers):
            if self.report.workers[worker] != self.live.revision:
                # The tree follows only on its proof, because somebody else may have taken its name since its last one.
                self._send_current(worker, again=True)
        if user_dispatch.class_weights(self.environment) != weights_before:
            user_dispatch.rebalance(self.runner)

    def _ask(self, edit: Edit) -> list[str]:
        """The workers that run the live revision, once all of them have staged the new one."""
        data = {"revision": edit.revision, "files": {path: edit.tree.get(path) for path in edit.paths}}
        self._votes.clear()
        voters = self.report.current_workers()
        for worker in voters:
            self.runner.send_message(STAGE, data, worker)
        self._wait_for(voters, lambda worker: (worker, edit.revision) in self._votes)
        for worker in self._connected(voters):
            if (worker, edit.revision) not in self._votes:
                raise Rejected(
                    f"worker {worker} did not vote within {self._vote_timeout:g} s: see its log, and save again"
                )
            if reason := self._votes[worker, edit.revision]:
                raise Rejected(f"worker {worker}: {reason}")
        return voters

    def _connected(self, workers: Iterable[str]) -> list[str]:
        return [worker for worker in workers if worker in self.report.connected()]

    def _wait_for(self, workers: list[str], done: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + self._vote_timeout
        while not all(map(done, self._connected(workers))) and time.monotonic() < deadline:
            gevent.sleep(0.005)

    def _send_current(self, worker: str, tree: Tree | None = None, again: bool = False) -> None:
        self.runner.send_message(
            CURRENT,
            {
                "known": worker in self.runner.clients,
                "revision": self.live.revision,
                "tree": tree,
                "past": list(self.live.past) if tree else [],
                "nonce": self._challenges.nonce(worker),
                "again": again,
            },
            worker,
        )

    def _on_vote(self, msg: Message, **_: Any) -> None:
        if msg.node_id in self.report.workers:
            self._votes[msg.node_id, msg.data["revision"]] = msg.data["reason"]

    def _on_status(self, msg: Message, **_: Any) -> None:
        tree = None
        result = self._challenges.check(msg)
        if result is ProofResult.PROVEN and msg.node_id in self.runner.clients:
            self._take_back(msg.node_id, msg.data)
            self.report.workers[msg.node_id] = msg.data["revision"]
            tree = self.live.tree if msg.data["revision"] != self.live.revision else None
        self._send_current(msg.node_id, tree, again=result is ProofResult.AGAIN)

    def _take_back(self, worker: str, status: dict[str, Any]) -> None:
        """Accept from a worker that reconnected what this master lacks: newer code, and the test that was running."""
        is_newer = self._is_newer(status)
        has_test = status["options"] and can_resume(self.environment, self.runner)
        if not is_newer and not has_test:
            return
        if not self._takes_back():
            logger.warning(
                "revision %s of worker %r is refused: without LIVESYNC_KEY, a master takes code and a test from a worker "
                "only in its first %d s, before its first edit and test",
                status["revision"],
                worker,
                TAKE_BACK,
            )
            return
        if is_newer:
            with self._one_at_a_time:
                if self._is_newer(status):  # newer code may have gone live while this waited
                    self.live.past.extend(status["past"])
                    self.publish(status["tree"])
        if has_test:
            resume(self.environment, self.runner, status["options"])

    def _is_newer(self, status: dict[str, Any]) -> bool:
        return bool(status["tree"]) and self.live.revision in status["past"]

    def _takes_back(self) -> bool:
        return bool(proof.key()) or (not self._has_begun and time.monotonic() - self._began < TAKE_BACK)

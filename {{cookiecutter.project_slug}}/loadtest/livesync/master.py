"""Master: a revision goes live on the master and on every worker, or nowhere."""

from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner

import time
from collections.abc import Callable, Iterable
from typing import Any

from gevent import GreenletExit
from gevent.event import Event
from gevent.lock import RLock

from . import bundle, dispatch
from .bundle import Bundle
from .edit import Edit, explain
from .errors import Rejected
from .files import Tree, patched, revision_of
from .live import Live, commit, stage
from .messages import COMMIT, CURRENT, STAGE, STATUS, VOTE
from .report import Report, summary
from .resume import resume
from .trial import import_timeout


class Master:
    """Puts each save to the vote, and sends the live code to every worker that has another one."""

    def __init__(self, live: Live, environment: Environment, runner: MasterRunner, report: Report) -> None:
        self.live, self.environment, self.runner, self.report = live, environment, runner, report
        self._vote_timeout = import_timeout() + 3
        self._folder = self._wanted = live.tree
        self._one_at_a_time = RLock()
        self._votes: dict[str, str | None] = {}
        self._asked_about = ""
        self._news = Event()
        runner.register_message(VOTE, self._on_vote)
        runner.register_message(STATUS, self._on_status, concurrent=True)
        bundle.stage(self._bundle(live.tree, live.past), live.folder.home)
        bundle.offer(live.folder.home, environment)

    def publish_save(self, folder: Tree) -> None:
        """Publish what was saved in the folder, on top of what a worker may have handed back."""
        wanted = patched(self._wanted, self._folder, folder)
        self._folder = folder
        self.publish(wanted)

    def publish(self, tree: Tree) -> None:
        """Make `tree` live everywhere; if a process cannot run it, nowhere, and report why."""
        with self._one_at_a_time:
            self._wanted = tree
            try:
                self._publish(tree)
            except GreenletExit:
                raise
            except Rejected as rejection:
                self.report.reject(revision_of(tree), str(rejection))
            except BaseException as error:  # noqa: BLE001 - nothing may end the watching of saves unseen
                self.report.reject(revision_of(tree), explain(error, self.live.folder.path))

    def _publish(self, tree: Tree) -> None:
        start = time.monotonic()
        if tree == self.live.tree:
            self.report.reverted()
            return
        what = summary(self.live.tree, tree)
        edit = stage(self.live, tree, self.environment)
        bundle.stage(self._bundle(tree, self.live.past | {self.live.revision}), self.live.folder.home)
        voters = self._ask(edit)
        weights_before = dispatch.class_weights(self.environment)
        outcome = commit(self.live, edit, self.environment)
        bundle.offer(self.live.folder.home, self.environment)
        for worker in voters:
            self._send(COMMIT, worker, revision=edit.revision)
        self._wait_for(voters, lambda worker: self.report.workers.get(worker) == edit.revision)
        self.report.committed(what, outcome.notes, seconds=time.monotonic() - start)
        for worker in set(self._present(self.report.workers)) - set(self.report.current_workers()):
            self._send_current(worker)
        if dispatch.class_weights(self.environment) != weights_before:
            dispatch.rebalance(self.runner)

    def _bundle(self, tree: Tree, past: set[str]) -> Bundle:
        return Bundle(tree, past, [module.path for module in self.live.locustfiles])

    def _ask(self, edit: Edit) -> list[str]:
        """The workers that run the live revision, once all of them have staged the new one."""
        files = {path: edit.tree[path] for path in edit.paths if path in edit.tree}
        self._votes, self._asked_about = {}, edit.revision
        voters = self._present(self.report.current_workers())
        for worker in voters:
            self._send(STAGE, worker, revision=edit.revision, files=files, removed=list(edit.paths - files.keys()))
        self._wait_for(voters, lambda worker: worker in self._votes)
        for worker in self._present(voters):
            if worker not in self._votes:
                raise Rejected(f"worker {worker} did not answer within {self._vote_timeout:g} s")
            if reason := self._votes[worker]:
                raise Rejected(f"worker {worker}: {reason}")
        return voters

    def _present(self, workers: Iterable[str]) -> list[str]:
        clients = self.runner.clients
        return [worker for worker in workers if worker in clients and clients[worker].state != STATE_MISSING]

    def _wait_for(self, workers: list[str], done: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + self._vote_timeout
        while not all(done(worker) for worker in self._present(workers)) and time.monotonic() < deadline:
            self._news.clear()
            self._news.wait(0.2)

    def _send(self, message: str, worker: str, **data: Any) -> None:
        self.runner.send_message(message, data, worker)

    def _send_current(self, worker: str) -> None:
        known = worker in self.runner.clients
        tree = self.live.tree if known and self.report.workers.get(worker) != self.live.revision else None
        self._send(CURRENT, worker, known=known, revision=self.live.revision, tree=tree, past=list(self.live.past))

    def _on_vote(self, msg: Message, **_: Any) -> None:
        if msg.data["revision"] == self._asked_about:
            self._votes[msg.node_id] = msg.data["reason"]
            self._news.set()

    def _on_status(self, msg: Message, **_: Any) -> None:
        if msg.node_id in self.runner.clients:
            self._take_back(msg.data)
            self.report.workers[msg.node_id] = msg.data["revision"]
        self._send_current(msg.node_id)
        self._news.set()

    def _take_back(self, status: dict[str, Any]) -> None:
        """Let a worker that came back hand over what this master does not have: newer code, and the test that ran."""
        if status.get("tree") and self.live.revision in status["past"]:
            self.live.past |= set(status["past"])
            self.publish(status["tree"])
        if status.get("options"):
            resume(self.environment, self.runner, status["options"])

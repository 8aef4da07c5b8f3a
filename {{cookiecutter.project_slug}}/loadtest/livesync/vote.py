"""Vote: a revision goes live on the master and on every worker, or nowhere."""

from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner

import time
from collections.abc import Callable, Iterable
from typing import Any

from gevent.event import Event
from gevent.lock import RLock

from . import dispatch, join
from .commit import commit
from .live import Live
from .messages import COMMIT, HAS, LIVE, STAGE, VOTE
from .report import Report, summary
from .resume import resume
from .stage import Refused, Staged, stage
from .tree import Tree, changed_paths, patched, revision_of

VOTE_LIMIT = 8.0
"""Seconds for all workers to vote, and to commit; one that died is missing after 4 and no longer waited for."""


class Master:
    """Puts each save to the vote, and tells every worker that is behind what is live."""

    def __init__(self, live: Live, environment: Environment, runner: MasterRunner, report: Report) -> None:
        self.live, self.environment, self.runner, self.report = live, environment, runner, report
        self._folder = self._wanted = live.tree
        self._one_at_a_time = RLock()
        self._votes: dict[str, str | None] = {}
        self._asked_about = ""
        self._news = Event()
        runner.register_message(VOTE, self._on_vote)
        runner.register_message(HAS, self._on_has, concurrent=True)
        join.offer(live, environment)

    def publish_save(self, folder: Tree) -> None:
        """Publish what was saved in the folder, on top of what a worker may have handed back."""
        wanted = patched(self._wanted, self._folder, folder)
        self._folder = folder
        self.publish(wanted)

    def publish(self, tree: Tree) -> None:
        """Make `tree` live everywhere; if a process cannot run it, nowhere, and report why."""
        with self._one_at_a_time:
            self._wanted = tree
            self._publish(tree)

    def _publish(self, tree: Tree) -> None:
        start = time.monotonic()
        if tree == self.live.tree:
            self.report.reverted()
            return
        what = summary(self.live.tree, tree)
        try:
            staged = stage(self.live, tree)
            voters = self._ask(staged)
        except Refused as refusal:
            self.report.refuse(revision_of(tree), str(refusal))
            return
        classes_before = dispatch.mix(self.environment)
        commit(self.live, staged, self.environment)
        join.offer(self.live, self.environment)
        for worker in voters:
            self._send(COMMIT, worker, revision=staged.revision)
        self._wait_for(voters, lambda worker: self.report.workers.get(worker) == staged.revision)
        self.report.committed(what, seconds=time.monotonic() - start)
        for worker in set(self._present(self.report.workers)) - set(self.report.current_workers()):
            self._send_live(worker)
        if dispatch.mix(self.environment) != classes_before:
            dispatch.redistribute(self.runner)

    def _ask(self, staged: Staged) -> list[str]:
        """The workers that run the live revision, once all of them have staged the new one."""
        changed = changed_paths(self.live.tree, staged.tree)
        files = {path: staged.tree[path] for path in changed if path in staged.tree}
        self._votes, self._asked_about = {}, staged.revision
        voters = self._present(self.report.current_workers())
        for worker in voters:
            self._send(STAGE, worker, revision=staged.revision, files=files, removed=list(changed - files.keys()))
        self._wait_for(voters, lambda worker: worker in self._votes)
        for worker in self._present(voters):
            if worker not in self._votes:
                raise Refused(f"worker {worker} did not answer within {VOTE_LIMIT:g} s")
            if reason := self._votes[worker]:
                raise Refused(f"worker {worker}: {reason}")
        return voters

    def _present(self, workers: Iterable[str]) -> list[str]:
        clients = self.runner.clients
        return [worker for worker in workers if worker in clients and clients[worker].state != STATE_MISSING]

    def _wait_for(self, workers: list[str], done: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + VOTE_LIMIT
        while not all(done(worker) for worker in self._present(workers)) and time.monotonic() < deadline:
            self._news.clear()
            self._news.wait(0.2)

    def _send(self, message: str, worker: str, **data: Any) -> None:
        self.runner.send_message(message, data, worker)

    def _send_live(self, worker: str) -> None:
        known = worker in self.runner.clients
        tree = self.live.tree if known and self.report.workers.get(worker) != self.live.revision else None
        self._send(LIVE, worker, known=known, revision=self.live.revision, tree=tree, past=list(self.live.past))

    def _on_vote(self, msg: Message, **_: Any) -> None:
        if msg.data["revision"] == self._asked_about:
            self._votes[msg.node_id] = msg.data["reason"]
            self._news.set()

    def _on_has(self, msg: Message, **_: Any) -> None:
        if msg.node_id in self.runner.clients:
            self._take_back(msg.data)
            self.report.workers[msg.node_id] = msg.data["revision"]
        self._send_live(msg.node_id)
        self._news.set()

    def _take_back(self, has: dict[str, Any]) -> None:
        """Let a worker that came back hand over what this master does not have: newer code, and the test that ran."""
        if has.get("tree") and self.live.revision in has["past"]:
            self.live.past |= set(has["past"])
            self.publish(has["tree"])
        if has.get("options"):
            resume(self.environment, self.runner, has["options"])

"""Start: Locust's own command on the live code, and from then on every save goes into it."""

from locust import events, main, runners
from locust.argument_parser import parse_locustfile_option
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.web import WebUI

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import connection, fixes, join, shape, users, web
from .commit import commit
from .live import Live
from .report import Report
from .stage import Refused, Staged, stage
from .tree import LOCUSTFILE, Shelf, Tree
from .vote import Master
from .watch import saves

logger = logging.getLogger("livesync")


def run() -> None:
    """Run as `locust` would with this process's arguments, `--master` or `--worker` among them."""
    options: Any = parse_locustfile_option()  # annotated as something else in Locust
    fixes.apply()
    connection.keep_alive()
    with TemporaryDirectory(prefix="livesync-") as home:
        live = Live(Shelf(Path(home)))
        if options.worker:
            run_worker(live, options.master_host, options.master_port)
        else:
            run_master(live)


def run_master(live: Live) -> None:
    saved = saves(Path.cwd())
    shape.follow_commits(live)
    # Ahead of the locustfile's own init listeners: workers may ask for the code while one of these waits.
    events.init.add_listener(partial(_follow_saves, live, saved))
    start_locust(live, saved)


def run_worker(live: Live, host: str, port: int) -> None:
    os.chdir(live.shelf.current)  # where the locustfile looks for its data files
    users.follow_commits(live)
    runners.WORKER_REPORT_INTERVAL = 1.0  # so that the web UI shows an edit soon after it is live
    events.init.add_listener(partial(_follow_master, live))
    start_locust(live, join.trees(live, host, port))


def start_locust(live: Live, trees: Iterable[Tree]) -> None:
    """Run Locust's own command on the first of `trees` that can run."""
    sys.path[0] = str(live.shelf.current)
    first = _first_runnable(live, trees)
    loaded = first.user_classes or {}, list(first.shapes.values())
    vars(main).update(load_locustfile=lambda _path: loaded)
    sys.argv[1:1] = ["-f", str(live.shelf.current / LOCUSTFILE)]
    main.main()


def _first_runnable(live: Live, trees: Iterable[Tree]) -> Staged:
    said = ""
    for tree in trees:
        try:
            staged = stage(live, tree)
        except Refused as refusal:
            if said != str(refusal):
                said = str(refusal)
                logger.warning("Locust starts with the next save that can run: %s", said)
            continue
        commit(live, staged)
        return staged
    raise EOFError("the trees have no end")


def _follow_saves(
    live: Live, saved: Iterator[Tree], environment: Environment, runner: MasterRunner, web_ui: WebUI | None, **_: Any
) -> None:
    report = Report(live, runner)
    master = Master(live, environment, runner, report)
    web.list_changes_in_reports(report)
    if web_ui:
        web.serve(report, environment, web_ui)

    def publish_each() -> None:
        for tree in saved:
            try:
                master.publish_save(tree)
            except Exception:  # a defect of live sync must not end it
                logger.exception("This save could not be brought into the swarm; restart Locust for it")

    runner.greenlet.spawn(publish_each)
    runner.greenlet.spawn(fixes.keep_users_spread, runner)


def _follow_master(live: Live, environment: Environment, runner: WorkerRunner, **_: Any) -> None:
    join.Worker(live, environment, runner)

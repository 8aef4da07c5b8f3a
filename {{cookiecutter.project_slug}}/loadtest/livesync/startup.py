"""Startup: runs Locust's own command on the live code, and watches for saves from then on."""

from locust import events, main
from locust.argument_parser import get_parser

import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import gevent

from . import file_access, forked_trial, loader, locust_internals, patches, web
from .errors import Rejected
from .files import Folder
from .live_code import Live, check_names
from .master import Master
from .master_connection import download_code
from .modules import Modules
from .watch import Watcher
from .worker import Worker

logger = logging.getLogger("livesync")

RETRY = 2.0
"""Seconds until a worker that cannot run the master's code requests it again."""


def run() -> None:
    """Run as `locust` would with this process's arguments, `--master` or `--worker` among them."""
    options = _options()
    watched = Path.cwd()
    file_access.install(watched)
    # Hidden, because without a writable folder for temporary files it is in the watched folder, which ignores hidden names.
    home = Path(tempfile.gettempdir(), f".livesync-{uuid4().hex}").resolve()
    signal.signal(signal.SIGTERM, partial(_end_at_once, home))  # until Locust has a handler of its own
    home.mkdir(mode=0o700)
    try:
        live = Live(folder := Folder(home), Modules(folder, watched))
        patches.check(live)
        locust_internals.install(patches.of_every_process(live))
        if options.worker:
            _run_worker(live, options.master_host, options.master_port)
        else:
            _run_master(live)
    finally:
        os.chdir(watched)
        shutil.rmtree(home, ignore_errors=True)


def _options() -> Any:
    """Locust's own options; exits with a message if live sync cannot run with them."""
    options: Any = get_parser().parse_known_args()[0]
    if options.processes:
        sys.exit("--processes cannot be used with live sync: start more workers instead, each with --worker")
    if not options.master and not options.worker:
        sys.exit("live sync needs --master or --worker; without either, run locust itself")
    forked_trial.import_timeout()
    return options


def _end_at_once(home: Path, *_: object) -> NoReturn:
    """End the process while it starts; an exception could be caught by the code that it loads."""
    shutil.rmtree(home, ignore_errors=True)
    os._exit(0)


def _run_master(live: Live) -> None:
    """Run the master on the files of the watched folder."""
    with closing(Watcher(live.modules.watched)) as watcher:
        master = Master(live, watcher)
        locust_internals.install(patches.of_master(live, master.answer, partial(web.with_changes, master.report)))
        try:
            live.unpack(watcher.read())
            check_names(live.tree, set(live.tree))
            # Ahead of the locustfile's own init listeners: workers may ask for the code while one of these waits.
            events.init.add_listener(master.serve)
            _run_locust(live, loader.on_command_line(live))
        except Rejected as rejection:
            _start_again(live, "Locust starts with the next save that can run", rejection, watcher.next_save)


def _run_worker(live: Live, host: str, port: int) -> None:
    """Run a worker on the master's live code."""
    worker = Worker(live, partial(restart_process, live))
    locust_internals.install(patches.of_worker(live, worker.start_worker, worker.handle))
    try:
        received = download_code(host, port)
        live.past.extend(received["past"])
        live.unpack(received["tree"])
        os.chdir(live.folder.path)  # where the locustfile looks for its data files
        events.init.add_listener(worker.join)
        _run_locust(live, received["locustfiles"])
    except Rejected as rejection:
        _start_again(live, "This worker asks for the live code again", rejection, partial(gevent.sleep, RETRY))


def _run_locust(live: Live, paths: list[str]) -> None:
    """Run Locust's command on these files of the tree."""
    root, watched = str(live.folder.path), str(live.modules.watched)
    locust_internals.install(patches.of_locustfiles(live, [f"{root}/{path}" for path in paths]))
    sys.path[:] = [root, *(path for path in sys.path if path not in ("", root) and os.path.realpath(path) != watched)]
    loader.load_plugins(live)
    main.main()


def _start_again(live: Live, what: str, rejection: Rejected, wait: Callable[[], object]) -> NoReturn:
    logging.basicConfig(format="[%(asctime)s] %(levelname)s/%(name)s: %(message)s")
    logger.warning("%s: %s", what, rejection)
    with suppress(Rejected):
        wait()
    restart_process(live)


def restart_process(live: Live) -> NoReturn:
    """Restart this process, without the code that it has loaded."""
    os.chdir(live.modules.watched)
    shutil.rmtree(live.folder.home, ignore_errors=True)
    os.execv(sys.executable, [sys.executable, "-m", "livesync", *sys.argv[1:]])  # noqa: S606 - it is this very command

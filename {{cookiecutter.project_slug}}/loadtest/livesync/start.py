"""Start: Locust's own command on the live code, and from then on every save goes into it."""

from locust import LoadTestShape, User, events, main
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.util.load_locustfile import is_shape_class, is_user_class
from locust.web import WebUI

import contextlib
import io
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any, NoReturn

import gevent

from . import bundle, fixes, internals, load_test, opened, patches, shape, trial, web
from .edit import explain
from .errors import Rejected
from .files import Folder
from .live import Live, check_names
from .master import Master
from .modules import Modules
from .report import Report
from .watch import Watcher
from .worker import Worker

logger = logging.getLogger("livesync")

RETRY = 2.0
"""Seconds until a worker that cannot run what it got asks for the master's code again."""


def run() -> None:
    """Run as `locust` would with this process's arguments, `--master` or `--worker` among them."""
    options: Any = get_parser().parse_known_args()[0]
    if options.processes:
        sys.exit("--processes cannot be used with live sync: start more workers instead, each with --worker")
    if not options.master and not options.worker:
        sys.exit("live sync needs --master or --worker; without either, run locust itself")
    trial.import_timeout()  # says what is wrong with the variable before anything starts
    started_in = Path.cwd()
    opened.install(started_in)
    internals.install(patches.of_connections())
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    # Hidden, as without a writable folder for temporary files it lies in the one that is watched.
    home = Path(tempfile.mkdtemp(prefix=".livesync-")).resolve()
    signal.signal(signal.SIGTERM, partial(_end_at_once, home))  # until Locust has a handler of its own
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        live = Live(folder := Folder(home), Modules(folder, started_in))
        if options.worker:
            run_worker(live, options.master_host, options.master_port)
        else:
            run_master(live, started_in)
    finally:
        os.chdir(started_in)
        shutil.rmtree(home, ignore_errors=True)


def _end_at_once(home: Path, *_: object) -> NoReturn:
    """End the process while it starts; an exception could be caught by the code that it loads."""
    shutil.rmtree(home, ignore_errors=True)
    os._exit(0)


def run_master(live: Live, watched: Path) -> None:
    """Run the master on the files of the watched folder."""
    watcher = Watcher(watched)
    try:
        live.unpack(watcher.read())
        check_names(live.tree, set(live.tree))
        internals.install(patches.of_master(live))
        _install(live, find_locustfiles=partial(_find_locustfiles, live, watched))
        # Ahead of the locustfile's own init listeners: workers may ask for the code while one of these waits.
        events.init.add_listener(partial(_follow_saves, live, watcher))
        main.main()
    except Rejected as rejection:
        logging.basicConfig(format="[%(asctime)s] %(levelname)s/%(name)s: %(message)s")
        logger.warning("Locust starts with the next save that can run: %s", rejection)
        with contextlib.suppress(Rejected):
            watcher.next_save()
        restart_process(live, watched)


def run_worker(live: Live, host: str, port: int) -> None:
    """Run a worker on the master's live code."""
    started_in = Path.cwd()
    internals.install(patches.of_worker(live))
    received = bundle.download(host, port)
    live.past = received.past
    try:
        live.unpack(received.tree)
        os.chdir(live.folder.path)  # where the locustfile looks for its data files
        _install(live, find_locustfiles=lambda *_: [str(live.folder.path / path) for path in received.locustfiles])
        events.init.add_listener(partial(_follow_master, live, partial(restart_process, live, started_in)))
        main.main()
    except Rejected as rejection:
        logging.basicConfig(format="[%(asctime)s] %(levelname)s/%(name)s: %(message)s")
        logger.warning("This worker cannot run the live code and asks for it again: %s", rejection)
        gevent.sleep(RETRY)
        restart_process(live, started_in)


def restart_process(live: Live, started_in: Path) -> NoReturn:
    """Begin anew in the same process, with nothing left of the code that it has loaded."""
    os.chdir(started_in)
    shutil.rmtree(live.folder.home, ignore_errors=True)
    os.execv(sys.executable, [sys.executable, "-m", "livesync", *sys.argv[1:]])  # noqa: S606 - it is this very command


def reject_pytest_files(*_: object) -> NoReturn:
    """Stands in for Locust's loader of pytest-style files."""
    raise Rejected(
        "the locustfile has no user class; live sync does not run pytest-style locustfiles, locust itself does"
    )


def _install(live: Live, find_locustfiles: Callable[..., list[str]]) -> None:
    internals.install(
        patches.of_every_process(live, partial(_load_locustfile, live), reject_pytest_files, find_locustfiles)
    )
    root = str(live.folder.path)
    watched = str(live.modules.watched)
    sys.path[:] = [root, *(path for path in sys.path if path not in ("", root) and os.path.realpath(path) != watched)]


def _find_locustfiles(live: Live, watched: Path, original: Callable[..., list[str]], options: Any) -> list[str]:
    """Stands in for Locust's search: the files that `-f` names, in the folder that user code is loaded from."""
    try:
        with contextlib.redirect_stderr(io.StringIO()) as message:
            found = original(options)
    except SystemExit as error:
        raise Rejected(message.getvalue().strip() or str(error)) from error
    paths = []
    for path in found:
        real = Path(path).resolve()
        if not real.is_relative_to(watched.resolve()):
            sys.exit(f"{path} is outside of {watched}: start live sync in the folder of the locustfile")
        relative = real.relative_to(watched.resolve()).as_posix()
        if relative in live.tree:
            paths.append(str(live.folder.path / relative))
        elif relative.partition("/")[0] != "livesync":
            raise Rejected(f"{relative} is not among the files that are synced")
    return paths


def _load_locustfile(
    live: Live, _original: Callable[..., Any], path: str
) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Stands in for `load_locustfile`: load it as Locust does, from the folder, and remember which module it is."""
    name = Path(path).stem
    loader = SourceFileLoader("locustfile" if name == "locust" else name, path)
    module = module_from_spec(ModuleSpec(loader.name, loader, origin=path))
    module.__file__ = path
    sys.modules[loader.name] = module
    sys.path.insert(0, str(Path(path).parent))
    try:
        loader.exec_module(module)
        _check_arguments()
    except (KeyboardInterrupt, Rejected):
        raise
    except BaseException as error:
        raise Rejected(explain(error, live.folder.path)) from error
    finally:
        sys.path.remove(str(Path(path).parent))
    live.locustfiles += [loaded for loaded in live.modules.loaded if loaded.module is module]
    user_classes = {name: value for name, value in vars(module).items() if is_user_class(value)}
    shapes = [shape.make(live.modules.calls, value) for value in vars(module).values() if is_shape_class(value)]
    return user_classes, shapes


def _check_arguments() -> None:
    """Raise Rejected for an argument of the user's that is required and not given; a save can mend that."""
    with contextlib.redirect_stderr(io.StringIO()) as message:
        try:
            get_parser().parse_known_args()
        except SystemExit:
            if "arguments are required" in message.getvalue():
                raise Rejected(message.getvalue().strip()) from None


def _follow_saves(
    live: Live, watcher: Watcher, environment: Environment, runner: MasterRunner, web_ui: WebUI | None, **_: Any
) -> None:
    report = Report(live, runner)
    events.test_start.add_listener(report.begin_run)
    events.test_start.add_listener(load_test.note_test_start)
    load_test.note_initialised(environment)
    master = Master(live, environment, runner, report)
    internals.install(patches.of_reports(partial(web.with_changes, report)))
    if web_ui:
        web.serve(report, environment, web_ui)

    def publish_each() -> None:
        while True:
            try:
                master.publish_save(watcher.next_save())
            except Rejected as rejection:
                report.reject("unknown", str(rejection))
            except Exception as error:
                logger.exception("A save could not be read")
                report.reject("unknown", f"{type(error).__name__}: {error}")
                gevent.sleep(1)

    runner.greenlet.spawn(publish_each)
    runner.greenlet.spawn(fixes.keep_users_spread, runner)


def _follow_master(
    live: Live, restart: Callable[[], None], environment: Environment, runner: WorkerRunner, **_: Any
) -> None:
    load_test.note_initialised(environment)
    Worker(live, environment, runner, restart)

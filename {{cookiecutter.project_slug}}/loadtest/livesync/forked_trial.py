"""Tries an edit in a forked child first, so that a failure, an exit or an endless loop happens there."""

import builtins
import io
import json
import os
import posix
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import gevent
from gevent.monkey import get_original
from gevent.os import tp_read

from .errors import Rejected

REASON_LIMIT = 2000
"""Characters of a reason; user code decides how long an error message is."""


PATHS = dict.fromkeys(["open", "open_code", "stat", "lstat", "listdir", "scandir"], 1)
PATHS |= dict.fromkeys(["mkdir", "rmdir", "remove", "unlink", "truncate", "chmod", "utime"], 1)
PATHS |= dict.fromkeys(["rename", "replace", "link"], 2)
"""Functions that look up or change files, and how many of their first arguments are paths."""

PATH_NAMES = {"path", "file", "src", "dst"}
"""Names of these arguments."""


def import_timeout() -> float:
    """Seconds that an edit may take to run at the top level of its modules: LIVESYNC_IMPORT_TIMEOUT."""
    text = os.environ.get("LIVESYNC_IMPORT_TIMEOUT", "5")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise SystemExit(f"LIVESYNC_IMPORT_TIMEOUT is {text!r}: it must be a number of seconds above 0")
    return seconds


def trial(action: Callable[[], str | None]) -> None:
    """Run `action` in a child, and raise Rejected with the reason that it returns, or if it took too long."""
    timeout = import_timeout()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    reader, writer = os.pipe()
    child = _fork()
    if child == 0:
        vars(os).update(getpid=lambda: parent)  # user code that reads it must see what it will see in the parent
        _run_in_child(action, writer, timeout)
    os.close(writer)
    try:
        with gevent.Timeout(timeout, False):
            _raise_rejection(_read_all(reader))
            return
        raise Rejected(
            f"the edited module-level code took longer than {timeout:g} s: move slow code into on_start, "
            "or increase LIVESYNC_IMPORT_TIMEOUT"
        )
    finally:
        os.close(reader)
        with suppress(ProcessLookupError, ChildProcessError):  # gevent may have waited for it already
            os.kill(child, signal.SIGKILL)
            get_original("os", "waitpid")(child, 0)


def _raise_rejection(answer: bytes) -> None:
    if not answer:
        raise Rejected("the edited module-level code crashed its process or called os._exit: remove that call")
    if reason := json.loads(answer)["reason"]:
        raise Rejected(reason)


def _read_all(reader: int) -> bytes:
    parts = []
    while part := tp_read(reader, 65536):
        parts.append(part)
    return b"".join(parts)


def _run_in_child(action: Callable[[], str | None], writer: int, timeout: float) -> NoReturn:
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(int(timeout) + 2)  # should the parent die
        reason = action() or ""
        os.write(writer, json.dumps({"reason": reason[:REASON_LIMIT]}).encode())
    finally:
        os._exit(0)


_left_hubs: list[Any] = []
"""The hub that the child leaves, while `_fork` is forking."""


def _fork() -> int:
    """Fork as `os.fork` does without gevent, whose fork would have the child take over the event loop with all users in it."""
    gevent.sleep(0)  # it goes on while no timer or socket is due; the end of the hub would run what is due in the child
    _left_hubs.append(gevent.get_hub())
    try:
        return int(get_original("os", "fork")())
    finally:
        _left_hubs.clear()


def _leave_parent() -> None:
    """Give a child that `_fork` made an event loop of its own, and no output."""
    for hub in _left_hubs:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        _leave_event_loop(hub)


# OpenTelemetry registers hooks later, which start threads and wait for them: that runs what the event loop holds.
os.register_at_fork(after_in_child=_leave_parent)


def _leave_event_loop(hub: Any) -> None:
    """Give the child an event loop of its own, in which no user and no greenlet of the parent ever runs."""
    current = gevent.getcurrent()
    hub._threadpool = hub._resolver = None  # their threads are not in the child
    if current is not hub.parent:
        # A hub that ends switches to its parent, which has to be this greenlet.
        current.parent, hub.parent = hub.parent, current
    hub.destroy(destroy_loop=True)
    gevent.hub.set_hub(gevent.hub.Hub(default=True))


def mirror_files(root: Path, mirror: Path, activate: Callable[[Path], None]) -> None:
    """In a child: let everything below `root` be looked up in a copy of it, in which `activate` put the new files."""
    shutil.copytree(root, mirror, copy_function=shutil.copyfile)  # no links, as user code may write
    activate(mirror)
    prefix = f"{root}{os.sep}"

    def mirrored(path: Any) -> Any:
        text = os.path.abspath(path) if isinstance(path, str | os.PathLike) else ""  # noqa: PTH100 - no look-ups in here
        return f"{mirror}{text.removeprefix(str(root))}" if f"{text}{os.sep}".startswith(prefix) else path

    def wrapped(original: Callable[..., Any], paths: int) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if any(options.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd")):
                return original(*arguments, **options)  # the paths are relative to a folder that has been looked up
            found = arguments[:paths] or (() if options else (".",))
            named = {name: mirrored(value) if name in PATH_NAMES else value for name, value in options.items()}
            return original(*map(mirrored, found), *arguments[paths:], **named)

        return call

    for module in (builtins, io, sys.modules["_io"], os, posix):
        for name, paths in PATHS.items():
            if original := getattr(module, name, None):
                setattr(module, name, wrapped(original, paths))

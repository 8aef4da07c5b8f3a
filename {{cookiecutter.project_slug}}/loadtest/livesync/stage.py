"""Stage: run the changed modules of a tree in fresh module objects, next to the ones that are live."""

from locust import LoadTestShape, User
from locust.util.load_locustfile import load_locustfile

import ast
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import FrameType, ModuleType

import gevent

from .live import Listeners, Live, event_hooks
from .tree import LOCUSTFILE, Tree, changed_paths, revision_of

LOCUSTFILE_MODULE = "locustfile"

IMPORT_LIMIT = 5.0
"""Seconds that the changed modules may take to run."""


MODULE_LIMIT = 1_000_000
"""Bytes of a module; compiling a larger one holds up every user of a worker for seconds."""


class Refused(Exception):
    """The tree cannot go live; the message says why in one sentence, with file and line where there is one."""


@dataclass
class Staged:
    """What a commit makes live."""

    tree: Tree
    revision: str
    stale: set[str]
    """Names of the modules that ran again or are gone."""
    modules: dict[str, ModuleType]
    listeners: Listeners
    user_classes: dict[str, type[User]] | None
    """None where the locustfile did not have to run again."""
    shapes: dict[str, LoadTestShape]


def stage(live: Live, tree: Tree) -> Staged:
    """Run what changed between the live tree and `tree`. The live code is untouched.

    Raises `Refused`.
    """
    for path, content in tree.items():
        if path.endswith(".py") and len(content) > MODULE_LIMIT:
            raise Refused(f"{path} has more than {MODULE_LIMIT:,} bytes: move its data into a file of its own")
    revision = revision_of(tree)
    live.shelf.keep(live.revision)  # not in the commit, which users wait for
    live.shelf.unpack(tree, revision)
    with _apart(live, revision) as (running, added_listeners):
        stale = _stale(running, live.tree, tree)
        for name in stale:
            sys.modules.pop(name, None)
        user_classes: dict[str, type[User]] | None = None
        shapes: list[LoadTestShape] = []
        if LOCUSTFILE_MODULE not in sys.modules:
            user_classes, shapes = _load(live.shelf.current)
        return Staged(
            tree=tree,
            revision=revision,
            stale=stale,
            modules={name: module for name, module in live.own_modules().items() if running.get(name) is not module},
            listeners=added_listeners(),
            user_classes=user_classes,
            shapes={type(shape).__name__: shape for shape in shapes},
        )


def _load(folder: Path) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    try:
        with _time_limit():
            user_classes, shapes = load_locustfile(str(folder / LOCUSTFILE))
    except (Exception, SystemExit) as error:
        raise Refused(_explain(error, folder)) from error
    if not user_classes:
        raise Refused(f"{LOCUSTFILE} has no user class: define at least one, such as a FastHttpUser with a task")
    for name, user_class in user_classes.items():
        if not user_class.tasks:
            raise Refused(f"{name} has no tasks: mark a method with @task, or the class as abstract = True")
        if not callable(user_class.wait_time):
            raise Refused(f"{name}.wait_time is no function: use constant(1), between(1, 2) or a method")
    if not any(user_class.weight > 0 or user_class.fixed_count > 0 for user_class in user_classes.values()):
        raise Refused("no user class has a weight or a fixed_count above 0")
    return user_classes, shapes


def _explain(error: BaseException, folder: Path) -> str:
    """One sentence: where in the user's files it happened, what kind of error, and what it says."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, FileNotFoundError) and error.filename == str(folder / LOCUSTFILE):
        return f"{LOCUSTFILE} is missing"
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    what = str(error)
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno))
        what = error.msg
    own = [(Path(name).relative_to(folder), line) for name, line in places if name.startswith(f"{folder}/")]
    where = f"{own[-1][0]}:{own[-1][1]}: " if own else ""
    return f"{where}{type(error).__name__}: {what}".removesuffix(": ")


@contextmanager
def _apart(live: Live, revision: str) -> Iterator[tuple[dict[str, ModuleType], Callable[[], Listeners]]]:
    """Point the import system to the tree of `revision`, and put all of it back afterwards."""
    modules, path = live.own_modules(), sys.path[:]
    hooks = event_hooks()
    handlers = {name: hook._handlers[:] for name, hook in hooks.items()}
    shown = live.shelf.shown()

    def added_listeners() -> Listeners:
        return {name: hook._handlers[len(handlers[name]) :] for name, hook in hooks.items()}

    try:
        live.shelf.show(revision)
        yield modules, added_listeners
    finally:
        for name in live.own_modules():
            del sys.modules[name]
        sys.modules.update(modules)
        sys.path[:] = path
        for name, hook in hooks.items():
            hook._handlers[:] = handlers[name]
        live.shelf.show(shown)


def _stale(running: dict[str, ModuleType], old: Tree, new: Tree) -> set[str]:
    """Names of the running modules that have to run again: the changed ones and all that import them.

    A top-level module or package is one unit.
    """
    modules = [(_unit(path), source) for path, source in new.items() if path.endswith(".py")]
    stale = set()
    for path in changed_paths(old, new):
        stale |= {_unit(path)} if path.endswith(".py") else _readers(path, modules)
    importers = [(unit, _imported_units(source)) for unit, source in modules]
    while found := {unit for unit, imported in importers if imported & stale} - stale:
        stale |= found
    return {name for name in running if name.partition(".")[0] in stale}


def _readers(path: str, modules: list[tuple[str, bytes]]) -> set[str]:
    """The modules that name this data file; all of them where none does, since any may have read it."""
    name = PurePosixPath(path).name.encode()
    return {unit for unit, source in modules if name in source} or {unit for unit, _ in modules}


def _unit(path: str) -> str:
    return PurePosixPath(path).parts[0].removesuffix(".py")


@lru_cache(maxsize=128)
def _imported_units(source: bytes) -> set[str]:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return set()  # running it will say so
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in names}


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise `Refused` after IMPORT_LIMIT, from a busy loop (alarm) as from a blocking call (gevent)."""
    too_long = Refused(f"importing it took longer than {IMPORT_LIMIT:g} s: move what takes long into on_start")
    importing = gevent.getcurrent()

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        if gevent.getcurrent() is importing:
            raise too_long

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, IMPORT_LIMIT)
    try:
        with gevent.Timeout(IMPORT_LIMIT, too_long):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

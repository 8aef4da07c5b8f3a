"""The live code of this process, and how an edit becomes live: staged first, committed once all processes agree."""

from locust.env import Environment

import sys
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import cast
from weakref import WeakKeyDictionary

from gevent.event import Event

from . import forked_trial, locust_environment
from .apply import Apply
from .edit import Edit, find_edit
from .errors import Rejected, why_not
from .files import Folder, Tree, revision_of
from .functions import Grace, UnderWay, in_loops
from .modules import Module, Modules, Undo
from .source import Definition
from .transaction import Outcome, Transaction

PAST_LIMIT = 1000
"""Revisions that are remembered, to distinguish older code from newer code."""

TASKS_TIMEOUT = 2.0
"""Seconds for which users wait between two tasks until those of the others have ended, where a class is replaced."""


@dataclass
class Live:
    """One per process, changed by `start` and `commit` alone."""

    folder: Folder
    modules: Modules
    tree: Tree = field(default_factory=dict)
    revision: str = revision_of({})
    past: deque[str] = field(default_factory=lambda: deque(maxlen=PAST_LIMIT))
    """Revisions that were live before."""
    locustfiles: list[Module] = field(default_factory=list)
    commits: int = 0
    under_way: UnderWay = field(default_factory=UnderWay)
    next_commit: Event = field(default_factory=Event)
    """What the next commit sets, and replaces."""
    is_settled: Event = field(default_factory=Event)
    """Cleared while a commit runs statements; users wait for it between two tasks."""
    replaced: WeakKeyDictionary[type, type] = field(default_factory=WeakKeyDictionary)
    """Replaced classes, with the new ones."""
    rebound_at: dict[object, int] = field(default_factory=dict)
    """Number of the last commit that set a name, given with the path of its module, or an attribute of that name."""
    restarted_at: WeakKeyDictionary[type, int] = field(default_factory=WeakKeyDictionary)
    """Number of the last commit that changed how users of a class, or of one derived from it, start."""

    def __post_init__(self) -> None:
        self.is_settled.set()

    def unpack(self, tree: Tree) -> None:
        """Put the first tree in place, before anything is loaded."""
        self.folder.stage(tree, set(tree))
        self.folder.activate(tree, set(tree), [])
        self.tree, self.revision = tree, revision_of(tree)

    def committed_within(self, seconds: float | None) -> bool:
        """Sleep for `seconds`, or without end; return True at once when a commit happens, else False."""
        return bool(self.next_commit.wait(None if seconds is None else max(seconds, 0)))

    def class_now(self, cls: type) -> type:
        """The class that replaced `cls`, or `cls` itself."""
        while successor := self.replaced.get(cls):
            cls = successor
        return cls

    def definition_of(self, function: object) -> Definition | None:
        """The definition of a function of the user's, also while it dispatches."""
        for grace in self.under_way.graces:
            function = grace.functions.get(cast(FunctionType, function), function)
        return self.modules.definitions.get(id(getattr(function, "__code__", None)))

    def starts_since(self, cls: type, commit: int) -> bool:
        """Whether a commit after that one changed how users of this class start."""
        return any(self.restarted_at.get(base, 0) > commit for base in cls.__mro__)


def changed_since(live: Live, definition: Definition, commit: int) -> bool:
    """Whether a commit after that one changed a function, or a value that it reads."""
    if definition.changed_at > commit or max(live.rebound_at.values(), default=0) <= commit:
        return definition.changed_at > commit
    read = {*definition.code.co_names, *live.modules.names_read(definition)}
    return any(live.rebound_at.get(name, 0) > commit for name in read)


def stage(live: Live, tree: Tree, environment: Environment) -> Edit:
    """Find what `tree` changes, and try it in a forked child if anything has to run. Raises Rejected without changing anything."""
    check_names(tree, set(tree) - set(live.tree))
    edit = find_edit(live.modules, live.tree, tree)
    live.folder.stage(tree, edit.paths)
    called = locust_environment.called_by_update(environment, live.definition_of)
    if edit.runs_statements(live.modules) or not edit.changed.isdisjoint(called):
        forked_trial.trial(partial(why_not, partial(_try, live, edit, environment), live.folder.path))
    return edit


def commit(live: Live, edit: Edit, environment: Environment) -> Outcome:
    """Make a staged edit the live code. If it raises after all, everything is as it was before."""
    undo: Undo = []
    live.modules.registrations.undo = undo
    live.is_settled.clear()
    try:
        if edit.replaces_classes():
            # In a running task, `isinstance(self, Visitor)` would compare with the new class and fail.
            live.under_way.wait_for_end(TASKS_TIMEOUT)
        while not edit.has_all(live.modules):  # a running task has imported one since
            edit = stage(live, edit.tree, environment)
        grace = live.under_way.grace()
        live.folder.activate(edit.tree, edit.paths, undo)
        loops = in_loops(
            edit.changed & edit.codes.keys(), partial(live.modules.usual, graces=live.under_way.graces), grace
        )
        outcome = _apply(live, edit, environment, grace, undo)
        outcome.notes += [
            f"{loop.code.co_qualname} has been running since before the edit: it gets its new code when it is called again"
            for loop in loops
        ]
    except BaseException:
        for take_back in reversed(undo):
            take_back()
        raise
    finally:
        live.modules.registrations.undo = None
        live.is_settled.set()
    _note(live, edit, outcome, grace)
    # Otherwise they refer to code until the garbage collector runs, and the next edit has to search all objects.
    undo.clear()
    edit.codes.clear()
    return outcome


def _note(live: Live, edit: Edit, outcome: Outcome, grace: Grace) -> None:
    live.past = deque((known for known in (*live.past, live.revision) if known != edit.revision), PAST_LIMIT)
    live.tree, live.revision = edit.tree, edit.revision
    live.commits += 1
    for definition in outcome.changed:
        definition.changed_at = live.commits
    attributes = {name for names in outcome.attributes.values() for name in names}
    live.rebound_at.update(dict.fromkeys([*outcome.rebound, *attributes], live.commits))
    live.replaced.update(outcome.replaced)
    for successor in set(outcome.replaced.values()) - outcome.replaced.keys():
        live.replaced.pop(successor, None)  # an edit may bring back a class that an earlier one replaced
    live.restarted_at.update(dict.fromkeys(locust_environment.restarting_classes(outcome), live.commits))
    live.under_way.commit(grace)
    live.next_commit.set()
    live.next_commit = Event()


def _try(live: Live, edit: Edit, environment: Environment) -> None:
    forked_trial.mirror_files(
        live.folder.path, live.folder.mirror, partial(live.folder.activate_in, tree=edit.tree, changed=edit.paths)
    )
    undo: Undo = []
    _apply(live, edit, environment, Grace(set(), earlier=live.under_way.graces[:]), undo)


def _apply(live: Live, edit: Edit, environment: Environment, grace: Grace, undo: Undo) -> Outcome:
    # As while Locust loads a locustfile, what is beside it can be imported.
    folders = [str(Path(locustfile.source.filename).parent) for locustfile in live.locustfiles]
    sys.path[:0] = folders
    try:
        outcome = Apply(Transaction(live.modules, edit, grace, undo)).run()
    finally:
        for folder in folders:
            sys.path.remove(folder)
    locust_environment.update(environment, live.modules, live.locustfiles, outcome, undo)
    return outcome


def check_names(tree: Tree, added: set[str]) -> None:
    """Raise Rejected for a new file that hides a module of Python or of an installed package."""
    for path in sorted(added):
        name, _, rest = path.partition("/")
        name = name.removesuffix(".py")
        if not path.endswith(".py") or (rest and f"{name}/__init__.py" not in tree):
            continue
        origin = getattr(sys.modules.get(name), "__file__", None) or ""
        if name in sys.stdlib_module_names or (name in sys.modules and "site-packages" in Path(origin).parts):
            raise Rejected(f"{path} has the same name as a module of Python or of an installed package: rename it")

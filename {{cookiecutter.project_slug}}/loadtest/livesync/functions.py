"""Functions: gives live function objects their new code, while running tasks continue on the old code.

The function objects stay, and so does all that refers to them: handlers, decorators, closures, partials, threads.
"""

import gc
import inspect
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType
from typing import Any

import gevent
from greenlet import greenlet

from .code_objects import frames
from .source import Definition

FEW = 4
"""Number of code objects up to which the garbage collector finds their functions faster than a look at all objects."""


FORWARDING = "<livesync>"
"""File name of generated code that forwards calls to another function."""


def _references_of_frame() -> int:
    """How many references to its code a frame holds in this version of Python."""

    def count() -> int:
        return sys.getrefcount(code)

    code = count.__code__
    return count() - sys.getrefcount(code)


FRAME = _references_of_frame()
_DEFINITION = Definition(compile("", "", "exec"))
ATTRIBUTE = sys.getrefcount(_DEFINITION.code)
"""References to the code of a definition that always exist: its own, and the argument of `getrefcount`."""


@dataclass(eq=False)
class Grace:
    """The grace period after a commit, until the last task that was running at the commit has ended."""

    pending: set[greenlet]
    functions: dict[FunctionType, FunctionType] = field(default_factory=dict)
    """Functions that dispatch during the grace period, with the one that has the new code."""
    deletions: list[Callable[[], object]] = field(default_factory=list)
    """Deletions of removed names, which old code may still use."""
    earlier: list["Grace"] = field(default_factory=list)
    """Those of earlier commits that have not ended, oldest first."""

    def covers_caller(self) -> bool:
        return self.covers(gevent.getcurrent())

    def covers(self, running: Any) -> bool:
        """Whether a greenlet runs such a task, or was spawned by one that does."""
        while running is not None and running not in self.pending:
            spawner = getattr(running, "spawning_greenlet", None)
            running = spawner and spawner()
        return running is not None


class UnderWay:
    """The greenlets that run user code between two points where a user may take new code."""

    def __init__(self) -> None:
        self.greenlets: set[greenlet] = set()
        self.graces: list[Grace] = []

    def begin(self) -> None:
        self.greenlets.add(gevent.getcurrent())

    def end(self) -> None:
        current = gevent.getcurrent()
        self.greenlets.discard(current)
        if self.graces:
            for grace in self.graces:
                grace.pending.discard(current)
            self.settle()

    def wait_for_end(self, seconds: float) -> None:
        """Wait until no task is running, but at most so many seconds."""
        deadline = time.monotonic() + seconds
        while any(not greenlet.dead for greenlet in self.greenlets) and time.monotonic() < deadline:
            gevent.sleep(0.01)

    def grace(self) -> Grace:
        """A grace period for the tasks that are running now."""
        self.greenlets = {greenlet for greenlet in self.greenlets if not greenlet.dead}
        return Grace(set(self.greenlets) - {gevent.getcurrent()}, earlier=self.graces[:])

    def commit(self, grace: Grace) -> None:
        grace.earlier.clear()
        grace.pending &= self.greenlets  # the tasks of others have ended while statements ran
        self.graces.append(grace)
        self.settle()

    def settle(self) -> None:
        """End each grace period whose tasks have ended; an older one never ends after a younger one."""
        while self.graces and not self.graces[0].pending:
            grace = self.graces.pop(0)
            for function, successor in grace.functions.items():
                function.__code__ = _code_to_run(function, successor)
                for later in self.graces:
                    if successor in later.functions:
                        later.functions[function] = later.functions[successor]
            for delete in grace.deletions:
                delete()


@dataclass
class Usual:
    """The function of a definition that its module or class has under its name."""

    function: FunctionType
    holders: int
    """How often its code is a constant of the code around it."""


def functions_of(
    definitions: Iterable[Definition],
    usual: Callable[[Definition], Usual | None],
    under_way: Iterable[greenlet] = (),
) -> list[tuple[FunctionType, Definition]]:
    """The live function objects that have the code of these definitions.

    All objects have to be searched only where something refers to the code beside its usual function, its constants and
    the frames that are `under_way`. The frames are counted only where there are other references, as with 1,000 users
    counting them takes longer than all the rest.
    """
    found: list[tuple[FunctionType, Definition]] = []
    unexplained: list[tuple[Definition, Usual | None, int]] = []
    for definition in definitions:
        known = usual(definition)
        others = sys.getrefcount(definition.code) - ATTRIBUTE - (known.holders + 1 if known else 0)
        if known and others == 0:
            found.append((known.function, definition))
        else:
            unexplained.append((definition, known, others))
    if not unexplained:
        return found
    running_codes = Counter(id(frame.f_code) for running in under_way for frame in frames(running.gr_frame))
    searched = []
    for definition, known, others in unexplained:
        if known and others == FRAME * running_codes[id(definition.code)]:
            found.append((known.function, definition))
        else:
            searched.append(definition)
    return found + _search(searched)


def in_loops(
    definitions: Iterable[Definition], usual: Callable[[Definition], Usual | None], grace: Grace
) -> set[Definition]:
    """Those whose present code a greenlet runs that is in no task: a loop keeps the code that it was started with."""
    running_codes = Counter(id(frame.f_code) for running in grace.pending for frame in frames(running.gr_frame))
    by_code = {}
    for definition in definitions:
        known = usual(definition)
        others = sys.getrefcount(definition.code) - ATTRIBUTE - (known.holders + 1 if known else 0)
        if not known or others > FRAME * running_codes[id(definition.code)]:
            by_code[id(definition.code)] = definition
    if not by_code:
        return set()
    found = [item for item in gc.get_objects() if issubclass(type(item), greenlet) and not grace.covers(item)]
    codes = {id(frame.f_code) for running in found for frame in frames(running.gr_frame)}
    return {by_code[code] for code in codes & by_code.keys()}


def _search(definitions: Iterable[Definition]) -> list[tuple[FunctionType, Definition]]:
    by_code = {id(definition.code): definition for definition in definitions}
    if not by_code:
        return []
    if gc.get_freeze_count():
        gc.unfreeze()  # what is frozen is not found
    # Looking for referrers takes time for each object and each code, looking at all objects only for each object.
    few = len(by_code) <= FEW
    objects = gc.get_referrers(*(definition.code for definition in by_code.values())) if few else gc.get_objects()
    found = [item for item in objects if type(item) is FunctionType]
    return [(item, definition) for item in found if (definition := by_code.get(id(item.__code__)))]


def exchange(
    function: FunctionType, code: CodeType, changed: bool, grace: Grace, undo: list[Callable[[], object]]
) -> None:
    """Give `function` the new code. If its behaviour changed, the tasks of the grace period still run the old code."""
    old_code, old_doc = function.__code__, function.__doc__
    successor = _with_code(function, code)
    undo.append(partial(setattr, function, "__code__", old_code))
    if _documented_by(function, old_code):
        for documented in (function, *wrappers(function)):
            if documented.__doc__ == old_doc:
                undo.append(partial(setattr, documented, "__doc__", old_doc))
                documented.__doc__ = successor.__doc__
    if changed and grace.pending:
        original = _with_code(function, old_code)
        function.__code__ = _dispatcher(function, original, successor, grace)
        grace.functions[function] = successor
    else:
        function.__code__ = _code_to_run(function, successor)


def wrappers(function: FunctionType) -> list[Any]:
    """The wrappers that decorators such as `@lru_cache` or `@wraps` put around the function, the outermost first."""
    found: Any = function.__globals__.get(function.__qualname__.partition(".")[0])
    for name in function.__qualname__.split(".")[1:]:
        found = inspect.getattr_static(found, name, None)
    around = []
    while found is not None and found is not function:
        around.append(found)
        found = next(iter(_wrapped(found)), None)
    return around if found else []


def _wrapped(value: Any) -> list[Any]:
    """What a wrapper says it wraps; looked up statically, because a proxy would look up its target."""
    if type(value) is property:
        return [value.fget, value.fset, value.fdel]
    if type(value) in (classmethod, staticmethod):
        return [value.__func__]
    inner = inspect.getattr_static(value, "__wrapped__", None)
    if isinstance(value, FunctionType) and value.__code__.co_filename == FORWARDING:
        return [constant for constant in value.__code__.co_consts if isinstance(constant, FunctionType)]
    return [] if inner is None else [inner]


def lacks_variables(function: FunctionType, code: CodeType) -> bool:
    """Whether `code` uses variables of an enclosing function that this closure does not have."""
    return not set(code.co_freevars) <= _cells(function, code).keys()


def update(function: FunctionType, edited: FunctionType, grace: Grace, undo: list[Callable[[], object]]) -> bool:
    """Give `function` the code, defaults and annotations of `edited`, of the same definition; return whether its defaults differ."""
    differ = _differ((function.__defaults__, function.__kwdefaults__), (edited.__defaults__, edited.__kwdefaults__))
    exchange(function, edited.__code__, True, grace, undo)
    for target in (function, grace.functions.get(function, function)):
        take_defaults(target, edited, undo)
    return differ


def take_defaults(function: FunctionType, edited: FunctionType, undo: list[Callable[[], object]]) -> None:
    """Give `function` the defaults and annotations of `edited`."""
    for name in ("__defaults__", "__kwdefaults__", "__annotations__"):
        undo.append(partial(setattr, function, name, getattr(function, name)))
        setattr(function, name, getattr(edited, name))


def _differ(one: object, other: object) -> bool:
    try:
        return bool(one != other)
    except Exception:  # noqa: BLE001 - these are objects of the user's
        return True


def _with_code(function: FunctionType, code: CodeType) -> FunctionType:
    cells = _cells(function, code)
    closure = tuple(cells[name] for name in code.co_freevars) or None
    twin = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__qualname__ = function.__qualname__
    return twin


def _cells(function: FunctionType, code: CodeType) -> dict[str, CellType]:
    """The variables that `function` can give to `code`, by name."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    if "__class__" in code.co_freevars and "__class__" not in cells and (owner := _owner(function)):
        cells["__class__"] = CellType(owner)
    return cells


def _owner(function: FunctionType) -> type | None:
    """The class whose body defined this method; it becomes a closure when an edit makes it use `super()`."""
    outer, _, _ = function.__qualname__.rpartition(".")
    named = [item for item in gc.get_objects() if issubclass(type(item), type) and item.__qualname__ == outer]
    # There may be an older class of that name, whose instances users still have.
    return next((cls for cls in named if any(_leads_to(value, function) for value in vars(cls).values())), None)


def _leads_to(value: Any, function: FunctionType) -> bool:
    return value is function or any(_leads_to(inner, function) for inner in _wrapped(value))


def _documented_by(function: FunctionType, code: CodeType) -> bool:
    return FunctionType(code, {}, closure=function.__closure__).__doc__ == function.__doc__


def _code_to_run(function: FunctionType, successor: FunctionType) -> CodeType:
    if (
        successor.__closure__ == function.__closure__
        and successor.__code__.co_freevars == function.__code__.co_freevars
    ):
        return successor.__code__
    return _forwarding(function, "'target'(*a, **k)", target=successor)


def _dispatcher(function: FunctionType, original: FunctionType, successor: FunctionType, grace: Grace) -> CodeType:
    expression = "('original' if 'is_covered'() else 'successor')(*a, **k)"
    return _forwarding(function, expression, original=original, successor=successor, is_covered=grace.covers_caller)


def _forwarding(function: FunctionType, expression: str, **objects: Any) -> CodeType:
    """Code that evaluates `expression` with these objects, and fits the closure that `function` has."""
    template = _template(expression, function.__code__.co_freevars)
    constants = tuple(objects.get(value, value) if isinstance(value, str) else value for value in template.co_consts)
    return template.replace(co_consts=constants, co_name=function.__name__)


@lru_cache(maxsize=256)
def _template(expression: str, freevars: tuple[str, ...]) -> CodeType:
    # A function object takes only code with as many free variables as its closure has cells.
    keeps_cells = f"if 0: ({', '.join(freevars)},)" if freevars else "pass"
    parameters = ", ".join(freevars)
    source = f"def outer({parameters}):\n def f(*a, **k):\n  {keeps_cells}\n  return {expression}\n return f\n"
    # "'target'(...)" is a call of a string until it is replaced, of which the compiler warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        module = compile(source, FORWARDING, "exec")
    [outer] = [value for value in module.co_consts if isinstance(value, CodeType)]
    [inner] = [value for value in outer.co_consts if isinstance(value, CodeType)]
    return inner

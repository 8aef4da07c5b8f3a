"""A load test with a sequence of edits, each applied by live sync and checked."""

import copy
import difflib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from types import FunctionType
from typing import Any

import gevent
from gevent.event import Event

from tests.oracle.author import Author
from tests.oracle.comparison import SKIPPED, Comparison, Loaded, described, fresh, hooks
from tests.oracle.expected import Expected
from tests.oracle.generated import CLASSES, COUNTS, FUNCTIONS, MODULES, NEVER_IN_PLACE, RAN, LoadTest
from tests.oracle.one_process import OneProcess, Rejected
from tests.oracle.rendering import PREAMBLE, files_of


@dataclass
class Look:
    """Functions and classes by the id of their item, and the names of the modules that are imported."""

    functions: dict[str, FunctionType]
    classes: dict[str, Any]
    modules: set[str]


class Sequence:
    """One load test with its edits, each applied and checked."""

    def __init__(self, random: Random) -> None:
        self.random, self.author = random, Author(random)
        self.past = [self.author.write()]
        self.state: dict[str, object] = {}
        """By the id of the item."""
        self.kept: list[tuple[str, type, object]] = []
        """Instances that users keep, with the class and its id."""

    @property
    def test(self) -> LoadTest:
        return self.past[-1]

    def run(self) -> None:
        RAN.clear()
        if not self.loads(self.test):
            return
        self.process = OneProcess(files_of(self.test))
        try:
            self.compare()
            for _ in range(self.random.randint(1, 4)):
                self.set_state()
                self.edit()
            self.compare()
        finally:
            self.process.close()

    def loads(self, test: LoadTest) -> bool:
        """Whether a load test loads at all; chance may have written one that makes no sense."""
        try:
            self.fresh = test, fresh(files_of(test))
        except Exception as error:
            COUNTS[f"{type(error).__name__}: {error}"] += 1
            return False
        return True

    def live(self) -> Loaded:
        modules = {name: sys.modules[name] for name in MODULES if name in sys.modules}
        return Loaded(modules, {name: hook._handlers[:] for name, hook in hooks().items()})

    def value(self, item_id: str) -> Any:
        """The live value of an item."""
        module, item = self.test.items()[item_id]
        if "." not in item_id:
            return vars(sys.modules[module])[item.name]
        holder = self.own_class(item_id.rpartition(".")[0])
        return vars(holder)[item.name]

    def own_class(self, item_id: str) -> Any:
        """The class itself, and not what a decorator made of it."""
        item = self.test.items()[item_id][1]
        return next(cls for cls in reversed(self.value(item_id).__mro__) if cls.__name__ == item.name)

    def set_state(self) -> None:
        """Do what listeners and tasks would have done."""
        if self.author.chance(30):
            return
        for item_id, (module, item) in self.test.items().items():
            if module not in sys.modules:
                continue
            if item.kind in ("state", "state attribute"):
                value = self.value(item_id)
                if isinstance(value, list) and item_id not in self.state:
                    value.append("state")
                else:
                    value = ["state of", item_id]
                    holder: Any = (
                        sys.modules[module] if item.kind == "state" else self.own_class(item_id.rpartition(".")[0])
                    )
                    setattr(holder, item.name, value)
                self.state[item_id] = value
            if item.kind in ("plain class", "dataclass") and "." not in item_id:
                self.kept.append((item_id, self.value(item_id), self.value(item_id)()))
            if item.kind == "enum":
                self.kept.append((item_id, self.value(item_id), self.value(item_id).FIRST))

    def edit(self) -> None:
        old, new = self.test, self.author.edit(self.test, self.past)
        if not self.loads(new):
            return
        COUNTS["edits"] += 1
        if self.author.chance(10):
            broken = copy.deepcopy(new)
            broken.broken = self.random.choice(
                ["raise ValueError", "1 +", "undefined_name", "class Broken(User): tasks = 1"]
            )
            self.past.append(broken)
            self.reject(broken)
            self.past.append(old)
            self.compare()
        before = self.look()
        done = self.begin_task() if self.author.chance(20) else None
        try:
            self.process.edit(files_of(new), with_trial=self.author.chance(5))
        except Rejected as rejection:
            COUNTS["rejected"] += 1
            self.past += [new, old]
            if not is_expected(str(rejection)):
                raise
            return
        except BaseException:
            self.past.append(new)  # for the story
            raise
        finally:
            if done:
                done()
        self.check(new, before)

    def look(self) -> "Look":
        """What has to be the same after an edit."""
        RAN.clear()
        classes = {
            i: self.own_class(i)
            for i, (module, item) in self.test.items().items()
            if item.kind in CLASSES and module in sys.modules
        }
        return Look(self.functions(), classes, set(sys.modules))

    def check(self, new: LoadTest, before: "Look") -> None:
        """The edit to `new` is live: check what it ran, replaced and kept."""
        names = RAN[:]
        expected = Expected(self.test, new)
        self.past.append(new)
        self.check_runs(expected, names, before)
        self.check_identity(expected, before)
        self.check_state(expected)

    def check_state(self, expected: Expected) -> None:
        """What a run has set stays, unless its initial value was edited, or its class has another name."""
        for item_id, value in list(self.state.items()):
            same_name = item_id in expected.new and expected.new[item_id][1].name == expected.old[item_id][1].name
            if not same_name or expected.new[item_id][0] not in sys.modules:
                del self.state[item_id]
            elif expected.edited(item_id):
                assert self.value(item_id) is not value, f"{item_id} has old state in spite of its edit"
                del self.state[item_id]
            elif self.value(item_id) is not value:
                holders = [item_id[:n] for n, letter in enumerate(item_id) if letter == "."]
                renamed = any(expected.old[h][1].name != expected.new[h][1].name for h in holders)
                assert renamed, f"the state of {item_id} is lost"
                del self.state[item_id]

    def reject(self, broken: LoadTest) -> None:
        try:
            self.process.edit(files_of(broken), with_trial=self.author.chance(20))
        except (Rejected, ValueError, NameError, TypeError):
            return
        raise AssertionError("an edit that fails is live")

    def begin_task(self) -> Callable[[], None]:
        """Have a greenlet be inside a task during the edit."""
        end = Event()

        def run_task() -> None:
            self.process.live.under_way.begin()
            end.wait()
            self.process.live.under_way.end()

        greenlet = gevent.spawn(run_task)
        gevent.sleep(0)

        def finish() -> None:
            end.set()
            greenlet.join()

        return finish

    def functions(self) -> dict[str, FunctionType]:
        """Functions that have to stay the same objects."""
        found = {}
        for item_id, (module, item) in self.test.items().items():
            if (
                module in sys.modules
                and item.kind in FUNCTIONS | {"generator", "method", "task"}
                and not item.decorator
            ):
                found[item_id] = self.value(item_id)
        return found

    def check_runs(self, expected: Expected, names: list[str], before: "Look") -> None:
        for name in names:
            item_id = name if name in expected.new else name.rpartition(".")[0]
            module = expected.new[item_id][0]
            known = module in before.modules
            assert not known or expected.may_run(name), f"{name} ran again"

    def check_identity(self, expected: Expected, before: "Look") -> None:
        for item_id, (module, item) in expected.new.items():
            if module not in sys.modules or item_id not in expected.old or expected.old[item_id][1].name != item.name:
                continue
            holders = [item_id[:n] for n, letter in enumerate(item_id) if letter == "."]
            if not all(map(expected.keeps_class, holders)):
                continue
            if item_id in before.classes and expected.keeps_class(item_id):
                assert self.own_class(item_id) is before.classes[item_id], f"{item.name} is another class now"
            if (
                item_id in before.functions
                and not item.decorator
                and all(expected.new[h][1].kind not in NEVER_IN_PLACE for h in holders)
            ):
                assert self.value(item_id) is before.functions[item_id], f"{item.name} is another function now"

    def compare(self) -> None:
        if self.fresh[0] is not self.test:
            self.fresh = self.test, fresh(files_of(self.test))
        live, new = self.live(), self.fresh[1]
        comparison = Comparison({id(value): value for value in self.state.values()})
        comparison.check("modules", sorted(live.modules), sorted(new.modules))
        for name, module in new.modules.items():
            if name not in live.modules:
                continue
            names = [{n for n in vars(m) if n not in SKIPPED} for m in (live.modules[name], module)]
            comparison.check(f"names of {name}", sorted(names[0] - names[1]), sorted(names[1] - names[0]))
            comparison.check(f"{name}.__doc__", live.modules[name].__doc__, module.__doc__)
            rebound = {self.test.items()[i][1].name for i in self.state if self.test.items()[i][0] != name}
            for n in sorted(names[0] & names[1] - rebound):
                comparison.same(f"{name}.{n}", vars(live.modules[name])[n], vars(module)[n])
        for home, item in self.test.items().values():
            if item.kind == "function" and home in new.modules:
                results = [vars(side.modules[home])[item.name](*[1] * item.arity) for side in (live, new)]
                comparison.check(f"result of {item.name}", *results)
        for hook in live.listeners:
            one, other = (side.listeners[hook] for side in (live, new))
            comparison.check(f"listeners of {hook}", list(map(described, one)), list(map(described, other)))
            for a, b in zip(one, other, strict=False):
                comparison.same(f"listener {described(a)}", a, b)
        assert not comparison.differences, "\n".join(comparison.differences[:8])


def story(past: list[LoadTest]) -> str:
    """The files, and how each edit changed them."""
    files = {path: content.replace(PREAMBLE, "") for path, content in files_of(past[0]).items()}
    parts = [f"== {path}\n{content}" for path, content in files.items() if content.strip()]
    for number, (old, new) in enumerate(pairwise(past), 1):
        parts.append(f"== edit {number}")
        for path, content in files_of(new).items():
            parts += difflib.unified_diff(
                files_of(old)[path].splitlines(), content.splitlines(), path, path, lineterm="", n=1
            )
    return "\n".join(parts)


REASONS = ("has no tasks", "have the same name", "has a weight", "variables of its enclosing function")
"""For what an edit may be rejected that Python would load."""


def is_expected(reason: str) -> bool:
    return any(expected in reason for expected in REASONS)

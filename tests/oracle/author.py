"""Writes random load tests, and edits them at random."""

import copy
from functools import partial
from random import Random

from tests.oracle.generated import (
    CLASSES,
    EDITS,
    INTEGERS,
    MODULE_KINDS,
    MODULES,
    PARTS,
    SPECIAL,
    WITH_BODY,
    Item,
    LoadTest,
)
from tests.oracle.rendering import references


class Author:
    """Writes a load test and edits it at random."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def write(self) -> LoadTest:
        test = LoadTest(future=self.chance(20))
        for index, module in enumerate(MODULES):
            for other in MODULES[:index]:
                test.imports[module, other] = self.random.choice([0, 1, 1, 2, 3, 4])
            for _ in range(self.random.randint(0, 3 if index < 3 else 9)):
                self.add(test, module)
        return test

    def add(self, test: LoadTest, module: str, kind: str | None = None) -> None:
        kind = kind or self.random.choice(MODULE_KINDS)
        items = test.modules[module]
        visible = [item for name in MODULES[: MODULES.index(module)] for item in test.modules[name]]
        place = self.random.randint(0, len(items)) if self.chance(30) else len(items)
        item = self.make(kind, visible + items[:place])
        if item:
            items.insert(place, item)

    def make(self, kind: str, visible: list[Item], holder: Item | None = None) -> Item | None:
        random = self.random
        item_id = self.name(f"{holder.id}." if holder else "i")
        prefix = {"setting": "", "user": "User", "task": "task"}.get(kind, "C" if kind in CLASSES else "n")
        item = Item(item_id, kind, self.name(prefix), random.randint(1, 4), random.randint(1, 9), random.randint(0, 4))
        item.arity = random.randint(0, 2) if kind == "function" else 1
        pick = partial(self.pick, visible)
        if kind in {
            "integer",
            "function",
            "generator",
            "lambda",
            "method",
            "attribute",
            "field",
            "task",
            "conditional",
            "property",
        }:
            item.uses = pick(INTEGERS, random.randint(0, 2))
        if kind in {"function", "method", "task", "property"}:
            item.calls = pick({"function"}, random.randint(0, 1))
            item.default = random.randint(1, 9) if self.chance(40) else None
        if kind in {"computed", "tasks"}:
            item.calls = pick({"function"}, 1 if kind == "computed" else random.randint(1, 2))
            if not item.calls:
                return None
        if kind == "listener":
            item.calls = pick({"registrar"} if item.shape == 2 else {"function"}, 1)
        if kind in {"function", "method", "task"} and self.chance(30):
            item.decorator = (pick({"decorator", "decorator factory"}, 1) or [""])[0]
            if kind == "function" and not item.decorator:
                item.decorator = "lru_cache"
        if kind == "attribute of":
            classes = [
                c for c in visible if c.kind in {"plain class", "user"} and any(p.kind == "attribute" for p in c.parts)
            ]
            if not classes:
                return None
            holder_class = random.choice(classes)
            item.base, item.uses = (
                holder_class.id,
                [random.choice([p for p in holder_class.parts if p.kind == "attribute"]).id],
            )
        if kind == "instance":
            bases = pick({"plain class", "dataclass"}, 1)
            if not bases:
                return None
            item.base = bases[0]
        if kind == "built":
            item.parts = [self.entry(item, visible) for _ in range(random.randint(0, 3))]
        if kind in {"plain class", "user", "task set"}:
            if self.chance(40):
                item.base = (pick({kind}, 1) or [""])[0]
            if kind != "task set" and self.chance(25):
                item.decorator = (pick({"class decorator"}, 1) or [""])[0]
        if kind == "setting":
            item.name = random.choice(["weight", "wait_time", "fixed_count", "host", "abstract"])
            if holder and any(part.name == item.name for part in holder.parts):
                return None
        if kind == "tasks" and holder:
            item.name = "tasks"
            if any(part.name == "tasks" for part in holder.parts):
                return None
        if (
            kind == "method"
            and holder
            and holder.kind == "plain class"
            and self.chance(20)
            and not any(p.name == "__init__" for p in holder.parts)
        ):
            item.name, item.decorator, item.calls, item.default = "__init__", "", [], None
        if kind == "attribute" and holder:
            item.uses += [p.id for p in holder.parts if p.kind == "attribute"][:1] * random.randint(0, 1)
        if holder and holder.kind == "named tuple":
            item.shape = 0  # it has no `__class__` for `super()`
        if kind in CLASSES:
            for _ in range(random.randint(1, 4)):
                self.add_part(item, visible)
        return item

    def add_part(self, item: Item, visible: list[Item]) -> None:
        if item.kind == "built":
            item.parts.append(self.entry(item, visible))
        elif item.kind in CLASSES and (part := self.make(self.random.choice(PARTS[item.kind]), visible, item)):
            item.parts.append(part)

    def entry(self, item: Item, visible: list[Item]) -> Item:
        uses = self.pick(visible, INTEGERS, self.random.randint(0, 1))
        return Item(
            self.name(f"{item.id}."),
            "entry",
            self.name("k"),
            self.random.randint(1, 9),
            shape=self.random.randint(0, 2),
            uses=uses,
        )

    def pick(self, visible: list[Item], kinds: set[str], count: int) -> list[str]:
        found = [item.id for item in visible if item.kind in kinds]
        return [self.random.choice(found) for _ in range(count)] if found else []

    def edit(self, test: LoadTest, past: list[LoadTest]) -> LoadTest:
        """A copy with one to three edits."""
        loads = [old for old in past if not old.broken]
        if len(loads) > 1 and self.chance(10):
            return copy.deepcopy(self.random.choice(loads))
        new = copy.deepcopy(test)
        for _ in range(self.random.choice([1, 1, 2, 3, 5])):
            self.edit_once(new)
        return new

    def edit_once(self, test: LoadTest) -> None:
        random = self.random
        edit = random.choice(EDITS)
        if edit == "add":
            return self.add(test, random.choice(MODULES))
        if edit == "imports":
            test.imports[random.choice(list(test.imports))] = random.choice([0, 1, 2, 3, 4])
        elif edit == "data":
            test.data += 1
        elif edit == "future":
            test.future = not test.future
        else:
            candidates = [(module, item) for module, item in test.items().values() if self.can(edit, item)]
            if candidates:
                kind = random.choice(sorted({item.kind for _, item in candidates}))
                module, item = random.choice([found for found in candidates if found[1].kind == kind])
                self.edit_item(test, edit, module, item)
        return None

    def can(self, edit: str, item: Item) -> bool:
        match edit:
            case "body":
                return item.kind in WITH_BODY
            case "default":
                return item.default is not None or item.kind == "function"
            case "docstring":
                return item.kind in CLASSES | WITH_BODY
            case "rename":
                return item.name not in SPECIAL
            case "part":
                return item.kind in CLASSES | {"built"}
            case "shape":
                return item.kind not in CLASSES | {"listener", "built", "method"}
        return True

    def edit_item(self, test: LoadTest, edit: str, module: str, item: Item) -> None:
        random = self.random
        match edit:
            case "number":
                item.number = item.number % 4 + 1
            case "body":
                item.body += 1
            case "default":
                item.default = random.choice(
                    [1, 2, 3, 4, 5, 6, None] if item.kind == "function" else [1, 2, 3, 4, 5, 6]
                )
            case "docstring":
                item.docstring = self.name("doc") if self.chance(70) else ""
            case "comment":
                item.comment = random.randint(0, 3)
            case "rename":
                item.name = self.name("renamed")
            case "move":
                self.move(test, module, item)
            case "remove":
                self.remove(test, module, item)
            case "part":
                self.add_part(item, self.before(test, module, item))
            case "refer":
                self.refer(test, module, item)
            case "shape":
                item.shape = random.randint(0, 4)
                if item.kind == "function":
                    item.arity = random.randint(0, 2)

    def chance(self, percent: int) -> bool:
        return self.random.randint(0, 99) >= 100 - percent

    def before(self, test: LoadTest, module: str, item: Item) -> list[Item]:
        """What the item may refer to."""
        found = [other for name in MODULES[: MODULES.index(module)] for other in test.modules[name]]
        for other in test.modules[module]:
            if any(part is item for part in other.walk()):
                break
            found.append(other)
        return found

    def refer(self, test: LoadTest, module: str, item: Item) -> None:
        visible = self.before(test, module, item)
        if item.kind in {"integer", "function", "lambda", "method", "task", "field", "entry", "property"}:
            item.uses = self.pick(visible, INTEGERS, self.random.randint(0, 2))
        if item.kind in {"function", "method", "task"} and item.name != "__init__":
            item.decorator = (
                self.pick(visible, {"decorator", "decorator factory"}, self.random.randint(0, 1)) or [""]
            )[0]
        if item.kind in {"plain class", "user", "task set"}:
            item.base = (self.pick(visible, {item.kind}, self.random.randint(0, 1)) or [""])[0]
            if item.kind != "task set":
                item.decorator = (self.pick(visible, {"class decorator"}, self.random.randint(0, 1)) or [""])[0]
        if item.kind in {"computed", "tasks"}:
            item.calls = self.pick(visible, {"function"}, 1) or item.calls

    def siblings(self, test: LoadTest, module: str, item: Item) -> list[Item]:
        lists = [test.modules[module], *(other.parts for top in test.modules[module] for other in top.walk())]
        return next(items for items in lists if any(other is item for other in items))

    def move(self, test: LoadTest, module: str, item: Item) -> None:
        items = self.siblings(test, module, item)
        place = next(i for i, other in enumerate(items) if other is item)
        target = self.random.randrange(len(items))
        needs = {i for part in item.walk() for i in references(part)}
        between = items[min(place, target) : max(place, target) + 1]
        names = {
            i for other in between for part in other.walk() for i in ({part.id} if target < place else references(part))
        }
        if not names & (needs if target < place else {part.id for part in item.walk()}):
            items.insert(target, items.pop(place))

    def remove(self, test: LoadTest, module: str, item: Item) -> None:
        used = {i for _, other in test.items().values() for i in references(other)}
        if not used & {part.id for part in item.walk()}:
            items = self.siblings(test, module, item)
            items[:] = [other for other in items if other is not item]

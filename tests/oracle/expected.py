"""What an edit may run again, and which identities it has to keep, found from the generated items."""

import dataclasses

from tests.oracle.generated import CLASSES, FUNCTIONS, NEVER_IN_PLACE, WITH_BODY, Item, LoadTest
from tests.oracle.rendering import Renderer, references


class Expected:
    """What of `new` may run again or be another object after an edit of `old`."""

    def __init__(self, old: LoadTest, new: LoadTest) -> None:
        self.old, self.new = old.items(), new.items()
        self.data_changed, self.flags_changed = old.data != new.data, old.future != new.future
        self.before, self.after = (Renderer(test, bodies=False) for test in (old, new))
        self.full = Renderer(old), Renderer(new)
        self.runs: set[str] = set()
        self.rebound: set[str] = set()
        while self._grow():
            pass

    def may_run(self, name: str) -> bool:
        return name.rpartition(".")[0] in self.runs if name.rpartition(".")[2] in ("d", "k", "l") else name in self.runs

    def _grow(self) -> bool:
        size = len(self.runs) + len(self.rebound)
        for items in self._modules():
            for item in items:
                self._visit(item, None)
        return len(self.runs) + len(self.rebound) > size

    def _modules(self) -> list[list[Item]]:
        found: dict[str, list[Item]] = {}
        for item_id, (module, item) in self.new.items():
            if "." not in item_id:
                found.setdefault(module, []).append(item)
        return list(found.values())

    def _visit(self, item: Item, holder: Item | None) -> None:
        runs = self._text(self.before, item) != self._text(self.after, item) or any(
            i in self.rebound for i in self._read(item)
        )
        runs = runs or any(self._changed(function) for function in self._called(item))
        runs = (
            runs
            or (item.kind == "data" and self.data_changed)
            or (holder is not None and holder.id in self.rebound)
            or self.flags_changed
        )
        runs = runs or (
            item.kind == "tasks"
            and any(
                self._text(self.before, self.new[i][1]) != self._text(self.after, self.new[i][1]) for i in item.calls
            )
        )
        for part in item.parts:
            self._visit(part, item if item.kind in CLASSES else None)
        if item.kind == "instance" and item.base in self.new:
            runs = runs or self._removed_parts(self.new[item.base][1])
        if item.kind == "built" and (
            runs or any(part.id in self.runs for part in item.parts) or self._removed_parts(item)
        ):
            runs = True
            self.runs |= {part.id for part in item.parts}
        is_replaced = item.kind in NEVER_IN_PLACE or (item.kind in CLASSES and item.decorator != "")
        inner = [part for top in item.parts for part in top.walk()]
        if (is_replaced or item.kind == "dataclass") and (
            any(part.id in self.runs for part in inner) or any(map(self._removed_parts, [item, *inner]))
        ):
            self.runs |= {part.id for part in inner}
            if is_replaced:
                runs = True
        if item.kind in CLASSES and any(i in self.rebound for i in [*filter(None, [item.base, item.decorator])]):
            runs = True
        if runs:
            self.runs.add(item.id)
            if not (
                item.kind in FUNCTIONS
                and not item.decorator
                and item.id in self.old
                and self.old[item.id][1].name == item.name
                and not self.old[item.id][1].decorator
            ):
                self.rebound.add(item.id)

    def edited(self, item_id: str) -> bool:
        """Whether what runs while it is loaded reads otherwise."""
        return self._text(self.before, self.old[item_id][1]) != self._text(self.after, self.new[item_id][1])

    def _removed_parts(self, item: Item) -> bool:
        before = self.old.get(item.id)
        return before is not None and [p.id for p in before[1].parts] != [p.id for p in item.parts]

    def _text(self, renderer: Renderer, item: Item) -> list[str] | None:
        if item.id not in renderer.known:
            return None
        renderer.here, own = renderer.known[item.id]
        return (
            renderer.header(own) + [str(own.number)] * (own.kind == "slots")
            if own.kind in CLASSES
            else renderer.simple(dataclasses.replace(own, parts=[]) if own.kind == "built" else own)
        )

    def _read(self, item: Item) -> list[str]:
        read = [] if item.kind in WITH_BODY else [*item.uses, *item.calls]
        if item.kind in ("task", "method", "function") and item.decorator:
            read = []
        if item.kind == "listener" and item.shape in (1, 2):
            read = item.calls
        return [*read, *filter(None, [item.base, item.decorator])]

    def _called(self, item: Item) -> set[str]:
        """Functions that run while the item is loaded."""
        found: set[str] = set()
        queue = [item.decorator] if item.decorator else []
        if item.kind == "computed" or (item.kind == "listener" and item.shape == 2):
            queue += item.calls
        if item.kind == "instance":
            queue += self._methods(item.base)
        # Whoever reads a function with a cache may have got its old results.
        if item.kind in ("tasks", "listener"):
            queue += [called for called in item.calls if self.new[called][1].decorator == "lru_cache"]
        while queue:
            if (name := queue.pop()) in self.new and name not in found:
                found.add(name)
                queue += [*self.new[name][1].calls, self.new[name][1].decorator]
        return found

    def _methods(self, class_id: str) -> list[str]:
        found: list[str] = []
        while class_id in self.new:
            item = self.new[class_id][1]
            found += [part.id for part in item.parts]
            found += [item.decorator] * bool(item.decorator)
            class_id = item.base
        return found

    def _changed(self, name: str) -> bool:
        texts = []
        for renderer in self.full:
            if name not in renderer.known:
                return True
            renderer.here, item = renderer.known[name]
            texts.append(
                list(renderer.simple(dataclasses.replace(item, docstring="")))
                if item.kind not in CLASSES
                else renderer.class_(item)
            )
        return texts[0] != texts[1] or any(i in self.rebound for i in references(self.new[name][1]))

    def keeps_class(self, item_id: str) -> bool:
        return (
            item_id in self.old
            and item_id not in self.rebound
            and self.old[item_id][1].name == self.new[item_id][1].name
        )

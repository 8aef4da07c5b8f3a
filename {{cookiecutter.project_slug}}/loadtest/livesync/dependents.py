"""Dependents: finds the statements that depend on names and attributes which an edit has bound to other values."""

import itertools
from types import ModuleType

from .modules import Module
from .source import Definition, Effects, Statement
from .transaction import Transaction


class Dependents:
    """What the edit has changed so far, and what reads it."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.names: set[tuple[str, str]] = set()
        """Names that have another value now, with the path of their module."""
        self.attributes: set[tuple[type, str]] = set()
        """Attributes of classes that have another value now."""
        self.cleared: set[int] = set()
        """Ids of the caches that were cleared."""
        self._caches = transaction.modules.caches()

    def clear_caches(self) -> None:
        """Clear each `@lru_cache` whose results may come from a function or a value that the edit has changed."""
        changed = {definition.code.co_name for definition in self.transaction.edit.changed}
        for key, cache in self._caches.items():
            is_outdated = not cache.names.isdisjoint(changed) or not cache.reads.isdisjoint(self.names)
            if key not in self.cleared and is_outdated:
                self.cleared.add(key)
                cache.cached.cache_clear()
                self.transaction.undo.append(cache.cached.cache_clear)

    def reads(self, module: Module, statement: Statement, effects: Effects) -> bool:
        """Whether it reads a name that the edit bound to another value, in its module or in one that it imports."""
        if any(path in effects.starred.values() for path, _ in self.names) or not effects.taken.isdisjoint(self.names):
            return True
        return any(self._reads_chain(module, chain) for chain in statement.chains) or any(
            map(self._body_reads, effects.called)
        )

    def _reads_chain(self, module: Module, chain: tuple[str, ...]) -> bool:
        """Whether one of `a`, `a.b`, … has another value now, as far as these are modules and classes."""
        path, namespace = module.path, module.namespace
        for name, attribute in itertools.zip_longest(chain, chain[1:]):
            if (path, name) in self.names:
                return True
            value = namespace.get(name)
            if id(value) in self.cleared:
                return True
            if isinstance(value, type):
                # The class itself may be called.
                return any((cls, attribute or "__init__") in self.attributes for cls in value.__mro__)
            if not isinstance(value, ModuleType):
                return False
            found = self.transaction.modules.find(value)
            path, namespace = found.path if found else "", vars(value)
        return False

    def _body_reads(self, definition: Definition) -> bool:
        names = definition.code.co_names
        home = self.transaction.modules.home(definition)
        if home and any(id(home.namespace.get(name)) in self.cleared for name in names):
            return True
        return not self.transaction.modules.names_read(definition).isdisjoint(self.names) or any(
            cls.__name__ in names and attribute in names for cls, attribute in self.attributes
        )

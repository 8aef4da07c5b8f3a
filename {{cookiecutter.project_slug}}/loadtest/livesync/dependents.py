"""Dependents: finds the statements that depend on names and attributes which an edit has bound to other values."""

import inspect
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from .classes import ABSTRACT
from .code_objects import look_up
from .lru_caches import Cache, caches
from .modules import MUTABLE, Module
from .source import Definition, Effects, Statement, TopLevel
from .transaction import Transaction


class Changes(NamedTuple):
    """What an edit has changed up to a point."""

    names: frozenset[tuple[str, str]]
    """Names that have another value, with the path of their module."""
    attributes: frozenset[tuple[type, str]]
    """Attributes of classes that have another value."""


class Dependents:
    """What the edit has changed so far, and what reads it."""

    def __init__(self, transaction: Transaction) -> None:
        self.modules, self.edit = transaction.modules, transaction.edit
        self.outcome, self.undo = transaction.outcome, transaction.undo
        self.names: set[tuple[str, str]] = set()
        """Names that have another value now, with the path of their module."""
        self.attributes: set[tuple[type, str]] = set()
        """Attributes of classes that have another value now."""
        self.cleared: set[int] = set()
        """Ids of the caches that were cleared."""
        self._caches = caches(transaction.modules)

    def changes(self) -> Changes:
        """Everything that the edit has changed so far."""
        return Changes(frozenset(self.names), frozenset(self.attributes))

    @contextmanager
    def only_since(self, changes: Changes) -> Iterator[None]:
        """In the block, only what changed after these counts as changed."""
        self.names -= changes.names
        self.attributes -= changes.attributes
        try:
            yield
        finally:
            self.names |= changes.names
            self.attributes |= changes.attributes

    def clear_caches(self) -> None:
        """Clear each `@lru_cache` whose results may come from a function, a value or a file that the edit has changed."""
        changed = {d.code.co_name for d in self.edit.changed | self.outcome.changed}
        for key, cache in self._caches.items():
            is_outdated = not cache.names.isdisjoint(changed) or not cache.reads.isdisjoint(self.names)
            is_outdated |= not cache.opened.isdisjoint(self.edit.data)
            if key not in self.cleared and (is_outdated or self._reads_attribute_of(cache)):
                self.cleared.add(key)
                cache.cached.cache_clear()
                self.undo.append(cache.cached.cache_clear)

    def _reads_attribute_of(self, cache: Cache) -> bool:
        """Whether its functions read an attribute that has another value now, of a class or of an object in a global."""
        modules = {module.path: module for module in self.modules.loaded} if self.attributes else {}
        values = [modules[path].namespace.get(name) for path, name in cache.reads if path in modules]
        return self._names_edited(cache.names) or any(self._has_edited(value, cache.names) for value in values)

    def note_set(self, module: Module, statement: TopLevel) -> None:
        """Note globals that a statement sets by functions, and attributes of modules, classes and objects, as by `settings.PATH = "/"`."""
        for definition in statement.effects.called:
            self.names |= self.modules.names_set(definition)
        for *chain, name in statement.sets:
            holder = look_up(module.namespace, tuple(chain))
            if issubclass(type(holder), ModuleType):
                found = self.modules.find(holder)
                self.names |= {(found.path, name)} if found else set()
            elif issubclass(type(holder), type):
                self.attributes.add((holder, name))
                self.outcome.attributes.setdefault(holder, set()).add(name)
            else:
                self.attributes.add((type(holder), name))

    def reads(self, module: Module, statement: Statement, effects: Effects) -> bool:
        """Whether it reads a name that the edit bound to another value, in its module or in one that it imports."""
        if not (self.names or self.attributes or self.cleared):
            return False
        if any(path in effects.starred.values() for path, _ in self.names) or not effects.taken.isdisjoint(self.names):
            return True
        if any(self._reads_chain(module, chain) for chain in statement.chains):
            return True
        if any(attribute in statement.members for _, attribute in self.attributes):
            return True
        if self._names_edited(statement.calls):
            return True
        handed_on = [module.namespace.get(name) for name in statement.reads] if self.attributes else []
        return any(self._body_reads(definition, handed_on) for definition in effects.called)

    def _reads_chain(self, module: Module, chain: tuple[str, ...]) -> bool:
        """Whether one of `a`, `a.b`, … has another value now, as far as these are modules and classes."""
        path, namespace = module.path, module.namespace
        for number, name in enumerate(chain, 1):
            if (path, name) in self.names:
                return True
            value = namespace.get(name)
            if id(value) in self.cleared:
                return True
            if not isinstance(value, ModuleType):
                return bool(self.attributes) and self._reads_attributes(value, chain[number:])
            found = self.modules.find(value)
            path, namespace = found.path if found else "", vars(value)
        return False

    def _reads_attributes(self, value: Any, chain: tuple[str, ...]) -> bool:
        """Whether one of `value.a`, `value.a.b`, … is an attribute of a class that has another value now."""
        for attribute in chain:
            if self._has_edited(value, {attribute}):
                return True
            value = inspect.getattr_static(value, attribute, None)
        # The class itself may be called, or get a subclass.
        return issubclass(type(value), type) and self._has_edited(value, {"__init__", "__new__", "__init_subclass__"})

    def _has_edited(self, value: Any, names: Collection[str]) -> bool:
        """Whether a class, or that of an object, has an attribute of these names that has another value now."""
        # Not isinstance: a proxy, such as Flask's `request`, would look up its target.
        bases = (value if issubclass(type(value), type) else type(value)).__mro__
        return any(cls in bases and attribute in names for cls, attribute in self.attributes)

    def _body_reads(self, definition: Definition, arguments: Iterable[Any]) -> bool:
        """Whether a function reads what the edit has changed, in its globals or in what the statement may hand to it."""
        names = definition.code.co_names
        home = self.modules.home(definition)
        values = [home.namespace.get(name) for name in names] if home else []
        if any(id(value) in self.cleared for value in values):
            return True
        if not self.modules.names_read(definition).isdisjoint(self.names):
            return True
        if self._names_edited(names) or any(self._has_edited(value, names) for value in (*values, *arguments)):
            return True
        # A container may hold the class, or an object of it.
        return any(attribute in names for _, attribute in self.attributes) and any(
            issubclass(type(value), (*MUTABLE, tuple)) for value in values
        )

    def _names_edited(self, names: Collection[str]) -> bool:
        """Whether the name of a class is in there, and that of its attribute that has another value now.

        Of a class that lacks other abstract methods now, its own name is enough: it may be called.
        """
        return any(cls.__name__ in names and attribute in {*names, ABSTRACT} for cls, attribute in self.attributes)

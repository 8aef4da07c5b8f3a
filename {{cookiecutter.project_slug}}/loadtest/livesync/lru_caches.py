"""Caches: finds each `@lru_cache` of the user's files, and what its results depend on."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any

from .modules import Modules
from .source import Definition


@dataclass
class Cache:
    """An `@lru_cache`, with what its function and those that it may call read."""

    cached: Any
    names: set[str]
    """All names in them, those of attributes included."""
    reads: set[tuple[str, str]]
    """Names of modules, with the path of the module."""
    opened: set[str]
    """Paths of files."""


def caches(modules: Modules) -> dict[int, Cache]:
    """Each `@lru_cache` of the user's files, by the id of what the name in its module or class has."""
    readers: dict[str, list[Definition]] = {}
    for definition in modules.definitions.values():
        readers.setdefault(definition.code.co_name, []).append(definition)
    found: dict[int, Cache] = {}
    for namespace in _with_classes([module.namespace for module in modules.loaded]):
        for value in namespace.values():
            inner = value
            while type(inner) in (FunctionType, staticmethod, classmethod, property):
                inner = _inside(inner)
            # Of the type first, which is quick. Not hasattr: a proxy, such as Flask's `request`, would look up its target.
            if hasattr(type(inner), "cache_clear") and inspect.getattr_static(inner, "__wrapped__", None):
                found[id(value)] = _cache(modules, inner, readers)
    return found


def _cache(modules: Modules, cached: Any, readers: dict[str, list[Definition]]) -> Cache:
    function = cached.__wrapped__
    while isinstance(function, partial):
        function = function.func
    names = {getattr(function, "__name__", "__call__")}
    cache, queue = Cache(cached, names, set(), set()), [*names]
    while queue:
        for definition in readers.get(queue.pop(), ()):
            cache.reads |= modules.names_read(definition)
            cache.opened |= definition.opened
            new = set(definition.code.co_names) - cache.names
            cache.names |= new
            queue += new
    return cache


def _with_classes(namespaces: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """These namespaces, and those of the classes in them."""
    seen: set[type] = set()
    while namespaces:
        yield (namespace := namespaces.pop())
        classes = {value for value in namespace.values() if issubclass(type(value), type)} - seen
        seen |= classes
        namespaces += map(vars, classes)


def _inside(wrapper: Any) -> Any:
    """What a function, a method or a property wraps."""
    match wrapper:
        case property():
            return wrapper.fget
        case staticmethod() | classmethod():
            return wrapper.__func__
    return vars(wrapper).get("__wrapped__")

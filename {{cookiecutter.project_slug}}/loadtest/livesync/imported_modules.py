"""Imported modules: which of the user's modules a statement imports, and what Python knows of them."""

import ast
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, resolve_name
from pathlib import Path
from types import ModuleType

from .files import Folder
from .syntax import loaded_nodes

Nodes = Iterable[ast.Import | ast.ImportFrom]


def paths(folder: Folder, nodes: Nodes, package: str | None) -> set[str]:
    """Paths of the user's modules that import statements in this package import, as far as they are loaded."""
    return {path for name in _imported_names(nodes, package) if (path := path_of_module(folder, name))}


def paths_in_turn(folder: Folder, nodes: Nodes, package: str | None) -> set[str]:
    """The same, with those that are imported by the modules which the statements are going to load."""
    found = paths(folder, nodes, package)
    names = [*_imported_names(nodes, package)]
    seen = {*sys.modules}
    while names:
        if (name := names.pop()) in seen:
            continue
        seen.add(name)
        with suppress(KeyError, OSError, SyntaxError, ValueError):  # which the import will raise
            spec = _spec(name)
            if not spec or not spec.origin or not folder.relative(_real_path(spec.origin)):
                continue
            tree = ast.parse(Path(spec.origin).read_bytes())
            inner = [n for n in loaded_nodes(tree, scopes=True) if isinstance(n, ast.Import | ast.ImportFrom)]
            of_module = name if spec.submodule_search_locations else name.rpartition(".")[0]
            found |= paths(folder, inner, of_module)
            names += _imported_names(inner, of_module)
    return found


def path_of_module(folder: Folder, name: str) -> str | None:
    """The path of an imported module; that of a package without a file is where its `__init__.py` would be."""
    imported = sys.modules.get(name)
    inits = (f"{place}/__init__.py" for place in _places(imported))
    file = getattr(imported, "__file__", None) or next(inits, None)
    return folder.relative(_real_path(file)) if file else None


def _places(package: ModuleType | None) -> list[str]:
    """The folders of a package without a file."""
    if getattr(package, "__file__", None) is not None:
        return []
    with suppress(KeyError):  # the package that it is in is gone
        return list(getattr(package, "__path__", ()))
    return []


def origin(node: ast.ImportFrom, package: str | None) -> str:
    """The module that a statement in this package imports names from."""
    return resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""


def with_parents(names: list[str]) -> Iterator[str]:
    """The names of modules, and of the packages that they are in, the outermost first."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def find_again(module: ModuleType) -> None:
    """Set the file and the path of a package that got or lost its `__init__.py`."""
    name = module.__name__
    package = sys.modules.get(name.rpartition(".")[0])
    spec = PathFinder.find_spec(name, package.__path__ if package else None)
    vars(module).pop("__file__", None)
    vars(module).update(vars(module_from_spec(spec)) if spec else {})


def forget(name: str, undo: list[Callable[[], object]]) -> None:
    """Remove a module from those that are imported, and from its package, unless that has something else of this name."""
    module = sys.modules.pop(name)
    undo.append(partial(sys.modules.__setitem__, name, module))
    package, _, last = name.rpartition(".")
    if package in sys.modules and vars(sys.modules[package]).get(last) is module:
        delattr(sys.modules[package], last)
        undo.append(partial(setattr, sys.modules[package], last, module))


def _imported_names(nodes: Nodes, package: str | None) -> Iterator[str]:
    """The names of the modules that these nodes may import, and of the packages that they are in."""
    for node in nodes:
        start = origin(node, package) if isinstance(node, ast.ImportFrom) else ""
        yield from with_parents([f"{start}.{alias.name}".strip(".") for alias in node.names] + [start])


def _spec(name: str) -> ModuleSpec | None:
    """Where Python would find a module that is not loaded."""
    package, _, last = name.rpartition(".")
    if not package:
        return PathFinder.find_spec(name)
    outer = getattr(sys.modules[package], "__spec__", None) if package in sys.modules else _spec(package)
    folders = outer and outer.submodule_search_locations
    # By the last name alone: by the whole one, a package without a file would ask for the one that it is in.
    return PathFinder.find_spec(last, folders) if folders else None


@cache
def _real_path(file: str) -> str:
    """The real path of a module's file, which stays where it is; the system is asked for each part of a path."""
    return os.path.realpath(file)

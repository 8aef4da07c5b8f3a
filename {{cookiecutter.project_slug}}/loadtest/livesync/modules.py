"""Modules: loads the user's files one statement at a time, and records what each statement did."""

from locust.event import EventHook

import ast
import dis
import itertools
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeGuard

from . import file_access, imported_modules
from .call_recorder import Calls
from .code_objects import frames, is_suspended
from .files import Folder
from .functions import Grace, Usual
from .registrations import Registrations
from .source import Definition, Effects, Source, TopLevel, adopt_definitions, parse

Undo = list[Callable[[], object]]

MUTABLE = (list, dict, set, bytearray, deque)
"""Types whose values a module may build in several statements."""


@dataclass(eq=False)
class Module:
    """A module that came from the folder."""

    module: ModuleType
    path: str
    source: Source
    is_root: bool
    """Whether Locust loaded it, and not an import in another one."""

    @property
    def namespace(self) -> dict[str, Any]:
        return vars(self.module)

    @property
    def package(self) -> str | None:
        """The package that its relative imports begin at."""
        return self.namespace.get("__package__")

    def imported(self) -> set[str]:
        """Paths of the user's modules that this one imports."""
        return {path for statement in self.source.statements for path in statement.effects.imported}


class Modules:
    """All modules of this process that came from its folder."""

    def __init__(self, folder: Folder, watched: Path) -> None:
        """`watched` is the folder in which the files are edited; on the master relative paths lead there."""
        self.folder = folder
        self.watched = watched.resolve()
        self.loaded: list[Module] = []
        self.definitions: dict[int, Definition] = {}
        """By the id of the code object."""
        self.calls = Calls(self.definitions)
        self._suspends: dict[str, set[Definition]] = {}
        """The generator functions and coroutines, by name."""
        self._containers: set[tuple[Module, str]] = set()
        """Names by which modules have lists, dictionaries and sets."""
        self._owners: dict[int, TopLevel] = {}
        """The statement to which code belongs, by the id of the code object; module-level code is in here, too."""
        self.registrations = Registrations(self._running)
        file_access.readers[:] = [self._note_read]

    def exec_module(self, original: Callable[..., None], loader: SourceFileLoader, module: ModuleType) -> None:
        """Stands in for `SourceFileLoader.exec_module`: a file of the folder is run statement by statement."""
        path = self.folder.relative(os.path.realpath(loader.path))
        if path is None:
            original(loader, module)
            return
        source = parse(Path(loader.path).read_bytes(), loader.path)
        loaded = Module(module, path, source, is_root=not any(self._running()))
        vars(module)["__doc__"] = source.docstring
        for statement in source.statements:
            adopt_definitions(None, statement)
            self.register(statement)
            self.run(loaded, statement)
        self.loaded = [other for other in self.loaded if other.module is not module] + [loaded]

    def register(self, statement: TopLevel) -> None:
        """Make the statement known by its code, so that calls and registrations find it."""
        self._owners[id(statement.code)] = statement
        for definition in statement.definitions.values():
            self.definitions[id(definition.code)] = definition
            self._owners[id(definition.code)] = statement
            if is_suspended(definition.code):
                self._suspends.setdefault(definition.code.co_name, set()).add(definition)

    def unregister(self, statement: TopLevel) -> None:
        """Forget code that does not run any more; its id may come again."""
        self._owners.pop(id(statement.code), None)
        for definition in statement.definitions.values():
            self._owners.pop(id(definition.code), None)

    def set_code(self, definition: Definition, code: CodeType) -> None:
        """Set the code of a definition."""
        self.definitions.pop(id(definition.code), None)
        owner = self._owners.pop(id(definition.code), None)
        definition.code = code
        self.definitions[id(code)] = definition
        if owner:
            self._owners[id(code)] = owner

    def run(
        self, module: Module, statement: TopLevel, code: CodeType | None = None, names: dict[str, Any] | None = None
    ) -> None:
        """Run a statement, or `code` in its stead, in its module, and note what it does in its `effects`.

        What it binds goes into `names`, if given, and else into the module.
        """
        statement.effects = effects = Effects()
        sizes = self._sizes()
        called = self.calls.begin()
        try:
            with file_access.reads() as read:
                exec(code or statement.code, module.namespace, names)  # noqa: S102 - this is how modules are run
        finally:
            self.calls.end()
        effects.called = called | self._suspended(statement, called)
        for line, definitions in called.by_line.items():
            for name in _names_on(line, statement):
                effects.called_for.setdefault(name, set()).update(definitions)
        filled = {name for name, size in self._sizes().items() if sizes.get(name, size) != size}
        effects.filled = filled - statement.binds  # those hold another list now
        self._containers |= {(module, n) for n in statement.binds if _is_container(module.namespace.get(n))}
        for path, lines in [(path, lines) for opened, lines in read.items() if (path := self.path_of(opened))]:
            effects.opened.add(path)
            for name in {name for line in lines for name in _names_on(line, statement) or {""}}:
                effects.opened_for.setdefault(name, set()).add(path)
        effects.imported = self.imports(module, statement)
        self.note_names(module, statement)

    def _sizes(self) -> dict[str, int]:
        """The lengths of the lists, dictionaries and sets of modules, by name."""
        values = {name: module.namespace.get(name) for module, name in self._containers}
        return {name: len(value) for name, value in values.items() if _is_container(value)}

    def _suspended(self, statement: TopLevel, called: set[Definition]) -> set[Definition]:
        """The generator functions that it may have called: nothing of them runs, and is recorded, until they are asked for a value."""
        names = statement.calls.union(*(definition.code.co_names for definition in called))
        return {d for name in names & self._suspends.keys() for d in self._suspends[name]}

    def note_packages(self) -> None:
        """Make packages without a file known, as modules without statements: an edit may give one an `__init__.py`."""
        self.loaded = [
            known
            for known in self.loaded
            if known.namespace.get("__file__") or sys.modules.get(known.module.__name__) is known.module
        ]
        for name, module in list(sys.modules.items()):
            is_package = type(module) is ModuleType and vars(module).get("__file__") is None
            if is_package and not self.find(module) and (path := imported_modules.path_of_module(self.folder, name)):
                self.loaded.append(Module(module, path, parse(b"", str(self.folder.path / path)), is_root=False))

    def imported_first(self, imports: Callable[[Module], set[str]]) -> list[Module]:
        """The loaded modules, each after those that it imports.

        `imports` gives the paths of the loaded modules that a module imports. A circle, as between a package and the
        modules that it re-exports, is entered as at the start: by the package, and else where the module is that was
        loaded last. Locustfiles come last, as a new import in one of them may load a module that imports an edited one.
        """
        visited: set[Module] = set()
        roots = sorted(self.loaded, key=lambda module: (module.is_root, -self.loaded.index(module)))
        return [module for root in roots for module in self._after_its_imports(root, imports, visited)]

    def _after_its_imports(
        self, module: Module, imports: Callable[[Module], set[str]], visited: set[Module]
    ) -> Iterator[Module]:
        # No nested function: one that calls itself keeps `imports`, and so an applied edit, until a garbage collection.
        if module not in visited:
            for name in imported_modules.with_parents([module.module.__name__.rpartition(".")[0]]):
                if name in sys.modules and (package := self.find(sys.modules[name])):
                    yield from self._after_its_imports(package, imports, visited)
        if module not in visited:
            visited.add(module)
            imported = imports(module)
            for other in reversed(self.loaded):
                if other.path in imported:
                    yield from self._after_its_imports(other, imports, visited)
            yield module

    def order_listeners(self) -> None:
        """Let each event call the listeners of user code in the order in which a fresh load adds them."""
        added = [r for statement in self._as_loaded() for r in statement.effects.registered if r.while_loading]
        for hook in {r.hook for r in added if isinstance(r.hook, EventHook)}:
            ranks = {id(r.handler): rank for rank, r in enumerate(added) if r.hook is hook}
            ordered = sorted((h for h in hook._handlers if id(h) in ranks), key=lambda h: ranks[id(h)])
            hook._handlers[:] = [ordered.pop(0) if id(h) in ranks else h for h in hook._handlers]

    def _as_loaded(self) -> Iterator[TopLevel]:
        """The statements of all modules in the order in which a fresh load runs them."""
        visited: set[Module] = set()
        for module in sorted(self.loaded, key=lambda module: not module.is_root):
            yield from self._with_imports_inside(module, visited)

    def _with_imports_inside(self, module: Module, visited: set[Module]) -> Iterator[TopLevel]:
        if module in visited:
            return
        visited.add(module)
        for statement in module.source.statements:
            for other in self.loaded:
                if other.path in statement.effects.imported:
                    yield from self._with_imports_inside(other, visited)
            yield statement

    def path_of(self, opened_path: str) -> str | None:
        """The synced path of a file that was opened, in the folder or in the watched one."""
        real = os.path.realpath(opened_path)
        if path := self.folder.relative(real):
            return path
        root = f"{self.watched}{os.sep}"
        return real.removeprefix(root).replace(os.sep, "/") if real.startswith(root) else None

    def _note_read(self, opened_path: str) -> None:
        """Note that the functions which run here read a file."""
        running = [d for frame in frames(sys._getframe()) if (d := self.definitions.get(id(frame.f_code)))]
        if running and (path := self.path_of(opened_path)):
            for definition in running:
                definition.opened.add(path)

    def owner(self, definition: Definition) -> TopLevel | None:
        """The statement that a definition belongs to."""
        return self._owners.get(id(definition.code))

    def usual(self, definition: Definition, graces: Iterable[Grace] = ()) -> Usual | None:
        """The function that the definition's module or class has by its name, unless a decorator stands in its place.

        While it dispatches for one of `graces`, it is the function that it dispatches to.
        """
        module, statement = self.home(definition), self.owner(definition)
        if not module or not statement:
            return None
        name, *inner = definition.code.co_qualname.split(".")
        value = module.namespace.get(name)
        for name in inner:
            value = vars(value).get(name) if issubclass(type(value), type) else None
        for grace in graces:
            value = grace.functions.get(value, value) if type(value) is FunctionType else value
        if type(value) is not FunctionType or value.__code__ is not definition.code:
            return None
        return Usual(value, _count(definition.code, statement.code))

    def home(self, definition: Definition) -> Module | None:
        """The module that a definition is in."""
        path = self.path_of(definition.code.co_filename)
        return next((module for module in self.loaded if module.path == path), None)

    def names_read(self, definition: Definition) -> set[tuple[str, str]]:
        """Names that the function reads from its own module, or may read from those that it has as objects, with their paths."""
        if not (home := self.home(definition)):
            return set()
        names = definition.code.co_names
        reads_modules = any(isinstance(home.namespace.get(name), ModuleType) for name in names)
        paths = home.imported() if reads_modules else set()
        return {(home.path, name) for name in _global_names(definition.code)} | set(itertools.product(paths, names))

    def names_set(self, definition: Definition) -> set[tuple[str, str]]:
        """Names of its module that the function sets by `global`, with the module's path."""
        home = self.home(definition)
        found = [i for i in dis.get_instructions(definition.code) if i.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")]
        return {(home.path, i.argval) for i in found} if home else set()

    def find(self, module: ModuleType) -> Module | None:
        return next((loaded for loaded in self.loaded if loaded.module is module), None)

    def imports(self, module: Module, statement: TopLevel) -> set[str]:
        """Paths of the user's modules that the statement imports, as far as they are loaded."""
        return imported_modules.paths(self.folder, statement.imports, module.package)

    def note_names(self, module: Module, statement: TopLevel) -> None:
        """Note in the effects of a statement which names its imports take from the user's modules as they are now."""
        for node in statement.imports:
            if not isinstance(node, ast.ImportFrom):
                continue
            origin = imported_modules.origin(node, module.package)
            path = imported_modules.path_of_module(self.folder, origin) or ""
            if node.names[0].name == "*" and origin in sys.modules:
                exported = vars(sys.modules[origin])
                names = exported.get("__all__", [name for name in exported if not name.startswith("_")])
                statement.effects.starred |= dict.fromkeys(names, path)
            elif path:
                statement.effects.taken |= {(path, alias.name) for alias in node.names}

    def _running(self) -> Iterator[tuple[TopLevel, bool]]:
        """The statements whose code runs here, innermost first, and whether it is the statement itself that runs."""
        for frame in frames(sys._getframe(1)):
            if owner := self._owners.get(id(frame.f_code)):
                yield owner, frame.f_code is owner.code


def with_imports(modules: set[Module], imports: dict[Module, set[str]]) -> set[Module]:
    """The modules, those that they import, those that these import, and so on."""
    found: set[Module] = set()
    while modules:
        found |= modules
        paths = set().union(*(imports[module] for module in modules))
        modules = {module for module in imports if module.path in paths} - found
    return found


def _names_on(line: int, statement: TopLevel) -> frozenset[str]:
    """What the statement of a class body that is on this line binds or extends."""
    inner = statement.inner_by_line.get(line)
    return inner.binds | inner.extends if inner else frozenset()


def _is_container(value: Any) -> TypeGuard[Sized]:
    return issubclass(type(value), MUTABLE)


def _global_names(code: CodeType) -> set[str]:
    """The names of its module, without those of attributes, which Python keeps with them."""
    return {str(i.argval) for i in dis.get_instructions(code) if "GLOBAL" in i.opname or i.opname == "LOAD_NAME"}


def _count(code: CodeType, outer: CodeType) -> int:
    """How often `code` itself is among the constants of `outer`, and of the code that is nested in that."""
    inner = [constant for constant in outer.co_consts if type(constant) is CodeType]
    return sum(constant is code for constant in inner) + sum(_count(code, constant) for constant in inner)

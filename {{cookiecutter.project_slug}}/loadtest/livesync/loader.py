"""Loads the plugins of the project and the files that `-f` names, from the folder of the live code."""

from locust import LoadTestShape, User
from locust.argument_parser import get_locustfiles_locally, get_parser, parse_locustfile_option
from locust.util.load_locustfile import is_shape_class, is_user_class

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any, NoReturn

from . import running_shapes
from .errors import Rejected, rejecting_errors, rejecting_exits
from .live_code import Live

PLUGINS = "plugins.enabled_plugins"
"""Module that registers the plugins of the project, in a folder that has it."""


def load_plugins(live: Live) -> None:
    """Import the plugins, so that they register what they add to Locust. Raises Rejected if that fails."""
    if f"{PLUGINS.replace('.', '/')}.py" in live.tree:
        with rejecting_errors(live.folder.path):
            import_module(PLUGINS)


def on_command_line(live: Live) -> list[str]:
    """Paths in the live tree of the files that `-f` names, as Locust reads it."""
    with rejecting_exits():
        found = get_locustfiles_locally(parse_locustfile_option())
    watched = live.modules.watched
    paths = []
    for path in found:
        real = Path(path).resolve()
        if not real.is_relative_to(watched):
            sys.exit(f"{path} is outside of {watched}: start live sync in the folder of the locustfile")
        relative = real.relative_to(watched).as_posix()
        if relative in live.tree:
            paths.append(relative)
        elif relative.partition("/")[0] != "livesync":
            raise Rejected(f"{relative} is a file that is not synced: rename it, or name another locustfile with -f")
    return paths


def load(live: Live, _original: object, path: str) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Stands in for `load_locustfile`: load it as Locust does, and remember which module it is."""
    name = Path(path).stem
    loader = SourceFileLoader("locustfile" if name == "locust" else name, path)
    module = module_from_spec(ModuleSpec(loader.name, loader, origin=path))
    module.__file__ = path
    sys.modules[loader.name] = module
    sys.path.insert(0, str(Path(path).parent))
    try:
        with rejecting_errors(live.folder.path):
            loader.exec_module(module)
            with rejecting_exits():
                get_parser().parse_known_args()
    finally:
        sys.path.remove(str(Path(path).parent))
    live.locustfiles += [loaded for loaded in live.modules.loaded if loaded.module is module]
    user_classes = {name: value for name, value in vars(module).items() if is_user_class(value)}
    with rejecting_errors(live.folder.path):
        shapes = [
            running_shapes.make(live.modules.calls, value) for value in vars(module).values() if is_shape_class(value)
        ]
    return user_classes, shapes


def reject_pytest_files(*_: Any) -> NoReturn:
    """Stands in for Locust's loader of pytest-style files."""
    raise Rejected("the locustfile has no user class: define one, or run a pytest-style locustfile with locust itself")

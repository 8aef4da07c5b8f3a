"""Live sync inside one interpreter, without a master and workers: load files, run what a test would, edit, look.

Importing Locust patches the standard library, so this is imported by scripts that tests start, and not by tests.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from livesync import (
    file_access,
    live_code,
    loader,
    locust_environment,
    locust_internals,
    patches,
)
from livesync.edit import Edit, find_edit
from livesync.errors import Rejected as Rejected
from livesync.files import Folder
from livesync.live_code import Live, commit, stage
from livesync.modules import Modules
from locust import events
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.event import EventHook


class Current:
    """Hands each call of a patch to the load test that is there now."""

    live: Live

    def __getattr__(self, name: str) -> Any:
        return getattr(type(self).live, name)


class CurrentRegistrations:
    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: getattr(Current.live.modules.registrations, name)(*arguments, **options)


class CurrentModules:
    registrations = CurrentRegistrations()

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: getattr(Current.live.modules, name)(*arguments, **options)


def install() -> None:
    """Put the patches in place, once."""
    live_code.TASKS_TIMEOUT = 0.01  # the tasks that are under way in here wait for the end of the edit
    current: Any = Current()
    current.__dict__["modules"] = CurrentModules()
    locust_internals.install(patches.of_every_process(current))
    locust_internals.install(patches.of_worker(current, lambda *_: None, lambda *_: None))
    file_access.install(Path.cwd())


class OneProcess:
    """A load test whose files can be edited, with the environment that Locust would make of it."""

    def __init__(self, files: dict[str, str], locustfile: str = "locustfile.py", options: tuple[str, ...] = ()) -> None:
        self.home = Path(tempfile.mkdtemp()).resolve()
        self.live = Live(folder := Folder(self.home), Modules(folder, folder.path))
        Current.live = self.live
        self._modules, self._path = set(sys.modules), sys.path[:]
        self._handlers = {hook: hook._handlers[:] for hook in vars(events).values() if isinstance(hook, EventHook)}
        self._cwd = Path.cwd()
        try:
            self._load(files, locustfile, options)
        except BaseException:
            self.close()
            raise

    def _load(self, files: dict[str, str], locustfile: str, options: tuple[str, ...]) -> None:
        folder = self.live.folder
        self.live.unpack(encoded(files))
        os.chdir(folder.path)
        sys.path.insert(0, str(folder.path))
        classes, shapes = loader.load(self.live, None, str(folder.path / locustfile))
        self.environment = Environment(
            user_classes=list(classes.values()),
            events=events,
            parsed_options=get_parser().parse_args(list(options)),
            available_user_classes=classes,  # type: ignore[arg-type]
            available_shape_classes={type(instance).__name__: instance for instance in shapes},
            available_user_tasks={name: list(user_class.tasks) for name, user_class in classes.items()},
        )
        fire: Any = events.init.fire
        fire(environment=self.environment, runner=None, web_ui=None)
        locust_environment.note_initialised(self.environment)

    def edit(self, files: dict[str, str], with_trial: bool = True) -> Any:
        """Bring edited files in; raises Rejected. Without a trial nothing is tried in a child first."""
        tree = encoded(files)
        edit = stage(self.live, tree, self.environment) if with_trial else stage_untried(self.live, tree)
        return commit(self.live, edit, self.environment)

    def module(self, name: str = "locustfile") -> ModuleType:
        return sys.modules[name]

    def close(self) -> None:
        os.chdir(self._cwd)
        sys.path[:] = self._path
        for name in sorted(set(sys.modules) - self._modules, reverse=True):  # packages after what is in them
            module = sys.modules[name]
            places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
            if any(place and place.startswith(str(self.home)) for place in places):
                del sys.modules[name]
        for hook, handlers in self._handlers.items():
            hook._handlers[:] = handlers
        shutil.rmtree(self.home)


def stage_untried(live: Live, tree: dict[str, bytes]) -> Edit:
    edit = find_edit(live.modules, live.tree, tree)
    live.folder.stage(tree, edit.paths)
    return edit


def encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {path: content.encode() for path, content in files.items()}

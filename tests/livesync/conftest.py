import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from swarm import BASE, LOADTEST, Swarm, Target, add_plugins, wait_until
from watched import Folder, Modules, override


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.close()


@pytest.fixture
def idle(tmp_path: Path, target: Target) -> Iterator[Swarm]:
    """A swarm that has not been started."""
    folder = tmp_path / "loadtest"
    folder.mkdir()
    swarm = Swarm(folder, target)
    swarm.save(BASE)
    yield swarm
    swarm.stop()


@pytest.fixture
def shaped(idle: Swarm) -> Swarm:
    """A swarm with the project's plugins, and with that its shapes, none of which is chosen."""
    add_plugins(idle.folder)
    idle.start()
    return idle


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    folder = tmp_path_factory.mktemp("shared") / "loadtest"
    folder.mkdir()
    target = Target()
    swarm = Swarm(folder, target)
    swarm.save(BASE)
    swarm.start()
    swarm.swarm()
    yield swarm
    swarm.stop()
    target.close()


@pytest.fixture
def swarm(shared: Swarm) -> Iterator[Swarm]:
    """A running swarm of 10 users on 2 workers; afterwards it must have lost no user, request or statistics."""
    for file in shared.folder.iterdir():
        if file.name not in ("livesync", "locustfile.py"):
            _remove(file)
    shared.save(BASE)
    wait_until(lambda: shared.agrees() and shared.get("/livesync")["revision"] == shared.first_revision, "the base")
    shared.settle()
    shared.forget()
    before = shared.total()["num_requests"]
    yield shared
    shared.settle()
    total = shared.total()
    assert total["num_failures"] == 0
    assert total["num_requests"] >= before
    wait_until(lambda: shared.users() == 10, "10 users")
    assert shared.get("/exceptions")["exceptions"] == []


def _remove(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _remove(child)
        path.rmdir()
    else:
        path.unlink()


@pytest.fixture
def livesync(monkeypatch: pytest.MonkeyPatch) -> Modules:
    """The modules that watch a folder, which look often."""
    monkeypatch.syspath_prepend(LOADTEST)
    names = ("watch", "scan", "file_events", "file_access", "errors")
    modules = Modules(**{name: import_module(f"livesync.{name}") for name in names})
    override(modules, monkeypatch, POLL=50)
    return modules


@pytest.fixture
def folder(tmp_path: Path, livesync: Modules) -> Iterator[Folder]:
    (tmp_path / "loadtest").mkdir()
    folder = Folder(tmp_path / "loadtest", livesync)
    yield folder
    folder.close()


@pytest.fixture
def written(folder: Folder) -> set[str]:
    """What this process wrote in the folder."""
    folder.livesync.file_access.install(folder.path)
    paths: set[str] = folder.livesync.file_access.WRITTEN
    return paths


@pytest.fixture(scope="session")
def all_opened() -> list[str]:
    paths: list[str] = []

    def note(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and args and isinstance(args[0], str):
            paths.append(args[0])

    sys.addaudithook(note)
    return paths


@pytest.fixture
def opened(all_opened: list[str]) -> list[str]:
    """What this process opened since the test began, in any thread."""
    all_opened.clear()
    return all_opened

"""Fixtures: swarms, and the modules of live sync that watch a folder, inside of the test's own process."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.service import Service
from support.swarm import Swarm, add_plugins, new_swarm
from support.swarm_fixtures import idle, shared, swarm

from tests.livesync.peer import Peer, start
from tests.livesync.watched import Folder, Modules, override
from tests.support.browser import page

__all__ = ["idle", "page", "shared", "swarm"]


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def shaped(idle: Swarm) -> Swarm:
    """A swarm with the project's plugins, and with that its shapes, none of which is chosen."""
    add_plugins(idle.folder)
    idle.start()
    return idle


@pytest.fixture(scope="module")
def with_plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A swarm of one worker with the project's plugins, for all tests of a file; no test runs."""
    with new_swarm(tmp_path_factory.mktemp("with_plugins") / "loadtest") as swarm:
        add_plugins(swarm.folder)
        swarm.start(workers=1)
        yield swarm


@pytest.fixture
def connect() -> Iterator[Callable[..., Peer]]:
    """A function from a port, a key and a name to a peer of the master there."""
    peers: list[Peer] = []

    def connect(port: int, key: str = "", name: str = "") -> Peer:
        peers.append(Peer(port, key, name))
        return peers[-1]

    yield connect
    for peer in peers:
        peer.close()


@pytest.fixture(scope="module")
def open_master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A master without a key, of which tests change nothing."""
    with new_swarm(tmp_path_factory.mktemp("open") / "loadtest") as swarm:
        start(swarm)
        yield swarm


@pytest.fixture
def livesync(monkeypatch: pytest.MonkeyPatch) -> Modules:
    """The modules that watch a folder, which look often."""
    names = ("watch", "file_scan", "file_events", "file_access", "errors")
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

"""Fixtures of the tests of live sync."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .swarm import BASE, Swarm, new_swarm
from .waiting import wait_until


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Swarm]:
    """A swarm that has not been started."""
    with new_swarm(tmp_path / "loadtest") as swarm:
        yield swarm


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """The running swarm of 10 users on 2 workers that the tests of a file share by the fixture `swarm`."""
    with new_swarm(tmp_path_factory.mktemp("shared") / "loadtest") as swarm:
        swarm.start()
        swarm.swarm()
        yield swarm


@pytest.fixture
def swarm(shared: Swarm) -> Iterator[Swarm]:
    """A running swarm of 10 users on 2 workers; afterwards it must have lost no user, request or statistics."""
    for file in shared.folder.iterdir():
        if file.is_dir() and file.name != "livesync":
            shutil.rmtree(file)
        elif file.is_file() and file.name != "locustfile.py":
            file.unlink()
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

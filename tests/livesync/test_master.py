"""A master that dies during a test and comes back: what its workers do, and what code they run."""

import shutil
from pathlib import Path

import pytest
from support.swarm import BASE, Swarm, add_plugins, base
from support.waiting import wait_until

EDITED = BASE.replace("/base/", "/edited/")

SLOW_ON_WORKERS = EDITED.replace(
    "class",
    """import sys, time, urllib.request
if '--worker' in sys.argv:
    urllib.request.urlopen('TARGET/staging').read()
    time.sleep(3)

class""",
)
"""Leaves time between the vote that the master asks for and the commit."""


@pytest.fixture(params=[""])
def key(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the swarm, if it has one."""
    monkeypatch.setenv("LIVESYNC_KEY", request.param)


@pytest.fixture
def running(idle: Swarm, key: None) -> Swarm:  # noqa: ARG001 - the key is set before the start
    """Two workers and ten users, on code that was edited once."""
    idle.start()
    idle.swarm()
    idle.edit(EDITED)
    return idle


@pytest.fixture
def voting(idle: Swarm) -> Swarm:
    """Two workers and ten users, between the vote on an edit and its commit."""
    idle.start()
    idle.swarm()
    idle.save(SLOW_ON_WORKERS.replace("TARGET", idle.service.url))
    wait_until(lambda: "/staging" in idle.service.seen, "a worker that stages it")
    return idle


def test_workers_come_back_to_a_killed_master_and_wait_for_its_word(running: Swarm) -> None:
    running.kill("master")
    running.start_master()
    wait_until(lambda: len(running.workers()) == 2 and running.agrees(), "both workers on the master's code")
    assert all(running.processes[name].poll() is None for name in ("worker1", "worker2"))
    assert running.users() == 0
    running.forget()
    running.swarm()
    running.wait_for("/edited")
    assert not running.requests("/base")
    assert running.total()["num_failures"] == 0


RAISES = base("/raises", "        raise RuntimeError('each time')\n", wait=0.01)


def test_workers_whose_tasks_raise_come_back_however_many_messages_have_waited_for_the_master(idle: Swarm) -> None:
    add_plugins(idle.folder)
    idle.save(RAISES)
    idle.start(workers=1)
    idle.swarm(users=50)
    idle.kill("master")
    idle.forget()
    wait_until(lambda: len(idle.requests("/raises")) > 3000, lambda: f"3000 exceptions\n{idle.log_tails()}")
    idle.start_master()
    wait_until(lambda: len(idle.workers()) == 1 and idle.agrees(), "the worker")
    idle.swarm(users=10)
    idle.forget()
    idle.settle()
    assert idle.processes["worker1"].poll() is None


def test_a_test_goes_on_after_its_master_was_killed_where_that_is_wanted(
    idle: Swarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESYNC_RESUME", "1")
    idle.start()
    idle.swarm(users=7)
    idle.kill("master")
    idle.start_master()
    wait_until(lambda: len(idle.workers()) == 2, "both workers")
    wait_until(lambda: idle.users() == 7, "seven users")
    wait_until(lambda: idle.get("/stats/requests")["state"] == "running", "the end of spawning")


@pytest.mark.parametrize("key", ["", "a key"], ids=["without a key", "with a key"], indirect=True)
def test_workers_hand_the_newest_code_to_a_master_whose_files_are_older(running: Swarm, tmp_path: Path) -> None:
    revision = running.get("/livesync")["revision"]
    running.kill("master")
    image = tmp_path / "image"
    shutil.copytree(running.folder, image)
    (image / "locustfile.py").write_text(BASE)
    running.start_master(image)
    wait_until(lambda: len(running.workers()) == 2 and running.agrees(), "both workers on the master's code")
    wait_until(lambda: running.get("/livesync")["revision"] == revision, "the revision that was live")
    (image / "helper.py").write_text("NAME = 1\n")
    wait_until(lambda: running.get("/livesync")["revision"] != revision and running.agrees(), "a new revision")
    running.forget()
    running.swarm()
    running.wait_for("/edited")
    assert not running.requests("/base"), "the next save brought the older files back"


def test_a_master_with_newer_files_is_not_overruled(running: Swarm) -> None:
    running.kill("master")
    running.save(BASE.replace("/base/", "/newer/"))
    running.start_master()
    wait_until(lambda: len(running.workers()) == 2 and running.agrees(), "both workers on the master's code")
    running.forget()
    running.swarm()
    running.wait_for("/newer")
    assert not running.requests("/edited")


def test_all_workers_run_one_revision_after_the_master_died_between_vote_and_commit(voting: Swarm) -> None:
    voting.kill("master")
    voting.start_master()
    wait_until(lambda: len(voting.workers()) == 2 and voting.agrees(), "one revision")
    voting.forget()
    voting.swarm()
    voting.wait_for("/edited")


def test_a_worker_that_dies_between_vote_and_commit_holds_nobody_up(voting: Swarm) -> None:
    voting.kill("worker1")
    voting.wait_for("/edited", workers=1)
    wait_until(lambda: voting.users() == 10, "10 users on the worker that is left")

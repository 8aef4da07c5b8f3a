"""Masters and workers that start, join, leave and come back."""

import shutil
import signal
from pathlib import Path

import pytest
from support.swarm import BASE, Swarm, add_livesync
from support.waiting import TIMEOUT, wait_until


def test_a_worker_waits_for_its_master(idle: Swarm) -> None:
    idle.start_worker()
    idle.start_master()
    wait_until(lambda: len(idle.workers()) == 1, "the worker joined")


def test_a_worker_runs_the_masters_code_and_not_its_own(idle: Swarm, tmp_path: Path) -> None:
    (tmp_path / "stale").mkdir()
    add_livesync(tmp_path / "stale")
    (tmp_path / "stale/locustfile.py").write_text(BASE.replace("/base/", "/stale/"))
    idle.start(workers=1)
    idle.swarm()
    idle.edit(BASE.replace("/base/", "/current/"))
    idle.start_worker(tmp_path / "stale")
    idle.wait_for("/current", workers=2)
    wait_until(lambda: idle.users() == 10, "10 users")
    assert not idle.requests("/stale")
    assert set(idle.workers().values()) == {idle.get("/livesync")["revision"]}


def test_a_worker_without_live_sync_is_shown_as_one_that_runs_other_code(idle: Swarm) -> None:
    idle.start(workers=1)
    idle.start_worker(idle.folder, module="locust")
    wait_until(lambda: sorted(map(str, idle.workers().values())) == sorted([idle.first_revision, "None"]), "both")
    idle.save(BASE.replace("/base/", "/current/"))
    wait_until(lambda: "live on 1 of 2 workers" in idle.log(), "the edit live on the other worker")
    [table] = idle.get("/stats/requests")["extended_stats"]
    assert [row["what"] for row in table["data"] if row["code"] in idle.workers()].count("not live") == 1


def test_a_replaced_worker_loses_no_user(idle: Swarm) -> None:
    idle.start()
    idle.swarm()
    for name in ("worker1", "worker2"):
        idle.start_worker()
        wait_until(lambda: len(idle.workers()) == 3, "the new worker joined")
        idle.processes[name].terminate()
        wait_until(lambda: len(idle.workers()) == 2, "the old worker left")
        wait_until(lambda: sorted(users_by_worker(idle)) == [5, 5], "10 users, evenly")


@pytest.mark.parametrize(
    ("end", "splits"),
    [(signal.SIGTERM, [[4] * 4, [8, 8], [6, 5, 5]]), (signal.SIGKILL, [[4] * 4, [8, 8]])],
    ids=["asked to leave", "killed"],
)
def test_users_stay_as_many_and_even_while_workers_come_and_go(
    idle: Swarm, end: signal.Signals, splits: list[list[int]]
) -> None:
    idle.start(workers=2)
    idle.swarm(users=16)
    workers = ["worker1", "worker2"]
    for split in splits:
        workers += [idle.start_worker() for _ in split[len(workers) :]]
        for name in workers[len(split) :]:
            idle.processes[name].send_signal(end)
        del workers[len(split) :]
        wait_for_split(idle, split)


def wait_for_split(swarm: Swarm, split: list[int]) -> None:
    wait_until(
        lambda: sorted(users_by_worker(swarm), reverse=True) == split and swarm.users() == sum(split),
        lambda: f"users split {split}, which are {users_by_worker(swarm)}",
    )


def users_by_worker(swarm: Swarm) -> list[int]:
    workers = swarm.get("/stats/requests").get("workers", [])
    return [worker["user_count"] for worker in workers if worker["state"] != "missing"]


@pytest.mark.parametrize("is_noticed", [True, False], ids=["as the users are rebalanced", "before it is noticed"])
def test_a_test_stops_without_waiting_for_a_worker_that_was_killed(idle: Swarm, is_noticed: bool) -> None:
    idle.start(workers=2)
    idle.swarm()
    idle.kill("worker2")
    if is_noticed:
        wait_until(lambda: "to 1 ready workers" in idle.log(), "a rebalancing")
    idle.post("/stop")
    wait_until(lambda: idle.get("/stats/requests")["state"] == "stopped", "the end of the test", seconds=20)
    idle.swarm()
    wait_for_split(idle, [10])


STOPS = """
from pathlib import Path
from locust import events
from locust.exception import StopTest

@events.spawning_complete.add_listener
def stop(**_):
    if Path("ENOUGH").exists():
        raise StopTest("enough")
"""


def test_a_listener_that_stops_the_test_as_users_are_rebalanced_ends_no_rebalancing_of_the_next_test(
    idle: Swarm, tmp_path: Path
) -> None:
    enough = tmp_path / "enough"
    idle.save(BASE + STOPS.replace("ENOUGH", str(enough)))
    idle.start(workers=1)
    idle.swarm()
    enough.touch()
    idle.start_worker()
    wait_until(lambda: idle.get("/stats/requests")["state"] == "stopped", "the end of the test")
    enough.unlink()
    idle.swarm()
    idle.start_worker()
    wait_for_split(idle, [4, 3, 3])


def test_a_broken_locustfile_at_the_start_is_waited_out(idle: Swarm) -> None:
    idle.save("import nowhere\n")
    idle.start_master()
    wait_until(lambda: "locustfile.py:1: ModuleNotFoundError" in idle.log(), "the reason in the log")
    idle.save(BASE)
    idle.start_worker()
    wait_until(lambda: len(idle.workers()) == 1, "the worker joined")


def test_all_processes_end_on_sigterm_and_leave_nothing_behind(
    idle: Swarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    idle.start()
    assert len(list((tmp_path / "temporary").iterdir())) == 3
    idle.swarm()
    for process in idle.processes.values():
        process.send_signal(signal.SIGTERM)
    assert [process.wait(TIMEOUT) for process in idle.processes.values()] == [0, 0, 0]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_unknown_locust_is_restarted_by_an_edit(idle: Swarm) -> None:
    patches = idle.folder / "livesync/patches.py"
    patches.write_text(patches.read_text().replace('TaskSet.execute_next_task"', 'TaskSet.no_such_method"'))
    idle.start_master()
    wait_until(
        lambda: "LIVE SYNC IS OFF: this Locust has no locust.user.task.TaskSet.no_such_method" in idle.log(),
        "a loud message",
    )
    wait_until(lambda: "Starting web interface" in idle.log(), "Locust itself")
    idle.save("import os\n" + BASE)
    wait_until(lambda: idle.log().count("Starting web interface") == 2, "Locust started again")
    idle.save("import nowhere\n")
    wait_until(lambda: "No module named 'nowhere'" in idle.log(), "Locust's own error")
    idle.save(BASE)
    wait_until(lambda: idle.log().count("Starting web interface") == 3, "Locust started once more")
    wait_until(lambda: idle.get("/stats/requests"), "its web interface")
    idle.processes["master"].terminate()
    assert idle.processes["master"].wait(TIMEOUT) == 0
    assert not idle.get("/stats/requests")


def test_the_livesync_package_itself_is_not_synced(idle: Swarm) -> None:
    idle.start(workers=1)
    revision = idle.get("/livesync")["revision"]
    shutil.copy(idle.folder / "livesync/files.py", idle.folder / "livesync/copy.py")
    idle.edit(BASE + "\n")
    idle.save(BASE)
    wait_until(lambda: idle.get("/livesync")["revision"] == revision, "the same revision as before")

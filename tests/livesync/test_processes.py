"""What the machine does to the processes: clocks that step, signals, and folders for temporary files."""

from pathlib import Path

import pytest
from swarm import BASE, PATIENCE, Swarm, wait_until

STEP = """
import time

def step(seconds):
    # What a process sees when somebody sets the clock of its machine.
    original = vars(time).setdefault("original_time", time.time)
    time.time = lambda: original() + seconds

step(SECONDS)
"""


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_a_clock_that_steps_ends_no_worker_and_keeps_no_user_from_starting(idle: Swarm, hours: int) -> None:
    idle.start(workers=1)
    idle.swarm(users=4)
    idle.edit(BASE.replace("/base/", "/stepped/") + STEP.replace("SECONDS", str(hours * 3600)))
    idle.wait_for("/stepped", workers=1)
    idle.swarm(users=8)
    idle.forget()
    idle.settle()
    assert all(process.poll() is None for process in idle.processes.values())
    assert idle.users() == 8


def test_a_process_that_ends_while_it_starts_leaves_nothing_behind(
    idle: Swarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    idle.save("import time\ntime.sleep(60)\n" + BASE)
    for start in (idle.start_worker, idle.start_master):
        start()
        wait_until(lambda: any(temporary.iterdir()), "its folder")
        for process in idle.processes.values():
            process.terminate()
            process.wait(PATIENCE)
        assert list(temporary.iterdir()) == []


def test_temporary_files_may_lie_in_the_watched_folder(idle: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(idle.folder))
    idle.start(workers=1)
    idle.swarm()
    idle.edit(BASE.replace("/base/", "/edited/") + "\nNAME = 1\n")
    idle.wait_for("/edited", workers=1)
    idle.settle()
    assert len(idle.get("/livesync")["changes"]) == 2

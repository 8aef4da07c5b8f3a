"""What the machine does to the processes: clocks that step, signals, and folders for temporary files."""

import socket
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import pytest
import zmq
from support.swarm import BASE, Swarm, add_plugins
from support.waiting import TIMEOUT, wait_until

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
    add_plugins(idle.folder)
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
        wait_until(lambda: any(temporary.glob(".livesync-*")), "its folder")
        for process in idle.processes.values():
            process.terminate()
            process.wait(TIMEOUT)
        assert list(temporary.iterdir()) == []


def test_temporary_files_may_lie_in_the_watched_folder(idle: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(idle.folder))
    idle.start(workers=1)
    idle.swarm()
    idle.edit(BASE.replace("/base/", "/edited/") + "\nNAME = 1\n")
    idle.wait_for("/edited", workers=1)
    idle.settle()
    assert len(idle.get("/livesync")["changes"]) == 2


class Address:
    """An address in a cluster: what stands behind it may be replaced, and what stood there does not hang up."""

    def __init__(self, port_behind: int) -> None:
        self._port_behind = port_behind
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets = [self._listener]
        self._forwarded: set[socket.socket] = set()
        Thread(target=self._accept, daemon=True).start()

    def replace(self, port_behind: int) -> None:
        """Swallow what comes over the connections that there are, and lead the next ones to another port."""
        self._port_behind = port_behind
        self._forwarded.clear()

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):  # the other end may have closed it
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._port_behind))
                except ConnectionRefusedError:  # nothing stands there yet
                    near.close()
                    continue
                self._sockets += [near, far]
                self._forwarded |= {near, far}
                Thread(target=self._forward, args=(near, far), daemon=True).start()
                Thread(target=self._forward, args=(far, near), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if source in self._forwarded:
                    target.sendall(data)


def test_a_worker_finds_the_master_that_takes_the_place_of_one_that_went_without_a_word(idle: Swarm) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as silent:
        silent.linger = 0
        with closing(Address(silent.bind_to_random_port("tcp://127.0.0.1"))) as address:
            master_port, idle.port = idle.port, address.port
            idle.start_worker()
            assert silent.poll(int(TIMEOUT) * 1000), "the worker did not ask for the code"
            address.replace(master_port)
            idle.start_master()
            wait_until(lambda: len(idle.workers()) == 1 and idle.agrees(), "the worker")
            idle.stop()


FAILS_EVERY_SECOND_TIME = """
import os, pathlib

RUNS = pathlib.Path("RUNS")
if os.getpid() == PID:
    with RUNS.open("a") as runs:
        runs.write(".")
    if RUNS.stat().st_size % 2 == 0:
        raise RuntimeError("every second time")
"""
"""On one worker a trial succeeds, and the commit that follows it fails."""


def test_a_worker_whose_commits_fail_restarts_with_the_live_code(idle: Swarm) -> None:
    idle.start(workers=2)
    idle.swarm()
    failing = FAILS_EVERY_SECOND_TIME.replace("PID", str(idle.processes["worker1"].pid))
    idle.edit(BASE.replace("/base/", "/edited/") + failing.replace('RUNS"', f'{idle.folder}-runs"'))
    assert "This worker restarts" in idle.log("worker1")
    assert "This worker restarts" not in idle.log("worker2")
    idle.wait_for("/edited", workers=2)
    wait_until(lambda: idle.users() == 10, "10 users")

"""The watcher notices each save soon, whatever the file system tells it, and costs little meanwhile."""

import errno
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from support.locust_process import LOADTEST
from support.waiting import TIMEOUT, wait_until

from tests.livesync.watched import HOUR, Folder, Modules, looks, notices, override


def test_the_file_system_tells_of_saves(folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    override(livesync, monkeypatch, POLL=HOUR)
    folder.follow()
    notices(folder)
    for digit in range(3):
        folder.write(f"data/{digit}/names.py", str(digit))
        assert folder.next()[f"data/{digit}/names.py"] == str(digit).encode()


def test_what_the_file_system_does_not_tell_is_noticed_too(folder: Folder, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    target.write_text("first")
    (folder.path / "users.csv").symlink_to(target)
    folder.follow()
    target.write_text("second")
    assert folder.next()["users.csv"] == b"second"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "OS file watch limit reached"), RuntimeError("internal")])
def test_it_looks_for_itself_where_the_file_system_tells_nothing(
    folder: Folder,
    livesync: Modules,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def watch(*_: object, **__: object) -> Iterator[None]:
        raise error
        yield

    monkeypatch.setattr(livesync.file_events, "watch", watch)
    folder.follow()
    for digit in range(3):
        folder.write("locustfile.py", f"edit{digit}")
        assert folder.next() == {"locustfile.py": f"edit{digit}".encode()}
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert str(error) in record.getMessage()


def test_a_folder_that_is_made_anew_is_watched_on(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.follow()
    for name in ("second", "third"):
        shutil.rmtree(folder.path)
        assert folder.next() == f"the folder {folder.path} is missing: live sync continues once it exists again"
        folder.write("locustfile.py", name)
        assert folder.next() == {"locustfile.py": name.encode()}
    override(livesync, monkeypatch, POLL=HOUR)
    notices(folder)
    folder.write("locustfile.py", "fourth")
    assert folder.next() == {"locustfile.py": b"fourth"}


def test_a_folder_that_is_removed_before_it_is_watched_is_looked_at_in_time(folder: Folder, livesync: Modules) -> None:
    shutil.rmtree(folder.path)
    is_closed = Event()
    noticed = livesync.file_events.notices(folder.path, lambda: 0.1, is_closed)
    try:
        gevent.with_timeout(10, gevent.get_hub().threadpool.apply, next, (noticed,))
    finally:
        is_closed.set()


def test_a_greenlet_that_is_ended_leaves_the_watcher_to_the_next(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.follow()
    gevent.sleep(0.1)
    folder.greenlet.kill()
    folder.greenlet = gevent.spawn(folder._follow)
    looks(folder, 2)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}
    assert not caplog.records


def test_files_that_rest_are_not_read_again(folder: Folder, opened: list[str]) -> None:
    for number in range(5_000):
        file = folder.path / f"data/{number // 100}/{number}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))

    def newly_opened() -> set[str]:
        paths = {path.removeprefix(f"{folder.path}/") for path in opened if path.startswith(f"{folder.path}/")}
        opened.clear()
        return paths

    newly_opened()
    folder.read()
    assert len(newly_opened()) == 5_001
    wait_until(lambda: time.time() - file.stat().st_ctime > 2.1, "old files")
    before = folder.watcher.read()
    newly_opened()
    folder.watcher.read()
    assert newly_opened() == set()
    folder.write("data/7/700.csv", "new")
    after = folder.save()
    assert newly_opened() == {"data/7/700.csv"}
    assert [path for path in after if after[path] is not before[path]] == ["data/7/700.csv"]


def test_many_files_are_looked_at_less_often(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(livesync, monkeypatch, POLL=500)
    folder.read()
    assert folder.watcher._rest() == 0.5
    for number in range(1_999):
        (folder.path / f"{number}.csv").write_text("x")
    folder.watcher.read()
    assert folder.watcher._rest() == 1.0


def test_greenlets_go_on_while_it_reads(folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    content_of, gate = livesync.watch.content_of, threading.Event()
    monkeypatch.setattr(livesync.watch, "content_of", lambda file: content_of(file) if gate.wait(TIMEOUT) else None)
    reading = gevent.spawn(folder.read)
    gevent.sleep(0.1)
    assert not reading.dead
    gate.set()
    assert reading.get() == {"locustfile.py": b"first"}


def test_it_leaves_the_standard_library_as_it_is() -> None:
    code = "import livesync.watch, sys, threading; assert not {'locust', 'gevent.monkey'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=LOADTEST, check=True)

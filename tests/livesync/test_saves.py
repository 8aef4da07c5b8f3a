"""The watcher hands out each save once, as a whole, and nothing that is not a save."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from support.waiting import TIMEOUT, wait_until

from tests.livesync.watched import HOUR, Folder, Modules, looks, override


def test_a_save_has_the_content_of_every_file(folder: Folder) -> None:
    folder.write("data/deep/users.csv", "a,b")
    folder.follow()
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second", "data/deep/users.csv": b"a,b"}
    shutil.rmtree(folder.path / "data")
    assert folder.next() == {"locustfile.py": b"second"}


def test_a_same_sized_save_that_keeps_time_and_inode_is_noticed(folder: Folder) -> None:
    folder.follow()
    file = folder.path / "locustfile.py"
    before = file.stat()
    for digit in range(5):
        folder.overwrite("locustfile.py", f"edit{digit}")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert folder.next() == {"locustfile.py": f"edit{digit}".encode()}
        assert file.stat().st_ino == before.st_ino


def test_a_save_through_tar_is_noticed(folder: Folder, tmp_path: Path) -> None:
    folder.follow()
    for digit in range(5):
        (tmp_path / "locustfile.py").write_text(f"edit{digit}")
        pack = subprocess.run(["tar", "-C", tmp_path, "-c", "locustfile.py"], stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-C", folder.path, "-x"], input=pack.stdout, check=True)
        assert folder.next() == {"locustfile.py": f"edit{digit}".encode()}


def test_a_save_is_noticed_where_the_file_system_keeps_whole_seconds(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, second = livesync.file_scan.File, 1_000_000_000

    def coarse(real: str, status: os.stat_result) -> Any:
        return file(real, status.st_ctime_ns // second * second, 0, status.st_size, status.st_ino)

    monkeypatch.setattr(file, "of", coarse)
    folder.follow()
    for digit in range(5):
        folder.write("locustfile.py", f"edit{digit}")
        assert folder.next() == {"locustfile.py": f"edit{digit}".encode()}


def test_a_file_that_is_touched_or_goes_back_is_no_save(folder: Folder) -> None:
    folder.follow()
    (folder.path / "locustfile.py").touch()
    folder.write("empty/.keep")
    looks(folder, 2)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}


def slowly(folder: Folder, name: str) -> bytes:
    """Write a file in 10 pieces, each 0.1 s after the one before."""
    for number in range(10):
        folder.write(name, "piece " * (number + 1))
        gevent.sleep(0.1)
    return b"piece " * 10


@pytest.mark.parametrize(("debounce", "name"), [("DEBOUNCE", "names.py"), ("DEBOUNCE_DATA", "users.csv")])
def test_a_file_that_is_written_slowly_is_one_save(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch, debounce: str, name: str
) -> None:
    override(livesync, monkeypatch, **{debounce: 2_000}, TIMEOUT=TIMEOUT)
    folder.follow()
    assert slowly(folder, name) == folder.next()[name]


def test_code_does_not_wait_as_data_does(folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    override(livesync, monkeypatch, DEBOUNCE_DATA=HOUR, TIMEOUT=HOUR)
    folder.follow()
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}


def test_a_file_that_is_written_without_end_holds_nothing_up(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(livesync, monkeypatch, DEBOUNCE_DATA=1_000, TIMEOUT=2)
    folder.read()
    endless = "i=0; while sleep 0.05; do i=$((i+1)); echo $i > data.csv; done"
    with subprocess.Popen(["sh", "-c", endless], cwd=folder.path) as writer:
        try:
            wait_until((folder.path / "data.csv").exists, "the first write")
            folder.write("locustfile.py", "second")
            assert folder.save()["locustfile.py"] == b"second"
        finally:
            writer.kill()


def test_a_file_that_is_written_while_it_is_read_is_read_again(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.read()
    writes, look = iter([lambda: folder.write("locustfile.py", "the third")]), livesync.watch.unless_gone

    def overtaken(path: str, read: Callable[[], Any]) -> Any:
        next(writes, lambda: None)()
        return look(path, read)

    monkeypatch.setattr(livesync.watch, "unless_gone", overtaken)
    folder.write("locustfile.py", "second")
    assert folder.save() == {"locustfile.py": b"the third"}


def test_a_file_that_is_gone_for_a_moment_is_not_removed(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(livesync, monkeypatch, DEBOUNCE=1_000)
    folder.follow()
    (folder.path / "locustfile.py").unlink()
    gevent.sleep(0.1)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}

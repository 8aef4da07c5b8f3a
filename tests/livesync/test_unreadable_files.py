"""A folder that cannot be synced is a rejection with a reason, and the next save works."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.livesync.watched import Folder, Modules, looks


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root can read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(livesync: Modules) -> Iterator[Folder]:
    """A folder that others than its owner can read."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        Path(path).chmod(0o755)
        folder = Folder(Path(path), livesync)
        yield folder
        folder.close()


@pytest.mark.parametrize("name", ["data/users.csv", "data"])
def test_what_is_not_readable_is_rejected_and_not_taken_for_removed(open_folder: Folder, name: str) -> None:
    open_folder.write("data/users.csv")
    tree = open_folder.read()
    (open_folder.path / name).chmod(0)
    with unprivileged():
        reason = rejection(open_folder)
        assert reason == f"{name} cannot be read: permission denied; make it readable, or move it out of the folder"
    (open_folder.path / name).chmod(0o755)
    assert open_folder.save() == tree


def rejection(folder: Folder) -> str:
    with pytest.raises(folder.livesync.errors.Rejected) as rejected:
        folder.save()
    return str(rejected.value)


def test_a_reason_is_given_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESYNC_MAX_MB", "1")
    folder.follow()
    folder.write("big.bin", bytes(1_000_001))
    assert "1.00 MB" in folder.next()
    looks(folder, 2)
    folder.write("locustfile.py", "second")
    looks(folder, 2)
    (folder.path / "big.bin").unlink()
    assert folder.next() == {"locustfile.py": b"second"}


@pytest.mark.parametrize("call", ["scandir", "content_of"])
def test_any_other_error_is_a_rejection_too(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    tree = folder.read()
    folder.write("locustfile.py", "first")

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(*((livesync.watch, call) if call == "content_of" else (livesync.file_scan.os, call)), broken)
        assert "cannot be read: input/output error" in rejection(folder)
    assert folder.save() == tree


def test_a_file_that_vanishes_before_it_is_read_is_gone(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("users.csv")
    content_of = livesync.watch.content_of

    def late(file: Any) -> Any:
        (folder.path / "users.csv").unlink(missing_ok=True)
        return content_of(file)

    monkeypatch.setattr(livesync.watch, "content_of", late)
    assert folder.read() == {"locustfile.py": b"first"}
    folder.write("users.csv")
    folder.write("locustfile.py", "second")
    assert folder.save() == {"locustfile.py": b"second"}


def test_a_name_that_is_not_utf8_is_rejected(folder: Folder) -> None:
    tree = folder.read()
    file = Path(os.fsdecode(os.fsencode(folder.path) + b"/caf\xe9.csv"))
    file.write_text("x")
    assert rejection(folder) == r"the name 'caf\udce9.csv' is not UTF-8: rename the file"
    file.unlink()
    assert folder.save() == tree


def test_a_folder_that_is_too_big_is_rejected_unread(
    folder: Folder, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESYNC_MAX_MB", "1.5")
    folder.write("a.bin", bytes(600_000))
    folder.write("data/b.bin", bytes(800_000))
    tree = folder.read()
    folder.write("c.bin", bytes(700_000))
    opened.clear()
    assert rejection(folder) == (
        f"the files in {folder.path} have 2.10 MB, more than the 1.5 MB of LIVESYNC_MAX_MB: "
        "move the biggest, data/b.bin with 0.80 MB, elsewhere, or increase LIVESYNC_MAX_MB"
    )
    assert not [path for path in opened if path.endswith(".bin")]
    (folder.path / "c.bin").unlink()
    assert folder.save() == tree


@pytest.mark.parametrize("value", ["a lot", "0", "-1", "nan", "inf", "1e400", "32MB"])
def test_an_invalid_limit_ends_it_with_a_word(folder: Folder, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LIVESYNC_MAX_MB", value)
    with pytest.raises(SystemExit, match=f"^LIVESYNC_MAX_MB is '{value}': it must be a number of megabytes above 0"):
        folder.read()


@pytest.mark.parametrize(("value", "limit"), [(None, 32_000_000), ("", 32_000_000), ("0.5", 500_000)])
def test_the_limit_is_32_mb_unless_it_is_set(
    livesync: Modules, monkeypatch: pytest.MonkeyPatch, value: str | None, limit: int
) -> None:
    monkeypatch.delenv("LIVESYNC_MAX_MB", raising=False)
    if value is not None:
        monkeypatch.setenv("LIVESYNC_MAX_MB", value)
    assert livesync.file_scan.max_bytes() == limit

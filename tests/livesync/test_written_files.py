"""What a run writes is no save, and what code reads while it is loaded is noted."""

import os
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import FileIO
from pathlib import Path
from typing import IO, Any

import gevent
import pytest

from tests.livesync.watched import Folder, Modules, looks

Write = Callable[[Path], object]
WRITES: dict[str, Write] = {
    "w": lambda file: file.write_text("results"),
    "a": lambda file: emptied_with(file, "a"),
    "w+": lambda file: emptied_with(file, "w+"),
    "bytes": lambda file: emptied_with(os.fsencode(file), "wb"),
    "relative": lambda file: emptied_with(os.path.relpath(file), "w"),
    "FileIO": lambda file: emptied(FileIO(file, "w")),
    "os.open": lambda file: emptied(FileIO(os.open(file, os.O_CREAT | os.O_WRONLY), "w")),
    "os.replace": lambda file: moved(file).replace(file),
    "shutil.move": lambda file: shutil.move(moved(file), file),
}
WRITES_OVER = WRITES | {
    "r+": lambda file: emptied_with(file, "r+"),
    "os.open r+": lambda file: emptied(FileIO(os.open(file, os.O_RDWR), "r+")),
}


def emptied_with(path: str | bytes | Path, mode: str) -> None:
    emptied(open(path, mode))  # noqa: PTH123, SIM115


def emptied(file: IO[Any] | FileIO) -> None:
    with file:
        file.truncate(0)


def moved(file: Path) -> Path:
    """A file in another folder, with the same name."""
    source = file.parents[1] / "elsewhere" / file.name
    source.parent.mkdir()
    source.write_text("results")
    return source


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_a_run_writes_is_no_save(folder: Folder, written: set[str], write: Write) -> None:
    folder.follow()
    write(folder.path / "stats.csv")
    looks(folder, 1)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}
    assert str(folder.path / "stats.csv") in written
    assert not folder.livesync.file_events.concerns(folder.path, str(folder.path / "stats.csv"))


@pytest.mark.parametrize("write", WRITES_OVER.values(), ids=WRITES_OVER)
def test_what_a_run_writes_over_stays_in_the_tree_as_it_was(folder: Folder, written: set[str], write: Write) -> None:
    folder.write("stats.csv", "of an earlier run")
    folder.follow()
    write(folder.path / "stats.csv")
    assert written
    looks(folder, 1)
    (folder.path / "stats.csv").unlink()
    looks(folder, 1)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second", "stats.csv": b"of an earlier run"}


@pytest.mark.usefixtures("written")
def test_what_a_run_writes_may_have_any_size(
    folder: Folder, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESYNC_MAX_MB", "1")
    folder.read()
    (folder.path / "stats.csv").write_bytes(bytes(2_000_000))
    folder.write("locustfile.py", "second")
    opened.clear()
    assert folder.save() == {"locustfile.py": b"second"}
    assert str(folder.path / "stats.csv") not in opened


def test_a_file_that_a_run_opens_while_it_is_read_is_not_read(
    folder: Folder, written: set[str], livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("stats.csv", "of an earlier run")
    folder.read()
    content_of = livesync.watch.content_of

    def overtaken(file: Any) -> Any:
        if file.real.endswith("stats.csv"):
            Path(file.real).write_text("results")
        return content_of(file)

    monkeypatch.setattr(livesync.watch, "content_of", overtaken)
    folder.write("locustfile.py", "second")
    assert folder.save() == {"locustfile.py": b"second", "stats.csv": b"of an earlier run"}
    assert written


def test_what_a_run_writes_behind_a_link_is_no_save(folder: Folder, written: set[str], tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (folder.path / "out").symlink_to("../results")
    folder.follow()
    (folder.path / "out/stats.csv").write_text("results")
    looks(folder, 1)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}
    assert written


def test_only_what_is_written_in_the_folder_is_noted(folder: Folder, written: set[str], tmp_path: Path) -> None:
    before = set(written)
    (folder.path / "locustfile.py").read_text()
    os.close(os.open(folder.path / "locustfile.py", os.O_RDONLY))
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "loadtest-old").write_text("x")
    assert written == before


@pytest.mark.usefixtures("written")
def test_noting_never_fails(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(os.dup(os.open(b"/dev/null", os.O_RDWR)))
    for path in ("\0", b"\0", "\udcff/x", b"\xff/x", 99_999):
        with pytest.raises((ValueError, OSError)):
            open(path, "w")  # noqa: PTH123, SIM115
    sys.audit("open")
    sys.audit("open", object(), None, None)
    sys.audit("os.rename", None)
    gone = folder.path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileNotFoundError):
        Path("stats.csv").write_text("x")


@pytest.mark.usefixtures("written")
def test_what_code_reads_is_noted_for_its_greenlet_alone(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = folder.write("watch_test_names.py", "")
    users, others, inner = (folder.write(f"data/{name}.csv") for name in ("users", "others", "inner"))
    monkeypatch.chdir(folder.path)
    monkeypatch.syspath_prepend(folder.path)
    with livesync.file_access.reads() as seen:
        import_module("watch_test_names")
        Path("data/../data/users.csv").read_bytes()
        gevent.spawn(others.read_text).get()
        threading.Thread(target=others.read_text).start()
        (folder.path / "stats.csv").write_text("x")
        with livesync.file_access.reads() as nested:
            os.close(os.open(os.fsencode(inner), os.O_RDONLY))
        with suppress(FileNotFoundError):
            Path("missing.csv").read_text()
    others.read_text()
    inside = {path for path in seen if path.startswith(f"{folder.path}/") and "__pycache__" not in path}
    assert inside == {str(names), str(users), str(folder.path / "missing.csv")}
    assert nested.keys() == {str(inner)}

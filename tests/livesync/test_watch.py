"""The watcher sees each save once, as a whole, and nothing that is not a save."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from io import FileIO
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import gevent
import pytest
from swarm import LOADTEST, PATIENCE, wait_until

HOUR = 3_600_000
"""Milliseconds that no test waits for."""

OPENED: list[str] = []
"""What this process opened, in any thread."""


def _note(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and args and isinstance(args[0], str):
        OPENED.append(args[0])


@pytest.fixture(scope="module", autouse=True)
def _opens_are_noted() -> None:
    sys.addaudithook(_note)


class Modules(SimpleNamespace):
    """The modules under test."""

    watch: Any
    scan: Any
    notices: Any
    opened: Any
    errors: Any


@pytest.fixture
def livesync(monkeypatch: pytest.MonkeyPatch) -> Modules:
    monkeypatch.syspath_prepend(LOADTEST)
    names = ("watch", "scan", "notices", "opened", "errors")
    modules = Modules(**{name: import_module(f"livesync.{name}") for name in names})
    set_(modules, monkeypatch, POLL=50)
    return modules


class Folder:
    """A folder with a watcher, whose saves a greenlet follows."""

    def __init__(self, path: Path, livesync: Modules) -> None:
        self.path = path
        self.livesync = livesync
        self.outcomes: list[dict[str, bytes] | str] = []
        self.write("locustfile.py", "first")

    def write(self, name: str, content: str | bytes = "x") -> Path:
        """Write as another process would, which an audit hook does not see."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, bytes) else content.encode()
        subprocess.run(["tee", os.fsencode(file)], input=text, stdout=subprocess.DEVNULL, check=True)
        return file

    def read(self) -> Any:
        """What the watcher reads first."""
        self.watcher = self.livesync.watch.Watcher(self.path)
        return self.watcher.read()

    def save(self) -> Any:
        """What the watcher says next, where no greenlet follows it."""
        return gevent.with_timeout(PATIENCE, self.watcher.next_save)

    def follow(self) -> None:
        self.read()
        self.greenlet = gevent.spawn(self._follow)
        gevent.sleep(0)

    def _follow(self) -> None:
        while True:
            try:
                self.outcomes.append(self.watcher.next_save())
            except self.livesync.errors.Rejected as rejected:
                self.outcomes.append(str(rejected))

    def next(self) -> Any:
        """The next save, or the reason of a rejection."""
        wait_in_hub(lambda: self.outcomes or self.greenlet.dead)
        return self.outcomes.pop(0)


def wait_in_hub(condition: Callable[[], Any]) -> None:
    """As `wait_until`, while greenlets go on."""
    wait_until(lambda: gevent.sleep(0.01) or condition(), "the watcher")


@pytest.fixture
def folder(tmp_path: Path, livesync: Modules) -> Iterator[Folder]:
    (tmp_path / "loadtest").mkdir()
    folder = Folder(tmp_path / "loadtest", livesync)
    yield folder
    if hasattr(folder, "greenlet"):
        folder.greenlet.kill()
        assert not folder.outcomes


@pytest.fixture
def written(folder: Folder) -> set[str]:
    """What this process wrote in the folder."""
    folder.livesync.opened.install(folder.path)
    paths: set[str] = folder.livesync.opened.WRITTEN
    return paths


def set_(livesync: Modules, monkeypatch: pytest.MonkeyPatch, **values: float) -> None:
    for name, value in values.items():
        monkeypatch.setattr(livesync.watch, name, value)


# What is a save


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
        folder.write("locustfile.py", f"edit{digit}")
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
    file, second = livesync.scan.File, 1_000_000_000

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


def looks(folder: Folder, count: int) -> None:
    """Wait until the watcher has looked `count` times."""
    seen: list[float] = []
    look = folder.watcher._look

    def seen_look() -> Any:
        seen.append(time.time())
        return look()

    folder.watcher._look = seen_look
    wait_in_hub(lambda: len(seen) > count)
    del folder.watcher._look


def turns(livesync: Modules, count: int) -> None:
    """Wait until the watcher has waited `count` times for the file system to tell something."""
    seen: list[object] = []
    step = livesync.notices._step

    def seen_step(changes: Any) -> Any:
        told = step(changes)
        seen.append(told)
        return told

    livesync.notices._step = seen_step
    wait_in_hub(lambda: len(seen) >= count)
    livesync.notices._step = step


# What it costs


def test_files_that_rest_are_not_read_again(folder: Folder) -> None:
    for number in range(5_000):
        file = folder.path / f"data/{number // 100}/{number}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))

    def opened() -> int:
        count = sum(path.startswith(f"{folder.path}/") for path in OPENED)
        OPENED.clear()
        return count

    opened()
    before = folder.read()
    assert opened() == 5_001
    wait_until(lambda: time.time() - file.stat().st_ctime > 2.1, "old files")
    folder.watcher.read()
    opened()
    folder.watcher.read()
    assert opened() == 0
    folder.write("data/7/700.csv", "new")
    after = folder.save()
    assert opened() == 1
    assert [path for path in after if after[path] is not before[path]] == ["data/7/700.csv"]


def test_a_slow_look_is_followed_by_a_long_rest(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_(livesync, monkeypatch, POLL=500)
    folder.read()
    rests: list[float] = []

    class Enough(Exception):
        pass

    def wait(seconds: float) -> None:
        rests.append(seconds)
        raise Enough

    monkeypatch.setattr(folder.watcher._notices, "wait", wait)
    for seconds in (0.0, 0.1):
        clock = iter([0.0, seconds])
        times = SimpleNamespace(thread_time=lambda clock=clock: next(clock))
        monkeypatch.setattr(livesync.watch, "time", SimpleNamespace(**vars(time) | vars(times)))
        with pytest.raises(Enough):
            folder.save()
    assert rests == [0.5, 5.0]


def test_greenlets_go_on_while_it_reads(folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    read, gate = livesync.watch._read, threading.Event()
    monkeypatch.setattr(livesync.watch, "_read", lambda file: read(file) if gate.wait(PATIENCE) else None)
    reading = gevent.spawn(folder.read)
    gevent.sleep(0.1)
    assert not reading.dead
    gate.set()
    assert reading.get() == {"locustfile.py": b"first"}


def test_it_leaves_the_standard_library_as_it_is() -> None:
    code = "import livesync.watch, sys, threading; assert not {'locust', 'gevent.monkey'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=LOADTEST, check=True)


# When a save is complete


def slowly(folder: Folder, name: str) -> bytes:
    """Write a file in 10 pieces, each 0.1 s after the one before."""
    for number in range(10):
        folder.write(name, "piece " * (number + 1))
        gevent.sleep(0.1)
    return b"piece " * 10


def test_a_data_file_that_is_written_slowly_is_one_save(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_(livesync, monkeypatch, QUIET_DATA=2_000, PATIENCE=PATIENCE)
    folder.follow()
    assert slowly(folder, "users.csv") == folder.next()["users.csv"]


def test_code_that_is_written_slowly_is_one_save(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_(livesync, monkeypatch, QUIET=2_000, PATIENCE=PATIENCE)
    folder.follow()
    assert slowly(folder, "names.py") == folder.next()["names.py"]


def test_code_does_not_wait_as_data_does(folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    set_(livesync, monkeypatch, QUIET_DATA=HOUR, PATIENCE=HOUR)
    folder.follow()
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}


def test_a_file_that_is_written_without_end_holds_nothing_up(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_(livesync, monkeypatch, QUIET_DATA=1_000, PATIENCE=2)
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
    set_(livesync, monkeypatch, QUIET=1_000)
    folder.follow()
    (folder.path / "locustfile.py").unlink()
    gevent.sleep(0.1)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}


# How it notices


def test_the_file_system_tells_of_saves(folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(livesync.notices, "TURN", 50)
    set_(livesync, monkeypatch, POLL=HOUR)
    folder.follow()
    turns(livesync, 2)
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

    monkeypatch.setattr(livesync.notices, "watch", watch)
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
        assert folder.next() == f"the folder {folder.path} is missing: live sync goes on once it is there again"
        folder.write("locustfile.py", name)
        assert folder.next() == {"locustfile.py": name.encode()}
    set_(livesync, monkeypatch, POLL=HOUR)
    for name in ("fourth", "fifth"):  # before the second of them it does not look again by itself
        folder.write("locustfile.py", name)
        assert folder.next() == {"locustfile.py": name.encode()}
        turns(livesync, 3)


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


# What belongs to it

LITTER = [
    ".git/HEAD",
    ".idea/workspace.xml",
    ".hidden.csv",
    ".env/bin/activate.py",
    "#locustfile.py#",
    ".#locustfile.py",
    "locustfile.py~",
    ".locustfile.py.swp",
    "locustfile.py.swp",
    "4913",
    "locustfile.py___jb_tmp___",
    "data/users.csv___jb_old___",
    "data/~$users.xlsx",
    "data/.~lock.users.ods#",
    "users.csv.tmp",
    "users.csv.part",
    "users.csv.crdownload",
    "__pycache__/names.cpython-311.pyc.140234",
    "names.pyc",
    "data/node_modules/left-pad/index.js",
    "names.egg-info/PKG-INFO",
    "livesync/watch.py",
    "Dockerfile",
    "requirements.in",
    "requirements.txt",
]


@pytest.mark.parametrize("name", LITTER)
def test_what_tools_leave_behind_is_no_save(folder: Folder, name: str) -> None:
    folder.follow()
    folder.write(name)
    looks(folder, 1)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}


@pytest.mark.parametrize("name", [name for name in LITTER if not name.startswith(".env")])
def test_what_tools_leave_behind_wakes_nothing(folder: Folder, name: str) -> None:
    folder.read()
    notices = folder.watcher._notices
    assert not notices._concerns((1, str(folder.path / name)))


def test_a_virtual_environment_does_not_belong_to_it(folder: Folder) -> None:
    folder.write("tools/env/pyvenv.cfg")
    folder.write("tools/env/lib/names.py")
    assert folder.read() == {"locustfile.py": b"first"}


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        "data/.env",
        "tests/names.py",
        "data/tests/users.csv",
        "data/livesync/users.csv",
        "data/Dockerfile",
        "data/requirements.txt",
        "C#",
        "#1.csv",
        "data/Zürich 東京.csv",
    ],
)
def test_everything_else_belongs_to_it(folder: Folder, name: str) -> None:
    folder.follow()
    folder.write(name)
    assert folder.next() == {"locustfile.py": b"first", name: b"x"}


def test_links_are_followed(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/users.csv").write_text("shared")
    (folder.path / "one").symlink_to(tmp_path / "shared")
    (folder.path / "two").symlink_to("../shared")
    (folder.path / "names.csv").symlink_to(tmp_path / "shared/users.csv")
    names = {"one/users.csv", "two/users.csv", "names.csv"}
    assert folder.read() == {"locustfile.py": b"first"} | dict.fromkeys(names, b"shared")


@pytest.mark.parametrize(
    ("name", "target"),
    [("data/up", ".."), ("data/same", "."), ("above", "../loadtest"), ("self", "self"), ("gone", "missing")],
)
def test_a_link_that_leads_nowhere_or_in_a_circle_is_left_out(folder: Folder, name: str, target: str) -> None:
    folder.write("data/users.csv")
    (folder.path / name).symlink_to(target)
    folder.follow()
    folder.write("data/users.csv", "second")
    assert folder.next() == {"locustfile.py": b"first", "data/users.csv": b"second"}


def test_pipes_and_sockets_are_not_read(folder: Folder) -> None:
    os.mkfifo(folder.path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder.path / "socket"))
        assert gevent.with_timeout(PATIENCE, folder.read) == {"locustfile.py": b"first"}


# What a run writes

Write = Callable[[Path], object]
WRITES: dict[str, Write] = {
    "w": lambda file: file.write_text("results"),
    "a": lambda file: opened(file, "a"),
    "w+": lambda file: opened(file, "w+"),
    "bytes": lambda file: opened(os.fsencode(file), "wb"),
    "relative": lambda file: opened(os.path.relpath(file), "w"),
    "FileIO": lambda file: emptied(FileIO(file, "w")),
    "os.open": lambda file: emptied(FileIO(os.open(file, os.O_CREAT | os.O_WRONLY), "w")),
    "os.replace": lambda file: moved(file).replace(file),
    "shutil.move": lambda file: shutil.move(moved(file), file),
}
WRITES_OVER = WRITES | {
    "r+": lambda file: opened(file, "r+"),
    "os.open r+": lambda file: emptied(FileIO(os.open(file, os.O_RDWR), "r+")),
}


def opened(path: str | bytes | Path, mode: str) -> None:
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
    assert not folder.watcher._notices._concerns((2, str(folder.path / "stats.csv")))


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
def test_what_a_run_writes_may_have_any_size(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESYNC_MAX_MB", "1")
    folder.read()
    (folder.path / "stats.csv").write_bytes(bytes(2_000_000))
    folder.write("locustfile.py", "second")
    OPENED.clear()
    assert folder.save() == {"locustfile.py": b"second"}
    assert str(folder.path / "stats.csv") not in OPENED


def test_a_file_that_a_run_opens_while_it_is_read_is_not_read(
    folder: Folder, written: set[str], livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("stats.csv", "of an earlier run")
    folder.read()
    read = livesync.watch._read

    def overtaken(file: Any) -> Any:
        if file.real.endswith("stats.csv"):
            Path(file.real).write_text("results")
        return read(file)

    monkeypatch.setattr(livesync.watch, "_read", overtaken)
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
    with livesync.opened.reads() as seen:
        import_module("watch_test_names")
        Path("data/../data/users.csv").read_bytes()
        gevent.spawn(others.read_text).get()
        threading.Thread(target=others.read_text).start()
        (folder.path / "stats.csv").write_text("x")
        with livesync.opened.reads() as nested:
            os.close(os.open(os.fsencode(inner), os.O_RDONLY))
        with suppress(FileNotFoundError):
            Path("missing.csv").read_text()
    others.read_text()
    inside = {path for path in seen if path.startswith(f"{folder.path}/") and "__pycache__" not in path}
    assert inside == {str(names), str(users), str(folder.path / "missing.csv")}
    assert nested == {str(inner)}


# What cannot be read


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
        yield Folder(Path(path), livesync)


@pytest.mark.parametrize("name", ["data/users.csv", "data"])
def test_what_is_not_readable_is_rejected_and_not_taken_for_removed(open_folder: Folder, name: str) -> None:
    open_folder.write("data/users.csv")
    tree = open_folder.read()
    (open_folder.path / name).chmod(0)
    with unprivileged():
        reason = rejection(open_folder)
        assert reason == f"{name} cannot be read: permission denied; make it readable or take it out of the folder"
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


@pytest.mark.parametrize("call", ["scandir", "_read"])
def test_any_other_error_is_a_rejection_too(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    tree = folder.read()
    folder.write("locustfile.py", "first")

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(*((livesync.watch, call) if call == "_read" else (livesync.scan.os, call)), broken)
        assert "cannot be read: input/output error" in rejection(folder)
    assert folder.save() == tree


def test_a_file_that_vanishes_before_it_is_read_is_gone(
    folder: Folder, livesync: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("users.csv")
    read = livesync.watch._read

    def late(file: Any) -> Any:
        (folder.path / "users.csv").unlink(missing_ok=True)
        return read(file)

    monkeypatch.setattr(livesync.watch, "_read", late)
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


def test_a_folder_that_is_too_big_is_rejected_unread(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESYNC_MAX_MB", "1.5")
    folder.write("a.bin", bytes(600_000))
    folder.write("data/b.bin", bytes(800_000))
    tree = folder.read()
    folder.write("c.bin", bytes(700_000))
    OPENED.clear()
    assert rejection(folder) == (
        f"the files in {folder.path} have 2.10 MB, more than the 1.5 MB of LIVESYNC_MAX_MB: "
        "move the biggest, data/b.bin with 0.80 MB, elsewhere, or set LIVESYNC_MAX_MB higher"
    )
    assert not [path for path in OPENED if path.endswith(".bin")]
    (folder.path / "c.bin").unlink()
    assert folder.save() == tree


@pytest.mark.parametrize("value", ["a lot", "0", "-1", "nan", "inf", "1e400", "32MB"])
def test_an_invalid_limit_ends_it_with_a_word(folder: Folder, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LIVESYNC_MAX_MB", value)
    with pytest.raises(SystemExit, match=f"^LIVESYNC_MAX_MB is '{value}', but has to be a number of megabytes above 0"):
        folder.read()


@pytest.mark.parametrize(("value", "limit"), [(None, 32_000_000), ("", 32_000_000), ("0.5", 500_000)])
def test_the_limit_is_32_mb_unless_it_is_set(
    livesync: Modules, monkeypatch: pytest.MonkeyPatch, value: str | None, limit: int
) -> None:
    monkeypatch.delenv("LIVESYNC_MAX_MB", raising=False)
    if value is not None:
        monkeypatch.setenv("LIVESYNC_MAX_MB", value)
    assert livesync.scan.max_bytes() == limit

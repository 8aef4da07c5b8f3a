"""Which files are synced: all but those that tools leave behind, those behind links too."""

import os
import socket
from pathlib import Path

import gevent
import pytest
from support.waiting import TIMEOUT

from tests.livesync.watched import Folder, looks

IGNORED = [
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
    "requirements-otel.txt",
]


@pytest.mark.parametrize("name", IGNORED)
def test_an_ignored_file_is_no_save(folder: Folder, name: str) -> None:
    folder.follow()
    folder.write(name)
    looks(folder, 1)
    folder.write("locustfile.py", "second")
    assert folder.next() == {"locustfile.py": b"second"}


@pytest.mark.parametrize("name", [name for name in IGNORED if not name.startswith(".env")])
def test_what_tools_leave_behind_wakes_nothing(folder: Folder, name: str) -> None:
    folder.read()
    assert not folder.livesync.file_events.concerns(folder.path, str(folder.path / name))


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
        assert gevent.with_timeout(TIMEOUT, folder.read) == {"locustfile.py": b"first"}

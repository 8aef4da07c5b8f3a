"""What plain Locust runs, live sync runs; and what it cannot run it says at the start, in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.swarm import BASE, Swarm, add_livesync
from support.waiting import TIMEOUT, wait_until

CLASSES = {
    "a base class with weight 0": BASE.replace(
        "class Visitor(FastHttpUser):",
        "class Base(FastHttpUser):\n    weight = 0\n\nclass Visitor(Base):\n    weight = 1",
    ),
    "a base class that is not abstract": "from locust import FastHttpUser\n\n"
    "class Base(FastHttpUser):\n    fixed_count = 0\n\n" + BASE.replace("(FastHttpUser)", "(Base)"),
    "no wait_time, and a task set that waits": """
import os
from locust import FastHttpUser, TaskSet, constant, task

class Visitor(FastHttpUser):
    wait_time = None

    @task
    class Browse(TaskSet):
        wait_time = constant(0.05)

        @task
        def visit(self):
            self.client.get(f"/base/{os.getpid()}", name="/")
""",
    "a slow first import": "import time\ntime.sleep(1.5)\n" + BASE,
    "a folder and data named tests": "open('tests/data.txt').read()\nimport tests.part\n" + BASE,
    "a .env that is read": "assert open('.env').read() == 'A=1'\n" + BASE,
}


@pytest.mark.parametrize("source", CLASSES.values(), ids=CLASSES)
def test_it_starts_what_locust_starts_and_edits_it(idle: Swarm, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESYNC_IMPORT_TIMEOUT", "1")  # which is for edits alone
    idle.save(source)
    idle.save("text", "tests/data.txt")
    idle.save("", "tests/part.py")
    (idle.folder / ".env").write_text("A=1")
    idle.start(workers=1)  # Locust may put all users of one class on one worker
    idle.swarm()
    idle.wait_for("/base", workers=1)
    idle.edit(source.replace("/base/", "/edited/"))
    idle.wait_for("/edited", workers=1)


def other(name: str) -> str:
    return BASE.replace("Visitor", name).replace("/base/", f"/{name}/")


LOCUSTFILES = {
    "-f other.py": (["-f", "other.py"], {}, {"other.py": other("One")}, ["One"]),
    "-f a.py,b.py": (["-f", "a.py,b.py"], {}, {"a.py": other("One"), "b.py": other("Two")}, ["One", "Two"]),
    "-f folder": (["-f", "parts"], {}, {"parts/a.py": other("One"), "parts/b.py": other("Two")}, ["One", "Two"]),
    "LOCUST_LOCUSTFILE": ([], {"LOCUST_LOCUSTFILE": "other.py"}, {"other.py": other("One")}, ["One"]),
    "locust.conf": ([], {}, {"other.py": other("One"), "locust.conf": "locustfile = other.py\n"}, ["One"]),
}


@pytest.mark.parametrize(("options", "environment", "files", "names"), LOCUSTFILES.values(), ids=LOCUSTFILES)
def test_it_runs_the_files_that_are_named_and_no_other(
    idle: Swarm,
    options: list[str],
    environment: dict[str, str],
    files: dict[str, str],
    names: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for path, source in files.items():
        idle.save(source, path)
    idle.options += options
    idle.start(workers=1)
    idle.swarm()
    for name in names:
        idle.wait_for(f"/{name}", workers=1)
    assert not idle.requests("/base")
    [path, source] = next(iter((path, source) for path, source in files.items() if path.endswith(".py")))
    beside = path.rpartition("/")[0]
    idle.save("PATH = '/edited'\n", f"{beside}/beside.py" if beside else "beside.py")
    idle.edit("from beside import PATH\n" + source.replace("/One/", "{PATH}/"), path)
    idle.wait_for("/edited", workers=1)


def test_a_package_stops_importing_its_locustfile(idle: Swarm) -> None:
    idle.save("from shop.visits import Visitor\n", "shop/__init__.py")
    idle.save("PATH = '/one'\n", "shop/paths.py")
    source = "from shop.paths import PATH\n" + BASE.replace("/base/", "{PATH}/")
    idle.save(source, "shop/visits.py")
    idle.options += ["-f", "shop/visits.py"]
    idle.start(workers=1)
    idle.swarm()
    idle.wait_for("/one", workers=1)
    idle.edit("", "shop/__init__.py")
    idle.edit(source.replace("{PATH}/", "{PATH}-edited/"), "shop/visits.py")
    idle.wait_for("/one-edited", workers=1)


REFUSED = {
    "a file outside of the folder": (["--master", "-f", "../elsewhere.py"], "5", "start live sync in the folder of"),
    "--processes": (["--master", "--processes", "2"], "5", "start more workers instead"),
    "neither master nor worker": ([], "5", "needs --master or --worker"),
    "a timeout that is no number": (["--master"], "soon", "it must be a number of seconds above 0"),
    "no timeout": (["--master"], "inf", "it must be a number of seconds above 0"),
}


@pytest.mark.parametrize(("options", "timeout", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_it_cannot_do_it_says_at_the_start(
    tmp_path: Path, options: list[str], timeout: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESYNC_IMPORT_TIMEOUT", timeout)
    folder = tmp_path / "loadtest"
    folder.mkdir()
    add_livesync(folder)
    (folder / "locustfile.py").write_text(BASE)
    (tmp_path / "elsewhere.py").write_text(BASE)
    run = subprocess.run(
        [sys.executable, "-m", "livesync", *options], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert run.returncode
    assert reason in run.stderr
    assert "Traceback" not in run.stderr


def test_a_pytest_style_file_is_named_as_such(idle: Swarm) -> None:
    idle.save("def test_visit(fastsession):\n    fastsession.get('/')\n")
    idle.start_master()
    wait_until(lambda: "run a pytest-style locustfile with locust itself" in idle.log(), "the reason in the log")
    idle.save(BASE)
    idle.start_worker()
    wait_until(lambda: len(idle.workers()) == 1, "the worker joined")


def test_a_locustfile_that_is_not_synced_is_named(idle: Swarm) -> None:
    (idle.folder / ".hidden.py").write_text(BASE)
    idle.options += ["-f", ".hidden.py"]
    idle.start_master()
    wait_until(lambda: ".hidden.py is a file that is not synced: rename it" in idle.log(), "the reason in the log")


REQUIRED = """
from locust import events

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--plan", required=True)
"""


def test_a_required_argument_that_is_not_given_is_waited_for(idle: Swarm) -> None:
    idle.save(BASE + REQUIRED)
    idle.start_master()
    wait_until(lambda: "arguments are required: --plan" in idle.log(), "the reason in the log")
    idle.save(BASE + REQUIRED.replace("required=True", "default='b'"))
    idle.start_worker()
    wait_until(lambda: len(idle.workers()) == 1, "the worker joined")


def test_what_a_run_writes_makes_no_revision(idle: Swarm) -> None:
    idle.options += ["--csv", "out/stats", "--html", "report.html", "--logfile", "run.log"]
    idle.save(BASE + "\n    def on_start(self):\n        open(f'seen-{os.getpid()}.txt', 'a').write('x')\n")
    idle.start(workers=1)
    idle.swarm()
    wait_until(lambda: (idle.folder / "out/stats_stats_history.csv").exists(), "the statistics")
    idle.wait_for("/base", workers=1)
    revisions = len(idle.get("/livesync")["changes"])
    size = (idle.folder / "out/stats_stats_history.csv").stat().st_size
    wait_until(lambda: (idle.folder / "out/stats_stats_history.csv").stat().st_size > 2 * size, "more statistics")
    assert len(idle.get("/livesync")["changes"]) == revisions == 1


def test_a_worker_keeps_what_its_users_write_in_its_working_directory(idle: Swarm) -> None:
    writes = "from pathlib import Path\n" + BASE.replace(
        "        self.client", "        Path('seen.txt').open('a').write('x')\n        self.client"
    ).replace("/base/", "/{Path('seen.txt').exists()}/")
    idle.save(writes)
    idle.start(workers=1)
    idle.swarm()
    idle.wait_for("/True", workers=1)
    idle.edit(
        writes.replace("open('a')", "open('r')").replace(".write('x')", ".read()").replace("/{Path", "/kept-{Path")
    )
    idle.wait_for("/kept-True", workers=1)

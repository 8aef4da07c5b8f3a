"""The project without a cluster: `make demo`, in a browser and by its numbers, and `make headless-local`.

One file, because its commands need the same ports.
"""

import json
import os
import pty
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect
from support.ports import is_taken
from support.waiting import wait_until

from tests.support.commands import interrupt, run, running

PORTS = {"server": 8000, "web UI": 8089, "workers": 5557}
START_TIMEOUT = 180
"""Seconds for the demo to start; it installs on the way."""

WEB = f"http://localhost:{PORTS['web UI']}"


def get(path: str) -> Any:
    with urlopen(WEB + path, timeout=60) as response:
        return json.load(response)


def processes_in(folder: Path) -> list[str]:
    """Command lines of what still runs in a folder; Linux alone tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.joinpath("cwd").resolve().is_relative_to(folder):
                found.append(process.joinpath("cmdline").read_text())
        except OSError:
            continue
    return found


def listening(process: subprocess.Popen[bytes]) -> set[tuple[str, int]]:
    """Addresses and ports on which a process and those that it has started accept connections."""
    found = set()
    for member in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            connections = member.net_connections(kind="inet")
            found |= {(*connection.laddr,) for connection in connections if connection.status == psutil.CONN_LISTEN}
    return found


@pytest.fixture(scope="class", autouse=True)
def ports_are_free() -> None:
    taken = [port for port in PORTS.values() if is_taken(port)]
    assert not taken, f"ports {taken} are taken: stop what listens there, then test again"


@pytest.fixture(scope="class")
def demo(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """`make demo`, running, with two workers."""
    log = tmp_path_factory.mktemp("demo") / "log"
    with running("make", "--old-file", ".venv/.installed", "demo", cwd=clone, log=log) as process:

        def has_ended_or_started() -> bool:
            return process.poll() is not None or (is_taken(PORTS["web UI"]) and live() is not None)

        wait_until(has_ended_or_started, "two workers with the code of the master", START_TIMEOUT)
        assert process.poll() is None, log.read_text()
        wait_until(lambda: is_taken(PORTS["server"]), "server", START_TIMEOUT)
        yield process


def live() -> str | None:
    """The one revision of the master and two workers, if they agree."""
    state = get("/livesync")
    agree = list(state["workers"].values()) == [state["revision"]] * 2
    return str(state["revision"]) if agree else None


@pytest.fixture
def lab(clone: Path) -> Path:
    """The project that the demo runs."""
    return clone / "build/load-lab"


@pytest.fixture
def locustfile(lab: Path) -> Iterator[Path]:
    """The locustfile of the demo, which a test may edit."""
    file = lab / "loadtest/locustfile.py"
    source = file.read_text()
    yield file
    file.write_text(source)


def open_tab(page: Page, title: str) -> None:
    page.get_by_role("tab", name=title).click()


def figure(page: Page, title: str) -> Locator:
    """A figure in the header of the web UI."""
    return page.locator("header p", has_text=title).locator("+ span")


def row(page: Page, cell: str) -> Locator:
    """Rows of the table of a tab that have a cell with this text."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=cell, exact=True))


def rename_request(locustfile: Path, old: str, new: str) -> None:
    source = locustfile.read_text()
    assert f'client.get("{old}"' in source
    locustfile.write_text(source.replace(f'client.get("{old}"', f'client.get("{new}"'))


@pytest.mark.usefixtures("demo")
class TestDemo:
    def test_a_test_is_started_edited_stopped_and_reported_in_a_browser(self, page: Page, locustfile: Path) -> None:
        page.goto(WEB)
        page.get_by_text("Custom parameters").click()
        page.locator("[name=shape]").select_option("constant")
        page.locator("[name=high]").fill("6")
        page.get_by_role("button", name="Start").click()
        for title, value in {"Status": "running", "Users": "6", "Workers": "2"}.items():
            expect(figure(page, title)).to_have_text(value)
        expect(row(page, "/hello")).to_be_visible()

        open_tab(page, "Charts")
        chart = page.locator("canvas").first
        before = chart.screenshot()
        wait_until(lambda: chart.screenshot() != before, "a chart that changes")
        open_tab(page, "Workers")
        expect(row(page, "running").filter(has=page.get_by_role("cell", name="3", exact=True))).to_have_count(2)

        rename_request(locustfile, "/hello", "/hello?edited")
        open_tab(page, "Statistics")
        expect(row(page, "/hello?edited")).to_be_visible()
        open_tab(page, "Live sync")
        expect(row(page, "live")).to_contain_text(f"{live()}")
        expect(row(page, "live")).to_contain_text("locustfile.py +1 -1")

        edited = locustfile.read_text()
        locustfile.write_text(edited.replace("def hello(self) -> None:", "def hello(self) -> None"))
        expect(row(page, "rejected")).to_contain_text(re.compile(r"locustfile.py:\d+: SyntaxError: expected ':'"))
        locustfile.write_text(edited)
        expect(row(page, "rejected")).to_be_hidden()
        rename_request(locustfile, "/hello?edited", "/hello?repaired")
        open_tab(page, "Statistics")
        expect(row(page, "/hello?repaired")).to_be_visible()

        page.get_by_role("button", name="Stop").click()
        expect(figure(page, "Status")).to_have_text("stopped")
        open_tab(page, "Download Data")
        with page.expect_popup() as popup:
            page.get_by_role("link", name="Download Report").click()
        with popup.value.expect_download() as download:
            popup.value.get_by_role("link", name="Download the Report").click()
        report = download.value.path().read_text()
        assert all(f'"name": "/hello{edit}"' in report for edit in ("", "?edited", "?repaired"))
        assert f"changed to {live()} at " in report

    def test_an_edit_goes_live_while_users_run_and_statistics_are_kept(self, locustfile: Path) -> None:
        def requested(name: str) -> bool:
            stats = get("/stats/requests")["stats"]
            return any(row["name"] == name and row["num_requests"] for row in stats)

        before = live()
        form = {"user_count": 4, "spawn_rate": 4, "shape": ""}
        urlopen(f"{WEB}/swarm", data=urlencode(form).encode()).close()
        wait_until(lambda: get("/stats/requests")["user_count"] == 4 and requested("/hello"), "requests of 4 users")
        rename_request(locustfile, "/hello", "/hello?edited")
        wait_until(lambda: live() not in (None, before), "live edit")
        wait_until(lambda: requested("/hello?edited"), "requests of the edited task")
        stats = get("/stats/requests")
        assert stats["user_count"] == 4
        assert stats["state"] == "running"
        assert stats["fail_ratio"] == 0
        assert requested("/hello"), "the statistics of before the edit are kept"

    def test_a_program_learns_what_came_of_a_save(self, lab: Path, locustfile: Path) -> None:
        def outcome(exit_code: int) -> dict[str, Any]:
            made = run("python3", "-m", "tools", "live", cwd=lab)
            assert made.returncode == exit_code, made.stdout
            printed: dict[str, Any] = json.loads(made.stdout)
            return printed

        # In a pod there is no such file, so it is no difference from the master.
        (lab / "loadtest/.env").write_text("API_TOKEN=secret\n")
        rename_request(locustfile, "/hello", "/hello?asked")
        seen = outcome(exit_code=0)
        assert seen == {
            "state": "live",
            "reason": None,
            "revision": live(),
            "change": ".env new, locustfile.py +1 -1",
            "workers": get("/livesync")["workers"],
            "not_synced_yet": [],
        }
        locustfile.write_text(locustfile.read_text() + "1 / 0\n")
        rejected = outcome(exit_code=1)
        assert rejected["state"] == "rejected"
        assert rejected["reason"].startswith("locustfile.py:")

    def test_all_of_it_listens_on_loopback_alone(self, demo: subprocess.Popen[bytes]) -> None:
        assert listening(demo) == {("127.0.0.1", port) for port in PORTS.values()}

    def test_ctrl_c_ends_all_of_it(self, demo: subprocess.Popen[bytes], clone: Path) -> None:
        interrupt(demo)
        assert not [port for port in PORTS.values() if is_taken(port)]
        assert not processes_in(clone)


def test_the_first_commands_for_programs_start_all_of_it_and_end_it(lab: Path) -> None:
    commands, *_ = re.findall(r"```sh\n(.*?)```", (lab / "AGENTS.md").read_text(), re.DOTALL)
    made = run("sh", "-ec", commands, cwd=lab, seconds=150)
    assert made.returncode == 0, made.stdout
    assert json.loads(made.stdout)["state"] == "live"
    log = lab / "local.log"
    wait_until(lambda: log.read_text().endswith("Error 143\n"), log.read_text, START_TIMEOUT)
    assert not processes_in(lab)


@pytest.mark.parametrize("name", PORTS)
def test_a_taken_port_is_reported_before_anything_starts(lab: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", PORTS[name])):
        made = run("make", "local", cwd=lab)
    assert made.returncode != 0
    assert re.search(rf"\b{PORTS[name]}\b", made.stdout)
    assert "Traceback" not in made.stdout
    assert not re.search(r"(?i)uvicorn running|starting locust|started process", made.stdout)
    assert not processes_in(lab)


def test_a_run_without_a_cluster_leaves_reports_that_can_be_compared(lab: Path) -> None:
    (lab / "reports").mkdir(exist_ok=True)
    before = set((lab / "reports").glob("20*"))
    (lab / "loadtest/.env").write_text("API_TOKEN=s3cret-file\n")
    settings = ("LOCUST_RUN_TIME=6s", "LOCUST_API_TOKEN=s3cret-variable", "LOCUST_WEB_LOGIN_PASSWORD=s3cret-login")
    made = run("make", "headless-local", *settings, cwd=lab, seconds=120)
    assert made.returncode == 0, made.stdout
    assert "Variables used: LOCUST_API_TOKEN, LOCUST_RUN_TIME" in made.stdout
    assert re.search(r"# Passed(, with doubts)?: (\d+) of \2 checks passed", made.stdout)
    [folder] = set((lab / "reports").glob("20*")) - before
    assert {file.name for file in folder.iterdir()} >= {"verdict.json", "summary.md", "junit.xml", "report.html"}
    assert not [file.name for file in folder.iterdir() if "s3cret" in file.read_text()]
    assert "s3cret" not in made.stdout
    compared = run("make", "compare", f"A={folder}", "B=reports/newest", cwd=lab)
    assert re.search(r"GET /hello +p95 ms .* 0 %", compared.stdout), compared.stdout
    verdict = run("python3", "-m", "tools", "verdict", cwd=lab)
    assert (verdict.returncode, json.loads(verdict.stdout)["folder"]) == (0, str(folder))
    assert not processes_in(lab)


def test_a_password_in_the_host_ends_a_run_before_it_begins(lab: Path) -> None:
    made = run("make", "headless-local", "LOCUST_HOST=http://user:s3cret@localhost:8000", cwd=lab)
    assert made.returncode
    assert "LOCUST_HOST has a user name or a password" in made.stdout
    assert "s3cret" not in made.stdout


def test_a_run_without_a_cluster_that_is_interrupted_leaves_its_reports(lab: Path, tmp_path: Path) -> None:
    before = set((lab / "reports").glob("20*"))
    log = tmp_path / "log"
    with running("make", "headless-local", "LOCUST_RUN_TIME=10m", cwd=lab, log=log) as process:
        wait_until(lambda: "  10 s  10 users" in log.read_text(), log.read_text, START_TIMEOUT)
        assert listening(process) == {("127.0.0.1", PORTS[name]) for name in ("server", "workers")}
        assert interrupt(process) != 0
    [folder] = set((lab / "reports").glob("20*")) - before
    assert "| load test | run time | 600 s |" in (folder / "summary.md").read_text()
    assert (folder / "report.html").exists()
    assert "Traceback" not in log.read_text()
    wait_until(lambda: not processes_in(lab), "the end of all processes")


def test_a_run_without_a_cluster_ignores_keys_and_ends_on_sigterm(lab: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    terminal, keyboard = pty.openpty()
    with running("make", "headless-local", "LOCUST_RUN_TIME=10m", cwd=lab, log=log, stdin=keyboard) as process:
        wait_until(lambda: "All users spawned" in log.read_text(), log.read_text, START_TIMEOUT)
        os.write(terminal, b"WWW\n")  # each W spawns ten users, where Locust reads keys
        wait_until(lambda: "  10 s  10 users" in log.read_text(), log.read_text)
        [tools] = [child for child in psutil.Process(process.pid).children() if "headless-local" in child.cmdline()]
        tools.terminate()
        assert process.wait(60) != 0
    os.close(terminal)
    os.close(keyboard)
    wait_until(lambda: not processes_in(lab), "the end of all processes")


def test_another_target_leaves_the_server_out(lab: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    address = f"LOCUST_HOST=http://127.0.0.1:{PORTS['server']}"
    with (
        socket.create_server(("127.0.0.1", PORTS["server"])),
        running("make", "local", address, cwd=lab, log=log) as process,
    ):
        wait_until(lambda: is_taken(PORTS["web UI"]) and live(), log.read_text, START_TIMEOUT)
        assert ("127.0.0.1", PORTS["server"]) not in listening(process)
        assert get("/stats/requests")["state"] == "ready"

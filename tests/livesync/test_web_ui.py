"""What people see of live sync: a tab of the web UI, and the HTML report."""

import shutil
import subprocess
from urllib.request import urlopen

import pytest
from swarm import BASE, PATIENCE, Swarm, wait_until

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def test_the_rows_of_the_tab_say_what_is_live_and_what_was_refused(swarm: Swarm) -> None:
    swarm.edit(BASE + "\nNAME = 1\n")
    swarm.save(BASE + "\n1 / 0\n")
    reason = swarm.refusal()
    [table] = swarm.get("/stats/requests")["extended_stats"]
    rows = {row["code"]: row for row in table["data"]}
    assert rows["live"]["revision"] == swarm.get("/livesync")["revision"]
    assert rows["live"]["what"] == "locustfile.py +2 -0"
    assert rows["refused"]["what"] == reason
    assert {rows[worker]["revision"] for worker in swarm.workers()} == {rows["live"]["revision"]}


def test_the_html_report_lists_the_changes_of_the_test(swarm: Swarm) -> None:
    revision = swarm.edit(BASE.replace("/base/", "/reported/"))

    def report() -> str:
        with urlopen(f"http://127.0.0.1:{swarm.web}/stats/report", timeout=PATIENCE) as response:
            return str(response.read().decode())

    wait_until(lambda: f", changed to {revision} at " in report(), "the change in the report")


@pytest.mark.skipif(not BROWSER, reason="neither chromium nor google-chrome is installed")
def test_a_browser_shows_the_tab(swarm: Swarm) -> None:
    revision = swarm.edit(BASE + "\nNAME = 2\n")
    swarm.save(BASE + "\n1 / 0\n")
    swarm.refusal()
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
    page = subprocess.run(
        [*command, f"http://127.0.0.1:{swarm.web}/?tab=livesync"],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE,
    ).stdout
    assert "Live sync" in page
    assert revision in page
    assert "locustfile.py:12: ZeroDivisionError" in page
    assert all(worker in page for worker in swarm.workers())

"""What people see: the tab of live sync and the shapes of the start form, in a browser, and the HTML report."""

import hashlib
import json
from urllib.request import Request, urlopen

from playwright.sync_api import Page, expect
from support.swarm import BASE, Swarm
from support.waiting import TIMEOUT, wait_until


def test_the_rows_of_the_tab_say_what_is_live_and_what_was_rejected(swarm: Swarm) -> None:
    swarm.edit(BASE + "\nNAME = 1\n")
    swarm.save(BASE + "\n1 / 0\n")
    reason = swarm.rejection()
    [table] = swarm.get("/stats/requests")["extended_stats"]
    rows = {row["code"]: row for row in table["data"]}
    assert rows["live"]["revision"] == swarm.get("/livesync")["revision"]
    assert rows["live"]["what"] == "locustfile.py +2 -0"
    assert rows["rejected"]["what"] == reason
    assert {rows[worker]["revision"] for worker in swarm.workers()} == {rows["live"]["revision"]}


def test_the_master_says_which_files_are_not_as_it_has_seen_them(swarm: Swarm) -> None:
    def differences(**changed: str) -> list[str]:
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in swarm.folder.glob("*.*")}
        body = json.dumps(files | {name.replace("_py", ".py"): digest for name, digest in changed.items()}).encode()
        address = f"http://127.0.0.1:{swarm.web}/livesync/differences"
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(address, body, headers), timeout=TIMEOUT) as response:
            answer: list[str] = json.load(response)
            return answer

    (swarm.folder / ".env").write_text("TOKEN=1")
    (swarm.folder / "names.py~").write_text("")
    swarm.edit(BASE + "\nNAME = 1\n")
    assert differences() == []
    assert differences(names_py="1", locustfile_py="2") == ["locustfile.py", "names.py"]
    swarm.save(BASE + "\n1 / 0\n")
    swarm.rejection()
    wait_until(lambda: differences() == [], "the rejected save, decided")


TAB_OF_ITS_OWN = """
import json
from flask import request
from locust import events

@events.init.add_listener
def extend(environment, web_ui, **_):
    if not web_ui:
        return
    web_ui.template_args["extended_tabs"] = [{"title": "Content length", "key": "content-length"}]
    web_ui.template_args["extended_tables"] = [{"key": "content-length", "structure": [{"key": "n", "title": "N"}]}]

    @web_ui.app.after_request
    def add_rows(response):
        if request.path == "/stats/requests":
            response.set_data(json.dumps({**response.json, "extended_stats": [{"key": "content-length", "data": []}]}))
        return response
"""


def test_a_tab_and_table_of_the_locustfile_stay_beside_those_of_live_sync(idle: Swarm) -> None:
    idle.save(BASE + TAB_OF_ITS_OWN)
    idle.start(workers=1)
    for _ in range(2):  # every page adds the tab again
        with urlopen(f"http://127.0.0.1:{idle.web}/", timeout=TIMEOUT) as response:
            page = response.read().decode()
    assert page.count('"key": "content-length"') == 2
    assert page.count('"key": "livesync"') == 2
    tables = idle.get("/stats/requests")["extended_stats"]
    assert [table["key"] for table in tables] == ["content-length", "livesync"]


def test_the_html_report_lists_the_changes_of_the_test(swarm: Swarm) -> None:
    revision = swarm.edit(BASE.replace("/base/", "/reported/"))

    def report() -> str:
        with urlopen(f"http://127.0.0.1:{swarm.web}/stats/report", timeout=TIMEOUT) as response:
            return str(response.read().decode())

    wait_until(lambda: f", changed to {revision} at " in report(), "the change in the report")


def test_a_browser_shows_the_tab(page: Page, swarm: Swarm) -> None:
    revision = swarm.edit(BASE + "\nNAME = 2\n")
    swarm.save(BASE + "\n1 / 0\n")
    swarm.rejection()
    page.goto(f"http://127.0.0.1:{swarm.web}/?tab=livesync")
    expect(page.get_by_role("tab", name="Live sync")).to_be_visible()
    for text in (revision, "locustfile.py:12: ZeroDivisionError", *swarm.workers()):
        expect(page.get_by_text(text).first).to_be_visible()


def test_a_shape_is_chosen_in_the_start_form(page: Page, shaped: Swarm) -> None:
    page.goto(f"http://127.0.0.1:{shaped.web}/")
    page.get_by_text("Custom parameters").click()
    page.locator("[name=shape]").select_option("constant")
    page.locator("[name=high]").fill("7")
    page.locator("[name=width]").fill("0")
    page.locator("button[type=submit]").click()
    problem = page.get_by_text("width is 0: it must be at least 1 second, and at most period (120)")
    expect(problem).to_be_visible()
    assert shaped.get("/stats/requests")["state"] == "ready"

    page.locator("[name=width]").fill("60")
    page.locator("button[type=submit]").click()
    wait_until(lambda: shaped.users() == 7, "7 users")

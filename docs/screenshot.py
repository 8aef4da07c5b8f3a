"""Makes web-ui.png, the web UI of `make local` after an edit: `.venv/bin/python -m docs.screenshot`.

It needs Chromium, and the ports of `make local`.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Page
from support.waiting import wait_until

from tests.support.baking import bake
from tests.support.browser import open_page
from tests.support.commands import running

WEB_UI = "http://localhost:8089"
PICTURE = Path(__file__).with_name("web-ui.png")


def main() -> None:
    with TemporaryDirectory() as folder:
        project, log = bake(Path(folder)), Path(folder, "log")
        with running("make", "local", cwd=project, log=log), open_page(1280, 480) as page:
            wait_until(lambda: len(answer("/livesync").get("workers", {})) == 2, log.read_text)
            page.goto(WEB_UI)
            start_test(page, users=20)
            wait_for_requests("/hello", 400)
            request_another_route(project / "loadtest/locustfile.py")
            wait_for_requests("/cpu?ms=5", 100)
            page.screenshot(path=PICTURE)


def start_test(page: Page, users: int) -> None:
    page.locator("[name=userCount]").fill(str(users))
    page.locator("[name=spawnRate]").fill(str(users))
    page.get_by_role("button", name="Start").click()


def request_another_route(locustfile: Path) -> None:
    source = locustfile.read_text()
    locustfile.write_text(source.replace('client.get("/hello"', 'client.get("/cpu?ms=5"'))


def wait_for_requests(name: str, count: int) -> None:
    """Wait until the web UI has so many requests of this name."""

    def is_there() -> bool:
        return any(row["name"] == name and row["num_requests"] > count for row in answer("/stats/requests")["stats"])

    wait_until(is_there, f"{count} requests of {name}")


def answer(path: str) -> Any:
    """What the web UI answers, and nothing before it is there."""
    try:
        with urlopen(WEB_UI + path, timeout=10) as response:
            return json.load(response)
    except OSError:
        return {}


if __name__ == "__main__":
    main()

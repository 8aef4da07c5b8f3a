"""The page of Tilt in a browser: its buttons start and stop a test, scale the workers, and run to a verdict."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.ports import free_port
from support.waiting import wait_until

from tests.cluster import web_ui
from tests.cluster.contexts import CONTEXTS
from tests.cluster.machine import Machine
from tests.cluster.sessions import assert_nothing_left, session
from tests.cluster.web_ui import TIMEOUT, Swarm

LABELS = {
    "headless": "runs",
    "pulse": "runs",
    "reports": "runs",
    "objects": "setup",
    "metrics": "setup",
    "doctor": "setup",
    "locust-master": "swarm",
    "locust-worker": "swarm",
    "server": "target",
}

pytestmark = [
    pytest.mark.usefixtures("clean_cluster"),
    # No line of it depends on the cluster.
    pytest.mark.parametrize("cluster", CONTEXTS[:1], indirect=True),
]


def test_buttons_start_a_test_scale_the_workers_and_run_to_a_verdict(
    machine: Machine, context: str, project: Path, page: Page
) -> None:
    port = str(free_port())

    def click(resource: str, button: str, **fields: str) -> None:
        page.goto(f"http://localhost:{port}/r/{resource}/overview")
        page.get_by_role("button", name=button).click()
        if fields:
            dialog = page.get_by_role("dialog")
            for label, value in fields.items():
                dialog.get_by_label(label.replace("_", " ")).fill(value)
            dialog.get_by_role("button", name="Confirm").click()

    (project / "tilt_config.json").write_text('{"workers": "3"}')
    with session(machine, context, project, "tilt", "up", "--port", port, workers=3):
        resources = json.loads(machine.output("tilt", "get", "uiresources", "--port", port, "--output", "json"))
        labels = {item["metadata"]["name"]: [*item["metadata"].get("labels", [])] for item in resources["items"]}
        assert labels == {"(Tiltfile)": []} | {name: [label] for name, label in LABELS.items()}

        click("locust-master", "Start test", Users="9")
        test = Swarm(users=9)
        test.wait_for_even_split(3)
        click("locust-worker", "Scale workers", Workers="1")
        test.wait_for_even_split(1)
        click("locust-master", "Stop test")
        wait_until(lambda: web_ui.get("/stats/requests")["state"] == "stopped", "the end of the test", TIMEOUT)

        click("headless", "Run with", Users="2", Run_time="5s")
        expect(page.get_by_text("Passed")).to_be_visible(timeout=1000 * TIMEOUT)
        page.goto(f"http://localhost:{port}/r/reports/overview")
        with page.expect_popup() as report:
            page.get_by_role("link", name="Last report").click()
        expect(report.value.get_by_text("Locust Test Report")).to_be_visible()
    machine.output("tilt", "down", cwd=project)
    assert_nothing_left(machine, context, project)

"""A page in a real browser, which the tests of the web UI read and fill in through its DevTools protocol."""

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket
from support.waiting import TIMEOUT, wait_until

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

# As React follows what is typed, a value has to be set behind its back, and told.
FILL = """
for (const [name, value] of Object.entries(%s)) {
    const field = document.getElementsByName(name)[0];
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value').set.call(field, value);
    field.dispatchEvent(new Event(field.tagName == 'SELECT' ? 'change' : 'input', {bubbles: true}));
}
"""


class Page:
    """The one page that is open."""

    def __init__(self, address: str) -> None:
        self._connection = websocket.create_connection(address, timeout=TIMEOUT, suppress_origin=True)
        self._count = 0

    def close(self) -> None:
        self._connection.close()

    def open(self, url: str) -> None:
        self._send("Page.navigate", url=url)

    def text(self) -> str:
        """All text on it, as it is written."""
        return str(self.run("document.body?.textContent ?? ''"))

    def has(self, selector: str) -> bool:
        return bool(self.run(f"document.querySelector({json.dumps(selector)}) !== null"))

    def click(self, selector: str) -> None:
        """Click all that this CSS selector finds."""
        self.run(f"document.querySelectorAll({json.dumps(selector)}).forEach(found => found.click())")

    def fill(self, **fields: str) -> None:
        """Fill in the fields of a form, each by its name."""
        self.run(FILL % json.dumps(fields))

    def run(self, script: str) -> Any:
        """What JavaScript says; an error of it fails the test."""
        answer = self._send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _send(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        self._connection.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while (answer := json.loads(self._connection.recv())).get("id") != self._count:
            pass  # news of the page
        return answer["result"]


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A browser that keeps all it writes in the folder, and its page."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        [str(BROWSER), *options, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port = wait_until(lambda: _port(folder), "the browser")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=TIMEOUT) as response:
            [address] = [tab["webSocketDebuggerUrl"] for tab in json.load(response) if tab["type"] == "page"]
        page = Page(address)
        try:
            yield page
        finally:
            page.close()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(folder: Path) -> str:
    """Where the browser listens, once it has said so."""
    file = folder / "DevToolsActivePort"
    return file.read_text().partition("\n")[0] if file.exists() else ""

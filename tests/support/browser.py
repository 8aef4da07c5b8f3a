"""A page of a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright
from support.waiting import TIMEOUT

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

NAMES = "--host-resolver-rules=MAP *.example 127.0.0.1"
"""Names of other sites lead to this machine."""

expect.set_options(timeout=1000 * TIMEOUT)


@contextmanager
def open_page(width: int = 1280, height: int = 720) -> Iterator[Page]:
    """A page of this size in CSS pixels, whose browser ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=[NAMES])
        page = browser.new_page(viewport=ViewportSize(width=width, height=height))
        page.set_default_timeout(1000 * TIMEOUT)
        yield page
        browser.close()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of the browser of this machine."""
    if not BROWSER:
        pytest.skip("neither chromium nor google-chrome is installed")
    with open_page() as page:
        yield page

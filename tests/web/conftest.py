"""The browser of the tests here."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.browsing import CHROMIUM, PATIENCE_MS, Open, Visit

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
WIDE = {"width": 1280, "height": 800}
KEEP_MAP = "document.addEventListener('bandoso:ready', event => { window.shownMap = event.detail.map; });"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here, and no longer: its event loop would be in the way of other modules."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=PATIENCE_MS)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open pages, and look in the end at what they did."""
    visits: list[Visit] = []

    def open_page(address: str, *also: str, **options: Any) -> Visit:
        options = {"locale": "vi-VN", "viewport": WIDE, "reduced_motion": "reduce", **options}
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(KEEP_MAP)
        page = context.new_page()
        parts = urlsplit(address)
        found = Visit(page, {f"{parts.scheme}://{parts.netloc}", *also})
        visits.append(found)
        context.on("request", lambda request: found.asked.append(request.url))
        page.on("console", found.hear)
        page.on("pageerror", lambda error: found.troubles.append(str(error)))
        page.goto(address)
        return found

    yield open_page
    for found in visits:
        found.page.context.close()
        assert found.troubles == []
        assert found.strangers == set()

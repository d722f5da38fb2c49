"""The officers' desk in a browser: signing in, sending a file, what axe says of a page."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.conftest import PASSWORD, ROOT, Server, serving
from tests.service import office
from tests.service.people import add_officer
from tests.web.browsing import Open, Visit

AXE = ROOT / "service/web/node_modules/axe-core/axe.min.js"
LONGEST_WALK = 120
"""Steps of the Tab key."""


needs_repairs = pytest.mark.skipif(
    importlib.util.find_spec("geodata.importing.messages_of_repairs") is None, reason="the import has no repairs yet"
)
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run .ci/npm ci")


@dataclass(frozen=True)
class Desk:
    """A running service with a worker, on sample data that tests may change."""

    address: str
    office: office.Office
    visit: Open

    def sign_in(self, *scope: str, **options: Any) -> Visit:
        """Open the desk as a new officer, in a browser session of its own."""
        found = self.visit(f"{self.address}/desk", **options)
        found.page.get_by_label("Tên đăng nhập").fill(add_officer(self.office.settings, *scope))
        found.page.get_by_label("Mật khẩu").fill(PASSWORD)
        found.page.keyboard.press("Enter")
        expect(found.page.locator(".who")).to_be_focused()
        return found


@contextmanager
def opened(server: Server, name: str) -> Iterator[tuple[str, office.Office]]:
    """Open an office that browsers reach, with a worker at work."""
    with office.opened(server, name, 5) as found:
        found.worker.start()
        with serving(found.settings) as address:
            yield address, found


def send(page: Page, *files: FilePayload, mode: str = "upsert", commune: str | None = None) -> None:
    """Send files of addresses from the desk and come to the page of the upload."""
    page.locator("#upload-files").set_input_files(list(files))
    page.get_by_label("Lớp dữ liệu").select_option("addresses")
    if commune is not None:
        page.get_by_label("Xã, phường, đặc khu").select_option(commune)
    page.locator(f"#mode-{mode}").check()
    page.get_by_role("button", name="Gửi và kiểm tra").click()
    page.wait_for_url("**/desk/uploads/*")


def table(name: str, content: bytes) -> FilePayload:
    """Return a file as the browser is given it."""
    return {"name": name, "mimeType": "text/csv", "buffer": content}


def stand(page: Page, words: str) -> None:
    """Wait until the upload stands where the words say."""
    expect(page.locator("#stand-words")).to_contain_text(words)


def findings_of_axe(page: Page) -> list[str]:
    """Return what axe finds wrong with a page."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {json.dumps([node['html'][:200] for node in one['nodes']], ensure_ascii=False)}"
        for one in found["violations"]
    ]


def walk_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(LONGEST_WALK):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")

"""A page in a real browser, and what was seen of it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Frame, Page

from tests.conftest import ROOT

CHROMIUM = Path(shutil.which("chromium-headless-shell") or "/usr/bin/chromium")
"""Without the frame of a window, where there is such a one, a page takes half a second less."""

PATIENCE_MS = 60_000
NAMES_AT_SEA = {
    "vi": {"Quần đảo Hoàng Sa (TP. Đà Nẵng, Việt Nam)", "Quần đảo Trường Sa (tỉnh Khánh Hòa, Việt Nam)", "Biển Đông"},
    "en": {
        "Hoàng Sa Archipelago (Da Nang City, Viet Nam)", "Trường Sa Archipelago (Khanh Hoa Province, Viet Nam)",
        "East Sea (Biển Đông)",
    },
}  # fmt: skip
"""What every map names, by language."""

WHO_AM_I = "/auth/me"
"""Answers 401 while nobody is signed in, which the console shows as an error."""

needs_browser = [
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium-headless-shell)"
    ),
    pytest.mark.skipif(
        not (ROOT / "service/web/dist/manifest.json").exists(), reason="the pages are not built: run .ci/npm run build"
    ),
]


@dataclass
class Visit:
    """One page and what was seen of it.

    Attributes
    ----------
    origins : set of str
        Whom the page may ask.
    asked : list of str
        Addresses it asked, those of its workers and frames too.
    troubles : list of str
        Errors of its scripts and breaks of its policy.
    """

    page: Page
    origins: set[str]
    asked: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        """Note what the console calls an error, breaks of the policy among them; that nobody is signed in is none."""
        if message.type == "error" and not message.location["url"].endswith(WHO_AM_I):
            self.troubles.append(f"{message.text} ({message.location['url']})")

    @property
    def strangers(self) -> set[str]:
        """Origins that were asked and are not known; what a page makes itself has none."""
        parts = [urlsplit(address) for address in self.asked]
        return {
            f"{part.scheme}://{part.netloc}" for part in parts if part.scheme not in {"blob", "data"}
        } - self.origins


Open = Callable[..., Visit]


def await_map(page: Page | Frame) -> None:
    """Wait until everything in view is drawn: the map is told to draw once more, since it may have stood still before."""
    page.wait_for_selector('[data-map="idle"]', timeout=PATIENCE_MS)
    page.evaluate("() => { window.shownMap.getContainer().dataset.map = 'asked'; window.shownMap.triggerRepaint(); }")
    page.wait_for_selector('[data-map="idle"]', timeout=PATIENCE_MS)


def drawn_names(page: Page | Frame) -> set[str]:
    """Return the names that the labels of the base map show."""
    found: list[str] = page.evaluate(
        """() => window.shownMap.queryRenderedFeatures()
            .filter(({ layer }) => layer.id.startsWith('basemap-label-'))
            .map(({ layer }) => layer.layout['text-field'].toString())"""
    )
    return set(found)


def view_at(lon: float, lat: float, zoom: float) -> str:
    """Write a view as the map's address holds it."""
    return f"#map={zoom}/{lat}/{lon}"

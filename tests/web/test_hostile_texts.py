"""That nothing officers publish becomes markup in a browser."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import get_register
from service.settings import ServiceSettings
from tests.conftest import serving, settings_for
from tests.service.people import PLACE, SAMPLE_COMMUNE
from tests.web.browsing import Open, await_map, needs_browser, view_at

HOSTILE = "<img src=x onerror=window.__xss=1>"

pytestmark = needs_browser


@dataclass(frozen=True)
class Office:
    """A service on sample data of its own, which tests may change."""

    address: str
    settings: ServiceSettings


@pytest.fixture
def office(scratch_sample_url: str) -> Iterator[Office]:
    """The running service on a database of the test's own."""
    settings = settings_for(scratch_sample_url)
    with serving(settings) as address:
        yield Office(address, settings)


def publish_hostile_place(settings: ServiceSettings, folder: Path) -> None:
    """Publish a tourism point whose texts try to become HTML."""
    properties = {
        "name": HOSTILE, "category": "homestay", "commune_code": SAMPLE_COMMUNE,
        "description": f'"><script>window.__xss=2</script>{HOSTILE}', "organisation": HOSTILE,
    }  # fmt: skip
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": PLACE}, "properties": properties}
    path = folder / "diem.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    database = Database(settings)
    request = ImportRequest(path, path.name, get_register("tourism_points"), SYSTEM, commune=SAMPLE_COMMUNE)
    published = import_file(database, request)
    database.dispose()
    assert published.counts.added == 1, published.report


def assert_nothing_ran(page: Page) -> None:
    """Check that no text became an element or ran."""
    assert page.evaluate("() => window.__xss") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_hostile_name_is_text_wherever_it_shows(office: Office, visit: Open, tmp_path: Path) -> None:
    publish_hostile_place(office.settings, tmp_path)
    page = visit(f"{office.address}/{view_at(*PLACE, 17)}").page
    await_map(page)
    page.locator("#search-text").fill("img src onerror")
    page.get_by_role("option").filter(has_text=HOSTILE).click()
    expect(page.locator("bandoso-details h3")).to_have_text(HOSTILE)
    expect(page.locator("bandoso-details .fields")).to_contain_text("<script>window.__xss=2</script>")
    expect(page.locator(".maplibregl-popup strong")).to_have_text(HOSTILE)
    page.get_by_role("button", name="Danh sách", exact=True).click()
    page.get_by_label("Lớp dữ liệu").select_option("tourism_points")
    expect(page.locator("bandoso-list tbody").get_by_text(HOSTILE).first).to_be_visible()
    await_map(page)
    assert_nothing_ran(page)
    page.goto(f"{office.address}/collections/tourism_points/items?slug=img-src-x-onerror-window-xss-1-{SAMPLE_COMMUNE}")
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.locator("h1")).to_contain_text(HOSTILE)
    await_map(page)
    assert_nothing_ran(page)

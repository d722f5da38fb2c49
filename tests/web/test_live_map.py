"""Open maps follow what is published: in a real browser, on a service whose data changes under it."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect
from sqlalchemy import text

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import get_register
from tests.conftest import SAMPLE_TEMPLATE, Server, serving, settings_for
from tests.service.office import new_code
from tests.service.people import PLACE
from tests.web.browsing import Open, Visit, await_map, needs_browser, view_at
from tests.web.test_browser import HOUSE, foreign_site

pytestmark = needs_browser

SEEN_WITHIN_S = 2.0
TILE = re.compile(r"/tiles/(\w+)/(\d+)/(\d+)/(\d+)\.mvt\?v=([\w-]+)$")
ACROSS = (PLACE[0] + 0.0102, PLACE[1])
"""A place in the next tile of zoom 14."""

DRAWN = """number => window.shownMap.queryRenderedFeatures({ layers: ['addresses-point'] })
    .filter(({ properties }) => properties.house_number === number)
    .map(({ properties, geometry }) => ({ ...properties, place: geometry.coordinates }))"""
COUNTED = """() => window.shownMap.querySourceFeatures('addresses', { sourceLayer: 'addresses' })
    .reduce((sum, { properties }) => sum + properties.count, 0)"""
SHOW = """state => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


@dataclass
class Live:
    """A running service and the database under it."""

    address: str
    database: Database
    folder: Path

    def publish(self, lon: float, lat: float, number: str) -> int:
        """Publish another place or house number of one address, by its code; returns the revision."""
        file = self.folder / "sua.csv"
        file.write_text(
            f"ma_dia_chi,loai,so_nha,kinh_do,vi_do\n{HOUSE},ho gia dinh,{number},{lon},{lat}\n", encoding="utf-8"
        )
        done = import_file(self.database, ImportRequest(file, file.name, get_register("addresses"), SYSTEM))
        assert done.counts.changed == 1, done.report.as_dict()
        with urllib.request.urlopen(f"{self.address}/collections/addresses") as answer:
            found: int = json.load(answer)["bandoso:revision"]
        return found

    def stamped(self, revision: int) -> set[str]:
        """Return the tiles that a revision changed."""
        with self.database.read() as connection:
            rows = connection.execute(
                text("SELECT z, x, y FROM open.tile_stamp WHERE layer = 'addresses' AND revision = :revision"),
                {"revision": revision},
            )
            return {f"{z}/{x}/{y}" for z, x, y in rows}


@pytest.fixture(scope="module")
def live(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    name = f"live_map_{worker_name}"
    settings = settings_for(server.create(name, SAMPLE_TEMPLATE))
    database = Database(settings)
    with serving(settings) as address:
        yield Live(address, database, tmp_path_factory.mktemp("live"))
    database.dispose()
    server.drop(name)


def tiles_asked(found: Visit, since: int = 0) -> list[tuple[str, str, str]]:
    """Return layer, numbers and version of the tiles that were asked for, in their order."""
    matches = [TILE.search(address) for address in found.asked[since:]]
    return [(match[1], "/".join(match.group(2, 3, 4)), match[5]) for match in matches if match]


def await_news(found: Visit) -> None:
    """Wait until the map listens."""
    deadline = time.monotonic() + 10
    while not any("/events?since=" in address for address in found.asked):
        assert time.monotonic() < deadline
        found.page.wait_for_timeout(20)


def drawn(page: Page | Frame, number: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(DRAWN, number)
    return found


def await_drawn(page: Page | Frame, number: str, since: float) -> dict[str, Any]:
    """Wait until a house with this number is on the screen."""
    while not (found := drawn(page, number)):
        assert time.monotonic() - since < SEEN_WITHIN_S, "the change is not drawn"
        page.wait_for_timeout(20)
    return found[0]


def changed_on_screen(live: Live, revision: int, asked_before: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Return layer and numbers of the tiles that a map has to ask for again."""
    held = {numbers for layer, numbers, _ in asked_before if layer == "addresses"}
    return sorted(("addresses", numbers) for numbers in held & live.stamped(revision))


def version_now(live: Live) -> str:
    with urllib.request.urlopen(f"{live.address}/tiles/addresses.json") as answer:
        version: str = json.load(answer)["bandoso:version"]
    return version


def test_an_open_map_asks_again_for_the_tiles_that_changed_and_for_no_other(live: Live, visit: Open) -> None:
    found = visit(f"{live.address}/{view_at(*PLACE, 14.2)}")
    page = found.page
    await_map(page)
    await_news(found)
    tiles = 0
    for number, place in (("101A", PLACE), ("102A", ACROSS)):
        before, seen = tiles_asked(found), len(found.asked)
        revision = live.publish(*place, number)
        house = await_drawn(page, number, time.monotonic())
        assert house["place"] == pytest.approx(place, abs=1e-4)
        await_map(page)
        asked = tiles_asked(found, seen)
        wanted = changed_on_screen(live, revision, before)
        assert sorted((layer, numbers) for layer, numbers, _ in asked) == wanted
        assert {version for _, _, version in asked} == {version_now(live)}
        tiles += len(wanted)
        assert len({numbers for layer, numbers, _ in before if layer == "addresses"}) > len(wanted)
    assert drawn(page, "101A") == []
    assert tiles == 3, "one tile for another number, two for another place"
    assert sum("/tiles/addresses.json" in address for address in found.asked) == 1


@pytest.mark.long
def test_a_tile_that_left_the_view_is_fresh_when_it_is_seen_again(live: Live, visit: Open) -> None:
    live.publish(*PLACE, "201A")
    found = visit(f"{live.address}/?layers=addresses{view_at(*PLACE, 16.4)}")
    page = found.page
    await_map(page)
    await_news(found)
    look(page, *PLACE, 15.4)
    look(page, PLACE[0] + 0.06, PLACE[1], 15.4)
    seen = len(found.asked)
    live.publish(*PLACE, "202A")
    page.wait_for_timeout(700)
    assert tiles_asked(found, seen) == []
    for zoom in (15.4, 16.4):
        look(page, *PLACE, zoom)
        await_drawn(page, "202A", time.monotonic())
        assert drawn(page, "201A") == []


def look(page: Page, lon: float, lat: float, zoom: float) -> None:
    page.evaluate("([lon, lat, zoom]) => window.shownMap.jumpTo({ center: [lon, lat], zoom }) && 0", [lon, lat, zoom])
    await_map(page)


@pytest.mark.long
def test_a_hidden_map_hears_nothing_and_catches_up_when_it_is_seen(live: Live, visit: Open) -> None:
    found = visit(f"{live.address}/?layers=addresses{view_at(*PLACE, 16.5)}")
    page = found.page
    await_map(page)
    await_news(found)
    page.evaluate(SHOW, "hidden")
    seen = len(found.asked)
    live.publish(*PLACE, "301A")
    page.wait_for_timeout(700)
    assert found.asked[seen:] == []
    page.evaluate(SHOW, "visible")
    await_drawn(page, "301A", time.monotonic())
    await_map(page)
    assert [layer for layer, _, _ in tiles_asked(found, seen)] == ["addresses"]


@pytest.mark.long
def test_the_list_beside_the_map_follows_and_readers_are_told_once(live: Live, visit: Open) -> None:
    found = visit(f"{live.address}/?layers=addresses{view_at(*PLACE, 18.5)}")
    page = found.page
    await_map(page)
    await_news(found)
    page.get_by_role("button", name="Danh sách", exact=True).click()
    page.locator("#list-register").select_option("addresses")
    row = page.locator("bandoso-list tbody tr", has_text=HOUSE)
    row.get_by_role("button").focus()
    live.publish(*PLACE, "401A")
    expect(row).to_contain_text("401A")
    expect(row.get_by_role("button")).to_be_focused()
    words = page.locator(".map-status")
    expect(words).to_have_text("Bản đồ vừa được cập nhật.")
    expect(words).to_have_attribute("role", "status")
    expect(words).to_have_text("", timeout=10_000)
    live.publish(*PLACE, "402A")
    expect(row).to_contain_text("402A")
    await_drawn(page, "402A", time.monotonic())
    expect(words).to_have_text("")


def test_a_map_in_a_page_of_another_site_follows_too(live: Live, visit: Open) -> None:
    view = view_at(*PLACE, 16.5).removeprefix("#")
    tag = f'<ban-do-so layers="addresses" view="{view}" title="Xã nhà" height="500"></ban-do-so>'
    script = f'<script type="module" src="{live.address}/widget.js"></script>'
    with foreign_site(f'<!doctype html><meta charset="utf-8"><title>Trang xã</title>{script}{tag}') as site:
        found = visit(site, live.address)
        frame = found.page.wait_for_selector("iframe").content_frame()
        assert frame is not None
        await_map(frame)
        await_news(found)
        before, seen = tiles_asked(found), len(found.asked)
        revision = live.publish(*PLACE, "501A")
        await_drawn(frame, "501A", time.monotonic())
        await_map(frame)
        asked = tiles_asked(found, seen)
        assert sorted((layer, numbers) for layer, numbers, _ in asked) == changed_on_screen(live, revision, before)
        assert len(asked) == 1


@pytest.mark.long
def test_a_count_on_a_map_of_the_province_follows(live: Live, visit: Open) -> None:
    found = visit(f"{live.address}/?layers=addresses{view_at(*PLACE, 9.3)}")
    page = found.page
    await_map(page)
    await_news(found)
    before, seen = page.evaluate(COUNTED), len(found.asked)
    file = live.folder / "moi.csv"
    file.write_text(
        f"ma_dia_chi,loai,kinh_do,vi_do\n{new_code()},ho gia dinh,{PLACE[0]},{PLACE[1]}\n", encoding="utf-8"
    )
    import_file(live.database, ImportRequest(file, file.name, get_register("addresses"), SYSTEM))
    published = time.monotonic()
    while page.evaluate(COUNTED) != before + 1:
        assert time.monotonic() - published < SEEN_WITHIN_S, "the count is as it was"
        page.wait_for_timeout(20)
    assert [numbers.partition("/")[0] for _, numbers, _ in tiles_asked(found, seen)] == ["9"]

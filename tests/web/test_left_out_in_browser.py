"""The map tells its reader how many records it leaves out, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from geodata.db import Database
from tests.conftest import TEMPLATE, Server, serving, settings_for
from tests.service.crowd import LARGE, MIDDLE, SMALL, publish_crowd
from tests.web.browsing import Open, await_map, needs_browser, view_at

pytestmark = needs_browser

DRAWN = """() => new Set(window.shownMap.querySourceFeatures('growing_areas', { sourceLayer: 'growing_areas' })
    .map(({ id }) => id)).size"""


@pytest.fixture(scope="module")
def crowded(server: Server, worker_name: str) -> Iterator[str]:
    """A service whose growing areas are a crowd and nothing else."""
    name = f"left_out_map_{worker_name}"
    settings = settings_for(server.create(name, TEMPLATE))
    database = Database(settings)
    publish_crowd(database)
    database.dispose()
    with serving(settings) as address:
        yield address
    server.drop(name)


def hint(page: Page) -> Locator:
    return page.locator("bandoso-layers .hint").filter(has_text="Hãy phóng to")


def number_told(page: Page) -> int:
    expect(hint(page)).to_be_visible()
    return int(re.sub(r"\D", "", hint(page).inner_text()))


def test_the_list_of_layers_tells_how_many_areas_the_map_does_not_draw(crowded: str, visit: Open) -> None:
    page = visit(f"{crowded}/{view_at(*MIDDLE, 8)}").page
    await_map(page)
    left_out = number_told(page)
    assert left_out == SMALL + LARGE - page.evaluate(DRAWN)
    assert left_out > SMALL // 4
    page.get_by_role("checkbox", name="Vùng trồng").uncheck()
    expect(hint(page)).to_have_count(0)
    page.get_by_role("checkbox", name="Vùng trồng").check()
    await_map(page)
    assert number_told(page) == left_out
    page.evaluate("place => window.shownMap.jumpTo({ center: place, zoom: 13 }) && 0", list(MIDDLE))
    await_map(page)
    expect(hint(page)).to_have_count(0)

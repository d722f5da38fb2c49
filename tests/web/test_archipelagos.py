"""Hoàng Sa and Trường Sa are on every map, from the whole world down, whatever else it shows."""

import pytest
from playwright.sync_api import Page

from geodata.registers import discover
from tests.web.browsing import NAMES_AT_SEA, Open, await_map, drawn_names, needs_browser

pytestmark = needs_browser

MIDDLE = (112, 13)
ARCHIPELAGOS = {(111.9, 16.5): [111, 15.7, 112.9, 17.2], (113.8, 9.6): [111.5, 7.8, 115.9, 11.6]}
"""Where the name of each stands, and a box in degrees with none of the mainland in it."""

ALL_ZOOMS = "() => { window.shownMap.setMaxBounds(null); window.shownMap.setMinZoom(0); }"
"""Our own maps go no further out than Vietnam with its sea; a frame of a few pixels and the maps of others do."""

LAND_SEEN = """boxes => boxes.map(([west, south, east, north]) => {
    const { shownMap } = window;
    const corners = [[west, south], [east, north]].map(place => shownMap.project(place)).map(({ x, y }) => [x, y]);
    return shownMap.queryRenderedFeatures(corners, { layers: ['basemap-land', 'basemap-island'] }).length > 0;
})"""


def look(page: Page, place: tuple[float, float], zoom: float) -> tuple[set[str], list[bool]]:
    """Return the names on the map and whether land of each archipelago is on it."""
    page.evaluate("([center, zoom]) => window.shownMap.jumpTo({ center, zoom }) && 0", [place, zoom])
    await_map(page)
    return drawn_names(page), page.evaluate(LAND_SEEN, list(ARCHIPELAGOS.values()))


def opened(visit: Open, address: str) -> Page:
    page = visit(address).page
    await_map(page)
    page.evaluate(ALL_ZOOMS)
    return page


def has_both(page: Page, language: str, zooms: tuple[float, ...]) -> None:
    for zoom in zooms:
        names, land = look(page, MIDDLE, zoom)
        assert (zoom, NAMES_AT_SEA[language] - names, land) == (zoom, set(), [True, True])


@pytest.mark.parametrize(("path", "language"), [("/", "vi"), ("/embed", "vi"), ("/embed", "en")])
def test_our_maps_have_both_archipelagos_and_the_sea_without_any_layer(
    service: str, visit: Open, path: str, language: str
) -> None:
    has_both(opened(visit, f"{service}{path}?layers=&lang={language}"), language, (0, 5))


@pytest.mark.long
def test_each_archipelago_has_its_name_from_the_whole_world_to_the_nearest_view(service: str, visit: Open) -> None:
    page = opened(visit, f"{service}/?layers=")
    has_both(page, "vi", (1, 2, 3, 4))
    for at, place in enumerate(ARCHIPELAGOS):
        for zoom in (6.5, 7, 9, 14, 19):
            names, land = look(page, place, zoom)
            assert len(names & (NAMES_AT_SEA["vi"] - {"Biển Đông"})) == 1, (place, zoom)
            # From near, the name may stand in water between the islands.
            assert land[at] or zoom > 9, (place, zoom)


@pytest.mark.long
@pytest.mark.parametrize("style", ["map", *discover()])
def test_the_styles_that_others_take_have_both_archipelagos(service: str, visit: Open, style: str) -> None:
    """As they are served, in the library that most take them to."""
    page = opened(visit, f"{service}/?layers=")
    page.evaluate(f"() => {{ window.shownMap.setStyle('{service}/styles/{style}.json', {{ diff: false }}); }}")
    has_both(page, "vi", (0, 4))

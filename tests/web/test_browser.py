"""What people see and do, in a real browser: map, search, details, frames, phone, desk.

Every page opened here is watched: what it asks must be of an origin the test knows, and neither an error of a script
nor a break of the content security policy is let pass.
"""

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.service.people import PLACE, SAMPLE_COMMUNE
from tests.web.browsing import NAMES_AT_SEA, Open, await_map, drawn_names, needs_browser, view_at

PHONE = {"width": 360, "height": 740}
HOUSE = "0799700001"
"""Code of the house that stands at ``PLACE``."""

pytestmark = needs_browser


def move(page: Page | Frame, lon: float, lat: float, zoom: float) -> None:
    """Put the map elsewhere and wait until it is drawn."""
    page.evaluate("([lon, lat, zoom]) => window.shownMap.jumpTo({ center: [lon, lat], zoom }) && 0", [lon, lat, zoom])
    await_map(page)


def drawn_layers(page: Page | Frame) -> set[str]:
    """Return the style layers of which something is on the screen."""
    return set(page.evaluate("() => window.shownMap.queryRenderedFeatures().map(({ layer }) => layer.id)"))


def has_sideways_scroll(page: Page, width: int) -> bool:
    """Whether the page is wider than the screen."""
    found: int = page.evaluate("() => Math.max(document.documentElement.scrollWidth, window.innerWidth)")
    return found > width


def test_the_map_draws_addresses_communes_and_growing_areas(service: str, visit: Open) -> None:
    found = visit(f"{service}/{view_at(*PLACE, 15)}")
    await_map(found.page)
    assert {"addresses-point", "communes-line", "growing_areas-fill"} <= drawn_layers(found.page)
    assert any("/tiles/addresses/14/" in address for address in found.asked), "what workers ask is not seen"


@pytest.mark.parametrize(
    ("words", "name", "view", "layer"),
    [
        ("pho bo nga ba", "Phở bò Ngã Ba Mẫu", r"#map=15/20\.348\d*/106\.251\d*$", "tourism_points-point"),
        ("xa an mau", "Xã An Mẫu", r"#map=1[23](\.\d+)?/20\.3[56]\d*/106\.2[45]\d*$", "communes-fill"),
    ],
    ids=["point", "area"],
)
def test_search_by_keyboard_goes_to_the_place_and_tells_of_it(
    service: str, visit: Open, words: str, name: str, view: str, layer: str
) -> None:
    page = visit(f"{service}/").page
    await_map(page)
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.id") == "search-text":
            break
    page.keyboard.type(words)
    expect(page.get_by_role("option").first).to_contain_text(name)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    heading = page.locator("bandoso-details h3")
    expect(heading).to_have_text(f"{name} (dữ liệu mẫu)")
    expect(heading).to_be_focused()
    page.wait_for_url(re.compile(view))
    await_map(page)
    assert layer in drawn_layers(page)


def test_a_click_tells_what_is_there(service: str, visit: Open) -> None:
    page = visit(f"{service}/{view_at(*PLACE, 16.5)}").page
    await_map(page)
    x, y = page.evaluate("place => { const at = window.shownMap.project(place); return [at.x, at.y]; }", list(PLACE))
    page.locator("canvas.maplibregl-canvas").click(position={"x": x, "y": y})
    details = page.locator("bandoso-details")
    expect(details.locator("h3")).to_have_text(HOUSE)
    expect(details.locator(".fields")).to_contain_text("Hộ gia đình")
    expect(details.locator(".fields")).to_contain_text("Đường Bờ Kênh")
    expect(details.locator(".others")).to_contain_text("Xã An Mẫu")
    expect(page.locator(".maplibregl-popup")).to_contain_text(HOUSE)


def test_english_keeps_view_and_layers_and_is_remembered(service: str, visit: Open) -> None:
    page = visit(f"{service}/?layers=communes{view_at(111, 13, 5)}").page
    await_map(page)
    page.get_by_role("link", name="EN").click()
    page.wait_for_url(re.compile(r"\?layers=communes&lang=en#map=5/13/111$"))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Layers", exact=True)).to_be_visible()
    expect(page.get_by_role("checkbox", name="Growing areas")).not_to_be_checked()
    await_map(page)
    assert drawn_names(page) >= NAMES_AT_SEA["en"]
    page.goto(f"{service}/about")
    expect(page.get_by_role("link", name="About", exact=True)).to_be_visible()


def test_a_phone_never_scrolls_sideways(service: str, visit: Open) -> None:
    page = visit(f"{service}/{view_at(*PLACE, 13)}", viewport=PHONE, is_mobile=True, has_touch=True).page
    await_map(page)
    assert not has_sideways_scroll(page, PHONE["width"])
    for panel in ("Lớp bản đồ", "Danh sách", "Chi tiết"):
        page.get_by_role("button", name=panel, exact=True).tap()
        expect(page.locator("#map-panel")).to_be_visible()
        assert not has_sideways_scroll(page, PHONE["width"]), panel
    for path in ("/about", "/desk", "/collections", "/collections/addresses/items", "/accessibility"):
        page.goto(service + path)
        assert not has_sideways_scroll(page, PHONE["width"]), path


@pytest.mark.parametrize("path", ["/collections/addresses/items", "/collections/tourism_points"])
def test_a_wide_table_scrolls_in_a_box_that_the_keyboard_reaches(service: str, visit: Open, path: str) -> None:
    page = visit(service + path, viewport=PHONE).page
    box = page.locator(".table-scroll")
    expect(box).to_have_attribute("role", "region")
    expect(box).to_have_attribute("aria-label", re.compile(r"\w"))
    box.focus()
    expect(box).to_be_focused()
    assert not has_sideways_scroll(page, PHONE["width"])


def test_the_map_of_one_place_shows_where_it_is(service: str, visit: Open) -> None:
    page = visit(f"{service}/collections/tourism_points/items").page
    page.locator("tbody a").first.click()
    await_map(page)
    assert drawn_layers(page) >= {"selection-point", "basemap-communes-line", "basemap-communes-label"}
    assert "basemap-villages-label" in drawn_layers(page)
    expect(page.locator(".maplibregl-ctrl-scale")).to_be_visible()
    expect(page.locator(".attribution")).to_have_text("bandoso")


def test_an_embedded_map_names_communes_whatever_layers_it_was_asked_for(service: str, visit: Open) -> None:
    page = visit(f"{service}/embed?commune={SAMPLE_COMMUNE}&layers=tourism_points").page
    await_map(page)
    assert drawn_layers(page) >= {"selection-line", "basemap-communes-line", "basemap-communes-label"}
    assert "communes-line" not in drawn_layers(page)
    expect(page.locator(".maplibregl-ctrl-scale")).to_be_visible()
    expect(page.locator(".attribution")).to_have_text("bandoso")


@pytest.mark.parametrize("path", ["/", "/embed", "/collections", "/collections/addresses/items", "/desk", "/api.html"])
def test_the_first_stop_of_the_keyboard_leads_past_the_head(service: str, visit: Open, path: str) -> None:
    page = visit(service + path).page
    expect(page.locator("h1")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_escape_takes_the_label_off_the_map(service: str, visit: Open) -> None:
    page = visit(f"{service}/{view_at(*PLACE, 16.5)}").page
    await_map(page)
    x, y = page.evaluate("place => { const at = window.shownMap.project(place); return [at.x, at.y]; }", list(PLACE))
    page.locator("canvas.maplibregl-canvas").click(position={"x": x, "y": y})
    expect(page.locator(".maplibregl-popup")).to_be_visible()
    page.get_by_role("button", name="Đóng nhãn").focus()
    page.keyboard.press("Escape")
    expect(page.locator(".maplibregl-popup")).to_have_count(0)
    expect(page.locator("canvas.maplibregl-canvas")).to_be_focused()


def test_every_page_keeps_to_its_own_origin(service: str, visit: Open) -> None:
    found = visit(f"{service}/collections")
    for path in ("/about", "/accessibility", "/api.html", "/collections/communes"):
        found.page.goto(service + path)
        expect(found.page.locator("h1")).to_be_visible()
    found.page.goto(f"{service}/collections/growing_areas/items")
    found.page.locator("tbody a").first.click()
    await_map(found.page)
    assert drawn_layers(found.page) >= {"selection-line"}


@contextmanager
def foreign_site(page: str) -> Iterator[str]:
    """Serve one page on another port, which makes it another origin; gives its address."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.05))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


FRAMES = {
    "iframe": '<iframe src="{service}/embed?title=Xã%20nhà" title="Xã nhà" width="800" height="500"></iframe>',
    "tag": '<script type="module" src="{service}/widget.js"></script>'
    '<ban-do-so commune="99001" title="Xã nhà" height="500"></ban-do-so>',
}


@pytest.mark.parametrize("kind", FRAMES)
def test_the_map_works_in_a_page_of_another_site(service: str, visit: Open, kind: str) -> None:
    frame_html = FRAMES[kind].format(service=service)
    with foreign_site(f'<!doctype html><meta charset="utf-8"><title>Trang xã</title>{frame_html}') as site:
        page = visit(site, service).page
        frame = page.wait_for_selector("iframe").content_frame()
        assert frame is not None
        await_map(frame)
        assert page.locator("iframe").get_attribute("title") == "Xã nhà"
        assert frame.title() == "Xã nhà – Bản đồ số"
        expect(frame.locator("h1")).to_have_text("Xã nhà")
        assert "communes-line" in drawn_layers(frame) or "provinces-line" in drawn_layers(frame)
        assert page.context.cookies() == []

"""What people see and do, in a real browser: map, search, details, frames, phone, desk.

Every page opened here is watched: what it asks must be of an origin the test knows, and neither an error of a script
nor a break of the content security policy is let pass.
"""

import functools
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, expect, sync_playwright

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import get_register
from service.settings import ServiceSettings
from tests.conftest import PASSWORD, ROOT, environment_of, running, serving, settings_for
from tests.service.people import PLACE, SAMPLE_COMMUNE, add_officer, address_csv

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
PATIENCE_MS = 60_000
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
HOUSE = "0799700001"
"""Code of the house that stands at ``PLACE``."""
NAMES_AT_SEA = {
    "vi": {"Quần đảo Hoàng Sa (TP. Đà Nẵng, Việt Nam)", "Quần đảo Trường Sa (tỉnh Khánh Hòa, Việt Nam)", "Biển Đông"},
    "en": {
        "Hoàng Sa Archipelago (Da Nang City, Viet Nam)", "Trường Sa Archipelago (Khanh Hoa Province, Viet Nam)",
        "East Sea (Biển Đông)",
    },
}  # fmt: skip
WHO_AM_I = "/auth/me"
"""Answers 401 while nobody is signed in, which the console shows as an error."""
HOSTILE = "<img src=x onerror=window.__xss=1>"
KEEP_MAP = "document.addEventListener('bandoso:ready', event => { window.shownMap = event.detail.map; });"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (Debian package chromium)"),
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


def await_map(page: Page | Frame) -> None:
    """Wait until everything in view is drawn: the map is told to draw once more, since it may have stood still before."""
    page.wait_for_selector('[data-map="idle"]', timeout=PATIENCE_MS)
    page.evaluate("() => { window.shownMap.getContainer().dataset.map = 'asked'; window.shownMap.triggerRepaint(); }")
    page.wait_for_selector('[data-map="idle"]', timeout=PATIENCE_MS)


def move(page: Page | Frame, lon: float, lat: float, zoom: float) -> None:
    """Put the map elsewhere and wait until it is drawn."""
    page.evaluate("([lon, lat, zoom]) => window.shownMap.jumpTo({ center: [lon, lat], zoom }) && 0", [lon, lat, zoom])
    await_map(page)


def drawn_layers(page: Page | Frame) -> set[str]:
    """Return the style layers of which something is on the screen."""
    return set(page.evaluate("() => window.shownMap.queryRenderedFeatures().map(({ layer }) => layer.id)"))


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


def has_sideways_scroll(page: Page, width: int) -> bool:
    """Whether the page is wider than the screen."""
    found: int = page.evaluate("() => Math.max(document.documentElement.scrollWidth, window.innerWidth)")
    return found > width


def test_the_map_draws_addresses_communes_and_growing_areas(service: str, visit: Open) -> None:
    found = visit(f"{service}/{view_at(*PLACE, 15)}")
    await_map(found.page)
    assert {"addresses-point", "communes-line", "growing_areas-fill"} <= drawn_layers(found.page)
    assert any("/tiles/addresses/14/" in address for address in found.asked), "what workers ask is not seen"


@pytest.mark.parametrize(("path", "language"), [("/", "vi"), ("/embed", "vi"), ("/embed", "en")])
def test_archipelagos_and_the_sea_are_named_without_any_layer(
    service: str, visit: Open, path: str, language: str
) -> None:
    page = visit(f"{service}{path}?layers=&lang={language}{view_at(111, 13, 4)}").page
    await_map(page)
    for zoom in (4, 5):
        move(page, 111, 13, zoom)
        assert drawn_names(page) >= NAMES_AT_SEA[language]


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


def test_an_officer_signs_in_sends_a_file_and_sees_it_published(office: Office, visit: Open, tmp_path: Path) -> None:
    username, file = add_officer(office.settings), tmp_path / "dia-chi.csv"
    file.write_bytes(address_csv("0799899001", "0799899002"))
    worker_log = office.settings.var_dir / "worker.log"
    with running(["service", "worker"], environment_of(office.settings), worker_log):
        page = visit(f"{office.address}/desk").page
        page.get_by_label("Tên đăng nhập").fill(username)
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator(".who")).to_be_focused()
        offered = page.get_by_label("Lớp dữ liệu").locator("option")
        expect(offered).to_have_text(["", "Địa chỉ số", "Vùng trồng", "Du lịch nông thôn", "Thôn, tổ dân phố"])
        page.get_by_label("Lớp dữ liệu").select_option("addresses")
        page.get_by_label("Xã, phường, đặc khu").select_option(SAMPLE_COMMUNE)
        page.get_by_label("Tệp dữ liệu").set_input_files(file)
        page.get_by_role("button", name="Gửi tệp").click()
        row = page.locator("bandoso-uploads tbody tr").first
        expect(row.locator(".state")).to_have_text("Đã công bố")
        expect(row).to_contain_text("dia-chi.csv")
        expect(row).to_contain_text("đọc 2, hợp lệ 2, từ chối 0, công bố 2")
        row.get_by_role("button", name="Xem báo cáo").click()
        expect(page.locator("bandoso-uploads")).to_contain_text("Không có cảnh báo hay lỗi nào.")
    page.goto(f"{office.address}/collections/addresses/items?code=0799899002")
    expect(page.get_by_role("link", name="0799899002")).to_be_visible()

"""The page that says why a layer is slow on the map or what of it is missing, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.conftest import Server, serving
from tests.service import office as offices
from tests.service.people import SAMPLE_COMMUNE
from tests.web.browsing import Open, needs_browser
from tests.web.desk import Desk, findings_of_axe, needs_axe, walk_to

pytestmark = needs_browser

BOW_TIE = "MULTIPOLYGON(((106.2 20.3,106.21 20.31,106.21 20.3,106.2 20.31,106.2 20.3)))"
DONE = "Đã đo xong mọi mức phóng."


@pytest.fixture(scope="module")
def place(server: Server, worker_name: str) -> Iterator[tuple[str, offices.Office]]:
    """A service on the sample, in which one growing area of the sample commune crosses itself."""
    with offices.opened(server, f"tile_page_{worker_name}", 5) as office:
        with office.database.worker() as connection:
            connection.execute(
                text(
                    "UPDATE reg.growing_areas SET geom = ST_GeomFromText(:wkt, 4326) WHERE id = (SELECT min(id) "
                    "FROM reg.growing_areas WHERE commune_code = :commune AND geom IS NOT NULL)"
                ),
                {"wkt": BOW_TIE, "commune": SAMPLE_COMMUNE},
            )
        with serving(office.settings) as address:
            yield address, office


@pytest.fixture
def page(place: tuple[str, offices.Office], visit: Open) -> Page:
    """The page of the growing areas, measured, reached from the desk."""
    address, office = place
    found = Desk(address, office, visit).sign_in().page
    found.locator("#desk-tiles ~ ul").get_by_role("link", name="Vùng trồng").click()
    expect(found.get_by_text(DONE)).to_be_visible()
    return found


def rows_of(page: Page, caption: str) -> dict[str, list[str]]:
    """Return the cells of a table by the head of their row."""
    rows = page.get_by_role("table", name=caption, exact=True).locator("tbody tr").all()
    return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows}


def test_every_zoom_is_measured_and_what_is_missing_is_listed_with_the_record_that_is_invalid(page: Page) -> None:
    zooms = rows_of(page, "Tốc độ theo mức phóng")
    assert list(zooms) == [str(z) for z in range(15)]
    assert all(zooms[str(z)] == ["Lớp này không vẽ ở mức này."] for z in range(7))
    for z in range(7, 15):
        tiles, median, worst, _size, features, dropped, index, advice = zooms[str(z)]
        assert "đã đo" in tiles
        assert median.endswith("ms")
        assert f"({z}/" in worst
        assert int(features) > 0
        assert dropped == "0"
        assert index
        assert advice
    invalid = rows_of(page, "Hình không hợp lệ")
    assert list(invalid.values()) == [["Self-intersection", "20.305000, 106.205000"]]
    assert set(rows_of(page, "Bản ghi không hiện trên bản đồ")) >= {"Chưa có vị trí", "Nằm ngoài Việt Nam"}
    page.get_by_role("link", name=next(iter(invalid))).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(next(iter(invalid)))


@needs_axe
def test_one_record_and_one_tile_are_asked_about_by_keyboard(page: Page) -> None:
    code = next(iter(rows_of(page, "Hình không hợp lệ")))
    walk_to(page, "#tiles-wanted")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Bản ghi có trên bản đồ.")).to_be_visible()
    expect(page.get_by_role("table").last.locator("thead th").last).to_have_text("Thời gian của ô này")
    expect(page.get_by_role("table").last.locator("tbody tr")).to_have_count(8)
    page.locator("#tiles-wanted").fill("14/0/0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Chưa từng có bản ghi nào ở ô này")).to_be_visible()
    assert findings_of_axe(page) == []
    page.locator("#tiles-wanted").fill("không có")
    page.keyboard.press("Enter")
    expect(page.locator("bandoso-tile-question [role=status]")).to_contain_text("Không tìm thấy")

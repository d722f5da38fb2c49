"""An officer's way in a real browser: send, understand, choose, publish, undo."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pyproj import Transformer
from shapely import Point

from geodata.importing.report import report_json
from geodata.importing.report_files import csv_report
from tests.conftest import Server
from tests.geodata.importing.files import shapefile, zipped
from tests.geodata.importing.files import table as frame
from tests.service.office import Office, new_code, publishing_is_held
from tests.service.people import OTHER_COMMUNE, PLACE, SAMPLE_COMMUNE, address_csv
from tests.web.browsing import Open, await_map, needs_browser
from tests.web.desk import (
    Desk,
    findings_of_axe,
    needs_axe,
    needs_repairs,
    opened,
    send,
    stand,
    table,
    walk_to,
)  # fmt: skip

pytestmark = needs_browser

PHONE = {"width": 320, "height": 640}
REVIEW = "Xem lại rồi công bố"
ZONE_105_30 = "VN-2000, kinh tuyến trục 105°30′"


@pytest.fixture(scope="module")
def place(server: Server, worker_name: str) -> Iterator[tuple[str, Office]]:
    """One service and one worker for all tests here; each uses codes of its own."""
    with opened(server, f"desk_{worker_name}") as found:
        yield found


@pytest.fixture
def desk(place: tuple[str, Office], visit: Open) -> Desk:
    """The desk, where tests sign in."""
    address, office = place
    return Desk(address, office, visit)


def publish(page: Page) -> None:
    """Publish what is on the page."""
    stand(page, REVIEW)
    page.get_by_role("button", name="Công bố", exact=True).click()
    stand(page, "Đã công bố: đợt")


LEFT_TO_WORKER = {"prefer": "respond-async"}
"""Asks for what the service does by itself with a large revision."""


def width_of(page: Page) -> int:
    """Return how wide the page is, in pixels."""
    width: int = page.evaluate("() => Math.max(document.documentElement.scrollWidth, window.innerWidth)")
    return width


def downloaded(page: Page, name: str) -> bytes:
    """Return the file that a link of the page gives."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    return Path(download.value.path()).read_bytes()


def undo(page: Page) -> None:
    """Undo what the page has published."""
    page.get_by_role("button", name="Hoàn tác").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Hoàn tác là một đợt công bố mới")
    dialog.get_by_role("button", name="Hoàn tác").click()
    stand(page, "Đã hoàn tác bởi đợt")


def test_a_dropped_file_is_seen_then_published_and_survives_a_reload(desk: Desk) -> None:
    code, page = new_code(), desk.sign_in().page
    dropped = page.evaluate_handle(
        "text => { const all = new DataTransfer(); all.items.add(new File([text], 'dia-chi.csv')); return all; }",
        address_csv(code).decode(),
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    expect(page.get_by_role("listitem").filter(has_text="dia-chi.csv")).to_be_visible()
    page.get_by_label("Lớp dữ liệu").select_option("addresses")
    page.get_by_role("button", name="Gửi và kiểm tra").click()
    stand(page, REVIEW)
    expect(page.locator("h1")).to_have_text("dia-chi.csv")
    expect(page.locator(".number-added b")).to_have_text("1")
    expect(page.locator("bandoso-changes tbody th")).to_have_text(code)
    assert desk.office.item(code) is None
    page.reload()
    page.get_by_label("Ghi chú").fill("Bổ sung nhà mới")
    publish(page)
    assert desk.office.item(code) is not None
    page.goto(f"{desk.address}/desk")
    mine = page.get_by_role("listitem").filter(has_text="dia-chi.csv")
    expect(mine.locator(".state")).to_have_text("Đã công bố")
    expect(mine).to_contain_text("thêm 1")
    mine.get_by_role("link").click()
    page.get_by_role("link", name="Xem trên bản đồ").click()
    await_map(page)
    assert page.evaluate("place => window.shownMap.getBounds().contains(place)", PLACE)
    assert page.evaluate("() => window.shownMap.getZoom()") > 12


def test_a_revision_is_undone_from_its_page_and_by_a_worker_from_the_list(desk: Desk) -> None:
    code, page = new_code(), desk.sign_in().page
    send(page, table("dia-chi.csv", address_csv(code)))
    publish(page)
    undo(page)
    assert desk.office.item(code) is None
    page.reload()
    stand(page, "Đã hoàn tác bởi đợt")
    expect(page.get_by_role("button", name="Hoàn tác")).to_have_count(0)
    page.goto(f"{desk.address}/desk")
    mine = page.get_by_role("listitem").filter(has_text="dia-chi.csv").first
    expect(mine.locator(".state")).to_contain_text("Đã hoàn tác bởi đợt")
    page.goto(f"{desk.address}/desk/revisions/addresses")
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text("thêm 0, sửa 0, xóa 1")
    expect(page.get_by_role("row").nth(2)).to_contain_text("Đã hoàn tác bởi đợt")
    page.route("**/rollback*", lambda route: route.continue_(headers={**route.request.headers, **LEFT_TO_WORKER}))
    button = row.get_by_role("button", name="Hoàn tác")
    with publishing_is_held(desk.office):
        button.click()
        page.get_by_role("dialog").get_by_role("button", name="Hoàn tác").click()
        expect(row.get_by_role("status")).to_contain_text("Đang chờ đến lượt. Đã 0:")
    expect(page.locator(".news")).to_contain_text("Đã hoàn tác bằng đợt công bố")
    assert desk.office.item(code) is not None


def test_a_shapefile_without_prj_is_placed_on_the_map_published_and_undone(desk: Desk, tmp_path: Path) -> None:
    codes, page = [new_code() for _ in range(3)], desk.sign_in().page
    easting, northing = Transformer.from_crs("EPSG:4326", "EPSG:9209", always_xy=True).transform(*PLACE)
    places = [Point(easting + 20 * step, northing) for step in range(3)]
    shapefile(tmp_path / "nha", frame(places, "EPSG:9209", ma_dia_chi=codes, loai=["ho gia dinh"] * 3), "nha")
    content = zipped(tmp_path / "nha", ".shp", ".dbf", ".shx")
    send(page, {"name": "nha.zip", "mimeType": "application/zip", "buffer": content}, commune=SAMPLE_COMMUNE)
    stand(page, "Cần bạn chọn")
    page.get_by_role("link", name="Chọn hệ tọa độ").click()
    expect(page.get_by_role("radio", name=ZONE_105_30, exact=True)).to_be_checked()
    page.locator("bandoso-crs bandoso-desk-map").scroll_into_view_if_needed()
    await_map(page)
    layers = page.evaluate("() => window.shownMap.queryRenderedFeatures().map(({ layer }) => layer.id)")
    assert {"desk-outline-line", "desk-candidate-0-point"} <= set(layers)
    expect(page.locator(".overview")).to_contain_text("3 dòng")
    page.get_by_role("button", name=f"Dùng {ZONE_105_30}").click()
    publish(page)
    item = desk.office.item(codes[0])
    assert item is not None
    assert item["geometry"]["coordinates"] == pytest.approx(PLACE, abs=2e-5)
    undo(page)
    assert desk.office.item(codes[0]) is None


def test_wrong_rows_are_told_by_code_with_the_remedy_and_left_out(desk: Desk) -> None:
    code, page = new_code(), desk.sign_in().page
    content = address_csv(code, "12", place=PLACE) + f"{new_code()},ho gia dinh,3,105.1,20.9\n".encode()
    send(page, table("dia-chi.csv", content), commune=SAMPLE_COMMUNE)
    stand(page, REVIEW)
    problems = page.locator("bandoso-problems")
    expect(problems).to_contain_text("Đọc 3 dòng: 1 dòng dùng được, 2 dòng bị bỏ lại.")
    wrong = problems.locator(".problem-error").filter(has_text="CODE_FORMAT")
    expect(wrong.locator("tbody tr")).to_contain_text("12")
    expect(wrong).to_contain_text("Cách sửa:")
    problems.get_by_role("button", name=re.compile("Lỗi")).click()
    expect(problems.locator(".problem-error")).to_have_count(2)
    problems.locator("bandoso-desk-map").scroll_into_view_if_needed()
    await_map(page)
    layers = page.evaluate("() => window.shownMap.queryRenderedFeatures().map(({ layer }) => layer.id)")
    assert "desk-error-point" in layers
    for name in ("báo cáo CSV", "báo cáo Excel", "chỗ sai (GeoJSON, mở bằng QGIS)"):
        with page.expect_download() as download:
            problems.get_by_role("link", name=name).click()
        assert download.value.failure() is None


@needs_repairs
def test_a_repair_is_made_only_when_it_is_accepted(desk: Desk) -> None:
    code, page = new_code(), desk.sign_in().page
    assert code.startswith("0")
    send(page, table("dia-chi.csv", address_csv(code.removeprefix("0"), new_code())))
    stand(page, REVIEW)
    expect(page.locator(".number-added b")).to_have_text("1")
    page.locator(".repairs input").first.check()
    expect(page.get_by_role("button", name="Công bố", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Kiểm tra lại").click()
    expect(page.locator(".number-added b")).to_have_text("2")
    publish(page)
    assert desk.office.item(code) is not None
    expect(page.get_by_role("link", name="tệp đã sửa (GeoPackage)")).to_be_visible()


@pytest.mark.long
def test_a_column_that_was_mistaken_is_put_right(desk: Desk) -> None:
    code, page = new_code(), desk.sign_in().page
    content = f"ma_dia_chi,loai,o_so,kinh_do,vi_do\n{code},ho gia dinh,12,{PLACE[0]},{PLACE[1]}\n".encode()
    send(page, table("dia-chi.csv", content))
    stand(page, REVIEW)
    page.locator("details.part").filter(has_text="Cột: dùng").evaluate("part => { part.open = true; }")
    page.get_by_label("Trường của cột o_so").select_option("house_number")
    expect(page.locator(".pending")).to_contain_text("Lựa chọn chưa kiểm tra: 1")
    page.get_by_role("button", name="Kiểm tra lại").click()
    expect(page.locator("bandoso-changes tbody")).to_contain_text("12")
    publish(page)
    item = desk.office.item(code)
    assert item is not None
    assert item["properties"]["house_number"] == "12"


def test_the_second_of_two_officers_sees_what_the_first_published(desk: Desk) -> None:
    codes = [new_code(), new_code()]
    first, second = desk.sign_in(), desk.sign_in()
    for found, upto in ((first, 1), (second, 2)):
        send(found.page, table("dia-chi.csv", address_csv(*codes[:upto])), commune=SAMPLE_COMMUNE)
        stand(found.page, REVIEW)
    expect(second.page.locator(".number-added b")).to_have_text("2")
    publish(first.page)
    second.page.get_by_role("button", name="Công bố", exact=True).click()
    expect(second.page.locator(".stand .news")).to_contain_text("người khác đã công bố")
    expect(second.page.locator(".number-added b")).to_have_text("1")
    assert all("412" in trouble for trouble in second.troubles), second.troubles
    second.troubles.clear()
    publish(second.page)
    assert desk.office.item(codes[1]) is not None


def test_what_removes_nearly_everything_needs_a_second_officer(desk: Desk) -> None:
    items = desk.office.client.get("/collections/addresses/items", params={"commune_code": OTHER_COMMUNE, "limit": 1})
    lon, lat = items.json()["features"][0]["geometry"]["coordinates"]
    code, page = new_code(), desk.sign_in(OTHER_COMMUNE).page
    send(page, table("tat-ca.csv", address_csv(code, place=(lon, lat))), mode="replace")
    stand(page, REVIEW)
    expect(page.locator("bandoso-changes .notice")).to_contain_text("một cán bộ thứ hai phải duyệt")
    page.get_by_role("button", name="Gửi đi duyệt").click()
    stand(page, "Chờ một cán bộ thứ hai duyệt")
    expect(page.get_by_role("button", name="Duyệt và công bố")).to_have_count(0)
    second = desk.sign_in(OTHER_COMMUNE).page
    second.get_by_role("link", name="tat-ca.csv").click()
    second.get_by_role("button", name="Duyệt và công bố").click()
    stand(second, "Đã công bố: đợt")
    assert desk.office.item(code) is not None


@pytest.mark.long
def test_an_upload_is_cancelled_only_after_asking(desk: Desk) -> None:
    code, page = new_code(), desk.sign_in().page
    send(page, table("dia-chi.csv", address_csv(code)))
    stand(page, REVIEW)
    page.get_by_role("button", name="Hủy lần gửi này").click()
    page.get_by_role("dialog").get_by_role("button", name="Quay lại").click()
    stand(page, REVIEW)
    page.get_by_role("button", name="Hủy lần gửi này").click()
    page.get_by_role("dialog").get_by_role("button", name="Hủy lần gửi").click()
    stand(page, "Đã hủy")
    expect(page.locator("bandoso-problems")).to_contain_text("UPLOAD_CANCELLED")
    page.get_by_role("button", name="Kiểm tra lại tệp này").click()
    publish(page)
    assert desk.office.item(code) is not None


def test_the_keyboard_alone_sends_publishes_and_undoes(desk: Desk, tmp_path: Path) -> None:
    code, page, file = new_code(), desk.sign_in().page, tmp_path / "dia-chi.csv"
    file.write_bytes(address_csv(code))
    with page.expect_file_chooser() as chooser:
        walk_to(page, "#upload-files")
        page.keyboard.press("Space")
    chooser.value.set_files(file)
    walk_to(page, "#upload-register")
    page.keyboard.press("ArrowDown")
    walk_to(page, ".upload-form button.primary")
    page.keyboard.press("Enter")
    stand(page, REVIEW)
    walk_to(page, "#publish-note")
    page.keyboard.type("Bằng bàn phím")
    page.keyboard.press("Enter")
    stand(page, "Đã công bố: đợt")
    expect(page.locator("#stand-words")).to_be_focused()
    walk_to(page, "bandoso-undo button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("bandoso-undo button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    walk_to(page, "dialog .primary")
    page.keyboard.press("Enter")
    stand(page, "Đã hoàn tác bởi đợt")
    assert desk.office.item(code) is None


@needs_axe
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_nothing_at_the_desk(desk: Desk, scheme: str) -> None:
    page = desk.sign_in(color_scheme=scheme, viewport=PHONE).page
    expect(page.locator("bandoso-uploads [role=status]").last).to_be_attached()
    assert findings_of_axe(page) == []
    send(page, table("dia-chi.csv", address_csv(new_code(), "12")))
    stand(page, REVIEW)
    expect(page.locator("bandoso-changes tbody th")).to_have_count(1)
    for part in page.locator("summary").all():
        if part.is_visible() and part.evaluate("part => !part.parentElement.open"):
            part.click()
    page.locator("bandoso-changes bandoso-desk-map").scroll_into_view_if_needed()
    assert findings_of_axe(page) == []
    assert width_of(page) == PHONE["width"]


@needs_axe
@pytest.mark.parametrize("scheme", ["dark", pytest.param("light", marks=pytest.mark.long)])
def test_revisions_can_be_undone_on_a_phone(desk: Desk, scheme: str) -> None:
    page = desk.sign_in(color_scheme=scheme, viewport=PHONE).page
    send(page, table(f"{'danh-sach-rat-dai-' * 6}.csv", address_csv(new_code())))
    stand(page, REVIEW)
    page.get_by_label("Ghi chú").fill("Một ghi chú rất dài, không xuống dòng_" + "dài" * 40)
    publish(page)
    assert width_of(page) == PHONE["width"]
    page.goto(f"{desk.address}/desk/revisions/addresses")
    button = page.locator("bandoso-undo button").first
    expect(button).to_be_visible()
    assert findings_of_axe(page) == []
    assert width_of(page) == PHONE["width"]
    button.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings_of_axe(page) == []


def test_the_full_file_of_the_own_commune_is_a_click_away(desk: Desk) -> None:
    page = desk.sign_in().page
    with page.expect_download() as download:
        page.get_by_role("link", name="GeoPackage Vùng trồng").click()
    with sqlite3.connect(download.value.path()) as file:
        assert file.execute("SELECT count(bandoso_id) > 0 FROM growing_areas").fetchone() == (1,)


@needs_axe
def test_anybody_checks_a_file_and_nothing_is_stored(desk: Desk) -> None:
    page = desk.visit(f"{desk.address}/kiem-tra", viewport=PHONE).page
    code = new_code()
    page.locator("#upload-files").set_input_files([table("dia-chi.csv", address_csv(code, "12"))])
    page.get_by_label("Lớp dữ liệu").select_option("addresses")
    page.get_by_role("button", name="Kiểm tra", exact=True).click()
    expect(page.locator("#check-outcome")).to_have_text("Chỉ 1 trong 2 dòng dùng được; 1 dòng có lỗi phải sửa.")
    expect(page.locator("#check-outcome")).to_be_focused()
    expect(page.locator("bandoso-problems")).to_contain_text("Đọc 2 dòng: 1 dòng dùng được, 1 dòng bị bỏ lại.")
    expect(page.get_by_text("Không có gì được lưu lại hay công bố.")).to_be_visible()
    as_json, as_csv = (downloaded(page, name) for name in ("báo cáo JSON", "báo cáo CSV"))
    report = json.loads(as_json)
    assert (as_json, as_csv) == (report_json(report), csv_report(report))
    assert findings_of_axe(page) == []
    assert desk.office.item(code) is None


@pytest.mark.long
def test_loose_parts_of_a_shapefile_are_one_upload(desk: Desk, tmp_path: Path) -> None:
    code, page = new_code(), desk.sign_in().page
    shapefile(tmp_path / "nha", frame([Point(*PLACE)], ma_dia_chi=[code], loai=["ho gia dinh"]), "nha")
    send(page, *(table(part.name, part.read_bytes()) for part in sorted((tmp_path / "nha").iterdir())))
    publish(page)
    assert desk.office.item(code) is not None


@pytest.mark.long
def test_a_zipped_shapefile_is_described_before_anything_else(desk: Desk, tmp_path: Path) -> None:
    code, page = new_code(), desk.sign_in().page
    shapefile(tmp_path / "nha", frame([Point(*PLACE)], ma_dia_chi=[code], loai=["ho gia dinh"]), "nha")
    send(page, {"name": "nha.zip", "mimeType": "application/zip", "buffer": zipped(tmp_path / "nha")})
    stand(page, REVIEW)
    facts = page.locator(".facts")
    expect(facts).to_contain_text("WGS 84, kinh độ và vĩ độ (như GPS)")
    expect(page.locator(".overview")).to_contain_text("thêm 1")

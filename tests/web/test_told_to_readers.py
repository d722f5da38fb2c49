"""What readers of the screen are told at the desk: each state once, in order, in places that are there before."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import PASSWORD, Server
from tests.service.office import Office, new_code, publishing_is_held
from tests.service.people import add_officer, address_csv
from tests.web.browsing import Open, needs_browser
from tests.web.desk import Desk, needs_repairs, opened, send, stand, table
from tests.web.hearing import heard_on, listen, told

pytestmark = needs_browser

LEFT_TO_WORKER = {"prefer": "respond-async"}
REVIEW = "Đã kiểm tra xong. Xem lại rồi công bố."
UNDER_WAY = {
    "Đã nhận tệp, chờ đến lượt.", "Đang đọc tệp…", "Đang kiểm tra từng dòng…", "Đang công bố…"
}  # fmt: skip
"""Told only if they last, which depends on the machine."""


@pytest.fixture(scope="module")
def place(server: Server, worker_name: str) -> Iterator[tuple[str, Office]]:
    """One service and one worker for all tests here."""
    with opened(server, f"told_{worker_name}") as found:
        yield found


@pytest.fixture
def desk(place: tuple[str, Office], visit: Open) -> Desk:
    """The desk, where tests sign in."""
    address, office = place
    return Desk(address, office, visit)


def results(page: Page) -> list[str]:
    """Return what was told but for the steps under way; none of these is told twice, and all reaches readers."""
    heard = [one for one in heard_on(page) if one.kind != "focus"]
    assert [one for one in heard if one.kind == "unsure"] == []
    assert [one.text for one, other in pairwise(heard) if one.text == other.text] == []
    return [one.text for one in heard if one.text not in UNDER_WAY]


@needs_repairs
def test_every_state_of_an_upload_is_told_once_and_in_order(desk: Desk) -> None:
    page = desk.visit(f"{desk.address}/about").page
    listen(page)
    page.goto(f"{desk.address}/desk")
    page.get_by_label("Tên đăng nhập").fill(add_officer(desk.office.settings))
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_be_focused()
    send(page, table("dia-chi.csv", address_csv(new_code().removeprefix("0"), new_code())))
    stand(page, "Xem lại rồi công bố")
    page.locator(".repairs input").first.check()
    page.get_by_role("button", name="Kiểm tra lại").click()
    expect(page.locator(".number-added b")).to_have_text("2")
    with publishing_is_held(desk.office):
        page.get_by_role("button", name="Công bố", exact=True).click()
        expect(page.locator("#stand-words")).to_be_focused()
    stand(page, "Đã công bố: đợt")
    revision = int(re.findall(r"\d+", page.locator("#stand-words").inner_text())[0])
    page.get_by_role("button", name="Hoàn tác").click()
    page.get_by_role("dialog").get_by_role("button", name="Hoàn tác").click()
    stand(page, "Đã hoàn tác bởi đợt")
    expect(page.locator("#stand-words")).to_be_focused()
    assert results(page)[1:] == [
        "Số tệp đã chọn: 1",
        "Đang gửi tệp…",
        REVIEW,
        "Lựa chọn chưa kiểm tra: 1",
        REVIEW,
        f"Đã công bố: đợt {revision}.",
        f"Đã công bố: đợt {revision}. Đã hoàn tác bởi đợt {revision + 1}.",
    ]
    assert results(page)[0].startswith("Đang đăng nhập: Cán bộ thử.")


def test_the_seconds_that_a_worker_takes_are_not_read_out(desk: Desk) -> None:
    code, page = new_code(), desk.sign_in().page
    send(page, table("dia-chi.csv", address_csv(code)))
    stand(page, "Xem lại rồi công bố")
    page.get_by_role("button", name="Công bố", exact=True).click()
    stand(page, "Đã công bố: đợt")
    listen(page)
    page.goto(f"{desk.address}/desk/revisions/addresses")
    page.route("**/rollback*", lambda route: route.continue_(headers={**route.request.headers, **LEFT_TO_WORKER}))
    with publishing_is_held(desk.office):
        page.locator("bandoso-undo button").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Hoàn tác").click()
        expect(page.locator("bandoso-undo .waiting").first).to_contain_text("Đã 0:02")
    expect(page.locator(".news")).to_be_focused()
    waiting, done = [words for words in told(page) if "tính kết quả" not in words]
    assert waiting == "Đang chờ đến lượt."
    assert done.startswith("Đã hoàn tác bằng đợt công bố")


def tree(page: Page) -> list[dict[str, Any]]:
    """Return what the browser tells readers of the page: role, name and properties of each thing."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return [
        {
            "role": node["role"]["value"],
            "name": node.get("name", {}).get("value", ""),
            **{one["name"]: one["value"].get("value") for one in node.get("properties", [])},
        }
        for node in nodes
        if not node["ignored"]
    ]


def test_the_browser_tells_readers_headings_tables_and_places_of_news(desk: Desk) -> None:
    page = desk.sign_in().page
    send(page, table("dia-chi.csv", address_csv(new_code(), "12")))
    stand(page, "Xem lại rồi công bố")
    expect(page.locator("bandoso-changes tbody th")).to_have_count(1)
    found = tree(page)
    levels = [one["level"] for one in found if one["role"] == "heading"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    tables = sum(one["role"] == "table" for one in found)
    assert tables >= 2
    assert sum(one["role"] == "columnheader" for one in found) >= 3 * tables
    named = {"button", "link", "textbox", "combobox", "checkbox", "radio", "progressbar", "region", "navigation"}
    assert [one for one in found if one["role"] in named and not one["name"]] == []
    assert {one["live"] for one in found if one["role"] == "status"} == {"polite"}
    assert {one["live"] for one in found if one["role"] == "alert"} == {"assertive"}

"""Open data as people find and take it: by mouse and by keyboard, without scripts too."""

import re
from pathlib import Path

import pytest

from geodata.db import Database
from service.bulk_files import Dated
from service.settings import ServiceSettings
from tests.service.bulk import build_now
from tests.web.browsing import Open, needs_browser

pytestmark = needs_browser


@pytest.fixture(scope="module")
def files(sample_settings: ServiceSettings, sample_database: Database) -> Dated:
    return build_now(sample_settings, sample_database)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_file_is_taken_in_two_clicks(files: Dated, visit: Open, service: str, tmp_path: Path, scripts: bool) -> None:
    page = visit(f"{service}/downloads", java_script_enabled=scripts).page
    page.get_by_role("link", name=re.compile("Tệp của toàn bộ lớp dữ liệu.*Địa chỉ số")).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="addresses.csv", exact=True).click()
    taken = tmp_path / "addresses.csv"
    download.value.save_as(taken)
    lines = taken.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith('"id","code"')
    assert len(lines) > files.areas[0].count


def test_a_province_is_found_by_keyboard(files: Dated, visit: Open, service: str) -> None:
    page = visit(f"{service}/downloads").page
    box = page.get_by_role("searchbox", name="Tìm xã, tỉnh hoặc lớp dữ liệu")
    box.focus()
    page.keyboard.type("dia chi ninh binh")
    page.keyboard.press("Enter")
    found = page.get_by_role("link", name="Địa chỉ số, Tỉnh Ninh Bình")
    found.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/downloads/addresses/province-37")
    assert page.get_by_role("link", name="addresses.gpkg", exact=True).is_visible()

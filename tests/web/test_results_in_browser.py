"""New Rural Development results on the map: the level in force on a day, chosen by keyboard, told in words too."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import Open, await_map, needs_browser, view_at

pytestmark = needs_browser

WIDE_VIEW = view_at(106.25, 20.335, 11)
TOP = """() => { const map = window.shownMap, found = {};
  for (const feature of map.queryRenderedFeatures({ layers: ['ntm_results-fill'] })) {
    found[feature.properties.commune_code] ??= `${feature.properties.period} ${feature.properties.level}`; }
  return found; }"""
"""What lies on top in each commune: found first."""


def levels(page: Page, day: str) -> dict[str, str]:
    box = page.get_by_label("Kết quả tính đến ngày")
    box.fill(day)
    box.press("Enter")
    await_map(page)
    found: dict[str, str] = page.evaluate(TOP)
    return found


def test_the_map_shows_the_results_of_a_day(service: str, visit: Open) -> None:
    page = visit(f"{service}/?layers=ntm_results{WIDE_VIEW}").page
    await_map(page)
    assert levels(page, "2022-01-01") == {}
    assert levels(page, "2023-06-01") == {"99001": "2021-2025 standard"}
    assert levels(page, "2025-03-01") == {
        "99001": "2021-2025 advanced", "99002": "2021-2025 model", "99003": "2021-2025 standard",
    }  # fmt: skip
    # Of two periods the later one lies on top.
    assert levels(page, "2026-06-30") == {
        "99001": "2026-2030 standard", "99002": "2026-2030 not_met", "99003": "2021-2025 standard",
    }  # fmt: skip
    legend = page.get_by_role("list", name=re.compile("Chú giải: Kết quả nông thôn mới"))
    expect(legend).to_contain_text("Kiểu mẫu")


def test_the_layer_is_off_until_somebody_asks_for_it(service: str, visit: Open) -> None:
    page = visit(f"{service}/{WIDE_VIEW}").page
    await_map(page)
    switch = page.get_by_role("checkbox", name="Kết quả nông thôn mới")
    assert not switch.is_checked()
    switch.focus()
    page.keyboard.press("Space")
    await_map(page)
    assert set(page.evaluate(TOP)) == {"99001", "99002", "99003"}
    assert "ntm_results" in page.url


@pytest.mark.parametrize(
    ("query", "found"), [("2023-06-01", {"standard"}), ("2025-03-01", {"advanced", "model", "standard"})]
)
def test_the_same_day_is_asked_of_the_list(service: str, visit: Open, query: str, found: set[str]) -> None:
    page = visit(f"{service}/collections/ntm_results/items?f=json&datetime={query}").page
    text = page.evaluate("() => JSON.parse(document.body.innerText).features.map(({ properties }) => properties.level)")
    assert set(text) == found

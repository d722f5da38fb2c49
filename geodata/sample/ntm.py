"""New Rural Development results of the sample's communes: one that rose, one that fell back in the next period, one that was."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import shapely

from geodata.sample.communes import NAMES
from geodata.sample.marks import COMMUNE_CODES, SOURCE, marked

_LAST, _THIS = "2021-2025", "2026-2030"
_DECIDED_BY = "Ủy ban nhân dân tỉnh (mẫu)"

_RESULTS: Sequence[tuple[int, str, str, date, dict[str, Any]]] = (
    (0, _LAST, "standard", date(2022, 3, 18), {"criteria_met": 19, "valid_to": date(2024, 12, 20)}),
    (0, _LAST, "advanced", date(2024, 12, 20), {"criteria_met": 19}),
    (0, _THIS, "standard", date(2026, 5, 15), {"criteria_met": 10}),
    (1, _LAST, "model", date(2025, 1, 10), {"criteria_met": 19, "subject": "Du lịch nông thôn"}),
    (1, _THIS, "not_met", date(2026, 6, 1), {"criteria_met": 8}),
    (2, _LAST, "standard", date(2023, 11, 2), {"criteria_met": 19, "commune_name": marked("Xã Thịnh Cũ")}),
)
"""Commune, period, level, day, and what else is known; the third is a ward now, which took a commune in."""


def ntm_records(outlines: Sequence[shapely.Polygon]) -> list[tuple[dict[str, Any], shapely.Polygon]]:
    """Return the results: write-model values and the commune's outline, on the sample's plane."""
    found = []
    for serial, (number, period, level, day, more) in enumerate(_RESULTS, start=1):
        _, word, name = NAMES[number]
        values: dict[str, Any] = {
            "commune_code": COMMUNE_CODES[number],
            "commune_name": marked(f"{word} {name}"),
            "period": period,
            "level": level,
            "valid_from": day,
            "source": SOURCE,
            **more,
        }
        if level != "not_met":
            values |= {"decision_number": f"{serial}/QĐ-MẪU", "decided_by": _DECIDED_BY}
        found.append((values, outlines[number]))
    return found

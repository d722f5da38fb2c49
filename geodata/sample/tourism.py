"""Tourism points of the sample: places of every category with texts, contacts and OCOP stars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import shapely

from geodata.sample.communes import NAMES
from geodata.sample.fields import Plot
from geodata.sample.marks import COMMUNE_CODES, DAY, MARK, MARK_EN, NOT_REAL, NOT_REAL_EN, SOURCE, marked
from geodata.sample.people import full_names, phones
from geodata.sample.plane import random_points
from geodata.sample.tourism_places import KINDS, PlaceKind
from geodata.sample.villages import Settlement

_STARRED = frozenset({"homestay", "community_village", "farm_visit", "ocop_shop", "eco_site"})
_SHARE_STARRED, _SHARE_LAPSED = 0.6, 0.4
_STARS = {3: 0.6, 4: 0.33, 5: 0.07}
_OCOP_YEARS = 3
_SHARE_OF_CONSENT, _SHARE_WITH_SITE, _SHARE_WITH_TOUR = 0.6, 0.35, 0.2
_SHARE_VERIFIED = 0.85
_STATUSES = {"open": 0.88, "closed": 0.12}
_EDGE_M, _INSIDE_M, _FROM_BORDER_M, _FROM_CORE_M = 24.0, -18.0, 250.0, 60.0
_STEP_VND = 5_000
_ACCESS = (
    "Lối vào bằng phẳng, có chỗ cho xe lăn.",
    "Có bậc thềm, người nhà giúp khi cần.",
    "Có nhà vệ sinh cho người dùng xe lăn.",
)
_ROADS = (
    "Đường bê tông, xe 16 chỗ vào được.",
    "Đường nhựa, xe 29 chỗ vào được.",
    "Ngõ nhỏ, đi bộ hoặc xe máy 200 m.",
)
_SITE = "https://du-lich-mau.example"


@dataclass(frozen=True)
class Ground:
    """Where the places of one commune may lie, metres of the plane."""

    outline: shapely.Polygon
    settlements: Sequence[Settlement]
    plots: Sequence[Plot]

    def point(self, random: np.random.Generator, kind: str) -> shapely.Point:
        """Return a place of the kind of ground asked for."""
        core = self.settlements[int(random.integers(len(self.settlements)))].core
        cores = shapely.union_all([item.core for item in self.settlements])
        if kind == "field":
            area = self.plots[int(random.integers(len(self.plots)))].shape
        elif kind == "edge":
            area = core.buffer(_EDGE_M) - core
        elif kind == "open":
            fields = shapely.union_all([plot.shape for plot in self.plots])
            area = self.outline.buffer(-_FROM_BORDER_M) - cores.buffer(_FROM_CORE_M) - fields
        else:
            area = core.buffer(_INSIDE_M)
        return shapely.Point(random_points(random, area, 1)[0])


def tourism_records(
    random: np.random.Generator, grounds: Sequence[Ground]
) -> list[tuple[dict[str, Any], shapely.Point]]:
    """Return write-model values and place, metres of the plane, of every tourism point.

    Parameters
    ----------
    grounds : sequence of Ground
        One for each commune; the places of a category go round the communes in turn.
    """
    found: list[tuple[dict[str, Any], shapely.Point]] = []
    for kind in KINDS:
        for n, (name, name_en) in enumerate(kind.names):
            commune = n % len(grounds)
            place = grounds[commune].point(random, kind.ground)
            values = _texts(kind, n, name, name_en) | _offer(random, kind) | _contact(random, commune)
            values |= _ocop(random, kind) | _check(random, kind)
            values |= {"commune_code": COMMUNE_CODES[commune], "source": SOURCE}
            found.append((values, place))
    return found


def _texts(kind: PlaceKind, n: int, name: str, name_en: str) -> dict[str, Any]:
    about, about_en = kind.about[n % len(kind.about)]
    return {
        "name": marked(name),
        "name_en": f"{name_en} {MARK_EN}",
        "category": kind.category,
        "description": f"{about} {NOT_REAL}",
        "description_en": f"{about_en} {NOT_REAL_EN}",
        "opening_hours": kind.hours,
        "services": list(kind.services),
    }


def _offer(random: np.random.Generator, kind: PlaceKind) -> dict[str, Any]:
    """Return how many guests it takes, when, at what price, and how one gets there."""
    values: dict[str, Any] = {
        "guests_per_day": int(random.integers(2, 30)) * 10,
        "road_access": _ROADS[int(random.integers(len(_ROADS)))],
        "languages": ["Tiếng Việt", *(["Tiếng Anh"] if random.random() < 0.5 else [])],  # noqa: PLR2004
    }
    if kind.beds is not None:
        values["beds"] = int(random.integers(*kind.beds))
        values["guests_per_day"] = 2 * values["beds"]
    if kind.months:
        values["season_months"] = list(kind.months)
    if kind.price_vnd is not None:
        low, high = kind.price_vnd
        middle = (low + high) / 2
        values["price_from_vnd"] = _round_price(random.uniform(low, middle))
        values["price_to_vnd"] = _round_price(random.uniform(middle, high))
    if random.random() < 0.5:  # noqa: PLR2004
        values["accessibility"] = _ACCESS[int(random.integers(len(_ACCESS)))]
    return values


def _round_price(price: float) -> int:
    return max(1, round(price / _STEP_VND)) * _STEP_VND


def _contact(random: np.random.Generator, commune: int) -> dict[str, Any]:
    """Return host and contact; a telephone is public only with the host's consent."""
    phone = phones(random, 1)[0]
    values: dict[str, Any] = {
        "organisation": marked(f"Tổ du lịch cộng đồng {NAMES[commune][2]}"),
        "phone": phone,
        "contact_consent": bool(random.random() < _SHARE_OF_CONSENT),
    }
    if random.random() < _SHARE_WITH_SITE:
        page = f"{_SITE}/diem/{int(random.integers(1, 1_000))}"
        values |= {"zalo": phone, "website": page, "booking_url": f"{page}/dat-cho"}
    if random.random() < _SHARE_WITH_TOUR:
        values["tour_url"] = f"{_SITE}/360/{int(random.integers(1, 1_000))}"
    return values


def _ocop(random: np.random.Generator, kind: PlaceKind) -> dict[str, Any]:
    """Return stars, decision and the day they end: three years on, past for some."""
    if kind.category not in _STARRED or random.random() > _SHARE_STARRED:
        return {}
    is_lapsed = random.random() < _SHARE_LAPSED
    year = 2021 if is_lapsed else 2026
    decided = date(year, int(random.integers(1, 7)), int(random.integers(1, 29)))
    stars = int(random.choice(list(_STARS), p=list(_STARS.values())))
    return {
        "ocop_stars": stars,
        "ocop_decision": f"{int(random.integers(1, 900))}/QĐ-MẪU",
        "ocop_valid_to": decided.replace(year=year + _OCOP_YEARS),
    }


def _check(random: np.random.Generator, kind: PlaceKind) -> dict[str, Any]:
    status = str(random.choice(list(_STATUSES), p=list(_STATUSES.values())))
    values: dict[str, Any] = {"status": "seasonal" if kind.months and status == "open" else status}
    if random.random() < _SHARE_VERIFIED:
        values["verified_on"] = DAY - timedelta(days=int(random.integers(1, 400)))
        values["verified_by"] = f"{full_names(random, 1)[0]} {MARK}"
    return values

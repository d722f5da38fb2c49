"""Addresses of the sample: households with their people, and the offices, shops and works among them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import shapely

from geodata.sample.communes import NAMES
from geodata.sample.marks import COMMUNE_CODES, DAY, MARK, PROVINCE_NAME, SOURCE, marked
from geodata.sample.people import Texts, full_names, given_names, phones
from geodata.sample.villages import Settlement

POSTCODES = ("07997", "07998", "07999")
"""First half of the address codes, one for each commune; sample values."""

LEGACY_DISTRICT = "Huyện Mẫu Giang (cũ)"

KIND_SHARES = {
    "household": 0.93, "business": 0.030, "public_place": 0.013, "organisation": 0.010, "agency": 0.008,
    "structure": 0.009,
}  # fmt: skip
_OFFICES = (
    "Ủy ban nhân dân", "Công an", "Trạm y tế", "Trường mầm non", "Trường tiểu học", "Trường trung học cơ sở",
    "Trung tâm phục vụ hành chính công", "Ban chỉ huy quân sự", "Đảng ủy", "Trung tâm văn hóa, thể thao",
)  # fmt: skip
_SHOPS = (
    "Tạp hóa", "Quán phở", "Quán cơm", "Cửa hàng vật tư nông nghiệp", "Hiệu thuốc", "Cơ sở may", "Xưởng mộc",
    "Sửa chữa xe máy", "Đại lý gạo", "Cửa hàng vật liệu xây dựng", "Tiệm cắt tóc", "Cơ sở xay xát",
)  # fmt: skip
_BODIES = (
    "Hợp tác xã dịch vụ nông nghiệp", "Hội phụ nữ", "Hội nông dân", "Hội cựu chiến binh", "Quỹ tín dụng nhân dân",
    "Tổ hợp tác",
)  # fmt: skip
_PLACES = ("Nhà văn hóa", "Sân thể thao", "Chợ", "Đình", "Chùa", "Điểm bưu điện – văn hóa")
_WORKS = ("Trạm biến áp", "Trạm bơm", "Trạm phát sóng", "Bể nước sạch", "Cổng làng", "Cầu")
ROADS = (
    "Đường Trục Thôn", "Đường Cây Đa", "Đường Bờ Kênh", "Đường Giếng Đình", "Đường Ra Đồng", "Đường Ao Sen",
    "Đường Cổng Làng", "Đường Bến Đò", "Đường Chợ Cũ", "Đường Sân Kho", "Đường Đê", "Đường Lò Gạch",
)  # fmt: skip
_METHODS = {"gps": 0.72, "digitised": 0.25, "geocoded": 0.03}
_ACCURACY_M = {"gps": (2.0, 9.0), "digitised": (1.0, 4.0), "geocoded": (20.0, 60.0)}
_SHARE_NOTIFIED, _SHARE_OF_PLATES = 0.86, 0.71
_SHARE_WITH_PHONE, _SHARE_WITHOUT_NUMBER, _SHARE_CLOSED, _SHARE_WITHOUT_ROADS = 0.72, 0.1, 0.06, 0.25
_FIRST_DAY = date(2025, 8, 4)


def make_kinds(random: np.random.Generator, count: int) -> Texts:
    """Return the kind of each of ``count`` addresses, in the shares of `KIND_SHARES`."""
    others = {kind: round(count * share) for kind, share in KIND_SHARES.items() if kind != "household"}
    kinds = [kind for kind, number in others.items() for _ in range(number)]
    kinds += ["household"] * (count - len(kinds))
    shuffled: Texts = random.permutation(np.array(kinds, dtype=object))
    return shuffled


def address_records(
    random: np.random.Generator, settlements: Sequence[Settlement]
) -> list[tuple[dict[str, Any], shapely.Point]]:
    """Return the write-model values and the place, metres of the plane, of every address.

    Codes run along the lanes, from 00001 in each commune.
    """
    count = sum(len(settlement.houses) for settlement in settlements)
    kinds = make_kinds(random, count)
    people = {"head_name": full_names(random, count), "phone": phones(random, count)}
    names = _Names(random, given_names(random, count).tolist())
    serials = [0] * len(COMMUNE_CODES)
    found: list[tuple[dict[str, Any], shapely.Point]] = []
    for settlement in settlements:
        roads = _road_names(random, settlement)
        for house in settlement.houses:
            n = len(found)
            serials[settlement.commune] += 1
            values = _place_values(settlement, house.lane, house.number, roads)
            if random.random() < _SHARE_WITHOUT_NUMBER:
                del values["house_number"]
            values["code"] = f"{POSTCODES[settlement.commune]}{serials[settlement.commune]:05d}"
            values |= _survey_values(random)
            if kinds[n] == "household":
                values |= _household_values(random, {name: texts[n] for name, texts in people.items()})
            else:
                values |= names.values_of(kinds[n], settlement)
            values["full_address"] = _in_full(values, settlement)
            found.append((values, shapely.Point(house.x, house.y)))
    return found


def _road_names(random: np.random.Generator, settlement: Settlement) -> list[str | None]:
    """Return a name for each road of the village; in some villages roads have none."""
    roads = 1 + max(lane.road for lane in settlement.lanes)
    if random.random() < _SHARE_WITHOUT_ROADS:
        return [None] * roads
    names = random.permutation(np.array(ROADS, dtype=object)).tolist()
    return [names[n % len(names)] for n in range(roads)]


def _place_values(settlement: Settlement, lane: int, number: int, roads: Sequence[str | None]) -> dict[str, Any]:
    along = settlement.lanes[lane]
    values: dict[str, Any] = {
        "house_number": str(number),
        "alley": along.alley_name,
        "street": roads[along.road],
        "village": settlement.name,
        "commune_code": COMMUNE_CODES[settlement.commune],
        "legacy_district": LEGACY_DISTRICT,
        "postcode": POSTCODES[settlement.commune],
        "source": SOURCE,
    }
    return {name: value for name, value in values.items() if value is not None}


def _survey_values(random: np.random.Generator) -> dict[str, Any]:
    method = str(random.choice(list(_METHODS), p=list(_METHODS.values())))
    recorded = _FIRST_DAY + timedelta(days=int(random.integers(0, 250)))
    return {
        "position_method": method,
        "position_accuracy_m": round(float(random.uniform(*_ACCURACY_M[method])), 1),
        "recorded_on": recorded,
    } | _notice_values(random, recorded)


def _notice_values(random: np.random.Generator, recorded: date) -> dict[str, Any]:
    """Return when the owner was told the code and when the plate was attached, where either has happened."""
    if random.random() > _SHARE_NOTIFIED:
        return {}
    notified = min(recorded + timedelta(days=int(random.integers(7, 60))), DAY)
    if random.random() > _SHARE_OF_PLATES:
        return {"notified_on": notified}
    attached = min(notified + timedelta(days=int(random.integers(3, 45))), DAY)
    return {"notified_on": notified, "plate_attached_on": attached}


def _household_values(random: np.random.Generator, person: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {"kind": "household", "head_name": person["head_name"]}
    if random.random() < _SHARE_WITH_PHONE:
        values["phone"] = person["phone"]
    return values


@dataclass
class _Names:
    """Names for what is not a household; none is given twice in a commune."""

    random: np.random.Generator
    shops: list[str]
    given: Counter[tuple[int, str]] = field(default_factory=Counter)

    def values_of(self, kind: str, settlement: Settlement) -> dict[str, Any]:
        """Return kind, name and status of the next one of this kind."""
        name = self._name(kind, settlement)
        self.given[settlement.commune, name] += 1
        times = self.given[settlement.commune, name]
        again = "số" if kind in {"public_place", "structure"} else "– cơ sở"
        is_closed = kind == "business" and self.random.random() < _SHARE_CLOSED
        return {
            "kind": kind,
            "name": marked(name if times == 1 else f"{name} {again} {times}"),
            "status": "inactive" if is_closed else "active",
        }

    def _name(self, kind: str, settlement: Settlement) -> str:
        _, word, commune = NAMES[settlement.commune]
        village = settlement.name.removesuffix(f" {MARK}")
        if kind == "agency":
            self.given[settlement.commune, "agency"] += 1
            office = _OFFICES[(self.given[settlement.commune, "agency"] - 1) % len(_OFFICES)]
            return f"{office} {word.lower()} {commune}"
        if kind == "business":
            return f"{_pick(self.random, _SHOPS)} {self.shops.pop()}"
        words = {"organisation": _BODIES, "public_place": _PLACES, "structure": _WORKS}[kind]
        return f"{_pick(self.random, words)} {village}"


def _pick(random: np.random.Generator, values: Sequence[str]) -> str:
    return values[int(random.integers(len(values)))]


def _in_full(values: dict[str, Any], settlement: Settlement) -> str:
    _, word, commune = NAMES[settlement.commune]
    number = f"Số {values['house_number']}" if "house_number" in values else None
    parts = [number, values.get("alley"), values.get("street"), values["village"].removesuffix(f" {MARK}")]
    parts += [f"{word} {commune}", PROVINCE_NAME]
    return marked(", ".join(part for part in parts if part))


def households_by_village(records: Sequence[dict[str, Any]], settlements: Sequence[Settlement]) -> list[int]:
    """Count the household addresses of each village."""
    counts: dict[tuple[str, str], int] = {}
    for values in records:
        if values["kind"] == "household":
            key = (values["commune_code"], values["village"])
            counts[key] = counts.get(key, 0) + 1
    return [counts.get((COMMUNE_CODES[item.commune], item.name), 0) for item in settlements]

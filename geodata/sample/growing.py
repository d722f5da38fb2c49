"""Growing areas of the sample: each plot with its crop, its holder, its state and its markets."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from geodata.sample.crops import Crop, pick_crops
from geodata.sample.fields import AREAS_PER_COMMUNE, Plot
from geodata.sample.marks import COMMUNE_CODES, DAY, MARK, PROVINCE_CODE, SOURCE, marked
from geodata.sample.people import full_names, phones
from geodata.sample.plane import area_ha
from geodata.sample.villages import Settlement

FIRST_SERIAL = 90_001
FIRST_EXPORT_SERIAL = 9_001
"""Serials far above those in use, so that no sample code is anybody's."""

_SHARE_OF_ZONE_CROP = 0.8
_SHARE_OF_EXPORT = 0.6
_SHARE_RAW = 0.3
_SHARE_COMPANY = 0.12
_STATUSES = {"active": 0.9, "suspended": 0.06, "warned": 0.04}
_OUT_OF_SIGHT = ("proposed", "submitted", "revoked", "expired", "withdrawn")
"""Each commune has one area of each, which maps and lists do not show."""

_UNISSUED = frozenset({"proposed", "submitted"})
_CERTIFICATES = {"VietGAP": 0.38, "GlobalGAP": 0.05, "Hữu cơ": 0.04, "": 0.53}
_DRAWN = {"surveyed": 0.3, "digitised": 0.6, "imagery": 0.1}
_HECTARES_A_HOUSEHOLD = (0.16, 0.45)
_FIRST_DAY, _DAYS = date(2022, 3, 1), 1_400
_CERTIFICATE_YEARS = 3
_UNTIL_APPROVAL = timedelta(days=60)


def growing_area_records(
    random: np.random.Generator, plots: Sequence[Plot], settlements: Sequence[Settlement]
) -> list[dict[str, Any]]:
    """Return the write-model values of each plot, in order.

    Parameters
    ----------
    settlements : sequence of Settlement
        All villages, those of one commune together and in the order in which plots count them.
    """
    villages = [[item for item in settlements if item.commune == n] for n in range(len(COMMUNE_CODES))]
    zones = sorted({(plot.commune, plot.zone) for plot in plots})
    usual = dict(zip(zones, pick_crops(random, len(zones)), strict=True))
    unusual = pick_crops(random, len(plots))
    names, numbers = full_names(random, len(plots)), phones(random, len(plots))
    records = []
    for n, plot in enumerate(plots):
        crop = usual[plot.commune, plot.zone] if random.random() < _SHARE_OF_ZONE_CROP else unusual[n]
        village = villages[plot.commune][plot.village].name.removesuffix(f" {MARK}")
        values = _identity(random, n, crop, village) | _crop_values(random, plot, crop)
        values |= _state(random, n % AREAS_PER_COMMUNE)
        values |= _registration(values)
        values |= {
            "organisation": _holder(random, village),
            "commune_code": COMMUNE_CODES[plot.commune],
            "boundary_method": "driven" if plot.is_walked else _choose(random, _DRAWN),
            "representative": names[n],
            "phone": numbers[n],
            "source": SOURCE,
        }
        records.append(values)
    return records


def _identity(random: np.random.Generator, n: int, crop: Crop, village: str) -> dict[str, Any]:
    """Return code, name, regime and markets; export codes come in the two forms seen in lists."""
    name = marked(f"Vùng trồng {crop.name.lower()} {village}, lô {n + 1}")
    code = f"{PROVINCE_CODE}-PUC-{crop.letters}-{FIRST_SERIAL + n:05d}"
    if not crop.markets or random.random() > _SHARE_OF_EXPORT:
        return {"code": code, "name": name, "regime": "domestic"}
    markets = [market for market in crop.markets if random.random() < 0.6] or [crop.markets[0]]  # noqa: PLR2004
    values: dict[str, Any] = {"code": code, "name": name, "regime": "export", "markets": markets}
    if len(markets) == 1:
        values["code"] = f"{code}-{markets[0]}"
    elif random.random() < 0.7:  # noqa: PLR2004
        values["code"] = f"VN-NBOR-{FIRST_EXPORT_SERIAL + n:04d}"
    if random.random() < _SHARE_RAW:
        values["code_raw"] = values["code"].replace("-", " – ")
    return values


def _crop_values(random: np.random.Generator, plot: Plot, crop: Crop) -> dict[str, Any]:
    hectares = area_ha(plot.shape)
    values: dict[str, Any] = {
        "crop": crop.name,
        "variety": crop.varieties[int(random.integers(len(crop.varieties)))],
        "area_ha": hectares,
        "household_count": max(1, round(hectares / float(random.uniform(*_HECTARES_A_HOUSEHOLD)))),
        "expected_yield_t": round(hectares * crop.yield_t_ha * float(random.uniform(0.85, 1.1)), 1),
        "harvest_months": list(crop.months),
    }
    if crop.trees_ha:
        values["tree_count"] = round(hectares * crop.trees_ha * float(random.uniform(0.8, 1.05)))
    return values


def _state(random: np.random.Generator, place: int) -> dict[str, Any]:
    """Return status, dates and certificate, consistent with each other on the sample's day.

    The plots of a commune stand together; the last of them are out of sight.
    """
    status = _choose(random, _STATUSES)
    if place >= AREAS_PER_COMMUNE - len(_OUT_OF_SIGHT):
        status = _OUT_OF_SIGHT[place - AREAS_PER_COMMUNE]
    values: dict[str, Any] = {"status": status}
    issued = _FIRST_DAY + timedelta(days=int(random.integers(0, _DAYS)))
    if status not in _UNISSUED:
        values |= {"issued_on": issued, "decision_number": f"{int(random.integers(1, 900))}/QĐ-MẪU"}
    certificate = _choose(random, _CERTIFICATES)
    if certificate and status not in _UNISSUED:
        until = issued.replace(year=issued.year + _CERTIFICATE_YEARS, day=min(issued.day, 28))
        values |= {"certificate": certificate, "certificate_valid_to": until}
    if status == "expired" and "certificate_valid_to" in values:
        values["certificate_valid_to"] = min(values["certificate_valid_to"], DAY - timedelta(days=30))
    return values


def _registration(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the registration with the first market of an export area that has its code."""
    if "markets" not in values or "issued_on" not in values:
        return {}
    return {"market": values["markets"][0], "market_valid_from": values["issued_on"] + _UNTIL_APPROVAL}


def _holder(random: np.random.Generator, village: str) -> str:
    is_company = random.random() < _SHARE_COMPANY
    return marked(f"{'Công ty nông sản' if is_company else 'Hợp tác xã nông nghiệp'} {village}")


def _choose(random: np.random.Generator, shares: dict[str, float]) -> str:
    return str(random.choice(list(shares), p=list(shares.values())))

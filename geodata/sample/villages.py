"""Villages: where they lie in their commune, their lanes and houses, and how many households they count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import shapely

from geodata.sample.houses import House, place_houses
from geodata.sample.lanes import Lane, make_lanes
from geodata.sample.marks import COMMUNE_CODES, DAY, SOURCE, marked
from geodata.sample.plane import Floats, random_points
from geodata.sample.shares import share_out

VILLAGES_PER_COMMUNE = 12
ADDRESSES = 5_000

_TRIES = 16
_FROM_BORDER_M = 420.0
_BETWEEN_CORES_M = 120.0
_LANE_FROM_BORDER_M = 60.0
_YARD_M, _CLOSINGS_M, _SIMPLER_M = 28.0, (50.0, 70.0, 100.0, 150.0), 3.0
_UNEVEN_M = 45.0
_MOST_TRIES = 8
_LEAST_COVERAGE = 0.8
_PEOPLE_PER_HOUSEHOLD = 3.3

_FIRST = ("Đông", "Đoài", "Nam", "Bắc", "Trung", "Thượng", "Hạ", "Xuân", "Phúc", "Lạc", "Cao", "Hòa")
_SECOND = ("Mẫu", "Khê", "Phong", "Lộc", "Tiến", "Quan", "Điền", "Thiện", "Nghĩa", "Trại")
_COUNTED_BY = "Số liệu hư cấu của dữ liệu mẫu"


@dataclass(frozen=True)
class Settlement:
    """A village as it is built.

    Attributes
    ----------
    commune : int
        Number of the commune, from 0.
    name, kind : str
        As in the register of villages.
    centre : float64 array, shape (2,)
        Metres of the plane.
    core : Polygon
        The built-up ground, metres of the plane.
    lanes : sequence of Lane
    houses : sequence of House
        As many as the village has addresses.
    """

    commune: int
    name: str
    kind: str
    centre: Floats
    core: shapely.Polygon
    lanes: Sequence[Lane]
    houses: Sequence[House]


def make_settlements(random: np.random.Generator, outlines: Sequence[shapely.Polygon]) -> list[Settlement]:
    """Build the villages of all communes; their houses are `ADDRESSES` together."""
    sizes = _sizes(random, VILLAGES_PER_COMMUNE * len(outlines))
    names = _names(random, len(outlines))
    built: list[Settlement] = []
    for commune, outline in enumerate(outlines):
        centres = _spread(random, outline.buffer(-_FROM_BORDER_M))
        axis = random.uniform(0, np.pi)
        for centre in centres:
            heading = axis + random.choice((0.0, np.pi / 2), p=(0.7, 0.3)) + random.normal(0, 0.2)
            name, kind = names[len(built)]
            built.append(_build(random, outline, built, (commune, name, kind), centre, heading, sizes[len(built)]))
    return built


def _sizes(random: np.random.Generator, count: int) -> list[int]:
    """Share the addresses out unevenly."""
    weights = np.clip(random.lognormal(0, 0.38, count), 0.5, 2.0)
    return [int(size) for size in share_out(ADDRESSES, weights)]


def _names(random: np.random.Generator, communes: int) -> list[tuple[str, str]]:
    """Return name and kind of every village; the last commune is a ward and has numbered residential groups."""
    pairs = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    chosen = iter(random.permutation(np.array(pairs, dtype=object)).tolist())
    named: list[tuple[str, str]] = []
    for commune in range(communes):
        for number in range(1, VILLAGES_PER_COMMUNE + 1):
            if commune == communes - 1:
                named.append((marked(f"Tổ dân phố số {number}"), "to_dan_pho"))
            elif random.random() < 0.2:  # noqa: PLR2004  one in five is a hamlet
                named.append((marked(f"Xóm {next(chosen)}"), "xom"))
            else:
                named.append((marked(f"Thôn {next(chosen)}"), "thon"))
    return named


def _spread(random: np.random.Generator, area: shapely.Geometry) -> Floats:
    """Return village centres well apart: of several random places always the one farthest from the others."""
    chosen = random_points(random, area, 1)
    while len(chosen) < VILLAGES_PER_COMMUNE:
        tried = random_points(random, area, _TRIES)
        nearest = np.hypot(*(tried[:, None] - chosen[None]).transpose(2, 0, 1)).min(axis=1)
        chosen = np.vstack([chosen, tried[nearest.argmax()]])
    return chosen


def _build(  # noqa: PLR0913  a village has these parts
    random: np.random.Generator, outline: shapely.Polygon, built: Sequence[Settlement],
    called: tuple[int, str, str], centre: Floats, heading: float, size: int,
) -> Settlement:  # fmt: skip
    taken = shapely.union_all([other.core for other in built]).buffer(_BETWEEN_CORES_M)
    allowed = outline.buffer(-_LANE_FROM_BORDER_M).difference(taken)
    for more in range(_MOST_TRIES):
        lanes = make_lanes(random, allowed, centre, heading, round(size * (1.1 + 0.25 * more)))
        houses = place_houses(random, lanes)
        if len(houses) >= size:
            break
    chosen = _inhabited(random, houses, centre, size)
    commune, name, kind = called
    return Settlement(commune, name, kind, centre, _core(chosen), lanes, chosen)


def _inhabited(random: np.random.Generator, houses: Sequence[House], centre: Floats, size: int) -> list[House]:
    """Return as many houses as wanted, those near the centre rather than those far out."""
    places = np.array([(house.x, house.y) for house in houses])
    far = np.hypot(*(places - centre).T) + random.normal(0, _UNEVEN_M, len(houses))
    return [houses[n] for n in np.sort(np.argsort(far)[:size])]


def _core(houses: Sequence[House]) -> shapely.Polygon:
    """Return the ground around the houses in one piece, gaps between them and holes closed."""
    points = shapely.points([(house.x, house.y) for house in houses])
    for closing in _CLOSINGS_M:
        around = shapely.union_all(shapely.buffer(points, _YARD_M + closing, quad_segs=4))
        core = around.buffer(-closing, quad_segs=4).simplify(_SIMPLER_M)
        if isinstance(core, shapely.Polygon):
            break
    return shapely.Polygon(max(shapely.get_parts(core), key=lambda part: part.area).exterior)


def household_counts(random: np.random.Generator, households: Sequence[int]) -> list[int]:
    """Return how many households each village counts, so that 80 to 100 % of them have an address.

    Parameters
    ----------
    households : sequence of int
        Households with an address, by village.
    """
    coverage = np.minimum(random.uniform(_LEAST_COVERAGE + 0.015, 1.03, len(households)), 1.0)
    counts: list[int] = np.floor(np.array(households) / coverage).astype(int).tolist()
    return [max(count, given) for count, given in zip(counts, households, strict=True)]


def village_record(
    random: np.random.Generator, settlement: Settlement, number: int, household_count: int
) -> dict[str, Any]:
    """Return the write-model values of the village ``number`` (from 1) of its commune."""
    commune = COMMUNE_CODES[settlement.commune]
    return {
        "code": f"{commune}-{number:02d}",
        "name": settlement.name,
        "kind": settlement.kind,
        "commune_code": commune,
        "household_count": household_count,
        "household_count_on": DAY - timedelta(days=int(random.choice((0, 90, 181)))),
        "household_count_source": _COUNTED_BY,
        "population": round(household_count * float(random.normal(_PEOPLE_PER_HOUSEHOLD, 0.15))),
        "source": SOURCE,
    }

"""Three communes that share their borders exactly, drawn from arcs that each pair of neighbours has in common."""

from typing import Any

import numpy as np
import shapely

from geodata.sample.marks import COMMUNE_CODES, DAY, PROVINCE_CODE, SOURCE, marked
from geodata.sample.plane import Floats, to_lonlat

RADIUS_M = 4_550.0
_OUTLINE_POINTS = 12
_HALVINGS = 6
_ROUGHNESS = 0.13
_TRIES = 200
_NARROW_M = 150.0
_MOST_NARROW = 0.006
_SQUARE_METRES_PER_KM2 = 1_000_000.0

NAMES = (("xa", "Xã", "An Mẫu"), ("xa", "Xã", "Phú Mẫu"), ("phuong", "Phường", "Thịnh Mẫu"))
"""Kind, unit word and name of each; no commune of the State's list is called so."""

_LEGAL_NOTE = "Đơn vị hư cấu của dữ liệu mẫu, không có căn cứ pháp lý"


def make_outlines(random: np.random.Generator) -> list[shapely.Polygon]:
    """Return three neighbouring polygons of the plane, together about 70 km².

    Notes
    -----
    Every border is drawn once, as a line between two junctions, and used by both sides; the lines are made rough by
    moving midpoints. What crosses itself or leaves slivers is drawn again.
    """
    for _ in range(_TRIES):
        outlines = _assemble(random, *_controls(random))
        if _fit_together(outlines):
            return outlines
    raise RuntimeError(f"no set of communes in {_TRIES} tries")


def _controls(random: np.random.Generator) -> tuple[Floats, list[int], Floats]:
    """Return points around the outline, which of them are junctions, and the point where all three meet."""
    turns = (np.arange(_OUTLINE_POINTS) + random.uniform(-0.25, 0.25, _OUTLINE_POINTS)) / _OUTLINE_POINTS
    radii = RADIUS_M * random.uniform(0.88, 1.12, _OUTLINE_POINTS)
    angles = 2 * np.pi * turns + random.uniform(0, 2 * np.pi)
    corners = np.column_stack([radii * np.cos(angles), radii * np.sin(angles)])
    step = _OUTLINE_POINTS // len(NAMES)
    junctions = [step * n for n in range(len(NAMES))]
    return corners, junctions, random.uniform(-500, 500, 2)


def _assemble(
    random: np.random.Generator, corners: Floats, junctions: list[int], centre: Floats
) -> list[shapely.Polygon]:
    spokes, rims = [], []
    for start in junctions:
        bend = corners[start] * 0.55 + random.uniform(-350, 350, 2)
        spokes.append(_rough_line(random, np.array([centre, bend, corners[start]])))
        around = np.arange(start, start + _OUTLINE_POINTS // len(junctions) + 1) % len(corners)
        rims.append(_rough_line(random, corners[around]))
    outlines = []
    for n, rim in enumerate(rims):
        back = spokes[(n + 1) % len(spokes)][::-1]
        outlines.append(shapely.Polygon(np.vstack([spokes[n], rim[1:], back[1:-1]])))
    return outlines


def _rough_line(random: np.random.Generator, points: Floats) -> Floats:
    """Halve every segment several times, moving each midpoint sideways by a share of the segment's length."""
    for _ in range(_HALVINGS):
        ahead = np.diff(points, axis=0)
        sideways = np.column_stack([-ahead[:, 1], ahead[:, 0]])
        shift = np.clip(random.normal(0, _ROUGHNESS, len(ahead)), -2 * _ROUGHNESS, 2 * _ROUGHNESS)
        middles = points[:-1] + ahead / 2 + sideways * shift[:, None]
        finer = np.empty((len(points) + len(middles), 2))
        finer[0::2], finer[1::2] = points, middles
        points = finer
    return points


def _fit_together(outlines: list[shapely.Polygon]) -> bool:
    """Whether the borders neither cross nor leave slivers."""
    degrees = [to_lonlat(outline) for outline in outlines]
    if not (shapely.is_valid(degrees).all() and shapely.coverage_is_valid(degrees)):
        return False
    wide = shapely.buffer(shapely.buffer(outlines, -_NARROW_M), _NARROW_M)
    narrow = 1 - shapely.area(wide) / shapely.area(outlines)
    return bool((narrow < _MOST_NARROW).all())


def commune_record(number: int, outline: shapely.Polygon) -> dict[str, Any]:
    """Return the write-model values of the commune ``number`` (from 0)."""
    kind, word, name = NAMES[number]
    return {
        "code": COMMUNE_CODES[number],
        "name": name,
        "full_name": marked(f"{word} {name}"),
        "name_en": f"{_plain_name(number)} (sample data)",
        "kind": kind,
        "province_code": PROVINCE_CODE,
        "area_km2": round(outline.area / _SQUARE_METRES_PER_KM2, 2),
        "valid_from": DAY.replace(year=2025, month=7, day=1),
        "legal_note": _LEGAL_NOTE,
        "source": SOURCE,
    }


def _plain_name(number: int) -> str:
    return ("An Mau", "Phu Mau", "Thinh Mau")[number]

"""Files as communes send them, in every coordinate system: places inside the real communes, true system known.

Places are drawn inside the boundaries at full resolution, the ranking is given the simplified ones (up to 44 m apart), and
one place in a hundred is a stray: no system explains everything, as in real files.
"""

import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from geodata.crs import SourceCrs, from_epsg
from geodata.crs_choices import parse_choice
from geodata.sample.writer import from_wgs84
from geodata.units.index import UnitIndex

BOUNDARIES = Path(__file__).parents[3] / "shared" / "data" / "boundaries"
SEED = BOUNDARIES / "vn_units_seed.gpkg.gz"
SIMPLIFIED = BOUNDARIES / "commune_3321_simplified.geojson.gz"

ZONES = {"04": (9210, 9209, 9211), "37": (5897, 9208, 9209), "38": (5897, 9208, 9209), "40": (9208, 9207, 5897), "48": (5899, 9216, 5898)}  # fmt: skip
"""Province → the zone that its offices use, and the two beside it."""

POINTS, PARCELS = 600, 200
_HAMLETS, _HAMLET_DEG, _STRAYS, _STRAY_DEG = 12, 0.003, 0.01, 0.05


@dataclass(frozen=True)
class Case:
    """One file: its coordinates, what it states, and the system it is in."""

    commune: str
    kind: str
    truth: str
    prj: str
    coordinates: NDArray[np.float64]
    stated: SourceCrs | None

    @property
    def true_crs(self) -> SourceCrs:
        """The system that the coordinates are in."""
        return parse_choice(self.truth)

    def __str__(self) -> str:
        return f"{self.commune} {self.kind} {self.truth} {self.prj}"


def read_seed(folder: Path) -> dict[str, shapely.Geometry]:
    """Read the full boundaries by commune code; the package is unpacked into the folder."""
    path = folder / "seed.gpkg"
    with gzip.open(SEED) as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    frame = pyogrio.read_dataframe(path, layer="commune_seed", columns=["code"])
    return dict(zip(frame["code"], frame.geometry, strict=True))


@cache
def simplified() -> UnitIndex:
    """Return the communes of the whole country as a service would know them."""
    with gzip.open(SIMPLIFIED) as packed:
        features = json.load(packed)["features"]
    rows = [(one["properties"], shapely.from_geojson(json.dumps(one["geometry"]))) for one in features]
    return UnitIndex(
        provinces={row["code"]: row["province_code"] for row, _ in rows},
        boundaries={row["code"]: shape for row, shape in rows},
        names={row["code"]: row["name"] for row, _ in rows},
    )


def cases(codes: Sequence[str], boundaries: dict[str, shapely.Geometry]) -> Iterator[Case]:
    """Make every file of some communes: each system, with its own .prj, without one and with a wrong one."""
    provinces = simplified().provinces
    for code in codes:
        random = np.random.default_rng(int(code))
        places = {"points": _points(boundaries[code], random), "parcels": _parcels(boundaries[code], random)}
        for kind, degrees in places.items():
            for truth, wrong in _systems(ZONES[provinces[code]], int(code)):
                coordinates = _written(degrees, truth)
                own = truth.removesuffix(";swapped")
                for prj, stated in (("own", own), ("none", None), ("wrong", wrong)):
                    yield Case(code, kind, truth, prj, coordinates, None if stated is None else parse_choice(stated))


def _systems(zones: tuple[int, int, int], number: int) -> list[tuple[str, str]]:
    """Return each true system with one that a wrong .prj states: another zone, a lost datum or another scale in turn."""
    utm = (3406, 32649) if zones[0] == 5899 else (3405, 32648)
    meridian = vn2000_grid(zones[0])
    mistakes = (f"EPSG:{zones[1 + number % 2]}", f"EPSG:{zones[0]};no-shift", f"VN2000:{meridian},0.9996")
    return [
        (f"EPSG:{zones[0]}", mistakes[number % 3]),
        (f"EPSG:{zones[0]};no-shift", f"EPSG:{zones[0]}"),
        (f"EPSG:{zones[1]}", f"EPSG:{zones[0]}"),
        (f"EPSG:{zones[2]}", f"EPSG:{utm[number % 2]}"),
        (f"EPSG:{utm[0]}", f"EPSG:{(utm[1], zones[0])[number % 2]}"),
        (f"EPSG:{utm[1]}", f"EPSG:{utm[0]}"),
        ("EPSG:4756", "EPSG:4326"),
        ("EPSG:4326", "EPSG:4756"),
        (f"EPSG:{zones[0]};swapped", f"EPSG:{zones[1]}"),
        ("EPSG:4326;swapped", "EPSG:4756"),
    ]


def vn2000_grid(code: int) -> float:
    """Return the central meridian of a zone."""
    grid = from_epsg(code).grid
    assert grid is not None
    return grid[0]


def _written(degrees: NDArray[np.float64], truth: str) -> NDArray[np.float64]:
    base, *options = truth.split(";")
    code = int(base.removeprefix("EPSG:"))
    if "no-shift" in options:
        degrees = np.column_stack(from_epsg(4756).to_wgs84(*degrees.T))
    written = from_wgs84(degrees, code)
    return written[:, ::-1] if "swapped" in options else written


def _points(commune: shapely.Geometry, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw houses: most in hamlets, the others anywhere, a few strays outside."""
    hamlets = _inside(commune, random, _HAMLETS)
    around = hamlets[random.integers(0, _HAMLETS, 3 * POINTS)] + random.normal(0, _HAMLET_DEG, (3 * POINTS, 2))
    housed = around[shapely.contains_xy(commune, *around.T)][: POINTS * 6 // 10]
    found = np.concatenate([housed, _inside(commune, random, POINTS - len(housed))])
    strays = random.random(POINTS) < _STRAYS
    found[strays] += random.normal(0, _STRAY_DEG, (int(strays.sum()), 2))
    random.shuffle(found)
    return found


def _parcels(commune: shapely.Geometry, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw squares of 20 to 200 m, by their corners; corners may cross the border."""
    centres = _inside(commune, random, PARCELS)
    sizes = random.uniform(0.0001, 0.001, (PARCELS, 1, 1))
    corners = centres[:, None, :] + sizes * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return corners.reshape(-1, 2)


def _inside(commune: shapely.Geometry, random: np.random.Generator, count: int) -> NDArray[np.float64]:
    west, south, east, north = commune.bounds
    found = np.empty((0, 2))
    while len(found) < count:
        drawn = random.uniform((west, south), (east, north), (4 * count, 2))
        found = np.concatenate([found, drawn[shapely.contains_xy(commune, *drawn.T)]])
    return found[:count]

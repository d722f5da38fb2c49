"""The communes of the database in memory: province of a code, boundary of a code, commune at a place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from geodata import reference

TOLERANCE_DEG = 0.0005
"""How far outside its commune a place may lie: about 50 m, the accuracy of published boundaries."""


@dataclass(frozen=True)
class UnitIndex:
    """Current communes by code.

    Attributes
    ----------
    provinces : mapping of commune code to province code
    boundaries : mapping of commune code to boundary
        Shapely geometry in WGS 84; communes without a loaded boundary are missing.
    names : mapping of commune code to full name
    """

    provinces: Mapping[str, str]
    boundaries: Mapping[str, shapely.Geometry]
    names: Mapping[str, str]
    _wide: dict[str, shapely.Geometry] = field(default_factory=dict, repr=False)

    @cached_property
    def _tree(self) -> tuple[shapely.STRtree, list[str]]:
        codes = list(self.boundaries)
        return shapely.STRtree([self.boundaries[code] for code in codes]), codes

    def communes_at(self, points: NDArray[Any]) -> NDArray[np.object_]:
        """Return the code of the commune that holds each point; None where no loaded boundary does."""
        tree, codes = self._tree
        found: NDArray[np.object_] = np.full(len(points), None, dtype=object)
        which, where = tree.query(points, predicate="intersects")
        found[which] = np.array(codes, dtype=object)[where]
        return found

    def inside(self, code: str, points: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each point lies in the commune or within the tolerance of it.

        Communes without a boundary hold every point: what is not known refuses nothing.
        """
        if code not in self.boundaries:
            return np.ones(len(points), dtype=bool)
        if code not in self._wide:
            # Drawn with fewer vertices first: a tenth of the tolerance does not move a decision, but the time.
            wide = self.boundaries[code].simplify(TOLERANCE_DEG / 10).buffer(TOLERANCE_DEG, quad_segs=2)
            shapely.prepare(wide)
            self._wide[code] = wide
        within: NDArray[np.bool_] = shapely.intersects(self._wide[code], points)
        return within

    def near_any(self, points: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each point lies in a commune with a boundary or within the tolerance of one."""
        tree, _ = self._tree
        found: NDArray[np.bool_] = np.zeros(len(points), dtype=bool)
        found[tree.query(points, predicate="dwithin", distance=TOLERANCE_DEG)[0]] = True
        return found

    def distance_m(self, code: str, point: shapely.Geometry) -> int:
        """Return how far a point lies outside a commune, metres, rounded (equirectangular at its latitude)."""
        nearest = shapely.shortest_line(self.boundaries[code], point)
        (lon0, lat0), (lon1, lat1) = shapely.get_coordinates(nearest)
        east = (lon1 - lon0) * np.cos(np.radians(lat0)) * 111_320
        return round(float(np.hypot(east, (lat1 - lat0) * 110_570)))


def load_units(connection: Connection) -> UnitIndex:
    """Read the current communes from the database."""
    rows = connection.execute(
        text("SELECT code, province_code, full_name, ST_AsBinary(geom) FROM open.communes WHERE valid_to IS NULL")
    ).all()
    return UnitIndex(
        provinces={row[0]: row[1] for row in rows},
        boundaries={row[0]: shapely.from_wkb(bytes(row[3])) for row in rows if row[3] is not None},
        names={row[0]: row[2] for row in rows},
    )


def reference_units() -> UnitIndex:
    """Return the reference list without boundaries, for checks where there is no database."""
    rows = reference.read_communes()
    return UnitIndex(
        provinces={row.code: row.province_code for row in rows},
        boundaries={},
        names={row.code: row.full_name for row in rows},
    )

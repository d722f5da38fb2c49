"""What is odd in the areas of a file though it is valid: scraps, spikes, repeated and far too many vertices.

Whole columns at a time; only the rows that something is said about become Python objects.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.geometry import Geometries, metres_of
from geodata.importing.report import Report
from geodata.importing.shape_repairs import area_m2, is_too_much, without_spikes
from geodata.importing.spikes import find_spikes
from geodata.register import Register

Mask = NDArray[np.bool_]
Positions = NDArray[np.intp]
Numbers = NDArray[np.int64]

_AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
DENSE_VERTICES, DENSE_SPACING_M = 10_000, 1
"""More vertices than this, closer than this on average: more than any survey measures."""


@dataclass(frozen=True)
class ShapeChecks:
    """Checks areas that have passed as valid, and repairs them where that was accepted."""

    register: Register
    report: Report

    def check(self, shapes: Geometries, good: Mask, rows: Numbers) -> None:
        """Look at the good areas of a batch.

        Parameters
        ----------
        shapes : object array, shape (n,)
            WGS 84; repaired ones are put in place.
        good : bool array, shape (n,)
            Cleared where an area is too small to be one.
        rows : int64 array, shape (n,)
        """
        areas = np.flatnonzero(good & np.isin(shapely.get_type_id(shapes), _AREAS))
        if len(areas) == 0:
            return
        self._say_scraps(shapes, areas, good, rows)
        self._repeated(shapes, areas, rows)
        self._spikes(shapes, areas, rows)
        self._say_dense(shapes, areas, rows)

    def _say_scraps(self, shapes: Geometries, areas: Positions, good: Mask, rows: Numbers) -> None:
        sizes = area_m2(shapes[areas])
        for at in np.flatnonzero(sizes < self.register.least_area_m2):
            position = areas[at]
            good[position] = False
            self.report.add(
                "GEOM_TOO_SMALL", row=int(rows[position]), value=f"{sizes[at]:.2f}",
                least=f"{self.register.least_area_m2:g}", place=_place(shapes[position]),
            )  # fmt: skip

    def _repeated(self, shapes: Geometries, areas: Positions, rows: Numbers) -> None:
        single = shapely.remove_repeated_points(shapes[areas])
        counts = shapely.get_num_coordinates(shapes[areas]) - shapely.get_num_coordinates(single)
        for at in np.flatnonzero(counts):
            position, row, count = areas[at], int(rows[areas[at]]), int(counts[at])
            if self.report.repairs.may(["REPAIR_DUPLICATE_VERTICES"], row):
                shapes[position] = single[at]
                self.report.repairs.note_shape(row, single[at])
                self.report.add("REPAIRED_DUPLICATE_VERTICES", row=row, value=count)
            else:
                self.report.add("GEOM_DUPLICATE_VERTICES", row=row, value=count)

    def _spikes(self, shapes: Geometries, areas: Positions, rows: Numbers) -> None:
        owners, tips = find_spikes(shapes[areas])
        for at in np.unique(owners):
            position, row = areas[at], int(rows[areas[at]])
            found = tips[owners == at]
            place = [round(float(number), 6) for number in found[0]]
            mended = without_spikes(shapes[position])
            change = abs(float(area_m2(mended)) - float(area_m2(shapes[position]))) if mended is not None else np.inf
            is_safe = mended is not None and not is_too_much(change, float(area_m2(shapes[position])))
            if is_safe and self.report.repairs.may(["REPAIR_SPIKES"], row):
                shapes[position] = mended
                self.report.repairs.note_shape(row, mended)
                self.report.add("REPAIRED_SPIKES", row=row, value=len(found), place=place, change=f"{change:.2f}")
            else:
                self.report.add("GEOM_SPIKE", row=row, value=len(found), place=place)

    def _say_dense(self, shapes: Geometries, areas: Positions, rows: Numbers) -> None:
        counts = shapely.get_num_coordinates(shapes[areas])
        for at in np.flatnonzero(counts > DENSE_VERTICES):
            position = areas[at]
            length_m = shapely.length(metres_of(shapes[position]))
            if length_m < counts[at] * DENSE_SPACING_M:
                self.report.add("GEOM_DENSE", row=int(rows[position]), value=int(counts[at]), spacing=DENSE_SPACING_M)


def _place(geometry: shapely.Geometry) -> list[float]:
    point = shapely.point_on_surface(geometry)
    return [round(point.x, 6), round(point.y, 6)]

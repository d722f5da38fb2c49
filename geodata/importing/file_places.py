"""What only the whole file tells of its places: areas that overlap, points on one spot, rounded coordinates."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geodata.geometry import Geometries, plain_points
from geodata.importing.overlapping import SAME_SHARE, overlapping
from geodata.importing.quantities import say_percent
from geodata.importing.report import Report
from geodata.importing.shape_repairs import area_m2

Floats = NDArray[np.float64]

MOST_VERTICES = 5_000_000
"""Vertices of areas that are kept to look for overlaps: some 200 MB."""

_LEAST_ROWS = 5
_ROUNDED_SHARE = 0.2
_CELLS_PER_DEGREE = 100_000
_STEP_DEGREES, _STEP_METRES = 1e-3, 100.0
_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@dataclass
class FilePlaces:
    """Collects the places of a file's valid rows, and says at the end what is odd about them together."""

    report: Report
    areas: list[Geometries] = field(default_factory=list)
    area_rows: list[NDArray[np.int64]] = field(default_factory=list)
    cells: list[NDArray[np.int64]] = field(default_factory=list)
    cell_rows: list[NDArray[np.int64]] = field(default_factory=list)
    rounded: int = 0
    seen: int = 0
    first_rounded: int | None = None
    _vertices: int = 0
    _first_unchecked: int | None = None

    def see_source(self, column: pa.Array, rows: pa.Array) -> None:
        """Count rows whose coordinates, as they stand in the file, have hardly any decimals."""
        places = plain_points(column)
        if places is not None:
            step = _step(places[0])
            is_round = _is_round(places[0], step)
            is_round[is_round] = _is_round(places[1][is_round], step)
        else:
            is_round = _rounded_shapes(column)
        self.seen += len(column) - column.null_count
        self.rounded += int(np.count_nonzero(is_round))
        if self.first_rounded is None and is_round.any():
            self.first_rounded = int(rows[int(np.argmax(is_round))].as_py())

    def add(self, geometries: Geometries, rows: NDArray[np.int64]) -> None:
        """Take the valid rows of a batch."""
        types = shapely.get_type_id(geometries)
        is_point, is_area = types == shapely.GeometryType.POINT, np.isin(types, _POLYGONS)
        if is_point.any():
            places = np.floor(shapely.get_coordinates(geometries[is_point]) * _CELLS_PER_DEGREE).astype(np.int64)
            self.cells.append((places[:, 0] << 32) | places[:, 1])
            self.cell_rows.append(rows[is_point])
        if is_area.any():
            self._add_areas(geometries[is_area], rows[is_area])

    def _add_areas(self, areas: Geometries, rows: NDArray[np.int64]) -> None:
        self._vertices += int(shapely.get_num_coordinates(areas).sum())
        if self._vertices > MOST_VERTICES:
            self._first_unchecked = self._first_unchecked or int(rows.min())
            return
        self.areas.append(areas)
        self.area_rows.append(rows)

    def finish(self) -> None:
        """Say what the whole file tells."""
        self._say_rounded()
        self._say_shared_points()
        if self.areas:
            areas, rows = np.concatenate(self.areas), np.concatenate(self.area_rows)
            order = np.argsort(rows, kind="stable")
            self._say_overlaps(areas[order], rows[order])
        if self._first_unchecked is not None:
            self.report.add("OVERLAPS_UNCHECKED", value=self._first_unchecked)

    def _say_rounded(self) -> None:
        if self.seen >= _LEAST_ROWS and self.rounded >= _ROUNDED_SHARE * self.seen:
            self.report.add("COORDINATES_ROUNDED", value=self.rounded, all=self.seen, first_row=self.first_rounded)

    def _say_shared_points(self) -> None:
        if not self.cells:
            return
        cells, rows = np.concatenate(self.cells), np.concatenate(self.cell_rows)
        order = np.argsort(cells, kind="stable")
        cells = cells[order]
        is_same = cells[1:] == cells[:-1]
        if len(cells) >= _LEAST_ROWS and is_same.all():
            self.report.add("POINTS_IDENTICAL", value=len(cells))
        elif is_same.any():
            shared = np.zeros(len(cells), dtype=bool)
            shared[1:] |= is_same
            shared[:-1] |= is_same
            at = int(np.argmax(is_same))
            row_a, row_b = sorted(int(row) for row in rows[order][at : at + 2])
            self.report.add("POINTS_SHARED", value=int(shared.sum()), row_a=row_a, row_b=row_b)

    def _say_overlaps(self, areas: Geometries, rows: NDArray[np.int64]) -> None:
        for found in overlapping(areas):
            row, other = int(rows[found.area]), int(rows[found.other])
            if np.isnan(found.share):
                self._first_unchecked = min(row, self._first_unchecked or row)
            elif found.share >= SAME_SHARE:
                self.report.add("GEOM_DOUBLED", row=row, percent=say_percent(found.share), first_row=other)
            else:
                self.report.add("GEOM_OVERLAP", row=row, value=f"{found.common_m2:.0f}", first_row=other)


def _is_round(numbers: Floats, step: float) -> NDArray[np.bool_]:
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that are no place at all
        scaled = numbers / step
        found: NDArray[np.bool_] = np.abs(scaled - np.round(scaled)) < 1e-6  # noqa: PLR2004  beyond what a double holds
    return found


def _step(eastings: Floats) -> float:
    """Return what rounded numbers are multiples of: told degrees from metres by their size."""
    is_degrees = eastings.max(initial=0.0) <= 180  # noqa: PLR2004
    return _STEP_DEGREES if is_degrees else _STEP_METRES


def _rounded_shapes(column: pa.Array) -> NDArray[np.bool_]:
    """Return which rows of a column of WKB have nothing but rounded coordinates."""
    shapes = shapely.from_wkb(np.array(column.to_pylist(), dtype=object))
    places, owners = shapely.get_coordinates(shapes, return_index=True)
    is_round = _is_round(places, _step(places[:, 0])).all(axis=1)
    exact = np.bincount(owners[~is_round], minlength=len(shapes))
    found: NDArray[np.bool_] = (exact == 0) & (shapely.get_num_coordinates(shapes) > 0)
    return found


def areas_that_differ(stated_ha: pa.Array, geometries: Geometries) -> tuple[NDArray[np.intp], Floats]:
    """Return where the stated size of an area is not what was drawn, and what was drawn, in hectares."""
    stated = stated_ha.to_numpy(zero_copy_only=False).astype(np.float64)
    drawn = area_m2(geometries) / 10_000
    known = (drawn > 0) & (stated > 0)
    ratio = np.divide(stated, drawn, out=np.ones_like(drawn), where=known)
    return np.flatnonzero(known & ((ratio > 2) | (ratio < 0.5))), drawn  # noqa: PLR2004

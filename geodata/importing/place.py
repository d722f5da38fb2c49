"""Where the rows of a file lie: geometry in WGS 84, and each row's commune checked against its boundary."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from geodata.crs import SourceCrs
from geodata.db import Actor
from geodata.geometry import Geometries, as_kind, degrees_from_wkb, explain_invalid
from geodata.importing.report import Report
from geodata.importing.zones import ZoneMixture
from geodata.register import Register
from geodata.units.index import UnitIndex

Mask = NDArray[np.bool_]

_WANTED = {"point": ("điểm (Point)", "points"), "polygon": ("vùng (Polygon)", "polygons")}


@dataclass(frozen=True)
class PlaceChecker:
    """Checks where the rows of one file lie.

    Attributes
    ----------
    has_places : bool
        Whether the file has places at all; a list without any is for records that are there already.
    """

    register: Register
    crs: SourceCrs
    units: UnitIndex
    actor: Actor
    commune: str | None
    has_places: bool = True

    @cached_property
    def mixture(self) -> ZoneMixture:
        """What finds rows of another zone, and counts them."""
        return ZoneMixture(self.crs, self.units)

    def say_mixture(self, report: Report) -> None:
        """Say, once all rows are checked, how many of them are in another zone than the file."""
        counts = self.mixture.counts
        if counts:
            zones = "; ".join(f"{name}: {count}" for name, count in counts.most_common())
            report.add_first("ZONE_MIXED", value=counts.total(), zones=zones, file_zone=self.crs.name)

    def geometries(self, batch: pa.RecordBatch, good: Mask, report: Report) -> Geometries:
        """Return the rows' geometries in WGS 84; rows without a usable one are reported and cleared in ``good``."""
        rows = batch.column("_row")
        self._say_reader_problems(batch, good, report)
        moved = degrees_from_wkb(batch.column("_wkb"), self.crs.to_wgs84)
        final, problems = as_kind(moved, self.register.geometry_kind, points_too=self.register.point is not None)
        for position in np.flatnonzero(good & ((problems != None) | shapely.is_missing(final))):  # noqa: E711
            problem = problems[position]
            if problem is None and self._may_lack_place:
                continue
            good[position] = False
            self._say_problem(problem, moved[position], rows[int(position)].as_py(), report)
        return final

    @property
    def _may_lack_place(self) -> bool:
        """Whether a row may go on without a place: that of a list without any can still change records that are there.

        Units may be listed before their boundary is known.
        """
        return not self.has_places or not self.register.needs_place

    def _say_reader_problems(self, batch: pa.RecordBatch, good: Mask, report: Report) -> None:
        column = batch.column("_problem")
        if column.null_count == len(column):
            return
        for position, (problem, row) in enumerate(
            zip(column.to_pylist(), batch.column("_row").to_pylist(), strict=True)
        ):
            if problem is not None and not (problem == "GEOM_NULL" and self._may_lack_place):
                good[position] = False
                if problem == "GEOM_NULL":
                    report.add("GEOM_MISSING", row=row)
                elif problem.startswith("GEOM_"):
                    report.add("GEOM_PROBLEM", row=row, value=problem)
                else:
                    report.add("ROW_UNREADABLE", row=row, value=problem)

    def _say_problem(self, problem: str | None, geometry: shapely.Geometry | None, row: int, report: Report) -> None:
        if problem is None or geometry is None:
            report.add("GEOM_MISSING", row=row)
        elif problem == "GEOM_TYPE":
            wanted_vi, wanted_en = _WANTED[self.register.geometry_kind]
            report.add("GEOM_TYPE", row=row, value=geometry.geom_type, wanted_vi=wanted_vi, wanted_en=wanted_en)
        elif problem == "GEOM_INVALID":
            reason, place = explain_invalid(geometry)
            report.add("GEOM_INVALID", row=row, value=reason, place=place)
        else:
            west, south, _, _ = geometry.bounds
            report.add(problem, row=row, value=f"{west:.5f}, {south:.5f}")

    def communes(
        self,
        given: pa.StringArray,
        geometries: Geometries,
        rows: Sequence[int],
        good: Mask,
        report: Report,
    ) -> pa.StringArray:
        """Return each row's commune: as given, or the one that holds its place; wrong ones are reported.

        A row must be of a commune that exists, that the actor may change, that is the chosen one where one was
        chosen, and in which it lies.
        """
        points = geometries if self.register.geometry_kind == "point" else shapely.point_on_surface(geometries)
        unknown = np.flatnonzero(good & given.is_null().to_numpy(zero_copy_only=False))
        if len(unknown):
            found = np.full(len(given), None, dtype=object)
            found[unknown] = self.units.communes_at(points[unknown])
            given = pc.coalesce(given, pa.array(found, pa.string()))
        encoded = given.dictionary_encode()
        numbers = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()
        for number, code in enumerate([*encoded.dictionary.to_pylist(), None]):
            of_code = np.flatnonzero(good & (numbers == number))
            if len(of_code):
                self._check_commune(code, of_code, points, rows, good, report)
        return given

    def _check_commune(
        self, code: str | None, positions: NDArray[np.intp], points: Geometries, rows: Sequence[int], good: Mask, report: Report
    ) -> None:  # fmt: skip
        refusal = self._refusal(code)
        if refusal is not None:
            good[positions] = False
            for position in positions:
                report.add(refusal, row=rows[position], column="commune_code", value=code, commune=self.commune)
            return
        assert code is not None
        if code not in self.units.boundaries:
            report.add_once("BOUNDARY_UNKNOWN", code)
            return
        placed = positions[~shapely.is_missing(points[positions])]
        outside = placed[~self.units.inside(code, points[placed])]
        good[outside] = False
        for position, zone in zip(outside, self.mixture.find(code, points[outside]), strict=True):
            point = points[position]
            report.add(
                "OUTSIDE_COMMUNE" if zone is None else "OUTSIDE_ZONE", row=rows[position], value=code,
                place=[round(point.x, 6), round(point.y, 6)], commune_name=self.units.names[code],
                distance_m=self.units.distance_m(code, point), zone=zone and zone.name, choice=zone and zone.choice,
            )  # fmt: skip

    def _refusal(self, code: str | None) -> str | None:
        if code is None:
            return "COMMUNE_NOT_FOUND"
        if code not in self.units.provinces:
            return "COMMUNE_UNKNOWN"
        if self.commune is not None and code != self.commune:
            return "COMMUNE_OTHER"
        return None if self.actor.may_change(code) else "COMMUNE_NOT_YOURS"

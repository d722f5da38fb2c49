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
from geodata.geometry import Geometries, as_kind, degrees_from_wkb
from geodata.importing.quantities import say_distance
from geodata.importing.report import Report
from geodata.importing.shape_checks import ShapeChecks
from geodata.importing.shape_repairs import mend
from geodata.importing.troubles import Trouble, say_refusal, say_repairs, say_trouble
from geodata.importing.value_repairs import restore_digits
from geodata.importing.zones import ZoneMixture
from geodata.register import Register
from geodata.units.index import UnitIndex

Mask = NDArray[np.bool_]

COMMUNE_DIGITS = 5


@dataclass(frozen=True)
class PlaceChecker:
    """Checks where the rows of one file lie.

    Attributes
    ----------
    has_places : bool
        Whether the file has places at all; a list without any is for records that are there already.
    commune_column : str
        What the file calls the commune's code.
    """

    register: Register
    crs: SourceCrs
    units: UnitIndex
    actor: Actor
    commune: str | None
    has_places: bool = True
    commune_column: str = "commune_code"

    @cached_property
    def mixture(self) -> ZoneMixture:
        """What finds rows of another zone, and counts them."""
        return ZoneMixture(self.crs, self.units)

    def say_mixture(self, report: Report) -> None:
        """Say, once all rows are checked, how many of them are in another zone than the file."""
        counts = self.mixture.counts
        if counts:
            zones = "; ".join(f"{name}: {count}" for name, count in counts.most_common())
            report.add_first("ZONE_MIXED", value=counts.total(), zones=zones, file_zone=self.crs.name,
                file_zone_en=self.crs.name_en,
            )  # fmt: skip

    def geometries(self, batch: pa.RecordBatch, good: Mask, report: Report) -> Geometries:
        """Return the rows' geometries in WGS 84; rows without a usable one are reported and cleared in ``good``."""
        rows, read_as = batch.column("_row"), batch.column("_problem")
        moved = degrees_from_wkb(batch.column("_wkb"), self.crs.to_wgs84)
        final, problems = as_kind(moved, self.register.geometry_kind, points_too=self.register.point is not None)
        is_odd = (problems != None) | shapely.is_missing(final) | read_as.is_valid().to_numpy(zero_copy_only=False)  # noqa: E711
        for position in np.flatnonzero(good & is_odd):
            trouble = Trouble(
                rows[int(position)].as_py(), moved[position], read_as[int(position)].as_py(), problems[position]
            ).seen_in(batch.column("_wkb")[int(position)].as_py())
            if trouble.is_missing and self._may_lack_place:
                continue
            mended = self._mended(trouble, report)
            if mended is None:
                good[position] = False
            else:
                final[position] = mended
        ShapeChecks(self.register, report).check(final, good, rows.to_numpy())
        return final

    @property
    def _may_lack_place(self) -> bool:
        """Whether a row may go on without a place: that of a list without any can still change records that are there.

        Units may be listed before their boundary is known.
        """
        return not self.has_places or not self.register.needs_place

    def _mended(self, trouble: Trouble, report: Report) -> shapely.Geometry | None:
        """Return the geometry of a row as accepted repairs make it, or say what is wrong with it."""
        mending = None
        if trouble.geometry is not None:
            mending = mend(trouble.geometry, trouble.read_as, self.register)
        may = mending is not None and not mending.is_too_much and report.repairs.may(mending.codes, trouble.row)
        if mending is None or not may:
            say_trouble(trouble, self.register, report)
        if mending is None:
            return None
        if mending.is_too_much:
            say_refusal(mending, trouble.row, report)
        if not may:
            return None
        say_repairs(mending, trouble.row, report)
        return mending.geometry

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
        given = self._with_repaired_codes(given, rows, good, report)
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

    def with_commune_areas(self, geometries: Geometries, communes: pa.StringArray) -> Geometries:
        """Return the geometries with the commune's area, as it is now, for each row without one; rows may still have none.

        Parameters
        ----------
        geometries : object array, shape (n,)
            WGS 84.
        communes : string array, shape (n,)
        """
        filled = geometries.copy()
        for position in np.flatnonzero(shapely.is_missing(geometries)):
            filled[position] = self.units.boundaries.get(communes[int(position)].as_py())
        return filled

    def _with_repaired_codes(
        self, given: pa.StringArray, rows: Sequence[int], good: Mask, report: Report
    ) -> pa.StringArray:
        """Give codes their lost zeros back where that makes them a commune's, and that was accepted."""
        repairs = {
            text: found for text in given.unique().drop_null().to_pylist()
            if text not in self.units.provinces and (found := restore_digits(text, COMMUNE_DIGITS, COMMUNE_DIGITS - 1))
            and found in self.units.provinces
        }  # fmt: skip
        if not repairs:
            return given
        texts = given.to_pylist()
        item = self.register.field("commune_code")
        for position in np.flatnonzero(good & np.isin(np.array(texts, dtype=object), list(repairs))):
            before, row = texts[position], rows[int(position)]
            if report.repairs.may(["REPAIR_CODE_FORM"], row):
                texts[position] = repairs[before]
                report.repairs.note_value(row, self.commune_column, repairs[before])
                report.add(
                    "REPAIRED_CODE_FORM", row=row, column=self.commune_column, value=before, after=repairs[before],
                    title_vi=item.title.vi, title_en=item.title.en,
                )  # fmt: skip
        return pa.array(texts, pa.string())

    def _check_commune(
        self, code: str | None, positions: NDArray[np.intp], points: Geometries, rows: Sequence[int], good: Mask, report: Report
    ) -> None:  # fmt: skip
        refusal = self._refusal(code)
        if refusal is not None:
            good[positions] = False
            for position in positions:
                report.add(refusal, row=rows[position], column=self.commune_column, value=code, commune=self.commune)
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
                distance=say_distance(self.units.distance_m(code, point)), zone=zone and zone.name, choice=zone and zone.choice,
            )  # fmt: skip

    def _refusal(self, code: str | None) -> str | None:
        if code is None:
            return "COMMUNE_NOT_FOUND"
        if code not in self.units.provinces:
            return "COMMUNE_UNKNOWN"
        if self.commune is not None and code != self.commune:
            return "COMMUNE_OTHER"
        return None if self.actor.may_change(code) else "COMMUNE_NOT_YOURS"

"""What is wrong with the geometry of a row, found out and said; and what a repair made of it."""

from typing import Any, NamedTuple, Self

import shapely

from geodata.geometry import explain_invalid
from geodata.importing.messages import KINDS
from geodata.importing.report import Report
from geodata.importing.shape_repairs import Mending, is_swapped
from geodata.register import Register

_WANTED = {
    "point": ("điểm (Point)", "points"),
    "polygon": ("vùng (Polygon)", "polygons"),
    "both": ("vùng (Polygon) hoặc điểm (Point)", "polygons or points"),
}
_REASONS = {
    "Self-intersection": "GEOM_SELF_CROSSING",
    "Ring Self-intersection": "GEOM_SELF_CROSSING",
    "Hole lies outside shell": "GEOM_HOLE_OUTSIDE",
    "Holes are nested": "GEOM_NESTED",
    "Nested shells": "GEOM_NESTED",
    "Duplicate Rings": "GEOM_NESTED",
    "Interior is disconnected": "GEOM_SPLIT_BY_HOLES",
    "Too few points in geometry component": "GEOM_COLLAPSED",
}
"""Messages by the reason that GEOS gives, in English only."""

_KINDS = {
    "Point": "điểm", "MultiPoint": "nhiều điểm", "LineString": "đường", "LinearRing": "đường khép kín",
    "MultiLineString": "nhiều đường", "Polygon": "vùng", "MultiPolygon": "nhiều vùng",
    "GeometryCollection": "tập hợp hình",
}  # fmt: skip

_READ_AS = {"GEOM_TYPE": "GEOM_TYPE_UNKNOWN"}


class Trouble(NamedTuple):
    """A row whose geometry cannot be taken as it is.

    Attributes
    ----------
    geometry : Geometry or None
        WGS 84.
    read_as : str or None
        What the reader found.
    problem : str or None
        What `geodata.geometry.as_kind` found.
    """

    row: int
    geometry: shapely.Geometry | None
    read_as: str | None
    problem: str | None

    def seen_in(self, wkb: bytes | None) -> Self:
        """Tell a place that was never filled in from one that lies somewhere else, by the numbers in the file."""
        if (
            self.problem != "GEOM_OUTSIDE_VIETNAM"
            or wkb is None
            or shapely.get_coordinates(shapely.from_wkb(wkb)).any()
        ):
            return self
        return self._replace(problem="GEOM_ZERO")

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing wrong but that there is no geometry."""
        return self.geometry is None and self.read_as in (None, "GEOM_NULL")


def say_trouble(trouble: Trouble, register: Register, report: Report) -> None:
    """Say what is wrong with the geometry of a row."""
    wanted_vi, wanted_en = _WANTED["both" if register.point is not None else register.geometry_kind]
    wanted: dict[str, Any] = {"wanted_vi": wanted_vi, "wanted_en": wanted_en}
    if trouble.is_missing:
        report.add("GEOM_MISSING", row=trouble.row)
    elif trouble.read_as is not None and trouble.read_as not in KINDS:
        report.add("ROW_UNREADABLE", row=trouble.row)
    elif trouble.read_as is not None:
        report.add(_READ_AS.get(trouble.read_as, trouble.read_as), row=trouble.row, **wanted)
    elif trouble.geometry is not None:
        _say_problem(trouble.row, trouble.geometry, trouble.problem, report, wanted)


def _say_problem(
    row: int, geometry: shapely.Geometry, problem: str | None, report: Report, wanted: dict[str, Any]
) -> None:
    if problem == "GEOM_INVALID":
        reason, place = explain_invalid(geometry)
        report.add(_REASONS.get(reason, problem), row=row, place=place)
    elif problem == "GEOM_OUTSIDE_VIETNAM":
        west, south, _, _ = geometry.bounds
        code = "GEOM_SWAPPED" if is_swapped(geometry) else problem
        report.add(code, row=row, value=f"{west:.5f}, {south:.5f}")
    else:
        kind = geometry.geom_type
        named = {"kind_vi": f"{_KINDS[kind]} ({kind})", "kind_en": kind}
        report.add(problem or "GEOM_EMPTY", row=row, value=kind, **named, **wanted)


def say_refusal(mending: Mending, row: int, report: Report) -> None:
    """Say why a repair that could be thought of is not done."""
    change = max(mending.change_m2, mending.dropped_m2)
    percent = 100 * change / mending.area_m2 if mending.area_m2 else 100
    report.add("REPAIR_TOO_LARGE", row=row, change=f"{change:.1f}", percent=f"{min(percent, 999):.1f}")


def say_repairs(mending: Mending, row: int, report: Report) -> None:
    """Say what the accepted repairs did to a row."""
    report.repairs.note_shape(row, mending.geometry)
    for code in mending.codes:
        report.add(
            code.replace("REPAIR_", "REPAIRED_", 1), row=row, change=f"{mending.change_m2:.2f}", parts=mending.parts
        )

"""Coordinate systems: VN-2000 in all its zones to WGS 84 through one pinned pipeline.

PROJ may pick another operation for the same file on another machine, and a ``.prj`` with ``TOWGS84`` may be read with
either sign of the rotations (0.5 m apart). So VN-2000 is recognised by its parameters and moved by the pipeline
written out here: EPSG "VN-2000 to WGS 84 (2)", coordinate-frame rotations, accuracy 1 m; the same digits as
Decision 05/2007/QĐ-BTNMT.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import TransformerGroup

from geodata.errors import CoordinateSystemError

Floats = NDArray[np.float64]
ToWgs84 = Callable[[Floats, Floats], tuple[Floats, Floats]]

VN2000_ZONES = {
    5896: (102.0, 0.9999), 9205: (103.0, 0.9999), 9206: (104.0, 0.9999), 9207: (104.5, 0.9999),
    9208: (104.75, 0.9999), 5897: (105.0, 0.9999), 9209: (105.5, 0.9999), 9210: (105.75, 0.9999),
    9211: (106.0, 0.9999), 9212: (106.25, 0.9999), 9213: (106.5, 0.9999), 9214: (107.0, 0.9999),
    9215: (107.25, 0.9999), 9216: (107.5, 0.9999), 5899: (107.75, 0.9999), 5898: (108.0, 0.9999),
    9217: (108.25, 0.9999), 9218: (108.5, 0.9999), 3405: (105.0, 0.9996), 3406: (111.0, 0.9996),
}  # fmt: skip
"""EPSG code → central meridian (degrees), scale factor. All: false easting 500,000 m, false northing 0."""

VN2000_GEOGRAPHIC = 4756
WGS84 = 4326

_SHIFT_M = (-191.90441429, -39.30318279, -111.45032835)
_TURN, _SCALE = (-0.00928836, 0.01975479, -0.00427372), 0.252906278
_TOWGS84 = ",".join(map(str, (*_SHIFT_M, *(-angle for angle in _TURN), _SCALE)))
VN2000_UTM48 = f"+proj=utm +zone=48 +ellps=WGS84 +towgs84={_TOWGS84} +units=m +no_defs"
"""EPSG:3405 with the pinned shift, as PROJ's text. By the code alone PROJ is 0.8 m off in a part of the country."""

_HELMERT = (
    "+step +proj=push +v_3 +step +proj=cart +ellps=WGS84 "
    f"+step +proj=helmert +x={_SHIFT_M[0]} +y={_SHIFT_M[1]} +z={_SHIFT_M[2]} "
    f"+rx={_TURN[0]} +ry={_TURN[1]} +rz={_TURN[2]} +s={_SCALE} +convention=coordinate_frame "
    "+step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3 "
)
_TO_DEGREES = "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
# Grids and lists that PROJ would open or fetch; only "@null" is none.
_OTHER_FILE = re.compile(r"PARAMETERFILE|(grids|init|file)\s*=\s*(?!@null\b)", re.IGNORECASE)
# QGIS and GDAL name the datum of a system of one's own after its shift, also where the shift itself is lost.
_DATUM = re.compile(r"vn[\s_-]*2000|viet[\s_-]*nam[\s_-]*2000|towgs84[=_]-191[._]90441429", re.IGNORECASE)
_FALSE_EASTING_M = 500_000.0
_WGS84_NAMED = re.compile(r"(?<!based.on.)(?<!to)wgs.*84|world geodetic system 1984", re.IGNORECASE)
SWAPPED, NO_SHIFT = "swapped", "no-shift"
"""Options of a choice, see `geodata.crs_choices`."""
_REMARKS = {
    SWAPPED: ("đảo trục", "axes swapped"), NO_SHIFT: ("không chuyển hệ quy chiếu", "no datum shift"),
}  # fmt: skip
VN2000_DATUM, WGS84_DATUM = "VN-2000", "WGS 84"
FILE_CHOICE = "file"
"""The choice that stands for what the file itself states."""
_SAME_DEGREES = 1e-6
_SAME_SCALE = 1e-7
_SAME_SHIFT_M = 0.01

WEST, SOUTH, EAST, NORTH = 101.0, 6.0, 118.5, 24.0
"""Vietnam with both archipelagos, degrees WGS 84, with room to spare."""


@dataclass(frozen=True, slots=True)
class SourceCrs:
    """The coordinate system of a file and how it is brought to WGS 84.

    Attributes
    ----------
    name : str
        For the report; what it says besides the system's own name is Vietnamese, and English in `name_en`.
    epsg : int or None
    operation : str
        Name of the operation chosen.
    accuracy_m : float or None
        As the operation's author states it.
    to_wgs84 : callable
        Easting (or longitude), northing (or latitude) arrays → longitude, latitude in degrees.
    choice : str
        What `geodata.crs_choices.parse_choice` makes the same system of again; ``file`` where only the file describes it.
    datum : str
        ``VN-2000``, ``WGS 84``, or the name of another.
    grid : (float, float) or None
        Central meridian (degrees) and scale factor of a transverse Mercator grid with 500 km of false easting.
    is_swapped : bool
        Whether the numbers stand northing (latitude) first.
    pipeline : str
        What `to_wgs84` does, as PROJ's text; empty where PROJ chose it.
    """

    name: str
    epsg: int | None
    operation: str
    accuracy_m: float | None
    to_wgs84: ToWgs84
    choice: str = FILE_CHOICE
    datum: str = ""
    grid: tuple[float, float] | None = None
    is_swapped: bool = False
    pipeline: str = ""

    @property
    def name_en(self) -> str:
        """The name in English."""
        return english_name(self.name)


def english_name(name: str) -> str:
    """Return the `name` of a coordinate system in English."""
    for vi, en in _REMARKS.values():
        name = name.replace(f" ({vi})", f" ({en})")
    return name


def _keep(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    return first, second


WGS84_DEGREES = SourceCrs("WGS 84", WGS84, "none", 0.0, _keep, choice=f"EPSG:{WGS84}", datum=WGS84_DATUM)


@lru_cache(maxsize=256)
def vn2000(central_meridian: float, scale: float, epsg: int | None = None) -> SourceCrs:
    """Return VN-2000 / TM with the given central meridian (degrees) and scale factor."""
    name = f"VN-2000 / TM {_degrees_minutes(central_meridian)}, k={scale}"
    pipeline = f"+proj=pipeline {_from_grid(central_meridian, scale)} {_HELMERT}{_TO_DEGREES}"
    choice = f"EPSG:{epsg}" if epsg else f"VN2000:{central_meridian:.6g},{scale}"
    return SourceCrs(
        name, epsg, "VN-2000 to WGS 84 (2)", 1.0, _pipeline(pipeline), choice=choice, datum=VN2000_DATUM,
        grid=(central_meridian, scale), pipeline=pipeline,
    )  # fmt: skip


def vn2000_zone(central_meridian: float, scale: float) -> SourceCrs:
    """Return VN-2000 / TM under its EPSG code where it has one."""
    return vn2000(central_meridian, scale, _epsg_of_zone(central_meridian, scale))


def _from_grid(central_meridian: float, scale: float) -> str:
    return f"+step +inv +proj=tmerc +lat_0=0 +lon_0={central_meridian} +k={scale} +x_0={_FALSE_EASTING_M} +y_0=0 +ellps=WGS84"


def _degrees_minutes(meridian: float) -> str:
    degrees, minutes = divmod(round(meridian * 60), 60)
    return f"{degrees}°{minutes:02d}′"


@lru_cache(maxsize=1)
def vn2000_geographic() -> SourceCrs:
    """Return VN-2000 in degrees of longitude and latitude."""
    steps = f"+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad {_HELMERT}{_TO_DEGREES}"
    return SourceCrs(
        "VN-2000", VN2000_GEOGRAPHIC, "VN-2000 to WGS 84 (2)", 1.0, _pipeline(steps),
        choice=f"EPSG:{VN2000_GEOGRAPHIC}", datum=VN2000_DATUM, pipeline=steps,
    )  # fmt: skip


@lru_cache(maxsize=256)
def without_shift(crs: SourceCrs) -> SourceCrs:
    """Return the same numbers taken as WGS 84: "VN-2000 nội bộ", whose maker left the datum shift out.

    Raises
    ------
    CoordinateSystemError
        When the system is not VN-2000 in a known grid or in degrees.
    """
    if crs.datum != VN2000_DATUM or (crs.grid is None and crs.epsg != VN2000_GEOGRAPHIC):
        raise CoordinateSystemError(
            why_vi=f"“no-shift” chỉ dùng cho VN-2000, không cho “{crs.name}”.",
            why_en=f"“no-shift” is for VN-2000 only, not for “{crs.name_en}”.",
        )
    move = _keep if crs.grid is None else _pipeline(f"+proj=pipeline {_from_grid(*crs.grid)} {_TO_DEGREES}")
    return replace(
        crs, name=f"{crs.name} ({_REMARKS[NO_SHIFT][0]})", epsg=None, operation="none",
        accuracy_m=None, to_wgs84=move, choice=f"{crs.choice};{NO_SHIFT}", datum=WGS84_DATUM,
    )  # fmt: skip


@lru_cache(maxsize=256)
def swapped(crs: SourceCrs) -> SourceCrs:
    """Return the same system with the numbers in the other order: northing (latitude) first."""

    def move(first: Floats, second: Floats) -> tuple[Floats, Floats]:
        return crs.to_wgs84(second, first)

    name, choice = f"{crs.name} ({_REMARKS[SWAPPED][0]})", f"{crs.choice};{SWAPPED}"
    return replace(crs, name=name, epsg=None, to_wgs84=move, choice=choice, is_swapped=not crs.is_swapped)


def grid_from_wgs84(crs: SourceCrs, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return easting and northing (metres) that a VN-2000 or WGS 84 grid gives to places in WGS 84: `to_wgs84` back.

    Parameters
    ----------
    crs : SourceCrs
        One with a ``grid``; swapped axes do not matter here.
    lon, lat : float64 arrays, shape (n,)
    """
    assert crs.grid is not None
    shift = _HELMERT if crs.datum == VN2000_DATUM else ""
    return from_wgs84(f"+proj=pipeline {_from_grid(*crs.grid)} {shift}{_TO_DEGREES}")(lon, lat)


@lru_cache(maxsize=256)
def from_wgs84(pipeline: str) -> ToWgs84:
    """Return what brings places in WGS 84 to the system of which a pipeline leads there."""
    return _pipeline(pipeline, TransformDirection.INVERSE)


def _pipeline(text: str, direction: TransformDirection = TransformDirection.FORWARD) -> ToWgs84:
    return _mover(pyproj.Transformer.from_pipeline(text), direction)


def _mover(transformer: Any, direction: TransformDirection = TransformDirection.FORWARD) -> ToWgs84:
    def move(first: Floats, second: Floats) -> tuple[Floats, Floats]:
        x, y = transformer.transform(first, second, direction=direction)
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)

    return move


def from_epsg(code: int) -> SourceCrs:
    """Return the coordinate system of an EPSG code.

    Raises
    ------
    CoordinateSystemError
        When the code is unknown or can be reached only by a "Ballpark" operation.
    """
    if code == WGS84:
        return WGS84_DEGREES
    if code == VN2000_GEOGRAPHIC:
        return vn2000_geographic()
    if code in VN2000_ZONES:
        return vn2000(*VN2000_ZONES[code], epsg=code)
    try:
        return _known_to_pyproj(code)
    except CRSError as error:
        raise CoordinateSystemError(why_vi=f"EPSG:{code} không có.", why_en=f"there is no EPSG:{code}.") from error


@lru_cache(maxsize=64)
def _known_to_pyproj(code: int) -> SourceCrs:
    return _from_pyproj(pyproj.CRS.from_epsg(code))


@lru_cache(maxsize=64)
def from_wkt(wkt: str) -> SourceCrs:
    """Return the coordinate system that a ``.prj`` or a GeoPackage describes.

    Parameters
    ----------
    wkt : str
        WKT of any generation, ESRI's included.

    Raises
    ------
    CoordinateSystemError
        When the text cannot be read, names a file or an address that PROJ would open, or can be reached only by a
        "Ballpark" operation.
    """
    if _OTHER_FILE.search(wkt):
        raise CoordinateSystemError(why_vi="tệp .prj trỏ đến tệp khác.", why_en="the .prj points to another file.")
    try:
        crs = pyproj.CRS.from_user_input(wkt)
        return _as_vn2000(crs) or _from_pyproj(crs)
    except (ProjError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CoordinateSystemError(why_vi="không đọc được .prj.", why_en="the .prj cannot be read.") from error


def _as_vn2000(crs: pyproj.CRS) -> SourceCrs | None:
    """Recognise VN-2000 by datum name or shift, and parameters; the name of the projection itself says nothing.

    A shift that the file carries itself (``TOWGS84``) is left aside: whoever wrote it may have meant either sign.
    """
    carries_shift = False
    if crs.is_bound and crs.source_crs is not None:
        carried: list[float] = getattr(crs.coordinate_operation, "towgs84", [])[:3]
        carries_shift = len(carried) > 0 and np.allclose(carried, _SHIFT_M, rtol=0, atol=_SAME_SHIFT_M)
        crs = crs.source_crs
    geodetic = crs.geodetic_crs
    if geodetic is None or geodetic.datum is None:
        return None
    if not carries_shift and not _DATUM.search(f"{geodetic.name} {geodetic.datum.name}"):
        return None
    if crs.is_geographic:
        return vn2000_geographic()
    grid = _grid_of(crs)
    return None if grid is None else vn2000_zone(*grid)


def _grid_of(crs: pyproj.CRS) -> tuple[float, float] | None:
    """Return central meridian and scale of a transverse Mercator grid like those of VN-2000 and UTM."""
    operation: Any = crs.coordinate_operation
    if operation is None or operation.method_name != "Transverse Mercator":
        return None
    values = {parameter.name: float(parameter.value) for parameter in operation.params}
    false_easting_m, false_northing_m = values.get("False easting", 0.0), values.get("False northing", 0.0)
    latitude = values.get("Latitude of natural origin", 0.0)
    if max(abs(false_easting_m - _FALSE_EASTING_M), abs(false_northing_m)) > 1 or abs(latitude) > _SAME_DEGREES:
        return None
    return values["Longitude of natural origin"], values["Scale factor at natural origin"]


def _epsg_of_zone(meridian: float, scale: float) -> int | None:
    for code, (lon, k) in VN2000_ZONES.items():
        if abs(lon - meridian) < _SAME_DEGREES and abs(k - scale) < _SAME_SCALE:
            return code
    return None


def _from_pyproj(crs: pyproj.CRS) -> SourceCrs:
    two_dimensional = crs.to_2d()
    if two_dimensional.to_epsg() == WGS84 or two_dimensional.equals(pyproj.CRS("OGC:CRS84")):
        return WGS84_DEGREES
    group = TransformerGroup(two_dimensional, WGS84, always_xy=True, allow_ballpark=False)
    if not group.transformers or "ballpark" in group.transformers[0].description.lower():
        raise CoordinateSystemError(
            why_vi=f"“{crs.name}” chỉ có phép chuyển áng chừng (ballpark) sang WGS 84.",
            why_en=f"only a ballpark operation leads from “{crs.name}” to WGS 84.",
        )
    best = group.transformers[0]
    epsg, geodetic = two_dimensional.to_epsg(), two_dimensional.geodetic_crs
    datum = f"{geodetic.name} {geodetic.datum.name}" if geodetic is not None and geodetic.datum is not None else ""
    accuracy = best.accuracy if best.accuracy is not None and best.accuracy >= 0 else None
    return SourceCrs(
        crs.name, epsg, best.description, accuracy, _mover(best), choice=f"EPSG:{epsg}" if epsg else FILE_CHOICE,
        datum=WGS84_DATUM if _WGS84_NAMED.search(datum) else datum, grid=_grid_of(two_dimensional),
    )  # fmt: skip


def looks_like_degrees(bounds: tuple[float, float, float, float]) -> bool:
    """Whether west, south, east, north could be degrees in or near Vietnam."""
    west, south, east, north = bounds
    return west >= WEST and south >= SOUTH and east <= EAST and north <= NORTH

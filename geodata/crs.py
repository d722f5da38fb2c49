"""Coordinate systems: VN-2000 in all its zones to WGS 84 through one pinned pipeline.

PROJ may pick another operation for the same file on another machine, and a ``.prj`` with ``TOWGS84`` may be read with
either sign of the rotations (0.5 m apart). So VN-2000 is recognised by its parameters and moved by the pipeline
written out here: EPSG "VN-2000 to WGS 84 (2)", coordinate-frame rotations, accuracy 1 m; the same digits as
Decision 05/2007/QĐ-BTNMT.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError
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

_HELMERT = (
    "+step +proj=push +v_3 +step +proj=cart +ellps=WGS84 "
    "+step +proj=helmert +x=-191.90441429 +y=-39.30318279 +z=-111.45032835 "
    "+rx=-0.00928836 +ry=0.01975479 +rz=-0.00427372 +s=0.252906278 +convention=coordinate_frame "
    "+step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3 "
)
_TO_DEGREES = "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
_DATUM = re.compile(r"vn[\s_-]*2000|viet[\s_-]*nam[\s_-]*2000", re.IGNORECASE)
_FALSE_EASTING_M = 500_000.0
_MAX_CODE_DIGITS = 6
_SAME_DEGREES = 1e-6
_SAME_SCALE = 1e-7

WEST, SOUTH, EAST, NORTH = 101.0, 6.0, 118.5, 24.0
"""Vietnam with both archipelagos, degrees WGS 84, with room to spare."""


@dataclass(frozen=True, slots=True)
class SourceCrs:
    """The coordinate system of a file and how it is brought to WGS 84.

    Attributes
    ----------
    name : str
        For the report.
    epsg : int or None
    operation : str
        Name of the operation chosen.
    accuracy_m : float or None
        As the operation's author states it.
    to_wgs84 : callable
        Easting (or longitude), northing (or latitude) arrays → longitude, latitude in degrees.
    """

    name: str
    epsg: int | None
    operation: str
    accuracy_m: float | None
    to_wgs84: ToWgs84


def _keep(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    return first, second


WGS84_DEGREES = SourceCrs("WGS 84", WGS84, "none", 0.0, _keep)


def vn2000(central_meridian: float, scale: float, epsg: int | None = None) -> SourceCrs:
    """Return VN-2000 / TM with the given central meridian (degrees) and scale factor."""
    pipeline = (
        f"+proj=pipeline +step +inv +proj=tmerc +lat_0=0 +lon_0={central_meridian} +k={scale} "
        f"+x_0={_FALSE_EASTING_M} +y_0=0 +ellps=WGS84 {_HELMERT}{_TO_DEGREES}"
    )
    degrees, minutes = divmod(round(central_meridian * 60), 60)
    name = f"VN-2000 / TM {degrees}°{minutes:02d}′, k={scale}"
    return SourceCrs(name, epsg, "VN-2000 to WGS 84 (2)", 1.0, _pipeline(pipeline))


def vn2000_geographic() -> SourceCrs:
    """Return VN-2000 in degrees of longitude and latitude."""
    steps = f"+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad {_HELMERT}{_TO_DEGREES}"
    return SourceCrs("VN-2000", VN2000_GEOGRAPHIC, "VN-2000 to WGS 84 (2)", 1.0, _pipeline(steps))


def _pipeline(text: str) -> ToWgs84:
    transformer = pyproj.Transformer.from_pipeline(text)

    def move(first: Floats, second: Floats) -> tuple[Floats, Floats]:
        lon, lat = transformer.transform(first, second)
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)

    return move


def parse_epsg(name: str) -> int:
    """Read the code out of ``EPSG:9209`` or ``9209``.

    Raises
    ------
    CoordinateSystemError
        When it is neither.
    """
    code = name.strip().upper().removeprefix("EPSG:")
    if not (code.isascii() and code.isdigit() and len(code) <= _MAX_CODE_DIGITS):
        raise CoordinateSystemError(
            why_vi=f"“{name[:40]}” không có dạng EPSG:9209.", why_en=f"“{name[:40]}” is not of the form EPSG:9209."
        )
    return int(code)


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
        return _from_pyproj(pyproj.CRS.from_epsg(code))
    except CRSError as error:
        raise CoordinateSystemError(why_vi=f"EPSG:{code} không có.", why_en=f"there is no EPSG:{code}.") from error


def from_wkt(wkt: str) -> SourceCrs:
    """Return the coordinate system that a ``.prj`` or a GeoPackage describes.

    Parameters
    ----------
    wkt : str
        WKT of any generation, ESRI's included.

    Raises
    ------
    CoordinateSystemError
        When the text cannot be read or can be reached only by a "Ballpark" operation.
    """
    try:
        crs = pyproj.CRS.from_user_input(wkt)
    except CRSError as error:
        raise CoordinateSystemError(why_vi="không đọc được .prj.", why_en="the .prj cannot be read.") from error
    return _as_vn2000(crs) or _from_pyproj(crs)


def _as_vn2000(crs: pyproj.CRS) -> SourceCrs | None:
    """Recognise VN-2000 by datum name and parameters; the name of the projection itself says nothing.

    A shift that the file carries itself (``TOWGS84``) is left aside: whoever wrote it may have meant either sign.
    """
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    geodetic = crs.geodetic_crs
    if geodetic is None or geodetic.datum is None:
        return None
    if not _DATUM.search(f"{geodetic.name} {geodetic.datum.name}"):
        return None
    if crs.is_geographic:
        return vn2000_geographic()
    operation = crs.coordinate_operation
    if operation is None or operation.method_name != "Transverse Mercator":
        return None
    values = {parameter.name: float(parameter.value) for parameter in operation.params}
    false_easting_m, false_northing_m = values.get("False easting", 0.0), values.get("False northing", 0.0)
    latitude = values.get("Latitude of natural origin", 0.0)
    if max(abs(false_easting_m - _FALSE_EASTING_M), abs(false_northing_m)) > 1 or abs(latitude) > _SAME_DEGREES:
        return None
    meridian = values["Longitude of natural origin"]
    scale = values["Scale factor at natural origin"]
    return vn2000(meridian, scale, _epsg_of_zone(meridian, scale))


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
    if not group.transformers:
        raise CoordinateSystemError(
            why_vi=f"“{crs.name}” chỉ có phép chuyển áng chừng (ballpark) sang WGS 84.",
            why_en=f"only a ballpark operation leads from “{crs.name}” to WGS 84.",
        )
    best = group.transformers[0]

    def move(first: Floats, second: Floats) -> tuple[Floats, Floats]:
        lon, lat = best.transform(first, second)
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)

    accuracy = best.accuracy if best.accuracy is not None and best.accuracy >= 0 else None
    return SourceCrs(crs.name, two_dimensional.to_epsg(), best.description, accuracy, move)


def looks_like_degrees(bounds: tuple[float, float, float, float]) -> bool:
    """Whether west, south, east, north could be degrees in or near Vietnam."""
    west, south, east, north = bounds
    return west >= WEST and south >= SOUTH and east <= EAST and north <= NORTH

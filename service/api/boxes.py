"""The parameter ``bbox``: a box of any coordinate system that is known."""

import numpy as np
import shapely

from geodata.errors import ParameterError
from geodata.matching import BBox
from geodata.reference_systems import WEB_MERCATOR, ReferenceSystem
from service.api.strict_values import read_number

_BOX_2D, _BOX_3D = 4, 6
_MAX_LON, _MAX_LAT = 180, 90
_LARGEST = 1e8
"""Metres: twice round the earth and more."""

Asked = tuple[tuple[BBox, ...], shapely.Geometry | None]


def read_bbox(text: str, system: ReferenceSystem) -> Asked:
    """Read a box whose numbers are of a coordinate system, its axes in their order; heights are ignored.

    Returns
    -------
    boxes, area
        Boxes of longitude and latitude, two where one crosses the antimeridian; or the area of WGS 84 that a box of
        any other system is.

    Raises
    ------
    ParameterError
    """
    numbers = _read_numbers(text, system)
    if system.is_lon_lat:
        return _lon_lat(*numbers), None
    if system.srid == 4326:  # noqa: PLR2004  WGS 84 with latitude first
        south, west, north, east = numbers
        return _lon_lat(west, south, east, north), None
    least_first, least_second, most_first, most_second = numbers
    if least_first > most_first or least_second > most_second:
        raise ParameterError(
            name="bbox", why_vi="số nhỏ nhất của mỗi trục phải đứng trước.",
            why_en="the least number of each axis comes before its greatest.",
        )  # fmt: skip
    area = system.read_box((least_first, least_second, most_first, most_second))
    if not np.isfinite(shapely.get_coordinates(area)).all():
        raise ParameterError(
            name="bbox", why_vi="các số nằm ngoài hệ tọa độ.", why_en="the numbers lie beyond the coordinate system."
        )
    if system.srid == WEB_MERCATOR:
        west, south, east, north = area.bounds
        return ((west, south, east, north),), None
    return (), area


def _read_numbers(text: str, system: ReferenceSystem) -> list[float]:
    try:
        numbers = [read_number(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == _BOX_3D:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) == _BOX_2D and all(abs(number) <= _LARGEST for number in numbers):
        return numbers
    vi, en = ("tây,nam,đông,bắc", "west,south,east,north")
    if system.is_latitude_first:
        vi, en = ("nam,tây,bắc,đông", "south,west,north,east")
    unit_vi, unit_en = ("độ", "degrees") if system.is_degrees else ("mét", "metres")
    raise ParameterError(
        name="bbox", why_vi=f"cần bốn số: {vi} ({unit_vi}).", why_en=f"it takes four numbers: {en} ({unit_en})."
    )


def _lon_lat(west: float, south: float, east: float, north: float) -> tuple[BBox, ...]:
    if max(abs(west), abs(east)) > _MAX_LON or max(abs(south), abs(north)) > _MAX_LAT:
        raise ParameterError(
            name="bbox", why_vi="kinh độ từ -180 đến 180, vĩ độ từ -90 đến 90.",
            why_en="longitudes go from -180 to 180, latitudes from -90 to 90.",
        )  # fmt: skip
    if south > north:
        raise ParameterError(
            name="bbox", why_vi=f"nam ({south:g}) lớn hơn bắc ({north:g}); thứ tự là tây,nam,đông,bắc.",
            why_en=f"south ({south:g}) is greater than north ({north:g}); the order is west,south,east,north.",
        )  # fmt: skip
    if west <= east:
        return ((west, south, east, north),)
    return ((west, south, 180.0, north), (-180.0, south, east, north))

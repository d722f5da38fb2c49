"""Coordinate systems as people choose them: a code, a meridian with its scale, or what the file states."""

import re

from geodata.crs import (
    EAST,
    FILE_CHOICE,
    NO_SHIFT,
    SWAPPED,
    WEST,
    SourceCrs,
    from_epsg,
    swapped,
    vn2000_zone,
    without_shift,
)
from geodata.errors import CoordinateSystemError

_MAX_CODE_DIGITS = 6
_TRANSVERSE_MERCATOR = re.compile(r"VN2000:(\d{2,3}(?:\.\d{1,6})?),(0\.99\d{1,6}|1(?:\.0{1,6})?)")


def parse_choice(text: str, stated: SourceCrs | None = None) -> SourceCrs:
    """Return the coordinate system that somebody chose, as the report's candidates name it.

    Parameters
    ----------
    text : str
        ``EPSG:9209`` or ``9209``, ``VN2000:105.25,0.9999`` (central meridian in degrees, scale factor) or ``file`` (what
        the file states). Options may follow after ``;``: ``no-shift`` (VN-2000 numbers that are WGS 84 in truth) and
        ``swapped`` (northing first). Case and blanks do not matter.
    stated : SourceCrs, optional
        What ``file`` stands for.

    Raises
    ------
    CoordinateSystemError
        When the text is nothing of the kind, or the system is unknown or reached only by a "Ballpark" operation.

    Examples
    --------
    >>> parse_choice("epsg:9209; swapped").name
    'VN-2000 / TM 105°30′, k=0.9999 (đảo trục)'
    >>> parse_choice("VN2000:105.25,0.9999").grid
    (105.25, 0.9999)
    """
    base, *options = (part.strip() for part in text.split(";"))
    crs = _parse_base(base, stated)
    if len(set(options)) < len(options) or not {option.lower() for option in options} <= {SWAPPED, NO_SHIFT}:
        raise _no_choice(text)
    if NO_SHIFT in map(str.lower, options):
        crs = without_shift(crs)
    return swapped(crs) if SWAPPED in map(str.lower, options) else crs


def _parse_base(base: str, stated: SourceCrs | None) -> SourceCrs:
    if base.lower() == FILE_CHOICE and stated is not None:
        return stated
    grid = _TRANSVERSE_MERCATOR.fullmatch(re.sub(r"\s", "", base.upper()))
    if grid is not None and WEST <= float(grid[1]) <= EAST:
        return vn2000_zone(float(grid[1]), float(grid[2]))
    return from_epsg(parse_epsg(base))


def parse_epsg(name: str) -> int:
    """Read the code out of ``EPSG:9209`` or ``9209``.

    Raises
    ------
    CoordinateSystemError
        When it is neither.
    """
    code = name.strip().upper().removeprefix("EPSG:")
    if not (code.isascii() and code.isdigit() and len(code) <= _MAX_CODE_DIGITS):
        raise _no_choice(name)
    return int(code)


def _no_choice(text: str) -> CoordinateSystemError:
    return CoordinateSystemError(
        why_vi=f"“{text[:40]}” không có dạng EPSG:9209 hay VN2000:105.25,0.9999.",
        why_en=f"“{text[:40]}” is not of the form EPSG:9209 or VN2000:105.25,0.9999.",
    )

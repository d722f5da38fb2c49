"""What stands in a CQL2 filter beside names: values of a field's type, shapes."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NoReturn

import orjson
import shapely
from sqlalchemy import BigInteger, Boolean, ColumnElement, Date, Double, Text, literal

from geodata.cql2 import GEOMETRY_TYPES, Tree
from geodata.errors import ParameterError
from geodata.register import Field

MAX_TEXT = 1000
"""Letters of one value."""

_LARGEST = 1e300
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})")


def refuse(why_vi: str, why_en: str) -> NoReturn:
    """Refuse a filter."""
    raise ParameterError(name="filter", why_vi=why_vi, why_en=why_en)


def read_literal(field: Field, tree: Tree) -> Any:
    """Return a value of the field's type."""
    kind = field.column.type.python_type
    read = _READERS.get(kind)
    value = None if read is None else read(tree)
    if value is None:
        hint_vi, hint_en = _HINTS.get(kind, ("", ""))
        refuse(
            f"giá trị so với “{field.name}” không đúng kiểu{hint_vi}.",
            f"the value compared with “{field.name}” is not of its type{hint_en}.",
        )
    return value


def _text(tree: Tree) -> str | None:
    is_text = isinstance(tree, str) and len(tree) <= MAX_TEXT and "\x00" not in tree
    return unicodedata.normalize("NFC", tree) if is_text else None


def _number(tree: Tree) -> int | float | None:
    is_number = isinstance(tree, int | float) and not isinstance(tree, bool) and abs(tree) < _LARGEST
    return tree if is_number else None


def _truth(tree: Tree) -> bool | None:
    return tree if isinstance(tree, bool) else None


def _day(tree: Tree) -> date | None:
    """Read a day; of an instant the day where it was written."""
    text: Any = tree.get("date", tree.get("timestamp")) if isinstance(tree, dict) and len(tree) == 1 else tree
    try:
        instant = _INSTANT.fullmatch(text)
        if instant:
            datetime.fromisoformat(text)
            return date.fromisoformat(instant[1])
        return date.fromisoformat(text) if _FULL_DATE.fullmatch(text) else None
    except (TypeError, ValueError):
        return None


_READERS: Mapping[type, Callable[[Tree], Any]] = {str: _text, int: _number, float: _number, bool: _truth, date: _day}
_HINTS = {
    str: (f": cần chữ, nhiều nhất {MAX_TEXT} ký tự", f": it takes a text of at most {MAX_TEXT} characters"),
    int: (": cần một số", ": it takes a number"),
    float: (": cần một số", ": it takes a number"),
    bool: (": cần true hoặc false", ": it takes true or false"),
    date: (": cần DATE('2026-01-31')", ": it takes DATE('2026-01-31')"),
}


def bound(value: Any) -> ColumnElement[Any]:
    """Return a value as a parameter of a type that has room for it."""
    is_large = isinstance(value, int) and abs(value) >= 1 << 63
    kinds: dict[type, Any] = {str: Text, bool: Boolean, int: BigInteger, float: Double, date: Date}
    return literal(float(value), Double) if is_large else literal(value, kinds[type(value)])


def read_shape(tree: Tree) -> shapely.Geometry:
    """Read a geometry, or a box, in degrees."""
    if isinstance(tree, dict) and set(tree) == {"bbox"}:
        return _box(tree["bbox"])
    is_known = isinstance(tree, dict) and tree.get("type") in GEOMETRY_TYPES
    try:
        shape = shapely.from_geojson(orjson.dumps(tree)) if is_known else None
    except (shapely.errors.GEOSException, orjson.JSONEncodeError):
        shape = None
    if shape is None or shape.is_empty:
        names = ", ".join(GEOMETRY_TYPES)
        refuse(f"hình phải là {names} hoặc bbox.", f"a shape has to be one of {names} or a bbox.")
    west, south, east, north = shape.bounds
    if not (west >= -180 and south >= -90 and east <= 180 and north <= 90):  # noqa: PLR2004  degrees
        refuse("tọa độ phải là kinh độ, vĩ độ (độ).", "coordinates are longitude and latitude in degrees.")
    if not shape.is_valid:
        refuse("hình tự cắt chính nó.", "the shape crosses itself.")
    return shapely.force_2d(shape)


def _box(numbers: Tree) -> shapely.Geometry:
    if isinstance(numbers, list) and len(numbers) == 6:  # noqa: PLR2004  with heights
        numbers = [numbers[at] for at in (0, 1, 3, 4)]
    is_box = isinstance(numbers, list) and len(numbers) == 4 and all(_number(part) is not None for part in numbers)  # noqa: PLR2004
    if is_box:
        west, south, east, north = numbers
        if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:  # noqa: PLR2004  degrees
            return shapely.envelope(shapely.LineString([(west, south), (east, north)]))
    refuse("bbox cần tây, nam, đông, bắc (độ).", "bbox takes west, south, east, north in degrees.")

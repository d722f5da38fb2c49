"""Features in parts as CSV (RFC 4180, UTF-8), for spreadsheets and programs alike."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
import shapely
from sqlalchemy import Row

from geodata.feature_json import read_shapes
from geodata.public_views import property_names
from geodata.reference_systems import ReferenceSystem
from geodata.register import Register

BYTE_ORDER_MARK: Final = "\ufeff"
FORMULA_STARTS: Final = (
    "=", "+", "-", "@", "\t", "\r", "\0", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}",
)  # fmt: skip
"""What makes a spreadsheet take a text for a formula."""


def write_csv(
    batches: Iterable[Sequence[Row[Any]]],
    register: Register,
    names: Sequence[str] | None,
    system: ReferenceSystem,
    *,
    has_mark: bool = False,
) -> Iterator[bytes]:
    """Yield a table of features: their ids, properties and places, batch by batch.

    Points have their two coordinates in columns (``lon``, ``lat``; ``x``, ``y`` of a grid), areas their shape as WKT in the
    axes of the system. Lists of values are joined by ``; ``, lists of rows are JSON. Text that a spreadsheet would run as a
    formula has an apostrophe before it.

    Parameters
    ----------
    names : sequence of str or None
        Properties; all where it is None.
    has_mark : bool
        Whether the table begins with the byte order mark, by which Excel knows UTF-8.
    """
    listed = property_names(register) if names is None else list(names)
    is_point = register.geometry_kind == "point"
    places = (["lon", "lat"] if system.is_degrees else ["x", "y"]) if is_point else ["geometry"]
    yield ((BYTE_ORDER_MARK if has_mark else "") + _lines([["id", *listed, *places]])).encode()
    for rows in batches:
        yield _lines(_cells(rows, listed, system, is_point=is_point)).encode()


def _cells(
    rows: Sequence[Row[Any]], names: Sequence[str], system: ReferenceSystem, *, is_point: bool
) -> Iterator[list[Any]]:
    shapes = system.written(read_shapes(rows))
    for row, shape in zip(rows, shapes, strict=True):
        values = orjson.loads(row.properties)
        yield [row.uuid, *(_cell(values[name]) for name in names), *_place(shape, system, is_point=is_point)]


def _place(shape: shapely.Geometry | None, system: ReferenceSystem, *, is_point: bool) -> Sequence[Any]:
    if shape is None:
        return ("", "") if is_point else ("",)
    if not is_point:
        return (shapely.to_wkt(shape, rounding_precision=system.decimals),)
    return (shape.y, shape.x) if system.is_latitude_first else (shape.x, shape.y)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, list):
        return value
    if any(isinstance(part, dict | list) for part in value):
        return orjson.dumps(value).decode()
    return _cell("; ".join(map(str, value)))


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()

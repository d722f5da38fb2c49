"""Spatial functions of a CQL2 filter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from sqlalchemy import BigInteger, ColumnElement, LargeBinary, and_, column, func, literal, not_, or_, select, table

from geodata.cql2 import Tree
from geodata.derived import WEB_MERCATOR, tile_table
from geodata.filter_scope import GEOMETRY, Scope, property_name
from geodata.filter_shapes import is_shape, read_shape
from geodata.filter_values import refuse
from geodata.public_views import Geometry

MAX_SPATIAL = 4
"""Spatial comparisons of a filter."""

_MERCATOR_TOP = 89.0
_MARGIN = 1e-5
_APART = "s_disjoint"
_TESTS: Mapping[str, Callable[..., ColumnElement[bool]]] = {
    "s_intersects": func.ST_Intersects,
    "s_equals": func.ST_Equals,
    _APART: lambda left, right: not_(func.ST_Intersects(left, right)),
    "s_touches": func.ST_Touches,
    "s_within": func.ST_Within,
    "s_overlaps": func.ST_Overlaps,
    "s_crosses": func.ST_Crosses,
    "s_contains": func.ST_Contains,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """A record's own place, or the shape that is given."""

    sql: ColumnElement[Any]
    given: shapely.Geometry | None = None


def _compare(scope: Scope, name: str, args: list[Tree]) -> ColumnElement[bool]:
    scope.places += 1
    if scope.places > MAX_SPATIAL:
        refuse(f"nhiều nhất {MAX_SPATIAL} phép so sánh vị trí.", f"at most {MAX_SPATIAL} spatial comparisons.")
    left, right = (_place(scope, name, part) for part in args)
    holds = _TESTS[name](left.sql, right.sql)
    given = [place for place in (left, right) if place.given is not None]
    # Shapes that hold to each other in any other way meet, and those that meet are found by an index.
    return holds if name == _APART or len(given) != 1 else and_(_near(scope, given[0]), holds)


def _place(scope: Scope, name: str, tree: Tree) -> _Place:
    if property_name(tree) == GEOMETRY:
        shapes = scope.shapes()
        return _Place(shapes[0] if len(shapes) == 1 else func.coalesce(*shapes, type_=Geometry()))
    if property_name(tree) is not None:
        scope.field(property_name(tree))
    if not is_shape(tree):
        refuse(
            f"{name} so sánh {GEOMETRY} với một hình cho sẵn.",
            f"{name} compares {GEOMETRY} with a shape that is given.",
        )
    shape = read_shape(tree)
    if shape.geom_type == "GeometryCollection" and name not in {"s_intersects", _APART}:
        refuse(
            f"{name} không so sánh được tập hợp điểm, đường và vùng lẫn lộn.",
            f"{name} takes no collection of points, lines and areas mixed.",
        )
    sql = func.ST_GeomFromWKB(literal(shapely.to_wkb(shape), LargeBinary), 4326, type_=Geometry())
    return _Place(sql, shape)


def _near(scope: Scope, place: _Place) -> ColumnElement[bool]:
    """Return whether a record's box meets that of a shape, by an index."""
    if scope.register.geometry_kind != "point":
        return or_(*(shape.op("&&", is_comparison=True)(place.sql) for shape in scope.shapes()))
    assert place.given is not None
    if not scope.by_index:
        return scope.shapes()[0].op("&&", is_comparison=True)(place.sql)
    slim = table(tile_table(scope.register).name, column("id", BigInteger), column("point", Geometry()), schema="open")
    west, south, east, north = place.given.bounds
    # A box stays a box in Web Mercator, and points are looked for there; a metre is left for rounding.
    corners = (
        west - _MARGIN,
        max(south, -_MERCATOR_TOP) - _MARGIN,
        east + _MARGIN,
        min(north, _MERCATOR_TOP) + _MARGIN,
    )
    box = func.ST_Transform(func.ST_MakeEnvelope(*corners, 4326), WEB_MERCATOR, type_=Geometry())
    return scope.view.c.id.in_(select(slim.c.id).where(slim.c.point.op("&&", is_comparison=True)(box)))


SPATIAL = dict.fromkeys(_TESTS, (2, _compare))
"""Number of arguments and compiler of each."""

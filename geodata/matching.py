"""Which records a query asks for: statements of their ids, now and in the past."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import shapely
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    bindparam,
    case,
    column,
    false,
    func,
    literal,
    or_,
    select,
    table,
    true,
)

from geodata.derived import WEB_MERCATOR, geometry_names, tile_table
from geodata.filtering import Filter
from geodata.public_views import Geometry, Names, in_unit, public_view, replaced_states
from geodata.register import Field, Register
from geodata.sorting import SortKey
from geodata.text import search_key

_MERCATOR_TOP = 89.0
"""Degrees of latitude up to which Web Mercator is asked for: the pole lies at infinity."""

_MARGIN = 1e-5

BBox = tuple[float, float, float, float]
Interval = tuple[date | None, date | None]


@dataclass(frozen=True)
class ItemsQuery:
    """What is asked of a register.

    Attributes
    ----------
    boxes : tuple of boxes
        West, south, east, north in degrees WGS 84; a box across the antimeridian comes as two. Empty: no limit.
    equals : mapping of field name to value
        Public fields only; values already of the field's type.
    interval : tuple of date or None, optional
        Start and end, open where None; meant for registers with validity dates.
    after : int
        Ids above this one (the cursor).
    sort : tuple of SortKey
        What records come in the order of before their ids.
    after_values : tuple
        Of the sorted fields: values that the record with the id `after` has.
    names : tuple of str, optional
        Properties to show; all where it is None.
    area : shapely geometry, optional
        In WGS 84; a box of another coordinate system. What it meets is asked for.
    words : str, optional
        What somebody typed: words of names, or a whole code.
    at : int, optional
        The register as it was right after this revision.
    upto : int, optional
        Ids up to this one.
    filter : Filter, optional
        CQL2, of the same register.
    unit : str, optional
        Code of the commune or province that records belong to.
    is_whole : bool
        With the records that no list shows unless it is asked for them.
    """

    limit: int = 10
    boxes: tuple[BBox, ...] = ()
    equals: Mapping[str, Any] = field(default_factory=dict)
    interval: Interval | None = None
    after: int = 0
    sort: tuple[SortKey, ...] = ()
    after_values: tuple[Any, ...] = ()
    names: Names = None
    area: shapely.Geometry | None = None
    words: str | None = None
    offset: int = 0
    at: int | None = None
    upto: int | None = None
    filter: Filter | None = None
    unit: str | None = None
    is_whole: bool = False

    @property
    def is_past(self) -> bool:
        """Whether the past is asked for."""
        return self.at is not None

    @property
    def is_narrowed(self) -> bool:
        """Whether not all records of the register are asked for."""
        asked = (self.interval, self.area, self.words, self.filter)
        return bool(self.boxes or self.equals) or any(part is not None for part in asked)


def matches(register: Register, query: ItemsQuery) -> Select[tuple[int]]:
    """Return the ids of what matches; where only the place of points is asked for, from the slim copy alone."""
    others = (query.interval, query.filter, query.area, query.words)
    only_place = query.boxes and not query.equals and not query.sort and all(other is None for other in others)
    if register.geometry_kind == "point" and only_place:
        return _points_in(register, query.boxes)
    return _narrowed(public_view(register, is_past=False), register, query)


def past_matches(register: Register, query: ItemsQuery) -> list[Select[tuple[int]]]:
    """Return the ids of what matched: of states that still hold, and of those replaced since."""
    live = public_view(register, is_past=False)
    holding = _narrowed(live, register, query).where(live.c.revision <= bindparam("at", type_=BigInteger()))
    return [holding, _narrowed(replaced_states(register), register, query, is_replaced=True)]


def _narrowed(view: FromClause, register: Register, query: ItemsQuery, *, is_replaced: bool = False) -> Select[Any]:
    """Return the ids of what matches in a view; states that hold still are found by the indexes of what is now."""
    statement: Select[Any] = select(view.c.id).where(*_place(view, register, query, is_replaced=is_replaced))
    hidden = register.hidden
    asked = query.equals.keys() | (query.filter.names if query.filter else frozenset())
    if hidden is not None and not query.is_whole and not {hidden.field, *register.key} & asked:
        statement = statement.where(view.c[hidden.field].not_in(hidden.unlisted))
    if query.unit is not None:
        statement = statement.where(in_unit(register, view, query.unit))
    for name, value in query.equals.items():
        statement = statement.where(_equals(view, register, register.field(name), value, is_replaced=is_replaced))
    if query.filter is not None:
        statement = statement.where(query.filter.condition(view, by_index=not is_replaced))
    if query.words is not None:
        statement = statement.where(view.c.id.in_(_called(register, query.words)))
    return statement.where(*_in_force(view, register, query.interval))


def _in_force(view: FromClause, register: Register, interval: Interval | None) -> Iterator[ColumnElement[bool]]:
    if interval is None or not register.has_validity:
        return
    start, end = interval
    if end is not None:
        yield view.c.valid_from <= end
    if start is not None:
        yield or_(view.c.valid_to.is_(None), view.c.valid_to > start)


def _place(
    view: FromClause, register: Register, query: ItemsQuery, *, is_replaced: bool
) -> Iterator[ColumnElement[bool]]:
    is_point = register.geometry_kind == "point"
    if query.boxes and is_point and is_replaced:
        point = func.ST_Transform(view.c[register.geometry.key], WEB_MERCATOR, type_=Geometry())
        yield or_(*(holds(box, point) for box in _envelopes(query.boxes)))
    elif query.boxes and is_point:
        yield view.c.id.in_(_points_in(register, query.boxes))
    elif query.boxes:
        yield or_(*(_meets(view, register, box) for box in query.boxes))
    if query.area is not None:
        given = func.ST_GeomFromWKB(literal(shapely.to_wkb(query.area), LargeBinary), 4326, type_=Geometry())
        yield or_(*(func.ST_Intersects(view.c[name], given) for name in geometry_names(register)))
    if query.area is not None and is_point and not is_replaced:
        yield view.c.id.in_(_points_in(register, [bounds_of(query.area)]))


def _called(register: Register, words: str) -> Select[Any]:
    """Return the ids of the records whose name has words that begin so, or whose code it is where they have no name."""
    key = search_key(words)
    if register.is_named:
        entries = table("search_entry", column("register"), column("feature_id"), column("key"), schema="open")
        begun = [entries.c.key.like(f"% {word}%") for word in key.split()]
        return select(entries.c.feature_id).where(entries.c.register == register.id, *begun)
    assert register.codes is not None
    codes = table(register.codes.__tablename__, column("feature_id"), column("value"), schema="open")
    return select(codes.c.feature_id).where(codes.c.value == "".join(key.split()).upper())


def bounds_of(area: shapely.Geometry) -> BBox:
    """Return west, south, east, north of an area, with a metre left for rounding."""
    west, south, east, north = area.bounds
    return west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN


def _meets(view: FromClause, register: Register, bbox: BBox) -> Any:
    box = func.ST_MakeEnvelope(*bbox, 4326, type_=Geometry())
    shapes = [view.c[name] for name in geometry_names(register)]
    # The first is the area, the others are points.
    return or_(func.ST_Intersects(shapes[0], box), *(holds(box, point) for point in shapes[1:]))


def _points_in(register: Register, boxes: Sequence[BBox]) -> Select[tuple[int]]:
    """Return the ids of the points in any of the boxes, found in the slim copy: a box stays one in Web Mercator."""
    slim = table(tile_table(register).name, column("id", BigInteger), column("point", Geometry()), schema="open")
    return select(slim.c.id).where(or_(*(holds(box, slim.c.point) for box in _envelopes(boxes))))


def _envelopes(boxes: Sequence[BBox]) -> list[ColumnElement[object]]:
    corners = [
        (west, max(south, -_MERCATOR_TOP), east, min(north, _MERCATOR_TOP)) for west, south, east, north in boxes
    ]
    return [func.ST_Transform(func.ST_MakeEnvelope(*box, 4326), WEB_MERCATOR, type_=Geometry()) for box in corners]


def holds(box: ColumnElement[object], point: ColumnElement[object]) -> ColumnElement[bool]:
    """Return whether a point lies in a box or on its edge.

    By index bounds are compared in single precision, which is a metre here; so the corners are compared after it. As
    sub-selects they are worked out once, and in a CASE they do not make the planner expect next to nothing.
    """
    west, east, south, north = (
        select(side(box)).scalar_subquery() for side in (func.ST_XMin, func.ST_XMax, func.ST_YMin, func.ST_YMax)
    )
    is_inside = func.ST_X(point).between(west, east) & func.ST_Y(point).between(south, north)
    return point.op("&&", is_comparison=True)(box) & case((is_inside, true()), else_=false())


def _equals(view: FromClause, register: Register, item: Field, value: Any, *, is_replaced: bool) -> Any:
    if item.scheme is None or is_replaced:
        return view.c[item.name] == literal(value, item.column.type)
    # By the code table's index: the view's own column is a look-up per row.
    assert register.codes is not None
    codes = table(register.codes.__tablename__, column("feature_id"), column("scheme"), column("value"), schema="open")
    found = select(codes.c.feature_id).where(codes.c.scheme == item.scheme, codes.c.value == value)
    return view.c.id.in_(found)

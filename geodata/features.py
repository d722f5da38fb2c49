"""Reading a register: statements whose rows are GeoJSON text that PostgreSQL has written.

Only the views of schema ``open`` are read, so nothing private can be asked for. Python never builds a feature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Label,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.types import UserDefinedType

from geodata.derived import WEB_MERCATOR, geometry_names, tile_table
from geodata.errors import FeatureNotFoundError
from geodata.register import Field, Register

DECIMALS = 7
"""Decimals of a coordinate in GeoJSON: 1 cm."""

EXACT_COUNT_UP_TO = 10_000
"""Matches are counted exactly up to here; above it only their being more is said."""

_MERCATOR_TOP = 89.0
"""Degrees of latitude up to which Web Mercator is asked for: the pole lies at infinity."""

BBox = tuple[float, float, float, float]
Interval = tuple[date | None, date | None]


class _Geometry(UserDefinedType[object]):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "geometry"


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
    at : int, optional
        The register as it was right after this revision.
    """

    limit: int = 10
    boxes: tuple[BBox, ...] = ()
    equals: Mapping[str, Any] = field(default_factory=dict)
    interval: Interval | None = None
    after: int = 0
    offset: int = 0
    at: int | None = None

    @property
    def is_past(self) -> bool:
        """Whether the past is asked for."""
        return self.at is not None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of features.

    Attributes
    ----------
    features : list of str
        GeoJSON features as text.
    last_id : int or None
        Where the next page starts; None on the last page.
    """

    features: list[str]
    last_id: int | None


@cache
def _view(register: Register, is_past: bool) -> FromClause:  # noqa: FBT001  one of two views
    """Return what is public now; of the past, what was so after the revision that is given as ``at``."""
    names = ["id", "uuid", "revision", "updated_at", *_property_names(register)]
    columns = [*(column(name) for name in names), *(column(name, _Geometry()) for name in geometry_names(register))]
    if not is_past:
        return table(register.id, *columns, schema="open")
    states = states_view(register)
    at: BindParameter[int] = bindparam("at", type_=BigInteger())
    is_so = or_(states.c.until.is_(None), states.c.until > at)
    return select(states).where(states.c.revision <= at, is_so).subquery("state")


@cache
def states_view(register: Register) -> FromClause:
    """Return the view of every state that the register's records have or had; ``until`` is when one ended."""
    names = ["id", "uuid", "revision", "updated_at", *_property_names(register), "until"]
    shapes = [column(name, _Geometry()) for name in geometry_names(register)]
    return table(f"{register.id}_states", *(column(name) for name in names), *shapes, schema="open")


def feature_at(register: Register) -> Label[str]:
    """Return the expression that writes one state as a feature, over `states_view`."""
    return _written(register, states_view(register))


def _settled(statement: Select[Any], at: int | None) -> Select[Any]:
    return statement if at is None else statement.params(at=at)


def _property_names(register: Register) -> list[str]:
    return [*(item.name for item in register.public_fields), *(side.name for side in register.lists)]


@cache
def _feature(register: Register, is_past: bool) -> Label[str]:  # noqa: FBT001  one of two views
    """Return the expression that writes one feature."""
    return _written(register, _view(register, is_past))


def _written(register: Register, view: FromClause) -> Label[str]:
    properties = [part for name in _property_names(register) for part in (literal(name), view.c[name])]
    shapes = [view.c[name] for name in geometry_names(register)]
    place = shapes[0] if len(shapes) == 1 else func.coalesce(*shapes, type_=_Geometry())
    geometry = cast(func.ST_AsGeoJSON(place, DECIMALS, 0), _Json())
    feature = func.json_build_object(
        text("'type'"), text("'Feature'"), text("'id'"), view.c.uuid, text("'geometry'"), geometry,
        text("'properties'"), func.json_build_object(*properties),
    )  # fmt: skip
    return cast(feature, Text).label("feature")


class _Json(UserDefinedType[object]):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "json"


def items_statement(register: Register, query: ItemsQuery) -> Select[tuple[int, str]]:
    """Return the statement of one page; one row more than asked tells whether there is a next page."""
    view = _view(register, query.is_past)
    matches = _matches(register, query)
    ids = _both_kinds(matches, view, query) if query.is_past else _from(matches, query)
    page = ids.limit(query.limit + 1).offset(query.offset or None).subquery("page")
    statement = select(view.c.id, _feature(register, query.is_past)).join(page, page.c.id == view.c.id)
    return _settled(statement.order_by(view.c.id), query.at)


def _from(ids: Select[tuple[int]], query: ItemsQuery) -> Select[tuple[int]]:
    return ids.where(ids.selected_columns.id > query.after).order_by(ids.selected_columns.id)


def _both_kinds(ids: Select[tuple[int]], view: FromClause, query: ItemsQuery) -> Select[tuple[int]]:
    """Return the ids of a past page: the first of the states that still hold, and the first of those replaced since.

    Each by itself has an index to go along; both at once would be sorted as a whole.
    """
    upto = query.offset + query.limit + 1
    kinds = [_from(ids.where(test), query).limit(upto) for test in (view.c.until.is_(None), view.c.until.is_not(None))]
    both = union_all(*(select(kind.subquery().c.id) for kind in kinds)).subquery()
    return select(both.c.id).order_by(both.c.id)


def _matches(register: Register, query: ItemsQuery) -> Select[tuple[int]]:
    """Return the ids of what matches; where only the place of points is asked for, from the slim copy alone."""
    only_place = query.boxes and not query.equals and query.interval is None
    if register.geometry_kind == "point" and only_place and not query.is_past:
        return _points_in(register, query.boxes)
    return _narrowed(select(_view(register, query.is_past).c.id), register, query)


def _narrowed(statement: Select[Any], register: Register, query: ItemsQuery) -> Select[Any]:
    view = _view(register, query.is_past)
    if query.boxes and register.geometry_kind == "point":
        is_in = view.c.id.in_(_points_in(register, query.boxes))
        point = func.ST_Transform(view.c[register.geometry.key], WEB_MERCATOR, type_=_Geometry())
        was_in = or_(*(_overlaps(point, box) for box in _envelopes(query.boxes)))
        statement = statement.where(_now_or_once(view, is_in, was_in) if query.is_past else is_in)
    elif query.boxes:
        statement = statement.where(or_(*(_meets(view, register, box) for box in query.boxes)))
    hidden = register.hidden
    if hidden is not None and not {hidden.field, *register.key} & query.equals.keys():
        statement = statement.where(view.c[hidden.field].not_in(hidden.unlisted))
    for name, value in query.equals.items():
        statement = statement.where(_equals(view, register, register.field(name), value, is_past=query.is_past))
    if query.interval is not None and register.has_validity:
        start, end = query.interval
        if end is not None:
            statement = statement.where(view.c.valid_from <= end)
        if start is not None:
            statement = statement.where(or_(view.c.valid_to.is_(None), view.c.valid_to > start))
    return statement


def _now_or_once(view: FromClause, now: ColumnElement[bool], once: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return one test for states that hold still, by the indexes of what is now, and another for replaced ones."""
    return or_(and_(view.c.until.is_(None), now), and_(view.c.until.is_not(None), once))


def _meets(view: FromClause, register: Register, bbox: BBox) -> Any:
    box = func.ST_MakeEnvelope(*bbox, 4326, type_=_Geometry())
    shapes = [view.c[name] for name in geometry_names(register)]
    # A point meets a box where its bounds do; areas are compared with their shape.
    tests: list[ColumnElement[bool]] = [_overlaps(shape, box) for shape in shapes]
    tests[0] = tests[0] & func.ST_Intersects(shapes[0], box)
    return or_(*tests)


def _points_in(register: Register, boxes: Sequence[BBox]) -> Select[tuple[int]]:
    """Return the ids of the points in any of the boxes, found in the slim copy: a box stays one in Web Mercator."""
    slim = table(tile_table(register).name, column("id", BigInteger), column("point", _Geometry()), schema="open")
    return select(slim.c.id).where(or_(*(_overlaps(slim.c.point, box) for box in _envelopes(boxes))))


def _envelopes(boxes: Sequence[BBox]) -> list[ColumnElement[object]]:
    corners = [
        (west, max(south, -_MERCATOR_TOP), east, min(north, _MERCATOR_TOP)) for west, south, east, north in boxes
    ]
    return [func.ST_Transform(func.ST_MakeEnvelope(*box, 4326), WEB_MERCATOR, type_=_Geometry()) for box in corners]


def _overlaps(shape: ColumnElement[object], box: ColumnElement[object]) -> ColumnElement[bool]:
    return shape.op("&&", is_comparison=True)(box)


def _equals(view: FromClause, register: Register, item: Field, value: Any, *, is_past: bool) -> Any:
    if item.scheme is None:
        return view.c[item.name] == literal(value, item.column.type)
    # By the code table's index: the view's own column is a look-up per row.
    assert register.codes is not None
    codes = table(register.codes.__tablename__, column("feature_id"), column("scheme"), column("value"), schema="open")
    found = select(codes.c.feature_id).where(codes.c.scheme == item.scheme, codes.c.value == value)
    is_found: ColumnElement[bool] = view.c.id.in_(found)
    return _now_or_once(view, is_found, view.c[item.name] == value) if is_past else is_found


def read_page(connection: Connection, register: Register, query: ItemsQuery) -> Page:
    """Read one page of features."""
    rows = connection.execute(items_statement(register, query)).all()
    is_last = len(rows) <= query.limit
    kept = rows[: query.limit]
    last_id = None if is_last or not kept else int(kept[-1].id)
    return Page([str(row.feature) for row in kept], last_id)


def count_matches(connection: Connection, register: Register, query: ItemsQuery) -> int | None:
    """Count what matches, exactly up to `EXACT_COUNT_UP_TO`; None when there is more than that."""
    matches = _matches(register, query).limit(EXACT_COUNT_UP_TO + 1)
    statement = _settled(select(func.count()).select_from(matches.subquery()), query.at)
    count = int(connection.scalar(statement) or 0)
    return count if count <= EXACT_COUNT_UP_TO else None


def read_feature(connection: Connection, register: Register, feature_id: str, at: int | None = None) -> tuple[str, int]:
    """Read one feature by its UUID, or by the number that tiles carry.

    Parameters
    ----------
    at : int, optional
        The feature as it was right after this revision.

    Returns
    -------
    str, int
        GeoJSON text, and the revision that touched the feature last.

    Raises
    ------
    FeatureNotFoundError
        When there is none, or none that may be shown.
    """
    is_past = at is not None
    view = _view(register, is_past)
    condition = _id_condition(view, feature_id)
    # A register that is being loaded for the first time is locked: what was never published need not be looked for.
    if condition is not None and register.id in read_versions(connection):
        statement = select(_feature(register, is_past), view.c.revision).where(condition)
        row = connection.execute(_settled(statement, at)).one_or_none()
        if row is not None:
            return row[0], row[1]
    raise FeatureNotFoundError(feature=feature_id[:60])


_BIGINT_DIGITS = 18


def _id_condition(view: FromClause, feature_id: str) -> Any:
    if feature_id.isascii() and feature_id.isdigit() and len(feature_id) <= _BIGINT_DIGITS:
        return view.c.id == int(feature_id)
    try:
        return view.c.uuid == UUID(feature_id)
    except ValueError:
        return None


def read_extent(connection: Connection, register: Register) -> BBox | None:
    """Return west, south, east, north of the register in degrees; None while it is empty."""
    names = ("point",) if register.geometry_kind == "point" else ("geom", "point")
    slim = table(f"{register.id}_tile", *(column(name, _Geometry()) for name in names), schema="open")
    shape = func.coalesce(*(slim.c[name] for name in names), type_=_Geometry())
    box = select(func.ST_Extent(shape).label("box")).subquery()
    whole = func.ST_Transform(func.ST_SetSRID(cast(box.c.box, _Geometry()), 3857), 4326, type_=_Geometry())
    row = connection.execute(
        select(func.ST_XMin(whole), func.ST_YMin(whole), func.ST_XMax(whole), func.ST_YMax(whole)).where(
            box.c.box.is_not(None)
        )
    ).one_or_none()
    return None if row is None or row[0] is None else (float(row[0]), float(row[1]), float(row[2]), float(row[3]))


def count_listed(connection: Connection, register: Register) -> int:
    """Count the records that maps and lists show."""
    slim = table(tile_table(register).name, schema="open")
    return int(connection.scalar(select(func.count()).select_from(slim)) or 0)


def read_validity(connection: Connection, register: Register) -> Interval | None:
    """Return from when to when records of the register are in force; None where they do not say, or there are none."""
    if not register.has_validity:
        return None
    view = _view(register, False)  # noqa: FBT003  as it is
    is_open = func.bool_or(view.c.valid_to.is_(None))
    row = connection.execute(select(func.min(view.c.valid_from), func.max(view.c.valid_to), is_open)).one()
    return None if row[0] is None else (row[0], None if row[2] else row[1])


def read_day(connection: Connection) -> date:
    """Return the day that the database has."""
    return connection.execute(select(func.current_date())).scalar_one()


@dataclass(frozen=True, slots=True)
class Version:
    """The state of a register.

    Attributes
    ----------
    revision : int
        Number of the latest revision, 0 before the first.
    count : int
        Records it holds.
    is_sample : bool
        Whether sample data was ever published in it.
    """

    revision: int
    published_at: datetime | None
    count: int
    is_sample: bool


def read_versions(connection: Connection) -> dict[str, Version]:
    """Return the version of every register that has been published."""
    rows = connection.execute(text(
        "SELECT register, max(number), max(published_at), sum(added) - sum(removed), bool_or(is_sample) "
        "FROM open.revision GROUP BY register"
    ))  # fmt: skip
    return {row[0]: Version(int(row[1]), row[2], int(row[3]), is_sample=row[4]) for row in rows}

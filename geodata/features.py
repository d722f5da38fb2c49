"""Reading a register: statements whose rows are GeoJSON text that PostgreSQL has written.

Only the views of schema ``open`` are read, so nothing private can be asked for. Python never builds a feature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
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

from geodata.derived import WEB_MERCATOR, geometry_names, tile_table
from geodata.errors import FeatureNotFoundError, ParameterError
from geodata.filtering import Filter
from geodata.public_views import Geometry, feature_of, public_view, replaced_states
from geodata.register import Field, Register

EXACT_COUNT_UP_TO = 10_000
"""Matches are counted exactly up to here; above it only their being more is said."""

STATES_A_PAGE = 50_000
"""Replaced states that a page of the past reads at most: some tenths of a second."""

_MERCATOR_TOP = 89.0
"""Degrees of latitude up to which Web Mercator is asked for: the pole lies at infinity."""

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
    at : int, optional
        The register as it was right after this revision.
    upto : int, optional
        Ids up to this one.
    filter : Filter, optional
        CQL2, of the same register.
    """

    limit: int = 10
    boxes: tuple[BBox, ...] = ()
    equals: Mapping[str, Any] = field(default_factory=dict)
    interval: Interval | None = None
    after: int = 0
    offset: int = 0
    at: int | None = None
    upto: int | None = None
    filter: Filter | None = None

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


def items_statement(register: Register, query: ItemsQuery) -> Select[tuple[int, str]]:
    """Return the statement of one page of the present; one row more than asked tells whether there is a next page."""
    view = public_view(register, is_past=False)
    page = _from(_matches(register, query), query).limit(query.limit + 1).offset(query.offset or None).subquery("page")
    statement = select(view.c.id, feature_of(register, is_past=False)).join(page, page.c.id == view.c.id)
    return statement.order_by(view.c.id)


def past_ids_statement(register: Register, query: ItemsQuery) -> Select[tuple[int]]:
    """Return the statement of the ids of one page of the past, one more than asked.

    They are the first of the states that still hold, and the first of those replaced since: each by itself has an
    index to go along; both at once would be sorted as a whole.
    """
    upto = query.offset + query.limit + 1
    kinds = [_from(matches, query).limit(upto) for matches in _past_matches(register, query)]
    both = union_all(*(select(kind.subquery().c.id) for kind in kinds)).subquery()
    page = select(both.c.id).order_by(both.c.id).limit(query.limit + 1).offset(query.offset or None)
    return page.params(at=query.at)


def _from(ids: Select[tuple[int]], query: ItemsQuery) -> Select[tuple[int]]:
    found = ids.selected_columns.id
    statement = ids.where(found > query.after).order_by(found)
    return statement if query.upto is None else statement.where(found <= query.upto)


def _matches(register: Register, query: ItemsQuery) -> Select[tuple[int]]:
    """Return the ids of what matches; where only the place of points is asked for, from the slim copy alone."""
    only_place = query.boxes and not query.equals and query.interval is None and query.filter is None
    if register.geometry_kind == "point" and only_place:
        return _points_in(register, query.boxes)
    return _narrowed(public_view(register, is_past=False), register, query)


def _past_matches(register: Register, query: ItemsQuery) -> list[Select[tuple[int]]]:
    """Return the ids of what matched: of states that still hold, and of those replaced since."""
    live = public_view(register, is_past=False)
    holding = _narrowed(live, register, query).where(live.c.revision <= bindparam("at", type_=BigInteger()))
    return [holding, _narrowed(replaced_states(register), register, query, is_replaced=True)]


def _narrowed(view: FromClause, register: Register, query: ItemsQuery, *, is_replaced: bool = False) -> Select[Any]:
    """Return the ids of what matches in a view; states that hold still are found by the indexes of what is now."""
    statement: Select[Any] = select(view.c.id)
    if query.boxes and register.geometry_kind == "point":
        is_in = view.c.id.in_(_points_in(register, query.boxes))
        point = func.ST_Transform(view.c[register.geometry.key], WEB_MERCATOR, type_=Geometry())
        was_in = or_(*(_overlaps(point, box) for box in _envelopes(query.boxes)))
        statement = statement.where(was_in if is_replaced else is_in)
    elif query.boxes:
        statement = statement.where(or_(*(_meets(view, register, box) for box in query.boxes)))
    hidden = register.hidden
    asked = query.equals.keys() | (query.filter.names if query.filter else frozenset())
    if hidden is not None and not {hidden.field, *register.key} & asked:
        statement = statement.where(view.c[hidden.field].not_in(hidden.unlisted))
    for name, value in query.equals.items():
        statement = statement.where(_equals(view, register, register.field(name), value, is_replaced=is_replaced))
    if query.filter is not None:
        statement = statement.where(query.filter.condition(view, by_index=not is_replaced))
    if query.interval is not None and register.has_validity:
        start, end = query.interval
        if end is not None:
            statement = statement.where(view.c.valid_from <= end)
        if start is not None:
            statement = statement.where(or_(view.c.valid_to.is_(None), view.c.valid_to > start))
    return statement


def _meets(view: FromClause, register: Register, bbox: BBox) -> Any:
    box = func.ST_MakeEnvelope(*bbox, 4326, type_=Geometry())
    shapes = [view.c[name] for name in geometry_names(register)]
    # A point meets a box where its bounds do; areas are compared with their shape.
    tests: list[ColumnElement[bool]] = [_overlaps(shape, box) for shape in shapes]
    tests[0] = tests[0] & func.ST_Intersects(shapes[0], box)
    return or_(*tests)


def _points_in(register: Register, boxes: Sequence[BBox]) -> Select[tuple[int]]:
    """Return the ids of the points in any of the boxes, found in the slim copy: a box stays one in Web Mercator."""
    slim = table(tile_table(register).name, column("id", BigInteger), column("point", Geometry()), schema="open")
    return select(slim.c.id).where(or_(*(_overlaps(slim.c.point, box) for box in _envelopes(boxes))))


def _envelopes(boxes: Sequence[BBox]) -> list[ColumnElement[object]]:
    corners = [
        (west, max(south, -_MERCATOR_TOP), east, min(north, _MERCATOR_TOP)) for west, south, east, north in boxes
    ]
    return [func.ST_Transform(func.ST_MakeEnvelope(*box, 4326), WEB_MERCATOR, type_=Geometry()) for box in corners]


def _overlaps(shape: ColumnElement[object], box: ColumnElement[object]) -> ColumnElement[bool]:
    return shape.op("&&", is_comparison=True)(box)


def _equals(view: FromClause, register: Register, item: Field, value: Any, *, is_replaced: bool) -> Any:
    if item.scheme is None or is_replaced:
        return view.c[item.name] == literal(value, item.column.type)
    # By the code table's index: the view's own column is a look-up per row.
    assert register.codes is not None
    codes = table(register.codes.__tablename__, column("feature_id"), column("scheme"), column("value"), schema="open")
    found = select(codes.c.feature_id).where(codes.c.scheme == item.scheme, codes.c.value == value)
    return view.c.id.in_(found)


def read_page(connection: Connection, register: Register, query: ItemsQuery) -> Page:
    """Read one page of features.

    One of the past ends after `STATES_A_PAGE` replaced states, however few of them match: the next goes on there.

    Raises
    ------
    ParameterError
        When an offset goes beyond.
    """
    statement = items_statement(register, query)
    if query.is_past:
        query = replace(query, upto=_end_of_page(connection, register, query))
        # Ids that are values, not joined: else all states there are would be read.
        view, ids = public_view(register, is_past=True), connection.scalars(past_ids_statement(register, query)).all()
        features = select(view.c.id, feature_of(register, is_past=True)).where(view.c.id.in_(ids)).order_by(view.c.id)
        statement = features.params(at=query.at)
    rows = connection.execute(statement).all()
    kept = rows[: query.limit]
    last_id = int(kept[-1].id) if len(rows) > query.limit else query.upto
    if query.offset and last_id is not None and last_id == query.upto:
        raise ParameterError(
            name="offset", why_vi="quá nhiều bản ghi đã đổi từ đợt này; hãy bỏ offset và theo liên kết next.",
            why_en="too many records have changed since this revision; leave it out and follow the next link.",
        )  # fmt: skip
    return Page([str(row.feature) for row in kept], last_id)


def _end_of_page(connection: Connection, register: Register, query: ItemsQuery) -> int | None:
    """Return the number of the record at which a page of the past ends at the latest; None where it reads to the end."""
    commune = query.equals.get("commune_code") if register.is_in_communes else None
    end = text("SELECT open.history_end(:register, :after, :at, :states, :commune)")
    values = {"register": register.id, "after": query.after, "at": query.at, "states": STATES_A_PAGE}
    found: int | None = connection.scalar(end, {**values, "commune": commune})
    return found


def count_matches(connection: Connection, register: Register, query: ItemsQuery) -> int | None:
    """Count what matches, exactly up to `EXACT_COUNT_UP_TO`; None when there is more than that.

    None as well where more states than that were replaced since: to find those that match, each would be read.
    """
    kinds = _past_matches(register, query) if query.is_past else [_matches(register, query)]
    if query.is_past and (query.boxes or query.equals or query.filter):
        replaced = select(replaced_states(register).c.id).params(at=query.at)
        if _count_up_to_limit(connection, [replaced]) is None:
            return None
    return _count_up_to_limit(connection, [kind.params(at=query.at) for kind in kinds])


def _count_up_to_limit(connection: Connection, kinds: Sequence[Select[Any]]) -> int | None:
    first = [select(kind.limit(EXACT_COUNT_UP_TO + 1).subquery().c.id) for kind in kinds]
    matches = union_all(*first).limit(EXACT_COUNT_UP_TO + 1)
    count = int(connection.scalar(select(func.count()).select_from(matches.subquery())) or 0)
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
    view = public_view(register, is_past=is_past)
    condition = _id_condition(view, feature_id)
    # A register that is being loaded for the first time is locked: what was never published need not be looked for.
    if condition is not None and register.id in read_versions(connection):
        statement = select(feature_of(register, is_past=is_past), view.c.revision).where(condition)
        row = connection.execute(statement.params(at=at)).one_or_none()
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
    slim = table(f"{register.id}_tile", *(column(name, Geometry()) for name in names), schema="open")
    shape = func.coalesce(*(slim.c[name] for name in names), type_=Geometry())
    box = select(func.ST_Extent(shape).label("box")).subquery()
    whole = func.ST_Transform(func.ST_SetSRID(cast(box.c.box, Geometry()), 3857), 4326, type_=Geometry())
    sides = [func.ST_XMin(whole), func.ST_YMin(whole), func.ST_XMax(whole), func.ST_YMax(whole)]
    row = connection.execute(select(*sides).where(box.c.box.is_not(None))).one_or_none()
    return None if row is None or row[0] is None else (float(row[0]), float(row[1]), float(row[2]), float(row[3]))


def count_listed(connection: Connection, register: Register) -> int:
    """Count the records that maps and lists show."""
    slim = table(tile_table(register).name, schema="open")
    return int(connection.scalar(select(func.count()).select_from(slim)) or 0)


def read_validity(connection: Connection, register: Register) -> Interval | None:
    """Return from when to when records of the register are in force; None where they do not say, or there are none."""
    if not register.has_validity:
        return None
    view = public_view(register, is_past=False)
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

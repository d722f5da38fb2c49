"""Reading a register: statements whose rows are GeoJSON text that PostgreSQL has written.

Only the views of schema ``open`` are read, so nothing private can be asked for. Python never builds a feature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, FromClause, Label, Row, Select, cast, column, func, select, table, text, union_all

from geodata.derived import tile_table
from geodata.errors import FeatureNotFoundError, ParameterError
from geodata.estimates import estimate_rows
from geodata.matching import BBox, Interval, ItemsQuery, matches, past_matches
from geodata.public_views import COMMUNE_DIGITS, Geometry, Names, feature_of, parts_of, public_view, replaced_states
from geodata.register import Register
from geodata.sorting import beyond

EXACT_COUNT_UP_TO = 10_000
"""Matches are counted exactly up to here; above it only their being more is said."""

STATES_A_PAGE = 50_000
"""Replaced states that a page of the past reads at most: some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of features.

    Attributes
    ----------
    rows : sequence of Row
        Features as text (``feature``), or in parts (``uuid``, ``properties``, ``wkb``).
    last_id : int or None
        Where the next page starts; None on the last page.
    last_values : tuple
        Of the sorted fields, of the record where the next page starts.
    """

    rows: Sequence[Row[Any]]
    last_id: int | None
    last_values: tuple[Any, ...] = ()

    @property
    def features(self) -> list[str]:
        """GeoJSON features as text."""
        return [row.feature for row in self.rows]


def items_statement(register: Register, query: ItemsQuery) -> Select[Any]:
    """Return the statement of one page of the present; one row more than asked tells whether there is a next page.

    Its rows are id, feature, and the values that the page is sorted by.
    """
    return _page_statement(register, query, feature_of(register, is_past=False, names=query.names))


def parts_statement(register: Register, query: ItemsQuery) -> Select[Any]:
    """Return the same page with each feature in parts: id, uuid, properties, WKB, values sorted by."""
    return _page_statement(register, query, *parts_of(register, is_past=False, names=query.names))


def ids_statement(register: Register, query: ItemsQuery) -> Select[Any]:
    """Return the statement of the ids of a list, one more than asked, each with the values that it is sorted by."""
    view = public_view(register, is_past=False)
    values = [view.c[key.field.name] for key in query.sort]
    return _ids(register, query).add_columns(*values).limit(query.limit + 1).offset(query.offset or None)


def _page_statement(register: Register, query: ItemsQuery, *columns: Label[Any]) -> Select[Any]:
    view = public_view(register, is_past=False)
    page = _ids(register, query).limit(query.limit + 1).offset(query.offset or None).subquery("page")
    order = [key.order(view) for key in query.sort]
    sorted_by = [view.c[key.field.name].label(f"sorted_{at}") for at, key in enumerate(query.sort)]
    statement = select(view.c.id, *columns, *sorted_by).join(page, page.c.id == view.c.id)
    return statement.order_by(*order, view.c.id)


def _ids(register: Register, query: ItemsQuery) -> Select[Any]:
    """Return the statement of the ids from where a page begins, in its order."""
    if not query.sort:
        return _from(matches(register, query), query)
    view, found = public_view(register, is_past=False), matches(register, query)
    if query.after:
        found = found.where(beyond(view, query.sort, query.after_values, query.after))
    return found.order_by(*(key.order(view) for key in query.sort), view.c.id)


def past_ids_statement(register: Register, query: ItemsQuery) -> Select[tuple[int]]:
    """Return the statement of the ids of one page of the past, one more than asked.

    They are the first of the states that still hold, and the first of those replaced since: each by itself has an
    index to go along; both at once would be sorted as a whole.
    """
    upto = query.offset + query.limit + 1
    kinds = [_from(found, query).limit(upto) for found in past_matches(register, query)]
    both = union_all(*(select(kind.subquery().c.id) for kind in kinds)).subquery()
    page = select(both.c.id).order_by(both.c.id).limit(query.limit + 1).offset(query.offset or None)
    return page.params(at=query.at)


def _from(ids: Select[tuple[int]], query: ItemsQuery) -> Select[tuple[int]]:
    found = ids.selected_columns.id
    statement = ids.where(found > query.after).order_by(found)
    return statement if query.upto is None else statement.where(found <= query.upto)


def read_page(connection: Connection, register: Register, query: ItemsQuery, *, in_parts: bool = False) -> Page:
    """Read one page of features.

    One of the past ends after `STATES_A_PAGE` replaced states, however few of them match: the next goes on there.

    Raises
    ------
    ParameterError
        When an offset goes beyond.
    """
    if query.is_past:
        query = replace(query, upto=_end_of_page(connection, register, query))
        # Ids that are values, not joined: else all states there are would be read.
        ids: list[Any] = list(connection.scalars(past_ids_statement(register, query)))
        rows = read_records(connection, register, ids, query, in_parts=in_parts)
    else:
        statement = parts_statement(register, query) if in_parts else items_statement(register, query)
        rows = connection.execute(statement).all()
    kept = rows[: query.limit]
    last_id = int(kept[-1].id) if len(rows) > query.limit else query.upto
    if query.offset and last_id is not None and last_id == query.upto:
        raise ParameterError(
            name="offset", why_vi="quá nhiều bản ghi đã đổi từ đợt này; hãy bỏ offset và theo liên kết next.",
            why_en="too many records have changed since this revision; leave it out and follow the next link.",
        )  # fmt: skip
    return Page(kept, last_id, tuple(kept[-1][-len(query.sort) :]) if query.sort and kept else ())


def read_records(
    connection: Connection, register: Register, ids: Sequence[int], query: ItemsQuery, *, in_parts: bool = False
) -> Sequence[Row[Any]]:
    """Read the features of these ids, in the order of ids, as they are or were at the moment that the query names."""
    view = public_view(register, is_past=query.is_past)
    parts = parts_of(register, is_past=query.is_past, names=query.names)
    columns = parts if in_parts else (feature_of(register, is_past=query.is_past, names=query.names),)
    statement = select(view.c.id, *columns).where(view.c.id.in_(ids)).order_by(view.c.id)
    return connection.execute(statement.params(at=query.at)).all()


def _end_of_page(connection: Connection, register: Register, query: ItemsQuery) -> int | None:
    """Return the number of the record at which a page of the past ends at the latest; None where it reads to the end."""
    commune = query.equals.get("commune_code", query.unit) if register.is_in_communes else None
    if commune is not None and len(commune) != COMMUNE_DIGITS:
        commune = None
    end = text("SELECT open.history_end(:register, :after, :at, :states, :commune)")
    values = {"register": register.id, "after": query.after, "at": query.at, "states": STATES_A_PAGE}
    found: int | None = connection.scalar(end, {**values, "commune": commune})
    return found


def count_matches(
    connection: Connection, register: Register, query: ItemsQuery, upto: int | None = EXACT_COUNT_UP_TO
) -> int | None:
    """Count what matches, exactly up to a number; None when there is more than that.

    None as well where more states than that were replaced since: to find those that match, each would be read.

    Parameters
    ----------
    upto : int or None
        None counts all, however long that takes.
    """
    kinds = past_matches(register, query) if query.is_past else [matches(register, query)]
    if upto is not None and query.is_past and query.is_narrowed:
        replaced = select(replaced_states(register).c.id).params(at=query.at)
        if _count(connection, [replaced], upto) is None:
            return None
    return _count(connection, [kind.params(at=query.at) for kind in kinds], upto)


def estimate_matches(connection: Connection, register: Register, query: ItemsQuery) -> int:
    """Return about how many records match, as the database's planner expects."""
    return estimate_rows(connection, matches(register, query))


def _count(connection: Connection, kinds: Sequence[Select[Any]], upto: int | None) -> int | None:
    most = None if upto is None else upto + 1
    first = [select(kind.limit(most).subquery().c.id) for kind in kinds]
    found = union_all(*first).limit(most)
    count = int(connection.scalar(select(func.count()).select_from(found.subquery())) or 0)
    return count if upto is None or count <= upto else None


def read_feature(
    connection: Connection,
    register: Register,
    feature_id: str,
    at: int | None = None,
    *,
    names: Names = None,
    in_parts: bool = False,
) -> Any:
    """Read one feature by its UUID, or by the number that tiles carry.

    Parameters
    ----------
    at : int, optional
        The feature as it was right after this revision.
    names : tuple of str, optional
        Properties to show; all where it is None.

    Returns
    -------
    Row
        ``feature`` as GeoJSON text or its parts, ``revision`` that touched it last, and ``updated_at``.

    Raises
    ------
    FeatureNotFoundError
        When there is none, or none that may be shown.
    """
    is_past = at is not None
    view = public_view(register, is_past=is_past)
    condition = id_condition(view, feature_id)
    # A register that is being loaded for the first time is locked: what was never published need not be looked for.
    if condition is not None and register.id in read_versions(connection):
        parts = parts_of(register, is_past=is_past, names=names)
        columns = parts if in_parts else (feature_of(register, is_past=is_past, names=names),)
        plain = () if in_parts else (view.c.uuid,)
        statement = select(*columns, view.c.revision, view.c.updated_at, *plain).where(condition)
        for row in connection.execute(statement.params(at=at)):
            return row
    raise FeatureNotFoundError(feature=feature_id[:60])


_BIGINT_DIGITS = 18


def id_condition(view: FromClause, feature_id: str) -> Any:
    """Return the condition for the record with a UUID, or with the number that tiles carry; None for what is neither."""
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


def read_beginning(connection: Connection, register: Register) -> date | None:
    """Return from which day on the register tells how things are; None where it is empty.

    The first on which a record is in force; where records have no such days, that of the first revision.
    """
    validity = read_validity(connection, register)
    if validity is not None:
        return validity[0]
    published = text(
        "SELECT (min(published_at) AT TIME ZONE 'Asia/Ho_Chi_Minh')::date FROM open.revision WHERE register = :id"
    )
    first: date | None = connection.execute(published, {"id": register.id}).scalar_one()
    return first


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

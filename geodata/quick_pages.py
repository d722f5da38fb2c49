"""Pages of dense registers in one statement: their state, what matches, and features that are written out already."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    Float,
    Integer,
    Select,
    TableClause,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    null,
    select,
    table,
    true,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, UUID, aggregate_order_by
from sqlalchemy.sql.selectable import LateralFromClause

from geodata.derived import WEB_MERCATOR, written_table
from geodata.features import EXACT_COUNT_UP_TO
from geodata.public_views import public_view
from geodata.register import Register

_TOGETHER = 128
"""How many features are joined in one row: PostgreSQL copies a value six times on its way out, large ones slowly."""

SIDES = ("west", "south", "east", "north")
_CORNERS = (func.ST_XMin, func.ST_YMin), (func.ST_XMax, func.ST_YMax)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement with ``$1`` for its first value, the names of its values in their order, and those that are fixed."""

    sql: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the statement."""
        return [given[name] if name in given else self.fixed[name] for name in self.names]


@cache
def page_statement(register: Register, *, has_box: bool) -> Prepared:
    """Return the statement of a page of a register that is written out (`geodata.written`).

    Its values are ``after``, ``limit`` and, with a box, ``west``, ``south``, ``east``, ``north`` (degrees). There is a row for
    every `_TOGETHER` features, but one at least. Each has ``revision``, ``published_at``, ``policy``; ``is_written``, without
    which there is no more to say; ``matched`` (with a box: how many, up to one more than `EXACT_COUNT_UP_TO`, when the page
    is of any of them); ``returned``; ``is_more``; ``last_id``; and, of its features, ``written`` and ``features``, joined by
    commas, as UTF-8. The sum of ``written`` is less than ``returned`` where a feature is not written out.
    """
    after, limit = _value("after", BigInteger), _value("limit", Integer)
    rows = (_in_box(register) if has_box else _following(register, after, limit)).subquery("rows")
    ids = func.array_agg(aggregate_order_by(rows.c.id, rows.c.id), type_=ARRAY(BigInteger)).filter(rows.c.id > after)
    # One pass over what the box holds: how many they are, and those of the page.
    found = select(func.count().label("matched"), ids.label("ids")).select_from(rows).cte("found")
    returned = func.least(func.coalesce(func.cardinality(found.c.ids), 0), limit)
    first = func.generate_series(1, returned, _TOGETHER, type_=Integer).table_valued("at").render_derived("first")
    features = _features(register, found, found.c.ids[first.c.at : func.least(first.c.at + (_TOGETHER - 1), limit)])
    columns = (
        *_state(register),
        select(func.min(_written(register).c.id)).scalar_subquery().is_not(None).label("is_written"),
        (found.c.matched if has_box else cast(null(), BigInteger)).label("matched"),
        (func.coalesce(func.cardinality(found.c.ids), 0) > limit).label("is_more"),
        returned.label("returned"),
        found.c.ids[returned].label("last_id"),
        *features.c,
    )
    return _prepare(select(*columns).select_from(found.outerjoin(first, true()).outerjoin(features, true())))


@cache
def state_statement(register: Register) -> Prepared:
    """Return the statement of ``revision``, ``published_at`` and ``policy`` alone: the state that a page shows."""
    return _prepare(select(*_state(register)))


@cache
def feature_statement(register: Register) -> Prepared:
    """Return the statement of one feature of such a register, by ``uuid``.

    Its row has ``policy``, ``uuid``, ``revision``, ``updated_at``, and ``feature``, null where it is not written out; there is
    none where the record is not public.
    """
    written, view = _written(register), public_view(register, is_past=False)
    found = select(_policy(), view.c.uuid, view.c.revision, view.c.updated_at, written.c.feature)
    found = found.select_from(view.outerjoin(written, written.c.id == view.c.id))
    return _prepare(found.where(view.c.uuid == bindparam("uuid", type_=UUID(as_uuid=False))))


def _policy() -> ColumnElement[str]:
    policy = table("publication_policy", column("policy"), schema="open")
    return select(policy.c.policy).scalar_subquery().label("policy")


def _state(register: Register) -> list[ColumnElement[Any]]:
    revision = table("revision", *map(column, ("register", "number", "published_at")), schema="open")
    latest = select(revision).where(revision.c.register == register.id).order_by(revision.c.number.desc()).limit(1)
    newest = latest.subquery("newest")
    return [newest.c.number.label("revision"), newest.c.published_at, _policy()]


def _in_box(register: Register) -> Select[Any]:
    written = _written(register)
    corners = [_value(side, Float) for side in SIDES]
    box = select(func.ST_Transform(func.ST_MakeEnvelope(*corners, 4326), WEB_MERCATOR).label("shape")).subquery("box")
    low, high = (func.point(x(box.c.shape), y(box.c.shape)) for x, y in _CORNERS)
    # As a sub-select it is worked out once.
    sides = select(func.box(low, high)).scalar_subquery()
    return select(written.c.id).where(written.c.place.op("<@")(sides)).limit(EXACT_COUNT_UP_TO + 1)


def _following(register: Register, after: BindParameter[Any], limit: BindParameter[Any]) -> Select[Any]:
    # Of the register itself: what is not written out has to be missed.
    view = public_view(register, is_past=False)
    return select(view.c.id).where(view.c.id > after).order_by(view.c.id).limit(limit + 1)


def _features(register: Register, found: CTE, ids: ColumnElement[Any]) -> LateralFromClause:
    """Return how many of these records are written out, and the text of all, in the order of ids."""
    written = _written(register)
    # An aggregate takes the rows as they come from a sorted sub-select; told of the order itself it sorts the text with them.
    rows = (
        select(written.c.feature)
        .where(written.c.id == any_(ids))
        .order_by(written.c.id)
        .correlate(found)
        .lateral("rows")
    )
    text = func.string_agg(rows.c.feature, literal(","))
    both = select(func.count().label("written"), func.convert_to(text, "UTF8").label("features"))
    return both.select_from(rows).lateral("features")


def _written(register: Register) -> TableClause:
    name = written_table(register).name
    return table(name, column("id", BigInteger), column("feature"), column("place"), schema="open")


def _value(name: str, kind: type[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=kind)


def _prepare(statement: Select[Any]) -> Prepared:
    dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]  # untyped upstream
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    fixed = {name: value for name, value in compiled.params.items() if value is not None}
    return Prepared(str(compiled), tuple(compiled.positiontup or ()), fixed)

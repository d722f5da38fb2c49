"""The views that the public reads, as tables of statements: what is so now, and every state there was."""

from collections.abc import Iterable
from functools import cache, reduce
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    Label,
    Text,
    bindparam,
    cast,
    column,
    false,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.types import UserDefinedType

from geodata.derived import geometry_names
from geodata.register import Register

DECIMALS = 7
"""Decimals of a coordinate in GeoJSON: 1 cm."""

Names = tuple[str, ...] | None
"""Names of the properties that are shown, in their order; None for all."""

_NULL = literal_column("'null'", Text)

COMMUNE_DIGITS = 5
"""Of a commune's code; a province's has two."""


class Geometry(UserDefinedType[object]):
    """A geometry as PostGIS has it, without GeoAlchemy's conversions."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        """Return its name in SQL."""
        return "geometry"


@cache
def public_view(register: Register, *, is_past: bool) -> FromClause:
    """Return what is public now; of the past, what was so after the revision that is given as ``at``."""
    if not is_past:
        return _open_view(register, register.id)
    states = states_view(register)
    at: BindParameter[int] = bindparam("at", type_=BigInteger())
    is_so = or_(states.c.until.is_(None), states.c.until > at)
    return select(states).where(states.c.revision <= at, is_so).subquery("state")


@cache
def states_view(register: Register) -> FromClause:
    """Return the view of every state that the register's records have or had; ``until`` is when one ended."""
    return _open_view(register, f"{register.id}_states", "until")


def _open_view(register: Register, name: str, *more: str) -> FromClause:
    names = ["id", "uuid", "revision", "updated_at", *property_names(register), *more]
    shapes = [column(name, Geometry()) for name in geometry_names(register)]
    return table(name, *(column(name) for name in names), *shapes, schema="open")


@cache
def replaced_view(register: Register) -> FromClause:
    """Return the view of every state that holds no more; ``until`` is the revision that ended it."""
    return _open_view(register, f"{register.id}_replaced", "until")


@cache
def replaced_states(register: Register) -> FromClause:
    """Return the states that held after the revision given as ``at`` and do no more."""
    view = replaced_view(register)
    at: BindParameter[int] = bindparam("at", type_=BigInteger())
    return select(view).where(view.c.revision <= at, view.c.until > at).subquery("state")


def feature_at(register: Register) -> Label[str]:
    """Return the expression that writes one state as a feature, over `states_view`."""
    return _written(register, states_view(register))


@cache
def property_names(register: Register) -> tuple[str, ...]:
    """Return the names of the properties that features have, in their order."""
    return (*(item.name for item in register.public_fields), *(side.name for side in register.lists))


@cache
def feature_of(register: Register, *, is_past: bool, names: Names = None) -> Label[str]:
    """Return the expression that writes one feature, with the properties of these names or with all."""
    return _written(register, public_view(register, is_past=is_past), names)


def _written(register: Register, view: FromClause, names: Names = None) -> Label[str]:
    parts = (
        _constant('{"type":"Feature","id":"'), cast(view.c.uuid, Text),
        _constant('","geometry":'), func.coalesce(func.ST_AsGeoJSON(_place(register, view), DECIMALS, 0), _NULL),
        _constant(',"properties":'), _properties(register, view, names), _constant("}"),
    )  # fmt: skip
    return _joined(parts).label("feature")


@cache
def parts_of(register: Register, *, is_past: bool, names: Names = None) -> tuple[Label[Any], ...]:
    """Return the expressions of a feature's parts: uuid, properties as JSON text, shape as WKB, days of validity."""
    view = public_view(register, is_past=is_past)
    properties = _properties(register, view, names).label("properties")
    wkb = func.ST_AsBinary(_place(register, view), "NDR").label("wkb")
    days = [view.c[name].label(name) for name in ("valid_from", "valid_to")] if register.has_validity else []
    return view.c.uuid.label("uuid"), properties, wkb, *days


def _properties(register: Register, view: FromClause, names: Names) -> ColumnElement[str]:
    """Return the expression of an object, put together as text: PostgreSQL's own functions take longer and leave blanks."""
    listed = property_names(register) if names is None else names
    values = (
        part
        for at, name in enumerate(listed)
        for part in (
            _constant(f'{"," if at else ""}"{name}":'),
            func.coalesce(cast(func.to_json(view.c[name]), Text), _NULL),
        )
    )
    return _joined((_constant("{"), *values, _constant("}")))


def _constant(words: str) -> ColumnElement[str]:
    """Return a text of ours as it stands in a statement; names have no quotes in them."""
    return literal_column(f"'{words}'", Text)


def _joined(parts: Iterable[ColumnElement[str]]) -> ColumnElement[str]:
    return reduce(lambda before, part: before.op("||")(part), parts)


def _place(register: Register, view: FromClause) -> ColumnElement[Any]:
    shapes = [view.c[name] for name in geometry_names(register)]
    return shapes[0] if len(shapes) == 1 else func.coalesce(*shapes, type_=Geometry())


def unit_field(register: Register) -> str:
    """Return the name of the field that says which unit a record belongs to, of a unit its own code."""
    return "commune_code" if any(item.name == "commune_code" for item in register.public_fields) else "code"


def in_unit(register: Register, view: FromClause, unit: str) -> ColumnElement[bool]:
    """Return the condition that a record belongs to a commune or province."""
    if len(unit) == COMMUNE_DIGITS:
        return false() if register.id == "provinces" else view.c[unit_field(register)] == unit
    if register.id == "provinces":
        return view.c.code == unit
    if "province_code" in view.c:
        return view.c.province_code == unit
    communes = table("communes", column("code"), column("province_code"), schema="open")
    return view.c[unit_field(register)].in_(select(communes.c.code).where(communes.c.province_code == unit))

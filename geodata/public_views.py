"""The views that the public reads, as tables of statements: what is so now, and every state there was."""

from functools import cache

from sqlalchemy import (
    BigInteger,
    BindParameter,
    FromClause,
    Label,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.types import UserDefinedType

from geodata.derived import geometry_names
from geodata.register import Register

DECIMALS = 7
"""Decimals of a coordinate in GeoJSON: 1 cm."""


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
    names = ["id", "uuid", "revision", "updated_at", *_property_names(register), *more]
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


def _property_names(register: Register) -> list[str]:
    return [*(item.name for item in register.public_fields), *(side.name for side in register.lists)]


@cache
def feature_of(register: Register, *, is_past: bool) -> Label[str]:
    """Return the expression that writes one feature."""
    return _written(register, public_view(register, is_past=is_past))


def _written(register: Register, view: FromClause) -> Label[str]:
    properties = [part for name in _property_names(register) for part in (literal(name), view.c[name])]
    shapes = [view.c[name] for name in geometry_names(register)]
    place = shapes[0] if len(shapes) == 1 else func.coalesce(*shapes, type_=Geometry())
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

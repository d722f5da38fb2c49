"""Staged rows against the records that are there: areas that overlap them, points on the spot of one.

Found through the spatial indexes: that of an area register's table, that of a point register's slim copy (decision
0012). A record that the file itself changes is compared with nothing: its old place goes.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    null,
    or_,
    select,
    table,
)
from sqlalchemy.types import UserDefinedType

from geodata.db import SYSTEM, Actor
from geodata.derived import WEB_MERCATOR, tile_table
from geodata.importing.file_places import LEAST_OVERLAP_M2, LEAST_OVERLAP_SHARE, SAME_SHARE
from geodata.importing.quantities import say_percent
from geodata.importing.report import Report
from geodata.register import Register

MOST_FOUND = 5_000
"""Findings of a kind looked for; beyond them the file as a whole is wrong."""

SAME_PLACE_M = 1.0
_MERCATOR_STRETCH = 1.05


class _Geography(UserDefinedType[Any]):
    """PostGIS' type for lengths and areas on the ground."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "geography"


def report_overlaps(
    connection: Connection, register: Register, staging: Table, report: Report, actor: Actor = SYSTEM
) -> None:
    """Warn of staged rows that lie on records of the register.

    Parameters
    ----------
    connection : Connection
        In the transaction of the staging table, once `geodata.importing.merge.Merge.match` has told which rows are
        records that are there already.
    staging : Table
        With ``row_number``, ``target``, ``is_changed`` and the register's geometry.
    actor : Actor
        Who reads the report: records of communes that are not theirs are named only where the public sees them.
    """
    geometry = register.geometry.key
    if geometry not in staging.c:
        return
    if register.geometry_kind == "polygon":
        for row, other, common, size, other_size in connection.execute(_overlapping(register, staging, actor)):
            share = common / (size + other_size - common)
            if common >= LEAST_OVERLAP_SHARE * min(size, other_size):
                say_overlap(report, row, other, common, share)
    else:
        for row, other in connection.execute(_on_the_spot(register, staging, actor)):
            report.add("EXISTING_SAME_PLACE", row=row, value=other)


def say_overlap(report: Report, row: int, other: str | None, common_m2: float, share: float) -> None:
    """Warn of an area that lies on a record's; from `SAME_SHARE` of what both cover on they are taken for one."""
    if share >= SAME_SHARE:
        report.add("EXISTING_DOUBLED", row=row, value=other, percent=say_percent(share))
    else:
        report.add("EXISTING_OVERLAP", row=row, value=other, area=f"{common_m2:.0f}")


def _overlapping(register: Register, staging: Table, actor: Actor = SYSTEM) -> Select[Any]:
    """Return (row number, name of the record, m² in common, m² of either) of areas that overlap a record."""
    live = register.table
    staged, there = staging.c[register.geometry.key], live.c[register.geometry.key]
    common = _square_metres(func.ST_Intersection(staged, there))
    columns = [staging.c.row_number, _told_name(register, actor), common, _square_metres(staged), _square_metres(there)]
    is_current = [live.c.valid_to.is_(None)] if "valid_to" in live.c else []
    return (
        select(*columns)
        .join(live, and_(func.ST_Intersects(staged, there), ~func.ST_Touches(staged, there)))
        .where(_is_new_place(staging), *is_current, _is_another(staging, live.c.id), common >= LEAST_OVERLAP_M2)
        .limit(MOST_FOUND)
    )


def _on_the_spot(register: Register, staging: Table, actor: Actor = SYSTEM) -> Select[Any]:
    """Return (row number, name of the record) of new points that lie where a record does."""
    live, slim = register.table, tile_table(register)
    staged = func.ST_Transform(staging.c[register.geometry.key], WEB_MERCATOR)
    is_near = func.ST_DWithin(slim.c.point, staged, SAME_PLACE_M * _MERCATOR_STRETCH)
    return (
        select(staging.c.row_number, _told_name(register, actor))
        .join(slim, is_near)
        .join(live, live.c.id == slim.c.id)
        .where(staging.c.target.is_(None), _is_another(staging, live.c.id))
        .limit(MOST_FOUND)
    )


def _is_new_place(staging: Table) -> ColumnElement[bool]:
    """Whether a staged row is a new record, or changes one."""
    return or_(staging.c.target.is_(None), staging.c.is_changed)


def _is_another(staging: Table, record: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a record is none that the file has a row for."""
    others = staging.alias("others")
    return ~exists().where(others.c.target == record)


def _square_metres(shape: ColumnElement[Any]) -> ColumnElement[float]:
    return func.ST_Area(cast(shape, _Geography()))


def _told_name(register: Register, actor: Actor) -> ColumnElement[Any]:
    """Return what a record is called where the actor may know: none of another commune's that the public does not see."""
    if actor.communes is None or not register.is_in_communes:
        return _name(register)
    there, public = register.table, table(register.id, column("id"), column(register.label), schema="open")
    is_public = register.guarded is None
    told = select(public.c[register.label]).where(public.c.id == there.c.id).scalar_subquery() if is_public else null()
    return case((there.c.commune_code.in_(actor.communes), _name(register)), else_=told)


def _name(register: Register) -> ColumnElement[Any]:
    """Return what people call a record: its label, or its code in force."""
    item = register.field(register.label)
    if item.scheme is None:
        return register.table.c[register.label]
    assert register.codes is not None
    codes = register.codes.__table__
    return (
        select(codes.c.value)
        .where(codes.c.feature_id == register.table.c.id, codes.c.scheme == item.scheme, codes.c.status == "active")
        .limit(1)
        .scalar_subquery()
    )

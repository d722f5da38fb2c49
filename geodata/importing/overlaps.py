"""Staged rows against the records that are there: areas that overlap them, points on the spot of one.

Found through the spatial indexes: that of an area register's table, that of a point register's slim copy (decision
0012). A record that the file itself changes is compared with nothing: its old place goes.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    case,
    column,
    exists,
    func,
    null,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION

from geodata.db import SYSTEM, Actor
from geodata.derived import WEB_MERCATOR, tile_table
from geodata.geometry import Geometries
from geodata.importing.overlapping import SAME_SHARE, Allowance, Overlap, overlapping
from geodata.importing.quantities import say_percent
from geodata.importing.report import Report
from geodata.register import Register

MOST_FOUND = 5_000
"""Findings of a kind looked for; beyond them the file as a whole is wrong."""

AREAS_AT_ONCE = 500
_SIDES = ("west", "south", "east", "north")

SAME_PLACE_M = 1.0
_MERCATOR_STRETCH = 1.05


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
    if geometry not in staging.c or register.takes_commune_area:
        return
    if register.geometry_kind == "polygon":
        _report_areas(connection, register, staging, report, actor)
    else:
        for row, other in connection.execute(_on_the_spot(register, staging, actor)):
            report.add("EXISTING_SAME_PLACE", row=row, value=other)


class RecordsBelow:
    """Warns of a file's areas that lie on records, portion by portion, with a bound on the work for all of them.

    The database could compare them itself, but nothing ends GEOS there: two combs across each other would hold the
    register's lock for minutes and fill the memory.
    """

    def __init__(self, report: Report, areas: int) -> None:
        self.report, self.allowance, self.count = report, Allowance.of(areas), 0

    def say(self, areas: Geometries, rows: NDArray[np.int64], records: Sequence[Any]) -> bool:
        """Compare some areas with the records about them; whether to go on with the next.

        Parameters
        ----------
        areas : object array, shape (n,)
        rows : int64 array, shape (n,)
            Their numbers in the file.
        records : sequence of row
            With ``label`` and ``shape``, WKB.
        """
        if self.count > MOST_FOUND or self.allowance.left < 0:
            self.report.add_once("OVERLAPS_UNCHECKED", int(rows[0]))
            return False
        shapes = shapely.from_wkb([bytes(record.shape) for record in records])
        for found in overlapping(areas, shapes, self.allowance):
            row = int(rows[found.area])
            if math.isnan(found.share):
                self.report.add_once("OVERLAPS_UNCHECKED", row)
                continue
            self._say(row, records[found.other].label, found)
            self.count += 1
        return self.allowance.left >= 0

    def _say(self, row: int, label: str | None, found: Overlap) -> None:
        """Warn of an area on a record's; from `SAME_SHARE` of what both cover on they are taken for one."""
        if found.share >= SAME_SHARE:
            self.report.add("EXISTING_DOUBLED", row=row, value=label, percent=say_percent(found.share))
        else:
            self.report.add("EXISTING_OVERLAP", row=row, value=label, area=f"{found.common_m2:.0f}")


def boxes_of(areas: Geometries) -> dict[str, list[float]]:
    """Return the sides of areas' boxes, as `select_in_boxes` asks for them."""
    return dict(zip(_SIDES, shapely.bounds(areas).T.tolist(), strict=True))


def select_in_boxes(record: ColumnElement[int], place: ColumnElement[Any]) -> Select[Any]:
    """Select the records whose places reach into some boxes, through the spatial index."""
    sides = [bindparam(side, type_=ARRAY(DOUBLE_PRECISION)) for side in _SIDES]
    asked = func.unnest(*sides).table_valued(*(column(side.key, DOUBLE_PRECISION) for side in sides)).render_derived()
    box = func.ST_MakeEnvelope(*asked.c, 4326)
    return select(record).join(asked, place.op("&&", is_comparison=True)(box)).limit(MOST_FOUND * 10)


def _report_areas(connection: Connection, register: Register, staging: Table, report: Report, actor: Actor) -> None:
    place = staging.c[register.geometry.key]
    staged = select(staging.c.row_number, func.ST_AsBinary(place).label("shape")).order_by(staging.c.row_number)
    staged = staged.where(_is_new_place(staging), place.is_not(None))
    count = connection.scalar(select(func.count()).select_from(staged.subquery()))
    checking, records = RecordsBelow(report, count or 0), _records(register, staging, actor)
    with connection.execute(staged.execution_options(yield_per=AREAS_AT_ONCE)) as result:
        for portion in result.partitions():
            areas = shapely.from_wkb([bytes(row.shape) for row in portion])
            found = connection.execute(records, boxes_of(areas)).all()
            if not checking.say(areas, np.array([row.row_number for row in portion]), found):
                return


def _records(register: Register, staging: Table, actor: Actor = SYSTEM) -> Select[Any]:
    """Return name and shape of the records in some boxes that the file has no row for."""
    live = register.table
    there = live.c[register.geometry.key]
    is_current = [live.c.valid_to.is_(None)] if "valid_to" in live.c else []
    found = select(_told_name(register, actor).label("label"), func.ST_AsBinary(there).label("shape"))
    return found.where(live.c.id.in_(select_in_boxes(live.c.id, there)), _is_another(staging, live.c.id), *is_current)


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

"""Tiles of a layer's records that match a filter, with the fields asked for.

What is drawn, and where in the tile, is what the plain tile would have were there no other records. At the zooms of
counts the matching records are counted on request, for each of the same 64 by 64 cells. Records come from the public
view, so what the publication policy guards is neither drawn nor counted.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.types import LargeBinary

from geodata.derived import CELLS_ACROSS, tile_table
from geodata.drawing import EXTENT, HALF_WORLD_M, counts, encoded
from geodata.errors import GeodataError
from geodata.filtering import Filter
from geodata.public_views import Geometry, public_view
from geodata.register import Register
from tiles import lowzoom
from tiles.cache import Tile
from tiles.connections import Connections
from tiles.flights import Flights
from tiles.grid import TileAddress
from tiles.lowzoom import LEVELS, Thinning, is_small_enough
from tiles.matrix_sets import MATRIX_SETS, VN2000_QUAD, WEB_MERCATOR_QUAD
from tiles.sql import TILE_X, TILE_Y, Condition, drawn_rows
from tiles.store import TileStore
from tiles.vn2000 import drawn_in_vn2000

TIMEZONE = "Asia/Ho_Chi_Minh"
"""What holds until a day holds to the end of that day here."""

CONNECTIONS = 2
"""Of a process for such tiles alone: a slow filter takes none from the plain ones."""


class SelectionTooSlowError(GeodataError):
    """So many records have to be looked at that it takes longer than a tile may."""

    code = "SELECTION_TOO_SLOW"
    vi_template = "Ô này có quá nhiều bản ghi để lọc trong lúc chờ. Hãy phóng to bản đồ, hoặc lọc theo loại hay mã."
    en_template = "This tile has too many records to filter while one waits. Zoom in, or filter by kind or code."


@dataclass(frozen=True)
class Selection:
    """What is wanted of one layer.

    Attributes
    ----------
    fields : tuple of str, optional
        Public fields in declared order; None for those that tiles carry.
    matrix_set : str
        Id of the tile matrix set; by that of VN-2000 neither records nor fields are chosen.
    """

    register: Register
    filter: Filter | None = None
    fields: tuple[str, ...] | None = None
    matrix_set: str = WEB_MERCATOR_QUAD.id

    @cached_property
    def key(self) -> str:
        """The same for the same selection and for no other."""
        tree = self.filter.tree if self.filter else None
        return json.dumps([self.register.id, tree, self.fields, self.matrix_set], sort_keys=True)

    @property
    def changes_by_day(self) -> bool:
        """Whether it may be another tomorrow without any revision."""
        asked = set(self.fields or ()) | (self.filter.names if self.filter else set())
        return any(item.changes_by_day for item in self.register.public_fields if item.name in asked)

    def version(self, mark: str, revision: int) -> str:
        """Return what a tile's ETag is made of; the mark is that of `TileStore`."""
        day = datetime.now(ZoneInfo(TIMEZONE)).date().isoformat() if self.changes_by_day else ""
        return f"{mark}-{revision:x}-{hashlib.sha256((self.key + day).encode()).hexdigest()[:20]}"


def selection_statement(selection: Selection, address: TileAddress, level: Thinning | None = None) -> Select[Any]:
    """Return the statement of a tile: one row of the register's latest revision (0 before the first) and the bytes.

    Parameters
    ----------
    level : Thinning, optional
        How much is left out.
    """
    register = selection.register
    revisions = table("revision", column("register"), column("number"), schema="open")
    latest = select(func.max(revisions.c.number)).where(revisions.c.register == register.id).scalar_subquery()
    columns: list[ColumnElement[Any]] = [
        # First, so that they are the $1 and $2 that the rows of the plain tile speak of.
        bindparam("x", address.x, Integer).label("x"),
        bindparam("y", address.y, Integer).label("y"),
        func.coalesce(latest, literal_column("0")).label("revision"),
        _encoded(selection, address, level).label("tile"),
    ]
    return select(*columns)


def _encoded(selection: Selection, address: TileAddress, level: Thinning | None) -> ColumnElement[bytes]:
    register, found = selection.register, MATRIX_SETS[selection.matrix_set]
    if address.z + found.zoom_offset < register.tile.min_zoom:
        return literal_column("''::bytea", LargeBinary)
    rows = _rows(selection, address, level)
    if not isinstance(rows, CTE):
        return encoded(register, rows)
    told = lowzoom.dropped_layer({register.id: rows})
    return encoded(register, _with_fields(selection, lowzoom.kept(rows), level)).op("||")(told)


def _rows(selection: Selection, address: TileAddress, level: Thinning | None) -> Select[Any] | CTE:
    """Return what is drawn; the latter, without the fields asked for, where records may be left out."""
    register, z = selection.register, address.z
    if selection.matrix_set == VN2000_QUAD.id:
        return drawn_in_vn2000(register, address, level)
    if _is_counted(register, z):
        return counts(register, z, TILE_X, TILE_Y) if selection.filter is None else _counted(selection, z)
    rows = drawn_rows(register, z, level, _condition(selection))
    return rows if isinstance(rows, CTE) else _with_fields(selection, rows, level)


def _condition(selection: Selection) -> Condition | None:
    """Return the filter as a condition over the slim copy: by way of the public view where it asks for more than tiles carry."""
    found, register = selection.filter, selection.register
    if found is None:
        return None
    if _is_slim(register, found.names):
        return found.condition
    view = public_view(register, is_past=False).alias("f")
    # So the view comes into the statement as a join, which is planned better than a list of ids.
    return lambda slim: and_(view.c.id == slim.c.id, found.condition(view))


def _with_fields(selection: Selection, rows: Select[Any], level: Thinning | None) -> Select[Any]:
    """Select the fields asked for of what is drawn; the public view is joined where tiles do not carry them."""
    register, names = selection.register, selection.fields
    if names is None or (level and not level.has_properties):
        return rows
    drawn = rows.order_by(None).subquery("d")
    view = drawn if _is_slim(register, names) else public_view(register, is_past=False).alias("v")
    chosen = select(drawn.c.id, *(_property(register, view, name) for name in names), drawn.c.g).order_by(drawn.c.id)
    return chosen if view is drawn else chosen.join_from(drawn, view, view.c.id == drawn.c.id)


def _is_counted(register: Register, z: int) -> bool:
    return register.tile.counts_below is not None and z < register.tile.counts_below


def _is_slim(register: Register, names: Iterable[str]) -> bool:
    """Whether the slim copy has all that is asked for."""
    return set(names) <= {item.name for item in register.tile_fields}


def _property(register: Register, view: FromClause, name: str) -> ColumnElement[Any]:
    """Return a field as tiles take it: they have no lists."""
    is_list = register.field(name).column.type.python_type is list
    return cast(view.c[name], Text).label(name) if is_list else view.c[name]


def _counted(selection: Selection, z: int) -> Select[Any]:
    """Count the matching points in the cells of the plain tile, to which each is given as there."""
    register, fields = selection.register, [item.name for item in selection.register.tile_fields]
    slim = table(tile_table(register).name, *map(column, ["id", *fields]), column("point", Geometry()), schema="open")
    cell_m = 2 * HALF_WORLD_M / ((1 << z) * CELLS_ACROSS)
    cx = func.floor((func.ST_X(slim.c.point) + HALF_WORLD_M) / cell_m, type_=Integer)
    cy = func.floor((HALF_WORLD_M - func.ST_Y(slim.c.point)) / cell_m, type_=Integer)
    column_, row = (cx - TILE_X * CELLS_ACROSS).label("across"), (cy - TILE_Y * CELLS_ACROSS).label("down")
    inside = slim.c.point.op("&&", is_comparison=True)(func.ST_TileEnvelope(z, TILE_X, TILE_Y, type_=Geometry()))
    points = select(column_, row).where(inside)
    assert selection.filter is not None
    if _is_slim(register, selection.filter.names):
        points = points.where(selection.filter.condition(slim))
    else:
        view = public_view(register, is_past=False).alias("v")
        points = points.join_from(slim, view, view.c.id == slim.c.id).where(selection.filter.condition(view))
    return _cells(points.subquery("p"))


def _cells(points: FromClause) -> Select[Any]:
    """Count points by cell, each drawn at the middle of its cell; a point on the lower or right edge is the next tile's."""
    across, down = points.c.across, points.c.down
    within = across.between(0, CELLS_ACROSS - 1) & down.between(0, CELLS_ACROSS - 1)
    step = EXTENT // CELLS_ACROSS
    place = func.ST_Point(across * step + step // 2, down * step + step // 2).label("g")
    cell = cast(down * CELLS_ACROSS + across, BigInteger).label("id")
    rows = select(cell, cast(func.count(), BigInteger).label("count"), place).where(within)
    return rows.group_by(across, down).order_by(cell)


class TileSelections:
    """Makes such tiles over connections of its own; requests for the same one in flight are merged, nothing is kept.

    Parameters
    ----------
    store : TileStore
        Of the same database, whose mark it knows.
    """

    def __init__(self, store: TileStore) -> None:
        settings, self._store = store.settings, store
        server = {
            **settings.server_settings, "application_name": "bandoso selected tiles", "timezone": TIMEZONE,
            "plan_cache_mode": "auto",
        }  # fmt: skip
        self.settings = replace(settings, server_settings=server)
        self._connections = Connections(
            CONNECTIONS, settings.wait_s, dsn=settings.dsn, command_timeout=5, statement_cache_size=0, server_settings=server,
        )  # fmt: skip
        self._flights = Flights()

    async def stop(self) -> None:
        """Close everything."""
        await self._connections.close()

    async def tile(self, selection: Selection, address: TileAddress) -> Tile:
        """Make a tile; its version is `Selection.version` of the register's latest revision.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        SelectionTooSlowError
        """
        key = (selection.key, address)
        return await self._flights.tile(key, lambda: self._make(selection, address))

    def leave(self, selection: Selection, address: TileAddress, task: "asyncio.Task[Any]") -> None:
        """Let a task that waits for a tile go, as `TileStore.leave` does."""
        self._flights.leave([(selection.key, address)], task)

    async def _make(self, selection: Selection, address: TileAddress) -> Tile:
        mark = self._store.mark
        for level in LEVELS:
            sql, values = bound_sql(selection_statement(selection, address, level))
            try:
                row = await self._connections.fetchrow(sql, *values)
            except asyncpg.QueryCanceledError as error:
                raise SelectionTooSlowError from error
            if is_small_enough(row["tile"]):
                break
        return Tile(selection.version(self._store.steady(mark), row["revision"]), plain=row["tile"])


def bound_sql(statement: Select[Any]) -> tuple[str, list[Any]]:
    """Return the text of a statement with ``$1``, ``$2`` … and the values for them."""
    compiled = statement.compile(dialect=dialects.dialect())  # type: ignore[no-untyped-call]  # untyped upstream
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]

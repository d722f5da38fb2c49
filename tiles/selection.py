"""Tiles of a layer's records that match a filter, with the fields asked for.

What is drawn, and where in the tile, is what the plain tile has; where that leaves small areas out, those that match are thinned
by themselves, and the tile says how many it left out of them. At the zooms of counts the matching records are counted on
request, for each of the same 64 by 64 cells. Records come from the public view, so what the publication policy guards
is neither drawn nor counted.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal_column,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.types import LargeBinary

from geodata.derived import CELLS_ACROSS, tile_table
from geodata.drawing import EXTENT, HALF_WORLD_M
from geodata.errors import GeodataError
from geodata.filtering import Filter
from geodata.public_views import Geometry, public_view
from geodata.register import Register
from tiles.cache import Tile
from tiles.connections import Connections
from tiles.flights import Flights
from tiles.grid import TileAddress
from tiles.lowzoom import dropped_layer, is_small_enough, kept
from tiles.matrix_sets import MATRIX_SETS, VN2000_QUAD, WEB_MERCATOR_QUAD
from tiles.sql import TILE_X, TILE_Y, drawn_rows, is_thinned, thinned_rows
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


class SelectionTooLargeError(GeodataError):
    """So many records with so many fields match that the tile would be larger than one may be."""

    code = "SELECTION_TOO_LARGE"
    vi_template = "Ô này sẽ quá lớn. Hãy phóng to bản đồ, chọn ít trường hơn, hoặc lọc hẹp hơn."
    en_template = "This tile would be too large. Zoom in, choose fewer fields, or filter for less."


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


def selection_statement(selection: Selection, address: TileAddress) -> Select[Any]:
    """Return the statement of a tile: one row of the register's latest revision (0 before the first) and the bytes."""
    register = selection.register
    revisions = table("revision", column("register"), column("number"), schema="open")
    latest = select(func.max(revisions.c.number)).where(revisions.c.register == register.id).scalar_subquery()
    columns: list[ColumnElement[Any]] = [
        # First, so that they are the $1 and $2 that the rows of the plain tile speak of.
        bindparam("x", address.x, Integer).label("x"),
        bindparam("y", address.y, Integer).label("y"),
        func.coalesce(latest, literal_column("0")).label("revision"),
        _encoded(selection, address).label("tile"),
    ]
    return select(*columns)


def _encoded(selection: Selection, address: TileAddress) -> ColumnElement[bytes]:
    register, found = selection.register, MATRIX_SETS[selection.matrix_set]
    if address.z + found.zoom_offset < register.tile.min_zoom:
        return literal_column("''::bytea", LargeBinary)
    if selection.matrix_set == WEB_MERCATOR_QUAD.id and is_thinned(register, address.z):
        drawn = thinned_rows(register, address.z, partial(_is_wanted, selection))
        layer = _layer(register, _with_fields(selection, kept(drawn)))
        return layer.op("||")(dropped_layer({register.id: drawn}))
    return _layer(register, _rows(selection, address))


def _layer(register: Register, rows: Select[Any]) -> ColumnElement[bytes]:
    features = rows.subquery("t")
    encoded = func.ST_AsMVT(literal_column("t.*"), register.id, EXTENT, "g", "id", type_=LargeBinary)
    return select(func.coalesce(encoded, literal_column("''::bytea"))).select_from(features).scalar_subquery()


def _rows(selection: Selection, address: TileAddress) -> Select[Any]:
    if selection.matrix_set == VN2000_QUAD.id:
        return drawn_in_vn2000(selection.register, address)
    is_counted = selection.filter is not None and _is_counted(selection.register, address.z)
    return (_counted if is_counted else _chosen)(selection, address.z)


def _chosen(selection: Selection, z: int) -> Select[Any]:
    """Select of what the plain tile draws; the public view is joined where it takes more than tiles carry."""
    rows = drawn_rows(selection.register, z)
    if _is_counted(selection.register, z):
        return rows
    return _with_fields(selection, rows, selection.filter)


def _with_fields(selection: Selection, rows: Select[Any], filter_: Filter | None = None) -> Select[Any]:
    register = selection.register
    drawn = rows.order_by(None).subquery("d")
    view = drawn if _is_slim(selection) else public_view(register, is_past=False).alias("v")
    names = [item.name for item in register.tile_fields] if selection.fields is None else selection.fields
    found = select(drawn.c.id, *(_property(register, view, name) for name in names), drawn.c.g).order_by(drawn.c.id)
    if view is not drawn:
        found = found.join_from(drawn, view, view.c.id == drawn.c.id)
    return found if filter_ is None else found.where(filter_.condition(view))


def _is_wanted(selection: Selection, slim: FromClause) -> ColumnElement[bool]:
    """Return whether a record of the slim copy matches: of small ones close together only those compete that do."""
    if selection.filter is None:
        return true()
    if _is_slim(selection):
        return selection.filter.condition(slim)
    view = public_view(selection.register, is_past=False).alias("w")
    return exists(select(view.c.id).where(view.c.id == slim.c.id, selection.filter.condition(view)))


def _is_counted(register: Register, z: int) -> bool:
    return register.tile.counts_below is not None and z < register.tile.counts_below


def _is_slim(selection: Selection) -> bool:
    """Whether the slim copy has all that is asked for."""
    asked = set(selection.fields or ()) | (selection.filter.names if selection.filter else set())
    return asked <= {item.name for item in selection.register.tile_fields}


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
    if _is_slim(selection):
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
        SelectionTooSlowError, SelectionTooLargeError
        """
        key = (selection.key, address)
        return await self._flights.tile(key, lambda: self._make(selection, address))

    def leave(self, selection: Selection, address: TileAddress, task: "asyncio.Task[Any]") -> None:
        """Let a task that waits for a tile go, as `TileStore.leave` does."""
        self._flights.leave((selection.key, address), task)

    async def _make(self, selection: Selection, address: TileAddress) -> Tile:
        sql, values = bound_sql(selection_statement(selection, address))
        mark = self._store.mark
        try:
            row = await self._connections.fetchrow(sql, *values)
        except asyncpg.QueryCanceledError as error:
            raise SelectionTooSlowError from error
        if not is_small_enough(row["tile"]):
            raise SelectionTooLargeError
        return Tile(selection.version(self._store.steady(mark), row["revision"]), plain=row["tile"])


def bound_sql(statement: Select[Any]) -> tuple[str, list[Any]]:
    """Return the text of a statement with ``$1``, ``$2`` … and the values for them."""
    compiled = statement.compile(dialect=dialects.dialect())  # type: ignore[no-untyped-call]  # untyped upstream
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]

"""The statement behind a tile: one for each combination of layers and zoom, x and y bound.

Everything is built from the register's declaration with SQLAlchemy Core and read from the views of schema
``open``. The search box is the tile with its buffer, the clip box without; records come in order of id, so the same
data gives the same bytes.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Select,
    case,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import LargeBinary, UserDefinedType

from geodata.derived import BLOCKS_ACROSS, CELLS_ACROSS, FIRST_BLOCK, placed_table
from geodata.placed import BUFFER, EXTENT, HALF_WORLD_M, TILES_ACROSS, units_of
from geodata.register import MAX_ZOOM, Register
from geodata.registers import get_register

MID_FROM_ZOOM, FULL_FROM_ZOOM = 8, 12
"""Zooms from which the finer simplified copy, and the full shape, are drawn."""

_PIXELS_ACROSS = 512
_X: ColumnElement[Any] = literal_column("$1::int")
_Y: ColumnElement[Any] = literal_column("$2::int")


class _Geometry(UserDefinedType[object]):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "geometry"


_GEOMETRY = _Geometry()


@cache
def tile_sql(layers: tuple[str, ...], z: int) -> str:
    """Return the SQL of a tile: one row of stamps and bytes.

    Parameters
    ----------
    layers : tuple of str
        Register ids, each at most once, in the order wanted.
    z : int
        Zoom; written into the statement so that each zoom gets its own plan.

    Returns
    -------
    str
        With ``$1`` for x and ``$2`` for y. Columns: ``stamps`` (bigint array, one for each layer, 0 where no revision
        touched the tile), ``tile`` (bytea; a layer without a feature adds nothing).
    """
    tile = layer_tile(get_register(layers[0]), z)
    for layer in layers[1:]:
        tile = tile.op("||")(layer_tile(get_register(layer), z))
    return _sql(select(_stamps(layers, z), tile.label("tile")))


@cache
def stamp_sql(layers: tuple[str, ...], z: int) -> str:
    """Return the SQL of a tile's stamps alone (``$1`` x, ``$2`` y)."""
    return _sql(select(_stamps(layers, z)))


def _sql(statement: Select[Any]) -> str:
    # The tile path's driver takes $1 and $2; everything else is a constant of the declaration.
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # untyped upstream
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _stamps(layers: tuple[str, ...], z: int) -> ColumnElement[Any]:
    return postgresql.array([_stamp(layer, z) for layer in layers]).label("stamps")


def _stamp(layer: str, z: int) -> ColumnElement[int]:
    stamps = table("tile_stamp", *(column(name) for name in ("layer", "z", "x", "y", "revision")), schema="open")
    found = select(stamps.c.revision).where(
        stamps.c.layer == layer, stamps.c.z == z, stamps.c.x == _X, stamps.c.y == _Y
    )
    return func.coalesce(found.scalar_subquery(), literal_column("0"))


def layer_tile(register: Register, z: int) -> ColumnElement[bytes]:
    """Return the expression that encodes one layer of a tile; empty bytes below the layer's first zoom."""
    rule = register.tile
    if z < rule.min_zoom:
        return literal_column("''::bytea", LargeBinary)
    if rule.counts_below is not None and z < rule.counts_below:
        return _encoded(register, _counts(register, z))
    if register.geometry_kind == "polygon":
        return _encoded(register, _shapes(register, z))
    points = _encoded(register, _points(register, z))
    if not (register.is_dense and z == MAX_ZOOM):
        return points
    # For a moment after a first load no point is placed yet.
    return case((exists(_placed(register).select()), _encoded(register, _placed_points(register))), else_=points)


def _encoded(register: Register, rows: Select[Any]) -> ColumnElement[bytes]:
    features = rows.subquery("t")
    encoded = func.ST_AsMVT(literal_column("t.*"), register.id, EXTENT, "g", "id", type_=LargeBinary)
    return select(func.coalesce(encoded, literal_column("''::bytea"))).select_from(features).scalar_subquery()


def _slim(register: Register) -> Any:
    names = [item.name for item in register.tile_fields]
    shapes = ["point", "geom", "geom_mid", "geom_low"]
    columns: list[ColumnClause[Any]] = [column("id"), column("size_m"), *(column(name) for name in names)]
    return table(f"{register.id}_tile", *columns, *(column(name, _GEOMETRY) for name in shapes), schema="open")


def _search_box(z: int, margin_units: int = BUFFER) -> ColumnElement[Any]:
    margin: ColumnElement[Any] = literal_column(f"margin => {margin_units / EXTENT}")
    return func.ST_TileEnvelope(z, _X, _Y, margin, type_=_GEOMETRY)


def _points(register: Register, z: int) -> Select[Any]:
    """Points by arithmetic of our own, which is faster than ST_AsMVTGeom and gives the same."""
    slim = _slim(register)
    names = [item.name for item in register.tile_fields]
    across, down = units_of(slim.c.point, z)
    found = select(slim.c.id, *(slim.c[name] for name in names))
    found = found.add_columns((across - _X * EXTENT).label("across"), (down - _Y * EXTENT).label("down"))
    # A point of half a unit beyond the buffer's edge is drawn on it. OFFSET keeps the units from being counted twice.
    p = found.where(slim.c.point.op("&&", is_comparison=True)(_search_box(z, BUFFER + 1))).offset(0).subquery("p")
    place = func.ST_MakePoint(p.c.across, p.c.down, type_=_GEOMETRY).label("g")
    inside = [unit.between(-BUFFER, EXTENT + BUFFER) for unit in (p.c.across, p.c.down)]
    return select(p.c.id, *(p.c[name] for name in names), place).where(*inside).order_by(p.c.id)


def _placed(register: Register) -> Any:
    names = ["tile", "id", *(item.name for item in register.tile_fields)]
    return table(
        placed_table(register).name, *(column(name) for name in names), column("place", _GEOMETRY), schema="open"
    )


def _placed_points(register: Register) -> Select[Any]:
    placed = _placed(register)
    fields = [placed.c[item.name] for item in register.tile_fields]
    here = placed.c.tile == _X * TILES_ACROSS + _Y
    return select(placed.c.id, *fields, placed.c.place.label("g")).where(here).order_by(placed.c.id)


def _shapes(register: Register, z: int) -> Select[Any]:
    """Areas, and a point in the place of those smaller than a pixel or lost in clipping."""
    slim = _slim(register)
    pixel_m = 2 * HALF_WORLD_M / (1 << z) / _PIXELS_ACROSS
    shape = slim.c.geom if z >= FULL_FROM_ZOOM else slim.c.geom_mid if z >= MID_FROM_ZOOM else slim.c.geom_low
    # In a sub-query it is made once, not once for each row.
    clip = select(func.ST_TileEnvelope(z, _X, _Y, type_=_GEOMETRY)).scalar_subquery()
    as_shape = func.ST_AsMVTGeom(shape, clip, EXTENT, BUFFER, literal_column("true"), type_=_GEOMETRY)
    as_point = func.ST_AsMVTGeom(slim.c.point, clip, EXTENT, BUFFER, literal_column("true"), type_=_GEOMETRY)
    drawn = func.coalesce(case((slim.c.size_m >= pixel_m, as_shape)), as_point).label("g")
    fields = [slim.c[item.name] for item in register.tile_fields]
    box = _search_box(z)
    meets = or_(
        slim.c.geom.op("&&", is_comparison=True)(box),
        slim.c.geom.is_(None) & slim.c.point.op("&&", is_comparison=True)(box),
    )
    rows = select(slim.c.id, *fields, drawn).where(meets).order_by(slim.c.id).subquery("f")
    return select(rows).where(rows.c.g.is_not(None))


def _counts(register: Register, z: int) -> Select[Any]:
    """Select the tile's own rows of counts, each drawn at the middle of its cell."""
    grid = table(f"{register.id}_grid", *(column(name) for name in ("z", "x", "y", "cell", "count")), schema="open")
    is_block = grid.c.cell >= FIRST_BLOCK
    number = grid.c.cell.op("-")(FIRST_BLOCK)
    across = case(
        (is_block, _middle(number.op("%")(BLOCKS_ACROSS), BLOCKS_ACROSS)),
        else_=_middle(grid.c.cell.op("%")(CELLS_ACROSS), CELLS_ACROSS),
    )
    down = case(
        (is_block, _middle(number.op("/")(BLOCKS_ACROSS), BLOCKS_ACROSS)),
        else_=_middle(grid.c.cell.op("/")(CELLS_ACROSS), CELLS_ACROSS),
    )
    place = func.ST_Point(across, down).label("g")
    return (
        select(func.int8(grid.c.cell).label("id"), grid.c["count"], place)
        .where(grid.c.z == z, grid.c.x == _X, grid.c.y == _Y)
        .order_by(grid.c.cell)
    )


def _middle(index: ColumnElement[Any], parts: int) -> ColumnElement[Any]:
    """Return the middle of one of ``parts`` equal parts of a tile's side, tile units."""
    step = EXTENT // parts
    return index * step + step // 2

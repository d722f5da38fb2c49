"""The statement behind a tile: one for each combination of layers and zoom, x and y bound.

Everything is built from the register's declaration with SQLAlchemy Core and read from the views of schema
``open``. The search box is the tile with its buffer, the clip box without; records come in order of id, so the same
data gives the same bytes.
"""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, case, column, exists, func, literal_column, select, table
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import LargeBinary

from geodata.derived import BLOCKS_ACROSS, CELLS_ACROSS, FIRST_BLOCK, placed_table
from geodata.drawing import ANY_GEOMETRY, EXTENT, meets, picture, slim_source
from geodata.placed import TILES_ACROSS
from geodata.register import MAX_ZOOM, Register
from geodata.registers import get_register

_X: ColumnElement[Any] = literal_column("$1::int")
_Y: ColumnElement[Any] = literal_column("$2::int")
TILE_X, TILE_Y = _X, _Y
"""The tile's place as the statements speak of it: their first two values."""


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
    placed = _placed(register)
    is_placed = exists(select(placed.c.tile).where(placed.c.tile >= 0))
    return case((is_placed, _encoded(register, _placed_points(register))), else_=points)


def _encoded(register: Register, rows: Select[Any]) -> ColumnElement[bytes]:
    features = rows.subquery("t")
    encoded = func.ST_AsMVT(literal_column("t.*"), register.id, EXTENT, "g", "id", type_=LargeBinary)
    return select(func.coalesce(encoded, literal_column("''::bytea"))).select_from(features).scalar_subquery()


def drawn_rows(register: Register, z: int) -> Select[Any]:
    """Return what a layer draws in a tile: id, tile fields (or counts), and geometry ``g`` in units of the tile."""
    rule = register.tile
    if rule.counts_below is not None and z < rule.counts_below:
        return _counts(register, z)
    return _points(register, z) if register.geometry_kind == "point" else _shapes(register, z)


def _points(register: Register, z: int) -> Select[Any]:
    slim = slim_source(register)
    fields = [slim.c[item.name] for item in register.tile_fields]
    place = picture(register, slim, z, _X, _Y).label("g")
    return select(slim.c.id, *fields, place).where(meets(register, slim, z, _X, _Y)).order_by(slim.c.id)


def _placed(register: Register) -> Any:
    names = ["tile", "id", *(item.name for item in register.tile_fields)]
    place = column("place", ANY_GEOMETRY)
    return table(placed_table(register).name, *(column(name) for name in names), place, schema="open")


def _placed_points(register: Register) -> Select[Any]:
    placed = _placed(register)
    fields = [placed.c[item.name] for item in register.tile_fields]
    here = placed.c.tile == _X * TILES_ACROSS + _Y
    return select(placed.c.id, *fields, placed.c.place.label("g")).where(here).order_by(placed.c.id)


def _shapes(register: Register, z: int) -> Select[Any]:
    rows = _points(register, z).subquery("f")
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

"""The points of the largest zoom, kept by the tiles that show them.

A tile is then one range of an index, in the order of its features and with every place counted in the tile's own
units already: half the work that the same tile costs from the slim copy. A point in the buffer of a neighbouring tile
stands under both. Only for registers dense enough to be counts at low zooms.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    select,
    table,
    true,
)

from geodata.derived import placed_table, tile_table
from geodata.drawing import BUFFER, EXTENT, units_of
from geodata.history import try_lock_register
from geodata.register import MAX_ZOOM, Register
from geodata.registers import discover

TILES_ACROSS = 1 << MAX_ZOOM
_EXTENT_BITS = EXTENT.bit_length() - 1
_TOUCHED = table("touched", column("id"))


def remove_placed(connection: Connection, register: Register) -> None:
    """Take out the points of the records in ``touched``, before the slim copy forgets where they were."""
    placed, old = placed_table(register), _in_tiles(register).subquery("old")
    connection.execute(delete(placed).where(placed.c.tile == old.c.tile, placed.c.id == old.c.id))


def add_placed(connection: Connection, register: Register) -> None:
    """Put in the points of the records in ``touched``, where the slim copy says that they are now."""
    rows = _in_tiles(register)
    names = [item.name for item in rows.selected_columns]
    connection.execute(insert(placed_table(register)).from_select(names, rows))


def is_placed(connection: Connection, register: Register) -> bool:
    """Return whether all points stand here, which after a first load is so from `place_all` on."""
    has_any = select(exists(select(placed_table(register).c.id)) | ~exists(select(tile_table(register).c.id)))
    return bool(connection.scalar(has_any))


def place_all(connection: Connection) -> None:
    """Place the points of every register whose first load left that for later.

    A register that somebody publishes into this moment waits for the next time.
    """
    for register in discover().values():
        if not register.is_dense or is_placed(connection, register) or not try_lock_register(connection, register):
            continue
        if not is_placed(connection, register):
            rows = _in_tiles(register, touched_only=False).order_by("tile", "id")
            names = [item.name for item in rows.selected_columns]
            connection.execute(insert(placed_table(register)).from_select(names, rows))
            connection.execute(select(func.ops.analyze_derived(placed_table(register).name)))


def _in_tiles(register: Register, *, touched_only: bool = True) -> Select[Any]:
    """Select points of the slim copy once for every tile that shows them."""
    slim = tile_table(register)
    names = [item.name for item in register.tile_fields]
    across, down = (cast(unit, Integer) for unit in units_of(slim.c.point, MAX_ZOOM))
    points = select(slim.c.id, *(slim.c[name] for name in names), across.label("across"), down.label("down"))
    if touched_only:
        points = points.where(slim.c.id.in_(select(_TOUCHED.c.id)))
    # OFFSET keeps the units from being counted anew wherever they are used.
    p = points.offset(0).subquery("p")
    columns, rows = _tiles_around(p.c.across, "columns"), _tiles_around(p.c.down, "rows")
    x, y = columns.c.number, rows.c.number
    place = func.ST_MakePoint(p.c.across - x * EXTENT, p.c.down - y * EXTENT)
    tile = cast(x * TILES_ACROSS + y, Integer)
    chosen = select(tile.label("tile"), p.c.id, *(p.c[name] for name in names), place.label("place"))
    return chosen.select_from(p.join(columns, true()).join(rows, true())).where(
        x.between(0, TILES_ACROSS - 1), y.between(0, TILES_ACROSS - 1)
    )


def _tiles_around(unit: ColumnElement[int], name: str) -> FromClause:
    """Return the columns (or rows) of tiles that hold a unit, buffers included."""
    first, last = ((unit + margin).op(">>")(_EXTENT_BITS) for margin in (-BUFFER - 1, BUFFER))
    return func.generate_series(first, last).table_valued("number", name=name).render_derived()

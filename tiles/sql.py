"""The statement behind a tile: one for each combination of layers and zoom, x and y bound.

Everything is built from the register's declaration with SQLAlchemy Core and read from the views of schema
``open``. The search box is the tile with its buffer, the clip box without; records come in order of id, so the same
data gives the same bytes.
"""

from collections.abc import Callable, Iterator
from functools import cache, reduce
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    case,
    column,
    exists,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import LargeBinary

from geodata.derived import placed_table
from geodata.drawing import (
    ANY_GEOMETRY,
    EXTENT,
    FULL_FROM_ZOOM,
    HALF_WORLD_M,
    counts,
    double,
    encoded,
    meets,
    picture,
    shape_at,
    shape_level,
    shape_or_point,
    slim_source,
    units_of,
)
from geodata.finished import finished_layer
from geodata.placed import TILES_ACROSS
from geodata.register import MAX_ZOOM, Register
from geodata.registers import get_register
from tiles import lowzoom
from tiles.lowzoom import LEVELS, Thinning

_X: ColumnElement[Any] = literal_column("$1::int")
_Y: ColumnElement[Any] = literal_column("$2::int")
TILE_X, TILE_Y = _X, _Y
"""The tile's place as the statements speak of it: their first two values."""

Condition = Callable[[FromClause], ColumnElement[bool]]
"""Which records are wanted: makes the condition over the slim copy."""


@cache
def tile_sql(layers: tuple[str, ...], z: int, thinning: int = 0) -> str:
    """Return the SQL of a tile: one row of stamps and bytes.

    Parameters
    ----------
    layers : tuple of str
        Register ids, each at most once, in the order wanted.
    z : int
        Zoom; written into the statement so that each zoom gets its own plan.
    thinning : int
        How much is left out: an index of `LEVELS`.

    Returns
    -------
    str
        With ``$1`` for x and ``$2`` for y. Columns: ``stamps`` (bigint array, one for each layer, 0 where no revision
        touched the tile), ``tile`` (bytea; a layer without a feature adds nothing).
    """
    thinned: dict[str, CTE] = {}
    parts = [layer_tile(get_register(layer), z, thinning, thinned) for layer in layers]
    if thinned:
        parts.append(lowzoom.dropped_layer(thinned))
    tile = reduce(lambda before, part: before.op("||")(part), parts)
    return _sql(select(_stamps(layers, z), tile.label("tile")))


def tile_statements(layers: tuple[str, ...], z: int) -> Iterator[str]:
    """Yield the statements of a tile, each of fewer bytes than the one before; none for no layer.

    The first is the tile as it should be. Who makes a tile asks the next one until the answer
    `tiles.lowzoom.is_small_enough`, and takes the last as it is.
    """
    return (tile_sql(layers, z, thinning) for thinning in range(len(LEVELS)) if layers)


@cache
def stamp_sql(layers: tuple[str, ...], z: int) -> str:
    """Return the SQL of a tile's stamps alone (``$1`` x, ``$2`` y)."""
    return _sql(select(_stamps(layers, z)))


@cache
def many(statement: str) -> str:
    """Return the statement of one tile as one of many tiles.

    Parameters
    ----------
    statement : str
        From `tile_sql` or `stamp_sql`.

    Returns
    -------
    str
        With ``$1`` for a list of x and ``$2`` for one of y. Rows come in any order; column ``n`` says of which place in the lists,
        from 1; the other columns are those of ``statement``.
    """
    one = statement.replace(str(_X), "asked.x").replace(str(_Y), "asked.y")
    asked = "unnest($1::int[], $2::int[]) WITH ORDINALITY AS asked(x, y, n)"
    return f"SELECT asked.n, made.* FROM {asked}, LATERAL ({one}) AS made"  # noqa: S608  # two statements of ours alone


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


def layer_tile(register: Register, z: int, thinning: int, thinned: dict[str, CTE]) -> ColumnElement[bytes]:
    """Return the expression that encodes one layer of a tile; empty bytes below the layer's first zoom.

    What a layer leaves out is noted in ``thinned``.
    """
    rule, level = register.tile, LEVELS[thinning]
    if z < rule.min_zoom:
        return literal_column("''::bytea", LargeBinary)
    if rule.counts_below is not None and z < rule.counts_below:
        made = encoded(register, counts(register, z, _X, _Y))
        return func.coalesce(finished_layer(register, z, _X, _Y), made, type_=LargeBinary)
    rows = drawn_rows(register, z, level)
    if isinstance(rows, CTE):
        thinned[register.id] = rows
        return encoded(register, lowzoom.kept(rows))
    drawn = encoded(register, rows)
    if not (register.is_dense and z == MAX_ZOOM):
        return drawn
    # For a moment after a first load no point is placed yet.
    placed = table(f"{placed_table(register).name}_at_all", column("one"), schema="open")
    is_placed = exists(select(placed.c.one))
    return case((is_placed, encoded(register, _placed_points(register))), else_=drawn)


def drawn_rows(
    register: Register, z: int, level: Thinning | None = None, condition: Condition | None = None
) -> Select[Any] | CTE:
    """Return what a layer draws in a tile: id, tile fields, and geometry ``g`` in units of the tile.

    Not for the zooms of counts. ``g`` is null where the tile draws nothing of a record, which ST_AsMVT leaves out: a
    condition here would have each shape cut twice, once for the condition and once for the tile.

    Parameters
    ----------
    condition : callable, optional
        Others are neither drawn nor left out: they are not there.

    Returns
    -------
    Select or CTE
        The latter, `tiles.lowzoom.drawn`, where some may be left out.
    """
    is_area = register.geometry_kind == "polygon"
    if level is not None or _is_thinned(register, z):
        return (_thinned_shapes if is_area else _thinned_points)(register, z, level, condition)
    return _records(register, z, condition)


def _is_thinned(register: Register, z: int) -> bool:
    return register.geometry_kind == "polygon" and not register.tile.keeps_all and z < FULL_FROM_ZOOM


def _records(register: Register, z: int, condition: Condition | None) -> Select[Any]:
    slim = slim_source(register)
    fields = [slim.c[item.name] for item in register.tile_fields]
    place = picture(register, slim, z, _X, _Y).label("g")
    rows = select(slim.c.id, *fields, place).where(meets(register, slim, z, _X, _Y)).order_by(slim.c.id)
    return rows if condition is None else rows.where(condition(slim))


def _placed(register: Register) -> Any:
    names = ["tile", "id", *(item.name for item in register.tile_fields)]
    place = column("place", ANY_GEOMETRY)
    return table(placed_table(register).name, *(column(name) for name in names), place, schema="open")


def _placed_points(register: Register) -> Select[Any]:
    placed = _placed(register)
    fields = [placed.c[item.name] for item in register.tile_fields]
    here = placed.c.tile == _X * TILES_ACROSS + _Y
    return select(placed.c.id, *fields, placed.c.place.label("g")).where(here).order_by(placed.c.id)


def _thinned_points(register: Register, z: int, level: Thinning | None, condition: Condition | None) -> CTE:
    assert level is not None
    found = _records(register, z, condition).order_by(None).subquery("found")
    across, down = func.ST_X(found.c.g) / EXTENT, func.ST_Y(found.c.g) / EXTENT
    ranked = lowzoom.thinned(select(found), level.squares, across, down, found.c.id)
    return lowzoom.drawn(register, ranked, names_at(register, level), ranked.c.g)


def _thinned_shapes(register: Register, z: int, level: Thinning | None, condition: Condition | None) -> CTE:
    """Areas, and points in the place of the smaller ones, as many of these as there is room for."""
    slim, names = slim_source(register), names_at(register, level)
    # The full shape has more vertices than a tile with too much in it can use.
    shape = shape_at(slim, min(shape_level(z), 2))
    across, down = units_of(slim.c.point, z)
    places = ((across - _X * EXTENT) / EXTENT).label("across"), ((down - _Y * EXTENT) / EXTENT).label("down")
    kept = [slim.c[name] for name in ("id", *names, "size_m", "point")]
    rows = select(*kept, shape.label("shape"), *places, func.count().over().label("areas"))
    wanted = [meets(register, slim, z, _X, _Y), *([] if condition is None else [condition(slim)])]
    found = rows.where(*wanted).subquery("found")
    squares, parts = (level.squares, level.squares) if level else lowzoom.by_crowd(found.c.areas)
    is_shape = found.c.size_m >= double(2 * HALF_WORLD_M / (1 << z)) / parts
    ranked = lowzoom.thinned(
        select(*(found.c[name] for name in ("id", *names, "point", "shape")), is_shape.label("is_shape")), squares,
        case((~is_shape, found.c.across)), case((~is_shape, found.c.down)), found.c.size_m.desc(), found.c.id,
    )  # fmt: skip
    return lowzoom.drawn(register, ranked, names, shape_or_point(ranked.c.is_shape, ranked, z, _X, _Y))


def names_at(register: Register, level: Thinning | None) -> list[str]:
    """Return the fields that a tile's records have."""
    return [] if level and not level.has_properties else [item.name for item in register.tile_fields]

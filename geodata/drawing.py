"""What a tile shows of a record: whether it meets the record, and what it draws of it.

Tiles are cut with these expressions, and a publish compares with the same ones what a tile showed before and shows now.
"""

from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Double,
    FromClause,
    Select,
    and_,
    case,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.types import LargeBinary, UserDefinedType

from geodata.derived import BLOCKS_ACROSS, CELLS_ACROSS, FIRST_BLOCK, grid_table, kind_columns
from geodata.register import Register

HALF_WORLD_M = 20037508.342789244
EXTENT = 4096
"""Units across a vector tile."""

BUFFER = 64
"""Units that a tile holds beyond its edge, so that lines and circles meet their other half."""

MID_FROM_ZOOM, FULL_FROM_ZOOM = 8, 12
"""Zooms from which the finer simplified copy, and the full shape, are drawn."""

MID_TOLERANCE_M, LOW_TOLERANCE_M = 19, 300
"""How much the simplified copies are, EPSG:3857 metres: half a pixel of 512 a tile at zooms 11 and 7, the last of each."""

CROWD = 2_500
"""Areas of a tile that shows simplified copies: where there are more, only the largest of small ones close together are drawn."""

_PIXELS_ACROSS = 512

Number = ColumnElement[int]


class AnyGeometry(UserDefinedType[object]):
    """A geometry between two functions: passed on as it is, without GeoAlchemy's conversions."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        """Return the name of the type in SQL."""
        return "geometry"


ANY_GEOMETRY = AnyGeometry()


def slim_source(register: Register, name: str = "", schema: str | None = "open") -> Any:
    """Return the slim copy, or a table with its columns, as the expressions of this module read it.

    Parameters
    ----------
    name : str
        The table's; that of the slim copy's public view when not given.
    """
    fields = [item.name for item in register.tile_fields]
    plain: list[ColumnClause[Any]] = [column(one) for one in ("id", "size_m", *fields)]
    shapes: list[ColumnClause[Any]] = [column(one, ANY_GEOMETRY) for one in ("point", "geom", "geom_mid", "geom_low")]
    return table(name or f"{register.id}_tile", *plain, *shapes, schema=schema)


def shape_level(z: int) -> int:
    """Return which of an area's three shapes a zoom draws: 1 the coarse copy, 2 the finer one, 3 the shape itself."""
    return 1 + (z >= MID_FROM_ZOOM) + (z >= FULL_FROM_ZOOM)


def shape_at(slim: FromClause, level: int) -> ColumnElement[Any]:
    """Return the column of the shape of a level."""
    return slim.c[("geom_low", "geom_mid", "geom")[level - 1]]


def meets(register: Register, slim: FromClause, z: int, x: Number, y: Number) -> ColumnElement[bool]:
    """Return whether the tile with its buffer meets the record."""
    if register.geometry_kind == "point":
        # A place half a unit beyond the buffer's edge is drawn on it.
        is_near = slim.c.point.op("&&", is_comparison=True)(_box(z, x, y, BUFFER + 1))
        return and_(is_near, *(unit.between(-BUFFER, EXTENT + BUFFER) for unit in _units(slim, z, x, y)))
    box = _box(z, x, y, BUFFER)
    at_point = slim.c.point.op("&&", is_comparison=True)(box)
    return or_(slim.c.geom.op("&&", is_comparison=True)(box), slim.c.geom.is_(None) & at_point)


def _box(z: int, x: Number, y: Number, margin: int) -> ColumnElement[Any]:
    return func.ST_TileEnvelope(z, x, y, literal_column(f"margin => {margin / EXTENT}"), type_=ANY_GEOMETRY)


def picture(register: Register, slim: FromClause, z: int, x: Number, y: Number) -> ColumnElement[Any]:
    """Return what a tile draws of a record that it meets, in tile units; null where it draws nothing.

    Parameters
    ----------
    z : int
        Zoom.
    x, y : SQL expression
        Column and row of the tile.
    """
    if register.geometry_kind == "polygon":
        return _area(slim, z, x, y)
    return func.ST_MakePoint(*_units(slim, z, x, y), type_=ANY_GEOMETRY)


def units_of(point: ColumnElement[Any], z: int) -> tuple[ColumnElement[float], ColumnElement[float]]:
    """Return the nearest whole unit of zoom z to a point of EPSG:3857, counted right and down from the world's corner.

    By arithmetic of our own, which is faster than ST_AsMVTGeom and gives the same. Half a unit is added and the rest cut
    off downwards, since ST_AsMVT itself cuts towards zero: west and north of a tile, in its buffer, a point would lie
    one unit beside its place in the neighbouring tile.
    """
    a_metre = EXTENT * (1 << z) / (2 * HALF_WORLD_M)
    shift = double(HALF_WORLD_M + 0.5 / a_metre)
    return (
        func.floor((func.ST_X(point) + shift) * double(a_metre)),
        func.floor((shift - func.ST_Y(point)) * double(a_metre)),
    )


def _units(slim: FromClause, z: int, x: Number, y: Number) -> tuple[ColumnElement[float], ColumnElement[float]]:
    across, down = units_of(slim.c.point, z)
    return across - x * EXTENT, down - y * EXTENT


def double(value: float) -> ColumnElement[float]:
    """Write a number as double precision: a plain literal is numeric, whose arithmetic took a third of a tile's time."""
    return literal_column(f"'{value!r}'::float8", Double)


def _area(slim: FromClause, z: int, x: Number, y: Number) -> ColumnElement[Any]:
    """Areas, and a point in the place of those smaller than a pixel."""
    pixel_m = 2 * HALF_WORLD_M / (1 << z) / _PIXELS_ACROSS
    return shape_or_point(slim.c.size_m >= double(pixel_m), slim, z, x, y, shape_at(slim, shape_level(z)))


def shape_or_point(
    is_shape: ColumnElement[bool], rows: Any, z: int, x: Number, y: Number, shape: ColumnElement[Any] | None = None
) -> ColumnElement[Any]:
    """Return an area as a tile draws it: its shape, or its point where that is asked or the shape lost between the units.

    Lost is what is lost whole. Of an area that has a part too thin to be drawn, the tile with that part shows nothing: the
    area is drawn in its neighbour.

    Parameters
    ----------
    is_shape : SQL condition
        Whether it is large enough for one.
    rows : selectable
        With ``point``, and ``shape`` unless that is given.
    """
    shape = rows.c.shape if shape is None else shape
    # In a sub-query it is made once, not once for each row.
    clip = select(func.ST_TileEnvelope(z, x, y, type_=ANY_GEOMETRY)).scalar_subquery()

    def cut(geometry: ColumnElement[Any], *, is_clipped: bool = True) -> ColumnElement[Any]:
        flag: ColumnElement[bool] = literal_column("true" if is_clipped else "false")
        return func.ST_AsMVTGeom(geometry, clip, EXTENT, BUFFER, flag, type_=ANY_GEOMETRY)

    as_point = cut(rows.c.point)
    lost = case((as_point.is_not(None) & cut(shape, is_clipped=False).is_(None), as_point))
    return case((is_shape, func.coalesce(cut(shape), lost)), else_=as_point)


def counts(register: Register, z: int | Number, x: Number, y: Number) -> Select[Any]:
    """Select the tile's own rows of counts, each drawn at the middle of its cell."""
    shown = ("count", *kind_columns(register).values(), "coverage")
    names = ("z", "x", "y", "cell", *shown)
    grid = table(grid_table(register).name, *(column(name) for name in names), schema="open")
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
        select(func.int8(grid.c.cell).label("id"), *(grid.c[name] for name in shown), place)
        .where(and_(grid.c.z == z, grid.c.x == x, grid.c.y == y))
        .order_by(grid.c.cell)
    )


def _middle(index: ColumnElement[Any], parts: int) -> ColumnElement[Any]:
    """Return the middle of one of ``parts`` equal parts of a tile's side, tile units."""
    step = EXTENT // parts
    return index * step + step // 2


def encoded(register: Register, rows: Select[Any]) -> ColumnElement[bytes]:
    """Return the expression that writes rows as the register's layer of a tile; empty bytes where there are none."""
    features = rows.subquery("t")
    layer = func.ST_AsMVT(literal_column("t.*"), register.id, EXTENT, "g", "id", type_=LargeBinary)
    return select(func.coalesce(layer, literal_column("''::bytea"))).select_from(features).scalar_subquery()

"""What a tile of the VN-2000 matrix set draws.

Records are looked for by a box in Web Mercator, in which the slim copy has its index. All of a tile are moved to VN-2000 as
one collection: PostGIS takes 26 ms for a system that is given as text, and only the text has the pinned shift.
"""

from typing import Any

import numpy as np
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Select,
    Text,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from geodata.crs import VN2000_UTM48, vn2000
from geodata.derived import BLOCKS_ACROSS, CELLS_ACROSS, FIRST_BLOCK, WEB_MERCATOR, grid_table
from geodata.drawing import BUFFER, EXTENT, HALF_WORLD_M, double, shape_at, shape_level, slim_source
from geodata.matching import BBox
from geodata.public_views import Geometry
from geodata.register import Register
from tiles import lowzoom
from tiles.grid import TileAddress
from tiles.lowzoom import Thinning
from tiles.matrix_sets import VN2000_QUAD, WEB_MERCATOR_QUAD
from tiles.sql import names_at

_STEPS = 16
_PIXELS_ACROSS = 512


def tile_box(address: TileAddress, margin: float = 0.0) -> BBox:
    """Return the sides of a tile in metres of EPSG:3405: west, south, east, north.

    Parameters
    ----------
    margin : float
        Part of the tile's side to be added all around.
    """
    size_m = VN2000_QUAD.size_m / (1 << address.z)
    west, north = VN2000_QUAD.left + address.x * size_m, VN2000_QUAD.top - address.y * size_m
    more = size_m * margin
    return west - more, north - size_m - more, west + size_m + more, north + more


def search_box(address: TileAddress) -> BBox:
    """Return the least box in EPSG:3857 around a tile with its buffer, whose sides are curves there."""
    west, south, east, north = tile_box(address, BUFFER / EXTENT)
    across, up = np.linspace(west, east, _STEPS + 1), np.linspace(south, north, _STEPS + 1)
    x = np.concatenate([across, across, np.full_like(up, west), np.full_like(up, east)])
    y = np.concatenate([np.full_like(across, south), np.full_like(across, north), up, up])
    lon, lat = vn2000(105.0, 0.9996, 3405).to_wgs84(x, y)
    # Between two places of a side it bulges by less than this.
    bulge = (east - west) / (1 << 10)
    box = WEB_MERCATOR_QUAD.project(lon, lat)
    return tuple(
        float(side) for side in (box[0].min() - bulge, box[1].min() - bulge, box[0].max() + bulge, box[1].max() + bulge)
    )  # type: ignore[return-value]  # four of them


def drawn_in_vn2000(register: Register, address: TileAddress, level: Thinning | None = None) -> Select[Any] | CTE:
    """Return what a layer draws in a tile: id, tile fields (or counts), and geometry ``g`` in units of the tile.

    Parameters
    ----------
    level : Thinning, optional
        How much is left out; nothing of counts.

    Returns
    -------
    Select or CTE
        The latter, `tiles.lowzoom.drawn`, where some may be left out.
    """
    below, zoom = register.tile.counts_below, address.z + VN2000_QUAD.zoom_offset
    if below is not None and zoom < below:
        return _counts(register, address, below)
    features = _features(register, address, level)
    if level is not None:
        return _thinned(register, features, level)
    return select(features).order_by(features.c.id)


def _features(register: Register, address: TileAddress, level: Thinning | None) -> FromClause:
    """Return every record near a tile; ``g`` is null where the tile draws nothing of it."""
    names, is_point = names_at(register, level), register.geometry_kind == "point"
    slim = slim_source(register)
    box = func.ST_MakeEnvelope(*search_box(address), WEB_MERCATOR, type_=Geometry())
    columns: list[ColumnElement[Any]] = [slim.c.id, *(slim.c[name] for name in names)]
    meets = [_meets(slim.c.point, box)]
    shape: ColumnElement[Any] = slim.c.point
    if not is_point:
        least_m = VN2000_QUAD.size_m / (1 << address.z) / (level.squares if level else _PIXELS_ACROSS)
        is_shape = slim.c.size_m >= double(least_m)
        columns += [slim.c.size_m, is_shape.label("is_shape")] if level else []
        meets.append(_meets(slim.c.geom, box))
        shape = func.coalesce(case((is_shape, _shape(slim, address, level))), slim.c.point, type_=Geometry())
    number = func.row_number().over(order_by=slim.c.id).label("n")
    near = select(number, *columns, shape.label("shape")).where(or_(*meets)).cte("near")
    moved = _moved(near)
    drawn = func.ST_AsMVTGeom(
        moved.c.shape, _clip(address), EXTENT, BUFFER, literal_column("true"), type_=Geometry()
    ).label("g")
    found = select(*(column for column in near.c if column.name not in {"n", "shape"}), drawn)
    return _joined(found, near, moved).subquery("f")


def _thinned(register: Register, features: FromClause, level: Thinning) -> CTE:
    """Thin points by their places and areas as `tiles.sql` does: small ones are drawn as points, the largest first."""
    place = func.ST_GeometryN(features.c.g, 1, type_=Geometry())
    places: list[ColumnElement[Any]] = [func.ST_X(place) / EXTENT, func.ST_Y(place) / EXTENT]
    order: list[ColumnElement[Any]] = [features.c.id]
    if register.geometry_kind == "polygon":
        places = [case((~features.c.is_shape, part)) for part in places]
        order.insert(0, features.c.size_m.desc())
    rows = select(features).where(features.c.g.is_not(None))
    ranked = lowzoom.thinned(rows, level.squares, *places, *order)
    return lowzoom.drawn(register, ranked, names_at(register, level), ranked.c.g)


def _shape(slim: FromClause, address: TileAddress, level: Thinning | None) -> ColumnElement[Any]:
    """Return the area in the copy of the tile's scale; the full shape has more vertices than a thinned tile can use."""
    finest = shape_level(address.z + VN2000_QUAD.zoom_offset)
    return shape_at(slim, finest if level is None else min(finest, 2))


def _meets(shape: ColumnElement[Any], box: ColumnElement[Any]) -> ColumnElement[bool]:
    return shape.op("&&", is_comparison=True)(box)


def _clip(address: TileAddress) -> ColumnElement[Any]:
    return func.ST_MakeEnvelope(*tile_box(address), type_=Geometry())


def _moved(near: FromClause) -> FromClause:
    """Return the shapes of numbered rows in VN-2000, by their number."""
    together = func.ST_Collect(aggregate_order_by(near.c.shape, near.c.n), type_=Geometry())
    moved = select(
        func.ST_Transform(together, literal(VN2000_UTM48, Text), type_=Geometry()).label("shapes")
    ).select_from(near)
    parts = select(func.ST_Dump(moved.scalar_subquery()).label("part")).subquery("parts")
    number = literal_column("(parts.part).path[1]", Integer)
    part: ColumnElement[Any] = literal_column("(parts.part).geom", Geometry())
    return (
        select(number.label("n"), func.ST_Collect(part, type_=Geometry()).label("shape"))
        .select_from(parts)
        .group_by(number)
        .subquery("moved")
    )


def _joined(found: Select[Any], near: FromClause, moved: FromClause) -> Select[Any]:
    """Join rows with their shapes, each of which has its row: a full join is never made by a loop in a loop.

    That is what the database would choose, for it thinks of a few rows; the offset keeps it from seeing through.
    """
    return found.join_from(near, moved, moved.c.n == near.c.n, full=True).offset(literal_column("0"))


def _counts(register: Register, address: TileAddress, below: int) -> Select[Any]:
    """Sum up the counts of Web Mercator's cells, of about half the side, by the cell here that has their middle."""
    level = min(below - 1, address.z + VN2000_QUAD.zoom_offset + 1)
    grid = table(grid_table(register).name, *map(column, ("z", "x", "y", "cell", "count")), schema="open")
    size_m = 2 * HALF_WORLD_M / (1 << level)
    west, south, east, north = search_box(address)
    columns = ((west + HALF_WORLD_M) // size_m, (east + HALF_WORLD_M) // size_m)
    rows = ((HALF_WORLD_M - north) // size_m, (HALF_WORLD_M - south) // size_m)
    middle = func.ST_Point(
        (grid.c.x + _part(grid.c.cell, "%")) * size_m - HALF_WORLD_M,
        HALF_WORLD_M - (grid.c.y + _part(grid.c.cell, "/")) * size_m, WEB_MERCATOR, type_=Geometry(),
    )  # fmt: skip
    number = func.row_number().over(order_by=(grid.c.x, grid.c.y, grid.c.cell)).label("n")
    near = (
        select(number, grid.c["count"], middle.label("shape"))
        .where(
            grid.c.z == level,
            grid.c.x.between(int(columns[0]), int(columns[1])),
            grid.c.y.between(int(rows[0]), int(rows[1])),
        )
        .cte("near")
    )
    return _summed(near, _moved(near), address)


def _part(cell: ColumnElement[Any], operator: str) -> ColumnElement[Any]:
    """Return where the middle of a cell, or of a block of cells, lies in its tile: part of the side."""

    def middle(number: ColumnElement[Any], across: int) -> ColumnElement[Any]:
        return (cast(number.op(operator)(literal(across, Integer)), Double) + 0.5) / float(across)

    return case((cell >= FIRST_BLOCK, middle(cell - FIRST_BLOCK, BLOCKS_ACROSS)), else_=middle(cell, CELLS_ACROSS))


def _summed(near: FromClause, moved: FromClause, address: TileAddress) -> Select[Any]:
    west, _, _, north = tile_box(address)
    cell_m = VN2000_QUAD.size_m / (1 << address.z) / CELLS_ACROSS
    place = func.ST_GeometryN(moved.c.shape, 1, type_=Geometry())
    across = func.floor((func.ST_X(place) - west) / cell_m, type_=Integer).label("across")
    down = func.floor((north - func.ST_Y(place)) / cell_m, type_=Integer).label("down")
    cells = _joined(select(across, down, near.c["count"]), near, moved).subquery("c")
    inside = cells.c.across.between(0, CELLS_ACROSS - 1) & cells.c.down.between(0, CELLS_ACROSS - 1)
    step = EXTENT // CELLS_ACROSS
    drawn = func.ST_Point(cells.c.across * step + step // 2, cells.c.down * step + step // 2, type_=Geometry()).label(
        "g"
    )
    number = cast(cells.c.down * CELLS_ACROSS + cells.c.across, BigInteger).label("id")
    total = cast(func.sum(cells.c["count"]), BigInteger).label("count")
    columns: list[ColumnElement[Any]] = [number, total, drawn]
    return select(*columns).where(inside).group_by(cells.c.across, cells.c.down).order_by(number)

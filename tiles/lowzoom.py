"""What keeps tiles small where much lies close together: thinning, with the number left out.

A thinned tile draws at most one of its small records in each of its squares, in a fixed order: the largest first, then by
id. Squares lie alike in neighbouring tiles. How many records a layer left out stands in the tile itself, in the layer
`DROPPED`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, case, func, literal, literal_column, select
from sqlalchemy import union_all as all_of
from sqlalchemy.types import LargeBinary

from geodata.drawing import CROWD
from geodata.register import Register
from tiles.grid import EXTENT

MAX_TILE_BYTES = 500_000
"""A larger tile is made anew with fewer records."""

DROPPED = "dropped"
"""Layer with a point for each layer of the tile that left records out, in the tile's middle."""

DROPPED_FIELDS = {"layer": "String", "dropped": "Number", "shown": "Number"}


@dataclass(frozen=True, slots=True)
class Thinning:
    """Which records a tile leaves out.

    Attributes
    ----------
    squares : int
        Across the tile. Areas that are smaller are drawn as points.
    has_properties : bool
        Whether records keep their fields.
    """

    squares: int
    has_properties: bool = True


PIXELS_ACROSS = 512

LARGE_CROWD = 25_000
"""Where there are still more areas than `CROWD`, they are thinned further."""

LEVELS = (None, *map(Thinning, (256, 128, 64, 32)), Thinning(16, has_properties=False))
"""Tried one after the other until a tile is small enough."""


def is_small_enough(tile: bytes) -> bool:
    """Whether a tile need not be made anew with fewer records."""
    return len(tile) <= MAX_TILE_BYTES


def by_crowd(areas: ColumnElement[int]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return the squares across a tile with so many areas, NULL for none, and the part of its side that is a small area's.

    Measured on growing areas of one province: of 20,000 no tile is over 405 kB, of 100,000 none has to be thinned further but
    six of zoom 11. What other numbers cost stands in docs/benchmarks.
    """
    squares = case((areas > LARGE_CROWD, 64), (areas > CROWD, 128))
    return squares, func.coalesce(squares, PIXELS_ACROSS)


def thinned(rows: Select[Any], squares: Any, across: ColumnElement[Any], down: ColumnElement[Any], *order: Any) -> Any:
    """Rank the records of each square of a tile.

    Parameters
    ----------
    rows : Select
    squares : int or ColumnElement
        Across the tile; NULL where all are drawn.
    across, down : ColumnElement
        Place of a record in the tile, 0 to 1 without the buffer; NULL for what is drawn in any case.
    order
        Which record of a square is drawn: the first.

    Returns
    -------
    Subquery
        The columns of ``rows``, whether a record ``is_spare``, and whether it ``is_here``: in the tile without its buffer.
    """
    column_of, row_of = func.floor(across * squares), func.floor(down * squares)
    rank = func.row_number().over(partition_by=(column_of, row_of), order_by=order)
    is_here = column_of.between(0, squares - 1) & row_of.between(0, squares - 1)
    spare = rows.add_columns((column_of.is_not(None) & (rank > 1)).label("is_spare"), is_here.label("is_here"))
    return spare.subquery("ranked")


def drawn(register: Register, ranked: Any, fields: Sequence[str], shape: ColumnElement[Any]) -> CTE:
    """Return what is drawn of ranked records, and what is not: the geometry is made of those alone that are drawn."""
    columns = [ranked.c[name] for name in ("id", *fields)]
    is_dropped = (ranked.c.is_spare & ranked.c.is_here).label("is_dropped")
    return select(*columns, case((~ranked.c.is_spare, shape)).label("g"), is_dropped).cte(f"{register.id}_drawn")


def kept(rows: CTE) -> Select[Any]:
    """Return the records that are drawn, in order of id."""
    columns: list[ColumnElement[Any]] = [found for found in rows.c if found.name != "is_dropped"]
    return select(*columns).where(rows.c.g.is_not(None)).order_by(rows.c.id)


def dropped_layer(layers: Mapping[str, CTE]) -> ColumnElement[bytes]:
    """Return the expression of the layer that tells how many records each layer left out; empty bytes where none did."""
    middle = func.ST_MakePoint(EXTENT // 2, EXTENT // 2).label("g")
    told: list[Select[Any]] = []
    for layer, rows in layers.items():
        dropped = func.count().filter(rows.c.is_dropped)
        numbers = [dropped.label("dropped"), func.count(rows.c.g).label("shown")]
        columns: list[ColumnElement[Any]] = [literal(layer).label("layer"), *numbers, middle]
        told.append(select(*columns).having(dropped > 0))
    rows_told = all_of(*told).subquery("d")
    encoded = func.ST_AsMVT(literal_column("d.*"), DROPPED, EXTENT, "g", type_=LargeBinary)
    return select(func.coalesce(encoded, literal_column("''::bytea"))).select_from(rows_told).scalar_subquery()

"""Which tiles of a layer changed, in a form that is short whatever the revision: a list, or areas where it is large."""

from dataclasses import dataclass
from typing import Any

import asyncpg

LISTED = 500
"""Tiles that are named one by one; an edit of one record changes some 30."""

AREA_ZOOM = 9
"""A tile of this zoom is 78 km wide: Vietnam has 120 of them, and 150 tiles of the zooms above."""

_NAMED = "SELECT z, x, y FROM open.tile_stamp WHERE layer = $1 AND revision > $2 LIMIT $3"
_AREAS = f"""SELECT DISTINCT least(z, {AREA_ZOOM}) AS z,
    x >> greatest(z - {AREA_ZOOM}, 0) AS x, y >> greatest(z - {AREA_ZOOM}, 0) AS y
    FROM open.tile_stamp WHERE layer = $1 AND revision > $2 LIMIT $3"""  # noqa: S608  # a constant of ours alone

Numbers = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Changes:
    """Tiles that changed.

    Attributes
    ----------
    tiles : tuple of (z, x, y)
        Each of them changed.
    within : tuple of (z, x, y)
        These and any of those below them, at every larger zoom, may have changed.
    are_known : bool
        False where all tiles of the layer may have changed.
    """

    tiles: tuple[Numbers, ...] = ()
    within: tuple[Numbers, ...] = ()
    are_known: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return what is told to clients."""
        if not self.are_known:
            return {"all": True}
        return {"tiles": self.tiles, "within": self.within} if self.within else {"tiles": self.tiles}


EVERYTHING = Changes(are_known=False)


async def read_changes(connection: asyncpg.Connection, layer: str, revision: int) -> Changes:
    """Return the tiles of a layer that changed after a revision.

    Many tiles are told by the areas of zoom 9 in which they lie, so that maps of other places are left alone.
    """
    try:
        rows = await connection.fetch(_NAMED, layer, revision, LISTED + 1)
        if len(rows) <= LISTED:
            return Changes(tuple(tuple(row) for row in rows))
        rows = await connection.fetch(_AREAS, layer, revision, LISTED + 1)
    except asyncpg.QueryCanceledError:
        return EVERYTHING
    if len(rows) > LISTED:
        return EVERYTHING
    places = [tuple(row) for row in rows]
    above = tuple(place for place in places if place[0] < AREA_ZOOM)
    return Changes(above, tuple(place for place in places if place[0] == AREA_ZOOM))

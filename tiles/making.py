"""How tiles are made: the one way for the service's own tiles and for archives of them."""

from collections.abc import Sequence
from typing import Any

from tiles.cache import Layers
from tiles.sql import tile_sql


async def make_tiles(connection: Any, layers: Layers, z: int, places: Sequence[tuple[int, int]]) -> list[bytes]:
    """Make tiles of one zoom, sent to the database together: it need not wait for us between them.

    Parameters
    ----------
    connection : asyncpg.Connection
        Of the public role.
    layers : tuple of str
        Register ids, at least one.
    places : sequence of (x, y)

    Returns
    -------
    list of bytes
        Tiles as the database gives them, in the order of their places; empty bytes where there is nothing.
    """
    rows = await connection.fetchmany(tile_sql(layers, z), places)
    return [row["tile"] for row in rows]

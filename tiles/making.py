"""How tiles are made for archives of them: by the statements of the service's own tiles, many at a time."""

from collections.abc import Sequence
from typing import Any

from tiles.cache import Layers
from tiles.lowzoom import is_small_enough
from tiles.sql import tile_statements


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
        Tiles as the service gives them, in the order of their places; empty bytes where there is nothing.
    """
    tiles: dict[tuple[int, int], bytes] = {}
    wanted = list(places)
    for statement in tile_statements(layers, z):
        rows = await connection.fetchmany(statement, wanted)
        tiles |= {place: row["tile"] for place, row in zip(wanted, rows, strict=True)}
        wanted = [place for place in wanted if not is_small_enough(tiles[place])]
        if not wanted:
            break
    return [tiles[place] for place in places]

"""How large the tiles of the province's addresses are, at every zoom."""

import asyncio
from dataclasses import dataclass

import asyncpg

from geodata.register import MAX_ZOOM
from service.app import tile_settings
from tests.benchmarks.data import IMPORTED, occupied_tiles
from tests.benchmarks.places import REGISTER
from tests.conftest import Server, settings_for
from tiles.making import make_tiles

MANY_BYTES = 200_000
_BATCH = 50


@dataclass(frozen=True)
class Sizes:
    """Bytes of every tile that holds something, as it is before compression."""

    tiles: list[int]

    @property
    def share_small(self) -> float:
        """Part of the tiles that are below `MANY_BYTES`."""
        return sum(size < MANY_BYTES for size in self.tiles) / len(self.tiles)


def measure_sizes(server: Server) -> Sizes:
    """Make every tile of every zoom as the service makes it."""
    with server.administrator(IMPORTED) as connection:
        deepest = occupied_tiles(connection, MAX_ZOOM)
    zooms = [deepest.above(z) for z in range(MAX_ZOOM + 1)]

    async def run() -> list[int]:
        found = tile_settings(settings_for(server.url(IMPORTED)))
        connection = await asyncpg.connect(found.dsn, server_settings=found.server_settings)
        sizes: list[int] = []
        for tiles in zooms:
            for first in range(0, len(tiles.addresses), _BATCH):
                batch = tiles.addresses[first : first + _BATCH]
                sizes += map(len, await make_tiles(connection, (REGISTER,), tiles.z, batch))
        await connection.close()
        return sizes

    return Sizes(asyncio.run(run()))

"""Making the tiles of an archive, as many at once as there are connections, in the order of the archive."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import groupby

from tiles.grid import TileAddress
from tiles.pmtiles import GatheredTiles, tile_number
from tiles.release import Release

_BATCH = 32
"""Tiles that a connection is asked for at once; they are in memory together."""

_AHEAD = 2
"""Batches made before the one that is written next, beside those under way: they are not all equally quick."""

Numbered = tuple[int, TileAddress]


def in_order(addresses: Iterable[TileAddress]) -> list[Numbered]:
    """Return tiles with their numbers, in the order of these."""
    return sorted(((tile_number(address), address) for address in addresses), key=lambda item: item[0])


async def gather_tiles(
    release: Release, addresses: Iterable[TileAddress], into: GatheredTiles, tell: Callable[[int, int], None]
) -> None:
    """Make tiles and gather them, beginning behind the last one that is there.

    Parameters
    ----------
    addresses : iterable of TileAddress
        Where there may be a tile; empty ones are left out.
    tell : callable
        Told how many addresses are done, of how many.
    """
    ordered = in_order(addresses)
    todo = [item for item in ordered if item[0] > into.last]
    done = len(ordered) - len(todo)
    tell(done, len(ordered))
    async for batch, tiles in made_in_order(release, todo):
        into.add([number for number, _ in batch], tiles)
        done += len(batch)
        tell(done, len(ordered))


async def made_in_order(
    release: Release, todo: Sequence[Numbered]
) -> AsyncIterator[tuple[Sequence[Numbered], list[bytes]]]:
    """Make tiles and give them in the order of their numbers, which ``todo`` has, batch by batch."""
    under_way: deque[tuple[Sequence[Numbered], asyncio.Task[list[bytes]]]] = deque()
    try:
        for batch in _batches(todo):
            under_way.append((batch, asyncio.create_task(_make(release, batch))))
            if len(under_way) >= release.jobs + _AHEAD:
                first, task = under_way.popleft()
                yield first, await task
        while under_way:
            first, task = under_way.popleft()
            yield first, await task
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


def _batches(todo: Sequence[Numbered]) -> Iterator[Sequence[Numbered]]:
    """Cut the tiles into batches of one zoom each: a zoom has its own statement."""
    for _, same_zoom in groupby(todo, key=lambda item: item[1].z):
        tiles = list(same_zoom)
        for begin in range(0, len(tiles), _BATCH):
            yield tiles[begin : begin + _BATCH]


async def _make(release: Release, batch: Sequence[Numbered]) -> list[bytes]:
    return await release.packed(batch[0][1].z, [(address.x, address.y) for _, address in batch])

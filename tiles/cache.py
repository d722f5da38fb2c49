"""Tiles that were made already, in the memory of one process.

An entry stays until a revision touches its tile: the database stamps the tiles it changes and says so, so nothing
expires by the clock and nothing unchanged is made twice.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tiles.grid import TileAddress

Layers = tuple[str, ...]
Key = tuple[Layers, TileAddress]

_ENTRY_OVERHEAD = 600
"""Bytes an entry costs beside its tile, roughly: keys, tuples, table slots."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile as it is served.

    Attributes
    ----------
    version : str
        Revisions of its layers that touched it last; the heart of its ETag.
    body : bytes
        Compressed with gzip; empty for a tile without features.
    """

    version: str
    body: bytes


class TileCache:
    """Least recently used tiles up to a number of bytes.

    Parameters
    ----------
    max_bytes : int
        0 switches the cache off.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._tiles: OrderedDict[Key, Tile] = OrderedDict()
        self._by_layer: dict[str, dict[TileAddress, set[Key]]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._tiles)

    def get(self, key: Key) -> Tile | None:
        """Return a tile and note its use."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def put(self, key: Key, tile: Tile) -> None:
        """Keep a tile, dropping the least used ones where room is short."""
        if self.max_bytes == 0:
            return
        self._drop(key)
        self._tiles[key] = tile
        self.bytes += len(tile.body) + _ENTRY_OVERHEAD
        for layer in key[0]:
            self._by_layer[layer].setdefault(key[1], set()).add(key)
        while self.bytes > self.max_bytes:
            self._drop(next(iter(self._tiles)))

    def _drop(self, key: Key) -> None:
        tile = self._tiles.pop(key, None)
        if tile is None:
            return
        self.bytes -= len(tile.body) + _ENTRY_OVERHEAD
        for layer in key[0]:
            keys = self._by_layer[layer][key[1]]
            keys.discard(key)
            if not keys:
                del self._by_layer[layer][key[1]]

    def forget(self, layer: str, addresses: Iterable[TileAddress]) -> None:
        """Drop every tile at these addresses that shows the layer."""
        held = self._by_layer[layer]
        for address in addresses:
            for key in list(held.get(address, ())):
                self._drop(key)

    def forget_layer(self, layer: str) -> None:
        """Drop every tile that shows the layer."""
        self.forget(layer, list(self._by_layer[layer]))

    def clear(self) -> None:
        """Drop everything."""
        self._tiles.clear()
        self._by_layer.clear()
        self.bytes = 0

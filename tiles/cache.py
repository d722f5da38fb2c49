"""Tiles that were made already, in the memory of one process.

An entry stays until a revision touches its tile: the database stamps the tiles it changes and says so, so nothing
expires by the clock and nothing unchanged is made twice.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from isal import igzip

from tiles.grid import TileAddress

_GZIP_LEVEL = 1

Layers = tuple[str, ...]
Key = tuple[Layers, TileAddress]

_ENTRY_OVERHEAD = 750
"""Bytes an entry costs beside its tile, roughly: keys, tuples, table slots."""

_ANSWER_OVERHEAD = 1250
"""Bytes that an answer lying ready costs beside its tile, roughly: its headers, its name, table slots."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile as it is served; empty bytes stand for a tile without features.

    Attributes
    ----------
    version : str
        Revisions of its layers that touched it last; the heart of its ETag.
    packed : bytes, optional
        Compressed with gzip: the form that is always kept in memory.
    plain : bytes, optional
        As the database gave it, where it has just come from there or was asked for again. Without either, the version is
        all that is known.
    """

    version: str
    packed: bytes | None = None
    plain: bytes | None = None

    @property
    def is_there(self) -> bool:
        """Whether more than the version is known."""
        return self.packed is not None or self.plain is not None

    @property
    def is_empty(self) -> bool:
        """Whether it has no features."""
        return not (self.plain if self.packed is None else self.packed)

    @property
    def weight(self) -> int:
        """Bytes it takes in memory."""
        return len(self.packed or b"") + len(self.plain or b"")

    def body(self, *, is_packed: bool) -> bytes:
        """Return the tile in one of its forms, made where it is not there."""
        if is_packed:
            return pack(self.plain or b"") if self.packed is None else self.packed
        return self.plain if self.plain is not None else _unpack(self.packed or b"")


def pack(plain: bytes) -> bytes:
    """Compress a tile with gzip; the same bytes in every process, nothing for nothing."""
    packed: bytes = igzip.compress(plain, _GZIP_LEVEL, mtime=0) if plain else b""
    return packed


def _unpack(packed: bytes) -> bytes:
    plain: bytes = igzip.decompress(packed) if packed else b""  # type: ignore[no-untyped-call]
    return plain


class Ready:
    """What was made ready of a tile to be sent.

    Attributes
    ----------
    is_used : bool
        Whether it was sent since room was last short. A use of the tile is noted here alone: to put the tile in order each
        time would cost as much as all the rest of finding the answer.
    """

    __slots__ = ("is_used",)

    def __init__(self) -> None:
        self.is_used = False


class TileCache:
    """Least recently used tiles up to a number of bytes, and what was made ready of them to be sent.

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
        self._answers: dict[Hashable, Ready] = {}
        self._names: dict[Key, list[Hashable]] = {}

    def __len__(self) -> int:
        return len(self._tiles)

    def get(self, key: Key, *, is_packed: bool = True) -> Tile | None:
        """Return a tile and note its use; the plain form is kept too once it was asked for."""
        tile = self._tiles.get(key)
        if tile is None:
            return None
        self._tiles.move_to_end(key)
        if tile.is_there and not is_packed and tile.plain is None:
            tile = replace(tile, plain=_unpack(tile.packed or b""))
            self.put(key, tile)
        return tile

    def put(self, key: Key, tile: Tile) -> None:
        """Keep a packed tile, or its version alone, dropping the least used ones where room is short."""
        if self.max_bytes == 0:
            return
        self._drop(key)
        self._tiles[key] = tile
        self.bytes += tile.weight + _ENTRY_OVERHEAD
        for layer in key[0]:
            self._by_layer[layer].setdefault(key[1], set()).add(key)
        self._make_room()

    def answer(self, name: Hashable) -> Ready | None:
        """Return what lies ready under a name and note its use."""
        answer = self._answers.get(name)
        if answer is not None:
            answer.is_used = True
        return answer

    def keep_answer(self, key: Key, name: Hashable, answer: Ready) -> None:
        """Keep what was made ready of a tile, until the tile is dropped or a revision comes."""
        if key not in self._tiles:
            return
        if name not in self._answers:
            self._names.setdefault(key, []).append(name)
            self.bytes += _ANSWER_OVERHEAD
        self._answers[name] = answer
        self._make_room()

    def forget_answers(self) -> None:
        """Drop all that lies ready; the tiles stay."""
        self.bytes -= len(self._answers) * _ANSWER_OVERHEAD
        self._answers.clear()
        self._names.clear()

    def _make_room(self) -> None:
        while self.bytes > self.max_bytes:
            oldest = next(iter(self._tiles))
            if self._was_answered(oldest):
                self._tiles.move_to_end(oldest)
            else:
                self._drop(oldest)

    def _was_answered(self, key: Key) -> bool:
        """Whether an answer made of a tile was sent since this was last asked."""
        used = [answer for name in self._names.get(key, ()) if (answer := self._answers[name]).is_used]
        for answer in used:
            answer.is_used = False
        return bool(used)

    def _drop(self, key: Key) -> None:
        tile = self._tiles.pop(key, None)
        if tile is None:
            return
        names = self._names.pop(key, ())
        for name in names:
            del self._answers[name]
        self.bytes -= tile.weight + _ENTRY_OVERHEAD + len(names) * _ANSWER_OVERHEAD
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
        self._answers.clear()
        self._names.clear()
        self.bytes = 0

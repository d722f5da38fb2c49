"""Archives of tiles as they are read: their tiles, and whether the file is whole."""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from pmtiles.tile import (
    Compression,
    Entry,
    MagicNumberNotFound,
    SpecVersionUnsupported,
    TileType,
    deserialize_directory,
    deserialize_header,
    find_tile,
    tileid_to_zxy,
)

from tiles.grid import TileAddress
from tiles.pmtiles import DamagedArchiveError, tile_number

_HEADER_BYTES = 127
_DEEPEST = 3
_UNREADABLE = (MagicNumberNotFound, SpecVersionUnsupported, ValueError, EOFError, OSError, IndexError, zlib.error)
"""What the library and zlib raise at bytes that are no archive."""


class ArchiveReader:
    """An archive of tiles on disk, its directories in memory.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DamagedArchiveError
        When header, directories or metadata cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._size = path.stat().st_size
        try:
            self.header = deserialize_header(self._read(0, _HEADER_BYTES))
            self.metadata: dict[str, Any] = json.loads(gzip.decompress(self._section("metadata")))
            self.entries: list[Entry] = list(self._walk(self._section("root")))
        except _UNREADABLE as error:
            self._file.close()
            raise DamagedArchiveError(why=type(error).__name__) from error

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            raise EOFError
        self._file.seek(offset)
        return self._file.read(length)

    def _section(self, name: str) -> bytes:
        header: Any = self.header
        return self._read(header[f"{name}_offset"], header[f"{name}_length"])

    def _walk(self, directory: bytes, depth: int = 0) -> Iterator[Entry]:
        if depth > _DEEPEST:
            raise ValueError
        leaves = self.header["leaf_directory_offset"]
        for entry in deserialize_directory(directory):
            if entry.run_length:
                yield entry
            else:
                yield from self._walk(self._read(leaves + entry.offset, entry.length), depth + 1)

    @property
    def version(self) -> str:
        """The state of the data that the tiles are of."""
        return str(self.metadata.get("bandoso:version", ""))

    def addresses(self) -> Iterator[TileAddress]:
        """Return the tiles that are there."""
        for entry in self.entries:
            for number in range(entry.tile_id, entry.tile_id + entry.run_length):
                yield TileAddress(*tileid_to_zxy(number))

    def tile(self, address: TileAddress) -> bytes:
        """Return a tile as it is in the file, compressed; empty bytes where there is none."""
        entry = find_tile(self.entries, tile_number(address))
        return b"" if entry is None else self._tile(entry)

    def _tile(self, entry: Entry) -> bytes:
        return self._read(self.header["tile_data_offset"] + entry.offset, entry.length)

    def check(self) -> None:
        """Read everything.

        Raises
        ------
        DamagedArchiveError
            Saying what is wrong first of all.
        """
        header, entries = self.header, self.entries
        ends = [entry.tile_id + entry.run_length for entry in entries]
        places = {(entry.offset, entry.length) for entry in entries}
        rules = {
            "size": self._size == header["tile_data_offset"] + header["tile_data_length"],
            "type": header["tile_type"] == TileType.MVT and header["tile_compression"] == Compression.GZIP,
            "order": all(end <= after.tile_id for end, after in zip(ends, entries[1:], strict=False)),
            "clustered": header["clustered"] and _is_clustered(entries),
            "tiles": sum(entry.run_length for entry in entries) == header["addressed_tiles_count"],
            "entries": len(entries) == header["tile_entries_count"],
            "contents": len(places) == header["tile_contents_count"],
            "data": sum(length for _, length in places) == header["tile_data_length"],
        }
        broken = [name for name, holds in rules.items() if not holds]
        if broken:
            raise DamagedArchiveError(why=", ".join(broken))
        for entry in {entry.offset: entry for entry in entries}.values():
            self._check_tile(entry)

    def _check_tile(self, entry: Entry) -> None:
        with suppress(EOFError, OSError, zlib.error):
            gzip.decompress(self._tile(entry))
            return
        z, x, y = tileid_to_zxy(entry.tile_id)
        raise DamagedArchiveError(why=f"{z}/{x}/{y}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _is_clustered(entries: list[Entry]) -> bool:
    """Whether tiles lie in the file in the order of their numbers, or where an equal one lay before."""
    end = 0
    for entry in entries:
        if entry.offset > end:
            return False
        end = max(end, entry.offset + entry.length)
    return True

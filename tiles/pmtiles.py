"""Archives of tiles in PMTiles v3: one file that is read by byte ranges.

The library's own writer keeps its tiles in a nameless file, from which nothing can go on after a kill, and takes tiles
for the same by a 64-bit hash; so tiles are gathered here, and the library writes directories and header.
Specification: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
"""

import fcntl
import hashlib
import os
import shutil
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pmtiles.tile import Compression, Entry, TileType, zxy_to_tileid
from pmtiles.writer import finalize_header

from geodata.errors import GeodataError
from geodata.matching import BBox
from tiles.grid import TileAddress

_RECORD = struct.Struct("<QQI16s")
"""Of a gathered tile: its number in the archive, offset, length and digest."""

_SYNC_S = 5.0
_BLOCK = 1 << 20
_DEGREE = 10_000_000


class ArchiveBusyError(GeodataError):
    """Another process writes the same archive."""

    code = "ARCHIVE_BUSY"
    vi_template = "Một tiến trình khác đang đóng gói đúng tệp này ({folder})."
    en_template = "Another process is packing the same archive ({folder})."


class DamagedArchiveError(GeodataError):
    """A file is no archive of tiles as it should be."""

    code = "ARCHIVE_DAMAGED"
    vi_template = "Tệp lưu trữ ô bản đồ bị hỏng: {why}."
    en_template = "The archive of tiles is damaged: {why}."


def tile_number(address: TileAddress) -> int:
    """Return a tile's number in archives: zoom after zoom, along a Hilbert curve within each."""
    return zxy_to_tileid(address.z, address.x, address.y)


class GatheredTiles:
    """Tiles on their way into an archive, in a folder of theirs that another process can go on with.

    Tiles come in the order of their numbers. What is in the folder is held against its digests when it is opened, so
    that a kill or a power cut costs the last seconds of work at most.

    Parameters
    ----------
    folder : Path
        Made when missing; locked while it is open.
    content : str
        What is to be in the archive. Tiles that were gathered for anything else are thrown away.

    Raises
    ------
    ArchiveBusyError
    """

    def __init__(self, folder: Path, content: str) -> None:
        self.folder = folder
        self.last = -1
        """Number of the last tile that is there, -1 for none."""

        self.size_bytes = 0
        self.discarded = False
        """Whether tiles of another state had to be thrown away."""

        self._entries: list[Entry] = []
        self._offsets: dict[bytes, int] = {}
        self._addressed = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise ArchiveBusyError(folder=folder) from error
        self._begin(content)
        self._data = (folder / "tiles").open("ab+")
        self._index = (folder / "index").open("ab+")
        self._go_on()
        self._synced_at = time.monotonic()

    def _begin(self, content: str) -> None:
        """Throw away what was gathered for something else, and write down what is gathered now."""
        state = self.folder / "content"
        if state.exists() and state.read_text(encoding="utf-8") == content:
            return
        self.discarded = (self.folder / "index").exists() and (self.folder / "index").stat().st_size > 0
        for name in ("content", "index", "tiles"):
            (self.folder / name).unlink(missing_ok=True)
        write_whole(state, content.encode())

    def _go_on(self) -> None:
        """Read what is there, up to the first record that does not agree with its tile, and cut off the rest."""
        self._index.seek(0)
        kept = 0
        while len(record := self._index.read(_RECORD.size)) == _RECORD.size:
            number, offset, length, digest = _RECORD.unpack(record)
            if number <= self.last or not self._agrees(offset, length, digest):
                break
            self._note(number, offset, length, digest)
            kept += _RECORD.size
        self._index.truncate(kept)
        self._data.truncate(self.size_bytes)
        for file in (self._index, self._data):
            file.seek(0, os.SEEK_END)

    def _agrees(self, offset: int, length: int, digest: bytes) -> bool:
        if self._offsets.get(digest) == offset:
            return True
        self._data.seek(offset)
        return offset == self.size_bytes and _digest(self._data.read(length)) == digest

    def _note(self, number: int, offset: int, length: int, digest: bytes) -> None:
        if digest not in self._offsets:
            self._offsets[digest] = offset
            self.size_bytes += length
        last = self._entries[-1] if self._entries else None
        if last is not None and last.offset == offset and number == last.tile_id + last.run_length:
            last.run_length += 1
        else:
            self._entries.append(Entry(number, offset, length, 1))
        self._addressed += 1
        self.last = number

    @property
    def count(self) -> int:
        """How many tiles are there, equal ones counted each."""
        return self._addressed

    @property
    def distinct_count(self) -> int:
        """How many different tiles are there."""
        return len(self._offsets)

    def add(self, numbers: Sequence[int], tiles: Sequence[bytes]) -> None:
        """Add tiles in the order of their numbers; empty ones are left out."""
        for number, tile in zip(numbers, tiles, strict=True):
            if tile:
                self._add_one(number, tile)
        self._data.flush()
        self._index.flush()
        if time.monotonic() - self._synced_at > _SYNC_S:
            os.fsync(self._data.fileno())
            os.fsync(self._index.fileno())
            self._synced_at = time.monotonic()

    def _add_one(self, number: int, tile: bytes) -> None:
        assert number > self.last
        digest = _digest(tile)
        offset = self._offsets.get(digest)
        if offset is None:
            offset = self.size_bytes
            self._data.write(tile)
        self._index.write(_RECORD.pack(number, offset, len(tile), digest))
        self._note(number, offset, len(tile), digest)

    def write(self, bounds: BBox, center: Sequence[float], metadata: Mapping[str, Any]) -> Path:
        """Write the archive of at least one tile through to the disk, into the same folder, and return where it is.

        Parameters
        ----------
        bounds : tuple of float
            West, south, east, north, degrees.
        center : sequence of float
            Longitude, latitude, zoom.
        """
        sides = zip(("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7"), bounds, strict=True)
        header = {
            "tile_type": TileType.MVT, "tile_compression": Compression.GZIP, "version": 3,
            **{name: round(side * _DEGREE) for name, side in sides},
            "center_lon_e7": round(center[0] * _DEGREE), "center_lat_e7": round(center[1] * _DEGREE),
            "center_zoom": int(center[2]),
        }  # fmt: skip
        parts = finalize_header(  # type: ignore[no-untyped-call]  # untyped upstream
            header, self._addressed, self._entries, len(self._offsets), metadata, clustered=True,
            tile_data_length=self.size_bytes,
        )  # fmt: skip
        draft = self.folder / "archive"
        with draft.open("wb") as file:
            file.writelines(parts)
            self._data.seek(0)
            shutil.copyfileobj(self._data, file, _BLOCK)
            file.flush()
            os.fsync(file.fileno())
        return draft

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        self.close()
        shutil.rmtree(self.folder)

    def close(self) -> None:
        """Leave everything as it is for the next one."""
        for file in (self._data, self._index, self._lock):
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(tile: bytes) -> bytes:
    return hashlib.blake2b(tile, digest_size=16).digest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that has its name only when it is whole."""
    draft = path.with_name(f"{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

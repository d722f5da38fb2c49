"""Archives of tiles: what is gathered outlives kills, and what is written is read by others' readers."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from pmtiles.reader import MmapSource, Reader, all_tiles

from tiles.archive import ArchiveReader
from tiles.cache import pack
from tiles.grid import TileAddress
from tiles.pmtiles import ArchiveBusyError, DamagedArchiveError, GatheredTiles, tile_number

VIETNAM = (102.1, 6.5, 117.9, 23.5)
CENTER = (106.0, 16.0, 10)
METADATA = {"bandoso:version": "1c2", "vector_layers": []}


def square(z: int, side: int) -> dict[int, bytes]:
    """Return tiles of a square by their numbers; a quarter of them are equal, like those in the midst of a province."""
    chosen = random.Random(side)
    found = {}
    for x in range(side):
        for y in range(side):
            content = b"same" if x % 2 == y % 2 == 0 else chosen.randbytes(chosen.randrange(20, 400))
            found[tile_number(TileAddress(z, x, y))] = pack(content)
    return dict(sorted(found.items()))


def add_all(gathered: GatheredTiles, tiles: dict[int, bytes]) -> None:
    gathered.add(list(tiles), list(tiles.values()))


def read_back(path: Path) -> dict[int, bytes]:
    """Read an archive with the reader of the library."""
    with path.open("rb") as file:
        return {tile_number(TileAddress(*place)): tile for place, tile in all_tiles(MmapSource(file))}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("side", [1, 40, 90])
def test_an_archive_is_read_back_with_the_tiles_that_went_in(tmp_path: Path, side: int) -> None:
    """The widest one has more tiles than a root directory holds."""
    tiles = square(10, side)
    with GatheredTiles(tmp_path / "part", "a") as gathered:
        add_all(gathered, tiles)
        path = gathered.write(VIETNAM, CENTER, METADATA)
    assert read_back(path) == tiles
    with ArchiveReader(path) as archive:
        archive.check()
        header: Any = archive.header
        assert (header["leaf_directory_length"] > 0) == (side == 90)
        assert (header["addressed_tiles_count"], header["clustered"]) == (side * side, True)
        assert header["tile_contents_count"] == len(set(tiles.values()))
        assert [header[name] for name in ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")] == [
            round(part * 1e7) for part in VIETNAM
        ]
        assert archive.version == "1c2"
        assert {tile_number(address): archive.tile(address) for address in archive.addresses()} == tiles
        assert archive.tile(TileAddress(10, 1000, 1000)) == b""


def test_the_same_tiles_give_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "other"):
        with GatheredTiles(tmp_path / name, "a") as gathered:
            add_all(gathered, square(9, 40))
            contents.append(gathered.write(VIETNAM, CENTER, METADATA).read_bytes())
    assert contents[0] == contents[1]


def test_an_empty_tile_is_not_in_the_archive(tmp_path: Path) -> None:
    with GatheredTiles(tmp_path / "part", "a") as gathered:
        gathered.add([3, 4, 5], [pack(b"a"), pack(b""), pack(b"b")])
        path = gathered.write(VIETNAM, CENTER, METADATA)
    assert list(read_back(path)) == [3, 5]


@pytest.mark.parametrize(("name", "lost"), [("index", 1), ("index", 40), ("tiles", 1), ("tiles", 500)], ids=str)
def test_gathering_goes_on_before_the_first_tile_that_is_not_whole(tmp_path: Path, name: str, lost: int) -> None:
    tiles = square(8, 20)
    first = dict(list(tiles.items())[:300])
    with GatheredTiles(tmp_path / "part", "a") as gathered:
        add_all(gathered, first)
    file = tmp_path / "part" / name
    os.truncate(file, file.stat().st_size - lost)
    with GatheredTiles(tmp_path / "part", "a") as gathered:
        assert 200 < gathered.count < 300
        assert not gathered.discarded
        add_all(gathered, {number: tile for number, tile in tiles.items() if number > gathered.last})
        path = gathered.write(VIETNAM, CENTER, METADATA)
    assert read_back(path) == tiles


def test_a_tile_that_was_changed_on_the_disk_is_made_again(tmp_path: Path) -> None:
    tiles = square(8, 20)
    with GatheredTiles(tmp_path / "part", "a") as gathered:
        add_all(gathered, tiles)
    file = tmp_path / "part" / "tiles"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with GatheredTiles(tmp_path / "part", "a") as gathered:
        assert 0 < gathered.count < len(tiles)
        add_all(gathered, {number: tile for number, tile in tiles.items() if number > gathered.last})
        assert read_back(gathered.write(VIETNAM, CENTER, METADATA)) == tiles


def test_tiles_of_another_state_are_thrown_away(tmp_path: Path) -> None:
    with GatheredTiles(tmp_path / "part", "a") as gathered:
        add_all(gathered, square(8, 20))
    with GatheredTiles(tmp_path / "part", "b") as gathered:
        assert (gathered.count, gathered.size_bytes, gathered.discarded) == (0, 0, True)


def test_nobody_else_gathers_into_the_same_folder(tmp_path: Path) -> None:
    with GatheredTiles(tmp_path / "part", "a"), pytest.raises(ArchiveBusyError):
        GatheredTiles(tmp_path / "part", "a")


@pytest.fixture(scope="module")
def _content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with GatheredTiles(tmp_path_factory.mktemp("archive") / "part", "a") as gathered:
        add_all(gathered, square(10, 90))
        return gathered.write(VIETNAM, CENTER, METADATA).read_bytes()


@pytest.fixture
def archive(tmp_path: Path, _content: bytes) -> Path:
    """A whole archive with leaf directories."""
    path = tmp_path / "archive.pmtiles"
    path.write_bytes(_content)
    return path


@pytest.mark.parametrize("place", [0, 7, 8, 20, 72, 96, 97, 140, 600, -1, -6])
def test_a_damaged_archive_is_found(archive: Path, place: int) -> None:
    content = bytearray(archive.read_bytes())
    content[place] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(DamagedArchiveError), ArchiveReader(archive) as reader:
        reader.check()


@pytest.mark.parametrize("kept", [0, 100, 127, 5000, -1])
def test_a_cut_archive_is_found(archive: Path, kept: int) -> None:
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(DamagedArchiveError), ArchiveReader(archive) as reader:
        reader.check()


def test_metadata_is_read_by_the_library(archive: Path) -> None:
    with archive.open("rb") as file:
        assert Reader(MmapSource(file)).metadata() == json.loads(json.dumps(METADATA))  # type: ignore[no-untyped-call]

"""Map tiles among the files of open data: packed once for a register, and cut out of that for each area."""

import math
from pathlib import Path
from uuid import uuid4

from geodata.matching import BBox
from geodata.register import Register
from service.packing import version_of, write_archive
from service.settings import ServiceSettings
from tiles.archive import ArchiveReader
from tiles.grid import TileAddress
from tiles.packing import gather_tiles, in_order
from tiles.pmtiles import GatheredTiles
from tiles.release import Release
from tiles.tilejson import VIETNAM

_AT_ONCE = 256


async def pack_register(release: Release, register: Register, settings: ServiceSettings, path: Path) -> bool:
    """Write all tiles of a register at the state that is held into a file; return whether there are any."""
    with GatheredTiles(path.with_name(f"part-{uuid4().hex}"), register.id) as gathered:
        await gather_tiles(release, await release.occupied(None), gathered, lambda _done, _all: None)
        if gathered.count:
            write_archive(gathered, [register], settings, VIETNAM, version_of(release)).rename(path)
        gathered.remove()
        return bool(gathered.count)


def cut_tiles(whole: Path, path: Path, name: str, box: BBox | None) -> None:
    """Write those tiles of an archive that meet a box, and its first one: the widest view.

    Parameters
    ----------
    name : str
        What the file calls itself.
    box : tuple of float, optional
        West, south, east, north in degrees.
    """
    with ArchiveReader(whole) as archive, GatheredTiles(path.with_name(f"part-{uuid4().hex}"), name) as part:
        held = list(archive.addresses())
        chosen = in_order([held[0], *(one for one in held[1:] if box is not None and _meets(one, box))])
        for at in range(0, len(chosen), _AT_ONCE):
            tiles = chosen[at : at + _AT_ONCE]
            part.add([number for number, _ in tiles], [archive.tile(address) for _, address in tiles])
        bounds = box or VIETNAM
        center = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2, 12)
        part.write(bounds, center, {**archive.metadata, "name": name}).rename(path)
        part.remove()


def _meets(tile: TileAddress, box: BBox) -> bool:
    first, last = _tile_at(tile.z, box[0], box[3]), _tile_at(tile.z, box[2], box[1])
    return first.x <= tile.x <= last.x and first.y <= tile.y <= last.y


def _tile_at(z: int, lon: float, lat: float) -> TileAddress:
    """Return the tile of a zoom in which a place lies."""
    side = 1 << z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return TileAddress(z, int((lon + 180) / 360 * side), int(y * side))

"""Packing the tiles of a province, or of the country, into an archive, and holding one against the database."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from geodata.errors import GeodataError
from geodata.matching import BBox
from geodata.register import Register
from geodata.registers import discover
from service.api.tiles import tiles_version
from service.archives import Archive, ArchiveFolder, area_name, digest_of
from service.settings import ServiceSettings
from service.tile_access import archive_settings
from tiles.archive import ArchiveReader
from tiles.lowzoom import DROPPED
from tiles.packing import gather_tiles, in_order, made_in_order
from tiles.pmtiles import DamagedArchiveError, GatheredTiles
from tiles.release import Release, open_release
from tiles.tilejson import VIETNAM, tilejson

LANGUAGE = "vi"

Tell = Callable[[int, int], None]


class NothingToPackError(GeodataError):
    """There is no tile in the area."""

    code = "NOTHING_TO_PACK"
    vi_template = "Không có ô bản đồ nào để đóng gói: chưa công bố dữ liệu nào ở đây."
    en_template = "There is no tile to pack: nothing is published here."


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of packing.

    Attributes
    ----------
    resumed : int
        Tiles that an earlier run had gathered.
    discarded : bool
        Whether an earlier run had gathered tiles of another state, which are gone.
    is_new : bool
        False where the archive of this state was there already.
    """

    archive: Archive
    path: Path
    resumed: int = 0
    discarded: bool = False
    is_new: bool = True


async def pack(settings: ServiceSettings, province: str | None, jobs: int, tell: Tell) -> Packed:
    """Pack the tiles that meet a province, or all of them, as the public sees them at this moment.

    Parameters
    ----------
    province : str, optional
        Its code; the whole country when not given.
    jobs : int
        Tiles made at once.
    tell : callable
        Told how many tiles are done, of how many.

    Raises
    ------
    NoBoundaryError, NothingToPackError, ArchiveBusyError
    """
    folder = ArchiveFolder(settings.archive_dir)
    async with open_release(archive_settings(settings), tuple(discover()), jobs) as release:
        bounds = VIETNAM if province is None else await release.bounds(province)
        version = version_of(release)
        name = f"{area_name(province)}.{version}"
        known = folder.find(name)
        if known is not None:
            return Packed(known, folder.path(name), is_new=False)
        with GatheredTiles(folder.work_folder(area_name(province)), name) as gathered:
            resumed = gathered.count
            await gather_tiles(release, await release.occupied(province), gathered, tell)
            if not gathered.count:
                raise NothingToPackError
            draft = write_archive(gathered, list(discover().values()), settings, bounds, version)
            archive = Archive(
                name, province, version, release.policy, release.layers, gathered.count, draft.stat().st_size,
                digest_of(draft), datetime.now(UTC),
            )  # fmt: skip
            folder.add(draft, archive)
            gathered.remove()
    return Packed(archive, folder.path(name), resumed, gathered.discarded)


def version_of(release: Release) -> str:
    """Return the version of a state as TileJSON gives it for the same layers."""
    return tiles_version([release.revisions.get(layer, 0) for layer in release.layers], release.policy, release.mark)


def write_archive(
    gathered: GatheredTiles, registers: Sequence[Register], settings: ServiceSettings, bounds: BBox, version: str
) -> Path:
    """Write an archive of some registers' tiles, with what it says of itself; returns where it is."""
    described = tilejson(
        registers, url="", version=version, bounds=bounds, language=LANGUAGE, attribution=settings.attribution
    )
    kept = ("name", "description", "version", "attribution", "vector_layers", "bandoso:version")
    metadata = {name: described[name] for name in kept} | {"type": "overlay", "license": settings.licence}
    return gathered.write(bounds, described["center"], metadata)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at of an archive; all of it was right.

    Attributes
    ----------
    compared_count : int or None
        Tiles that are the same in the database; None where that holds another state by now.
    """

    version: str
    tile_count: int
    compared_count: int | None


async def verify(settings: ServiceSettings, path: Path, count: int, seed: int, jobs: int) -> Verified:
    """Read an archive whole, and hold tiles chosen at random against the database where it has the same state.

    Raises
    ------
    DamagedArchiveError
    """
    known = ArchiveFolder(path.parent).find(path.stem)
    if known is not None and known.sha256 != digest_of(path):
        raise DamagedArchiveError(why="sha256")
    with ArchiveReader(path) as archive:
        archive.check()
        held = list(archive.addresses())
        layers = tuple(layer["id"] for layer in archive.metadata["vector_layers"] if layer["id"] != DROPPED)
        async with open_release(archive_settings(settings), layers, jobs) as release:
            if version_of(release) != archive.version:
                return Verified(archive.version, len(held), None)
            chosen = random.Random(seed).sample(held, min(count, len(held)))  # noqa: S311  no secret
            async for batch, tiles in made_in_order(release, in_order(chosen)):
                for (_, address), tile in zip(batch, tiles, strict=True):
                    if tile != archive.tile(address):
                        raise DamagedArchiveError(why=f"{address.z}/{address.x}/{address.y}")
    return Verified(archive.version, len(held), len(chosen))

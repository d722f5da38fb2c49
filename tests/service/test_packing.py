"""Packing: one state of the data whatever is published meanwhile, and no work lost when it is stopped."""

import asyncio
import gzip
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import mapbox_vector_tile
import pytest

from service import setup
from service.cli_tiles import NOT_COMPARED
from service.packing import NothingToPackError, Packed, pack, verify
from service.settings import ServiceSettings
from tests.conftest import environment_of, running, settings_for
from tests.service.people import SAMPLE_COMMUNE, address_csv
from tests.service.shell import Shell
from tiles.archive import ArchiveReader
from tiles.cache import pack as compress
from tiles.grid import TileAddress
from tiles.pmtiles import DamagedArchiveError, GatheredTiles, tile_number
from tiles.release import NoBoundaryError

PROVINCE = "37"
_PACK = ["service", "tiles", "pack", "--province", PROVINCE, "--jobs", "1"]


def packed_now(
    settings: ServiceSettings,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
    area: str | None = PROVINCE,
) -> Packed:
    return asyncio.run(pack(settings, area, 2, tell))


def elsewhere(shell: Shell, folder: Path) -> ServiceSettings:
    """Return the shell's settings with another folder."""
    return shell.settings.model_copy(update={"var_dir": folder})


def publish_an_address(shell: Shell, code: str, folder: Path) -> None:
    file = folder / f"{code}.csv"
    file.write_bytes(address_csv(code))
    assert "+1," in shell.call("import", file, "-r", "addresses", "-c", SAMPLE_COMMUNE).output


class _StoppedError(Exception):
    pass


def stop_half_way(done: int, total: int) -> None:
    if done > total / 2:
        raise _StoppedError


def test_what_is_published_meanwhile_is_in_the_next_archive(shell: Shell, tmp_path: Path) -> None:
    before = packed_now(elsewhere(shell, tmp_path / "before"))
    published: list[int] = []

    def publish(done: int, _total: int) -> None:
        if not published:
            published.append(done)
            publish_an_address(shell, "0790012345", tmp_path)

    settings = elsewhere(shell, tmp_path / "during")
    during = packed_now(settings, publish)
    assert published == [0]
    assert during.path.read_bytes() == before.path.read_bytes()
    after = packed_now(settings)
    assert after.is_new
    assert after.archive.name != during.archive.name
    with ArchiveReader(during.path) as old, ArchiveReader(after.path) as new:
        changed = [address for address in new.addresses() if new.tile(address) != old.tile(address)]
    assert {address.z for address in changed} == set(range(15))
    assert asyncio.run(verify(settings, during.path, 10, 1, 1)).compared_count is None
    assert asyncio.run(verify(settings, after.path, 10**6, 1, 2)).compared_count == after.archive.tile_count


def test_packing_goes_on_where_it_was_stopped(shell: Shell, tmp_path: Path) -> None:
    settings = elsewhere(shell, tmp_path / "stopped")
    with pytest.raises(_StoppedError):
        packed_now(settings, stop_half_way)
    assert list(settings.archive_dir.glob("*.pmtiles")) == []
    done: list[int] = []
    packed = packed_now(settings, lambda so_far, _total: done.append(so_far))
    assert 0 < packed.resumed <= done[0]
    assert not packed.discarded
    assert packed.path.read_bytes() == packed_now(elsewhere(shell, tmp_path / "whole")).path.read_bytes()
    assert sorted(path.suffix for path in settings.archive_dir.iterdir()) == [".json", ".pmtiles"]
    again = packed_now(settings, stop_half_way)
    assert (again.is_new, again.archive) == (False, packed.archive)


def test_packing_begins_anew_when_the_data_has_changed(shell: Shell, tmp_path: Path) -> None:
    settings = elsewhere(shell, tmp_path)
    with pytest.raises(_StoppedError):
        packed_now(settings, stop_half_way)
    publish_an_address(shell, "0790054321", tmp_path)
    packed = packed_now(settings)
    assert (packed.resumed, packed.discarded) == (0, True)


def end_half_way(settings: ServiceSettings, number: int) -> int | None:
    """Send a signal to a process that packs, as soon as it has kept some tiles; return how it ended."""
    index = settings.archive_dir / f"province-{PROVINCE}.part" / "index"
    with running(_PACK, environment_of(settings), settings.var_dir / "log") as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and not (index.exists() and index.stat().st_size > 3000):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        if process.poll() is None:
            os.kill(process.pid, number)
        process.wait(10)
        return process.poll()


@pytest.mark.long
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_a_process_goes_on_with_the_work_of_one_that_was_ended(
    shell: Shell, tmp_path: Path, number: int, exit_code: int
) -> None:
    for attempt in range(5):
        settings = elsewhere(shell, tmp_path / str(attempt))
        ended = end_half_way(settings, number)
        if ended != 0:  # On a busy machine it may have come to its end before.
            break
    assert ended == exit_code
    assert list(settings.archive_dir.glob("*.pmtiles")) == []
    answer = Shell(settings).run(*_PACK[1:])
    assert answer.returncode == 0, answer.stderr
    assert "went on from" in answer.stdout
    (path,) = settings.archive_dir.glob("*.pmtiles")
    assert path.read_bytes() == packed_now(elsewhere(shell, tmp_path / "whole")).path.read_bytes()


def test_the_command_tells_where_the_archive_is_and_how_long_it_took(shell: Shell, tmp_path: Path) -> None:
    command = Shell(elsewhere(shell, tmp_path))
    answer = command.call("tiles", "pack", "--province", PROVINCE, "--keep", "1")
    path, told = answer.stdout.splitlines()
    assert answer.exit_code == 0
    assert Path(path).is_file()
    assert "ô/giây (tiles/s)" in told
    assert "packed already" in command.call("tiles", "pack", "-p", PROVINCE).stdout
    assert "300 ô/tiles giống hệt" in command.call("tiles", "verify", path, "--tiles", "300").stdout
    publish_an_address(shell, "0790012347", tmp_path)
    assert command.call("tiles", "verify", path).exit_code == NOT_COMPARED


def test_a_tile_that_is_not_the_database_s_is_found(shell: Shell, tmp_path: Path) -> None:
    settings = elsewhere(shell, tmp_path)
    with ArchiveReader(packed_now(settings).path) as archive:
        tiles = {tile_number(address): archive.tile(address) for address in archive.addresses()}
        wrong = tile_number(TileAddress(0, 0, 0))
        tiles[wrong] = compress(gzip.decompress(tiles[wrong]) + b"x")
        with GatheredTiles(tmp_path / "part", "a") as gathered:
            gathered.add(list(tiles), list(tiles.values()))
            path = gathered.write((102, 6, 118, 24), (106, 16, 10), archive.metadata)
    with pytest.raises(DamagedArchiveError, match="0/0/0"):
        asyncio.run(verify(settings, path, 10**6, 1, 2))


def kinds_drawn(path: Path) -> Counter[str]:
    """Count the addresses of each kind in the tiles of the largest zoom."""
    found: Counter[str] = Counter()
    with ArchiveReader(path) as archive:
        for address in archive.addresses():
            if address.z == 14:
                layers = mapbox_vector_tile.decode(gzip.decompress(archive.tile(address)))
                drawn = layers.get("addresses", {"features": []})["features"]
                found.update(feature["properties"]["kind"] for feature in drawn)
    return found


def test_an_archive_holds_what_the_publication_policy_shows(scratch_sample_url: str) -> None:
    found = {}
    for policy in ("code_point", "aggregate"):
        settings = settings_for(scratch_sample_url, publication_policy=policy)
        setup.apply_settings(settings)
        packed = packed_now(settings)
        assert (packed.archive.policy, packed.is_new) == (policy, True)
        found[policy] = kinds_drawn(packed.path)
    assert found["code_point"]["household"] > 0
    assert found["aggregate"]["household"] == 0
    assert found["aggregate"].total() > 0


def test_what_cannot_be_packed_is_said(scratch_url: str) -> None:
    settings = settings_for(scratch_url)
    with pytest.raises(NothingToPackError):
        packed_now(settings, area=None)
    for province in ("37", "00", "../../x"):
        with pytest.raises(NoBoundaryError):
            packed_now(settings, area=province)
    assert list(settings.archive_dir.glob("*.pmtiles")) == []

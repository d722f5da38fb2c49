"""Map tiles among the files of open data: those of the service, of one state, whole and cut for areas."""

import gzip
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.registers import get_register
from service.bulk_building import make_area
from service.bulk_files import Dated, FileFolder, list_files
from service.bulk_tiles import cut_tiles
from service.settings import ServiceSettings
from tests.service.bulk import build_now
from tiles.archive import ArchiveReader
from tiles.grid import TileAddress

NAME = "addresses.pmtiles"
COMMUNE = "commune-99001"


@pytest.fixture
def whole(made: Dated, sample_settings: ServiceSettings) -> Path:
    return FileFolder(sample_settings.files_dir).path("addresses", made.name) / "vietnam" / NAME


def test_every_tile_is_that_of_the_service(client: TestClient, whole: Path) -> None:
    with ArchiveReader(whole) as archive:
        archive.check()
        held = list(archive.addresses())
        assert {address.z for address in held} == set(range(min(address.z for address in held), 15))
        for z, x, y in held:
            answer = client.get(f"/tiles/addresses/{z}/{x}/{y}.mvt", headers={"accept-encoding": "identity"})
            assert answer.content == gzip.decompress(archive.tile(TileAddress(z, x, y)))
        assert archive.metadata["bandoso:version"] in client.get("/tiles/addresses.json").json()["tiles"][0]
        assert next(layer["id"] for layer in archive.metadata["vector_layers"]) == "addresses"


def test_an_area_has_the_tiles_of_its_box(whole: Path, made: Dated, sample_settings: ServiceSettings) -> None:
    folder = FileFolder(sample_settings.files_dir)
    area = made.area(COMMUNE)
    assert area is not None
    path = folder.path("addresses", made.name) / COMMUNE
    if list_files(path) is None:
        make_area(folder, made, area, 512)
    with ArchiveReader(path / NAME) as part, ArchiveReader(whole) as archive:
        part.check()
        held, all_tiles = list(part.addresses()), list(archive.addresses())
        assert all(part.tile(address) == archive.tile(address) for address in held)
        assert held[0] == all_tiles[0]
        assert len(held) < len(all_tiles)
        assert part.metadata["name"] == f"Địa chỉ số, {area.name}"
        west, _, east, north = area.box or (0, 0, 0, 0)
        header = part.header
        assert (header["min_lon_e7"], header["max_lat_e7"]) == (round(west * 1e7), round(north * 1e7))
        # Of the largest zoom just those whose bounds meet the box.
        sizes = 360 / (1 << 14)
        columns = {int((lon + 180) / sizes) for lon in (west, east)}
        chosen = [one for one in held if one.z == 14]
        assert min(columns) <= min(one.x for one in chosen) <= max(one.x for one in chosen) <= max(columns)
        left = [one for one in all_tiles if one.z == 14 and min(columns) <= one.x <= max(columns) and one not in held]
        assert not {one.y for one in left} & {one.y for one in chosen}


def test_an_area_without_any_place_has_the_widest_view(whole: Path, tmp_path: Path) -> None:
    cut_tiles(whole, tmp_path / "none.pmtiles", "không", None)
    with ArchiveReader(tmp_path / "none.pmtiles") as part, ArchiveReader(whole) as archive:
        part.check()
        assert list(part.addresses()) == list(archive.addresses())[:1]
    assert [path.name for path in tmp_path.iterdir()] == ["none.pmtiles"]


def test_a_register_of_which_maps_show_nothing_has_no_tiles(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    with database.worker() as connection:
        for table in ("growing_areas", "growing_areas_tile"):
            connection.exec_driver_sql(f"DELETE FROM reg.{table}")
    dated = build_now(settings, database, get_register("growing_areas"))
    files = list_files(FileFolder(settings.files_dir).path("growing_areas", dated.name) / "vietnam") or []
    assert not dated.has_tiles
    assert "growing_areas.pmtiles" not in {file.name for file in files}

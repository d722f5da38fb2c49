"""Archives of tiles: the same tiles as the service's, of one state, served in ranges."""

import asyncio
import gzip
import hashlib
import random
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pmtiles.reader import Reader
from shapely import prepare, transform, union_all
from shapely.geometry import box, shape
from starlette.testclient import TestClient

from geodata.registers import discover
from service.app import create_app
from service.archives import ArchiveFolder
from service.packing import Packed, pack
from service.settings import ServiceSettings
from tests.service.test_tiles import place
from tiles.archive import ArchiveReader
from tiles.grid import TileAddress

PROVINCE = "37"
LAYERS = ",".join(discover())
ADDRESS_COUNT = 2000
ORIGIN = {"origin": "https://xa.example.vn"}


def packed_now(settings: ServiceSettings, province: str = PROVINCE) -> Packed:
    return asyncio.run(pack(settings, province, 2, lambda _done, _total: None))


@pytest.fixture(scope="session")
def packed(sample_settings: ServiceSettings) -> Packed:
    """The sample's province, packed where the service and the client of the sample look."""
    return packed_now(sample_settings)


@pytest.fixture(scope="session")
def content(packed: Packed) -> bytes:
    return packed.path.read_bytes()


@pytest.fixture
def address(packed: Packed) -> str:
    return f"/archives/{packed.path.name}"


@pytest.fixture(scope="module")
def area(client: TestClient) -> Any:
    """The province and its communes, in parts of the world's width and height."""
    asked = (f"provinces/items?code={PROVINCE}", f"communes/items?province_code={PROVINCE}&limit=1000")
    items = [item["geometry"] for path in asked for item in client.get(f"/collections/{path}").json()["features"]]
    whole = union_all([shape(geometry) for geometry in items if geometry])
    found = transform(whole, lambda points: [place(lon, lat, 0) for lon, lat in points])
    prepare(found)
    return found


def is_within(area: Any, tile: TileAddress) -> bool:
    size = 1 / (1 << tile.z)
    return bool(area.intersects(box(tile.x * size, tile.y * size, (tile.x + 1) * size, (tile.y + 1) * size)))


def some_addresses(area: Any, middle: tuple[float, float]) -> Iterator[TileAddress]:
    """Choose addresses without end: two thirds of zoom 14, half of all near where the sample has its records."""
    chosen = random.Random(2026)
    west, north, east, south = area.bounds
    for at in count():
        z = 14 if at % 3 else chosen.randrange(15)
        x, y = chosen.uniform(west, east), chosen.uniform(north, south)
        if at % 2:
            x, y = (centre + chosen.gauss(0, 4 / (1 << 14)) for centre in middle)
        yield TileAddress(z, int(x * (1 << z)), int(y * (1 << z)))


def test_two_thousand_tiles_are_those_of_the_service(service: str, packed: Packed, area: Any) -> None:
    seen: Counter[str] = Counter()
    with ArchiveReader(packed.path) as archive, httpx2.Client(base_url=service) as client:
        archive.check()
        lon, lat = client.get("/collections/addresses/items").json()["features"][0]["geometry"]["coordinates"]
        for tile in some_addresses(area, place(lon, lat, 0)):
            held = archive.tile(tile)
            if not is_within(area, tile):
                seen["outside"] += 1
                assert held == b""
                continue
            answer = client.get(f"/tiles/{LAYERS}/{tile.z}/{tile.x}/{tile.y}.mvt")
            assert answer.status_code == (200 if held else 204), tile
            assert answer.content == (gzip.decompress(held) if held else b""), tile
            seen[f"z{tile.z}"] += 1
            if seen.total() - seen["outside"] == ADDRESS_COUNT:
                break
    assert seen["z14"] > ADDRESS_COUNT / 2
    assert len(seen) == 16


def test_the_archive_says_what_tilejson_says(client: TestClient, packed: Packed, area: Any) -> None:
    tilejson = client.get(f"/tiles/{LAYERS}.json?lang=vi").json()
    with ArchiveReader(packed.path) as archive:
        for name in ("vector_layers", "attribution", "name", "bandoso:version"):
            assert archive.metadata[name] == tilejson[name]
        header: Any = archive.header
        assert (header["min_zoom"], header["max_zoom"]) == (0, 14)
        west, south = header["min_lon_e7"] / 1e7, header["min_lat_e7"] / 1e7
        assert place(west, south, 0) == pytest.approx((area.bounds[0], area.bounds[3]), abs=1e-7)
    assert packed.archive.version == tilejson["bandoso:version"]


def test_the_list_tells_where_each_archive_is_and_its_digest(client: TestClient, packed: Packed) -> None:
    (found,) = client.get("/archives").json()["archives"]
    answer = client.get(found["href"])
    assert answer.headers["content-type"] == "application/vnd.pmtiles"
    assert hashlib.sha256(answer.content).hexdigest() == found["sha256"]
    assert (len(answer.content), found["province"], found["layers"]) == (found["size"], PROVINCE, LAYERS.split(","))
    assert found["tiles"] == packed.archive.tile_count


def test_a_reader_gets_tiles_by_ranges_over_http(service: str, packed: Packed) -> None:
    def read(offset: int, length: int) -> bytes:
        asked = {"Range": f"bytes={offset}-{offset + length - 1}"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{service}/archives/{packed.path.name}", headers=asked)
        ) as answer:
            assert answer.status == 206
            found: bytes = answer.read()
            assert len(found) == length
            return found

    reader = Reader(read)  # type: ignore[no-untyped-call]
    assert reader.metadata()["bandoso:version"] == packed.archive.version  # type: ignore[no-untyped-call]
    with ArchiveReader(packed.path) as archive:
        for tile in list(archive.addresses())[::200]:
            assert reader.get(tile.z, tile.x, tile.y) == archive.tile(tile)  # type: ignore[no-untyped-call]


SIZE = -1
"""Stands for the size of the file."""


@pytest.mark.parametrize(
    ("asked", "status", "first", "end"),
    [
        ("bytes=0-126", 206, 0, 127),
        ("bytes=127-127", 206, 127, 128),
        ("bytes=100-", 206, 100, SIZE),
        ("bytes=-100", 206, -100, SIZE),
        ("bytes=-99999999999", 206, 0, SIZE),
        ("bytes=100-99999999999", 206, 100, SIZE),
        ("BYTES= 0-0", 206, 0, 1),
        ("bytes=99999999999-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=99999999999-,-0", 416, 0, 0),
        ("bytes=5-9,99999999999-", 206, 5, 10),
        ("tiles=0-1", 200, 0, SIZE),
        ("bytes=9-5", 200, 0, SIZE),
        ("bytes=a-b", 200, 0, SIZE),
        ("bytes=٣-٥", 200, 0, SIZE),
        ("bytes=", 200, 0, SIZE),
        ("bytes", 200, 0, SIZE),
        ("bytes=" + ",".join(f"{at}-{at}" for at in range(0, 100, 2)), 200, 0, SIZE),
    ],
)
def test_a_range_is_answered_as_rfc_9110_has_it(  # one case each
    client: TestClient, address: str, content: bytes, asked: str, status: int, first: int, end: int
) -> None:
    answer = client.get(address, headers={"range": asked.encode()})  # type: ignore[dict-item]
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(content)}"
        assert answer.headers["content-type"] == "application/problem+json"
        return
    wanted = content[first : None if end == SIZE else end]
    assert answer.content == wanted
    assert answer.headers["content-length"] == str(len(wanted))
    if status == 206:
        start = first if first >= 0 else len(content) + first
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(content)}"


def test_several_ranges_come_in_parts(client: TestClient, address: str, content: bytes) -> None:
    answer = client.get(address, headers={"range": "bytes=0-6, 127-130"})
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert all(part in answer.content for part in (content[:7], content[127:131]))


def test_an_archive_may_be_kept_for_ever_and_read_by_any_site(client: TestClient, address: str) -> None:
    answer = client.get(address, headers={"range": "bytes=0-126", **ORIGIN, "accept-encoding": "gzip, br"})
    headers = answer.headers
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "content-encoding" not in headers
    assert headers["accept-ranges"] == "bytes"
    assert headers["access-control-allow-origin"] == "*"
    exposed = {name.strip() for name in headers["access-control-expose-headers"].split(",")}
    assert {"ETag", "Content-Range", "Content-Length"} <= exposed
    whole = client.get(address, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in whole.headers
    assert whole.headers["etag"] == headers["etag"]
    assert not headers["etag"].startswith("W/")


def test_a_browser_may_ask_for_ranges_from_another_site(client: TestClient, address: str) -> None:
    asked = {**ORIGIN, "access-control-request-method": "GET", "access-control-request-headers": "range,if-match"}
    answer = client.options(address, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "*"


def test_who_has_the_file_is_told_so(client: TestClient, address: str) -> None:
    etag = client.head(address).headers["etag"]
    answer = client.get(address, headers={"if-none-match": etag, "range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_range_of_another_file_gets_the_whole_one(client: TestClient, address: str, content: bytes) -> None:
    etag = client.head(address).headers["etag"]
    asked = {"range": "bytes=0-9"}
    assert client.get(address, headers={**asked, "if-range": etag}).content == content[:10]
    for other in ('"other"', f"W/{etag}", "Sat, 01 Aug 2026 00:00:00 GMT"):
        answer = client.get(address, headers={**asked, "if-range": other})
        assert (answer.status_code, len(answer.content)) == (200, len(content))
    beyond = {"range": "bytes=99999999999-", "if-range": '"other"'}
    assert client.get(address, headers=beyond).status_code == 200


def test_head_tells_the_size_whatever_range_it_names(client: TestClient, address: str, content: bytes) -> None:
    for headers in ({}, {"range": "bytes=0-9"}, {"range": "bytes=99999999999-"}):
        answer = client.head(address, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(content))


@pytest.mark.parametrize(
    "name",
    [
        "vietnam.1", "..%2f..%2fsecret", "%2e%2e%2fsecret", "..", "province-37", "province-37.json", ".", "",
        "province-37.part%2farchive", "province-37%00", "province-37.x%2f..%2fy", "PROVINCE-37.1",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_the_folder(
    sample_settings: ServiceSettings, client: TestClient, packed: Packed, name: str
) -> None:
    (sample_settings.var_dir / "secret.pmtiles").write_bytes(b"secret")
    assert client.get(f"/archives/{name}.pmtiles").status_code == 404


def test_an_archive_of_another_policy_is_not_shown(sample_settings: ServiceSettings, packed: Packed) -> None:
    """It may hold points that are not public any more."""
    stricter = sample_settings.model_copy(update={"publication_policy": "aggregate"})
    client = TestClient(create_app(stricter))  # type: ignore[arg-type]
    assert client.get("/archives").json()["archives"] == []
    assert client.get(f"/archives/{packed.path.name}").status_code == 404


def test_a_file_without_its_record_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "vietnam.1.pmtiles").write_bytes(b"half of it")
    assert ArchiveFolder(tmp_path).all() == []


def test_only_the_latest_archives_of_an_area_are_kept(tmp_path: Path, packed: Packed) -> None:
    folder = ArchiveFolder(tmp_path)
    for number in range(4):
        draft = tmp_path / "draft"
        draft.write_bytes(b"x")
        created_at = packed.archive.created_at.replace(year=2026 + number)
        folder.add(draft, replace(packed.archive, name=f"province-37.{number}", created_at=created_at))
    gone = folder.keep_latest("province-37", 3)
    assert [archive.name for archive in gone] == ["province-37.0"]
    assert folder.keep_latest("province-01", 1) == []
    assert sorted(path.name for path in tmp_path.glob("*.pmtiles")) == [f"province-37.{n}.pmtiles" for n in (1, 2, 3)]
    assert len(list(tmp_path.iterdir())) == 6

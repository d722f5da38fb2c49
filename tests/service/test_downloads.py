"""Files of open data: made whole from one state, served in ranges, kept as the policy says."""

import base64
import csv
import hashlib
import io
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.errors import SettingsError
from geodata.exporting.formats import FORMATS
from geodata.registers import discover
from service.api import file_desk
from service.app import create_app
from service.archives import Archive, ArchiveFolder
from service.bulk_building import (
    remove_outdated,
)
from service.bulk_files import Dated, FileFolder, list_files, size_of
from service.settings import ServiceSettings
from tests.conftest import settings_for
from tests.service.bulk import FIELDS, VILLAGES, build_now
from tests.service.shell import Shell

COMMUNE = "commune-99001"
AT = "/downloads/addresses/vietnam/latest"


@pytest.fixture
def folder(sample_settings: ServiceSettings) -> FileFolder:
    return FileFolder(sample_settings.files_dir)


def test_everything_of_a_list_can_be_had_and_has_its_digest(client: TestClient, made: Dated, tmp_path: Path) -> None:
    listed = client.get("/downloads/addresses/vietnam").json()
    assert {file["format"] for file in listed["files"]} == {one.suffix for one in FORMATS}
    for href in [*(file["href"] for file in listed["files"]), *listed["described"]]:
        answer = client.get(href)
        assert answer.status_code == 200
        (tmp_path / href.rpartition("/")[2]).write_bytes(answer.content)
    said = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout.count(": OK") == len(FORMATS) + 2
    for file in listed["files"]:
        content = (tmp_path / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])
    package = json.loads((tmp_path / "datapackage.json").read_bytes())
    assert package["bandoso:revision"] == listed["revision"] == made.revision
    assert {one["path"]: one["hash"] for one in package["resources"]} == {
        file["name"]: f"sha256:{file['sha256']}" for file in listed["files"]
    }


@pytest.mark.parametrize("box", ["106.22 20.31 106.24 20.33", "106.26 20.36 106.27 20.37", "105 19 105.1 19.1"])
def test_gdal_reads_a_part_of_a_flatgeobuf_over_http(service: str, client: TestClient, made: Dated, box: str) -> None:
    command = ["ogrinfo", "-ro", "-so", "-al", "-spat", *box.split(), f"/vsicurl/{service}{AT}/addresses.fgb"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in said.splitlines() if line.startswith("Feature Count")]
    rows = csv.DictReader(io.StringIO(client.get(f"{AT}/addresses.csv").content.decode("utf-8-sig"), newline=""))
    west, south, east, north = map(float, box.split())
    inside = [row for row in rows if west <= float(row["lon"]) <= east and south <= float(row["lat"]) <= north]
    assert int(line.split(":")[1]) == len(inside)


def test_latest_is_asked_for_anew_and_a_dated_file_kept_for_ever(client: TestClient, made: Dated) -> None:
    latest = client.get(f"{AT}/addresses.csv")
    dated = client.get(f"/downloads/addresses/vietnam/{made.name}/addresses.csv")
    assert latest.content == dated.content
    assert latest.headers["cache-control"] == "no-cache"
    assert dated.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert latest.headers["content-location"].endswith(f"/vietnam/{made.name}/addresses.csv")
    assert 'filename="addresses.csv"' in latest.headers["content-disposition"]
    digest = base64.b64encode(hashlib.sha256(latest.content).digest()).decode()
    assert latest.headers["repr-digest"] == f"sha-256=:{digest}:"
    held = client.get(f"{AT}/addresses.csv", headers={"if-none-match": latest.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")


def test_a_file_comes_in_ranges_of_the_state_that_was_begun(client: TestClient, made: Dated) -> None:
    whole = client.get(f"{AT}/addresses.parquet")
    asked = {"range": "bytes=16-31"}
    part = client.get(f"{AT}/addresses.parquet", headers={**asked, "if-range": whole.headers["etag"]})
    other = client.get(f"{AT}/addresses.parquet", headers={**asked, "if-range": '"other"'})
    beyond = client.get(f"{AT}/addresses.parquet", headers={"range": "bytes=99999999999-"})
    head = client.head(f"{AT}/addresses.parquet")
    assert (part.status_code, part.content) == (206, whole.content[16:32])
    assert (other.status_code, other.content) == (200, whole.content)
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    assert (head.status_code, int(head.headers["content-length"]), head.content) == (200, len(whole.content), b"")


def test_the_files_of_a_commune_are_made_when_first_asked_for(
    client: TestClient, made: Dated, sample_settings: ServiceSettings
) -> None:
    before = client.get(f"/downloads/addresses/{COMMUNE}").json()
    answer = client.get(f"/downloads/addresses/{COMMUNE}/latest/addresses.csv")
    after = client.get(f"/downloads/addresses/{COMMUNE}").json()
    assert {file["size"] for file in before["files"]} == {None} or before["files"] == after["files"]
    assert all(file["size"] > 0 and len(file["sha256"]) == 64 for file in after["files"])
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    items = client.get("/collections/addresses/items?commune_code=99001&limit=1").json()
    assert {row["commune_code"] for row in rows} == {"99001"}
    assert len(rows) == after["area"]["count"] == items["numberMatched"]
    assert client.get(f"/downloads/addresses/{COMMUNE}/latest/SHA256SUMS").text.count("\n") == len(FORMATS) + 2


def test_a_shapefile_in_another_zone_is_made_when_asked_for(client: TestClient, made: Dated) -> None:
    at = f"/downloads/addresses/{COMMUNE}/{made.name}/addresses"
    first, again = (client.get(f"{at}.9217.shp.zip") for _ in range(2))
    assert first.status_code == 200
    assert (first.content, first.headers["etag"]) == (again.content, again.headers["etag"])
    assert first.content != client.get(f"{at}.shp.zip").content
    for wrong in ("4326", "09217", "x", "٩٢١٧"):
        assert client.get(f"{at}.{wrong}.shp.zip").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "addresses/vietnam/latest/files.json", "addresses/vietnam/latest/record.json", "addresses/vietnam/latest/x.csv",
        "addresses/vietnam/2026-01-01-r1-000000/addresses.csv", "addresses/vietnam/../addresses.csv",
        "addresses/commune-00000/latest/addresses.csv", "addresses/province-99/latest/addresses.csv",
        "addresses/commune-9900x/latest/addresses.csv", "addresses/x/latest/addresses.csv",
        "villages/vietnam/latest/villages.csv", "addresses/vietnam/latest/..%2Frecord.json", "nothing/vietnam/latest/a.csv",
        "addresses/..%2F..%2F..%2Fsecret", "addresses/vietnam/..%2Flatest/addresses.csv",
    ],
)  # fmt: skip
def test_no_address_leads_to_anything_else(client: TestClient, made: Dated, path: str) -> None:
    assert client.get(f"/downloads/{path}").status_code == 404


def test_unknown_parameters_are_refused(client: TestClient, made: Dated) -> None:
    assert client.get(f"{AT}/addresses.csv?x=1").status_code == 400
    assert client.get("/downloads?x=1").status_code == 400


@pytest.mark.parametrize(("language", "word"), [("vi", "Tệp dữ liệu mở"), ("en", "Files of open data")])
def test_people_find_a_file_in_two_clicks(client: TestClient, made: Dated, language: str, word: str) -> None:
    first = client.get(f"/downloads?f=html&lang={language}").text
    assert word in first
    assert "/downloads/addresses/vietnam" in first
    second = client.get(f"/downloads/addresses/vietnam?f=html&lang={language}").text
    assert f"{AT}/addresses.xlsx" in second
    province = client.get(f"/downloads/addresses/province-37?f=html&lang={language}").text
    assert COMMUNE in province
    assert "Ninh Bình" in client.get(f"/downloads/addresses?f=html&lang={language}").text


def test_a_province_that_has_everything_takes_no_room_of_its_own(folder: FileFolder, made: Dated) -> None:
    root = folder.path("addresses", made.name)
    whole, province = (root / area / "addresses.gpkg" for area in ("vietnam", "province-37"))
    assert whole.stat().st_ino == province.stat().st_ino
    assert size_of(root) < 1.6 * size_of(root / "vietnam")


def test_files_of_another_policy_are_not_shown_and_go(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    dated = build_now(settings, database)
    hidden = settings.model_copy(update={"publication_policy": "lookup"})
    with TestClient(create_app(hidden)) as client:  # type: ignore[arg-type]
        for version in ("latest", dated.name):
            assert client.get(f"/downloads/addresses/vietnam/{version}/addresses.csv").status_code == 404
        assert client.get("/downloads/addresses").json()["latest"] is None
        fresh = build_now(hidden, database)
        rows = client.get(f"{AT}/addresses.csv.gz")
    assert rows.status_code == 200
    assert fresh.areas[0].count < dated.areas[0].count
    assert remove_outdated(hidden, "addresses", fresh.day, "lookup") == [dated]
    assert [one.name for one in FileFolder(settings.files_dir).all("addresses")] == [fresh.name]


def test_a_register_without_records_has_files_too(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    with database.worker() as connection:
        connection.execute(text("DELETE FROM reg.growing_areas"))
        connection.execute(text("DELETE FROM reg.tourism_points"))
    for register in (FIELDS, discover()["tourism_points"]):
        dated = build_now(settings, database, register)
        (whole,) = dated.areas
        files = list_files(FileFolder(settings.files_dir).path(register.id, dated.name) / "vietnam") or []
        assert (whole.count, len(files)) == (0, len(FORMATS) + 2)


def test_what_is_not_there_yet_says_so(scratch_sample_url: str) -> None:
    settings = settings_for(scratch_sample_url, files_every_minutes=60)
    with TestClient(create_app(settings)) as client:  # type: ignore[arg-type]
        answer = client.get(f"{AT}/addresses.csv")
        listed = client.get("/downloads").json()["collections"]
        page = client.get("/downloads?f=html")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    assert answer.json()["type"] == "urn:bandoso:problem:download_not_ready"
    assert {one["next"] for one in listed} == {"soon"}
    assert page.status_code == 200


def test_nobody_waits_for_ever_while_others_are_made(
    client: TestClient, made: Dated, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/downloads/growing_areas/commune-99002/latest/growing_areas.csv"
    with monkeypatch.context() as patch, file_desk._turn:
        patch.setattr(file_desk, "WAIT_S", 0.05)
        assert client.get(path).status_code == 503
    assert client.get(path).status_code == 200


def test_the_commands_make_list_and_remove(shell: Shell) -> None:
    made = shell.call("files", "build", "--register", "villages", "--now")
    assert made.exit_code == 0, made.output
    assert "vietnam/villages.gpkg" in made.output
    assert "nothing new" in shell.call("files", "build", "-r", "villages").output
    listed = shell.call("files", "list", COLUMNS="200").output
    (found,) = FileFolder(shell.settings.files_dir).all("villages")
    assert found.name[:14] in listed
    assert shell.call("files", "remove", "villages").output == ""
    assert found.name in shell.call("files", "remove", "villages", found.name).output
    assert FileFolder(shell.settings.files_dir).all("villages") == []


def test_more_zones_are_a_setting(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    settings = settings.model_copy(update={"files_zones": "9211, EPSG:3405"})
    build_now(settings, database, VILLAGES)
    with TestClient(create_app(settings)) as client:  # type: ignore[arg-type]
        listed = client.get("/downloads/villages/vietnam").json()["files"]
        zones = {file["crs"]: client.get(file["href"]).status_code for file in listed if "crs" in file}
        assert zones == {"EPSG:9212": 200, "EPSG:9211": 200, "EPSG:3405": 200}
        assert client.get("/downloads/villages/vietnam?f=html").status_code == 200
    with pytest.raises(SettingsError):
        _ = settings.model_copy(update={"files_zones": "4326"}).zones


def test_the_archive_of_tiles_of_an_area_is_in_its_list(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    build_now(settings, database, VILLAGES)
    archives = ArchiveFolder(settings.archive_dir)
    settings.archive_dir.mkdir(parents=True)
    for at, policy in enumerate(("code_point", "lookup")):
        draft = settings.archive_dir / "draft"
        draft.write_bytes(b"PMTiles")
        name = f"province-37.{at}-00000000"
        archives.add(draft, Archive(name, "37", "1", policy, ("villages",), 1, 7, "0" * 64, datetime.now(UTC)))
    with TestClient(create_app(settings)) as client:  # type: ignore[arg-type]
        found = client.get("/downloads/villages/province-37").json()["archives"]
        assert [one["name"] for one in found] == ["province-37.0-00000000"]
        assert client.get(found[0]["href"]).content == b"PMTiles"
        assert client.get("/downloads/villages/vietnam").json()["archives"] == []

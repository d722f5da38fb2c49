"""A file's whole way: taken over HTTP, checked by a running worker, published, and seen in items and tiles."""

import os
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import geopandas
import mapbox_vector_tile
import pytest
from shapely.geometry import Point
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from service import setup
from service.jobs.cleaning import clean_files
from service.storage import open_storage
from service.storage.local import LocalStorage
from tests.conftest import Server
from tests.service.office import Office, finish, new_code, opened, publishing_is_held, send
from tests.service.people import (
    OTHER_COMMUNE,
    PLACE,
    SAMPLE_COMMUNE,
    add_key,
    add_officer,
    address_csv,
    sign_in,
    upload_parts,
)

LIMIT_MB = 1
HEAD_OF_HOUSEHOLD = "Nguyễn Thị Thử"
VN2000_NINH_BINH = 9209


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    """The service in this process, the worker in another one."""
    with opened(server, f"office_{worker_name}", LIMIT_MB) as found:
        found.worker.start()
        yield found


def shapefile(folder: Path, code: str) -> Path:
    """Write a zipped shapefile of one address in VN-2000, as surveyors give it."""
    frame = geopandas.GeoDataFrame(
        {"MA_DIA_CHI": [code], "LOAI": ["Hộ gia đình"], "CHU_HO": [HEAD_OF_HOUSEHOLD], "SO_NHA": ["12A"]},
        geometry=[Point(PLACE)], crs=4326,
    ).to_crs(VN2000_NINH_BINH)  # fmt: skip
    frame.to_file(folder / "diachi.shp", engine="pyogrio", encoding="utf-8")
    with zipfile.ZipFile(folder / "diachi.zip", "w") as archive:
        for part in folder.glob("diachi.*"):
            if part.suffix != ".zip":
                archive.write(part, part.name)
    return folder / "diachi.zip"


def test_a_csv_is_published_and_then_read_as_geojson_and_as_a_tile(office: Office) -> None:
    code, officer, revision = new_code(), office.officer(), office.revision()
    upload = finish(officer, send(officer, upload_parts(address_csv(code), commune=SAMPLE_COMMUNE)))
    assert (upload["state"], upload["revision"], upload["commune"]) == ("published", revision + 1, SAMPLE_COMMUNE)
    assert upload["counts"] == {
        "read": 1, "valid": 1, "rejected": 0, "published": 1,
        "added": 1, "changed": 0, "removed": 0, "unchanged": 0,
    }  # fmt: skip
    item = office.item(code)
    assert item is not None
    assert item["geometry"] == {"type": "Point", "coordinates": list(PLACE)}
    assert item["properties"]["commune_code"] == SAMPLE_COMMUNE
    tile = office.client.get("/tiles/addresses/14/13026/7245.mvt")
    features = mapbox_vector_tile.decode(tile.content)["addresses"]["features"]
    drawn = [office.client.get(f"/collections/addresses/items/{feature['id']}").json() for feature in features]
    assert item["id"] in {one["id"] for one in drawn}


def test_a_shapefile_in_vn2000_lands_where_it_belongs_and_keeps_people_private(office: Office, tmp_path: Path) -> None:
    code, officer = new_code(), office.officer()
    upload = finish(
        officer, send(officer, upload_parts(shapefile(tmp_path, code), "diachi.zip", commune=SAMPLE_COMMUNE))
    )
    assert upload["state"] == "published", upload["messages"]
    item = office.item(code)
    assert item is not None
    assert item["geometry"]["coordinates"] == pytest.approx(PLACE, abs=1e-6)
    assert item["properties"]["house_number"] == "12A"
    assert HEAD_OF_HOUSEHOLD not in str(item) + str(upload)


def test_the_loose_parts_of_a_shapefile_are_one_file(office: Office, tmp_path: Path) -> None:
    code, officer = new_code(), office.officer()
    shapefile(tmp_path, code)
    parts = sorted(part for part in tmp_path.glob("diachi.*") if part.suffix != ".zip")
    given = {"files": [("file", (part.name, part.read_bytes())) for part in parts]}
    form = {"register": "addresses", "publish": "auto", "commune": SAMPLE_COMMUNE}
    upload = finish(officer, send(officer, {"data": form, **given}))
    assert upload["state"] == "published", upload["messages"]
    assert (upload["file_name"], upload["files"]) == ("diachi.shp", [part.name for part in parts])
    sent_back = officer.get(f"/uploads/{upload['id']}/file")
    assert sent_back.headers["content-type"] == "application/octet-stream"
    with zipfile.ZipFile(BytesIO(sent_back.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            part.name: part.read_bytes() for part in parts
        }
    assert office.officer().get(f"/uploads/{upload['id']}/file").status_code == 404


def test_a_raw_file_comes_back_to_its_sender_alone_and_cannot_run(office: Office) -> None:
    officer, content = office.officer(), address_csv(new_code())
    place = send(officer, upload_parts(content, "địa chỉ.csv"))
    finish(officer, place)
    answer = officer.get(f"{place}/file")
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%C4%91")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert office.officer().get(f"{place}/file").status_code == 404


def test_what_is_private_in_a_file_is_stored_and_told_to_nobody(office: Office, tmp_path: Path) -> None:
    code, officer = new_code(), office.officer()
    place = send(officer, upload_parts(shapefile(tmp_path, code), "diachi.zip", commune=SAMPLE_COMMUNE))
    assert finish(officer, place)["state"] == "published"
    private = (
        "SELECT p.head_name FROM reg.household_private p JOIN reg.address_codes c USING (feature_id) "
        "WHERE c.value = :code"
    )
    with setup.owner(office.settings) as connection:
        assert connection.scalars(text(private), {"code": code}).all() == [HEAD_OF_HOUSEHOLD]
    for statement in (private, "SELECT report FROM ops.upload", "SELECT before FROM ops.change"):
        with office.database.read() as connection, pytest.raises(DBAPIError) as refusal:
            connection.execute(text(statement), {"code": code})
        assert refusal.value.orig.sqlstate == "42501"  # type: ignore[union-attr]
    told = [
        office.client.get("/collections/addresses/items", params={"code": code}).text,
        office.client.get("/collections/addresses/items", params={"code": code, "f": "html"}).text,
        office.client.get("/search", params={"q": code}).text,
        office.client.get("/search", params={"q": HEAD_OF_HOUSEHOLD}).text,
        office.client.get("/tiles/addresses/14/13026/7245.mvt").content.decode("latin-1"),
        officer.get(place).text,
        *(log.read_text() for log in office.settings.var_dir.glob("*.log")),
    ]
    assert code in told[0]
    assert not [answer for answer in told if HEAD_OF_HOUSEHOLD in answer or HEAD_OF_HOUSEHOLD.split()[2] in answer]


def test_raw_files_are_for_the_service_alone(office: Office) -> None:
    officer = office.officer()
    finish(officer, send(officer, upload_parts(address_csv(new_code()))))
    assert (office.settings.var_dir / "uploads").stat().st_mode & 0o077 == 0


def test_raw_files_go_when_their_time_is_over_also_those_without_an_upload(office: Office) -> None:
    officer, storage = office.officer(), open_storage(office.settings)
    assert isinstance(storage, LocalStorage)
    place = send(officer, upload_parts(address_csv(new_code())))
    finish(officer, place)
    strays = [uuid4() for _ in range(3)]
    for stray in strays:
        storage.write(stray, [("a.csv", BytesIO(b"x"))], 9)
    with publishing_is_held(office):
        waiting = send(officer, upload_parts(address_csv(new_code())))
        done, busy = (storage.directory / where.rpartition("/")[2].replace("-", "") for where in (place, waiting))
        old, young, orphan = (storage.directory / stray.hex for stray in strays)
        for folder, days in ((done, 91), (busy, 91), (old, 91), (orphan, 1 / 12)):
            written = time.time() - days * 86_400
            os.utime(folder, (written, written))
        assert clean_files(office.database, storage, 90) == 3
        assert [folder.exists() for folder in (done, busy, old, young, orphan)] == [False, True, False, True, False]
        assert clean_files(office.database, storage, 90) == 0
    assert finish(officer, waiting)["state"] == "published"


def test_the_same_file_again_makes_no_revision(office: Office) -> None:
    content, officer = address_csv(new_code()), office.officer()
    first = finish(officer, send(officer, upload_parts(content)))
    second = finish(officer, send(officer, upload_parts(content)))
    assert (second["state"], second["revision"]) == ("published", None)
    assert office.revision() == first["revision"]


def test_the_same_idempotency_key_makes_one_upload(office: Office) -> None:
    content, officer, key = address_csv(new_code()), office.officer(), uuid4().hex
    places = [send(officer, upload_parts(content), **{"idempotency-key": key}) for _ in range(2)]
    assert places[0] == places[1]
    other = officer.post("/uploads", **upload_parts(address_csv(new_code())), headers={"idempotency-key": key})
    assert (other.status_code, other.json()["type"]) == (400, "urn:bandoso:problem:idempotency_key")
    for changed in ({"commune": SAMPLE_COMMUNE}, {"note": "x"}, {"register": "villages"}):
        other = officer.post("/uploads", **upload_parts(content, **changed), headers={"idempotency-key": key})
        assert (other.status_code, other.json()["type"]) == (400, "urn:bandoso:problem:idempotency_key")
    assert len(officer.get("/uploads").json()["uploads"]) == 1
    finish(officer, places[0])


def test_an_idempotency_key_is_the_accounts_own(office: Office) -> None:
    content, key = address_csv(new_code()), uuid4().hex
    officers = [office.officer(), office.officer()]
    places = [send(officer, upload_parts(content), **{"idempotency-key": key}) for officer in officers]
    assert places[0] != places[1]
    for officer, place in zip(officers, places, strict=True):
        finish(officer, place)


def test_requests_at_once_with_one_idempotency_key_make_one_upload(office: Office) -> None:
    headers = add_key(office.settings, add_officer(office.settings)) | {"idempotency-key": uuid4().hex}
    parts, start = upload_parts(address_csv(new_code())), threading.Barrier(4)

    def ask(_: int) -> tuple[int, str]:
        client = TestClient(office.app, raise_server_exceptions=False)
        start.wait()
        answer = client.post("/uploads", **parts, headers=headers)
        return answer.status_code, answer.headers.get("location", "")

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(ask, range(4)))
    assert {status for status, _ in answers} == {202}
    assert len(answers) == 1
    finish(office.client, answers.pop()[1], headers=headers)


def test_a_repeated_request_is_answered_also_while_the_queue_is_full(office: Office) -> None:
    officer, key = office.officer(), uuid4().hex
    with publishing_is_held(office):
        parts = [upload_parts(address_csv(new_code())) for _ in range(4)]
        places = [send(officer, part, **{"idempotency-key": f"{key}{number}"}) for number, part in enumerate(parts[:3])]
        refused = officer.post("/uploads", **parts[3])
        again = send(officer, parts[2], **{"idempotency-key": f"{key}2"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert again == places[2]
    for place in places:
        assert finish(officer, place)["state"] == "published"


def test_nobody_sends_files_without_an_account(office: Office) -> None:
    answer = office.client.post("/uploads", **upload_parts(address_csv(new_code())))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_an_officer_sends_nothing_for_a_foreign_commune(office: Office) -> None:
    answer = office.officer().post("/uploads", **upload_parts(address_csv(new_code()), commune=OTHER_COMMUNE))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:bandoso:problem:not_allowed")


def test_rows_of_a_foreign_commune_are_rejected_when_the_file_names_none(office: Office) -> None:
    code, officer = new_code(), office.officer(OTHER_COMMUNE)
    upload = finish(officer, send(officer, upload_parts(address_csv(code))))
    assert (upload["state"], upload["counts"]["published"]) == ("rejected", 0)
    assert "COMMUNE_NOT_YOURS" in upload["report"]["counts"]
    assert office.item(code) is None


@pytest.mark.parametrize("register", ["communes", "provinces"])
def test_an_officer_does_not_change_the_lists_of_units(office: Office, register: str) -> None:
    parts = upload_parts(b"ma_xa\n1\n") | {"data": {"register": register}}
    assert office.officer().post("/uploads", **parts).status_code == 403


@pytest.mark.parametrize("token", [None, "", "x"])
def test_a_browser_without_the_csrf_token_is_refused(office: Office, token: str | None) -> None:
    officer = office.officer()
    del officer.headers["x-csrf-token"]
    headers = {} if token is None else {"x-csrf-token": token}
    answer = officer.post("/uploads", **upload_parts(address_csv(new_code())), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:bandoso:problem:csrf")


def test_a_key_sends_files_without_a_csrf_token(office: Office) -> None:
    headers = add_key(office.settings, add_officer(office.settings))
    place = send(office.client, upload_parts(address_csv(new_code())), **headers)
    assert finish(office.client, place, headers=headers)["state"] == "published"


@pytest.mark.parametrize("megabytes", [LIMIT_MB + 0.5, LIMIT_MB + 2], ids=["file", "whole body"])
def test_a_file_that_is_too_large_is_refused_and_not_kept(office: Office, megabytes: float) -> None:
    answer = office.officer().post("/uploads", **upload_parts(b"x" * int(megabytes * 1024**2)))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert_told_what_to_do(answer.json()["detail"])
    largest = max((file.stat().st_size for file in (office.settings.var_dir / "uploads").glob("*")), default=0)
    assert largest <= LIMIT_MB * 1024**2


def test_a_body_that_does_not_tell_its_length_is_measured(office: Office) -> None:
    headers = add_key(office.settings, add_officer(office.settings)) | {
        "content-type": "multipart/form-data; boundary=b"
    }

    def endless() -> Iterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(64):
            yield b"x" * 65536

    answer = office.client.post("/uploads", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert_told_what_to_do(answer.json()["detail"])


def assert_told_what_to_do(detail: str) -> None:
    assert f"vượt quá {LIMIT_MB} MiB. Hãy nén tệp thành .zip" in detail
    assert "BANDOSO_UPLOAD_MAX_MB" in detail


def test_who_reads_english_is_told_in_english_what_to_do_with_a_file_that_is_too_large(office: Office) -> None:
    headers = add_key(office.settings, add_officer(office.settings)) | {"accept-language": "en"}
    parts = upload_parts(b"x" * int((LIMIT_MB + 0.5) * 1024**2))
    detail = office.client.post("/uploads", **parts, headers=headers).json()["detail"]
    assert detail.startswith(f"The file is larger than {LIMIT_MB} MiB. Zip it and send the .zip.")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.zip", b"PK\x03\x04 this is no archive", "UPLOAD_FORMAT"),
        ("a.csv", b"", "FILE_EMPTY"),
        ("a.gpkg", b"SQLite format 3\x00" + b"\xff" * 200, "GPKG_BROKEN"),
        ("a.exe", b"MZ" + b"\x00" * 100, "UPLOAD_FORMAT"),
        ("a.csv", b"ma_dia_chi,kinh_do,vi_do\n123,106.23,20.35\n", "CODE_FORMAT"),
    ],
)
def test_a_broken_file_is_rejected_with_a_coded_report(office: Office, name: str, content: bytes, code: str) -> None:
    officer, revision = office.officer(), office.revision()
    upload = finish(officer, send(officer, upload_parts(content, name)))
    assert (upload["state"], upload["revision"]) == ("rejected", None)
    assert code in {message["code"] for message in upload["messages"]}
    assert all(message["vi"] and message["en"] for message in upload["messages"])
    assert office.revision() == revision


@pytest.mark.parametrize(
    "parts",
    [
        {"data": {"register": "addresses"}},
        {"files": {"file": ("a.csv", b"x")}},
        {"data": {"register": "addresses", "what": "x"}, "files": {"file": ("a.csv", b"x")}},
        {"data": {"register": "addresses", "note": "x" * 501}, "files": {"file": ("a.csv", b"x")}},
        {"data": {"register": "addresses"}, "files": [("file", (f"{number}.csv", b"x")) for number in range(21)]},
        {"data": {"register": "addresses", "file": "x"}},
        {"data": {"register": "addresses", "note": "a\x00b"}, "files": {"file": ("a.csv", b"x")}},
    ],
)
def test_a_form_that_lacks_or_doubles_a_part_is_refused(office: Office, parts: dict[str, Any]) -> None:
    answer = office.officer().post("/uploads", **parts)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_the_name_of_a_file_is_never_a_path(office: Office) -> None:
    officer = office.officer()
    finish(officer, send(officer, upload_parts(address_csv(new_code()), "../../etc/C:\\thư mục\\địa chỉ.csv")))
    assert officer.get("/uploads").json()["uploads"][0]["file_name"] == "địa chỉ.csv"


def test_a_name_that_the_database_could_not_hold_is_cleaned(office: Office) -> None:
    headers = add_key(office.settings, add_officer(office.settings))
    body = (
        b'--b\r\ncontent-disposition: form-data; name="register"\r\n\r\naddresses\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a\x00b.csv"\r\n\r\nx\r\n--b--\r\n'
    )
    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = office.client.post("/uploads", content=body, headers=headers | kind)
    assert answer.status_code == 202
    assert finish(office.client, answer.headers["location"], headers=headers)["file_name"] == "ab.csv"


def test_an_upload_of_another_officer_is_not_there(office: Office) -> None:
    owner, other = office.officer(), office.officer()
    place = send(owner, upload_parts(address_csv(new_code())))
    missing = other.get(f"/uploads/{uuid4()}")
    found = other.get(place)
    assert found.status_code == missing.status_code == 404
    assert found.json()["type"] == missing.json()["type"]
    assert other.get("/uploads").json()["uploads"] == []
    boss = sign_in(office.app, add_officer(office.settings, role="administrator"))
    assert boss.get(place).status_code == 200
    finish(owner, place)


@pytest.mark.parametrize("name", ["x", "0", "%00"])
def test_a_made_up_upload_is_not_there(office: Office, name: str) -> None:
    assert office.officer().get(f"/uploads/{name}").status_code == 404

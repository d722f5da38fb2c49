"""The report on an upload as files and as a page: for its officer and administrators, and for nobody else."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import openpyxl
import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from geodata.importing.report import report_json
from geodata.sample.writer import from_wgs84
from service.storage import open_storage
from tests.conftest import Server
from tests.service.office import Office, finish, new_code, opened, publishing_is_held, send
from tests.service.people import PLACE, add_officer, sign_in, upload_parts

FORMATS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
}
HOSTILE = "<img src=x onerror=alert(1)>"
NAME = 'địa "chỉ"\r\n=x.csv'


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    """The service in this process, the worker in another one."""
    with opened(server, f"reports_{worker_name}", 1) as found:
        found.worker.start()
        yield found


@pytest.fixture(scope="module")
def officer(office: Office) -> TestClient:
    """An officer of the sample commune."""
    return office.officer()


@pytest.fixture(scope="module")
def place(officer: TestClient) -> str:
    """The address of an upload with a good row, a hostile one, and one far outside its commune."""
    rows = [f"{new_code()},1,{PLACE[0]},{PLACE[1]}", f"=1+1,{HOSTILE},{PLACE[0]},{PLACE[1]}", f"{new_code()},3,107,21"]
    table = "\n".join(["ma_dia_chi,so_nha,lon,lat", *rows]).encode()
    found = send(officer, upload_parts(table, NAME, commune="99001"))
    assert finish(officer, found)["state"] == "published"
    return found


def test_the_json_is_the_report_in_its_one_form(officer: TestClient, place: str) -> None:
    answer = officer.get(f"{place}/report.json")
    assert answer.content == report_json(officer.get(place).json()["report"])
    schema = officer.get("/schemas/report-1.json")
    assert schema.headers["content-type"] == "application/schema+json"
    Draft202012Validator(schema.json()).validate(answer.json())
    assert answer.json()["rows"] == {"read": 3, "valid": 1, "repaired": 0, "rejected": 2}


@pytest.mark.parametrize("form", FORMATS)
def test_files_are_attachments_that_nobody_keeps(officer: TestClient, place: str, form: str) -> None:
    answer = officer.get(f"{place}/report.{form}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, FORMATS[form])
    assert re.fullmatch(rf'attachment; filename="bao-cao-[a-z0-9-]+\.{form}"', answer.headers["content-disposition"])
    assert answer.headers["cache-control"] == "private, no-store"


def test_the_files_hold_every_message(officer: TestClient, place: str) -> None:
    messages = officer.get(f"{place}/report.json").json()["messages"]
    table = officer.get(f"{place}/report.csv").content.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(table, newline="")))) == 1 + len(messages)
    book = openpyxl.load_workbook(io.BytesIO(officer.get(f"{place}/report.xlsx").content))
    assert book["Thông báo"].max_row == 1 + len(messages)
    features = officer.get(f"{place}/report.geojson").json()["features"]
    outside = next(one for one in features if one["properties"]["code"] == "OUTSIDE_COMMUNE")
    assert outside["geometry"] == {"type": "Point", "coordinates": [107, 21]}
    assert len(features) == len(messages)


@pytest.mark.parametrize(("language", "words"), [("vi", ("Báo cáo", "Cách sửa")), ("en", ("Report", "What to do"))])
def test_the_page_is_read_without_scripts_in_the_reader_s_language(
    officer: TestClient, place: str, language: str, words: tuple[str, ...]
) -> None:
    answer = officer.get(f"{place}/report.html", headers={"accept-language": language})
    assert (answer.status_code, answer.headers["content-language"]) == (200, language)
    assert answer.headers["cache-control"] == "private, no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert all(word in answer.text for word in words)
    said = next(one for one in officer.get(f"{place}/report.json").json()["messages"] if one["row"] == 3)
    assert said[language] in answer.text
    for table in re.findall(r"<table>.*?</table>", answer.text, re.DOTALL):
        assert '<th scope="col">' in table
    assert f'href="report.{next(iter(FORMATS))}"' in answer.text


@pytest.mark.parametrize(("language", "remark"), [("vi", "không chuyển hệ quy chiếu"), ("en", "no datum shift")])
def test_the_page_names_coordinate_systems_in_the_reader_s_language(
    officer: TestClient, language: str, remark: str
) -> None:
    easting, northing = from_wgs84(np.array([PLACE]), 9209)[0]
    table = f"ma_dia_chi,easting,northing\n{new_code()},{easting},{northing}\n".encode()
    asked = send(officer, upload_parts(table, commune="99001"))
    assert finish(officer, asked)["state"] == "needs_choice"
    page = officer.get(f"{asked}/report.html", headers={"accept-language": language}).text
    assert f"VN-2000 / TM 105°30′, k=0.9999 ({remark})" in page


def test_the_page_shows_what_is_hostile_as_text(officer: TestClient, place: str) -> None:
    assert HOSTILE not in officer.get(f"{place}/report.html").text
    assert "&lt;img src=x" in officer.get(f"{place}/report.html").text


@pytest.mark.parametrize("form", [*FORMATS, "html"])
def test_a_report_is_for_its_officer_and_for_administrators_alone(office: Office, place: str, form: str) -> None:
    administrator = sign_in(office.app, add_officer(office.settings, role="administrator"))
    answers: dict[str, Any] = {
        "anybody": office.client, "another officer": office.officer(), "administrator": administrator,
    }  # fmt: skip
    path = f"{place}/report.{form}"
    assert {who: client.get(path).status_code for who, client in answers.items()} == {
        "anybody": 401, "another officer": 404, "administrator": 200,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["report.pdf", "report.", "report.json.exe"])
def test_a_form_that_there_is_not_is_not_found(officer: TestClient, place: str, path: str) -> None:
    assert officer.get(f"{place}/{path}").status_code == 404


@pytest.mark.parametrize("upload", ["x", "00000000-0000-0000-0000-000000000000"])
def test_an_upload_that_there_is_not_has_no_report(officer: TestClient, upload: str) -> None:
    assert officer.get(f"/uploads/{upload}/report.json").status_code == 404


def test_there_is_no_report_before_the_file_was_checked(office: Office, officer: TestClient) -> None:
    with publishing_is_held(office):
        place = send(officer, upload_parts(f"ma_dia_chi,lon,lat\n{new_code()},{PLACE[0]},{PLACE[1]}\n".encode()))
        answer = officer.get(f"{place}/report.json")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert finish(officer, place)["state"] == "published"
    assert json.loads(officer.get(f"{place}/report.json").content)["outcome"] == "ok"


# --- the file with its repairs made


@pytest.fixture(scope="module")
def mended(officer: TestClient) -> str:
    """The address of an upload with a code that lost its zero, repaired as accepted, and a row far outside."""
    rows = [f"{new_code().removeprefix('0')},1,{PLACE[0]},{PLACE[1]}", f"{new_code()},2,107,21"]
    table = "\n".join(["ma_dia_chi,so_nha,lon,lat", *rows]).encode()
    accept = json.dumps(["REPAIR_CODE_FORM"])
    found = send(officer, upload_parts(table, "địa chỉ.csv", commune="99001", accept=accept))
    assert finish(officer, found)["state"] == "published"
    return found


def test_the_repaired_file_has_every_row_and_says_what_is_wrong_with_it(
    officer: TestClient, mended: str, tmp_path: Path
) -> None:
    answer = officer.get(f"{mended}/repaired.gpkg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/geopackage+sqlite3")
    assert answer.headers["content-disposition"] == 'attachment; filename="da-sua-dia-chi.gpkg"'
    assert answer.headers["cache-control"] == "private, no-store"
    (tmp_path / "a.gpkg").write_bytes(answer.content)
    rows = sqlite3.connect(tmp_path / "a.gpkg").execute(
        "SELECT ma_dia_chi, so_nha, bandoso_ghi_chu FROM du_lieu ORDER BY fid"
    )
    (code, _, nothing), (_, second, note) = rows.fetchall()
    assert (code[:5], len(code), nothing) == ("07900", 10, None)
    assert (second, note.split("]")[0]) == ("2", "[OUTSIDE_COMMUNE")
    assert officer.get(f"{mended}/report.json").json()["rows"] == {"read": 2, "valid": 1, "repaired": 1, "rejected": 1}


def test_the_repaired_file_is_for_its_officer_and_for_administrators_alone(office: Office, mended: str) -> None:
    administrator = sign_in(office.app, add_officer(office.settings, role="administrator"))
    clients = (office.client, office.officer(), administrator)
    assert [client.get(f"{mended}/repaired.gpkg").status_code for client in clients] == [401, 404, 200]


def test_of_a_file_that_is_refused_as_a_whole_there_is_no_repaired_one(officer: TestClient) -> None:
    refused = send(officer, upload_parts(b"PK\x03\x04 this is no archive", "a.zip"))
    assert finish(officer, refused)["state"] == "rejected"
    assert officer.get(f"{refused}/repaired.gpkg").status_code == 404


def test_without_the_raw_file_there_is_no_repaired_one(office: Office, officer: TestClient) -> None:
    place = send(officer, upload_parts(f"ma_dia_chi,lon,lat\n{new_code()},{PLACE[0]},{PLACE[1]}\n".encode()))
    finish(officer, place)
    open_storage(office.settings).remove(UUID(place.rpartition("/")[2]))
    answer = officer.get(f"{place}/repaired.gpkg")
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:bandoso:problem:stored_file")

"""Files for download: what is public for everybody, what is private for who signed in."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.api import exports
from tests.conftest import Server
from tests.service.office import Office, opened
from tests.service.people import OTHER_COMMUNE, SAMPLE_COMMUNE, add_key, add_officer

EXPORT = "/collections/addresses/export"


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"exports_{worker_name}", 1) as found:
        yield found


def rows(content: bytes, folder: Path, query: str) -> list[Any]:
    """Return the rows of a query to a GeoPackage."""
    path = folder / "export.gpkg"
    path.write_bytes(content)
    with sqlite3.connect(path) as file:
        return file.execute(query).fetchall()


def test_everybody_downloads_what_items_show(office: Office, tmp_path: Path) -> None:
    answer = office.client.get(f"{EXPORT}.gpkg")
    assert answer.headers["content-type"] == "application/geopackage+sqlite3"
    assert 'filename="addresses.gpkg"' in answer.headers["content-disposition"]
    items = office.client.get("/collections/addresses/items?limit=50").json()["features"]
    found = rows(answer.content, tmp_path, "SELECT id, code, kind FROM addresses ORDER BY fid LIMIT 50")
    assert found == [(one["id"], one["properties"]["code"], one["properties"]["kind"]) for one in items]
    assert office.client.get(f"{EXPORT}.xlsx").content[:4] == b"PK\x03\x04"


def test_a_file_is_written_once_for_each_state_and_can_be_asked_for_in_parts(office: Office) -> None:
    answer = office.client.get(f"{EXPORT}.gpkg")
    written = {path.name: path.stat().st_mtime_ns for path in (office.settings.var_dir / "exports").iterdir()}
    held = office.client.get(f"{EXPORT}.gpkg", headers={"if-none-match": answer.headers["etag"]})
    part = office.client.get(f"{EXPORT}.gpkg", headers={"range": "bytes=16-31"})
    assert (held.status_code, part.status_code, part.content) == (304, 206, answer.content[16:32])
    assert {path.name: path.stat().st_mtime_ns for path in (office.settings.var_dir / "exports").iterdir()} == written


def test_an_officer_downloads_all_of_the_own_communes_and_the_audit_says_so(office: Office, tmp_path: Path) -> None:
    answer = office.officer().get(f"{EXPORT}.gpkg?private=true")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    query = "SELECT count(*), count(head_name), count(DISTINCT commune_code), min(commune_code) FROM addresses"
    count, heads, communes, commune = rows(answer.content, tmp_path, query)[0]
    assert (communes, commune) == (1, SAMPLE_COMMUNE)
    assert heads > count / 2
    with office.database.worker() as connection:
        query = "SELECT target, detail FROM ops.audit WHERE action = 'export.private' ORDER BY id DESC LIMIT 1"
        target, detail = connection.execute(text(query)).one()
    assert (target, detail) == ("addresses", {"rows": count, "format": "gpkg"})
    assert not list((office.settings.var_dir / "exports").glob("private-*"))
    other = office.officer(OTHER_COMMUNE).get(f"{EXPORT}.gpkg?private=true")
    assert {row[0] for row in rows(other.content, tmp_path, "SELECT DISTINCT commune_code FROM addresses")} <= {
        OTHER_COMMUNE
    }


def test_an_officer_waits_for_no_public_file_and_nobody_for_ever(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "WAIT_S", 0.05)
    officer = office.officer()
    with exports._public_turn:
        assert officer.get(f"{EXPORT}.gpkg?private=true").status_code == 200
        busy = office.client.get("/collections/villages/export.xlsx")
    assert (busy.status_code, busy.json()["type"]) == (503, "urn:bandoso:problem:export_busy")
    assert office.client.get("/collections/villages/export.xlsx").status_code == 200


def test_private_files_are_for_people_who_signed_in(office: Office) -> None:
    url = f"{EXPORT}.gpkg?private=true"
    key = add_key(office.settings, add_officer(office.settings))
    assert office.client.get(url).status_code == 401
    assert office.client.get(url, headers=key).status_code == 403
    assert office.client.get(f"{EXPORT}.gpkg?private=yes").status_code == 400


def test_units_belong_to_no_commune_s_officer(office: Office, tmp_path: Path) -> None:
    answer = office.officer().get("/collections/provinces/export.gpkg?private=true")
    assert rows(answer.content, tmp_path, "SELECT count(*) FROM provinces") == [(0,)]

"""An export that was edited and is sent back: what was edited changes, and nothing else."""

import sqlite3
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyogrio
import pytest
import shapely
from shapely import Point
from sqlalchemy import Connection, text

from geodata.db import SYSTEM, WORKER_ROLE
from geodata.exporting.gpkg import write_gpkg
from geodata.exporting.rows import public_export
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, publish_file
from geodata.register import Register
from geodata.registers import get_register
from geodata.units.index import load_units
from tests.geodata.builders import agency, field_of, rows_of, set_policy, sight, take_role
from tests.geodata.series import put
from tests.registers.test_exports import MOMENT

ADDRESSES, AREAS, SIGHTS = get_register("addresses"), get_register("growing_areas"), get_register("tourism_points")
MOVED = b"GP\0\1" + (4326).to_bytes(4, "little") + Point(108.25, 16.25).wkb


@pytest.fixture
def folder(connection: Connection, tmp_path: Path) -> Path:
    set_policy(connection, "code_point")
    take_role(connection, WORKER_ROLE)
    return tmp_path


def exported(connection: Connection, register: Register, folder: Path) -> Path:
    path = folder / f"{uuid4().hex}.gpkg"
    write_gpkg(connection, public_export(connection, register), path, MOMENT)
    take_role(connection, WORKER_ROLE)
    return path


def know_shapes(file: sqlite3.Connection) -> None:
    """Give SQLite the functions that every GeoPackage program brings along, by which a layer's index stays true."""
    for at, name in enumerate(["ST_MinX", "ST_MinY", "ST_MaxX", "ST_MaxY"]):
        file.create_function(name, 1, lambda blob, at=at: float(shapely.bounds(shapely.from_wkb(blob[8:]))[at]))
    file.create_function("ST_IsEmpty", 1, lambda blob: shapely.from_wkb(blob[8:]).is_empty)


def edit(path: Path, *statements: tuple[str, tuple[Any, ...]]) -> None:
    """Edit a file as QGIS does: as the SQLite database that it is."""
    with sqlite3.connect(path) as file:
        know_shapes(file)
        for statement, values in statements:
            file.execute(statement, values)


def send_back(connection: Connection, register: Register, path: Path) -> Published:
    request = ImportRequest(path, path.name, register, SYSTEM)
    return publish_file(connection, request, load_units(connection), path.parent / uuid4().hex)


def codes(published: Published) -> dict[str, int]:
    return {one["code"]: one["row"] for one in published.report.messages if one["level"] == "error"}


def test_of_ten_thousand_rows_the_three_that_were_edited_change(connection: Connection, folder: Path) -> None:
    places = [Point(round(108.1 + at % 100 / 1e3, 9), round(16.1 + at // 100 / 1e3, 9)) for at in range(10_000)]
    put(connection, ADDRESSES, [agency(f"{at:010}", geom=place) for at, place in enumerate(places)])
    path = exported(connection, ADDRESSES, folder)
    edit(
        path,
        ("UPDATE addresses SET street = ? WHERE code = ?", ("Đường Mới", "0000000007")),
        ("UPDATE addresses SET geom = ? WHERE code = ?", (MOVED, "0000005000")),
        ("UPDATE addresses SET code = ? WHERE code = ?", ("9999999999", "0000009999")),
    )
    published = send_back(connection, ADDRESSES, path)
    assert (published.counts.added, published.counts.changed, codes(published)) == (0, 3, {})
    changed = rows_of(
        connection, "SELECT code, street, ST_X(geom) FROM open.addresses WHERE revision = 2 ORDER BY code"
    )
    assert changed == [
        ("0000000007", "Đường Mới", 108.107),
        ("0000005000", None, 108.25),
        ("9999999999", None, 108.199),
    ]
    assert rows_of(connection, "SELECT count(*) FROM reg.addresses") == [(10_000,)]


def test_a_name_that_is_the_key_changes_with_the_record(connection: Connection, folder: Path) -> None:
    put(connection, AREAS, [field_of("PUC-1"), field_of("PUC-2")])
    path = exported(connection, AREAS, folder)
    edit(path, ("UPDATE growing_areas SET code = ? WHERE code = ?", ("PUC-9", "PUC-2")))
    before = rows_of(connection, "SELECT id, uuid FROM reg.growing_areas ORDER BY id")
    assert send_back(connection, AREAS, path).counts.changed == 1
    assert rows_of(connection, "SELECT id, uuid FROM reg.growing_areas ORDER BY id") == before
    assert rows_of(connection, "SELECT code FROM reg.growing_areas ORDER BY id") == [("PUC-1",), ("PUC-9",)]


def test_a_row_without_an_id_is_a_record_of_its_own(connection: Connection, folder: Path) -> None:
    put(connection, SIGHTS, [sight("Một")])
    path = exported(connection, SIGHTS, folder)
    copy = "INSERT INTO tourism_points (geom, name, commune_code) SELECT geom, ?, commune_code FROM tourism_points"
    edit(path, (copy, ("Hai",)))
    published = send_back(connection, SIGHTS, path)
    assert (published.counts.added, published.counts.changed) == (1, 0)


def test_rows_with_an_unknown_or_doubled_id_are_refused_and_the_others_taken(
    connection: Connection, folder: Path
) -> None:
    put(connection, SIGHTS, [sight("Một"), sight("Hai"), sight("Ba"), sight("Bốn")])
    path = exported(connection, SIGHTS, folder)
    copy = "INSERT INTO tourism_points (geom, id, name, commune_code) SELECT geom, id, ?, commune_code FROM tourism_points WHERE fid = 4"
    edit(
        path,
        ("UPDATE tourism_points SET beds = 5", ()),
        ("UPDATE tourism_points SET id = ? WHERE fid = 2", (str(uuid4()),)),
        ("UPDATE tourism_points SET id = ? WHERE fid = 3", ("không phải id",)),
        (copy, ("Bản sao",)),
    )
    published = send_back(connection, SIGHTS, path)
    rows = [(one["code"], one["row"]) for one in published.report.messages if one["level"] == "error"]
    assert sorted(rows) == [("ID_DOUBLED", 5), ("ID_UNKNOWN", 2), ("ID_UNKNOWN", 3)]
    assert rows_of(connection, "SELECT name, beds FROM reg.tourism_points ORDER BY id") == [
        ("Một", 5), ("Hai", None), ("Ba", None), ("Bốn", 5),
    ]  # fmt: skip
    assert (published.report.valid, published.report.rejected) == (2, 3)


def test_a_column_id_with_numbers_of_the_officer_s_own_says_nothing(connection: Connection, folder: Path) -> None:
    put(connection, SIGHTS, [sight("Một")])
    path = exported(connection, SIGHTS, folder)
    edit(path, ("UPDATE tourism_points SET id = ?, beds = 4", ("17",)))
    published = send_back(connection, SIGHTS, path)
    assert (published.counts.changed, codes(published)) == (1, {})


def test_the_spatial_index_is_whole_and_stays_true_while_the_layer_is_edited(
    connection: Connection, folder: Path
) -> None:
    put(connection, ADDRESSES, [agency(f"{at:010}", geom=Point(108.1 + at / 100, 16.1)) for at in range(5)])
    path = exported(connection, ADDRESSES, folder)
    window = (108.115, 16.0, 108.145, 16.2)
    assert list(pyogrio.read_dataframe(path, bbox=window).code) == [f"{at:010}" for at in (2, 3, 4)]
    edit(
        path,
        ("UPDATE addresses SET geom = ? WHERE code = ?", (MOVED, "0000000002")),
        ("UPDATE addresses SET geom = NULL WHERE code = ?", ("0000000003",)),
        ("DELETE FROM addresses WHERE code = ?", ("0000000004",)),
        ("UPDATE addresses SET fid = 90 WHERE code = ?", ("0000000000",)),
        ("INSERT INTO addresses (geom, name) SELECT geom, 'Mới' FROM addresses WHERE code = ?", ("0000000001",)),
    )
    assert pyogrio.read_dataframe(path, bbox=window).empty
    with sqlite3.connect(path) as file:
        indexed = file.execute("SELECT id FROM rtree_addresses_geom ORDER BY id").fetchall()
        assert indexed == [(2,), (3,), (90,), (91,)]
        (west, east) = file.execute("SELECT min_x, max_x FROM gpkg_contents").fetchone()
    assert (west, east) == (108.1, 108.14)
    assert pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"]


def test_records_can_be_removed_after_an_export_and_are_then_unknown(connection: Connection, folder: Path) -> None:
    put(connection, SIGHTS, [sight("Một")])
    path = exported(connection, SIGHTS, folder)
    connection.execute(text("DELETE FROM reg.tourism_points"))
    assert codes(send_back(connection, SIGHTS, path)) == {"ID_UNKNOWN": 1}

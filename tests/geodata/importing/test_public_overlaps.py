"""Files that are only checked, against the areas that the public sees."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely import box

from geodata.db import SYSTEM, Database
from geodata.importing import overlaps, public_overlaps
from geodata.importing.check import ImportRequest
from geodata.importing.public_overlaps import check_against_public
from geodata.importing.report import Report
from geodata.registers import get_register
from geodata.units.index import load_units
from tests.conftest import SAMPLE_TEMPLATE, Server, settings_for
from tests.geodata.builders import field_of, publish

WEST, SOUTH, STEP = 106.24, 20.35, 0.001
COMMUNE = "99001"


def square(across: float = 0.0) -> shapely.Geometry:
    return box(WEST + across * STEP, SOUTH, WEST + (1 + across) * STEP, SOUTH + STEP)


@pytest.fixture(scope="module")
def database(server: Server, worker_name: str) -> Iterator[Database]:
    """The sample with two areas more, the second of which is only applied for."""
    found = Database(settings_for(server.create(f"public_{worker_name}", SAMPLE_TEMPLATE)))
    rows = [field_of("VN-DNOR-9001", geom=square()), field_of("VN-DNOR-9002", geom=square(3), status="proposed")]
    with found.worker() as connection:
        in_commune = [{**row, "commune_code": COMMUNE} for row in rows]
        publish(connection, "growing_areas", in_commune, index=load_units(connection))
    yield found
    found.dispose()
    server.drop(f"public_{worker_name}")


def check(database: Database, folder: Path, *rows: Mapping[str, Any]) -> Report:
    """Check areas as anybody would."""
    frame = geopandas.GeoDataFrame([{"crop": "Bưởi", **row} for row in rows], geometry="geom", crs=4326)
    frame.to_file(folder / "f.geojson")
    request = ImportRequest(folder / "f.geojson", "f.geojson", get_register("growing_areas"), SYSTEM, COMMUNE)
    with database.read() as connection:
        units = load_units(connection)
    return check_against_public(request, units, folder / "read", database)


def existing(report: Report) -> list[tuple[str, int, str]]:
    """Return what the report says of this test's own records; the sample has areas here too."""
    found = [(one["code"], one["row"], one["value"]) for one in report.messages if one["code"].startswith("EXISTING_")]
    return [one for one in found if one[2].startswith("VN-DNOR-")]


@pytest.mark.parametrize(
    ("across", "said"),
    [
        (0.02, [("EXISTING_DOUBLED", 1, "VN-DNOR-9001")]),
        (0.5, [("EXISTING_OVERLAP", 1, "VN-DNOR-9001")]),
        (1.0, []),
        (3.0, []),
    ],
)
def test_an_area_on_a_public_record_names_it_and_one_on_a_withheld_record_does_not(
    database: Database, tmp_path: Path, across: float, said: list[tuple[str, int, str]]
) -> None:
    report = check(database, tmp_path, {"code": "VN-DNOR-9003", "geom": square(across)})
    assert (report.outcome, existing(report)) == ("ok", said)


def test_a_record_that_the_file_changes_is_not_met_whatever_its_row(database: Database, tmp_path: Path) -> None:
    rows = [{"code": "VN-DNOR-9003", "geom": square()}, {"code": "VN-DNOR-9001", "geom": square(1)}]
    assert existing(check(database, tmp_path, *rows)) == []
    with database.worker() as connection:
        known = connection.exec_driver_sql("SELECT uuid FROM reg.growing_areas WHERE code = 'VN-DNOR-9001'").scalar()
    row = {"code": "VN-DNOR-9004", "geom": square(), "id": str(known)}
    assert existing(check(database, tmp_path, row)) == []


def test_what_was_not_compared_is_said(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"code": f"VN-DNOR-910{at}", "geom": square(at / 100)} for at in range(3)]
    assert len(existing(check(database, tmp_path, *rows))) == 3
    monkeypatch.setattr(public_overlaps, "AREAS_AT_ONCE", 1)
    monkeypatch.setattr(overlaps, "MOST_FOUND", 2)
    report = check(database, tmp_path, *rows)
    assert [row for _, row, _ in existing(report)] == [1, 2]
    assert [one["value"] for one in report.messages if one["code"] == "OVERLAPS_UNCHECKED"] == ["3"]


def test_without_a_database_rows_are_checked_all_the_same(database: Database, tmp_path: Path) -> None:
    check(database, tmp_path, {"code": "VN-DNOR-9003", "geom": square()})
    request = ImportRequest(tmp_path / "f.geojson", "f.geojson", get_register("growing_areas"), SYSTEM, COMMUNE)
    with database.read() as connection:
        units = load_units(connection)
    report = check_against_public(request, units, tmp_path / "again", None)
    assert (report.outcome, existing(report)) == ("ok", [])

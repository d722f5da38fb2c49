"""Repairs: proposed with a count, done only where accepted, told row by row, never done where they change much."""

from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import pyogrio
import pytest
import shapely
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon

from geodata.db import SYSTEM
from geodata.importing.check import ImportRequest
from geodata.importing.messages import KINDS
from geodata.importing.messages_of_repairs import REPAIRS
from geodata.importing.repaired_file import NOTE_COLUMN, write_repaired
from geodata.importing.report import Report
from geodata.registers import get_register
from geodata.units.index import UnitIndex
from tests.geodata.builders import COMMUNE, PLACE, Row, agency, field_of, units, write_geojson
from tests.geodata.importing.faulty import BOWTIE, HOLE, LOOP, SOUTH, SPIKED, SQUARE, WEST, Fault, area, rows, value
from tests.geodata.importing.test_check import check, check_rows

TWICE = [SQUARE[0], SQUARE[1], *SQUARE[1:]]
COLLECTED = GeometryCollection([Polygon(SQUARE), LineString(SQUARE[:2]), Point(WEST, SOUTH)])
REPAIRABLE = [
    Fault("REPAIR_CLOSE_RING", "growing_areas", area("Polygon", [SQUARE[:4]])),
    Fault("REPAIR_SELF_CROSSING", "growing_areas", area("Polygon", [LOOP])),
    Fault("REPAIR_COLLECTION", "growing_areas", rows(field_of("VN-DNOR-0001"), field_of("VN-DNOR-0002", geom=COLLECTED))),
    Fault("REPAIR_SWAPPED", "addresses", rows(agency("0000000001"), agency("0000000002", geom=Point(16.1, 108.1)))),
    Fault("REPAIR_DUPLICATE_VERTICES", "growing_areas", area("Polygon", [TWICE])),
    Fault("REPAIR_SPIKES", "growing_areas", area("Polygon", [SPIKED])),
    Fault("REPAIR_CODE_FORM", "addresses", value("addresses", "code", "799790011")),
    Fault("REPAIR_NUMBER_FORM", "growing_areas", value("growing_areas", "area_ha", "1,1 ha")),
    Fault("REPAIR_DATE_FORM", "addresses", value("addresses", "recorded_on", "ngày 5 tháng 3 năm 2026")),
]  # fmt: skip
HARMLESS = {"REPAIR_DUPLICATE_VERTICES", "REPAIR_SPIKES"}
"""Repairs of what is valid without them."""


def repaired(report: Report) -> dict[str, tuple[int, bool]]:
    return {one["code"]: (one["count"], one["accepted"]) for one in report.as_dict()["repairs"]}


def same(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    """Whether two geometries are the same to the precision that is kept."""
    return bool(shapely.equals_exact(one.normalize(), other.normalize(), 1e-8))


@pytest.mark.parametrize("case", REPAIRABLE, ids=lambda case: case.code)
def test_a_repair_is_proposed_and_the_row_left_as_it_is(case: Fault, tmp_path: Path) -> None:
    report, _ = check(case.write(tmp_path), case.register)
    assert repaired(report) == {case.code: (1, False)}
    assert (report.valid, report.repairs.repaired) == (2 if case.code in HARMLESS else 1, 0)
    assert not any(code.startswith("REPAIRED_") for code in report.counts)


@pytest.mark.parametrize("case", REPAIRABLE, ids=lambda case: case.code)
def test_an_accepted_repair_is_done_and_told_with_its_row(case: Fault, tmp_path: Path) -> None:
    report, sink = check(case.write(tmp_path), case.register, accept=frozenset([case.code]))
    assert repaired(report) == {case.code: (1, True)}
    assert (report.valid, report.rejected, report.as_dict()["rows"]["repaired"]) == (2, 0, 1)
    told = [one for one in report.messages if one["code"] == case.code.replace("REPAIR_", "REPAIRED_")]
    assert [(one["row"], one["level"]) for one in told] == [(2, "info")]
    assert shapely.is_valid([row["geom"] for row in sink.rows]).all()


def test_another_repair_than_the_accepted_one_is_not_done(tmp_path: Path) -> None:
    report, _ = check(area("Polygon", [LOOP])(tmp_path), "growing_areas", accept=frozenset(["REPAIR_CLOSE_RING"]))
    assert (report.valid, repaired(report)) == (1, {"REPAIR_SELF_CROSSING": (1, False)})


@pytest.mark.parametrize(
    ("accepted", "valid"), [(["REPAIR_CLOSE_RING"], 1), (["REPAIR_CLOSE_RING", "REPAIR_SELF_CROSSING"], 2)]
)
def test_a_row_that_takes_two_repairs_needs_both(tmp_path: Path, accepted: list[str], valid: int) -> None:
    report, _ = check(area("Polygon", [LOOP[:-1]])(tmp_path), "growing_areas", accept=frozenset(accepted))
    assert (report.valid, set(repaired(report))) == (valid, {"REPAIR_CLOSE_RING", "REPAIR_SELF_CROSSING"})


@pytest.mark.parametrize(
    "rings",
    [
        [BOWTIE],
        [HOLE, SQUARE],
        [SQUARE, [[WEST + 0.02, SOUTH], [WEST + 0.021, SOUTH], [WEST + 0.021, SOUTH + 0.001], [WEST + 0.02, SOUTH]]],
    ],
)
def test_a_repair_that_would_change_an_area_is_never_done(tmp_path: Path, rings: list[Any]) -> None:
    report, _ = check(area("Polygon", rings)(tmp_path), "growing_areas", accept=frozenset(REPAIRS))
    assert (report.valid, report.counts["REPAIR_TOO_LARGE"], repaired(report)) == (1, 1, {})


def test_values_are_read_as_they_were_meant(tmp_path: Path) -> None:
    row = agency("799790011.0", commune_code="20194", recorded_on="45356", position_accuracy_m="2,5 m", postcode="1")
    report, _ = check_rows(tmp_path, row, accept=frozenset(REPAIRS))
    assert (report.valid, report.counts["CODE_FORMAT"]) == (0, 2)
    _, sink = check_rows(tmp_path, {**row, "postcode": None}, accept=frozenset(REPAIRS))
    found = sink.rows[0]
    assert (found["code"], found["recorded_on"], found["position_accuracy_m"]) == ("0799790011", date(2024, 3, 5), 2.5)


def test_a_row_without_a_place_is_told_all_its_other_faults_at_once(tmp_path: Path) -> None:
    row = {**field_of("VN-DNOR-0269"), "geom": None, "area_ha": "4,6 ha", "status": "không có"}
    report, _ = check(write_geojson(tmp_path / "f.geojson", [row]), "growing_areas")
    said = [(one["code"], one["column"]) for one in report.messages if one["level"] == "error"]
    assert set(said) == {("GEOM_MISSING", None), ("CHOICE_UNKNOWN", "status"), ("NUMBER_UNREADABLE", "area_ha")}
    report, _ = check(write_geojson(tmp_path / "g.geojson", [{**row, "status": "active"}]), "growing_areas")
    assert repaired(report) == {"REPAIR_NUMBER_FORM": (1, False)}


@pytest.mark.parametrize("written", ["1234", "7.99E+08", "07997900112", "abc", "79979"])
def test_a_code_that_could_be_another_is_left_to_the_officer(tmp_path: Path, written: str) -> None:
    report, _ = check_rows(tmp_path, agency(written), accept=frozenset(REPAIRS))
    assert (report.valid, repaired(report)) == (0, {})


@pytest.mark.parametrize(("accept", "found"), [((), []), (("REPAIR_CODE_FORM",), ["00004"])])
def test_a_commune_s_code_gets_its_zeros_back(tmp_path: Path, accept: tuple[str, ...], found: list[str]) -> None:
    report, sink = check_rows(tmp_path, agency("0000000001", commune_code="4"), accept=frozenset(accept))
    assert [row["commune_code"] for row in sink.rows] == found
    assert repaired(report) == {"REPAIR_CODE_FORM": (1, bool(accept))}


def test_of_a_collection_all_areas_are_taken_and_nothing_else(tmp_path: Path) -> None:
    other = shapely.box(WEST + 0.02, SOUTH, WEST + 0.03, SOUTH + 0.01)
    nested = GeometryCollection([GeometryCollection([Polygon(SQUARE), Point(WEST, SOUTH)]), other])
    _, sink = check_rows(tmp_path, field_of("VN-1", geom=nested), register="growing_areas", accept=frozenset(REPAIRS))
    assert same(sink.rows[0]["geom"], MultiPolygon([Polygon(SQUARE), other]))


@pytest.mark.parametrize("kind", ["kml", "gpkg"])
def test_collections_of_every_format_are_taken_apart(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"f.{kind}"
    frame = geopandas.GeoDataFrame(
        {"Name": ["x"], "name": ["UBND xã"], "ma_xa": [COMMUNE]},
        geometry=[GeometryCollection([PLACE, LineString([(108, 16), (108, 17)])])],
        crs=4326,
    )
    frame.drop(columns="name" if kind == "gpkg" else "Name").to_file(path, driver="GPKG" if kind == "gpkg" else "KML")
    report, sink = check(path, accept=frozenset(REPAIRS), commune=COMMUNE)
    assert (report.valid, sink.rows[0]["geom"]) == (1, PLACE)


def test_every_repair_tells_what_it_did_in_a_message_of_its_own() -> None:
    assert {code.replace("REPAIR_", "REPAIRED_") for code in REPAIRS} == {
        code for code in KINDS if code.startswith("REPAIRED_")
    }
    assert all(label.vi and label.en for label in REPAIRS.values())


# --- the repaired file


def give_back(
    tmp_path: Path, given: list[Row], *accept: str, register: str = "growing_areas", index: UnitIndex | None = None
) -> tuple[Report, geopandas.GeoDataFrame]:
    path = write_geojson(tmp_path / "f.geojson", given)
    request = ImportRequest(path, path.name, get_register(register), SYSTEM)
    report = write_repaired(request, index or units(), tmp_path / "work", tmp_path / "out.gpkg", frozenset(accept))
    return report, pyogrio.read_dataframe(tmp_path / "out.gpkg")


def test_the_repaired_file_has_every_row_repaired_or_told_what_is_wrong(tmp_path: Path) -> None:
    given = [
        field_of("VN-DNOR-0001", area_ha="1,1 ha"),
        field_of("VN-DNOR-0002", geom=Polygon(LOOP)),
        field_of("VN-DNOR-0003", geom=Polygon(BOWTIE)),
        field_of("!", geom=None),
    ]
    report, found = give_back(tmp_path, given, *REPAIRS)
    assert (report.valid, len(found), found.crs.to_epsg()) == (2, 4, 4326)
    assert found["area_ha"][0] == "1,1"
    assert shapely.is_valid(found.geometry[:2]).all()
    assert same(found.geometry[2], Polygon(BOWTIE))
    assert found[NOTE_COLUMN][:2].isna().all()
    assert "[GEOM_SELF_CROSSING]" in found[NOTE_COLUMN][2]
    assert "[GEOM_MISSING]" in found[NOTE_COLUMN][3]


def test_the_repaired_file_sent_again_has_nothing_to_repair(tmp_path: Path) -> None:
    given = [field_of("VN-DNOR-0001", area_ha="1,1 ha"), field_of("VN-DNOR-0002", geom=Polygon(SPIKED))]
    give_back(tmp_path, given, *REPAIRS)
    report, sink = check(tmp_path / "out.gpkg", "growing_areas")
    assert (report.valid, repaired(report), [row["code"] for row in sink.rows]) == (
        2,
        {},
        ["VN-DNOR-0001", "VN-DNOR-0002"],
    )


def test_without_acceptance_the_rows_come_back_as_they_were(tmp_path: Path) -> None:
    given = [field_of("VN-DNOR-0001", area_ha="1,1 ha"), field_of("VN-DNOR-0002", geom=Polygon(LOOP))]
    _, found = give_back(tmp_path, given)
    assert same(found.geometry[1], Polygon(LOOP))
    assert found["area_ha"][0] == "1,1 ha"
    assert found[NOTE_COLUMN].notna().all()


def test_a_private_value_is_in_no_note_of_the_repaired_file(tmp_path: Path) -> None:
    _, found = give_back(tmp_path, [agency("0000000001", phone="gọi chị Ba")], register="addresses")
    assert "chị Ba" not in found[NOTE_COLUMN][0]
    assert "[PHONE_FORM]" in found[NOTE_COLUMN][0]


def test_a_file_that_is_refused_leaves_no_repaired_file(tmp_path: Path) -> None:
    (tmp_path / "f.geojson").write_text("{")
    request = ImportRequest(tmp_path / "f.geojson", "f.geojson", get_register("addresses"), SYSTEM)
    report = write_repaired(request, units(), tmp_path / "work", tmp_path / "out.gpkg", frozenset())
    assert (report.outcome, (tmp_path / "out.gpkg").exists()) == ("refused", False)


def test_columns_with_names_that_a_geopackage_keeps_for_itself_come_back_too(tmp_path: Path) -> None:
    rows_with_fid = [{**agency("0000000001"), "fid": "7", "GEOM_": "x", "geom": PLACE}]
    _, found = give_back(tmp_path, rows_with_fid, register="addresses")
    assert found["fid_"].tolist() == ["7"]

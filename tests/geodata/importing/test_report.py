"""The report as a document: its published form, its one way of being written, the file it is about."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pytest
from jsonschema import Draft202012Validator, ValidationError
from sqlalchemy import Connection, text

from geodata.db import SYSTEM
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.members import SHAPEFILE_PARTS
from geodata.importing.report import REPORT_VERSION, Report, describe_file, file_name, report_json
from geodata.importing.report_schema import DRAFT, SCHEMA_FILE, SCHEMA_ID, schema_json
from geodata.registers import get_register
from tests.conftest import ROOT
from tests.geodata.builders import PLACE, agency, units, write_geojson

PUBLISHED = ROOT / "docs" / "schemas" / SCHEMA_FILE
WRITE = os.environ.get("BANDOSO_WRITE_SNAPSHOTS") == "1"


def checked(folder: Path, name: str = "f.geojson") -> Report:
    """Return the report on a file with a good row and a bad one."""
    path = write_geojson(folder / name, [agency("0000000001"), agency("x", name="Tên “lạ” ✓")])
    return check_file(
        ImportRequest(path, path.name, get_register("addresses"), SYSTEM), units(), folder / "w", NoSink()
    )


# --- the published form


def test_the_published_schema_of_a_version_never_changes() -> None:
    """BANDOSO_WRITE_SNAPSHOTS=1 writes a version that is new; a changed report needs another REPORT_VERSION."""
    if WRITE and not PUBLISHED.exists():
        PUBLISHED.write_bytes(schema_json())
    assert PUBLISHED.read_bytes() == schema_json()


def test_the_schema_is_valid_and_says_its_draft_and_name() -> None:
    schema = json.loads(schema_json())
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == (DRAFT, SCHEMA_ID)
    assert schema["properties"]["version"]["const"] == REPORT_VERSION


def change(**parts: Any) -> Callable[[dict[str, Any]], None]:
    return lambda report: report.update(parts)


@pytest.mark.parametrize(
    "spoil",
    [
        change(version=2),
        change(outcome="good"),
        change(more=1),
        change(counts={"CODE_FORMAT": {"count": 1}}),
        change(encoding={"chosen": "utf-8", "how": "x", "certain": True}),
        lambda report: report.pop("file"),
        lambda report: report["messages"][0].pop("remedy"),
        lambda report: report["messages"][0].update(place=[1]),
        lambda report: report["columns"][0].update(samples=["a", "b", "c", "d"]),
        lambda report: report["file"].update(path="/tmp/x"),
        lambda report: report["crs"].update(candidates=[{"crs": "EPSG:4326"}]),
    ],
)
def test_what_is_no_report_does_not_pass(tmp_path: Path, spoil: Callable[[dict[str, Any]], Any]) -> None:
    validator, report = Draft202012Validator(json.loads(schema_json())), checked(tmp_path).as_dict()
    validator.validate(report)
    spoil(report)
    with pytest.raises(ValidationError):
        validator.validate(report)


def test_candidates_samples_and_repairs_have_their_place_in_the_form(tmp_path: Path) -> None:
    report = checked(tmp_path)
    assert report.crs is not None
    report.crs["candidates"] = [
        {"crs": "EPSG:9209", "name": "VN-2000", "operation": "x", "score": 0.98, "inside": 1, "trap": "zone", "shift_m": 224.0}
    ]  # fmt: skip
    report.encoding["code"]["samples"].append({"before": "Xoai", "after": "Xoài"})
    assert not report.repairs.may(["REPAIR_CLOSE_RING"], 1)
    Draft202012Validator(json.loads(schema_json())).validate(report.as_dict())


# --- one way to write it


def test_the_same_file_gives_the_same_bytes_whatever_its_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (checked(tmp_path / name).as_json() for name in ("a", "b"))
    assert first == second
    assert str(tmp_path).encode() not in first
    assert (first[:2], first[-2:]) == (b"{\n", b"}\n")
    assert "Tên “lạ” ✓".encode() not in first  # a name is a value of no message and no sample here
    assert json.loads(first)["rows"] == {"read": 2, "valid": 1, "repaired": 0, "rejected": 1}


def test_what_the_database_kept_is_written_as_it_was(tmp_path: Path, connection: Connection) -> None:
    report = checked(tmp_path)
    report.messages[0]["place"] = [106.1000001, 1e-7]
    kept = connection.scalar(text("SELECT CAST(:report AS jsonb)"), {"report": json.dumps(report.as_dict())})
    assert list(kept) != list(report.as_dict())
    assert report_json({**kept, "changes": {"added": 1}}) == report.as_json()


# --- the file


def test_a_file_is_described_by_name_size_and_digest(tmp_path: Path) -> None:
    report = checked(tmp_path, "thửa đất.geojson").as_dict()
    content = (tmp_path / "thửa đất.geojson").read_bytes()
    assert report["file"] == {
        "name": "thửa đất.geojson", "format": "GeoJSON", "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    assert report["layer"] == report["layers"][0]["name"] == "thửa đất"


def test_a_file_that_cannot_be_read_is_described_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 100)
    request = ImportRequest(path, "x.gpkg", get_register("addresses"), SYSTEM)
    report = check_file(request, units(), tmp_path / "w", NoSink()).as_dict()
    assert (report["outcome"], report["file"]["size_bytes"], report["file"]["format"]) == ("refused", 116, None)


def test_a_shapefile_in_parts_is_described_by_all_of_them(tmp_path: Path) -> None:
    geopandas.GeoDataFrame({"a": [1]}, geometry=[PLACE], crs=4326).to_file(tmp_path / "a.shp")
    whole = describe_file(tmp_path / "a.shp", "a.shp")
    (tmp_path / "a.txt").write_text("none of its parts")
    assert describe_file(tmp_path / "a.shp", "a.shp") == whole
    read = [path for path in tmp_path.glob("a.*") if path.suffix in SHAPEFILE_PARTS]
    assert len(read) >= 4
    assert whole["size_bytes"] == sum(path.stat().st_size for path in read)
    (tmp_path / "a.prj").write_text("changed")
    assert describe_file(tmp_path / "a.shp", "a.shp")["sha256"] != whole["sha256"]


@pytest.mark.parametrize(
    ("given", "name"),
    [("../../etc/a.csv", "a.csv"), ("C:\\x\\a b.csv", "a b.csv"), ("x/", "upload"), ("a\udcff.csv", "a?.csv"), ("a" * 300, "a" * 200)],
)  # fmt: skip
def test_a_file_s_name_is_never_a_path(given: str, name: str) -> None:
    assert file_name(given) == name

"""Each fault that a row can have: said with its code, its row and column, and of no harm to the other rows."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from shapely import Point

from geodata.importing import file_places, geojson
from geodata.importing.context import ReadContext, ReaderLimits
from geodata.importing.messages import KINDS
from geodata.importing.messages_of_repairs import REPAIRS
from geodata.importing.results import UnreadableFileError
from geodata.register import Register
from geodata.registers import discover
from tests.geodata.builders import COMMUNE, PLACE, field_of, write_geojson
from tests.geodata.importing.faulty import SHAPES, SOUTH, VALUES, WEST, Fault
from tests.geodata.importing.files import shapefile, table, zipped
from tests.geodata.importing.test_check import check, check_rows

REGISTERS = list(discover().values())
SECRET = "Nguyễn Thị Bí Mật"
ODD_VALUES = [
    None, "", " ", "0", "-1", "1e309", "9" * 400, "NaN", "1.234", "1,5 ha", "12 hộ", "31/02/2026", "5/3/26", "45356", "00/00/0000",
    "ngày 5 tháng 3 năm 2026", "799790011.0", "O799790011", "4", "có", "x" * 5000, SECRET, "{value}", "%s", "\\", "'; DROP TABLE x",
    "2026-01-01T00:00:00", "1;2;13", "https://", "\u202e", "🏠" * 61, True, 1.5, 10**30,
]  # fmt: skip
ODD_GEOMETRIES = [
    '{"type": "Polygon", "coordinates": []}',
    '{"type": "Polygon", "coordinates": [[]]}',
    '{"type": "Polygon", "coordinates": [[[108, 16]]]}',
    '{"type": "Polygon", "coordinates": [[[108, 16], [108, 16], [108, 16], [108, 16]]]}',
    '{"type": "Polygon", "coordinates": [[[108, 16], [109, 17], [109, 16], [108, 17], [108, 16]]]}',
    '{"type": "Polygon", "coordinates": [[[108, 16], [1e308, 17], [109, 16], [108, 16]]]}',
    '{"type": "Polygon", "coordinates": [[[108, 16], [NaN, 17], [109, 16], [108, 16]]]}',
    '{"type": "Polygon", "coordinates": [[["108", "16"]]]}',
    '{"type": "Polygon", "coordinates": 7}',
    '{"type": "MultiPolygon", "coordinates": [[[[108, 16], [108.1, 16], [108, 16]]]]}',
    '{"type": "Point", "coordinates": [0, 0]}',
    '{"type": "Point", "coordinates": [2.3, 48.8]}',
    '{"type": "Point", "coordinates": [1e300, 1e300]}',
    '{"type": "Point", "coordinates": []}',
    '{"type": "Point"}',
    '{"type": "LineString", "coordinates": [[108, 16], [108.1, 16]]}',
    '{"type": "MultiPoint", "coordinates": [[108, 16], [108.1, 16]]}',
    '{"type": "GeometryCollection", "geometries": []}',
    '{"type": "GeometryCollection", "geometries": [{"type": "LineString", "coordinates": [[108, 16], [108.1, 16]]}]}',
    '{"type": "GeometryCollection", "geometries": [7, null, {"type": "GeometryCollection", "geometries": 7}]}',
    '{"type": "Circle", "coordinates": [108, 16]}',
    '{"type": 7}',
    '"POINT (108 16)"',
]
"""What no register takes, repaired or not."""


def named(faults: Sequence[Fault]) -> list[object]:
    return [pytest.param(fault, id=f"{at}-{fault.code}") for at, fault in enumerate(faults)]


@pytest.mark.parametrize("fault", named([*VALUES, *SHAPES]))
def test_each_fault_is_said_where_it_is_and_harms_no_other_row(fault: Fault, tmp_path: Path) -> None:
    report, sink = check(fault.write(tmp_path), fault.register, **fault.options)
    said = [one for one in report.messages if one["code"] == fault.code]
    assert [(one["row"], one["column"]) for one in said] == [(fault.row, fault.column)], report.messages
    assert said[0]["level"] == KINDS[fault.code].level
    assert all(
        "{" not in said[0][part] and "…" not in said[0][part].replace("“…”", "").replace(": …", "")
        for part in ("vi", "en")
    )
    if fault.row == 2:
        assert 1 in {row["row"] for row in sink.rows}
        assert (2 in {row["row"] for row in sink.rows}) == (
            said[0]["level"] != "error" and fault.code != "REPAIR_TOO_LARGE"
        )


def broken_prj(folder: Path) -> Path:
    path = shapefile(folder / "parts", table([PLACE], ma_dia_chi=["0000000001"], ma_xa=[COMMUNE]))
    path.with_suffix(".prj").write_text("đây không phải hệ tọa độ", encoding="utf-8")
    (folder / "f.zip").write_bytes(zipped(folder / "parts"))
    return folder / "f.zip"


def endless_quote(folder: Path) -> Path:
    """A quote that is opened and never closed, with more behind it than a cell can be."""
    (folder / "f.csv").write_bytes(b"ten,lon,lat\n" + b'"x\n' + b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 600_000)
    return folder / "f.csv"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault("PRJ_UNREADABLE", "addresses", broken_prj), "ok"),
        (Fault("CSV_SYNTAX", "addresses", endless_quote), "refused"),
    ],
    ids=lambda part: getattr(part, "code", part),
)
def test_each_fault_of_a_whole_file_is_said_once(fault: Fault, outcome: str, tmp_path: Path) -> None:
    report, _ = check(fault.write(tmp_path), fault.register)
    assert (report.outcome, report.counts[fault.code]) == (outcome, 1)
    assert next(one for one in report.messages if one["code"] == fault.code)["row"] is None


def test_a_geojson_with_more_around_its_features_than_in_them_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geojson, "_MAX_FRAME_BYTES", 100)
    path = tmp_path / "f.geojson"
    path.write_text('{"type": "FeatureCollection", "note": "' + "x" * 200 + '", "features": []}')
    with pytest.raises(UnreadableFileError) as caught:
        geojson.GeojsonDocument(path, ReadContext(ReaderLimits()))
    assert caught.value.code == "GEOJSON_TOO_LARGE"


def test_areas_beyond_what_memory_holds_are_not_compared_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_places, "MOST_VERTICES", 12)
    rows = [field_of(f"VN-{at}") for at in range(3)]
    report, _ = check_rows(tmp_path, *rows, register="growing_areas", limits=ReaderLimits(batch_rows=1))
    assert (report.valid, report.counts["OVERLAPS_UNCHECKED"], report.counts["GEOM_DOUBLED"]) == (3, 1, 0)


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
def test_no_odd_geometry_fails_the_file_in_any_register(register: Register, tmp_path: Path) -> None:
    """Every fault of geometry in one file, in every register: each row is told, none takes the file with it."""
    odd = [json.loads(text) for text in ODD_GEOMETRIES]
    features = [{"type": "Feature", "properties": {"n": at}, "geometry": shape} for at, shape in enumerate(odd)]
    path = tmp_path / "f.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    for accept in (frozenset[str](), frozenset(REPAIRS)):
        report, _ = check(path, register.id, accept=accept)
        assert (report.read, report.read - report.valid) == (len(odd), report.rejected)
        told = {one["row"] for one in report.messages if one["level"] == "error" and one["row"]}
        assert told == set(range(1, len(odd) + 1))


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
def test_no_odd_value_fails_the_file_in_any_field_of_any_register(register: Register, tmp_path: Path) -> None:
    """Every odd value in every column at once, a row each; what is said of a private one never carries it."""
    place = Point(WEST, SOUTH)
    names = [item.name for item in register.fields if item.name not in register.derived]
    path = write_geojson(tmp_path / "f.geojson", [{**dict.fromkeys(names, text), "geom": place} for text in ODD_VALUES])
    for accept in (frozenset[str](), frozenset(REPAIRS)):
        report, _ = check(path, register.id, accept=accept)
        assert (report.read, report.valid + report.rejected) == (len(ODD_VALUES), len(ODD_VALUES))
        private = {item.name for item in register.fields if not item.public}
        said = [one for one in report.messages if one["column"] in private]
        assert all(not one["value"] or one["value"] == "…" for one in said)
        assert not any(SECRET in str(one) for one in said)

"""A file from bytes to checked rows: what the report says of it as a whole, and what reaches the sink."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas
import pyarrow as pa
import pytest
from shapely import Point

from geodata.db import SYSTEM
from geodata.geometry import Geometries
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.report import REPORT_VERSION, Report
from geodata.importing.sandbox import ReaderLimits
from geodata.registers import get_register
from geodata.settings import GeodataSettings
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, PLACE, agency, field_of, units, write_geojson


class KeptRows:
    """Keeps the rows it is given."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self.rows: list[dict[str, Any]] = []

    def open(self, fields: Sequence[str]) -> None:
        self.fields = list(fields)

    def write(self, columns: Mapping[str, pa.Array], geometries: Geometries, rows: pa.Array) -> None:
        table = pa.table({**columns, "row": rows})
        places = [{"geom": geometry} for geometry in geometries]
        self.rows += [{**row, **place} for row, place in zip(table.to_pylist(), places, strict=True)]


def check(path: Path, register: str = "addresses", **options: Any) -> tuple[Report, KeptRows]:
    sink = KeptRows()
    request = ImportRequest(path, path.name, get_register(register), SYSTEM, **options)
    return check_file(request, units(), path.parent / "work", sink), sink


def check_rows(folder: Path, *rows: dict[str, Any], **options: Any) -> tuple[Report, KeptRows]:
    return check(write_geojson(folder / "f.geojson", rows), **options)


def codes(report: Report) -> list[str]:
    return [message["code"] for message in report.messages]


def test_valid_rows_reach_the_sink_with_their_numbers_and_places(tmp_path: Path) -> None:
    report, sink = check_rows(tmp_path, agency("0000000001"), agency("x"), agency("0000000003", geom=Point(108.2, 16)))
    assert [(row["row"], row["code"], row["geom"]) for row in sorted(sink.rows, key=lambda row: row["row"])] == [
        (1, "0000000001", PLACE), (3, "0000000003", Point(108.2, 16)),
    ]  # fmt: skip
    assert (report.read, report.valid, report.rejected) == (3, 2, 1)


def test_the_province_is_told_by_the_commune(tmp_path: Path) -> None:
    _, sink = check_rows(tmp_path, agency("0000000001"), agency("0000000002", commune_code="01273"))
    assert [row["province_code"] for row in sorted(sink.rows, key=lambda row: row["row"])] == ["48", "04"]


def test_every_column_is_told_the_field_it_was_taken_for(tmp_path: Path) -> None:
    row = {"Mã địa chỉ": "0000000001", "Mã xã": COMMUNE, "màu sơn": "xanh", "geom": PLACE}
    report, _ = check_rows(tmp_path, row)
    assert report.columns == {"Mã địa chỉ": "code", "Mã xã": "commune_code", "màu sơn": None}


def test_a_column_that_was_left_out_is_named_once(tmp_path: Path) -> None:
    rows = [{**agency(f"{n:010}"), "màu sơn": "xanh"} for n in range(3)]
    report, _ = check_rows(tmp_path, *rows)
    unused = [message for message in report.messages if message["code"] == "COLUMN_UNUSED"]
    assert [(message["value"], message["level"]) for message in unused] == [("màu sơn", "info")]


@pytest.mark.parametrize("names", [("lon", "lat"), ("Kinh độ", "Vĩ độ"), ("X", "Y")])
def test_columns_of_the_place_are_not_worth_a_note(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f"ma_dia_chi,ma_xa,{names[0]},{names[1]}\n0000000001,{COMMUNE},108.1,16.1\n", encoding="utf-8")
    report, sink = check(path)
    assert "COLUMN_UNUSED" not in report.counts
    assert sink.rows[0]["geom"] == PLACE
    told = {match["name"]: (match["field"], match["how"], match["certain"]) for match in report.matches}
    assert [told[name] for name in names] == [(None, "place", True)] * 2


@pytest.mark.parametrize(("value", "how"), [("b0a7c2f4-6f0e-4a55-9d3c-2f6a1c0e7d11", "id"), ("17", "none")])
def test_the_column_of_the_records_own_ids_is_told_as_such(tmp_path: Path, value: str, how: str) -> None:
    report, _ = check_rows(tmp_path, {**agency("0000000001"), "id": value})
    told = {match["name"]: (match["field"], match["how"]) for match in report.matches}
    assert told["id"] == (None, how)


def test_the_commune_chosen_for_the_file_is_that_of_rows_which_name_none(tmp_path: Path) -> None:
    rows = [agency("0000000001", commune_code=None), agency("0000000002", commune_code=OTHER_COMMUNE)]
    report, sink = check_rows(tmp_path, *rows, commune=COMMUNE)
    assert [(row["code"], row["commune_code"]) for row in sink.rows] == [("0000000001", COMMUNE)]
    assert report.counts["COMMUNE_OTHER"] == 1


def write_csv(path: Path, numbers: Sequence[int]) -> Path:
    lines = [f"{number:010},{COMMUNE},108.1,16.1" for number in numbers]
    path.write_text("\n".join(["ma_dia_chi,ma_xa,lon,lat", *lines]), encoding="utf-8")
    return path


def test_a_double_is_found_in_a_later_batch_too(tmp_path: Path) -> None:
    report, sink = check(write_csv(tmp_path / "f.csv", (1, 2, 3, 4, 1)), limits=ReaderLimits(batch_rows=2))
    message = next(message for message in report.messages if message["code"] == "CODE_DOUBLED")
    assert (message["row"], "dòng 1" in message["vi"], len(sink.rows)) == (5, True, 4)


def test_of_doubles_the_earlier_row_of_the_file_is_kept(tmp_path: Path) -> None:
    """Rows with a name are judged one by one, after the others; the file's order decides all the same."""
    rows = [agency("0000000001", name="Có tên"), agency("0000000001", name=None, kind="structure")]
    _, sink = check_rows(tmp_path, *rows)
    assert [(row["row"], row["name"]) for row in sink.rows] == [(1, "Có tên")]


def test_a_file_that_cannot_be_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "f.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [')
    report, sink = check(path)
    assert (report.outcome, report.messages[0]["code"], sink.fields) == ("refused", "GEOJSON_SYNTAX", [])
    assert report.messages[0]["vi"]


def test_a_choice_of_layers_is_asked_for_with_the_layers_to_choose_from(tmp_path: Path) -> None:
    path = tmp_path / "f.gpkg"
    for layer in ("nhà", "vùng"):
        geopandas.GeoDataFrame({"code": ["0000000001"]}, geometry=[PLACE], crs=4326).to_file(path, layer=layer)
    report, _ = check(path)
    assert (report.outcome, codes(report)) == ("needs_choice", ["LAYER_CHOICE"])
    assert [layer["name"] for layer in report.layers] == ["nhà", "vùng"]
    chosen, sink = check(path, layer="vùng", commune=COMMUNE)
    assert (chosen.outcome, len(sink.rows)) == ("ok", 1)


def test_a_coordinate_system_is_asked_for_before_any_row_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f"ma_xa,wkt\n{COMMUNE},POINT (536000 1770000)\n", encoding="utf-8")
    report, sink = check(path)
    assert (report.outcome, codes(report), report.read, sink.fields) == ("needs_choice", ["CRS_MISSING"], 0, [])
    assert report.columns == {"ma_xa": "commune_code"}
    chosen, sink = check(path, crs="EPSG:5899")
    assert (chosen.outcome, len(sink.rows)) == ("ok", 1)


def test_the_officer_s_encoding_decides_how_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(f"ten_duong,ma_xa,lon,lat\nCơ,{COMMUNE},108.1,16.1\n".encode("cp1258"))
    found = {choice: check(path, encoding=choice)[1].rows[0]["street"] for choice in ("cp1258", "iso-8859-1")}
    assert found == {"cp1258": "Cơ", "iso-8859-1": "Cõ"}


def test_stages_are_told_with_rows_done_and_rows_in_all(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "f.csv", range(5))
    request = ImportRequest(path, path.name, get_register("addresses"), SYSTEM, limits=ReaderLimits(batch_rows=2))
    told: list[tuple[str, int, int]] = []
    check_file(request, units(), tmp_path / "work", NoSink(), lambda *step: told.append(step))
    assert told == [("reading", 0, 0), *(("validating", done, 5) for done in (0, 2, 4, 5))]


def test_the_report_is_plain_json_with_its_version(tmp_path: Path) -> None:
    report, _ = check_rows(tmp_path, agency("0000000001"), agency("x"))
    written = json.loads(json.dumps(report.as_dict()))
    assert (written["version"], written["register"], written["outcome"]) == (REPORT_VERSION, "addresses", "ok")
    assert written["rows"] == {"read": 2, "valid": 1, "repaired": 0, "rejected": 1}
    assert written["counts"]["CODE_FORMAT"] == 1
    assert written["crs"]["chosen"] == "EPSG:4326"
    assert {choice["certain"] for choice in written["encoding"].values()} == {True}


def test_only_fields_that_rows_may_carry_reach_the_sink(tmp_path: Path) -> None:
    _, sink = check_rows(tmp_path, {"code": "0000000001", "commune_code": COMMUNE, "geom": PLACE})
    assert set(sink.fields) == {"code", "commune_code", "kind", "status", "head_name"}


def test_a_geopackage_of_another_making_is_refused_and_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "f.gpkg"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (a)")
    database.close()
    report, _ = check(path)
    assert (report.outcome, codes(report)) == ("refused", ["UPLOAD_FORMAT"])


# --- what is allowed and yet looks wrong


def plot(code: str, **changes: Any) -> dict[str, Any]:
    return {**field_of(code), **changes}


def doubts(report: Report) -> list[tuple[str, int, str]]:
    return [
        (said["code"], said["row"], said["value"])
        for said in report.messages
        if said["row"] and said["code"][:5] != "GEOM_"
    ]


def test_export_codes_of_no_known_format_are_doubted_and_taken(tmp_path: Path) -> None:
    rows = [plot("HD-12", regime="export"), plot("VN-DNOR-0269", regime="export"), plot("HD-13", regime="domestic")]
    report, sink = check_rows(tmp_path, *rows, register="growing_areas")
    assert doubts(report) == [("CODE_UNUSUAL", 1, "HD-12")]
    assert len(sink.rows) == 3


@pytest.mark.parametrize(("least", "doubted"), [(10.0, [1]), (2.0, []), (0.0, [])])
def test_small_export_areas_are_doubted_below_the_operator_s_limit(
    tmp_path: Path, least: float, doubted: list[int]
) -> None:
    rows = [plot("VN-DNOR-0269", regime="export", area_ha="2,5"), plot("VN-DNOR-0270", area_ha="2,5")]
    settings = GeodataSettings(smallest_growing_area_ha=least)
    report, _ = check_rows(tmp_path, *rows, register="growing_areas", settings=settings)
    assert [row for code, row, _ in doubts(report) if code == "AREA_SMALL"] == doubted


@pytest.mark.parametrize(
    ("written", "is_doubted"), [("1.234", True), ("12,345", True), ("0,125", False), ("1,5", False)]
)
def test_a_fraction_that_may_be_thousands_is_doubted(tmp_path: Path, written: str, *, is_doubted: bool) -> None:
    report, sink = check_rows(tmp_path, plot("VN-DNOR-0269", area_ha=written), register="growing_areas")
    assert [code for code, _, _ in doubts(report)] == ["NUMBER_UNCLEAR"] * is_doubted
    assert sink.rows[0]["area_ha"] == float(written.replace(",", "."))


def test_samples_of_text_are_shown_for_public_columns_only(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(
        f"ten_duong,chu_ho,la,ma_xa,lon,lat\nLê Lợi,Vũ Văn A,Vũ Văn Ẩn,{COMMUNE},108.1,16.1\n", encoding="utf-8"
    )
    encoding = check(path)[0].as_dict()["encoding"]
    assert encoding["ten_duong"]["samples"] == [{"before": "LÃª Lá»£i", "after": "Lê Lợi"}]
    assert (encoding["chu_ho"]["samples"], encoding["la"]["samples"]) == ([], [])

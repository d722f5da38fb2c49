"""The coordinate system of a file: stated, chosen, proven by where its rows lie, or asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely

from geodata.crs import WGS84_DEGREES, Floats, from_epsg
from geodata.crs_choices import parse_choice
from geodata.db import SYSTEM, Actor
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.communes import FileCommunes
from geodata.importing.crs_choice import choose_crs
from geodata.importing.report import Report
from geodata.importing.results import ReadResult, iter_batches
from geodata.importing.sandbox import ReaderLimits, read_upload
from geodata.registers import get_register
from geodata.units.index import UnitIndex
from tests.geodata.importing.files import shapefile, table
from tests.geodata.importing.test_candidates import EAST, UNITS, WEST, houses, written

BLANK = "20200"


def read(tmp_path: Path, text: str) -> ReadResult:
    path = tmp_path / "f.csv"
    path.write_text(text)
    return read_upload(path, tmp_path / "work", original_name="f.csv")


def frame(coordinates: Floats, crs: str = "EPSG:4326", commune: str = WEST) -> gpd.GeoDataFrame:
    count = len(coordinates)
    codes = [f"{number:010}" for number in range(count)]
    return table(list(shapely.points(coordinates)), crs, ma_dia_chi=codes, ma_xa=[commune] * count)


def check(path: Path, units: UnitIndex = UNITS, actor: Actor = SYSTEM, **options: Any) -> Report:
    request = ImportRequest(path, path.name, get_register("addresses"), actor, **options)
    return check_file(request, units, path.parent / "work", NoSink())


def write_shapefile(folder: Path, coordinates: Floats, stated: str | None = None) -> Path:
    """Write points with the .prj of some system, or without any."""
    folder.mkdir(exist_ok=True)
    path = shapefile(folder / "s", frame(coordinates, stated or "EPSG:4326"))
    if stated is None:
        path.with_suffix(".prj").unlink()
    return path


def check_shapefile(tmp_path: Path, coordinates: Floats, stated: str | None = None, **options: Any) -> Report:
    return check(write_shapefile(tmp_path, coordinates, stated), **options)


def codes(report: Report) -> list[str]:
    return [code for code in report.counts if code != "COLUMN_UNUSED"]


def described(report: Report) -> tuple[Any, Any]:
    """Return what was chosen and whether that is certain."""
    assert report.crs is not None
    return report.crs["chosen"], report.crs["certain"]


def choices(report: Report) -> list[str]:
    assert report.crs is not None
    return [candidate["crs"] for candidate in report.crs["candidates"]]


# --- nothing to compare with


@pytest.fixture(scope="module")
def degrees_file(tmp_path_factory: pytest.TempPathFactory) -> ReadResult:
    return read(tmp_path_factory.mktemp("degrees"), "ten,wkt\nA,POINT (108.05 16.05)\nB,POINT (108.15 16.05)\n")


@pytest.fixture(scope="module")
def metres_file(tmp_path_factory: pytest.TempPathFactory) -> ReadResult:
    return read(tmp_path_factory.mktemp("metres"), "ten,wkt\nA,POINT (536000 2326000)\n")


def test_numbers_that_can_only_be_degrees_are_taken_for_wgs84_and_that_is_said(degrees_file: ReadResult) -> None:
    report = Report("addresses")
    assert choose_crs(degrees_file, None, report) is WGS84_DEGREES
    assert list(report.counts) == ["CRS_ASSUMED"]
    assert described(report) == ("EPSG:4326", False)


def test_one_broken_place_does_not_make_degrees_something_else(tmp_path: Path) -> None:
    rows = "".join(f"{n},POINT (108.{n:02} 16.05)\n" for n in range(1, 60))
    report = Report("addresses")
    assert choose_crs(read(tmp_path, f"ten,wkt\n{rows}x,POINT (16.05 108.05)\n"), None, report) is WGS84_DEGREES


@pytest.mark.parametrize("count", [3, 40])
@pytest.mark.parametrize("wild", ["1e308,16", "-1e308,1e308", "105400000,16"])
def test_a_row_with_wild_numbers_is_that_row_s_fault_alone(tmp_path: Path, wild: str, count: int) -> None:
    lines = [f"{number:010},{WEST},{x},{y}" for number, (x, y) in enumerate(houses(count).tolist())]
    path = tmp_path / "f.csv"
    path.write_text("\n".join(["ma_dia_chi,ma_xa,lon,lat", *lines, f"{count:010},{WEST},{wild}"]))
    report = check(path)
    assert (report.outcome, described(report)) == ("ok", ("EPSG:4326", False))
    assert (codes(report), report.valid, report.rejected) == (["GEOM_OUTSIDE_VIETNAM"], count, 1)


def test_wild_numbers_in_a_file_of_metres_leave_the_true_system_first(tmp_path: Path) -> None:
    numbers = np.concatenate([written("EPSG:9209", houses(200)), [[1e308, 16.0], [1e12, 1e12]]])
    assert choices(check_shapefile(tmp_path, numbers))[0] == "EPSG:9209"


def test_metres_without_coordinate_system_need_a_choice(metres_file: ReadResult) -> None:
    report = Report("addresses")
    assert choose_crs(metres_file, None, report) is None
    assert (report.outcome, list(report.counts)) == ("needs_choice", ["CRS_MISSING"])
    assert described(report) == (None, False)


@pytest.mark.parametrize("choice", ["EPSG:9209", "epsg:9209", " 9209 "])
def test_the_officer_s_choice_decides(metres_file: ReadResult, choice: str) -> None:
    report = Report("addresses")
    chosen = choose_crs(metres_file, choice, report)
    assert chosen is not None
    assert report.crs == {
        "chosen": "EPSG:9209", "name": "VN-2000 / TM 105°30′, k=0.9999", "operation": "VN-2000 to WGS 84 (2)",
        "accuracy_m": 1.0, "how": "chosen", "certain": True, "candidates": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [("EPSG:9209; no-shift", "EPSG:9209;no-shift"), ("vn2000:105.25,0.9999", "VN2000:105.25,0.9999")],
)
def test_a_choice_with_options_is_told_as_it_can_be_given_again(
    metres_file: ReadResult, choice: str, chosen: str
) -> None:
    report = Report("addresses")
    assert choose_crs(metres_file, choice, report) is not None
    assert described(report) == (chosen, True)


@pytest.mark.parametrize("choice", ["EPSG:99999", "VN-2000", "EPSG:", "EPSG:9209; DROP", "٣", "file", "EPSG:2045"])
def test_a_choice_that_is_no_coordinate_system_is_answered_not_raised(metres_file: ReadResult, choice: str) -> None:
    report = Report("addresses")
    assert choose_crs(metres_file, choice, report) is None
    assert (report.outcome, list(report.counts)) == ("needs_choice", ["CRS_UNUSABLE"])


def test_a_file_without_any_place_is_told_so_row_by_row_not_asked_for_a_coordinate_system(tmp_path: Path) -> None:
    report = Report("addresses")
    assert choose_crs(read(tmp_path, "ten,ma_xa\nA,20194\n"), None, report) is WGS84_DEGREES
    assert report.messages == []


# --- what the places prove


@pytest.mark.parametrize("truth", ["EPSG:9209", "EPSG:4326", "EPSG:9209;swapped", "EPSG:9209;no-shift"])
def test_a_shapefile_without_prj_is_taken_in_the_system_its_places_prove(tmp_path: Path, truth: str) -> None:
    report = check_shapefile(tmp_path, written(truth))
    assert (report.outcome, codes(report), report.valid) == ("ok", ["CRS_FOUND"], 600)
    assert described(report) == (truth, True)
    assert choices(report)[0] == truth


def test_a_shapefile_without_prj_whose_places_prove_nothing_is_asked_about(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, written("EPSG:9209", houses(within=0.7)))
    assert (report.outcome, codes(report), report.read) == ("needs_choice", ["CRS_CHOICE"], 0)
    assert described(report) == (None, False)
    assert choices(report)[:2] == ["EPSG:9209", "EPSG:9209;no-shift"]
    assert report.crs is not None
    second = report.crs["candidates"][1]
    assert (second["trap"], second["shift_m"], second["inside"]) == ("no_datum_shift", 224, 1.0)
    assert "EPSG:9209" in report.messages[0]["remedy"]["vi"]


@pytest.mark.parametrize("truth", ["EPSG:5897", "EPSG:5897;swapped"])
def test_few_places_are_shown_with_and_without_the_datum_shift(tmp_path: Path, truth: str) -> None:
    """Five in the middle fit other scales as well, which are likelier than a shift left out, but plain on a map."""
    report = check_shapefile(tmp_path, written(truth, houses(5, within=0.5)))
    shown = [candidate["crs"] for candidate in report.preview["candidates"]]
    assert (shown[0], shown[2]) == (truth, truth.replace("EPSG:5897", "EPSG:5897;no-shift"))
    assert shown[1] == choices(report)[1] != shown[2]
    assert "200 m" in report.messages[0]["remedy"]["vi"]


def test_every_candidate_of_a_report_can_be_chosen(tmp_path: Path) -> None:
    asked = check_shapefile(tmp_path, written("EPSG:9209", houses(within=0.7)))
    for choice in choices(asked)[:3]:
        report = check_shapefile(
            tmp_path / choice.replace(":", "_"), written("EPSG:9209", houses(within=0.7)), crs=choice
        )
        assert described(report) == (choice, True)
        assert report.outcome == "ok"


def test_swapped_columns_of_a_table_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = "".join(f"{n:010},{WEST},{x},{y}\n" for n, (x, y) in enumerate(written("EPSG:9209;swapped").round(2)))
    path.write_text(f"ma_dia_chi,ma_xa,x,y\n{rows}")
    assert described(check(path)) == ("EPSG:9209;swapped", True)


# --- what the file states


@pytest.mark.parametrize("epsg", [9209, 5897, 3405, 32648, 4326, 4756])
def test_a_true_statement_is_proven_by_the_places(tmp_path: Path, epsg: int) -> None:
    report = check_shapefile(tmp_path, written(f"EPSG:{epsg}"), f"EPSG:{epsg}")
    assert (report.outcome, codes(report), report.valid) == ("ok", [], 600)
    assert described(report) == (f"EPSG:{epsg}", True)


def test_a_statement_that_fits_goes_on_without_being_proven(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, written("EPSG:9209", houses(within=0.7)), "EPSG:9209")
    assert (report.outcome, report.valid) == ("ok", 600)
    assert described(report) == ("EPSG:9209", False)


@pytest.mark.parametrize(
    ("truth", "stated", "code"),
    [
        ("EPSG:9209", "EPSG:9210", "CRS_DOUBTFUL"),
        ("EPSG:5897", "EPSG:3405", "CRS_DOUBTFUL"),
        ("EPSG:9209;swapped", "EPSG:9209", "CRS_DOUBTFUL"),
        ("EPSG:9209;no-shift", "EPSG:9209", "DATUM_TRAP"),
        ("EPSG:3405", "EPSG:32648", "DATUM_TRAP"),
        ("EPSG:4756", "EPSG:4326", "DATUM_TRAP"),
        ("EPSG:4326", "EPSG:4756", "DATUM_TRAP"),
    ],
)
def test_a_false_prj_is_never_followed_silently(tmp_path: Path, truth: str, stated: str, code: str) -> None:
    report = check_shapefile(tmp_path, written(truth), stated)
    assert (report.outcome, codes(report), report.read) == ("needs_choice", [code], 0)
    assert described(report) == (None, False)
    assert choices(report)[0] == truth
    assert truth in report.messages[0]["remedy"]["vi"]
    if code == "DATUM_TRAP":
        assert "224 m" in report.messages[0]["vi"]
    best = parse_choice(truth)
    for language, name in (("vi", best.name), ("en", best.name_en)):
        assert f" {name} " in report.messages[0][language]


def test_the_officer_may_insist_on_what_the_file_says(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, written("EPSG:9209;no-shift"), "EPSG:9209", crs="file")
    assert described(report) == ("EPSG:9209", True)
    assert report.outcome == "ok"


def test_geojson_with_latitude_first_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "f.geojson"
    frame(written("EPSG:4326;swapped"), "EPSG:4326").to_file(path, driver="GeoJSON", engine="pyogrio")
    report = check(path)
    assert (codes(report), choices(report)[0]) == (["CRS_DOUBTFUL"], "EPSG:4326;swapped")


def test_a_geopackage_in_a_false_zone_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "f.gpkg"
    frame(written("EPSG:9209"), "EPSG:9208").to_file(path, driver="GPKG", engine="pyogrio")
    report = check(path)
    assert (codes(report), choices(report)[0]) == (["CRS_DOUBTFUL"], "EPSG:9209")


def test_areas_are_told_by_their_corners(tmp_path: Path) -> None:
    corners = written("EPSG:9209;no-shift")
    squares = shapely.box(*(corners - 20).T, *(corners + 20).T)
    data = frame(corners, "EPSG:9209").set_geometry(gpd.GeoSeries(squares, crs="EPSG:9209"))
    path = shapefile(tmp_path / "s", data.assign(ma_so=data["ma_dia_chi"], cay_trong="Bưởi"))
    request = ImportRequest(path, path.name, get_register("growing_areas"), SYSTEM)
    report = check_file(request, UNITS, tmp_path / "work", NoSink())
    assert (codes(report), choices(report)[0]) == (["DATUM_TRAP"], "EPSG:9209;no-shift")


def test_a_prj_that_lost_its_datum_is_asked_about_with_candidates(tmp_path: Path) -> None:
    path = write_shapefile(tmp_path, written("EPSG:9209"), "EPSG:9209")
    lost = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=105.5 +k=0.9999 +x_0=500000 +ellps=krass +units=m")
    path.with_suffix(".prj").write_text(lost.to_wkt("WKT1_ESRI"))
    report = check(path)
    assert (report.outcome, codes(report), choices(report)[0]) == ("needs_choice", ["CRS_UNUSABLE"], "EPSG:9209")
    again = check_shapefile(tmp_path / "b", written("EPSG:9209"), crs="EPSG:9209")
    assert (again.outcome, described(again)) == ("ok", ("EPSG:9209", True))


# --- which communes count


def test_the_chosen_commune_counts_before_what_rows_name(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, written("EPSG:9209"), commune=EAST)
    assert described(report)[0] != "EPSG:9209"


@pytest.mark.parametrize("actor", [Actor("cán bộ", (WEST,)), Actor("cán bộ tỉnh", (WEST, EAST)), SYSTEM])
def test_rows_that_name_no_commune_are_held_against_those_of_the_officer(tmp_path: Path, actor: Actor) -> None:
    data = frame(written("EPSG:9210"), "EPSG:9209").drop(columns="ma_xa")
    report = check(shapefile(tmp_path / "s", data), actor=actor)
    assert (codes(report), choices(report)[0]) == (["CRS_DOUBTFUL"], "EPSG:9210")


def test_a_misfit_means_nothing_while_boundaries_are_missing(tmp_path: Path) -> None:
    units = UnitIndex({**UNITS.provinces, BLANK: "48"}, UNITS.boundaries, {**UNITS.names, BLANK: "Xã Trắng"})
    data = frame(written("EPSG:9210"), "EPSG:9209", BLANK)
    report = check(shapefile(tmp_path / "s", data), units)
    assert (report.outcome, described(report)) == ("ok", ("EPSG:9209", False))


def test_a_commune_without_boundary_proves_nothing(tmp_path: Path) -> None:
    units = UnitIndex({**UNITS.provinces, BLANK: "48"}, UNITS.boundaries, {**UNITS.names, BLANK: "Xã Trắng"})
    path = shapefile(tmp_path / "s", frame(written("EPSG:9209"), "EPSG:9209", BLANK))
    assert described(check(path, units, commune=BLANK)) == ("EPSG:9209", False)


# --- mixtures


def test_the_smaller_part_of_a_merged_file_is_refused_with_its_zone(tmp_path: Path) -> None:
    mixed = np.concatenate([written("EPSG:9209"), written("EPSG:5897", houses(50, seed=8))])
    report = check_shapefile(tmp_path, mixed, "EPSG:9209")
    assert (report.outcome, report.valid, report.rejected) == ("ok", 600, 50)
    assert {code: report.counts[code] for code in codes(report)} == {"OUTSIDE_ZONE": 50, "ZONE_MIXED": 1}
    assert report.messages[0]["code"] == "ZONE_MIXED"
    assert "VN-2000 / TM 105°00′, k=0.9999: 50" in report.messages[0]["en"]


# --- the preview


def preview_of(report: Report) -> tuple[list[str], Sequence[dict[str, Any]]]:
    assert report.preview is not None
    assert "preview" not in report.as_dict()
    return report.preview["communes"], report.preview["candidates"]


def test_the_first_three_are_drawn_where_they_bring_the_places(tmp_path: Path) -> None:
    places = houses(within=0.7)
    communes, drawn = preview_of(check_shapefile(tmp_path, written("EPSG:9209", places)))
    assert communes == [WEST]
    assert [one["crs"] for one in drawn][:2] == ["EPSG:9209", "EPSG:9209;no-shift"]
    assert len(drawn) == 3
    first = np.array(drawn[0]["points"]["coordinates"])
    assert (drawn[0]["points"]["type"], len(first)) == ("MultiPoint", 300)
    np.testing.assert_array_equal(first, first.round(6))
    assert shapely.distance(shapely.points(first), shapely.multipoints(places)).max() < 1e-6
    apart = pyproj.Geod(ellps="WGS84").inv(*first.T, *np.array(drawn[1]["points"]["coordinates"]).T)[2]
    assert apart == pytest.approx(np.full(300, 224), abs=1)


def test_a_chosen_system_is_drawn_beside_those_that_fit_better(tmp_path: Path) -> None:
    _, drawn = preview_of(check_shapefile(tmp_path, written("EPSG:9209"), crs="EPSG:9210"))
    assert [one["crs"] for one in drawn[:2]] == ["EPSG:9210", "EPSG:9209"]
    expected = np.column_stack(from_epsg(9210).to_wgs84(*written("EPSG:9209")[:1].T)).round(6)
    assert drawn[0]["points"]["coordinates"][0] == pytest.approx(expected[0].tolist(), abs=2e-6)


# --- while the file is still being read


@pytest.mark.parametrize(("stated", "taken"), [("EPSG:9209", [1]), ("EPSG:9210", [1, 4]), (None, [4])])
def test_only_what_is_doubtful_or_not_stated_waits_for_the_end_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str | None, taken: list[int]
) -> None:
    """A file whose first batch fits its statement is decided by that batch, so that rows flow while it is read."""
    path = write_shapefile(tmp_path, np.concatenate([written("EPSG:9209")] * 4), stated)
    limits = ReaderLimits(batch_rows=600)
    result = read_upload(path, tmp_path / "work", original_name=path.name, limits=limits)
    read_to: list[int] = []

    def counted(of: ReadResult) -> Iterator[pa.RecordBatch]:
        read_to.append(0)
        for batch in iter_batches(of):
            read_to[-1] += 1
            yield batch

    monkeypatch.setattr("geodata.importing.crs_choice.iter_batches", counted)
    choose_crs(result, None, Report("addresses"), FileCommunes(UNITS, SYSTEM, WEST))
    assert read_to == taken

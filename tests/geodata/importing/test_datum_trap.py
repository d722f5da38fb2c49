"""Statements that the places cannot tell from their unshifted twin, and systems that lead to WGS 84 only roughly."""

from pathlib import Path

import numpy as np
import pyproj
import pytest

from geodata.crs import Floats
from geodata.crs_choices import parse_choice
from geodata.importing.quantities import say_distance
from geodata.importing.report import Report
from tests.geodata.importing.test_candidates import HERE, houses, written
from tests.geodata.importing.test_crs_choice import check, check_shapefile, choices, codes, described, write_shapefile

MIDDLE = houses(60, within=0.7)
INDIAN_1960 = 3148


def in_indian_1960(places: Floats) -> Floats:
    """Write places in Indian 1960 / UTM zone 48N, by the one operation there is on land."""
    operation = pyproj.transformer.TransformerGroup(INDIAN_1960, 4326, always_xy=True, allow_ballpark=False)
    return np.column_stack(operation.transformers[0].transform(*places.T, direction="INVERSE"))


def first(report: Report, code: str) -> dict[str, object]:
    return next(message for message in report.messages if message["code"] == code)


# --- a statement that may lack the shift


@pytest.mark.parametrize("truth", ["EPSG:9209", "EPSG:9209;no-shift"])
def test_a_trap_that_the_places_cannot_exclude_is_named(tmp_path: Path, truth: str) -> None:
    report = check_shapefile(tmp_path, written(truth, MIDDLE), "EPSG:9209")
    assert (report.outcome, codes(report), described(report)) == ("ok", ["CRS_NOT_PROVEN"], ("EPSG:9209", False))
    message = first(report, "CRS_NOT_PROVEN")
    assert message["level"] == "info"
    assert all("224 m" in str(message[language]) for language in ("vi", "en"))
    assert "EPSG:9209;no-shift" in message["remedy"]["vi"]  # type: ignore[index]
    drawn = [one["crs"] for one in report.preview["candidates"]]  # type: ignore[index]
    assert {"EPSG:9209", "EPSG:9209;no-shift"} <= set(drawn)


@pytest.mark.parametrize("stated", ["EPSG:3405", "EPSG:32648", "EPSG:4756"])
def test_every_statement_about_a_grid_or_vn2000_has_the_trap(tmp_path: Path, stated: str) -> None:
    assert codes(check_shapefile(tmp_path, written(stated, MIDDLE), stated)) == ["CRS_NOT_PROVEN"]


def test_degrees_as_gps_receivers_write_them_raise_no_alarm(tmp_path: Path) -> None:
    assert codes(check_shapefile(tmp_path, written("EPSG:4326", MIDDLE), "EPSG:4326")) == []


def test_who_chose_is_not_told_again(tmp_path: Path) -> None:
    assert codes(check_shapefile(tmp_path, written("EPSG:9209", MIDDLE), "EPSG:9209", crs="file")) == []


def test_who_chose_wrong_is_offered_the_others_again(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, written("EPSG:9209", MIDDLE), None, crs="EPSG:9209;no-shift")
    assert report.crs is not None
    assert (report.crs["chosen"], report.crs["how"]) == ("EPSG:9209;no-shift", "chosen")
    assert "EPSG:9209" in choices(report)
    assert report.preview is not None
    assert {"EPSG:9209", "EPSG:9209;no-shift"} <= {one["crs"] for one in report.preview["candidates"]}


@pytest.mark.parametrize(("truth", "stated"), [("EPSG:9209;no-shift", "EPSG:9209"), ("EPSG:4756", "EPSG:4326")])
def test_a_place_that_fits_without_the_shift_only_is_a_warning(tmp_path: Path, truth: str, stated: str) -> None:
    """One place less than 224 m inside the border that the statement brings outside: too little to refute it."""
    places = houses()
    read = np.column_stack(parse_choice(stated).to_wgs84(*written(truth, places).T))
    lost = places[~HERE.hold(*read.T)][:1]
    report = check_shapefile(tmp_path, written(truth, np.concatenate([MIDDLE, lost])), stated)
    assert (report.outcome, described(report)) == ("ok", (stated, False))
    assert codes(report)[0] == "DATUM_TRAP_MAYBE"
    message = first(report, "DATUM_TRAP_MAYBE")
    assert (message["level"], truth in message["remedy"]["vi"]) == ("warning", True)  # type: ignore[index]
    assert all("224 m" in str(message[language]) for language in ("vi", "en"))


def test_places_of_another_commune_say_nothing_of_the_shift(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, written("EPSG:9209", MIDDLE + np.array([0.09, 0])), "EPSG:9209")
    assert codes(report) == ["OUTSIDE_COMMUNE"]


# --- other datums


def test_a_shift_of_another_datum_is_no_trap_of_vn2000(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, written("EPSG:32648"), f"EPSG:{INDIAN_1960}")
    assert (codes(report), choices(report)[0]) == (["CRS_DOUBTFUL"], "EPSG:32648")
    assert "VN-2000" not in report.messages[0]["vi"]


@pytest.mark.parametrize("stated", [f"EPSG:{INDIAN_1960}", None])
def test_indian_1960_is_recognised_and_its_accuracy_told(tmp_path: Path, stated: str | None) -> None:
    path = write_shapefile(tmp_path, in_indian_1960(houses()), stated)
    report = check(path)
    assert (report.outcome, described(report), report.valid) == ("ok", (f"EPSG:{INDIAN_1960}", True), 600)
    assert codes(report) == (["CRS_INACCURATE"] if stated else ["CRS_FOUND", "CRS_INACCURATE"])
    assert all(say_distance(44) in str(first(report, "CRS_INACCURATE")[language]) for language in ("vi", "en"))


def test_a_rough_system_may_be_chosen_and_is_told_to_be_rough(tmp_path: Path) -> None:
    report = check_shapefile(tmp_path, in_indian_1960(MIDDLE), crs=f"EPSG:{INDIAN_1960}")
    assert (report.outcome, codes(report), report.valid) == ("ok", ["CRS_INACCURATE"], 60)
    assert report.crs is not None
    assert (report.crs["accuracy_m"], "Indian 1960 to WGS 84" in report.crs["operation"]) == (44.0, True)


@pytest.mark.parametrize("carried", ["+ellps=krass +towgs84=-17,-94,-97", "+ellps=evrst30 +towgs84=198,881,317"])
def test_a_shift_that_only_the_file_knows_is_told_to_be_of_unknown_accuracy(tmp_path: Path, carried: str) -> None:
    own = pyproj.CRS.from_proj4(f"+proj=tmerc +lon_0=105 +k=0.9996 +x_0=500000 {carried} +units=m")
    path = write_shapefile(tmp_path, written("EPSG:32648", MIDDLE))
    path.with_suffix(".prj").write_text(own.to_wkt("WKT1_GDAL"))
    report = check(path, crs="file")
    assert codes(report)[0] == "CRS_INACCURATE"
    assert report.messages[0]["en"].endswith("not known.")

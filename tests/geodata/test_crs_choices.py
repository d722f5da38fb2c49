"""What somebody may choose as a coordinate system, and what becomes of VN-2000 with its traps."""

import numpy as np
import pyproj
import pytest

from geodata.crs import (
    VN2000_ZONES,
    WGS84_DEGREES,
    SourceCrs,
    from_epsg,
    from_wkt,
    grid_from_wgs84,
    swapped,
    vn2000,
    vn2000_geographic,
    without_shift,
)
from geodata.crs_choices import parse_choice
from geodata.errors import CoordinateSystemError

GEOD = pyproj.Geod(ellps="WGS84")
PLACE = (536_000.0, 2_326_000.0)


def move(crs: SourceCrs, first: float, second: float) -> tuple[float, float]:
    lon, lat = crs.to_wgs84(np.array([first]), np.array([second]))
    return float(lon[0]), float(lat[0])


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("EPSG:9209", "EPSG:9209"),
        (" 9209 ", "EPSG:9209"),
        ("epsg:9209;SWAPPED", "EPSG:9209;swapped"),
        ("EPSG:9209 ; no-shift", "EPSG:9209;no-shift"),
        ("EPSG:9209;no-shift;swapped", "EPSG:9209;no-shift;swapped"),
        ("EPSG:9209;swapped;no-shift", "EPSG:9209;no-shift;swapped"),
        ("VN2000:105.25,0.9999", "VN2000:105.25,0.9999"),
        ("vn2000: 105.25 , 0.9999 ;swapped", "VN2000:105.25,0.9999;swapped"),
        ("VN2000:105.5,0.9999", "EPSG:9209"),
        ("EPSG:32648", "EPSG:32648"),
        ("EPSG:4326;swapped", "EPSG:4326;swapped"),
    ],
)
def test_a_choice_is_read_in_any_spelling_and_written_in_one(text: str, choice: str) -> None:
    assert parse_choice(text).choice == choice
    assert parse_choice(parse_choice(text).choice).name == parse_choice(text).name


@pytest.mark.parametrize(
    "text",
    [
        "", "file", "VN-2000", "EPSG:", "EPSG:9209;", "EPSG:9209; DROP", "EPSG:9209;swapped;swapped", "EPSG:9999999", "٣", ";swapped",
        "EPSG:4326;no-shift", "EPSG:32648;no-shift", "VN2000:105.25", "VN2000:10.5,0.9999", "VN2000:105.25,2", "VN2000:1e2,0.9999",
        "EPSG:2045",
    ],
)  # fmt: skip
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(CoordinateSystemError):
        parse_choice(text)


def test_file_stands_for_what_the_file_states() -> None:
    stated = from_epsg(9209)
    assert parse_choice("file", stated) is stated
    assert move(parse_choice("File; swapped", stated), *PLACE[::-1]) == move(stated, *PLACE)


def test_a_system_that_only_the_file_describes_is_chosen_as_the_file_s() -> None:
    stated = from_wkt(pyproj.CRS.from_proj4("+proj=tmerc +lon_0=105.5 +k=0.9999 +x_0=500000 +datum=WGS84").to_wkt())
    assert (stated.epsg, stated.choice, stated.grid, stated.datum) == (None, "file", (105.5, 0.9999), "WGS 84")


@pytest.mark.parametrize(
    ("choice", "vi", "en"),
    [
        ("EPSG:9209", "", ""),
        ("EPSG:9209;swapped", " (đảo trục)", " (axes swapped)"),
        (
            "EPSG:9209;no-shift;swapped",
            " (không chuyển hệ quy chiếu) (đảo trục)",
            " (no datum shift) (axes swapped)",
        ),
    ],
)
def test_a_choice_is_named_in_each_language_by_itself(choice: str, vi: str, en: str) -> None:
    crs, plain = parse_choice(choice), from_epsg(9209).name
    assert (crs.name, crs.name_en) == (plain + vi, plain + en)


def test_swapped_axes_are_read_the_other_way_round() -> None:
    assert move(swapped(from_epsg(9209)), *PLACE[::-1]) == move(from_epsg(9209), *PLACE)
    assert move(swapped(WGS84_DEGREES), 21.03, 105.85) == (105.85, 21.03)


@pytest.mark.parametrize("code", VN2000_ZONES)
def test_without_its_shift_vn2000_lies_224_m_west_north_west(code: int) -> None:
    zone = from_epsg(code)
    truth = move(zone, *PLACE)
    azimuth, _, distance_m = GEOD.inv(*move(without_shift(zone), *PLACE), *truth)
    assert 222 < distance_m < 225.5
    assert 117 < azimuth < 122


def test_without_its_shift_vn2000_is_wgs84() -> None:
    assert move(without_shift(vn2000_geographic()), 105.85, 21.03) == (105.85, 21.03)
    assert move(without_shift(from_epsg(3405)), *PLACE) == pytest.approx(move(from_epsg(32648), *PLACE), abs=1e-9)
    assert without_shift(from_epsg(9209)).operation == "none"


@pytest.mark.parametrize(
    "crs", [from_epsg(9209), vn2000(105.25, 0.9996), from_epsg(32648), without_shift(from_epsg(5899))]
)
def test_a_place_goes_back_into_the_grid_it_came_from(crs: SourceCrs) -> None:
    lon, lat = crs.to_wgs84(np.array([PLACE[0]]), np.array([PLACE[1]]))
    easting, northing = grid_from_wgs84(crs, lon, lat)
    assert (easting[0], northing[0]) == pytest.approx(PLACE, abs=0.001)


def test_a_system_of_epsg_that_only_a_ballpark_operation_leaves_is_refused() -> None:
    with pytest.raises(CoordinateSystemError, match="ballpark"):
        from_epsg(2045)

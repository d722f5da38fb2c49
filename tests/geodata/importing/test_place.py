"""Where rows lie: the coordinate system of the file, and each row's commune against its boundary."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from shapely import LineString, Point, Polygon, box

from geodata.crs import WGS84_DEGREES, from_epsg, grid_from_wgs84
from geodata.db import SYSTEM, Actor
from geodata.importing.place import PlaceChecker
from geodata.importing.report import Report
from geodata.registers import get_register
from geodata.units.index import UnitIndex

WEST_CODE, EAST_CODE, BLANK_CODE = "20194", "20197", "20200"
UNITS = UnitIndex(
    provinces={WEST_CODE: "48", EAST_CODE: "48", BLANK_CODE: "48"},
    boundaries={WEST_CODE: box(108.0, 16.0, 108.1, 16.1), EAST_CODE: box(108.1, 16.0, 108.2, 16.1)},
    names={WEST_CODE: "Phường Tây", EAST_CODE: "Phường Đông", BLANK_CODE: "Phường Chưa Vẽ"},
)
IN_WEST, IN_EAST, AT_SEA = Point(108.05, 16.05), Point(108.15, 16.05), Point(108.05, 16.2)


def checker(register: str = "addresses", **options: Any) -> PlaceChecker:
    values = {"crs": WGS84_DEGREES, "units": UNITS, "actor": SYSTEM, "commune": None, **options}
    return PlaceChecker(get_register(register), **values)


def communes(
    points: Sequence[shapely.Geometry], codes: Sequence[str | None], **options: Any
) -> tuple[list[str | None], list[bool], Report]:
    """Return the rows' communes, which rows are still good, and the report; rows are numbered from 1."""
    good, report = np.ones(len(points), dtype=bool), Report("addresses")
    column = np.empty(len(points), dtype=object)
    column[:] = points
    given = pa.array(codes, pa.string())
    found = checker(**options).communes(given, column, range(1, len(points) + 1), good, report)
    return found.to_pylist(), good.tolist(), report


def geometries(
    shapes: Sequence[shapely.Geometry | None], problems: Sequence[str | None] | None = None, **options: Any
) -> tuple[list[Any], list[bool], Report]:
    good, report = np.ones(len(shapes), dtype=bool), Report("addresses")
    batch = pa.record_batch(
        {
            "_row": pa.array(range(1, len(shapes) + 1), pa.int64()),
            "_wkb": pa.array([None if shape is None else shape.wkb for shape in shapes], pa.binary()),
            "_problem": pa.array(problems or [None] * len(shapes), pa.string()),
        }
    )
    found = checker(**options).geometries(batch, good, report)
    return list(found), good.tolist(), report


# --- the commune of a row


def test_a_commune_that_is_given_and_holds_the_place_is_kept() -> None:
    assert communes([IN_WEST, IN_EAST], [WEST_CODE, EAST_CODE])[:2] == ([WEST_CODE, EAST_CODE], [True, True])


def test_a_commune_that_is_missing_is_the_one_that_holds_the_place() -> None:
    assert communes([IN_WEST, IN_EAST], [None, None])[:2] == ([WEST_CODE, EAST_CODE], [True, True])


def test_the_commune_of_an_area_is_where_a_point_inside_it_lies() -> None:
    found, good, _ = communes(
        [shapely.MultiPolygon([box(108.06, 16.02, 108.11, 16.04)])], [None], register="growing_areas"
    )
    assert (found, good) == ([WEST_CODE], [True])


def test_a_place_in_no_known_commune_is_refused_when_none_is_given() -> None:
    _, good, report = communes([AT_SEA], [None])
    assert (good, dict(report.counts)) == ([False], {"COMMUNE_NOT_FOUND": 1})


def test_a_code_that_no_commune_has_is_refused_with_the_code() -> None:
    _, good, report = communes([IN_WEST, IN_EAST], ["99999", EAST_CODE])
    message = report.messages[0]
    assert good == [False, True]
    assert (message["code"], message["row"], message["value"]) == ("COMMUNE_UNKNOWN", 1, "99999")


def test_a_row_of_another_commune_than_the_chosen_one_is_refused() -> None:
    _, good, report = communes([IN_WEST, IN_EAST], [WEST_CODE, EAST_CODE], commune=WEST_CODE)
    assert (good, dict(report.counts)) == ([True, False], {"COMMUNE_OTHER": 1})
    assert WEST_CODE in report.messages[0]["vi"]


def test_a_row_outside_the_actor_s_communes_is_refused() -> None:
    _, good, report = communes([IN_WEST, IN_EAST], [None, None], actor=Actor("cán bộ", (WEST_CODE,)))
    assert (good, dict(report.counts)) == ([True, False], {"COMMUNE_NOT_YOURS": 1})


def test_a_place_outside_its_commune_is_refused_with_the_distance() -> None:
    _, good, report = communes([IN_EAST], [WEST_CODE])
    message = report.messages[0]
    assert good == [False]
    assert (message["code"], message["place"]) == ("OUTSIDE_COMMUNE", [108.15, 16.05])
    assert message["vi"] == "Vị trí ở ngoài Phường Tây khoảng 5349 m."


@pytest.mark.parametrize(("metres", "is_taken"), [(40, True), (70, False)])
def test_a_place_may_lie_as_far_outside_as_boundaries_are_accurate(metres: int, is_taken: bool) -> None:
    place = Point(108.1 + metres / 106_980, 16.05)
    assert communes([place], [WEST_CODE])[1] == [is_taken]


def test_the_distance_outside_is_measured_in_metres_on_the_ground() -> None:
    east, north = Point(108.1 + 1000 / 106_980, 16.05), Point(108.05, 16.1 + 1000 / 110_660)
    assert UNITS.distance_m(WEST_CODE, east) == pytest.approx(1000, abs=2)
    assert UNITS.distance_m(WEST_CODE, north) == pytest.approx(1000, abs=2)


def test_a_commune_without_boundary_holds_every_place_and_says_so_once() -> None:
    _, good, report = communes([IN_WEST, AT_SEA, IN_EAST], [BLANK_CODE] * 3)
    assert good == [True, True, True]
    assert [(message["code"], message["value"]) for message in report.messages] == [("BOUNDARY_UNKNOWN", BLANK_CODE)]


def test_rows_that_are_out_already_get_no_message_about_their_commune() -> None:
    good, report = np.array([False, True]), Report("addresses")
    places = np.array([IN_WEST, IN_WEST], dtype=object)
    checker().communes(pa.array(["99999", WEST_CODE]), places, [1, 2], good, report)
    assert report.messages == []


# --- the geometry of a row


def test_places_are_moved_to_degrees() -> None:
    found, good, _ = geometries([Point(536_000, 2_326_000)], crs=from_epsg(9209))
    assert good == [True]
    assert shapely.distance(found[0], Point(105.8485, 21.0255)) < 0.01


def test_a_row_without_geometry_is_refused_as_such() -> None:
    for problems in ([None], ["GEOM_NULL"]):
        _, good, report = geometries([None], problems)
        assert (good, dict(report.counts)) == ([False], {"GEOM_MISSING": 1})


@pytest.mark.parametrize("register", ["provinces", "communes"])
def test_a_unit_may_be_listed_before_its_boundary_is_known(register: str) -> None:
    found, good, report = geometries([None], ["GEOM_NULL"], register=register)
    assert (found, good, report.messages) == ([None], [True], [])


def test_what_the_reader_could_not_read_is_reported_by_its_code() -> None:
    _, good, report = geometries([None], ["GEOM_RING_NOT_CLOSED"])
    assert good == [False]
    assert report.messages[0]["code"] == "GEOM_RING_NOT_CLOSED"


def test_a_problem_that_the_catalogue_does_not_know_is_told_as_an_unreadable_row() -> None:
    """The reader is a process that had hostile bytes in its hands: what it says is not believed."""
    _, good, report = geometries([None, IN_WEST], ["__class__", "GEOM_TIME_TRAVEL"])
    assert (good, [one["code"] for one in report.messages]) == ([False, False], ["ROW_UNREADABLE"] * 2)


def test_the_wrong_type_is_answered_with_the_type_that_is_needed() -> None:
    _, good, report = geometries([LineString([(108, 16), (108.1, 16)])])
    message = report.messages[0]
    assert good == [False]
    assert (message["code"], message["value"]) == ("GEOM_TYPE", "LineString")
    assert "điểm (Point)" in message["remedy"]["vi"]
    assert message["vi"] == "Loại hình học đường (LineString) không dùng được cho lớp này."


def test_a_register_of_areas_and_points_says_that_it_takes_both() -> None:
    report = geometries([LineString([(108, 16), (108.1, 16.1)])], register="growing_areas")[2]
    assert report.messages[0]["remedy"]["vi"] == "Lớp này cần vùng (Polygon) hoặc điểm (Point)."


def test_a_broken_area_is_reported_with_reason_and_place() -> None:
    bowtie = Polygon([(108, 16), (108.1, 16.1), (108.1, 16), (108, 16.1), (108, 16)])
    _, good, report = geometries([bowtie], register="growing_areas")
    message = report.messages[0]
    assert good == [False]
    assert (message["code"], message["value"], message["place"]) == (
        "GEOM_SELF_CROSSING",
        None,
        [108.05, 16.05],
    )


def test_swapped_coordinates_are_reported_as_outside_vietnam() -> None:
    _, good, report = geometries([Point(16.05, 108.05)])
    assert (good, report.messages[0]["value"]) == ([False], "16.05000, 108.05000")


def test_one_broken_row_does_not_take_the_others_with_it() -> None:
    assert geometries([IN_WEST, None, IN_EAST])[1] == [True, False, True]


# --- rows of another zone


def as_read(places: Sequence[Point], written_in: int, read_as: int) -> list[shapely.Geometry]:
    """Return where places land that were written in one zone and are read in another."""
    grid = grid_from_wgs84(from_epsg(written_in), *shapely.get_coordinates(list(places)).T)
    return list(shapely.points(*from_epsg(read_as).to_wgs84(*grid)))


def test_rows_of_another_zone_are_refused_with_its_name_and_counted() -> None:
    places = [IN_WEST, *as_read([IN_WEST, Point(108.02, 16.02)], 9217, 5899), AT_SEA]
    good, report = np.ones(4, dtype=bool), Report("addresses")
    checked = checker(crs=from_epsg(5899))
    checked.communes(pa.array([WEST_CODE] * 4), np.array(places, dtype=object), range(1, 5), good, report)
    checked.say_mixture(report)
    assert good.tolist() == [True, False, False, False]
    assert dict(report.counts) == {"OUTSIDE_ZONE": 2, "OUTSIDE_COMMUNE": 1, "ZONE_MIXED": 1}
    first, second = report.messages[0], report.messages[1]
    assert (first["code"], first["value"]) == ("ZONE_MIXED", "2")
    assert "VN-2000 / TM 108°15′, k=0.9999: 2" in first["vi"]
    assert (second["row"], "VN-2000 / TM 108°15′" in second["vi"]) == (2, True)
    assert "EPSG:9217" in second["remedy"]["vi"]


def test_rows_of_no_zone_and_files_in_degrees_say_nothing_of_zones() -> None:
    _, _, report = communes([AT_SEA, *as_read([IN_WEST], 9217, 5899)], [WEST_CODE] * 2)
    assert dict(report.counts) == {"OUTSIDE_COMMUNE": 2}

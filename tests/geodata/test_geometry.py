"""Geometry on its way in: type, validity, orientation, precision, and the bytes PostGIS takes."""

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import LinearRing, LineString, MultiPoint, MultiPolygon, Point, Polygon, box
from sqlalchemy import Connection, text

from geodata.crs import WGS84_DEGREES, from_epsg
from geodata.geometry import Geometries, as_kind, explain_invalid, from_wkb, to_degrees, to_hex_ewkb

SQUARE = box(105.0, 21.0, 105.1, 21.1)
BOWTIE = Polygon([(105, 21), (105.1, 21.1), (105.1, 21), (105, 21.1), (105, 21)])
WGS84 = WGS84_DEGREES.to_wgs84
PLACES = st.tuples(st.floats(102, 118), st.floats(7, 23.5)).map(Point)


def shapes(*found: object) -> Geometries:
    column = np.empty(len(found), dtype=object)
    column[:] = found
    return column


def kind_of(geometry: object, kind: str, *, points_too: bool = False) -> tuple[shapely.Geometry, str | None]:
    final, problems = as_kind(shapes(geometry), kind, points_too=points_too)  # type: ignore[arg-type]
    return final[0], problems[0]


@given(st.lists(st.none() | PLACES))
def test_points_come_out_of_wkb_as_they_went_in(places: list[Point | None]) -> None:
    column = pa.array([None if place is None else place.wkb for place in places], pa.binary())
    assert from_wkb(column).tolist() == places


def test_shapes_of_all_types_come_out_of_wkb_as_they_went_in() -> None:
    given_shapes = [SQUARE, MultiPolygon([SQUARE]), LineString([(0, 0), (1, 1)]), Point(1, 2), None, Point()]
    column = pa.array([None if shape is None else shape.wkb for shape in given_shapes], pa.binary())
    assert from_wkb(column).tolist() == given_shapes


def test_wkb_of_a_big_endian_writer_is_read_too() -> None:
    column = pa.array([shapely.to_wkb(Point(105, 21), byte_order=0)], pa.binary())
    assert from_wkb(column)[0] == Point(105, 21)


def test_no_rows_give_no_geometries() -> None:
    assert len(from_wkb(pa.array([], pa.binary()))) == 0


def test_coordinates_are_kept_to_a_tenth_of_a_millimetre() -> None:
    moved = to_degrees(shapes(Point(105.1234567894, 21.9876543216)), WGS84)
    assert moved[0] == Point(105.123456789, 21.987654322)


def test_moving_leaves_missing_geometries_missing() -> None:
    assert to_degrees(shapes(None, Point(500_000, 2_000_000)), from_epsg(9209).to_wgs84)[0] is None


def test_holes_are_moved_with_their_polygon() -> None:
    ring = [(500_000, 2_000_000), (501_000, 2_000_000), (501_000, 2_001_000)]
    hole = [(500_700, 2_000_200), (500_800, 2_000_200), (500_800, 2_000_300)]
    moved = to_degrees(shapes(Polygon(ring, [hole])), from_epsg(9209).to_wgs84)[0]
    assert len(moved.interiors) == 1
    assert moved.is_valid


@pytest.mark.parametrize("clockwise", [False, True])
def test_polygons_become_multipolygons_with_counter_clockwise_shells(clockwise: bool) -> None:
    shell = LinearRing(SQUARE.exterior.coords)
    polygon = Polygon(shell.reverse() if clockwise == shell.is_ccw else shell)
    final, problem = kind_of(polygon, "polygon")
    assert (final.geom_type, problem) == ("MultiPolygon", None)
    assert final.geoms[0].exterior.is_ccw


def test_holes_run_clockwise_as_geojson_wants() -> None:
    hole = list(box(105.02, 21.02, 105.05, 21.05).exterior.coords)
    for ring in (hole, hole[::-1]):
        final, _ = kind_of(Polygon(SQUARE.exterior.coords, [ring]), "polygon")
        assert not final.geoms[0].interiors[0].is_ccw


def test_a_multipoint_of_one_is_a_point() -> None:
    assert kind_of(MultiPoint([(105, 21)]), "point") == (Point(105, 21), None)


@pytest.mark.parametrize("geometry", [MultiPoint([(105, 21), (106, 21)]), LineString([(105, 21), (106, 21)]), SQUARE])
def test_what_is_no_single_point_does_not_fit_a_point_register(geometry: shapely.Geometry) -> None:
    assert kind_of(geometry, "point")[1] == "GEOM_TYPE"


@pytest.mark.parametrize("geometry", [LineString([(105, 21), (106, 21)]), Point(105, 21)])
def test_lines_and_points_do_not_fit_a_polygon_register(geometry: shapely.Geometry) -> None:
    assert kind_of(geometry, "polygon")[1] == "GEOM_TYPE"


def test_a_polygon_register_with_older_points_takes_points() -> None:
    assert kind_of(Point(105, 21), "polygon", points_too=True) == (Point(105, 21), None)


def test_a_polygon_that_crosses_itself_is_named_and_not_repaired_in_secret() -> None:
    final, problem = kind_of(BOWTIE, "polygon")
    assert problem == "GEOM_INVALID"
    assert shapely.area(final) == BOWTIE.area


def test_the_crossing_is_reported_with_its_place() -> None:
    assert explain_invalid(BOWTIE) == ("Self-intersection", [105.05, 21.05])


def test_a_fault_without_a_place_is_explained_without_one() -> None:
    assert explain_invalid(SQUARE) == ("Valid Geometry", None)


@pytest.mark.parametrize(
    "place", [(105.0, 91.0), (21.0, 105.0), (500_000.0, 2_000_000.0), (-105.0, 21.0), (119.0, 10.0)]
)
def test_places_outside_vietnam_are_named(place: tuple[float, float]) -> None:
    assert kind_of(Point(place), "point")[1] == "GEOM_OUTSIDE_VIETNAM"


def test_a_place_without_finite_coordinates_is_outside_vietnam() -> None:
    final, problems = as_kind(shapely.points([np.inf, 105.0], [np.inf, 21.0]), "point", points_too=False)
    assert problems.tolist() == ["GEOM_OUTSIDE_VIETNAM", None]
    assert final[1] == Point(105, 21)


@pytest.mark.parametrize("place", [(112.0, 16.5), (111.9, 8.6), (117.8, 7.2)])
def test_both_archipelagos_are_in_vietnam(place: tuple[float, float]) -> None:
    assert kind_of(Point(place), "point")[1] is None


def test_rows_without_geometry_have_no_problem_of_geometry() -> None:
    assert kind_of(None, "polygon") == (None, None)


@given(st.lists(PLACES, min_size=1))
def test_points_written_as_one_block_are_those_of_shapely(places: list[Point]) -> None:
    column = shapes(*places)
    expected = shapely.to_wkb(shapely.set_srid(column, 4326), hex=True, include_srid=True)
    assert [text.upper() for text in to_hex_ewkb(column).to_pylist()] == expected.tolist()


def test_postgis_reads_points_shapes_and_nothing(connection: Connection) -> None:
    for column in (shapes(Point(105.1, 21.2)), shapes(MultiPolygon([SQUARE]), Point(105.1, 21.2), None)):
        rows = connection.execute(
            text("SELECT ST_SRID(g), ST_AsBinary(g) FROM unnest(CAST(:texts AS text[])) t, CAST(t AS geometry) g"),
            {"texts": to_hex_ewkb(column).to_pylist()},
        ).all()
        assert [None if wkb is None else shapely.from_wkb(bytes(wkb)) for _, wkb in rows] == column.tolist()
        assert {srid for srid, _ in rows} <= {4326, None}

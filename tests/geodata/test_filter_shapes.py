"""Shapes of filters: moved to degrees with their edges where they were, boxes across the antimeridian, collections."""

from collections.abc import Callable

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from geodata.errors import ParameterError
from geodata.filter_shapes import in_degrees, moved, read_shape
from geodata.filtering import read_filter
from geodata.reference_systems import find_system, reference_systems
from tests.geodata.cql2_places import TOWNS, create_towns

Move = Callable[[shapely.Geometry], shapely.Geometry]
DEGREE_M = 111_320


def mover(name: str) -> Move:
    system = find_system(name)
    assert system is not None
    return system.read


VN2000, MERCATOR, LAT_LON = mover("EPSG:9210"), mover("EPSG:3857"), mover("EPSG:4326")
BOXES = {
    "a commune": (VN2000, shapely.box(590_000, 2_230_000, 600_000, 2_240_000)),
    "a country": (VN2000, shapely.box(100_000, 900_000, 900_000, 2_600_000)),
    "an edge across it": (VN2000, shapely.LineString([(100_000, 900_000), (900_000, 2_600_000), (120_000, 2_500_000)])),
    "a mercator diagonal": (MERCATOR, shapely.LineString([(11_000_000, 900_000), (12_300_000, 2_700_000)])),
    "an ocean": (MERCATOR, shapely.Polygon([(1e7, 0), (1.3e7, 1e5), (1.1e7, 3e6), (1e7, 0)])),
    "parts": (VN2000, shapely.GeometryCollection([
        shapely.Point(590_000, 2_230_000), shapely.MultiLineString([[(100_000, 1e6), (900_000, 1.2e6)], [(1e5, 1e6), (1e5, 1.1e6)]]),
        shapely.box(0, 0, 1e6, 1e6).difference(shapely.box(2e5, 2e5, 3e5, 3e5)),
    ])),
}  # fmt: skip


def off_edges_m(shape: shapely.Geometry, move: Move) -> float:
    """Return how far true edges lie from those of the moved shape at most, in metres."""
    there = moved(shape, move)
    lines = shapely.get_parts(shapely.get_parts(shape))
    rings = [
        shapely.boundary(line) if line.geom_type == "Polygon" else line for line in lines if line.geom_type != "Point"
    ]
    borders = shapely.union_all([
        shapely.boundary(part) if part.geom_type == "Polygon" else part for part in shapely.get_parts(shapely.get_parts(there))
    ])  # fmt: skip
    points = np.concatenate(
        [shapely.line_interpolate_point(ring, np.linspace(0, 1, 1001), normalized=True) for ring in rings]
    )
    places = move(shapely.MultiPoint(points.tolist()))
    return float(shapely.distance(shapely.get_parts(places), borders).max()) * DEGREE_M


@pytest.mark.parametrize("name", list(BOXES))
def test_edges_stay_within_a_metre_of_where_they_were(name: str) -> None:
    move, shape = BOXES[name]
    off_m = off_edges_m(shape, move)
    assert off_m <= 1
    assert shapely.get_num_coordinates(moved(shape, move)) <= 5_000
    assert moved(shape, move).is_valid


def test_without_more_vertices_an_edge_would_lie_elsewhere() -> None:
    shape = BOXES["a country"][1]
    middle = VN2000(shapely.Point(500_000, 2_600_000))
    assert shapely.distance(VN2000(shape).boundary, middle) * DEGREE_M > 1_000
    assert shapely.distance(moved(shape, VN2000).boundary, middle) * DEGREE_M < 1


def test_a_move_with_a_break_in_it_ends() -> None:
    def broken(shape: shapely.Geometry) -> shapely.Geometry:
        return shapely.transform(shape, lambda places: places + (places[:, :1] > 105.5) * [0.001, 0])

    there = moved(shapely.LineString([(105, 20), (106, 21)]), broken)
    assert 2 < shapely.get_num_coordinates(there) <= 5_000
    with pytest.raises(ParameterError, match="too large"):
        moved(shapely.Polygon([(-1.9e7, -1.5e7), (1.9e7, -1e7), (1e7, 1.5e7), (-1.9e7, -1.5e7)]), MERCATOR)


def test_what_stays_straight_gets_no_more_vertices() -> None:
    for move, shape in ((LAT_LON, shapely.box(8, 102, 24, 110)), (MERCATOR, shapely.box(11e6, 1e6, 12e6, 2e6))):
        assert shapely.get_num_coordinates(moved(shape, move)) == 5
    assert shapely.get_num_coordinates(moved(shapely.Point(600_000, 2_200_000), VN2000)) == 1


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(3e5, 7e5), st.floats(9e5, 2.6e6)), min_size=2, max_size=6))
def test_any_line_stays_within_a_metre(places: list[tuple[float, float]]) -> None:
    line = shapely.LineString(places)
    assume(line.length > 1)
    assert off_edges_m(line, VN2000) <= 1


def test_a_filter_in_another_system_finds_the_same(connection: Connection) -> None:
    towns = create_towns(connection)
    corners = (11131949.08, 1689200.14, 12245143.99, 2511525.23)  # 100 E 15 N, 110 E 22 N
    texts: list[tuple[str, Move | None]] = [
        ("S_WITHIN(geometry, BBOX(100,15,110,22))", None),
        ("S_WITHIN(geometry, BBOX({},{},{},{}))".format(*corners), MERCATOR),
        ("S_WITHIN(geometry, POLYGON((15 100, 22 100, 22 110, 15 110, 15 100)))", LAT_LON),
        ("S_WITHIN(geometry, BBOX(15,100,22,110))", LAT_LON),
    ]
    for text, move in texts:
        condition = read_filter(TOWNS, text, to_wgs84=move).condition(towns, by_index=False)
        names = connection.scalars(towns.select().with_only_columns(towns.c.name).where(condition))
        assert set(names) == {"Hà Nội", "Đà Nẵng"}


@pytest.mark.parametrize("name", list(reference_systems()))
def test_a_shape_in_each_system_of_answers_is_the_one_that_is_meant(name: str) -> None:
    system = reference_systems()[name]
    meant = shapely.Polygon([(105.8, 21), (105.9, 21.01), (105.87, 21.06)])
    (written,) = system.written(np.array([meant]))
    tree = read_filter(TOWNS, f"S_WITHIN(geometry, {written.wkt})", to_wgs84=system.read).tree
    assert shapely.hausdorff_distance(read_shape(tree["args"][1]), meant, densify=0.01) * DEGREE_M < 1


def test_the_same_numbers_in_two_systems_are_two_filters() -> None:
    """Tiles are kept by the tree."""
    text = "S_WITHIN(geometry, BBOX(8,8,24,24))"
    assert read_filter(TOWNS, text).tree != read_filter(TOWNS, text, to_wgs84=MERCATOR).tree


def test_metres_are_refused_in_degrees_and_degrees_of_the_world_only_are_taken() -> None:
    text = "S_WITHIN(geometry, POINT(600000 2200000))"
    assert read_filter(TOWNS, text, to_wgs84=VN2000)
    with pytest.raises(ParameterError, match="longitude and latitude"):
        read_filter(TOWNS, text)
    with pytest.raises(ParameterError, match="longitude and latitude"):
        read_filter(TOWNS, text.replace("600000", "6e12"), to_wgs84=VN2000)


def test_vertices_are_counted_as_they_are_written() -> None:
    places = ",".join(f"{n % 9} {n % 7}" for n in range(999))
    text = f"S_TOUCHES(geometry, LINESTRING({places}))"
    assert read_filter(TOWNS, text, to_wgs84=MERCATOR)
    with pytest.raises(ParameterError, match="1000 vertices"):
        read_filter(TOWNS, text.replace("))", ", 5 5, 6 7))"), to_wgs84=MERCATOR)


def test_a_box_across_the_antimeridian_is_two() -> None:
    shape = read_shape(in_degrees({"bbox": [150, -90, -150, 90]}, None))
    assert shape.equals(shapely.union(shapely.box(150, -90, 180, 90), shapely.box(-180, -90, -150, 90)))
    with pytest.raises(ParameterError, match="bbox takes west"):
        in_degrees({"bbox": [150, -90, -150, 90]}, MERCATOR)


def test_a_collection_of_one_kind_is_one_shape() -> None:
    points = {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [n, n]} for n in (1, 2)]}
    assert read_shape(in_degrees(points, None)).equals(shapely.MultiPoint([(1, 1), (2, 2)]))
    points["geometries"].append({"type": "LineString", "coordinates": [[0, 0], [1, 2]]})  # type: ignore[attr-defined]
    assert read_shape(in_degrees(points, None)).geom_type == "GeometryCollection"

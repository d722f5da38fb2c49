"""A sample of a file's places is even over the whole file, finite and small."""

import numpy as np
import pyarrow as pa
import pytest
import shapely

from geodata.importing.sampling import MOST, take_sample


def batch(shapes: list[shapely.Geometry | None], codes: list[str | None] | None = None) -> pa.RecordBatch:
    wkb = pa.array([None if shape is None else shape.wkb for shape in shapes], pa.binary())
    return pa.record_batch({"_wkb": wkb, "ma_xa": pa.array(codes or [None] * len(shapes), pa.string())})


def points(first: int, count: int) -> pa.RecordBatch:
    return batch([shapely.Point(number, 0) for number in range(first, first + count)])


@pytest.mark.parametrize(("count", "size"), [(1, 7), (1999, 100), (2000, 300), (4001, 4001), (30_000, 999)])
def test_points_come_evenly_from_the_whole_file_whatever_its_batches(count: int, size: int) -> None:
    batches = (points(first, min(size, count - first)) for first in range(0, count, size))
    found = take_sample(batches).coordinates[:, 0]
    assert len(found) <= MOST
    assert len(found) >= min(count, MOST // 2)
    assert found[0] == 0
    assert found[-1] >= count - 1 - 2 * count / len(found)
    steps = np.diff(found)
    assert len(steps) == 0 or (steps.min() > 0 and steps.max() <= 3 * max(1, count / len(found)))


def test_one_outline_is_told_by_vertices_all_around_it() -> None:
    circle = shapely.Point(0, 0).buffer(1, quad_segs=500)
    found = take_sample([batch([circle])]).coordinates
    assert 32 <= len(found) <= 64
    angles = np.sort(np.arctan2(found[:, 1], found[:, 0]))
    assert np.diff(angles).max() < 0.25


def test_each_place_keeps_the_commune_of_its_row() -> None:
    shapes = [shapely.Point(1, 1), None, shapely.box(5, 5, 6, 6), shapely.Point(9, 9)]
    found = take_sample([batch(shapes, ["a", "b", "c", None])], "ma_xa")
    by_code = {code: {tuple(place) for place in found.coordinates[found.codes == code]} for code in ("a", "c")}
    assert by_code == {"a": {(1, 1)}, "c": {(5, 5), (5, 6), (6, 5), (6, 6)}}
    assert found.codes[-1] is None


def test_what_is_no_number_is_left_out() -> None:
    found = take_sample([batch([shapely.Point(float("inf"), 1), shapely.Point(float("nan"), 1), shapely.Point(1, 2)])])
    assert found.coordinates.tolist() == [[1, 2]]


def test_a_file_without_places_has_an_empty_sample() -> None:
    assert len(take_sample([batch([None, None])])) == 0
    assert len(take_sample([])) == 0

"""Shapefiles: shapes beside records, broken records, rings sorted into polygons."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from geodata.importing.context import ReaderLimits
from geodata.importing.results import UnreadableFileError
from geodata.importing.rings import nest_rings
from geodata.importing.sandbox import read_upload
from tests.geodata.importing.files import GEOMETRIES, codes, read, shapefile, table, values, wkt, zipped


@pytest.mark.parametrize("kind", GEOMETRIES)
def test_shapefiles_written_by_gdal_come_back_equal(tmp_path: Path, kind: str) -> None:
    geometries = GEOMETRIES[kind]
    path = shapefile(tmp_path / "s", table(geometries, n=list(range(len(geometries)))))
    result = read_upload(path, tmp_path / "work", original_name="a.shp")
    found = [None if wkb is None else shapely.from_wkb(wkb) for wkb in values(result, "_wkb")]
    assert values(result, "n") == [str(n) for n in range(len(geometries))]
    for ours, theirs in zip(found, geometries, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or ours.normalize().equals_exact(shapely.force_2d(theirs).normalize(), 0)
    assert codes(result) == (["Z_DROPPED"] if kind.endswith("Z") else [])


def test_more_shapes_than_records_and_the_reverse(tmp_path: Path) -> None:
    long = shapefile(tmp_path / "long", table([shapely.Point(n, n) for n in range(3)], n=[1, 2, 3]))
    short = shapefile(tmp_path / "short", table([shapely.Point(n, n) for n in range(2)], n=[8, 9]))
    (tmp_path / "a").mkdir()
    shutil.copy(long, tmp_path / "a" / "x.shp")
    shutil.copy(short.with_suffix(".dbf"), tmp_path / "a" / "x.dbf")
    result = read(tmp_path, zipped(tmp_path / "a"), "a.zip")
    assert (values(result, "n"), codes(result)) == (["8", "9", None], ["SHP_DBF_COUNT"])
    (tmp_path / "b").mkdir()
    shutil.copy(short, tmp_path / "b" / "x.shp")
    shutil.copy(long.with_suffix(".dbf"), tmp_path / "b" / "x.dbf")
    result = read(tmp_path, zipped(tmp_path / "b"), "b.zip")
    assert (values(result, "n"), values(result, "_problem")) == (["1", "2", "3"], [None, None, "GEOM_NULL"])


def test_deleted_records_are_left_out_with_their_shapes(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.Point(n, n) for n in range(3)], n=[1, 2, 3]))
    with path.with_suffix(".dbf").open("r+b") as file:
        header, record = struct.unpack("<HH", (file.seek(8), file.read(4))[1])
        file.seek(header + record)
        file.write(b"*")
    result = read_upload(path, tmp_path / "work", original_name="a.shp")
    assert (values(result, "_row"), values(result, "n"), wkt(result)) == (
        [1, 3],
        ["1", "3"],
        ["POINT (0 0)", "POINT (2 2)"],
    )
    assert codes(result) == ["DBF_DELETED"]


def test_points_that_are_not_finite_are_reported(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.Point(n, n) for n in range(3)], n=[1, 2, 3]))
    with path.open("r+b") as file:
        file.seek(100 + 28 + 12)
        file.write(struct.pack("<d", float("nan")))
    result = read_upload(path, tmp_path / "work", original_name="a.shp")
    assert values(result, "_problem") == [None, "GEOM_NOT_FINITE", None]


def test_a_record_with_too_many_vertices_is_skipped_without_reading_it(tmp_path: Path) -> None:
    lines = [
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.LineString(np.random.default_rng(1).random((5000, 2))),
        shapely.LineString([(2, 2), (3, 3)]),
    ]
    path = shapefile(tmp_path / "s", table(lines, n=[1, 2, 3]))
    result = read_upload(path, tmp_path / "work", original_name="a.shp", limits=ReaderLimits(max_vertices=1000))
    assert values(result, "_problem") == [None, "GEOM_TOO_MANY_VERTICES", None]
    assert wkt(result)[2] == "LINESTRING (2 2, 3 3)"


def test_a_cut_shp_is_refused(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.box(n, n, n + 1, n + 1) for n in range(9)], n=list(range(9))))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UnreadableFileError, match="SHP_BROKEN"):
        read_upload(path, tmp_path / "work", original_name="a.shp")


def ring(*corners: tuple[float, float]) -> NDArray[np.float64]:
    return np.array([*corners, corners[0]], np.float64)


def box_ring(low: float, high: float, *, clockwise: bool) -> NDArray[np.float64]:
    corners = [(low, low), (low, high), (high, high), (high, low)]
    return ring(*(corners if clockwise else corners[::-1]))


def test_holes_go_to_the_smallest_ring_around_them() -> None:
    rings = [box_ring(0, 20, clockwise=True), box_ring(1, 19, clockwise=False)]
    rings += [box_ring(2, 18, clockwise=True), box_ring(3, 17, clockwise=False)]
    assert nest_rings(rings) == [[0, 1], [2, 3]]
    assert nest_rings(rings[::-1]) == [[1, 0], [3, 2]]


def test_a_hole_without_a_ring_around_it_is_a_polygon() -> None:
    assert nest_rings([box_ring(0, 1, clockwise=True), box_ring(5, 6, clockwise=False)]) == [[0], [1]]


def test_rings_that_all_run_the_wrong_way_are_nested_by_containment() -> None:
    rings = [box_ring(low, 20 - low, clockwise=False) for low in (0, 1, 2)]
    assert nest_rings(rings) == [[0, 1], [2]]


def test_a_hole_that_touches_its_ring_is_still_its_hole() -> None:
    outer = ring((0, 0), (0, 10), (10, 10), (10, 0))
    touching = ring((0, 5), (3, 4), (3, 6))
    assert nest_rings([outer, touching]) == [[0, 1]]

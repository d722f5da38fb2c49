"""Shapes that would keep the reader or the checks busy for minutes are rejected with a code, each in a moment."""

import json
import time
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from geodata.crs import Floats
from geodata.db import SYSTEM
from geodata.importing import overlapping
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.file_places import FilePlaces
from geodata.importing.report import Report
from geodata.importing.rings import nest_rings
from geodata.importing.shape_repairs import mend
from geodata.importing.tangles import crossings, is_tangled
from geodata.importing.wkb import MOST_RINGS, GeometryProblemError, read_wkb
from geodata.registers import get_register
from tests.geodata.importing.files import table
from tests.geodata.importing.test_candidates import UNITS, WEST

LAND = shapely.box(105.38, 20.48, 105.42, 20.52)


def pierced(count: int) -> shapely.Geometry:
    """Draw an area with triangular holes in rows."""
    side = int(np.ceil(np.sqrt(count)))
    step = 0.04 / side
    corners = np.array([[0.2, 0.2], [0.2, 0.7], [0.7, 0.7]]) * step
    places = np.array([[105.38 + step * (at % side), 20.48 + step * (at // side)] for at in range(count)])
    holes = list(corners + places[:, None])
    return shapely.Polygon(LAND.exterior.coords, holes)


def scribble(count: int) -> shapely.Geometry:
    """Draw a ring that crosses itself about count² / 4 times."""
    return shapely.Polygon(np.random.default_rng(5).uniform((105.38, 20.48), (105.42, 20.52), (count, 2)))


def checked(tmp_path: Path, kind: str, shape: shapely.Geometry) -> tuple[Report, float]:
    frame = table([shape, LAND], ma_vung=["a", "b"], ma_xa=[WEST] * 2)
    path = tmp_path / f"f.{kind}"
    if kind == "geojson":
        features = [
            {"type": "Feature", "properties": {"ma_xa": WEST}, "geometry": shapely.geometry.mapping(one)}
            for one in frame.geometry
        ]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    else:
        pyogrio.write_dataframe(frame, path)
    started = time.monotonic()
    request = ImportRequest(path, path.name, get_register("villages"), SYSTEM)
    report = check_file(request, UNITS, tmp_path / "work", NoSink())
    return report, time.monotonic() - started


@pytest.mark.parametrize("kind", ["geojson", "gpkg", "shp"])
def test_an_area_of_20000_holes_is_rejected_alone_and_at_once(tmp_path: Path, kind: str) -> None:
    report, seconds = checked(tmp_path, kind, pierced(20_000))
    assert report.counts["GEOM_TOO_MANY_RINGS"] == 1
    assert (report.read, seconds < 5) == (2, True)


def test_a_thousand_holes_are_as_good_as_one(tmp_path: Path) -> None:
    report, _ = checked(tmp_path, "shp", pierced(1_000))
    assert "GEOM_TOO_MANY_RINGS" not in report.counts


@pytest.mark.parametrize("count", [1_000, 30_000])
def test_a_scribble_is_rejected_without_being_mended(tmp_path: Path, count: int) -> None:
    report, seconds = checked(tmp_path, "gpkg", scribble(count))
    assert report.counts["GEOM_SELF_CROSSING"] == 1
    assert (report.read, seconds < 10) == (2, True)


def test_a_scribble_is_known_as_one_part_of_an_area_too() -> None:
    assert is_tangled(shapely.MultiPolygon([scribble(200), LAND]))


@pytest.mark.parametrize("count", [20, 25])
def test_areas_that_cross_themselves_now_and_then_are_still_mended(count: int) -> None:
    assert not is_tangled(scribble(count))
    assert mend(scribble(count), None, get_register("villages")) is not None


def test_crossings_are_counted_where_lines_are_few_and_estimated_where_they_are_many() -> None:
    def rays(count: int, *, upright: bool) -> Floats:
        at, nought, one = np.linspace(0.1, 0.9, count), np.zeros(count), np.ones(count)
        return np.column_stack([at, nought, at, one] if upright else [nought, at, one, at])

    assert crossings(rays(7, upright=True), rays(11, upright=False)) == 77
    assert crossings(rays(9_000, upright=True), rays(9_000, upright=False)) == pytest.approx(81e6, rel=0.01)
    assert crossings(rays(9_000, upright=True), rays(9_000, upright=True)) == 0


def test_rings_nested_thousands_deep_are_given_up_in_a_moment() -> None:
    square = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1], [0, 0]]) - 0.5
    started = time.monotonic()
    with pytest.raises(GeometryProblemError, match="GEOM_TOO_MANY_RINGS"):
        nest_rings([square * size for size in range(1, MOST_RINGS)])
    assert time.monotonic() - started < 5
    assert len(nest_rings([square * size for size in range(1, 101)])) == 50


def test_as_many_rings_as_are_allowed_are_read() -> None:
    assert read_wkb(pierced(MOST_RINGS - 1).wkb, 100_000)[1] is None
    assert read_wkb(pierced(MOST_RINGS).wkb, 100_000)[1] == "GEOM_TOO_MANY_RINGS"


def comb(teeth: int) -> shapely.Geometry:
    along = np.linspace(105.381, 105.419, teeth + 1)
    points = np.column_stack([along, np.where(np.arange(len(along)) % 2, 20.481, 20.519)])
    return shapely.Polygon([*points, (105.419, 20.4805), (105.381, 20.4805)])


def across(area: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(area, lambda places: places[:, ::-1] - [20.5 - 105.4, 105.4 - 20.5])


def compared(areas: list[shapely.Geometry]) -> tuple[Report, float]:
    """Look for overlaps among areas that are rows 1, 2, …"""
    places = FilePlaces(Report("villages"))
    places.add(np.array(areas, dtype=object), np.arange(1, len(areas) + 1))
    started = time.monotonic()
    places.finish()
    return places.report, time.monotonic() - started


@pytest.mark.parametrize("teeth", [1_000, 20_000])
def test_combs_that_lie_across_each_other_are_not_compared_and_that_is_said(teeth: int) -> None:
    report, seconds = compared([comb(teeth), across(comb(teeth)), LAND])
    assert seconds < 10
    assert report.counts["OVERLAPS_UNCHECKED"] == 1
    assert report.counts["GEOM_OVERLAP"] == 2


def test_many_small_combs_use_up_what_may_be_done_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlapping, "LEAST_WORK", 20_000)
    report, seconds = compared([shape for _ in range(30) for shape in (comb(100 + _), across(comb(100 + _)))])
    assert seconds < 10
    assert report.counts["OVERLAPS_UNCHECKED"] == 1


def test_thousands_of_areas_on_one_spot_are_told_of_once_each() -> None:
    report, seconds = compared([LAND] * 3_000)
    assert seconds < 10
    assert (report.counts, report.messages[0]["row"]) == ({"GEOM_DOUBLED": 2_999}, 2)


def test_areas_that_are_all_but_the_same_are_told_of_once_each() -> None:
    report, _ = compared([shapely.box(105.38 + at * 1e-6, 20.48, 105.42, 20.52) for at in range(60)])
    assert report.counts == {"GEOM_DOUBLED": 59}


def test_areas_about_one_spot_beyond_what_may_be_done_are_left_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlapping, "LEAST_WORK", 5_000)
    monkeypatch.setattr(overlapping, "WORK_OF_AREA", 0)
    report, _ = compared([shapely.box(105.38 + at * 1e-4, 20.48, 105.42 + at * 1e-4, 20.52) for at in range(300)])
    (said,) = (one for one in report.messages if one["code"] == "OVERLAPS_UNCHECKED")
    assert 50 < int(said["value"]) < 300

"""Coordinate systems of answers: names, axes, and that what came in as VN-2000 goes out with the same numbers."""

import numpy as np
import pyproj
import pytest
import shapely

from geodata.crs import VN2000_ZONES, from_epsg
from geodata.reference_systems import CRS84, ReferenceSystem, find_system, reference_systems

NAM_DINH = shapely.Point(106.25, 20.33)
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


@pytest.fixture(params=reference_systems().values(), ids=lambda system: system.uri.rpartition("/")[2])
def system(request: pytest.FixtureRequest) -> ReferenceSystem:
    found: ReferenceSystem = request.param
    return found


def test_crs84_comes_first_and_every_zone_of_vn2000_is_there() -> None:
    names = list(reference_systems())
    assert names[0] == CRS84
    assert {f"{EPSG}{code}" for code in (4326, 3857, 4756, *VN2000_ZONES)} == set(names[1:])


@pytest.mark.parametrize(
    "form", ["EPSG:{}", "[EPSG:{}]", "urn:ogc:def:crs:EPSG::{}", "http://www.opengis.net/def/crs/EPSG/0/{}"]
)
def test_a_system_is_found_by_each_of_its_names(system: ReferenceSystem, form: str) -> None:
    if not system.is_lon_lat:
        assert find_system(form.format(system.srid)) is system
    assert find_system(system.uri) is system


@pytest.mark.parametrize(
    "name", ["", "4326", "EPSG:", "EPSG:1", "EPSG:32648", "CRS83", f"{EPSG}9209/x", "EPSG:9209;no-shift"]
)
def test_other_names_are_no_systems(name: str) -> None:
    assert find_system(name) is None


def test_axes_come_in_the_order_of_the_authority(system: ReferenceSystem) -> None:
    axes = [axis.direction for axis in pyproj.CRS("OGC:CRS84" if system.is_lon_lat else system.srid).axis_info]
    assert axes == (["north", "east"] if system.is_latitude_first else ["east", "north"])
    first, second = shapely.get_coordinates(system.written(np.array([NAM_DINH], dtype=object))[0])[0]
    north, east = (first, second) if system.is_latitude_first else (second, first)
    assert (north == pytest.approx(20.33, abs=0.01)) if system.is_degrees else (2_200_000 < north < 2_320_000)
    assert (east == pytest.approx(106.25, abs=0.01)) if system.is_degrees else (0 < east < 12_000_000)


def test_a_shape_is_the_same_there_and_back(system: ReferenceSystem) -> None:
    area = NAM_DINH.buffer(0.01)
    again = system.read(system.written(np.array([area], dtype=object))[0])
    assert shapely.hausdorff_distance(again, area) < 2e-7


@pytest.mark.parametrize("code", VN2000_ZONES)
def test_what_came_in_as_vn2000_goes_out_with_the_same_numbers(code: int) -> None:
    numbers = np.array([[585_432.123, 2_245_678.456], [412_000.001, 1_154_321.999]])
    lon, lat = from_epsg(code).to_wgs84(*numbers.T)
    system = reference_systems()[f"{EPSG}{code}"]
    written = system.written(shapely.points(lon, lat))
    assert np.abs(shapely.get_coordinates(written) - numbers).max() < 1e-3


def test_no_shape_stays_no_shape(system: ReferenceSystem) -> None:
    written = system.written(np.array([None, NAM_DINH], dtype=object))
    assert written[0] is None
    assert written[1] is not None


def test_the_sides_of_a_box_of_a_grid_stay_straight_there() -> None:
    system = reference_systems()[f"{EPSG}3405"]
    area = system.read_box((300_000, 1_900_000, 700_000, 2_300_000))
    along = shapely.Point(500_000, 2_300_000 - 0.5), shapely.Point(500_000, 2_300_000 + 0.5)
    inside, outside = (shapely.contains(area, system.read(point)) for point in along)
    assert (inside, outside) == (True, False)

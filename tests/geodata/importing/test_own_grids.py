"""Grids that only the file has, held against what they are easily mistaken for."""

import numpy as np
import pyproj
import pytest

from geodata.crs import Floats, SourceCrs, from_epsg, from_wkt, grid_from_wgs84, vn2000, without_shift
from geodata.importing.candidates import rank, trap_between
from tests.geodata.importing.test_candidates import HERE, houses, written

MIDDLE = houses(60, within=0.7)
OWN_MERIDIAN = vn2000(105.25, 0.9999)


def in_grid(crs: SourceCrs, places: Floats) -> Floats:
    return np.column_stack(grid_from_wgs84(crs, *places.T))


@pytest.mark.parametrize("scale", [0.9999, 0.9996])
@pytest.mark.parametrize("is_shifted", [True, False])
def test_a_meridian_of_the_file_s_own_is_held_against_its_twin(scale: float, is_shifted: bool) -> None:
    own = vn2000(105.25, scale)
    truth = own if is_shifted else without_shift(own)
    assert not rank(in_grid(truth, MIDDLE), own, HERE).is_certain
    ranking = rank(in_grid(truth, houses()), own, HERE)
    assert (ranking.fits[0].crs.choice, ranking.refutes_stated) == (truth.choice, not is_shifted)


def test_a_meridian_of_the_file_s_own_may_have_its_axes_swapped() -> None:
    ranking = rank(in_grid(OWN_MERIDIAN, houses())[:, ::-1], OWN_MERIDIAN, HERE)
    assert (ranking.fits[0].crs.choice, ranking.refutes_stated) == ("VN2000:105.25,0.9999;swapped", True)


def test_nothing_is_certain_of_a_grid_that_has_no_twin_here() -> None:
    wkt = pyproj.CRS.from_epsg(9209).to_wkt("WKT1_ESRI").replace("500000.0", "400000.0")
    moved = written("EPSG:9209") - np.array([100_000.0, 0])
    assert not rank(moved, from_wkt(wkt), HERE).is_certain


@pytest.mark.parametrize(("stated", "trap"), [(3405, "no_datum_shift"), (3148, None)])
def test_only_vn2000_and_wgs84_are_each_other_s_trap(stated: int, trap: str | None) -> None:
    assert trap_between(from_epsg(32648), from_epsg(stated)) == trap

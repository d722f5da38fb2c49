"""The parts of the benchmark that could mislead it without anybody noticing."""

from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely

from geodata.geometry import Geometries
from tests.benchmarks.cases import connections_for
from tests.benchmarks.data import Tiles
from tests.benchmarks.fields import FEWEST_POINTS, MOST_POINTS, write_fields
from tests.benchmarks.load import Run, write_pgbench_script
from tests.benchmarks.rows import Comparison

COUNT = 400


# Two neighbours, one of them bent around the other.
OUTLINES = {
    "37001": shapely.Polygon([(105.9, 20.2), (106.0, 20.2), (106.0, 20.22), (105.92, 20.22), (105.92, 20.3), (105.9, 20.3)]),
    "37002": shapely.box(105.92, 20.22, 106.0, 20.3),
}  # fmt: skip


@pytest.fixture(scope="module")
def communes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ground") / "communes.gpkg"
    frame = geopandas.GeoDataFrame({"code": list(OUTLINES)}, geometry=list(OUTLINES.values()), crs="EPSG:4326")
    pyogrio.write_dataframe(frame, path, layer="communes", driver="GPKG")
    return path


def fields_of(communes: Path, name: str, seed: int) -> tuple[Geometries, list[str]]:
    path = communes.parent / name
    write_fields(communes, COUNT, path, seed=seed)
    frame = pyogrio.read_dataframe(path)
    return frame.geometry.to_numpy(), frame["ma_xa"].to_list()


def test_fields_lie_side_by_side_inside_their_communes(communes: Path) -> None:
    fields, codes = fields_of(communes, "a.gpkg", 1)
    assert len(fields) == COUNT
    assert set(codes) == set(OUTLINES)
    assert all(OUTLINES[code].contains(field) for field, code in zip(fields, codes, strict=True))
    one, other = shapely.STRtree(fields).query(fields, predicate="intersects")
    assert np.array_equal(one, other)


def test_fields_have_as_many_points_as_wanted_and_other_ones_with_another_seed(communes: Path) -> None:
    first, again, others = (
        fields_of(communes, name, seed)[0] for name, seed in (("a.gpkg", 1), ("b.gpkg", 1), ("c.gpkg", 2))
    )
    sizes = shapely.get_num_coordinates(first) - 1
    assert sizes.min() >= FEWEST_POINTS
    assert sizes.max() <= MOST_POINTS
    assert sizes.max() > 3 * sizes.min()
    assert shapely.equals_exact(first, again, 0).all()
    assert not shapely.equals_exact(first, others, 0).any()


@pytest.mark.parametrize(("tiles", "connections"), [(1, 1), (2, 1), (10, 2), (31, 7), (1204, 16)])
def test_few_tiles_are_asked_for_over_few_connections(tiles: int, connections: int) -> None:
    many = Tiles(14, [(n, 0) for n in range(2000)])
    assert connections_for(many, Tiles(8, [(n, 0) for n in range(tiles)])) == connections


def test_tiles_of_a_lower_zoom_are_those_that_hold_the_others() -> None:
    assert sorted(Tiles(14, [(16, 33), (31, 47), (32, 33)]).above(10).addresses) == [(1, 2), (2, 2)]


@pytest.mark.parametrize(("rates", "is_met"), [([70, 90, 10], True), ([69, 90, 10], False)])
def test_a_goal_is_judged_by_the_median_of_the_ratios(rates: list[float], is_met: bool) -> None:
    runs = {"bandoso z14": [Run(rate) for rate in rates], "pgbench z14": [Run(100)] * 3}
    assert Comparison(runs).row("z14", "bandoso z14", "pgbench z14", 0.7).is_met is is_met


def test_a_peer_that_is_not_there_is_told_and_not_judged() -> None:
    row = Comparison({"bandoso z14": [Run(100)]}).row("z14", "bandoso z14", "martin z14", 1.0)
    assert (row.other, row.is_met) == ("no martin on this machine", None)


def test_the_script_for_pgbench_asks_for_every_tile_of_the_list(tmp_path: Path) -> None:
    tiles = [(13_001, 7_202), (13_002, 7_203), (13_003, 7_204)]
    script = write_pgbench_script(tmp_path / "z14.pgbench", "SELECT $1::int, $2::int", tiles).read_text()
    for x, y in tiles:
        assert str(x * (1 << 14) + y) in script
    assert script.endswith("SELECT :x::int, :y::int;\n")

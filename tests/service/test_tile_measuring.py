"""What is measured of tiles: a fair choice of them."""

import pytest
from sqlalchemy import Connection, text

from geodata.registers import get_register
from tiles.grid import HALF_WORLD_M
from tiles.measuring import FULLEST, SAMPLE, _sample

LAYER = "tourism_points"


@pytest.mark.parametrize("count", [0, 1, 5, 6, 16, 19, 20, 21, 29, 31, 100])
def test_the_sample_has_the_fullest_tiles_and_others_evenly_spread(connection: Connection, count: int) -> None:
    """Records in a row of tiles: one each, but in the last ones, the more the further east."""
    z, first = 14, 12_000
    values = {"first": first, "count": count, "side": 2 * HALF_WORLD_M / (1 << z), "half": HALF_WORLD_M}
    row = """INSERT INTO reg.tourism_points_tile (id, name, point)
        SELECT 9000000 + n * 100 + again, 'x', ST_Point((:first + n + 0.5) * :side - :half, 100, 3857)
        FROM generate_series(0, :count - 1) n, generate_series(0, greatest(n - (:count - 6), 0)) again"""
    connection.execute(text(row), values)
    tiles, sample = _sample(connection, get_register(LAYER), z)
    columns = [address.x - first for address in sample]
    fullest = list(range(count - 1, max(count - 1 - FULLEST, -1), -1))
    assert tiles == count
    assert len(columns) == len(set(columns)) == min(count, SAMPLE)
    assert columns[: len(fullest)] == fullest
    others = columns[len(fullest) :]
    gaps = [after - before for before, after in zip([-1, *others], others, strict=False)]
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert not others or others[-1] == count - 1 - FULLEST

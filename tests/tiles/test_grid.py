"""Addresses of tiles: what is one, and how large it is on the ground."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.errors import ParameterError
from geodata.register import MAX_ZOOM
from tiles.grid import HALF_WORLD_M, TileAddress, parse_tile

ADDRESSES = st.integers(0, MAX_ZOOM).flatmap(
    lambda z: st.tuples(st.just(z), st.integers(0, (1 << z) - 1), st.integers(0, (1 << z) - 1))
)


@given(ADDRESSES)
def test_every_tile_of_the_matrix_set_has_an_address(address: tuple[int, int, int]) -> None:
    assert parse_tile(*map(str, address)) == TileAddress(*address)


@given(ADDRESSES, st.sampled_from([1, 2]))
def test_what_lies_beside_the_matrix_of_its_zoom_is_refused(address: tuple[int, int, int], axis: int) -> None:
    parts = list(map(str, address))
    parts[axis] = str(1 << address[0])
    with pytest.raises(ParameterError) as refusal:
        parse_tile(*parts)
    assert refusal.value.detail["name"] == "xy"[axis - 1]


@pytest.mark.parametrize("part", ["", "-1", "+1", "1.0", "1e0", " 1", "１", "٣", "x", "0x1", "1_0", "9" * 6, "9" * 400])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_only_plain_digits_are_a_number(part: str, axis: int) -> None:
    parts = ["3", "1", "1"]
    parts[axis] = part
    with pytest.raises(ParameterError) as refusal:
        parse_tile(*parts)
    assert refusal.value.detail["name"] == "zxy"[axis]


def test_zooms_beyond_the_last_are_refused_with_the_last() -> None:
    with pytest.raises(ParameterError, match="14"):
        parse_tile("15", "0", "0")


def test_a_tile_is_half_as_wide_at_each_zoom() -> None:
    assert TileAddress(0, 0, 0).size_m == 2 * HALF_WORLD_M
    assert TileAddress(14, 0, 0).size_m == pytest.approx(2445.985, abs=0.001)

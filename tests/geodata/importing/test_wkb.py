"""WKB of every flavour, lying WKB, and arcs."""

import struct

import numpy as np
import pytest
import shapely

from geodata.importing.wkb import read_wkb

LIMIT = 1000


@pytest.mark.parametrize("order", ["<", ">"])
def test_wkb_of_any_order_and_dimension_is_read(order: str) -> None:
    for text in (
        "POINT Z (1 2 3)",
        "LINESTRING ZM (0 0 1 2, 1 1 3 4)",
        "MULTIPOLYGON Z (((0 0 1, 0 1 1, 1 1 1, 0 0 1)))",
    ):
        geometry = shapely.from_wkt(text)
        for flavour in ("iso", "extended"):
            data = shapely.to_wkb(geometry, byte_order=int(order == "<"), flavor=flavour)
            wkb, problem = read_wkb(data, LIMIT)
            assert problem is None
            assert shapely.from_wkb(wkb).wkt == shapely.force_2d(geometry).wkt


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "GEOM_UNREADABLE"),
        (b"\1\1\0\0\0", "GEOM_UNREADABLE"),
        (struct.pack("<BII", 1, 2, 0), "GEOM_EMPTY"),
        (struct.pack("<BII", 1, 2, 0xFFFFFFFF), "GEOM_UNREADABLE"),
        (struct.pack("<BII", 1, 7, 1) * 100_000, "GEOM_COLLECTION"),
        (struct.pack("<BII", 1, 12, 1) * 100_000, "GEOM_UNREADABLE"),
        (struct.pack("<BII", 1, 15, 1), "GEOM_TYPE"),
        (struct.pack("<BIdd", 1, 1, float("inf"), 0), "GEOM_NOT_FINITE"),
        (shapely.to_wkb(shapely.LineString(np.zeros((1001, 2)))), "GEOM_TOO_MANY_VERTICES"),
    ],
)
def test_lying_wkb_is_coded(data: bytes, problem: str) -> None:
    assert read_wkb(data, LIMIT) == (None, problem)


def test_arcs_become_lines_close_to_the_circle() -> None:
    full = struct.pack("<BII6d", 1, 8, 3, 1, 0, -1, 0, 1, 0)
    wkb, problem = read_wkb(full, LIMIT)
    circle = shapely.from_wkb(wkb)
    assert problem is None
    assert circle.is_closed
    assert abs(circle.length - 2 * np.pi) < 0.01
    half = shapely.from_wkb(read_wkb(struct.pack("<BII6d", 1, 8, 3, 0, 0, 1, 1, 2, 0), LIMIT)[0])
    assert abs(half.length - np.pi) < 0.01
    assert half.coords[0] == (0, 0)
    assert half.coords[-1] == (2, 0)

"""Whether the tiles that are compared in speed show the same things."""

import urllib.request
from collections.abc import Sequence
from typing import Any

import mapbox_vector_tile

_EXTENT = 4096


def same_points(ours: Sequence[str], theirs: Sequence[str]) -> tuple[int, int]:
    """Compare tiles of two servers pairwise by the ids and places of the points inside them.

    A tile's outermost unit and its buffer are left out: the buffers differ in width.

    Returns
    -------
    tuple of int
        Points that both show within one unit of each other, and points that either shows.
    """
    agreed = total = 0
    for mine, peer in zip(ours, theirs, strict=True):
        left, right = _points(mine), _points(peer)
        total += len(left.keys() | right.keys())
        agreed += sum(_is_near(left[id_], right[id_]) for id_ in left.keys() & right.keys())
    return agreed, total


def _points(url: str) -> dict[int, tuple[float, float]]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        layers: dict[str, Any] = mapbox_vector_tile.decode(answer.read(), default_options={"y_coord_down": True})
    found = {}
    for layer in layers.values():
        for feature in layer["features"]:
            across, down = feature["geometry"]["coordinates"]
            if 0 < across < _EXTENT - 1 and 0 < down < _EXTENT - 1:
                # tipg gives the key as an attribute, the product as the feature's own id.
                found[feature["properties"].get("id", feature.get("id"))] = (across, down)
    return found


def _is_near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= 1

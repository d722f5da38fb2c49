"""Whether the tiles that are compared in speed show the same things."""

import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

import mapbox_vector_tile

_EXTENT = 4096

Box = tuple[float, float, float, float]


def same_features(ours: Sequence[str], theirs: Sequence[str]) -> tuple[int, int]:
    """Compare tiles of two servers pairwise by the ids and places of their features.

    A tile's outermost unit and its buffer are left out: the buffers differ in width. Of a feature that goes beyond them
    only the id is compared.

    Returns
    -------
    tuple of int
        Features that both show, within one unit of each other, and features that either shows.
    """
    agreed = total = 0
    for mine, peer in zip(ours, theirs, strict=True):
        left, right = _features(mine), _features(peer)
        total += len(left.keys() | right.keys())
        agreed += sum(_is_near(left[id_], right[id_]) for id_ in left.keys() & right.keys())
    return agreed, total


def _features(url: str) -> dict[int, Box]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        layers: dict[str, Any] = mapbox_vector_tile.decode(answer.read(), default_options={"y_coord_down": True})
    found = {}
    for layer in layers.values():
        for feature in layer["features"]:
            box = _box(feature["geometry"]["coordinates"])
            if max(box[:2]) < _EXTENT - 1 and min(box[2:]) > 0:
                # tipg gives the key as an attribute, the others as the feature's own id.
                found[feature["properties"].get("id", feature.get("id"))] = box
    return found


def _box(coordinates: Any) -> Box:
    across, down = zip(*_places(coordinates), strict=True)
    return min(across), min(down), max(across), max(down)


def _places(coordinates: Any) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates[0], (int, float)):
        yield coordinates[0], coordinates[1]
    else:
        for part in coordinates:
            yield from _places(part)


def _is_near(one: Box, other: Box) -> bool:
    is_inside = min(*one, *other) > 0 and max(*one, *other) < _EXTENT - 1
    return not is_inside or max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 1

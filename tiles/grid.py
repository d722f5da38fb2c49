"""Tile arithmetic in the WebMercatorQuad matrix set (EPSG:3857, 256-pixel tiles, z up to 14)."""

import re
from typing import NamedTuple

from geodata.drawing import BUFFER, EXTENT, HALF_WORLD_M
from geodata.errors import ParameterError
from geodata.register import MAX_ZOOM

__all__ = ["BUFFER", "EXTENT", "HALF_WORLD_M", "TileAddress", "parse_tile"]

_WHOLE = re.compile(r"0|[1-9][0-9]{0,4}")


class TileAddress(NamedTuple):
    """A tile of the WebMercatorQuad set."""

    z: int
    x: int
    y: int

    @property
    def size_m(self) -> float:
        """Length of the tile's side, EPSG:3857 metres."""
        return 2 * HALF_WORLD_M / (1 << self.z)


def parse_tile(z: str, x: str, y: str) -> TileAddress:
    """Read a tile address from the parts of a path.

    Raises
    ------
    ParameterError
        When a part is not a plain number or lies outside the matrix.
    """
    numbers = {}
    for name, text in (("z", z), ("x", x), ("y", y)):
        if not _WHOLE.fullmatch(text):
            raise ParameterError(name=name, why_vi="phải là số nguyên không âm.", why_en="it must be a whole number.")
        numbers[name] = int(text)
    if numbers["z"] > MAX_ZOOM:
        raise ParameterError(
            name="z", why_vi=f"mức phóng lớn nhất là {MAX_ZOOM}.", why_en=f"the largest zoom is {MAX_ZOOM}."
        )
    for name in ("x", "y"):
        if numbers[name] >= 1 << numbers["z"]:
            raise ParameterError(
                name=name, why_vi="nằm ngoài ma trận ô của mức này.", why_en="it is outside the zoom's tile matrix."
            )
    return TileAddress(numbers["z"], numbers["x"], numbers["y"])

"""Tile arithmetic in the WebMercatorQuad matrix set (EPSG:3857, 256-pixel tiles, z up to 14)."""

import re
from typing import NamedTuple

from geodata.drawing import BUFFER, EXTENT, HALF_WORLD_M
from geodata.errors import ParameterError
from geodata.register import MAX_ZOOM

__all__ = ["BUFFER", "EXTENT", "HALF_WORLD_M", "OGC_NAMES", "TileAddress", "parse_tile"]

OGC_NAMES = ("tileMatrix", "tileCol", "tileRow")
"""What OGC API - Tiles calls zoom, column and row."""

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


def parse_tile(z: str, x: str, y: str, *, names: tuple[str, str, str] = ("z", "x", "y")) -> TileAddress:
    """Read a tile address from the parts of a path.

    Parameters
    ----------
    z, x, y : str
    names : tuple of str
        What errors call them.

    Raises
    ------
    ParameterError
        When a part is not a plain number or lies outside the matrix.
    """
    numbers = []
    for name, text in zip(names, (z, x, y), strict=True):
        if not _WHOLE.fullmatch(text):
            raise ParameterError(name=name, why_vi="phải là số nguyên không âm.", why_en="it must be a whole number.")
        numbers.append(int(text))
    place = TileAddress(*numbers)
    if place.z > MAX_ZOOM:
        raise ParameterError(
            name=names[0], why_vi=f"mức phóng lớn nhất là {MAX_ZOOM}.", why_en=f"the largest zoom is {MAX_ZOOM}."
        )
    for name, number in zip(names[1:], place[1:], strict=True):
        if number >= 1 << place.z:
            raise ParameterError(
                name=name, why_vi="nằm ngoài phạm vi các ô của mức này.", why_en="it is outside the zoom's tile matrix."
            )
    return place

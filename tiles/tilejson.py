"""TileJSON 3.0 of one or several layers."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from geodata.features import BBox
from geodata.register import MAX_ZOOM, Field, Register

VIETNAM: BBox = (102.1, 6.5, 117.9, 23.5)
"""Bounds given while the data has none: Vietnam with both archipelagos."""


def tilejson(
    registers: Sequence[Register], *, url: str, version: str, bounds: BBox | None, language: str, attribution: str
) -> dict[str, Any]:
    """Describe the tiles of some layers.

    Parameters
    ----------
    url : str
        Template with ``{z}``, ``{x}``, ``{y}``; carries the version, so caches may keep tiles for ever.
    version : str
        Changes with every revision of any of the layers.
    bounds : tuple of float, optional
        West, south, east, north.
    """
    box = list(bounds or VIETNAM)
    return {
        "tilejson": "3.0.0",
        "name": ", ".join(register.title.in_language(language) for register in registers),
        "description": " ".join(register.description.in_language(language) for register in registers),
        "version": "1.0.0",
        "attribution": attribution,
        "scheme": "xyz",
        "tiles": [url],
        "minzoom": min(register.tile.min_zoom for register in registers),
        "maxzoom": MAX_ZOOM,
        "bounds": box,
        "center": [round((box[0] + box[2]) / 2, 5), round((box[1] + box[3]) / 2, 5), 10],
        "vector_layers": [_vector_layer(register, language) for register in registers],
        "bandoso:version": version,
    }


def _vector_layer(register: Register, language: str) -> dict[str, Any]:
    fields: Mapping[str, str] = {item.name: _type(item) for item in register.tile_fields}
    if register.tile.counts_below is not None:
        fields = {**fields, "count": "Number"}
    return {
        "id": register.id,
        "description": register.title.in_language(language),
        "minzoom": register.tile.min_zoom,
        "maxzoom": MAX_ZOOM,
        "fields": fields,
    }


def _type(item: Field) -> str:
    kinds: dict[type, str] = {int: "Number", float: "Number", bool: "Boolean", date: "String"}
    return kinds.get(item.column.type.python_type, "String")

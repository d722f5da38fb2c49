"""TileJSON 3.0 of one or several layers."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from geodata.derived import kind_columns
from geodata.matching import BBox
from geodata.register import MAX_ZOOM, Field, Label, Register
from tiles.lowzoom import DROPPED, DROPPED_FIELDS

VIETNAM: BBox = (102.1, 6.5, 117.9, 23.5)
"""Bounds given while the data has none: Vietnam with both archipelagos."""

_DROPPED = Label(
    "Số đối tượng không vẽ trong ô này, theo lớp, khi quá nhiều đối tượng nằm sát nhau.",
    "How many records of each layer the tile leaves out, where too many lie close together.",
)


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
        "vector_layers": [*(_vector_layer(register, language) for register in registers), _dropped_layer(language)],
        "bandoso:version": version,
    }


def _vector_layer(register: Register, language: str) -> dict[str, Any]:
    fields: Mapping[str, str] = {item.name: _type(item) for item in register.tile_fields}
    if register.tile.counts_below is not None:
        kinds = dict.fromkeys(kind_columns(register).values(), "Number")
        fields = {**fields, "count": "Number", **kinds, "coverage": "Number"}
    return {
        "id": register.id,
        "description": register.title.in_language(language),
        "minzoom": register.tile.min_zoom,
        "maxzoom": MAX_ZOOM,
        "fields": fields,
    }


def _dropped_layer(language: str) -> dict[str, Any]:
    """Describe the layer that a tile has only where it leaves records out."""
    return {
        "id": DROPPED,
        "description": _DROPPED.in_language(language),
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "fields": DROPPED_FIELDS,
    }


def _type(item: Field) -> str:
    kinds: dict[type, str] = {int: "Number", float: "Number", bool: "Boolean", date: "String"}
    return kinds.get(item.column.type.python_type, "String")

"""Metadata of tilesets, as OGC API - Tiles and the Tileset Metadata standard write it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from geodata.derived import kind_columns
from geodata.matching import BBox
from geodata.register import Field, Register
from tiles.matrix_sets import MatrixSet

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
MVT = "application/vnd.mapbox-vector-tile"
_CENTRE_LEVEL = 10
_DIMENSIONS = {"point": 0, "polygon": 2}
_TYPES: dict[type, dict[str, str]] = {
    int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """A register as a tileset has it.

    Attributes
    ----------
    extent : box, optional
        Degrees WGS 84; None while it is empty.
    updated : datetime, optional
        When it was published last.
    """

    register: Register
    extent: BBox | None
    updated: datetime | None


def tileset_head(layers: Sequence[Layer], matrix_set: MatrixSet, language: str) -> dict[str, Any]:
    """Return what a list says of a tileset."""
    known = {"tileMatrixSetURI": matrix_set.uri} if matrix_set.uri else {}
    return {
        "title": ", ".join(layer.register.title.in_language(language) for layer in layers),
        "dataType": "vector",
        "crs": matrix_set.crs,
        "tileMatrixSetId": matrix_set.id,
        **known,
    }


def tileset_details(layers: Sequence[Layer], matrix_set: MatrixSet, language: str) -> dict[str, Any]:
    """Return what a tileset says of itself beside: layers, bounds, which tiles there can be, where to look first."""
    described: dict[str, Any] = {
        "description": " ".join(layer.register.description.in_language(language) for layer in layers),
        "mediaTypes": [MVT],
        "layers": [_layer(layer, matrix_set, language) for layer in layers],
    }
    updated = [layer.updated for layer in layers if layer.updated is not None]
    if updated:
        described["updated"] = _written(max(updated))
    boxes = [layer.extent for layer in layers if layer.extent is not None]
    if boxes:
        box = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
        first = min(_first_level(layer.register, matrix_set) for layer in layers)
        centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
        level = str(max(first, _CENTRE_LEVEL - matrix_set.zoom_offset))
        described |= {
            "boundingBox": _box(box),
            "centerPoint": {"coordinates": centre, "crs": CRS84, "tileMatrix": level},
            "tileMatrixSetLimits": matrix_set.limits(box, first),
        }
    return described


def _first_level(register: Register, matrix_set: MatrixSet) -> int:
    return max(0, register.tile.min_zoom - matrix_set.zoom_offset)


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _box(box: BBox) -> dict[str, Any]:
    return {"lowerLeft": [box[0], box[1]], "upperRight": [box[2], box[3]], "crs": CRS84, "orderedAxes": ["Lon", "Lat"]}


def _layer(layer: Layer, matrix_set: MatrixSet, language: str) -> dict[str, Any]:
    register = layer.register
    fields = {item.name: _property(item, language) for item in register.tile_fields}
    if register.is_dense:
        fields |= {name: {"type": "integer"} for name in ("count", *kind_columns(register).values())}
        fields["coverage"] = {"type": "number"}
    described: dict[str, Any] = {
        "id": register.id,
        "title": register.title.in_language(language),
        "description": register.description.in_language(language),
        "dataType": "vector",
        "geometryDimension": _DIMENSIONS[register.geometry_kind],
        "minTileMatrix": str(_first_level(register, matrix_set)),
        "maxTileMatrix": str(matrix_set.max_level),
        "propertiesSchema": {"type": "object", "properties": fields},
    }
    if layer.updated is not None:
        described["updated"] = _written(layer.updated)
    return described | ({"boundingBox": _box(layer.extent)} if layer.extent is not None else {})


def _property(item: Field, language: str) -> dict[str, Any]:
    kind = _TYPES.get(item.column.type.python_type, {"type": "string"})
    return {"title": item.title.in_language(language), **kind, **({"enum": list(item.choices)} if item.choices else {})}

"""The description of an area's files as a Frictionless Data Package (specs.frictionlessdata.io, profile of version 1)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from geodata.exporting.delimited import WKT, place_names
from geodata.exporting.formats import BY_SUFFIX
from geodata.exporting.open_columns import ID
from geodata.exporting.shapefile import zone_of
from geodata.exporting.snapshot import Part
from geodata.register import Field, Label

FILE: Final = "datapackage.json"
MEDIA_TYPE: Final = "application/json"
SHAPEFILE: Final = "shp.zip"
_TABLES: Final = {"csv", "csv.gz"}
_TYPES: Final[Mapping[pa.DataType, str]] = {
    pa.string(): "string", pa.int64(): "integer", pa.float64(): "number", pa.bool_(): "boolean", pa.date32(): "date",
}  # fmt: skip
_IDENTIFIER = re.compile(r"[-A-Za-z0-9._]+")
_PLACES = {
    "lon": Label("Kinh độ WGS 84 (độ)", "Longitude WGS 84 (degrees)"),
    "lat": Label("Vĩ độ WGS 84 (độ)", "Latitude WGS 84 (degrees)"),
    "geometry": Label("Hình học WGS 84 (WKT)", "Geometry WGS 84 (WKT)"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is there.

    Attributes
    ----------
    suffix : str
        Of its format.
    sha256 : str
        Hexadecimal.
    """

    name: str
    suffix: str
    size_bytes: int
    sha256: str


def datapackage(part: Part, files: Iterable[Written]) -> dict[str, Any]:
    """Return the description of an area's files.

    What the profile has no word for stands under ``bandoso:``; titles are Vietnamese, and in both languages there.
    """
    about = part.about
    package: dict[str, Any] = {
        "profile": "data-package",
        "name": f"{part.register.id.replace('_', '-')}-{part.area.id}",
        "title": about["title"],
        "description": about["description"],
        "version": about["revision"],
        "created": part.changed_at,
        "contributors": [{"title": about["attribution"], "role": "publisher"}],
        "sources": [{"title": about["attribution"]}],
        "resources": [_resource(part, file) for file in files],
        "bandoso:register": part.register.id,
        "bandoso:revision": int(about["revision"]),
        "bandoso:area": {"id": part.area.id, "name": part.area.name, "province": part.area.province},
        "bandoso:count": part.area.count,
        "bandoso:titles": _both(part.register.title),
    }
    if about["licence"]:
        package["licenses"] = [_licence(about["licence"])]
    if part.area.box is not None:
        package["bandoso:bbox"] = list(part.area.box)
    return package


def _licence(text: str) -> dict[str, str]:
    return {"name": text} if _IDENTIFIER.fullmatch(text) else {"name": "other", "title": text}


def _both(title: Label) -> dict[str, str]:
    return {"vi": title.vi, "en": title.en}


def _resource(part: Part, file: Written) -> dict[str, Any]:
    form = BY_SUFFIX[SHAPEFILE if file.suffix.endswith(SHAPEFILE) else file.suffix]
    resource: dict[str, Any] = {
        "name": file.suffix.replace(".", "-"),
        "path": file.name,
        "title": form.title.vi,
        "mediatype": form.media_type.partition(";")[0],
        "bytes": file.size_bytes,
        "hash": f"sha256:{file.sha256}",
    }
    if file.suffix not in _TABLES:
        crs = {"bandoso:crs": _zone(part, file.suffix)} if file.suffix.endswith(SHAPEFILE) else {}
        return {**resource, "profile": "data-resource", "type": "file", "format": file.suffix.split(".")[-1], **crs}
    # The byte order mark is part of no value.
    encoding = "utf-8-sig" if file.suffix == "csv" else "utf-8"
    table = {"profile": "tabular-data-resource", "format": "csv", "encoding": encoding, "schema": _schema(part)}
    return {**resource, **table, **({"compression": "gz"} if file.suffix == "csv.gz" else {})}


def _zone(part: Part, suffix: str) -> str:
    code, _, rest = suffix.partition(".")
    return f"EPSG:{code if rest == SHAPEFILE else zone_of(part)}"


def _schema(part: Part) -> dict[str, Any]:
    columns = part.columns
    declared = {item.name: item for item in columns.fields}
    fields = [
        {
            "name": name, "type": _TYPES.get(kind, "array"), **_titled(columns.titles[name]),
            **_choices(declared.get(name)), "bandoso:shapefileName": columns.short_names[name],
        }
        for name, kind in columns.types.items()
    ]  # fmt: skip
    places = [{"name": name, "type": _place_type(name), **_titled(_PLACES[name])} for name in place_names(part)]
    return {"fields": [*fields, *places], "primaryKey": [ID], "missingValues": [""]}


def _place_type(name: str) -> str:
    return "string" if name == WKT else "number"


def _titled(title: Label) -> dict[str, Any]:
    return {"title": title.vi, "description": title.en}


def _choices(item: Field | None) -> dict[str, Any]:
    """Return the values that a field may have, with what they are called."""
    if item is None or not item.choices or item.column.type.python_type is list:
        return {}
    named = [
        {"value": value, "label": choice.label.vi, "label_en": choice.label.en}
        for value, choice in item.choices.items()
    ]
    return {"constraints": {"enum": list(item.choices)}, "bandoso:categories": named}

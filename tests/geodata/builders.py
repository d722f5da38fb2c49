"""Rows of registers and their publish, as short as tests need them."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry import mapping
from sqlalchemy import Connection, text

from geodata.db import SYSTEM, Actor
from geodata.geometry import as_kind
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, publish_file, publish_staged
from geodata.importing.report import Report
from geodata.importing.rows import model_column
from geodata.importing.staging import StagingSink
from geodata.registers import get_register
from geodata.units.index import UnitIndex, reference_units
from service.cluster import OWNER

COMMUNE, OTHER_COMMUNE = "20194", "20197"
PLACE = shapely.Point(108.1, 16.1)

Row = dict[str, Any]

units = cache(reference_units)


def household(code: str | None, **changes: Any) -> Row:
    """Return an address of a household."""
    return {"code": code, "kind": "household", "commune_code": COMMUNE, "geom": PLACE, **changes}


def agency(code: str | None, **changes: Any) -> Row:
    """Return an address of an agency."""
    return {"code": code, "kind": "agency", "name": "UBND xã", "commune_code": COMMUNE, "geom": PLACE, **changes}


def sight(name: str, **changes: Any) -> Row:
    """Return a tourism point."""
    return {"name": name, "commune_code": COMMUNE, "geom": PLACE, **changes}


def field_of(code: str, **changes: Any) -> Row:
    """Return a growing area: a square of about 100 m."""
    square = shapely.box(108.1, 16.1, 108.101, 16.101)
    return {"code": code, "crop": "Bưởi", "commune_code": COMMUNE, "geom": square, **changes}


def publish(
    connection: Connection,
    register_id: str,
    rows: Sequence[Row],
    *,
    actor: Actor = SYSTEM,
    index: UnitIndex | None = None,
) -> Published:
    """Publish valid rows as if a file with just these columns had been read and checked."""
    register = get_register(register_id)
    mapped = list(dict.fromkeys(name for row in rows for name in row if name != "geom"))
    models = [register.write.model_validate({name: row[name] for name in mapped if name in row}) for row in rows]
    names = [name for name in register.write.model_fields if any(getattr(model, name) is not None for model in models)]
    columns = {name: model_column(register, models, name) for name in names}
    if "province_code" in register.derived:
        provinces = [(index or units()).provinces[row["commune_code"]] for row in rows]
        columns["province_code"] = pa.array(provinces)
    shapes = np.empty(len(rows), dtype=object)
    shapes[:] = [row["geom"] for row in rows]
    final, _ = as_kind(shapes, register.geometry_kind, points_too=register.point is not None)
    report = Report(register.id, read=len(rows), valid=len(rows))
    report.columns = {name: name for name in mapped}
    with StagingSink(connection, register, uuid4()) as sink:
        sink.open(names)
        sink.write(columns, final, pa.array(range(1, len(rows) + 1), pa.int64()))
        return publish_staged(connection, ImportRequest(Path(), "", register, actor), sink, report)


def write_geojson(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as an officer's GeoJSON file."""
    features = [
        {
            "type": "Feature",
            "properties": {name: value for name, value in row.items() if name != "geom"},
            "geometry": None if row["geom"] is None else mapping(row["geom"]),
        }
        for row in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def send(
    connection: Connection,
    register_id: str,
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    actor: Actor = SYSTEM,
    index: UnitIndex | None = None,
    **options: Any,
) -> Published:
    """Send rows as a file through reading, checking and publishing."""
    path = write_geojson(folder / f"{uuid4().hex}.geojson", rows)
    request = ImportRequest(path, path.name, get_register(register_id), actor, **options)
    return publish_file(connection, request, index or units(), folder / uuid4().hex)


def take_role(connection: Connection, role: str) -> None:
    """Let the rest of the transaction run with the rights of another role."""
    connection.execute(text("SELECT set_config('role', :role, true)"), {"role": role})


def set_policy(connection: Connection, policy: str) -> None:
    """Change the publication policy for the rest of the transaction, as its owner."""
    take_role(connection, OWNER)
    connection.execute(
        text("UPDATE ops.setting SET value = :policy WHERE name = 'publication_policy'"), {"policy": policy}
    )


def rows_of(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query as plain tuples."""
    return [tuple(row) for row in connection.execute(text(query))]

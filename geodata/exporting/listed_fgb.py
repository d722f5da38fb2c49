"""Features in parts as FlatGeobuf, in the order of a list."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyogrio
import shapely
from sqlalchemy import Row

from geodata.exporting.open_columns import GEOMETRY, ID, OpenColumns
from geodata.feature_json import read_shapes
from geodata.importing.work_folder import work_folder
from geodata.public_views import property_names
from geodata.reference_systems import ReferenceSystem
from geodata.register import Register

_BLOCK: Final = 1 << 20


def write_listed_fgb(
    batches: Iterable[Sequence[Row[Any]]],
    register: Register,
    names: Sequence[str] | None,
    system: ReferenceSystem,
) -> Iterator[bytes]:
    """Yield a FlatGeobuf file of features, block by block: their ids, properties and places.

    It has no index, which would put the features into another order; files of open data have one. Coordinates have
    easting or longitude first, as the format wants it of every system. Lists are JSON: the format has none.

    Parameters
    ----------
    names : sequence of str or None
        Properties; all where it is None.
    """
    listed = property_names(register) if names is None else list(names)
    columns = OpenColumns(register)
    kinds = {name: columns.types[name] for name in (ID, *listed)}
    schema = pa.schema([*((name, _flat(kind)) for name, kind in kinds.items()), (GEOMETRY, pa.binary())])
    shapes = columns.geometry_types
    with work_folder() as folder:
        path = Path(folder, "items.fgb")
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, (_batch(rows, schema, kinds, system) for rows in batches)),
            path, layer=register.id, driver="FlatGeobuf", geometry_name=GEOMETRY, crs=f"EPSG:{system.srid}",
            geometry_type=shapes[0] if len(shapes) == 1 else "Unknown", SPATIAL_INDEX="NO",
        )  # fmt: skip
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def _flat(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_list(kind) else kind


def _batch(
    rows: Sequence[Row[Any]], schema: pa.Schema, kinds: dict[str, pa.DataType], system: ReferenceSystem
) -> pa.RecordBatch:
    features = [{ID: row.uuid, **orjson.loads(row.properties)} for row in rows]
    columns = [[_value(feature[name], kind) for feature in features] for name, kind in kinds.items()]
    wkb = np.asarray(shapely.to_wkb(system.with_east_first(read_shapes(rows))), dtype=object)
    arrays = [pa.array(column, kind) for column, kind in zip([*columns, wkb], schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_date(kind):
        return date.fromisoformat(value)
    if pa.types.is_list(kind):
        return orjson.dumps(value).decode()
    return str(value) if pa.types.is_string(kind) else value

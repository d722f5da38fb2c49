"""FlatGeobuf and GeoPackage, written by GDAL from batches as they come."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyogrio

from geodata.exporting.flat_values import flattened
from geodata.exporting.open_columns import GEOMETRY, ID
from geodata.exporting.snapshot import Part

FGB_MEDIA_TYPE: Final = "application/vnd.flatgeobuf"
_WGS84 = "EPSG:4326"


def write_fgb(part: Part, path: Path) -> None:
    """Write a part as FlatGeobuf with its index: a part of the map is read by byte ranges.

    The format has no index where records have no place; such a register is written without.
    """
    index = "YES" if all(batch.column(GEOMETRY).null_count == 0 for batch in part.batches([GEOMETRY])) else "NO"
    about = {"TITLE": part.about["title"], "DESCRIPTION": part.about["description"]}
    _write(part, path, "FlatGeobuf", SPATIAL_INDEX=index, **about)


def write_gpkg(part: Part, path: Path) -> None:
    """Write a part as a GeoPackage: a layer with its index, and a table for each list of a record."""
    # It would write the moment instead, and the same state would never be the same file again.
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": part.changed_at})
    try:
        about = {"IDENTIFIER": part.about["title"], "DESCRIPTION": part.about["description"]}
        _write(part, path, "GPKG", VERSION="1.3", GEOMETRY_NAME="geom", SPATIAL_INDEX="YES", **about)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for side in part.columns.lists:
            _add_list(file, part, side)


def _write(part: Part, path: Path, driver: str, **options: Any) -> None:
    kinds = part.columns.geometry_types
    kind = kinds[0] if len(kinds) == 1 else "Unknown"
    lists = {side.name for side in part.columns.lists} if driver == "GPKG" else set()
    names = [name for name in part.columns.names if name not in lists]
    pyogrio.write_arrow(
        _reader(part, names), path, layer=part.register.id, driver=driver, geometry_name=GEOMETRY, geometry_type=kind,
        crs=_WGS84, **options,
    )  # fmt: skip


def _reader(part: Part, names: list[str]) -> pa.RecordBatchReader:
    """Return the rows as a stream, lists as JSON: these formats have none."""
    types = part.columns.types
    kinds = [(name, pa.string() if pa.types.is_list(types[name]) else types[name]) for name in names]
    schema = pa.schema([*kinds, (GEOMETRY, pa.binary())])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in part.batches([*names, GEOMETRY]):
            yield pa.RecordBatch.from_arrays(flattened(batch, [*names, GEOMETRY]), schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _add_list(file: sqlite3.Connection, part: Part, side: Any) -> None:
    """Add the rows of a list as a table of their own, each with the id of its record."""
    kinds = part.columns.row_type(side)
    names = [ID, *(kind.name for kind in kinds)]
    # The names are those of the register's declaration.
    listed = ", ".join(f'"{name}" {"DATE" if kind == pa.date32() else "TEXT"}' for name, kind in _typed(names, kinds))
    file.execute("BEGIN")
    file.execute(f'CREATE TABLE "{side.name}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {listed})')
    marks = ", ".join("?" * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    statement = f'INSERT INTO "{side.name}" ({quoted}) VALUES ({marks})'  # noqa: S608  declared names
    file.executemany(statement, list_rows(part, side.name))
    contents = (side.name, "attributes", side.name, side.title.vi, part.changed_at, 0)
    file.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
        "VALUES (?, ?, ?, ?, ?, ?)", contents,
    )  # fmt: skip
    file.execute("COMMIT")


def _typed(names: list[str], kinds: pa.StructType) -> list[tuple[str, pa.DataType]]:
    types = {kind.name: kind.type for kind in kinds}
    return [(name, types.get(name, pa.string())) for name in names]


def list_rows(part: Part, name: str) -> Iterator[list[Any]]:
    """Yield the rows of a list: the id of the record, then the values as texts."""
    for batch in part.batches([ID, name]):
        for uuid, listed in zip(batch.column(ID).to_pylist(), batch.column(name).to_pylist(), strict=True):
            for row in listed or []:
                yield [uuid, *(None if value is None else str(value) for value in row.values())]

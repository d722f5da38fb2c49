"""A register as a GeoPackage (OGC 12-128r19, version 1.3): one layer of features, written as the rows come."""

import sqlite3
import struct
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from geodata.exporting.rows import FETCHED_ROWS, Export
from geodata.exporting.rtree import RTree
from geodata.register import Field

MEDIA_TYPE: Final = "application/geopackage+sqlite3"

_APPLICATION_ID, _VERSION = 0x47504B47, 10300
_SRS = 4326
_BLOB_HEAD = b"GP\x00\x01" + struct.pack("<i", _SRS)
"""Magic, version 0, little-endian without envelope, coordinate system."""

_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)
_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
    description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
    srs_id INTEGER, CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents (table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
"""
_TYPES: Final[dict[type, str]] = {bool: "BOOLEAN", int: "INTEGER", float: "DOUBLE", date: "DATE"}


def write_gpkg(connection: Connection, export: Export, path: Path, published_at: datetime) -> int:
    """Write a register as a GeoPackage; the same state gives the same bytes.

    Parameters
    ----------
    path : Path
        Of a file that is not there yet.
    published_at : datetime
        When the state was published; the file says so.

    Returns
    -------
    int
        How many rows it has.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        # Nobody reads the file before it is whole, and one that is not is thrown away.
        file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA page_size = 4096;")
        file.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        file.execute(f"PRAGMA user_version = {_VERSION}")
        file.execute("BEGIN")
        _describe(file, export, published_at)
        count = _fill(file, export, connection)
        file.execute("COMMIT")
    return count


def _describe(file: sqlite3.Connection, export: Export, published_at: datetime) -> None:
    for statement in filter(str.strip, _TABLES.split(";")):
        file.execute(statement)
    systems = [
        ("Undefined cartesian SRS", -1, "NONE", -1, "undefined", None),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
        ("WGS 84 geodetic", _SRS, "EPSG", _SRS, _WGS84, "longitude/latitude"),
    ]
    file.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", systems)
    register, name = export.register, export.register.id
    changed = published_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    contents = (name, "features", register.title.vi, register.description.vi, changed, _SRS)
    file.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
        "VALUES (?, ?, ?, ?, ?, ?)", contents,
    )  # fmt: skip
    kind = "GEOMETRY" if register.point is not None else register.geometry.type.geometry_type
    file.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)", (name, kind, _SRS))
    columns = ", ".join(f'"{item.name}" {_type(item)}' for item in export.fields)
    # The names are those of the register's declaration.
    file.execute(
        f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom {kind}, '
        f'"{export.id_name}" TEXT, {columns})'
    )


def _type(item: Field) -> str:
    return _TYPES.get(item.column.type.python_type, "TEXT")


def _fill(file: sqlite3.Connection, export: Export, connection: Connection) -> int:
    names = ", ".join(f'"{name}"' for name in ["geom", *export.names])
    marks = ", ".join("?" * (len(export.names) + 1))
    statement = f'INSERT INTO "{export.register.id}" ({names}) VALUES ({marks})'  # noqa: S608  declared names
    index, rows, count = RTree(file, export.register.id), export.rows(connection), 0
    while batch := list(islice(rows, FETCHED_ROWS)):
        shapes = [_bytes(row.pop()) for row in batch]
        blobs = [None if wkb is None else _BLOB_HEAD + wkb for wkb in shapes]
        file.executemany(statement, [[blob, *row] for blob, row in zip(blobs, batch, strict=True)])
        index.add(count + 1, shapes)
        count += len(batch)
    index.finish()
    return count


def _bytes(wkb: Any) -> bytes | None:
    return None if wkb is None else bytes(wkb)

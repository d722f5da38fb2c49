"""GeoPackages that would run code, lie about themselves, or hold what is no geometry."""

import contextlib
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.cases import COMMUNE, LAT, LON, Bait, Case, Make
from tests.hostile.zips import DEFLATED, Part, write_zip

FAMILY = "GeoPackage"
_HEAD = b"GP\0\x01" + struct.pack("<i", 4326)
POINT = _HEAD + struct.pack("<BI2d", 1, 1, LON, LAT)
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433]]'
)
_TABLE = "CREATE TABLE v (fid INTEGER PRIMARY KEY, geom BLOB, ten TEXT, ma_xa TEXT)"
_SCHEMA = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
    organization_coordsys_id INTEGER, definition TEXT, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT, srs_id INTEGER,
    z INTEGER, m INTEGER);
INSERT INTO gpkg_contents VALUES ('v', 'features', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POINT', 4326, 0, 0);
"""


def geopackage(
    bait: Bait, *statements: str, table: str = _TABLE, blobs: tuple[object, ...] = (POINT,), definition: str = WGS84
) -> bytes:
    """Return a GeoPackage with one row a geometry blob, after some statements more."""
    path = Path(bait.folder, "made.gpkg")
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA + table)
        values = ("WGS 84", 4326, "EPSG", 4326, definition, "")
        database.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", values)
        if table == _TABLE:
            rows = [(blob, "Suối Mơ", COMMUNE) for blob in blobs]
            database.executemany("INSERT INTO v (geom, ten, ma_xa) VALUES (?, ?, ?)", rows)
        database.commit()
        for statement in statements:
            database.executescript(statement)
        database.commit()
    return path.read_bytes()


def _made(*statements: str, table: str = _TABLE) -> Make:
    return lambda bait: geopackage(bait, *statements, table=table)


def _holding(*blobs: object) -> Make:
    return lambda bait: geopackage(bait, blobs=blobs)


def _beside(bait: Bait, side: str) -> bytes:
    """Zip a GeoPackage with a side file that SQLite would play back into it."""
    head = {
        "wal": struct.pack(">8I", 0x377F0682, 3007000, 4096, 1, 1, 1, 1, 1),
        "journal": b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
    }
    made = head.get(side, b"") + struct.pack(">I", 1) * 2_000
    return write_zip([Part("a.gpkg", geopackage(bait), DEFLATED), Part(f"a.gpkg-{side}", made, DEFLATED)])


def _schema(sql: str) -> str:
    return f"PRAGMA writable_schema=ON; UPDATE sqlite_master SET {sql}; PRAGMA writable_schema=RESET"


def _damaged(at: int, data: bytes) -> Make:
    def make(bait: Bait) -> bytes:
        made = bytearray(geopackage(bait))
        made[at : at + len(data)] = data
        return bytes(made)

    return make


_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i fid, NULL geom FROM n"
_BOMB = "zeroblob(1000000000)"
_CODE: dict[str, tuple[Make, str]] = {
    "endless view": (_made(table=f"CREATE VIEW v AS {_ENDLESS}"), "refused GPKG_VIEW"),
    "endless view beside a table": (_made(f"CREATE VIEW w AS {_ENDLESS}"), "refused GPKG_VIEW"),
    "view over a view over a view": (
        _made(
            "CREATE VIEW a AS SELECT * FROM v; CREATE VIEW b AS SELECT * FROM a, a x; CREATE VIEW c AS SELECT * FROM b"
        ),
        "refused GPKG_VIEW",
    ),
    "view that loads code": (
        _made(table="CREATE VIEW v AS SELECT 1 fid, load_extension('/tmp/x') geom"),
        "refused GPKG_VIEW",
    ),
    "trigger on reading's table": (
        _made("CREATE TRIGGER t AFTER INSERT ON v BEGIN SELECT load_extension('x'); END"),
        "refused GPKG_VIEW",
    ),
    "trigger with the name of an index's": (
        _made("CREATE TRIGGER rtree_v_geom_insert AFTER INSERT ON v BEGIN DELETE FROM v; END"),
        "ok 1/1",
    ),
    "full text table": (_made(table="CREATE VIRTUAL TABLE v USING fts5(geom, ten)"), "refused GPKG_VIEW"),
    "virtual table of pages": (_made(table="CREATE VIRTUAL TABLE v USING dbstat"), "refused GPKG_VIEW"),
    "generated column": (
        _made(table=f"CREATE TABLE v (geom BLOB, ten TEXT GENERATED ALWAYS AS (hex({_BOMB})))"),
        "refused GPKG_VIEW",
    ),
    "20 MB of text in each of 120 rows, told once": (
        _made(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) "
            "INSERT INTO v (geom, ten, ma_xa) SELECT geom, 'x' || i, ma_xa FROM v, n",
            f"ALTER TABLE v ADD COLUMN x TEXT DEFAULT '{'A' * 20_000_000}'",
        ),
        "refused READER_MEMORY",
    ),
    "index on an expression": (_made("CREATE INDEX i ON v (upper(ten))"), "ok 1/1"),
    "table that became virtual": (
        _made(_schema("sql='CREATE /**/ VIRTUAL TABLE v USING dbstat' WHERE name='v'")),
        "refused GPKG_VIEW",
    ),
    "table that became a view": (
        _made(_schema("type='view', sql='CREATE VIEW v AS SELECT 1' WHERE name='v'")),
        "refused GPKG_BROKEN",
    ),
    "schema that is no SQL": (_made(_schema("sql='CREATE TABLE v (' WHERE name='v'")), "refused GPKG_BROKEN"),
    "root page beyond the end": (_made(_schema("rootpage=99999 WHERE name='v'")), "refused GPKG_BROKEN"),
    "tables that share a page": (
        _made(_schema("rootpage=(SELECT rootpage FROM sqlite_master WHERE name='gpkg_contents') WHERE name='v'")),
        "refused 0/1 GEOM_UNREADABLE",
    ),
    "contents that name the schema": (
        _made("UPDATE gpkg_contents SET table_name='sqlite_master'"),
        "refused GPKG_VIEW",
    ),
    "contents that name nothing": (
        _made("UPDATE gpkg_contents SET table_name='x\"; DROP TABLE v; --'"),
        "refused GPKG_VIEW",
    ),
    "contents that name a number": (_made("UPDATE gpkg_contents SET table_name=7"), "refused GPKG_VIEW"),
    "no contents": (_made("DELETE FROM gpkg_contents"), "refused NO_LAYER"),
    "no such geometry column": (
        _made("UPDATE gpkg_geometry_columns SET column_name='khong_co'"),
        "refused 0/1 GEOM_UNREADABLE",
    ),
    "table with an SQL name": (
        _made(
            "ALTER TABLE v RENAME TO 'x\"\"; DROP TABLE v; --'; UPDATE gpkg_contents SET table_name='x\"\"; DROP TABLE v; --'"
        ),
        "ok 1/1",
    ),
    "2,000 columns": (
        _made(
            "INSERT INTO v DEFAULT VALUES",
            table=f"CREATE TABLE v (geom BLOB, {', '.join(f'c{at} TEXT' for at in range(1999))})",
        ),
        "refused TOO_MANY_COLUMNS",
    ),
    "not a GeoPackage": (_made("DROP TABLE gpkg_contents"), "refused UPLOAD_FORMAT"),
}
_BYTES: dict[str, tuple[Make, str]] = {
    "another application's id": (_damaged(68, b"MPBX"), "ok 1/1"),
    "write-ahead log said to lie beside it": (_damaged(18, b"\2\2"), "ok 1/1"),
    "page size 0": (_damaged(16, b"\0\0"), "refused GPKG_BROKEN"),
    "page size 3": (_damaged(16, b"\0\3"), "refused GPKG_BROKEN"),
    "page count of 4 billion": (_damaged(28, b"\xff\xff\xff\xff"), "refused GPKG_BROKEN"),
    "text in an unknown encoding": (_damaged(56, b"\0\0\0\x09"), "ok 1/1"),
    "schema of format 99": (_damaged(44, b"\0\0\0\x63"), "refused GPKG_BROKEN"),
    "free list that is a circle": (_damaged(32, b"\0\0\0\1\0\0\0\xff"), "ok 1/1"),
    "first page of rubbish": (_damaged(100, b"\xa5" * 900), "refused GPKG_BROKEN"),
    "head alone": (lambda bait: geopackage(bait)[:100], "refused GPKG_BROKEN"),
    "half a file": (lambda bait: geopackage(bait)[:5000], "refused GPKG_BROKEN"),
}


def _with_header(flags: int, more: bytes = b"") -> bytes:
    return b"GP\0" + bytes((flags,)) + struct.pack("<i", 4326) + more


_BLOBS: dict[str, tuple[tuple[object, ...], str]] = {
    "blob of nothing": ((b"", POINT), "ok 1/2 GEOM_UNREADABLE"),
    "blob that is text": (("POINT(1 2)", POINT), "ok 1/2 GEOM_UNREADABLE"),
    "blob that is a number": ((1 << 60, POINT), "ok 1/2 GEOM_UNREADABLE"),
    "blob of zeros": ((bytes(4096), POINT), "ok 1/2 GEOM_UNREADABLE"),
    "envelope of a kind that is none": ((_with_header(0x0F, POINT[8:]), POINT), "ok 1/2 GEOM_UNREADABLE"),
    "extended blob": ((_with_header(0x21, b"EXEC"), POINT), "ok 1/2 GEOM_UNREADABLE"),
    "envelope longer than the blob": ((_with_header(0x09, bytes(8)), POINT), "ok 1/2 GEOM_UNREADABLE"),
    "polygon of 4 billion rings": (
        (_HEAD + struct.pack("<BII", 1, 3, 0xFFFFFFFF), POINT),
        "ok 1/2 GEOM_UNREADABLE",
    ),
    "line of 4 billion points": (
        (_HEAD + struct.pack("<BII", 1, 2, 0xFFFFFFFF), POINT),
        "ok 1/2 GEOM_UNREADABLE",
    ),
    "geometry of an unknown kind": (
        (_HEAD + struct.pack("<BI2d", 1, 77, 1, 2), POINT),
        "ok 1/2 GEOM_TYPE_UNKNOWN",
    ),
    "point that is no number": (
        (_HEAD + struct.pack("<BI2d", 1, 1, float("nan"), float("inf")), POINT),
        "ok 1/2 GEOM_NOT_FINITE",
    ),
    "byte order that is none": (
        (_HEAD + struct.pack("<BI2d", 9, 1, LON, LAT), POINT),
        "ok 1/2 GEOM_UNREADABLE",
    ),
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (make, expected) in {**_CODE, **_BYTES}.items():
        yield Case(FAMILY, name, ".gpkg", expected, make)
    for name, (blobs, expected) in _BLOBS.items():
        yield Case(FAMILY, name, ".gpkg", expected, _holding(*blobs))
    for side in ("wal", "shm", "journal"):
        beside = lambda bait, side=side: _beside(bait, side)  # noqa: E731
        yield Case(FAMILY, f"{side} file beside it", ".zip", "ok 1/1", beside)

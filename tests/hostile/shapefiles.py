"""Shapefiles and DBF tables whose headers lie. Layout: ESRI Shapefile Technical Description (1998), dBASE III."""

import struct
from collections.abc import Iterator, Sequence

from tests.hostile.cases import COMMUNE, LAT, LON, Case, fixed
from tests.hostile.zips import DEFLATED, Part, write_zip

FAMILY = "shapefile and DBF"
WGS84 = (
    b'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    b'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)
POINT_RECORD = struct.pack("<i2d", 1, LON, LAT)


def shp(*contents: bytes, kind: int = 1, length: int | None = None, sizes: Sequence[int] | None = None) -> bytes:
    """Return a .shp; ``length`` and ``sizes`` (16-bit words) may lie."""
    told = [len(content) // 2 for content in contents] if sizes is None else sizes
    records = (struct.pack(">Ii", at + 1, told[at]) + content for at, content in enumerate(contents))
    body = b"".join(records)
    words = (100 + len(body)) // 2 if length is None else length
    head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, words) + struct.pack(
        "<2i8d", 1000, kind, LON, LAT, LON, LAT, *[0.0] * 4
    )
    return head + body


Column = tuple[bytes, bytes, int, int]
COLUMNS: tuple[Column, ...] = ((b"ten", b"C", 20, 0), (b"ma_xa", b"C", 5, 0))
ROW = "Suối Mơ".encode().ljust(20) + COMMUNE.encode()


def dbf(
    *rows: bytes, columns: Sequence[Column] = COLUMNS, count: int | None = None, head_size: int | None = None,
    row_size: int | None = None, version: int = 3, end: bytes = b"\r",
) -> bytes:  # fmt: skip
    """Return a .dbf; numbers of the head may lie."""
    fields = b"".join(
        name[:11].ljust(11, b"\0") + kind + bytes(4) + bytes((width & 255, decimals)) + bytes(14)
        for name, kind, width, decimals in columns
    )
    true_row = 1 + sum(width for _, _, width, _ in columns)
    head = struct.pack(
        "<4BIHH20x",
        version,
        126,
        1,
        1,
        len(rows) if count is None else count,
        32 + len(fields) + len(end) if head_size is None else head_size,
        true_row if row_size is None else row_size,
    )
    return head + fields + end + b"".join(b" " + row for row in rows) + b"\x1a"


def shapefile(main: bytes | None = None, table: bytes | None = None, prj: bytes | None = WGS84, **more: bytes) -> bytes:
    """Return a zip of a shapefile of one good point, but for the parts given."""
    parts = {"shp": shp(POINT_RECORD) if main is None else main, "dbf": dbf(ROW) if table is None else table}
    parts |= {"cpg": b"UTF-8"} | ({} if prj is None else {"prj": prj}) | more
    return write_zip([Part(f"a.{suffix}", data, DEFLATED) for suffix, data in parts.items() if data])


def _polygon(parts: Sequence[int], points: bytes, *, counts: tuple[int, int] | None = None) -> bytes:
    told = (len(parts), len(points) // 16) if counts is None else counts
    return struct.pack("<i4d2i", 5, LON, LAT, LON, LAT, *told) + struct.pack(f"<{len(parts)}i", *parts) + points


def _square() -> bytes:
    corners = [(LON, LAT), (LON, LAT + 0.1), (LON + 0.1, LAT + 0.1), (LON + 0.1, LAT), (LON, LAT)]
    return b"".join(struct.pack("<2d", *corner) for corner in corners)


_HUGE, _NEGATIVE = 0x7FFFFFFF, -1
_SHAPES: dict[str, tuple[bytes, str]] = {
    "length of the file beyond its end": (shp(POINT_RECORD, length=_HUGE), "ok 1/1"),
    "negative length of the file": (shp(POINT_RECORD, length=_NEGATIVE), "ok 1/1"),
    "length of the file zero": (shp(POINT_RECORD, length=0), "ok 1/1"),
    "record beyond the end": (shp(POINT_RECORD, sizes=[_HUGE]), "refused SHP_BROKEN"),
    "record of negative size": (shp(POINT_RECORD, sizes=[_NEGATIVE]), "refused SHP_BROKEN"),
    "record of no size": (shp(POINT_RECORD, sizes=[0]), "refused SHP_BROKEN"),
    "record that ends in its middle": (shp(POINT_RECORD)[:-6], "refused SHP_BROKEN"),
    "head alone": (shp(), "refused 0/1 GEOM_MISSING SHP_DBF_COUNT"),
    "half a head": (shp()[:50], "refused UPLOAD_FORMAT"),
    "unknown kind of shape": (
        shp(struct.pack("<i2d", 99, LON, LAT), kind=99),
        "refused 0/1 GEOM_UNREADABLE",
    ),
    "shape of another kind than the file": (shp(_polygon([0], _square()), kind=1), "ok 1/1"),
    "multipatch": (shp(struct.pack("<i", 31) + bytes(40), kind=31), "refused 0/1 GEOM_TYPE_UNKNOWN"),
    "point that is no number": (
        shp(struct.pack("<i2d", 1, float("nan"), float("inf"))),
        "refused 0/1 GEOM_NOT_FINITE",
    ),
    "point that is as far as numbers go": (
        shp(struct.pack("<i2d", 1, 1e308, -1e308)),
        "refused 0/1 GEOM_OUTSIDE_VIETNAM",
    ),
    "polygon of 2³¹ points": (
        shp(_polygon([0], _square(), counts=(1, _HUGE)), kind=5),
        "refused 0/1 GEOM_TOO_MANY_VERTICES",
    ),
    "polygon of 2³¹ parts": (
        shp(_polygon([0], _square(), counts=(_HUGE, 5)), kind=5),
        "refused 0/1 GEOM_TOO_MANY_VERTICES",
    ),
    "polygon of negative counts": (
        shp(_polygon([0], _square(), counts=(_NEGATIVE, _NEGATIVE)), kind=5),
        "refused 0/1 GEOM_EMPTY",
    ),
    "polygon whose part begins beyond its points": (shp(_polygon([999], _square()), kind=5), "refused 0/1 GEOM_TYPE"),
    "polygon whose parts go backwards": (
        shp(_polygon([4, 0, -3], _square()), kind=5),
        "refused 0/1 GEOM_UNREADABLE",
    ),
    "polygon of 100,000 parts": (
        shp(_polygon([0] * 100_000, _square()), kind=5),
        "refused 0/1 GEOM_UNREADABLE",
    ),
    "polygon without parts": (shp(_polygon([], b""), kind=5), "refused 0/1 GEOM_EMPTY"),
    "100,000 records without a shape": (
        shp(*[struct.pack("<i", 0)] * 100_000),
        "refused 0/100000 GEOM_MISSING:100000 SHP_DBF_COUNT",
    ),
}
_TABLES: dict[str, tuple[bytes, str]] = {
    "count of rows beyond the end": (dbf(ROW, count=0xFFFFFFFF), "refused DBF_BROKEN"),
    "no rows beside a shape": (dbf(), "refused 0/1 COMMUNE_NOT_FOUND SHP_DBF_COUNT"),
    "many rows beside one shape": (dbf(*[ROW] * 1_000), "ok 1/1000 GEOM_MISSING:999 SHP_DBF_COUNT"),
    "head beyond the end": (dbf(ROW, head_size=0xFFFF), "refused DBF_BROKEN"),
    "head of no size": (dbf(ROW, head_size=0), "refused DBF_BROKEN"),
    "head without an end": (dbf(ROW, end=b""), "ok 1/1"),
    "row of no size": (dbf(ROW, row_size=0), "refused DBF_BROKEN"),
    "row shorter than its fields": (dbf(ROW, row_size=3), "refused DBF_BROKEN"),
    "row longer than its fields": (
        dbf(ROW, row_size=0xFFFF),
        "refused 0/1 COMMUNE_NOT_FOUND DBF_SHORT SHP_DBF_COUNT",
    ),
    "fields of width 0": (
        dbf(b"", columns=[(b"ten", b"C", 0, 0), (b"ma_xa", b"C", 0, 0)]),
        "refused 0/1 COMMUNE_NOT_FOUND",
    ),
    "fields of width 255": (
        dbf(b"x" * 510, columns=[(b"ten", b"C", 255, 0), (b"ma_xa", b"C", 255, 0)]),
        "refused 0/1 COMMUNE_UNKNOWN FIELD_TOO_LONG",
    ),
    "255 fields": (
        dbf(b"1" * 255, columns=[(b"f%d" % at, b"C", 1, 0) for at in range(255)]),
        "refused 0/1 COMMUNE_NOT_FOUND",
    ),
    "2,000 fields": (
        dbf(b"1" * 2000, columns=[(b"f%d" % at, b"C", 1, 0) for at in range(2000)]),
        "refused TOO_MANY_COLUMNS",
    ),
    "fields of one name": (dbf(ROW + ROW, columns=COLUMNS * 2), "ok 1/1"),
    "fields without a name": (
        dbf(ROW, columns=[(b"", b"C", 20, 0), (b"\0x", b"C", 5, 0)]),
        "refused 0/1 COMMUNE_NOT_FOUND",
    ),
    "unknown kinds of fields": (
        dbf(ROW, columns=[(b"ten", b"\xff", 20, 0), (b"ma_xa", b"?", 5, 0)]),
        "refused 0/1 COMMUNE_NOT_FOUND DBF_FIELD_TYPE",
    ),
    "numbers that are none": (
        dbf(b"*" * 20 + b"1e999", columns=[(b"ten", b"N", 20, 19), (b"so", b"F", 5, 9)]),
        "refused 0/1 COMMUNE_NOT_FOUND",
    ),
    "dates that are none": (
        dbf(b"99999999" + b"\xff" * 8, columns=[(b"a", b"D", 8, 0), (b"b", b"T", 8, 0)]),
        "refused 0/1 COMMUNE_NOT_FOUND DBF_FIELD_TYPE",
    ),
    "memo that points far away": (
        dbf(b"9999999999" + COMMUNE.encode(), columns=[(b"ten", b"M", 10, 0), (b"ma_xa", b"C", 5, 0)], version=0x83),
        "refused 0/1 DBF_FIELD_TYPE FIELD_MISSING",
    ),
    "every row deleted": (dbf(ROW).replace(b" " + ROW, b"*" + ROW), "refused EMPTY_LAYER"),
    "nothing but NUL": (dbf(bytes(25)), "refused 0/1 COMMUNE_NOT_FOUND"),
    "unknown version": (dbf(ROW, version=0xEE), "ok 1/1"),
}
_MEMO_COLUMNS: tuple[Column, ...] = ((b"ten", b"M", 10, 0), (b"ma_xa", b"C", 5, 0))


def _points(count: int) -> bytes:
    return shp(*[POINT_RECORD] * count)


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (main, expected) in _SHAPES.items():
        yield Case(FAMILY, name, ".zip", expected, lambda _, main=main: shapefile(main))
    for name, (table, expected) in _TABLES.items():
        yield Case(FAMILY, name, ".zip", expected, lambda _, table=table: shapefile(table=table))
    memo = dbf(b"         1" + COMMUNE.encode(), columns=_MEMO_COLUMNS, version=0x83)
    huge = struct.pack("<I", 0xFFFFFFFF) + bytes(508) + b"A" * (4 << 20)
    yield Case(FAMILY, "huge memo", ".zip", "refused ZIP_BOMB", lambda _: shapefile(table=memo, dbt=huge))
    yield Case(FAMILY, "shx of another file", ".zip", "ok 1/1", lambda _: shapefile(shx=b"\xff" * 4000))
    yield Case(FAMILY, "cpg of 1 MB", ".zip", "refused ZIP_BOMB", lambda _: shapefile(cpg=b"x" * (1 << 20)))
    yield Case(
        FAMILY,
        "cpg that is a path",
        ".zip",
        "ok 1/1 CPG_IGNORED",
        lambda _: shapefile(cpg=b"../../etc/passwd\0"),
    )
    yield Case(
        FAMILY,
        "cpg of a codec that unpacks",
        ".zip",
        "ok 1/1 CPG_IGNORED",
        lambda _: shapefile(cpg=b"zlib_codec"),
    )
    yield Case(FAMILY, "prj of 1 MB", ".zip", "refused ZIP_BOMB", lambda _: shapefile(prj=b"(" * (1 << 20)))
    nested = b'GEOGCS["x",' + b"DATUM[" * 10_000 + b"]" * 10_000 + b"]"
    yield Case(FAMILY, "prj 10,000 deep", ".zip", "needs_choice CRS_UNUSABLE", lambda _: shapefile(prj=nested))
    yield Case(FAMILY, "shp alone, half a head", ".shp", "refused UPLOAD_FORMAT", fixed(shp()[:60]))
    yield Case(
        FAMILY, "dbf alone, count beyond the end", ".dbf", "refused DBF_BROKEN", fixed(dbf(ROW, count=0xFFFFFFFF))
    )
    yield Case(FAMILY, "dbf alone, no size", ".dbf", "refused DBF_BROKEN", fixed(b"\x03" + bytes(31)))

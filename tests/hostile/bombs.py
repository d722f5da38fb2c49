"""Small files that would become large ones: archives, workbooks, what is packed twice."""

import bz2
import gzip
import lzma
import struct
import tarfile
import zlib
from collections.abc import Iterator
from functools import cache
from io import BytesIO

import numpy as np

from tests.geodata.importing.workbooks import rewritten, workbook
from tests.hostile.archives import GOOD
from tests.hostile.cases import Case, fixed, kml, placemark
from tests.hostile.zips import DEFLATED, STORED, Part, deflated, write_zip, zip_of

FAMILY = "bombs"
_MIB = 1 << 20


@cache
def _zeros(mib: int) -> tuple[bytes, int, int]:
    """Return so many zeros compressed, their size and checksum."""
    packer, crc = zlib.compressobj(1, zlib.DEFLATED, -15), 0
    parts = []
    for _ in range(mib):
        parts.append(packer.compress(bytes(_MIB)))
        crc = zlib.crc32(bytes(_MIB), crc)
    return b"".join(parts) + packer.flush(), mib * _MIB, crc


def _blank(name: str, mib: int, declared: int | None = None) -> Part:
    packed, size, crc = _zeros(mib)
    return Part(name, b"", DEFLATED, packed=packed, crc=crc, declared_size=size if declared is None else declared)


def _overlapping() -> bytes:
    first = _blank("a.shp", 100)
    return write_zip([first, *[Part("a.shp", packed=first.packed, method=DEFLATED, offset=0, crc=first.crc,
                                    declared_size=first.declared_size, local_name=b"a.shp")] * 3])  # fmt: skip


def _nested_heads() -> bytes:
    """Quote each member's head inside the one before it, as the densest known bombs do."""
    kernel = _blank("c.shp", 20)
    inner = write_zip([kernel])
    head = 30 + len("c.shp")
    packed = inner[: head + len(kernel.packed or b"")]
    outer = Part("b.shp", packed=packed, method=STORED, data=packed)
    return write_zip([outer, Part("c.shp", packed=kernel.packed, method=DEFLATED, crc=kernel.crc, offset=35,
                                  declared_size=kernel.declared_size)])  # fmt: skip


def _a_million() -> bytes:
    """Return an archive of a million empty members, without looping over them."""
    count = 1_000_000
    local = np.zeros(
        count, np.dtype([("mark", "S4"), ("rest", "V22"), ("length", "<u2"), ("extra", "<u2"), ("name", "S8")])
    )
    local["mark"], local["length"] = b"PK\3\4", 8
    local["name"] = np.char.zfill(np.arange(count).astype("S8"), 8)
    entry = np.zeros(
        count,
        np.dtype(
            [("mark", "S4"), ("rest", "V24"), ("length", "<u2"), ("more", "V12"), ("offset", "<u4"), ("name", "S8")]
        ),
    )
    entry["mark"], entry["length"], entry["name"] = b"PK\1\2", 8, local["name"]
    entry["offset"] = np.arange(count) * local.dtype.itemsize
    body, directory = local.tobytes(), entry.tobytes()
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(body))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(body) + len(directory), 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + directory + record + locator + end


def _nested(depth: int) -> bytes:
    data = GOOD
    for at in range(depth):
        data = write_zip([Part(f"{at}.zip" if at else "a.csv", data, DEFLATED)])
    return data


def _tar() -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("../thoat.csv")
        info.size = len(GOOD)
        archive.addfile(info, BytesIO(GOOD))
    return out.getvalue()


_ROWS = [["ten", "ma_xa", "lon", "lat"], ["Suối Mơ", "20194", 108.1, 16.1]]
SHEET = "xl/worksheets/sheet1.xml"


def _book(name: str, change: tuple[bytes, bytes]) -> bytes:
    return rewritten(workbook(_ROWS), lambda member, data: data.replace(*change) if member == name else data)


def _book_of_blanks() -> bytes:
    parts = [Part("[Content_Types].xml", b"<Types/>"), Part("xl/workbook.xml", b"<workbook/>")]
    return write_zip([*parts, _blank(SHEET, 300)])


def _far_cell() -> bytes:
    cell = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>xa</t></is></c></row></sheetData>'
    return _book(SHEET, (b"</sheetData>", cell))


def _rows_far_away() -> bytes:
    rows = b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (at, at) for at in range(3, 1_048_576, 16_000))
    return _book(SHEET, (b"</sheetData>", rows + b"</sheetData>"))


def _strings() -> bytes:
    return _book("xl/sharedStrings.xml", (b"<t>ten</t>", b"<t>" + b"A" * (40 * _MIB) + b"</t>"))


def _strings_told() -> bytes:
    return _book("xl/sharedStrings.xml", (b'uniqueCount="', b'uniqueCount="4294967295'))


def ods(body: str, before: str = "") -> bytes:
    """Return an OpenDocument sheet."""
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?>{before}<office:document-content{spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="a">{body}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    members = {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}
    return write_zip([Part(name, text.encode(), DEFLATED) for name, text in members.items()])


def ods_row(*cells: str, repeated: str = "", more: str = "") -> str:
    """Return a row of text cells."""
    made = "".join(
        f'<table:table-cell office:value-type="string"{more}><text:p>{cell}</text:p></table:table-cell>'
        for cell in cells
    )
    return f"<table:table-row{repeated}>{made}</table:table-row>"


def _ods_of_everything() -> bytes:
    head = ods_row("ten", "ma_xa", "lon", "lat")
    wide = ' table:number-columns-repeated="16384"'
    return ods(head + ods_row("x", repeated=' table:number-rows-repeated="1048576"', more=wide))


_PLAIN: dict[str, tuple[str, str]] = {
    "gzip": (".csv.gz", "refused UPLOAD_FORMAT"),
    "bzip2": (".csv", "refused UPLOAD_FORMAT"),
    "xz": (".geojson", "refused UPLOAD_FORMAT"),
    "tar": (".csv", "refused UPLOAD_FORMAT"),
    "7z": (".shp", "refused UPLOAD_FORMAT"),
    "zstd": (".csv", "refused UPLOAD_FORMAT"),
    "rar": (".zip", "refused UPLOAD_FORMAT"),
}


def _packed(kind: str) -> bytes:
    blank = bytes(20 * _MIB)
    makers = {
        "gzip": lambda: gzip.compress(blank, 1),
        "bzip2": lambda: bz2.compress(blank, 1),
        "xz": lambda: lzma.compress(blank, preset=0),
        "tar": _tar,
        "7z": lambda: b"7z\xbc\xaf\x27\x1c" + bytes(99),
        "zstd": lambda: b"\x28\xb5\x2f\xfd" + bytes(99),
        "rar": lambda: b"Rar!\x1a\x07\1\0" + bytes(99),
    }
    return makers[kind]()


def _archives() -> Iterator[Case]:
    def zipped(name: str, expected: str, *parts: Part, suffix: str = ".zip") -> Case:
        return Case(FAMILY, name, suffix, expected, lambda _: write_zip(parts))

    yield Case(FAMILY, "200 MB of zeros", ".zip", "refused ZIP_BOMB", lambda _: write_zip([_blank("a.shp", 200)]))
    make = lambda _: write_zip([_blank(f"{at}.dbf", 20) for at in range(100)])  # noqa: E731
    yield Case(FAMILY, "2 GB in 100 members", ".zip", "refused ZIP_BOMB", make)
    yield Case(
        FAMILY, "size told too small", ".zip", "refused ZIP_BOMB", lambda _: write_zip([_blank("a.csv", 50, 100)])
    )
    yield Case(
        FAMILY, "size told as 4 GB", ".zip", "refused ZIP_BOMB", lambda _: write_zip([_blank("a.csv", 1, 0xFFFFFFF0)])
    )
    yield Case(FAMILY, "members over one another", ".zip", "refused ZIP_DUPLICATE", lambda _: _overlapping())
    yield Case(FAMILY, "members within one another", ".zip", "refused ZIP_BOMB", lambda _: _nested_heads())
    yield Case(FAMILY, "a million members", ".zip", "refused ZIP_TOO_MANY_ENTRIES", lambda _: _a_million())
    yield zipped("2,001 members", "refused ZIP_TOO_MANY_ENTRIES", *[Part(f"{at}.txt") for at in range(2_001)])
    yield zipped("201 tables", "refused ZIP_TOO_MANY_ENTRIES", *[Part(f"{at}.csv", GOOD) for at in range(201)])
    for depth in (2, 9):
        yield Case(FAMILY, f"zip {depth} deep", ".zip", "refused ZIP_NESTED", fixed(_nested(depth)))
    yield zipped("KMZ within a KMZ", "refused ZIP_NESTED", Part("doc.kmz", _nested(1)), suffix=".kmz")
    yield zipped("gzip within a zip", "refused ZIP_NESTED", Part("a.csv.gz", gzip.compress(GOOD)))
    yield zipped("zip called a CSV within a zip", "refused UPLOAD_FORMAT", Part("a.csv", _nested(1)))
    yield zipped("gzip called a CSV within a zip", "refused UPLOAD_FORMAT", Part("a.csv", gzip.compress(GOOD)))
    for method, name in (
        (9, "deflate64"),
        (12, "bzip2"),
        (14, "LZMA"),
        (93, "Zstandard"),
        (1, "shrinking"),
        (99, "AES"),
    ):
        part = Part("a.csv", GOOD, method, packed=deflated(GOOD))
        yield zipped(f"packed with {name}", "refused ZIP_METHOD", part)
    yield Case(FAMILY, "KMZ of zeros", ".kmz", "refused ZIP_BOMB", lambda _: write_zip([_blank("doc.kml", 100)]))
    text = kml(placemark(name="A" * (30 * _MIB)))
    yield Case(FAMILY, "KMZ with one long name", ".kmz", "refused ZIP_BOMB", lambda _: zip_of(doc__kml=text))


def cases() -> Iterator[Case]:
    """Yield the family."""
    yield from _archives()
    for kind, (suffix, expected) in _PLAIN.items():
        yield Case(FAMILY, f"{kind} as {suffix}", suffix, expected, lambda _, kind=kind: _packed(kind))
    books = {
        "workbook of blanks": (_book_of_blanks, "refused ZIP_BOMB"),
        "workbook with a cell in the last corner": (_far_cell, "refused READER_MEMORY"),
        "workbook with cells far away": (_rows_far_away, "refused READER_MEMORY"),
        "workbook with one long word": (_strings, "refused ZIP_BOMB"),
        "workbook that tells of 4 billion words": (_strings_told, "refused READER_MEMORY"),
    }
    for name, (make, expected) in books.items():
        yield Case(FAMILY, name, ".xlsx", expected, lambda _, make=make: make())
    yield Case(FAMILY, "ODS of 16 billion cells", ".ods", "refused WORKBOOK_BROKEN", lambda _: _ods_of_everything())

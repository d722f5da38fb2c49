"""Pictures, programs and documents sent as map data, under true names and others."""

import struct
import zlib
from collections.abc import Iterator

from tests.hostile.archives import GOOD
from tests.hostile.cases import Case, fixed
from tests.hostile.zips import DEFLATED, Part, write_zip

FAMILY = "pictures and other files"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    """Return a picture that says it is so large."""
    head = _chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + _chunk(b"IDAT", zlib.compress(b"\0")) + _chunk(b"IEND", b"")


_EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_FILES: dict[str, tuple[str, str, bytes]] = {
    "PNG of 50,000 × 50,000": (".png", "refused UPLOAD_FORMAT", png(50_000, 50_000)),
    "PNG of 2³¹ × 2³¹ as .csv": (".csv", "refused UPLOAD_FORMAT", png(0x7FFFFFFF, 0x7FFFFFFF)),
    "PNG with a text that unpacks": (
        ".geojson",
        "refused UPLOAD_FORMAT",
        png(1, 1, _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20 << 20)))),
    ),
    "PNG that is a zip too": (".zip", "refused UPLOAD_FORMAT", png(1, 1) + write_zip([Part("a.csv", GOOD)])),
    "PNG in a zip": (".zip", "refused NO_LAYER", write_zip([Part("a.png", png(9, 9))])),
    "PNG as a CSV in a zip": (".zip", "refused UPLOAD_FORMAT", write_zip([Part("a.csv", png(9, 9))])),
    "JPEG as .kml": (".kml", "refused UPLOAD_FORMAT", b"\xff\xd8\xff\xe1" + bytes(999)),
    "JPEG with the place of a home": (
        ".jpg",
        "refused UPLOAD_FORMAT",
        b"\xff\xd8\xff\xe1\0\x40Exif\0\0MM\0*\0\0\0\x08\0\1\x88\x25\0\4\0\0\0\1\0\0\0\x1a" + bytes(99) + b"\xff\xd9",
    ),
    "GIF that is a script too": (".csv", "refused UPLOAD_FORMAT", b"GIF89a/*" + bytes(4) + b"*/=1;alert(1)//\n"),
    "GIF as .gpkg": (".gpkg", "refused UPLOAD_FORMAT", b"GIF89a" + bytes(99)),
    "TIFF with places": (".tif", "refused UPLOAD_FORMAT", b"II*\0" + bytes(99)),
    "TIFF of the other byte order as .shp": (".shp", "refused UPLOAD_FORMAT", b"MM\0*" + bytes(99)),
    "WebP": (".webp", "refused UPLOAD_FORMAT", b"RIFF\x24\0\0\0WEBPVP8 " + bytes(99)),
    "PDF with a map": (".pdf", "refused UPLOAD_FORMAT", b"%PDF-1.7\n%%EOF"),
    "PDF as .csv": (".csv", "refused UPLOAD_FORMAT", b"%PDF-1.7\n%%EOF"),
    "program as .csv": (".csv", "refused UPLOAD_FORMAT", b"\x7fELF\2\1\1" + bytes(99)),
    "program as .xlsx": (".xlsx", "refused UPLOAD_FORMAT", b"MZ\x90\0" + bytes(99)),
    "page as .csv": (".csv", "refused UPLOAD_FORMAT", b"<!DOCTYPE html><script>alert(1)</script>"),
    "page as .geojson": (".geojson", "refused UPLOAD_FORMAT", b"<html><body>504</body></html>"),
    "script as .csv": (".csv", "refused 0/1 COMMUNE_NOT_FOUND CSV_NO_GEOMETRY", b"#!/bin/sh\nrm -rf /\n"),
    "virus scanners' test file": (".csv", "refused EMPTY_LAYER", _EICAR.encode()),
    "virus scanners' test file in a zip": (
        ".zip",
        "ok 1/1",
        write_zip([Part("a.txt", _EICAR.encode()), Part("a.csv", GOOD, DEFLATED)]),
    ),
    "Word document": (".doc", "refused UPLOAD_FORMAT", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)),
    "Parquet": (".parquet", "refused UPLOAD_FORMAT", b"PAR1" + bytes(99) + b"PAR1"),
    "FlatGeobuf": (".fgb", "refused UPLOAD_FORMAT", b"fgb\3fgb\0" + b"\xff" * 99),
    "drawing of AutoCAD": (".dwg", "refused UPLOAD_FORMAT", b"AC1032" + bytes(99)),
    "pickled object": (
        ".csv",
        "refused UPLOAD_FORMAT",
        b"\x80\x04\x95\x1c\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    ),
    "random bytes": (".geojson", "refused GEOJSON_SYNTAX", zlib.compress(bytes(range(256)) * 9)),
    "one byte": (".geojson", "refused GEOJSON_SYNTAX", b"\0"),
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (suffix, expected, data) in _FILES.items():
        yield Case(FAMILY, name, suffix, expected, fixed(data))

"""Say what a file is by its first bytes; the suffix only breaks ties between kinds of text."""

import re
from pathlib import Path

from geodata.importing.results import unknown_format
from geodata.importing.xml_events import root_name

_HEAD_BYTES = 4096
_MAGIC = (
    (b"PK\3\4", "zip"),
    (b"PK\5\6", "zip"),
    (b"SQLite format 3\0", "gpkg"),
    (b"\x00\x00\x27\x0a", "shp"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
)
# Kinds that are known and not read, by their first bytes.
_NAMED = (
    (re.compile(rb"AC10\d\d"), "DWG"),
    (re.compile(rb"AutoCAD Binary DXF"), "binary DXF"),
    (re.compile(rb"fgb\x03"), "FlatGeobuf"),
    (re.compile(rb"PAR1"), "Parquet"),
    (re.compile(rb"ARROW1|FEA1"), "Arrow"),
    (re.compile(rb"%PDF"), "PDF"),
    (re.compile(rb"Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd"), "archive"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|II\*\0|MM\0\*|GIF8"), "picture"),
)
_TEXTS = (
    (re.compile(rb"!table\b", re.IGNORECASE), "tab"),
    (
        re.compile(rb"Version\s+\d+\s+(Charset|Delimiter|Unique|Index|CoordSys|Transform|Columns)\b", re.IGNORECASE),
        "mif",
    ),
    (re.compile(rb"(999\r?\n[^\r\n]*\r?\n\s*)*0\s*?\r?\n\s*SECTION\s"), "dxf"),
)
_JSON_SUFFIXES = (".geojson", ".geojsonl", ".geojsons", ".json", ".ndjson")
_TABLE_SUFFIXES = (".csv", ".tsv", ".txt", "")
_KML_ROOTS = frozenset(("kml", "Document", "Folder", "Placemark"))
_DBF_VERSIONS = frozenset((0x02, 0x03, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8E, 0xF5))
_BY_SUFFIX = {
    **dict.fromkeys(_JSON_SUFFIXES, "geojson"),
    **dict.fromkeys(_TABLE_SUFFIXES, "csv"),
    ".zip": "zip",
    ".kmz": "zip",
    ".shp": "shp",
    ".kml": "kml",
    ".gpx": "gpx",
}


def sniff(path: Path, suffix: str) -> str:
    """Name the kind of a file.

    Returns
    -------
    str
        ``zip``, ``gpkg``, ``shp``, ``dbf``, ``xls``, ``kml``, ``gpx``, ``geojson``, ``csv``, ``tab``, ``mif``, ``dxf``.

    Raises
    ------
    UnreadableFileError
        ``UPLOAD_FORMAT`` with what the file is, where that is known, and what to do.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    for pattern, name in _NAMED:
        if pattern.match(head):
            raise unknown_format(name)
    if suffix == ".dbf" and head[:1] and head[0] in _DBF_VERSIONS:
        return "dbf"
    return _sniff_text(head, suffix)


def _sniff_text(head: bytes, suffix: str) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")
    if text[:1] == b"{":
        return "geojson"
    for pattern, kind in _TEXTS:
        if pattern.match(text):
            return kind
    if text[:1] == b"<" or head[:4] in (b"\xff\xfe<\0", b"\xfe\xff\0<"):
        root = root_name(head)
        if root == "gpx" or root in _KML_ROOTS or not root:
            return "gpx" if root == "gpx" else "kml"
        raise unknown_format({"FeatureCollection": "GML"}.get(root, root[:40]))
    if suffix not in _BY_SUFFIX:
        raise unknown_format(suffix)
    return _BY_SUFFIX[suffix]

"""Find the layers of an uploaded file, and choose one.

What a file is, its bytes say; the suffix only breaks ties.
"""

import dataclasses
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from geodata.importing.archive import SHAPEFILE_PARTS, Member, unpack
from geodata.importing.context import ReadContext, ReaderLimits
from geodata.importing.csv_text import is_bytewise
from geodata.importing.features import FeatureLayer
from geodata.importing.geojson import GeojsonDocument
from geodata.importing.gpkg import GpkgFile
from geodata.importing.kml import KmlReader
from geodata.importing.results import LayerInfo, UnreadableFileError, no_such_layer, unknown_format
from geodata.importing.shp import ShapefileLayer
from geodata.importing.tables import CsvLayer, scan_csv, transcode

_HEAD_BYTES = 4096
_SHP_MAGIC = b"\x00\x00\x27\x0a"
_JSON_SUFFIXES = frozenset((".geojson", ".geojsonl", ".json", ".ndjson"))


class Source(NamedTuple):
    """A layer that was found, with its own warnings.

    ``layer`` gives ``batches``. It knows its columns, CRS and encoding when it has given the first one where
    ``knows_itself_early``, else when it has given the last.
    """

    info: LayerInfo
    layer: Any
    context: ReadContext


class LayerFinder:
    """Finds the layers of a file or archive.

    Parameters
    ----------
    members : Path
        Existing empty folder for what is unpacked or transcoded.
    encoding : str or None
        The officer's choice.
    """

    def __init__(self, members: Path, limits: ReaderLimits, encoding: str | None) -> None:
        self._members, self._limits, self._encoding = members, limits, encoding
        self._general = ReadContext(limits)
        self._refusals = list[UnreadableFileError]()
        self.warnings = self._general.warnings

    def find(self, path: Path, suffix: str) -> list[Source]:
        """List the layers; ``suffix`` is that of the name the officer gave.

        Raises
        ------
        UnreadableFileError
            Nothing in the file can be read, or a layer's own reader refuses it.
        """
        kind = _sniff(path, suffix)
        if kind != "zip":
            return self._open(path, kind, suffix, "")
        members = unpack(path, self._members, self._limits)
        sources = list(self._in_archive(members))
        if not sources:
            raise self._refusals[0] if self._refusals else _nothing_found(members)
        names = [source.info.name for source in sources]
        if len(set(names)) < len(names):
            sources = [
                source._replace(info=dataclasses.replace(source.info, name=f"{source.info.name} ({at})"))
                for at, source in enumerate(sources, start=1)
            ]
        return sources

    def _in_archive(self, members: list[Member]) -> Iterator[Source]:
        groups: dict[tuple[str, str], dict[str, Path]] = {}
        for member in members:
            if member.path and member.suffix in SHAPEFILE_PARTS:
                key = (member.folder.casefold(), member.stem.casefold())
                groups.setdefault(key, {})[member.suffix] = member.path
        for member in members:
            if member.path and member.suffix == ".shp":
                yield self._shapefile(groups[member.folder.casefold(), member.stem.casefold()], member.stem)
            elif member.path and member.suffix not in SHAPEFILE_PARTS:
                yield from self._open_member(member, member.path)

    def _open_member(self, member: Member, path: Path) -> list[Source]:
        try:
            return self._open(path, _sniff(path, member.suffix), member.suffix, member.stem)
        except UnreadableFileError as error:
            if error.code not in ("UPLOAD_FORMAT", "CSV_NO_HEADER"):
                raise
            self._refusals.append(error)
        self._general.warn(
            "MEMBER_IGNORED",
            f"Không đọc được “{member.stem}{member.suffix}” trong tệp nén nên đã bỏ qua.",
            f"“{member.stem}{member.suffix}” in the archive is not readable and was left out.",
            name=member.stem + member.suffix,
        )
        return []

    def _open(self, path: Path, kind: str, suffix: str, name: str) -> list[Source]:
        context = ReadContext(self._limits, self._encoding)
        if kind == "gpkg":
            return [Source(layer.info, layer, context) for layer in GpkgFile(path, context).layers]
        if kind == "shp":
            return [self._shapefile(_side_files(path) if suffix == ".shp" else {".shp": path}, name)]
        if kind == "geojson":
            document = GeojsonDocument(path, context)
            layer: Any = FeatureLayer(context, "GeoJSON", document.features, document.crs)
            return [Source(LayerInfo(name, "Geometry", document.count, layer.crs_wkt), layer, context)]
        if kind == "kml":
            layer = FeatureLayer(context, "KML", lambda: KmlReader(path, context).features())
            return [Source(LayerInfo(name, "Geometry", None, layer.crs_wkt), layer, context)]
        if kind == "csv":
            layer = self._csv(path, context)
            return [Source(LayerInfo(name, layer.geometry_type, None), layer, context)]
        raise _parts_missing([suffix]) if suffix == ".dbf" else unknown_format(suffix)

    def _shapefile(self, parts: dict[str, Path], name: str) -> Source:
        context = ReadContext(self._limits, self._encoding)
        layer = ShapefileLayer(parts, name, context)
        return Source(layer.info, layer, context)

    def _csv(self, path: Path, context: ReadContext) -> CsvLayer:
        found = scan_csv(path)
        if found.mark == "utf-16" or is_bytewise(found, context):
            path = transcode(
                path, self._members / f"{path.name}.utf8", "utf-16" if found.mark == "utf-16" else "latin-1"
            )
        return CsvLayer(path, found, context)


def _sniff(path: Path, suffix: str) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, kind in (
        (b"PK\3\4", "zip"),
        (b"PK\5\6", "zip"),
        (b"SQLite format 3\0", "gpkg"),
        (_SHP_MAGIC, "shp"),
    ):
        if head.startswith(magic):
            return kind
    first = {b"<": "kml", b"{": "geojson"}.get(text[:1])
    by_suffix = {**dict.fromkeys(_JSON_SUFFIXES, "geojson"), ".kml": "kml"} | {
        ".zip": "zip",
        ".kmz": "zip",
        ".shp": "shp",
        ".tsv": "csv",
        ".csv": "csv",
        ".txt": "csv",
        "": "csv",
    }
    return first or by_suffix.get(suffix, "unknown")


def _side_files(path: Path) -> dict[str, Path]:
    beside = [item for item in path.parent.iterdir() if item.stem.casefold() == path.stem.casefold()]
    return {item.suffix.lower(): item for item in beside if item.suffix.lower() in SHAPEFILE_PARTS} | {".shp": path}


def choose_layer(sources: Sequence[Source], wanted: str | None) -> Source:
    """Choose the layer the officer named, else the only one, else the only one with shapes and rows.

    Raises
    ------
    UnreadableFileError
        ``NO_LAYER`` if none is called so, ``LAYER_CHOICE`` if the officer has to choose. An only layer without a name
        is called like the file, which is known outside the sandbox alone and checked there.
    """
    if len(sources) == 1 and (wanted is None or not sources[0].info.name):
        return sources[0]
    if not sources:
        raise _nothing_found([])
    if wanted is not None:
        name = unicodedata.normalize("NFC", wanted)
        for source in sources:
            if name in (source.info.name, unicodedata.normalize("NFC", source.info.name)):
                return source
        raise no_such_layer(wanted, [source.info for source in sources])
    filled = [source for source in sources if source.info.geometry_type and source.info.row_count != 0]
    if len(filled) == 1:
        return filled[0]
    raise UnreadableFileError(
        "LAYER_CHOICE",
        f"Tệp có {len(sources)} lớp dữ liệu. Hãy chọn một lớp.",
        f"The file has {len(sources)} layers. Choose one.",
        layers=[dataclasses.asdict(source.info) for source in sources],
    )


def _nothing_found(members: list[Member]) -> UnreadableFileError:
    names = [f"{member.folder}/{member.stem}{member.suffix}" for member in members]
    if any(".gdb/" in name for name in names):
        return unknown_format("File Geodatabase")
    if "xl/workbook.xml" in names:
        return unknown_format(".xlsx")
    if parts := sorted({member.suffix for member in members} & {".dbf", ".shx", ".prj", ".cpg"}):
        return _parts_missing(parts)
    return UnreadableFileError(
        "NO_LAYER",
        "Không tìm thấy lớp dữ liệu nào trong tệp. Cần Shapefile, GeoPackage, GeoJSON, KML hoặc CSV.",
        "No layer was found in the file. Shapefile, GeoPackage, GeoJSON, KML or CSV is needed.",
    )


def _parts_missing(present: list[str]) -> UnreadableFileError:
    return UnreadableFileError(
        "SHP_PARTS_MISSING",
        f"Thiếu tệp .shp; chỉ có {', '.join(present)}. Hãy nén cùng nhau .shp, .dbf, .shx, .prj.",
        f"The .shp is missing; there is only {', '.join(present)}. Zip .shp, .dbf, .shx, .prj together.",
        missing=[".shp"],
        present=present,
    )

"""Find the layers of an uploaded file, and choose one.

What a file is, its bytes say; the suffix only breaks ties.
"""

import dataclasses
import mmap
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from geodata.importing.archive import unpack
from geodata.importing.context import ReadContext, ReaderLimits
from geodata.importing.csv_text import is_bytewise
from geodata.importing.features import ColumnsGrewError, FeatureLayer
from geodata.importing.gdal_layers import find_gdal_layers
from geodata.importing.geojson import GeojsonDocument
from geodata.importing.gpkg import GpkgFile
from geodata.importing.gpx import LAYERS as GPX_LAYERS
from geodata.importing.gpx import GpxReader, count_layers
from geodata.importing.kml import KmlReader, may_have_placemarks
from geodata.importing.lone_dbf import DbfLayer
from geodata.importing.mapinfo import count_blocks, lay_out
from geodata.importing.mapinfo import parts_missing as mapinfo_parts_missing
from geodata.importing.members import GEODATABASE_TABLE, MAPINFO_PARTS, SHAPEFILE_PARTS, Member, gather, is_workbook
from geodata.importing.results import LayerInfo, UnreadableFileError, no_such_layer, unknown_format
from geodata.importing.samples import SAMPLE_ROWS, sample_rows
from geodata.importing.shp import ShapefileLayer, side_text
from geodata.importing.sniff import sniff
from geodata.importing.tables import CsvLayer, scan_csv, transcode
from geodata.importing.text_columns import text_array
from geodata.importing.unicode_text import UnicodeText
from geodata.importing.workbook import SheetLayer, WorkbookFile, clean_copy, password

_PREVIEWED = 50
_SIDE_PARTS = frozenset((".prj", ".cpg", ".dat", ".map", ".id", ".mid"))
# Members of an archive that are left out where others can be read.
_LEFT_OUT = frozenset(("UPLOAD_FORMAT", "CSV_NO_HEADER", "WORKBOOK_NO_TABLE", "MAPINFO_INDIRECT", "MAPINFO_PARTS"))
_INNER = "inner"


class Source(NamedTuple):
    """A layer that was found, with its own warnings.

    ``layer`` gives ``batches``. It knows its columns, CRS and encoding when it has given the first one where
    ``knows_itself_early``, else when it has given the last.
    """

    info: LayerInfo
    layer: Any
    context: ReadContext


class LayerFinder:
    """Finds the layers of a file, an archive or several files sent together.

    Parameters
    ----------
    members : Path
        Existing empty folder for what is unpacked or transcoded.
    make_context : callable
        Gives each layer a context of its own, with the officer's choices.
    """

    def __init__(self, members: Path, limits: ReaderLimits, make_context: Callable[[], ReadContext]) -> None:
        self._members, self._limits, self._make_context = members, limits, make_context
        self._general = make_context()
        self._refusals = list[UnreadableFileError]()
        self.warnings = self._general.warnings

    def find(self, path: Path, suffix: str, names: Mapping[str, str] | None = None) -> list[Source]:
        """List the layers.

        Parameters
        ----------
        suffix : str
            That of the name the officer gave.
        names : mapping, optional
            If ``path`` is a folder: stored names to those the officer gave.

        Raises
        ------
        UnreadableFileError
            Nothing in the file can be read, or a layer's own reader refuses it.
        """
        if names is None:
            return self._file(path, suffix, "")
        members = gather(path, names, self._limits)
        if len(members) == 1 and members[0].path is not None:
            return self._file(members[0].path, members[0].suffix, members[0].stem)
        return self._among(members)

    def _file(self, path: Path, suffix: str, name: str) -> list[Source]:
        kind = sniff(path, suffix)
        if kind != "zip":
            return self._open(path, kind, suffix, name)
        return self._among(unpack(path, self._members, self._limits))

    def _among(self, members: list[Member]) -> list[Source]:
        if is_workbook(members):
            return self._workbook(clean_copy(members, self._members / "book.zip"))
        sources = list(self._in_archive(members))
        if not sources:
            raise self._refusals[0] if self._refusals else nothing_found(members)
        names = [source.info.name for source in sources]
        if len(set(names)) < len(names):
            sources = [
                source._replace(info=dataclasses.replace(source.info, name=f"{source.info.name} ({at})"))
                for at, source in enumerate(sources, start=1)
            ]
        return sources

    def _in_archive(self, members: list[Member]) -> Iterator[Source]:
        groups: dict[tuple[str, str], dict[str, Path | None]] = {}
        for member in members:
            groups.setdefault(_key(member), {})[member.suffix] = member.path
        geodatabases = {member.folder for member in members if _is_geodatabase(member) and member.path}
        for member in members:
            parts = groups[_key(member)]
            if member.path is None or member.folder in geodatabases or _is_side_part(member.suffix, parts):
                continue
            yield from self._open_member(member, member.path, {name: path for name, path in parts.items() if path})
        for home in sorted({member.path.parent for member in members if _is_geodatabase(member) and member.path}):
            yield from self._gdal(home, None)

    def _open_member(self, member: Member, path: Path, parts: dict[str, Path]) -> list[Source]:
        try:
            kind = sniff(path, member.suffix)
            if kind == "zip":
                return self._inner_workbook(path)
            return self._open(path, kind, member.suffix, member.stem, parts)
        except UnreadableFileError as error:
            if error.code not in _LEFT_OUT:
                raise
            self._refusals.append(error)
        self._general.warn("MEMBER_IGNORED", name=member.stem + member.suffix)
        return []

    def _inner_workbook(self, path: Path) -> list[Source]:
        """Open a workbook inside an archive: the one archive that may be within another, once."""
        if self._members.name == _INNER:
            raise unknown_format("archive")
        inner = self._members / _INNER
        if inner.exists():
            raise UnreadableFileError("WORKBOOKS_SEVERAL")
        inner.mkdir()
        members = unpack(path, inner, self._limits)
        if not is_workbook(members):
            raise unknown_format("archive")
        return self._workbook(clean_copy(members, inner / "book.zip"))

    def _open(
        self, path: Path, kind: str, suffix: str, name: str, parts: Mapping[str, Path] | None = None
    ) -> list[Source]:
        context = self._make_context()
        if kind == "gpkg":
            return [Source(layer.info, layer, context) for layer in GpkgFile(path, context).layers]
        if kind in ("shp", "tab", "mif", "dbf"):
            # What is sent alone may have its parts beside it on the command line.
            parts = parts if parts is not None else _side_files(path) if suffix == f".{kind}" else {}
            return self._with_parts(kind, {**parts, f".{kind}": path}, name)
        if kind == "gpx":
            return self._gpx(path)
        if kind == "xls":
            return self._old_workbook(path)
        if kind == "dxf":
            context.check_rows(count_blocks(path))
            return self._gdal(_linked(path, self._members / f"{path.stem}.gdal", ".dxf"), None, name)
        return [self._plain(path, kind, name, context)]

    def _plain(self, path: Path, kind: str, name: str, context: ReadContext) -> Source:
        if kind == "geojson":
            document = GeojsonDocument(path, context)
            layer: Any = FeatureLayer(context, "GeoJSON", document.features, document.crs)
            return Source(LayerInfo(name, "Geometry", document.count, layer.crs_wkt), layer, context)
        if kind == "kml":
            layer = FeatureLayer(context, "KML", lambda: KmlReader(path, context).features())
            count = None if may_have_placemarks(path) else 0
            return Source(LayerInfo(name, "Geometry", count, layer.crs_wkt), layer, context)
        layer = self._csv(path, context)
        return Source(LayerInfo(name, layer.geometry_type, None), layer, context)

    def _with_parts(self, kind: str, parts: dict[str, Path], name: str) -> list[Source]:
        context = self._make_context()
        if kind == "shp":
            layer: Any = ShapefileLayer(parts, name, context)
            return [Source(layer.info, layer, context)]
        if kind == "dbf":
            declared = side_text(parts[".cpg"]) if ".cpg" in parts else None
            layer = DbfLayer(parts[".dbf"], declared, context)
            return [Source(LayerInfo(name, layer.geometry_type, layer.row_count), layer, context)]
        path, hint = lay_out(parts, f".{kind}", self._members / f"{parts[f'.{kind}'].stem}.gdal")
        return self._gdal(path, hint, name)

    def _gpx(self, path: Path) -> list[Source]:
        sources = []
        counts = count_layers(path)
        for element, count in counts.items():
            if count or (element == "wpt" and not any(counts.values())):
                context, (name, kind) = self._make_context(), GPX_LAYERS[element]
                layer = FeatureLayer(context, "GPX", GpxReader(path, element, context).features)
                sources.append(Source(LayerInfo(name, kind, count, layer.crs_wkt), layer, context))
        return sources

    def _old_workbook(self, path: Path) -> list[Source]:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
                raise password()
            if content.find("Workbook".encode("utf-16-le")) < 0 and content.find("Book".encode("utf-16-le")) < 0:
                raise unknown_format("Microsoft Office")
        return self._workbook(path)

    def _workbook(self, path: Path) -> list[Source]:
        sources = []
        for name, table in WorkbookFile(path, self._general).sheets:
            context = self._make_context()
            layer = SheetLayer(table, context)
            sources.append(Source(LayerInfo(name, layer.geometry_type, table.row_count), layer, context))
        return sources

    def _gdal(self, path: Path, hint: str | None, name: str | None = None) -> list[Source]:
        """Open what passed our own checks with GDAL; a file of one layer is called like the file."""
        context = self._make_context()
        sources = [Source(layer.info, layer, context) for layer in find_gdal_layers(path, context, hint)]
        if name is None or len(sources) > 1:
            return sources
        return [source._replace(info=dataclasses.replace(source.info, name=name)) for source in sources]

    def _csv(self, path: Path, context: ReadContext) -> CsvLayer:
        found = scan_csv(path)
        if found.mark == "utf-16" or is_bytewise(found, context):
            path = transcode(
                path, self._members / f"{path.name}.utf8", "utf-16" if found.mark == "utf-16" else "latin-1"
            )
        return CsvLayer(path, found, context)


def _key(member: Member) -> tuple[str, str]:
    return member.folder.casefold(), member.stem.casefold()


def _is_side_part(suffix: str, parts: Mapping[str, Path | None]) -> bool:
    """Say whether a member is only a part of the layer beside it, or of one that is not there."""
    if suffix == ".dbf":
        return not parts.keys() <= {".dbf", ".cpg"}
    return suffix in _SIDE_PARTS


def _is_geodatabase(member: Member) -> bool:
    return member.suffix == GEODATABASE_TABLE


def _side_files(path: Path) -> dict[str, Path]:
    beside = [item for item in path.parent.iterdir() if item.stem.casefold() == path.stem.casefold()]
    wanted = {*SHAPEFILE_PARTS, *MAPINFO_PARTS}
    return {item.suffix.lower(): item for item in beside if item.suffix.lower() in wanted}


def _linked(path: Path, folder: Path, suffix: str) -> Path:
    """Give a file the suffix that GDAL looks at, in a folder of its own."""
    folder.mkdir()
    link = folder / f"l{suffix}"
    link.symlink_to(path.resolve())
    return link


def choose_layer(sources: Sequence[Source], wanted: str | None) -> Source:
    """Choose the layer the officer named, else the only one, else the only one with shapes and rows.

    Raises
    ------
    UnreadableFileError
        ``LAYER_UNKNOWN`` if none is called so, ``LAYER_CHOICE`` if the officer has to choose. An only layer without a name
        is called like the file, which is known outside the sandbox alone and checked there.
    """
    if len(sources) == 1 and (wanted is None or not sources[0].info.name):
        return sources[0]
    if not sources:
        raise nothing_found([])
    if wanted is not None:
        name = unicodedata.normalize("NFC", wanted)
        for source in sources:
            if name in (source.info.name, unicodedata.normalize("NFC", source.info.name)):
                return source
        raise no_such_layer(wanted, [source.info for source in sources])
    with_rows = [source for source in sources if source.info.row_count != 0]
    filled = [source for source in with_rows if source.info.geometry_type] or with_rows
    if len(filled) == 1:
        return filled[0]
    raise UnreadableFileError(
        "LAYER_CHOICE",
        count=len(sources),
        layers=[
            dataclasses.asdict(_preview(source) if at < _PREVIEWED else source.info)
            for at, source in enumerate(sources)
        ],
    )


def _preview(source: Source) -> LayerInfo:
    """Add to what is known of a layer its columns and first rows; it cannot be read any more after that."""
    context, layer = source.context, source.layer
    context.limits = dataclasses.replace(context.limits, batch_rows=SAMPLE_ROWS)
    try:
        batch = next(layer.batches(), None)
        sample = sample_rows(layer.columns, _as_read(source, batch.columns)) if batch is not None else []
        return dataclasses.replace(source.info, columns=tuple(layer.columns), sample=tuple(sample))
    except ColumnsGrewError:
        return dataclasses.replace(source.info, columns=tuple(layer.columns))
    except UnreadableFileError as error:
        detail = error.detail
        return dataclasses.replace(source.info, columns=detail.get("columns", ()), sample=detail.get("sample", ()))


def _as_read(source: Source, columns: Sequence[Any]) -> Sequence[Any]:
    """Decode the first rows of a layer whose text is only decided when all is read."""
    if not getattr(source.layer, "is_unicode", False):
        return columns
    arrays = [column if isinstance(column, pa.Array) else text_array(column) for column in columns]
    text = UnicodeText(source.layer.columns, ReadContext(source.context.limits, source.context.encoding))
    text.gather(arrays)
    text.decide()
    return text.decode(arrays)


def nothing_found(members: list[Member]) -> UnreadableFileError:
    """Say why none of some files could be read."""
    if any(member.name == "xl/workbook.bin" for member in members):
        return unknown_format("xlsb")
    suffixes = {member.suffix for member in members}
    if parts := sorted(suffixes & {".dbf", ".shx", ".prj", ".cpg"}):
        return _parts_missing(parts)
    if parts := sorted(suffixes & {".dat", ".map", ".id", ".mid"}):
        return mapinfo_parts_missing(parts, [".mif"] if parts == [".mid"] else [".tab"])
    return UnreadableFileError("NO_LAYER")


def _parts_missing(present: list[str]) -> UnreadableFileError:
    return UnreadableFileError("SHP_PARTS_MISSING", missing=[".shp"], present=present)

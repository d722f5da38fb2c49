"""The sandboxed process: find the layers of one file, write the chosen one to Arrow, leave a report.

Started only by ``geodata.importing.sandbox``. What a file is, its bytes say; the suffix only breaks ties.
KML is read with the standard library's expat: GDAL turns words in ``<coordinates>`` into places.
"""

import ctypes
import dataclasses
import json
import math
import re
import resource
import signal
import socket
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat

import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.archive import SHAPEFILE_PARTS, Member, unpack
from geodata.importing.dbf import choose_encoding
from geodata.importing.geojson import Feature, GeojsonDocument, geometry_wkb
from geodata.importing.gpkg import GEOMETRY_CODES, GpkgFile
from geodata.importing.sandbox import (
    MEMBERS_FOLDER,
    REPORT_FILE,
    ROWS_FILE,
    EncodingChoice,
    LayerInfo,
    ReadContext,
    ReaderLimits,
    RowBatch,
    UnreadableFileError,
)
from geodata.importing.shp import ShapefileLayer
from geodata.importing.tables import (
    ColumnsGrewError,
    CsvLayer,
    FeatureLayer,
    gather_csv_evidence,
    text_array,
    transcode,
)

_HEAD_BYTES, _KML_CHUNK_BYTES = 4096, 1 << 20
_SHP_MAGIC = b"\x00\x00\x27\x0a"
_JSON_SUFFIXES = frozenset((".geojson", ".geojsonl", ".json", ".ndjson"))
_TEXT_SUFFIXES = frozenset((".csv", ".tsv", ".txt", ""))
_FIXED_COLUMNS = ("_row", "_wkb", "_problem")
_MAX_COLUMN_NAME = 300
_MAX_OPEN_FILES = 128
_DEATH_SIGNAL = 1
_KML_ROOTS = frozenset(("kml", "Document", "Folder", "Placemark"))
_KML_SHAPES = frozenset(
    ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack", "Model")
)
_KML_TEXTS = frozenset(("name", "description", "address", "phoneNumber"))
_MAX_KML_DEPTH, _MAX_KML_TEXT = 64, 32 << 20


class _Source(NamedTuple):
    """A layer that was found, with its own warnings; ``layer`` knows its columns and gives ``batches``."""

    info: LayerInfo
    layer: Any
    context: ReadContext


class _NoPandas(MetaPathFinder):
    """Hides pandas: pyarrow imports it where it finds it, which takes longer than reading most files."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def main() -> int:
    """Do the job given as JSON in the first argument."""
    sys.meta_path.insert(0, _NoPandas())
    if sys.argv[1] == "--self-test":
        import pyogrio  # noqa: PLC0415 - only here; no upload ever reaches GDAL

        facts = {
            "drivers": list(pyogrio.list_drivers()),
            "interfaces": [name for _, name in socket.if_nameindex()],
        }
        sys.stdout.write(json.dumps(facts))
        return 0
    job = json.loads(sys.argv[1])
    limits = ReaderLimits(**job["limits"])
    _restrict(limits, job["timeout_s"])
    try:
        report = {"result": read_job(job, limits)}
    except UnreadableFileError as error:
        report = {"error": _refusal(error)}
    except MemoryError:
        report = {"error": _refusal(_too_big())}
    Path(job["work_dir"], REPORT_FILE).write_text(json.dumps(report), encoding="ascii")
    return 0


def _restrict(limits: ReaderLimits, timeout_s: float) -> None:
    cpu_s = math.ceil(timeout_s)
    file_bytes = 2 * limits.max_unpacked_bytes + limits.max_packed_bytes
    # The second limit is the hard one; a soft CPU limit of its own lets the parent tell time from other deaths.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_OPEN_FILES, _MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A worker that is killed takes its reader along.
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


def _refusal(error: UnreadableFileError) -> dict[str, Any]:
    return {"code": error.code, "vi": error.vi, "en": error.en, "detail": error.detail}


def read_job(job: dict[str, Any], limits: ReaderLimits) -> dict[str, Any]:
    """Read the chosen layer of a job's file into the work folder, and describe it."""
    work_dir = Path(job["work_dir"])
    (work_dir / MEMBERS_FOLDER).mkdir(exist_ok=True)
    finder = _Finder(work_dir / MEMBERS_FOLDER, limits, job["encoding"])
    sources = finder.find(Path(job["path"]), job["suffix"])
    chosen = _choose(sources, job["layer"])
    while True:
        try:
            written = _Writer(chosen, work_dir / ROWS_FILE).write()
            break
        except ColumnsGrewError:
            continue
    layer = chosen.layer
    return {
        "layer": chosen.info.name,
        "layers": [dataclasses.asdict(source.info) for source in sources],
        "crs_wkt": layer.crs_wkt,
        "crs_hint": layer.crs_hint,
        "format": layer.format,
        "encoding": dataclasses.asdict(layer.encoding),
        "warnings": [dataclasses.asdict(warning) for warning in finder.warnings + chosen.context.warnings],
        **written,
    }


class _Finder:
    """Finds the layers of a file or archive."""

    def __init__(self, members: Path, limits: ReaderLimits, encoding: str | None) -> None:
        self._members, self._limits, self._encoding = members, limits, encoding
        self._general = ReadContext(limits)
        self._refusals = list[UnreadableFileError]()
        self.warnings = self._general.warnings

    def find(self, path: Path, suffix: str) -> list[_Source]:
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

    def _in_archive(self, members: list[Member]) -> Iterator[_Source]:
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

    def _open_member(self, member: Member, path: Path) -> list[_Source]:
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

    def _open(self, path: Path, kind: str, suffix: str, name: str) -> list[_Source]:
        context = ReadContext(self._limits, self._encoding)
        if kind == "gpkg":
            return [_Source(layer.info, layer, context) for layer in GpkgFile(path, context).layers]
        if kind == "shp":
            return [self._shapefile(_side_files(path) if suffix == ".shp" else {".shp": path}, name)]
        if kind == "geojson":
            document = GeojsonDocument(path, context)
            layer: Any = FeatureLayer(context, "GeoJSON", document.features, document.crs)
            return [_Source(LayerInfo(name, "Geometry", document.count, layer.crs_wkt), layer, context)]
        if kind == "kml":
            layer = FeatureLayer(context, "KML", lambda: _KmlReader(path, context).features())
            return [_Source(LayerInfo(name, "Geometry", None, layer.crs_wkt), layer, context)]
        if kind == "csv":
            layer = self._csv(path, context)
            return [_Source(LayerInfo(name, layer.geometry_type, None), layer, context)]
        raise _parts_missing([suffix]) if suffix == ".dbf" else _unknown_format(suffix)

    def _shapefile(self, parts: dict[str, Path], name: str) -> _Source:
        context = ReadContext(self._limits, self._encoding)
        layer = ShapefileLayer(parts, name, context)
        return _Source(layer.info, layer, context)

    def _csv(self, path: Path, context: ReadContext) -> CsvLayer:
        evidence, mark = gather_csv_evidence(path)
        if mark is not None and context.encoding is None:
            choice = EncodingChoice(mark, "byte order mark", certain=True)
        else:
            choice = choose_encoding(evidence, explicit=context.encoding, declared=None, hint=None, context=context)
        if choice.chosen != "utf-8" or not (evidence.is_utf8 or evidence.is_ascii):
            path = transcode(path, self._members / f"{path.name}.utf8", choice.chosen)
        return CsvLayer(path, choice, context)


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


def _choose(sources: Sequence[_Source], wanted: str | None) -> _Source:
    if len(sources) == 1 and (wanted is None or not sources[0].info.name):
        return sources[0]
    if not sources:
        raise _nothing_found([])
    described = [dataclasses.asdict(source.info) for source in sources]
    if wanted is not None:
        name = unicodedata.normalize("NFC", wanted)
        for source in sources:
            if name in (source.info.name, unicodedata.normalize("NFC", source.info.name)):
                return source
        raise UnreadableFileError(
            "NO_LAYER",
            f"Tệp không có lớp “{wanted[:80]}”.",
            f"The file has no layer “{wanted[:80]}”.",
            layers=described,
        )
    filled = [source for source in sources if source.info.geometry_type and source.info.row_count != 0]
    if len(filled) == 1:
        return filled[0]
    raise UnreadableFileError(
        "LAYER_CHOICE",
        f"Tệp có {len(sources)} lớp dữ liệu. Hãy chọn một lớp.",
        f"The file has {len(sources)} layers. Choose one.",
        layers=described,
    )


class _Writer:
    """Writes a layer's rows to the Arrow file."""

    def __init__(self, source: _Source, path: Path) -> None:
        self._layer, self._context, self._path = source.layer, source.context, path
        self._row_count = 0
        self._codes = set[int]()
        self._schema = pa.schema([])

    def write(self) -> dict[str, Any]:
        writer = None
        with pa.OSFile(str(self._path), "wb") as sink:
            for batch in self._layer.batches():
                if writer is None:
                    self._schema = self._make_schema()
                    writer = pa.ipc.new_file(sink, self._schema)
                if len(batch.rows):
                    writer.write_batch(self._record(batch))
                    self._row_count += len(batch.rows)
            if writer is not None:
                writer.close()
        if self._row_count == 0:
            raise UnreadableFileError(
                "EMPTY_LAYER",
                "Lớp dữ liệu không có dòng nào.",
                "The layer has no rows.",
                columns=self._layer.columns,
            )
        return {
            "row_count": self._row_count,
            "columns": self._schema.names[len(_FIXED_COLUMNS) :],
            "geometry_type": self._geometry_type(),
        }

    def _make_schema(self) -> pa.Schema:
        taken, renamed = set(_FIXED_COLUMNS), []
        for at, raw in enumerate(self._layer.columns, start=1):
            clean = raw.encode("utf-8", "replace").decode().replace("\0", "")[:_MAX_COLUMN_NAME]
            name = wanted = unicodedata.normalize("NFC", clean).strip() or f"cot_{at}"
            number = 2
            while name in taken:
                name, number = f"{wanted}_{number}", number + 1
            taken.add(name)
            renamed.append(name)
            if name != wanted:
                self._context.warn(
                    "COLUMN_RENAMED",
                    f"Có nhiều cột tên “{wanted}”; một cột được đổi thành “{name}”.",
                    f"Several columns are called “{wanted}”; one became “{name}”.",
                    name=wanted,
                    renamed=name,
                )
        fixed = zip(_FIXED_COLUMNS, (pa.int64(), pa.binary(), pa.string()), strict=True)
        return pa.schema([*fixed, *((name, pa.string()) for name in renamed)])

    def _record(self, batch: RowBatch) -> pa.RecordBatch:
        limit = self._context.limits.max_text_bytes
        problem, columns = batch.problem, []
        for values in batch.columns:
            column = values if isinstance(values, pa.Array) else text_array(values)
            too_long = pc.fill_null(pc.greater(pc.binary_length(column), limit), fill_value=False)
            if pc.any(too_long).as_py():
                column = pc.if_else(too_long, pa.scalar(None, pa.string()), column)
                marks = pc.if_else(too_long, "TEXT_TOO_LONG", pa.scalar(None, pa.string()))
                problem = pc.coalesce(problem, marks)
            columns.append(column)
        self._note_types(batch.wkb)
        return pa.record_batch([pa.array(batch.rows), batch.wkb, problem, *columns], schema=self._schema)

    def _note_types(self, wkb: pa.Array) -> None:
        # The second byte of our WKB is the type.
        second = pc.binary_slice(wkb.drop_null(), 1, 2).unique().to_pylist()
        self._codes.update(code[0] for code in second)

    def _geometry_type(self) -> str | None:
        names = sorted(name for name, code in GEOMETRY_CODES.items() if code in self._codes)
        simple = {name.removeprefix("Multi") for name in names}
        if len(simple) > 1:
            return "Geometry"
        return names[0] if names else None


class _KmlReader:
    """Turns placemarks into features; folders become a column, links are not followed."""

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._path, self._context = path, context
        self._stack, self._folders, self._texts = list[str](), list[str](), list[str]()
        self._text_size, self._has_shape, self._key = 0, False, ""
        self._properties, self._shapes = dict[str, Any](), list[tuple[str, Any]]()
        self._positions, self._rings, self._track = list[Any](), list[Any](), list[Any]()
        self._done = list[Feature]()

    def features(self) -> Iterator[list[Feature]]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        try:
            with self._path.open("rb") as file:
                for chunk in iter(lambda: file.read(_KML_CHUNK_BYTES), b""):
                    parser.Parse(chunk, False)  # noqa: FBT003 - positional in expat
                    if self._done:
                        yield self._done
                        self._done = []
            parser.Parse(b"", True)  # noqa: FBT003
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise UnreadableFileError(
                "XML_SYNTAX",
                f"KML sai cú pháp ở dòng {parser.CurrentLineNumber}.",
                f"The KML has a syntax error in line {parser.CurrentLineNumber}.",
                line=parser.CurrentLineNumber,
                why=str(error)[:200],
            ) from error
        yield self._done

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._stack and name not in _KML_ROOTS:
            raise _unknown_format(name[:40])
        self._stack.append(name)
        if len(self._stack) > _MAX_KML_DEPTH:
            raise UnreadableFileError(
                "TOO_DEEP", "KML lồng nhau quá sâu.", "The KML is nested too deeply.", limit=_MAX_KML_DEPTH
            )
        self._texts, self._text_size = [], 0
        if name == "Placemark":
            self._properties, self._shapes, self._has_shape = {}, [], False
        elif name == "Folder":
            self._folders.append("")
        elif name in ("Data", "SimpleData"):
            self._key = attributes.get("name", "")
        elif name in _KML_SHAPES:
            self._start_shape(name)
        elif name == "NetworkLink":
            self._context.warn(
                "KML_LINK",
                "Liên kết mạng trong KML không được tải.",
                "Network links in the KML are not followed.",
            )

    def _start_shape(self, name: str) -> None:
        self._has_shape, self._positions = True, []
        if name == "Polygon":
            self._rings = []
        elif name == "Track":
            self._track = []

    def _add_text(self, text: str) -> None:
        self._text_size += len(text)
        if self._text_size <= _MAX_KML_TEXT:
            self._texts.append(text)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self._stack.pop()
        text, self._texts = "".join(self._texts).strip(), []
        parent = self._stack[-1] if self._stack else ""
        if name == "Placemark":
            self._finish_placemark()
        elif name == "Folder":
            self._folders.pop()
        elif name == "name" and parent == "Folder":
            self._folders[-1] = text
        elif name in _KML_SHAPES:
            self._finish_shape(name, parent)
        elif name == "coordinates":
            self._positions = [_kml_position(token.split(",")) for token in re.sub(r"\s*,\s*", ",", text).split()]
        elif name == "coord":
            self._track.append(_kml_position(text.split()))
        elif (
            (name in _KML_TEXTS and parent == "Placemark")
            or name == "SimpleData"
            or (name, parent) == ("value", "Data")
        ):
            self._properties[name if parent == "Placemark" else self._key] = text

    def _finish_shape(self, name: str, parent: str) -> None:
        if name == "LinearRing" and parent == "outerBoundaryIs":
            self._rings.insert(0, self._positions)
        elif name == "LinearRing" and parent == "innerBoundaryIs":
            self._rings.append(self._positions)
        elif name == "Polygon":
            self._shapes.append(("Polygon", self._rings))
        elif name == "Track":
            self._shapes.append(("LineString", self._track))
        elif name == "Point":
            self._shapes.append(("Point", self._positions[0] if self._positions else []))
        elif name in ("LineString", "LinearRing"):
            self._shapes.append(("LineString", self._positions))

    def _finish_placemark(self) -> None:
        if any(self._folders):
            self._properties.setdefault("folder", "/".join(self._folders))
        kinds = {kind for kind, _ in self._shapes}
        limit = self._context.limits.max_vertices
        wkb: bytes | None = None
        problem: str | None = "GEOM_EMPTY" if self._has_shape else "GEOM_NULL"
        if len(self._shapes) == 1:
            wkb, problem = geometry_wkb(*self._shapes[0], limit)
        elif len(kinds) == 1:
            wkb, problem = geometry_wkb(f"Multi{kinds.pop()}", [shape for _, shape in self._shapes], limit)
        elif kinds:
            problem = "GEOM_COLLECTION"
        self._done.append(Feature(wkb, problem, self._properties))
        self._properties = {}


def _kml_position(numbers: list[str]) -> list[Any]:
    try:
        return [float(number) for number in numbers[:2]]
    except ValueError:
        return list(numbers[:2])


def _refuse_doctype(*_: object) -> None:
    raise UnreadableFileError(
        "XML_DOCTYPE",
        "Tệp XML có khai báo DOCTYPE nên bị từ chối. Hãy lưu lại KML bằng Google Earth hoặc QGIS.",
        "The XML holds a DOCTYPE and is refused. Save the KML anew in Google Earth or QGIS.",
    )


def _nothing_found(members: list[Member]) -> UnreadableFileError:
    names = [f"{member.folder}/{member.stem}{member.suffix}" for member in members]
    if any(".gdb/" in name for name in names):
        return _unknown_format("File Geodatabase")
    if "xl/workbook.xml" in names:
        return _unknown_format(".xlsx")
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


def _unknown_format(what: str) -> UnreadableFileError:
    return UnreadableFileError(
        "UPLOAD_FORMAT",
        "Không đọc được định dạng này. Hãy xuất thành Shapefile (.zip), GeoPackage, GeoJSON, KML hoặc CSV.",
        "This format is not read. Export it as Shapefile (.zip), GeoPackage, GeoJSON, KML or CSV.",
        what=what,
    )


def _too_big() -> UnreadableFileError:
    return UnreadableFileError(
        "READER_MEMORY",
        "Tệp cần nhiều bộ nhớ hơn mức cho phép. Hãy chia nhỏ tệp.",
        "The file needs more memory than allowed. Split it.",
    )


if __name__ == "__main__":
    sys.exit(main())

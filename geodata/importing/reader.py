"""The sandboxed process: describe the chosen layer of one file, write it as Arrow, and say how it ended."""

import dataclasses
import functools
import importlib
import json
import math
import resource
import socket
import sys
import unicodedata
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing import gdal_mode
from geodata.importing.context import ReadContext, ReaderLimits
from geodata.importing.features import ColumnsGrewError
from geodata.importing.layers import LayerFinder, Source, choose_layer
from geodata.importing.results import RowBatch, UnreadableFileError
from geodata.importing.samples import sample_rows
from geodata.importing.sandbox import DESCRIPTION_FILE, END_FILE, MEMBERS_FOLDER, ROWS_FILE, too_big
from geodata.importing.text_columns import text_array
from geodata.importing.unicode_text import UnicodeText
from geodata.importing.wkb import GEOMETRY_CODES

_FIXED_COLUMNS = ("_row", "_wkb", "_problem")
_MAX_COLUMN_NAME = 300
_MAX_OPEN_FILES = 128
# Of how many parts of a file each may add its share to what is known of its text.
_BLOCKS = 8


class _Hidden(MetaPathFinder):
    """Hides what must not be loaded here; see `gdal_mode`, which alone may let GDAL in."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in gdal_mode.HIDDEN:
            raise ModuleNotFoundError(fullname)


def main(argument: str) -> int:
    """Do the job given as JSON, or tell what this process can reach where it is ``--self-test``."""
    sys.meta_path.insert(0, _Hidden())
    if argument == "--self-test":
        sys.stdout.write(json.dumps(_self_test()))
        return 0
    job = json.loads(argument)
    limits = ReaderLimits(**job["limits"])
    _restrict(limits, job["timeout_s"])
    try:
        end = read_job(job, limits)
    except UnreadableFileError as error:
        end = {"error": _refusal(error)}
    except MemoryError:
        end = {"error": _refusal(too_big())}
    _leave(job, END_FILE, end)
    return 0


def _encodings(layer: Any, text: UnicodeText | None, columns: list[str]) -> dict[str, Any]:
    """Say how each column is encoded; a format that leaves no choice has one answer for all."""
    choices = layer.encoding if text is None else text.choices
    found = choices if isinstance(choices, list) else [choices] * len(columns)
    return {column: dataclasses.asdict(choice) for column, choice in zip(columns, found, strict=True)}


def _self_test() -> dict[str, list[str]]:
    """Try what this process can reach, first as it is for most files and then as for the few that need GDAL."""
    loadable = [name for name in gdal_mode.MODULES if _is_loadable(name)]
    build = gdal_mode.all_drivers()
    try:
        drivers = sorted(gdal_mode.live_drivers(gdal_mode.load()))
    except UnreadableFileError as error:
        drivers = error.detail["drivers"]
    interfaces = [name for _, name in socket.if_nameindex()]
    return {"gdal": loadable, "build": build, "drivers": drivers, "interfaces": interfaces}


def _leave(job: dict[str, Any], name: str, content: dict[str, Any]) -> None:
    """Write a file that the worker sees as a whole or not at all."""
    draft = Path(job["work_dir"], f"{name}.part")
    draft.write_text(json.dumps(content), encoding="ascii")
    draft.rename(draft.with_suffix(""))


def _is_loadable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:
        return False
    return True


def _restrict(limits: ReaderLimits, timeout_s: float) -> None:
    cpu_s = math.ceil(timeout_s)
    file_bytes = 2 * limits.max_unpacked_bytes + limits.max_packed_bytes
    # The second limit is the hard one; a soft CPU limit of its own lets the parent tell time from other deaths.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_OPEN_FILES, _MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refusal(error: UnreadableFileError) -> dict[str, Any]:
    return {"code": error.code, "detail": error.detail}


def read_job(job: dict[str, Any], limits: ReaderLimits) -> dict[str, Any]:
    """Read the chosen layer of a job's file into the work folder, and say what came of it.

    A layer that knows itself from its first rows is described then, so that the worker checks while the rest is read;
    any other is described when all is read.
    """
    work_dir = Path(job["work_dir"])
    (work_dir / MEMBERS_FOLDER).mkdir(exist_ok=True)
    choices = functools.partial(ReadContext, limits, job["encoding"], job.get("place_columns"))
    finder = LayerFinder(work_dir / MEMBERS_FOLDER, limits, choices)
    sources = finder.find(Path(job["path"]), job["suffix"], job.get("names"))
    chosen = choose_layer(sources, job["layer"])
    layer = chosen.layer

    def describe(columns: list[str], row_count: int | None, sample: list[dict[str, str | None]]) -> None:
        known = dataclasses.replace(chosen.info, columns=columns, sample=sample)
        description = {
            "layer": chosen.info.name,
            "layers": [dataclasses.asdict(known if source is chosen else source.info) for source in sources],
            "columns": columns,
            "row_count": row_count,
            "crs_wkt": layer.crs_wkt,
            "crs_hint": layer.crs_hint,
            "format": layer.format,
            "place_columns": getattr(layer, "place_names", []),
            "encoding": _encodings(layer, writer.text, columns),
        }
        _leave(job, DESCRIPTION_FILE, description)

    while True:
        writer = _Writer(chosen, work_dir / ROWS_FILE, describe if layer.knows_itself_early else None)
        try:
            writer.write()
            break
        except ColumnsGrewError:
            continue
        except UnreadableFileError as error:
            if error.code == "COLUMN_CHOICE":
                error.detail["layer"] = chosen.info.name
            raise
    if not layer.knows_itself_early:
        describe(writer.columns, writer.row_count, writer.sample)
    warnings = [dataclasses.asdict(warning) for warning in finder.warnings + chosen.context.warnings]
    return {"row_count": writer.row_count, "geometry_type": writer.geometry_type(), "warnings": warnings}


_Tell = Callable[[list[str], int | None, list[dict[str, str | None]]], None]


class _Writer:
    """Writes a layer's rows to the Arrow file; ``tell`` is told the columns once they are known."""

    def __init__(self, source: Source, path: Path, tell: _Tell | None) -> None:
        self._layer, self._context, self._path = source.layer, source.context, path
        self._expected, self._tell = source.info.row_count, tell
        self.row_count = 0
        self.sample = list[dict[str, str | None]]()
        self._codes = set[int]()
        self._schema = pa.schema([])
        self.text: UnicodeText | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the attributes as they are written."""
        names: list[str] = self._schema.names[len(_FIXED_COLUMNS) :]
        return names

    def write(self) -> None:
        """Write every row.

        Raises
        ------
        UnreadableFileError
            What the layer's reader refuses, and ``EMPTY_LAYER``.
        """
        writer = None
        with pa.OSFile(str(self._path), "wb") as sink:
            for batch in self._layer.batches():
                if writer is None:
                    self._schema = self._make_schema(self._layer.columns)
                    self.text = UnicodeText(self.columns, self._context, _BLOCKS) if self._is_unicode else None
                    writer = pa.ipc.new_stream(sink, self._schema)
                    self.sample = sample_rows(self.columns, batch.columns)
                    if self._tell is not None:
                        self._tell(self.columns, self._expected, self.sample)
                if len(batch.rows):
                    writer.write_batch(self._record(batch))
                    self.row_count += len(batch.rows)
            if writer is not None:
                writer.close()
        if self.row_count == 0:
            raise UnreadableFileError("EMPTY_LAYER", columns=self._layer.columns)
        if self.text is not None and self.text.decide():
            self._write_again(self.text)

    @property
    def _is_unicode(self) -> bool:
        """Whether the layer leaves it to us to look for other encodings in its text, once all of it is written."""
        return getattr(self._layer, "is_unicode", False)

    def _write_again(self, text: UnicodeText) -> None:
        """Write the rows anew with their text decoded."""
        draft, fixed = self._path.with_suffix(".again"), len(_FIXED_COLUMNS)
        # The names of a table's columns were read before its places were looked for.
        schema = self._schema if hasattr(self._layer, "place_names") else self._make_schema(text.names)
        self.sample = []
        with (
            pa.OSFile(str(self._path)) as source,
            pa.OSFile(str(draft), "wb") as sink,
            pa.ipc.open_stream(source) as rows,
            pa.ipc.new_stream(sink, schema) as writer,
        ):
            for batch in rows:
                columns = text.decode(batch.columns[fixed:])
                self.sample = self.sample or sample_rows(schema.names[fixed:], columns)
                writer.write_batch(pa.record_batch([*batch.columns[:fixed], *columns], schema=schema))
        draft.replace(self._path)
        self._schema = schema
        text.warn()

    def _make_schema(self, columns: Sequence[str]) -> pa.Schema:
        clean = [
            unicodedata.normalize("NFC", raw.encode("utf-8", "replace").decode().replace("\0", "")[:_MAX_COLUMN_NAME])
            for raw in columns
        ]
        renamed = self._context.unique_names([name.strip() for name in clean], _FIXED_COLUMNS)
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
        if self.text is not None:
            self.text.gather(columns)
        self._note_types(batch.wkb)
        return pa.record_batch([pa.array(batch.rows), batch.wkb, problem, *columns], schema=self._schema)

    def _note_types(self, wkb: pa.Array) -> None:
        # The second byte of our WKB is the type.
        second = pc.binary_slice(wkb.drop_null(), 1, 2).unique().to_pylist()
        self._codes.update(code[0] for code in second)

    def geometry_type(self) -> str | None:
        """Name the type of the geometries written, ``Geometry`` where they differ."""
        names = sorted(name for name, code in GEOMETRY_CODES.items() if code in self._codes)
        simple = {name.removeprefix("Multi") for name in names}
        if len(simple) > 1:
            return "Geometry"
        return names[0] if names else None

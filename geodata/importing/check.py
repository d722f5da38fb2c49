"""A file from bytes to checked rows: read in the sandbox, columns mapped, rows validated and placed.

The web, the shell and the API all come through `check_file`; what becomes of the valid rows is the sink's business.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geodata.crs import SourceCrs
from geodata.db import Actor
from geodata.geometry import Geometries
from geodata.importing.cancellation import Cancellation
from geodata.importing.cells import Cells
from geodata.importing.communes import FileCommunes
from geodata.importing.context import ReaderLimits
from geodata.importing.crs_choice import choose_crs
from geodata.importing.given_ids import STAGED, GivenIds
from geodata.importing.mapping import ColumnChoiceError, ColumnMatching, are_personal, is_open, without_private
from geodata.importing.merge import Mode
from geodata.importing.place import PlaceChecker
from geodata.importing.report import Outcome, Report, describe_file
from geodata.importing.results import ReadResult, UnreadableFileError, iter_batches
from geodata.importing.rows import CheckedRows, RowChecker
from geodata.importing.sandbox import open_upload
from geodata.register import Field, Register
from geodata.settings import GeodataSettings
from geodata.text import search_key
from geodata.units.index import UnitIndex

Mask = NDArray[np.bool_]
_CHOICES = frozenset(("LAYER_CHOICE", "COLUMN_CHOICE"))
PLACE_COLUMNS = frozenset(
    ["lon", "long", "lng", "longitude", "x", "lat", "latitude", "y", "wkt", "geom", "geometry", "easting", "northing"]
) | {
    "kinh do",
    "vi do",
}
"""Columns of tables that the reader takes the place from; they are no fields and not worth a note."""

MOST_REJECTED = 10_000
"""Keys of rejected rows that are remembered; a file with more of them removes nothing."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImportRequest:
    """One file and what its sender asked for.

    Attributes
    ----------
    commune : str, optional
        The commune the file is for: rows of another one are refused, rows that name none are of it.
    layer, crs, encoding : str, optional
        Choices of the sender where the file leaves one.
    mode : str
        See `geodata.importing.merge.Merge`.
    publishes : bool
        Publish at once what needs nobody's word; otherwise the rows wait.
    is_approved : bool
        A second officer agrees that most of a commune's records vanish.
    expected : str, optional
        Mark of the review that the officer saw: anything else waits again.
    columns : mapping of column name to field name
        The sender's word on columns; None for one that is to be left out.
    accept : frozenset of str
        Codes of the repairs that the sender lets be made.
    remembered : mapping of column key to field name
        What was chosen before for columns of these names; see `geodata.importing.column_memory`.
    place_columns : mapping, optional
        Likewise: ``x_column`` and ``y_column``, or ``wkt_column``.
    names : mapping, optional
        Where ``path`` is a folder of files sent together: stored names to those the sender gave.
    cancellation : Cancellation
        Ends the work from outside; what is written of it must not be kept then.
    """

    path: Path
    original_name: str
    register: Register
    actor: Actor
    commune: str | None = None
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    mode: Mode = "upsert"
    publishes: bool = True
    is_approved: bool = False
    expected: str | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    accept: frozenset[str] = frozenset()
    remembered: Mapping[str, str | None] = field(default_factory=dict)
    place_columns: Mapping[str, str | None] | None = None
    names: Mapping[str, str] | None = None
    note: str | None = None
    upload_id: UUID | None = None
    limits: ReaderLimits = field(default_factory=ReaderLimits)
    settings: GeodataSettings = field(default_factory=GeodataSettings)
    timeout_s: float = 120.0
    cancellation: Cancellation = field(default_factory=Cancellation)


class Sink(Protocol):
    """Takes the valid rows of a file."""

    def open(self, fields: Sequence[str]) -> None:
        """Prepare for rows with these fields."""

    def write(self, columns: Mapping[str, pa.Array], geometries: Geometries, rows: pa.Array) -> None:
        """Take one batch."""


class NoSink:
    """Drops the rows: a file is only being checked."""

    def open(self, fields: Sequence[str]) -> None:
        """Do nothing."""

    def write(self, columns: Mapping[str, pa.Array], geometries: Geometries, rows: pa.Array) -> None:
        """Do nothing."""


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def check_file(
    request: ImportRequest, units: UnitIndex, work_dir: Path, sink: Sink, progress: Progress = no_progress
) -> Report:
    """Read and check a file, handing its valid rows to the sink.

    Parameters
    ----------
    request : ImportRequest
    units : UnitIndex
    work_dir : Path
        A folder of this job's own; left to the caller to remove.
    sink : Sink
    progress : callable
        Told the stage, the rows done and the rows in all.

    Returns
    -------
    Report
        ``outcome`` says whether the file could be taken; rows may be rejected all the same.
    """
    file = describe_file(request.path, request.original_name, request.names)
    report = Report(request.register.id, request.commune, file=file)
    progress("reading", 0, 0)
    try:
        with open_upload(
            request.path, work_dir, original_name=request.original_name, layer=request.layer,
            encoding=request.encoding, names=request.names, place_columns=request.place_columns,
            timeout_s=request.timeout_s, limits=request.limits,
        ) as reading, request.cancellation.ending(reading.stop):  # fmt: skip
            # pyarrow loads pandas when it first makes an array of Python values: now, while the reader starts.
            pa.array([""])
            _describe(request.register, reading.result, report)
            mapping = _map_columns(request, reading.result, units, report)
            _describe_encoding(request.register, reading.result, mapping or {}, report)
            communes = _communes_of(request, mapping or {}, units)
            crs = choose_crs(reading.result, request.crs, report, communes)
            if crs is not None and mapping is not None:
                _FileCheck(request, reading.result, mapping, crs, units, report, sink, progress).run()
            for warning in reversed(reading.finish().warnings):
                report.add_first("FILE_NOTE", value=warning.code, why_vi=warning.vi, why_en=warning.en)
    except UnreadableFileError as error:
        return _refused(request, file, error)
    report.settle()
    return report


def _communes_of(request: ImportRequest, mapping: Mapping[str, Field], units: UnitIndex) -> FileCommunes | None:
    """Say for which communes the file is; None where its rows are no places in communes."""
    if "commune_code" not in request.register.write.model_fields:
        return None
    column = next((column for column, item in mapping.items() if item.name == "commune_code"), None)
    return FileCommunes(units, request.actor, request.commune, column)


def _refused(request: ImportRequest, file: dict[str, Any], error: UnreadableFileError) -> Report:
    """Report on a file that is no use as a whole, whatever its first rows were."""
    report = Report(request.register.id, request.commune, file=file)
    outcome: Outcome = "needs_choice" if error.code in _CHOICES else "refused"
    report.layers = [_layer(request.register, **item) for item in error.detail.get("layers", ())]
    if error.code == "COLUMN_CHOICE":
        found = (error.detail["layer"], None, None, None, error.detail["columns"], error.detail["sample"])
        report.layers = [_layer(request.register, *found)]
    report.refuse("FILE_REFUSED", outcome, value=error.code, why_vi=error.vi, why_en=error.en)
    return report


def _describe(register: Register, result: ReadResult, report: Report) -> None:
    assert report.file is not None
    report.file["format"], report.layer = result.format, result.layer
    report.layers = [_layer(register, **asdict(item)) for item in result.layers]


def _describe_encoding(register: Register, result: ReadResult, mapping: Mapping[str, Field], report: Report) -> None:
    """Tell how each column's text was read; samples only of what may be shown."""
    report.encoding = {column: asdict(choice) for column, choice in result.encoding.items()}
    for column, described in report.encoding.items():
        samples = [*described["samples"]]
        texts = [sample["after"] for sample in samples]
        is_shown = is_open(register, mapping[column]) if column in mapping else not are_personal(texts)
        described["samples"] = samples if is_shown else []


def _layer(  # noqa: PLR0913  what is known of a layer
    register: Register, name: str, geometry_type: str | None, row_count: int | None, crs_wkt: str | None = None,
    columns: Sequence[str] = (), sample: Sequence[Mapping[str, str | None]] = (),
) -> dict[str, Any]:  # fmt: skip
    """Describe one layer; of its coordinate system the name is told, the first quoted text of any WKT."""
    crs = crs_wkt.split('"')[1] if crs_wkt and '"' in crs_wkt else None
    return {
        "name": name, "geometry": geometry_type, "rows": row_count, "crs": crs, "columns": list(columns),
        "sample": without_private(register, sample),
    }  # fmt: skip


def _map_columns(
    request: ImportRequest, result: ReadResult, units: UnitIndex, report: Report
) -> Mapping[str, Field] | None:
    """Find the field of each column, saying how; None where the sender's own choice cannot be followed."""
    with closing(iter_batches(result)) as batches:
        first = next(batches, None)
    sample = {} if first is None else {name: first.column(name) for name in result.columns}
    matching = ColumnMatching(request.register, request.columns, request.remembered, units, request.commune)
    try:
        matches = matching.run(result.columns, sample)
    except ColumnChoiceError as error:
        report.refuse("COLUMN_CHOICE", "needs_choice", value=error.column, why_vi=error.vi, why_en=error.en)
        return None
    report.matches = [match.as_dict() for match in matches]
    report.columns = {match.name: match.taken.name if match.taken else None for match in matches}
    mapping = {match.name: match.taken for match in matches if match.taken is not None}
    ids = _given_ids(result, mapping)
    for match in matches:
        is_place = match.name in result.place_columns or search_key(match.name) in PLACE_COLUMNS
        if not is_place and match.name != ids.column:
            match.say(report)
    return mapping


def _given_ids(result: ReadResult, mapping: Mapping[str, Field]) -> GivenIds:
    """Find the column of the records' own ids, as exports have it, among those that are no field."""
    return GivenIds([name for name in result.columns if name not in mapping])


@dataclass
class _FileCheck:
    request: ImportRequest
    result: ReadResult
    mapping: Mapping[str, Field]
    crs: SourceCrs
    units: UnitIndex
    report: Report
    sink: Sink
    progress: Progress
    seen: dict[tuple[str, ...], dict[Any, int]] = field(default_factory=dict)

    def run(self) -> None:
        register, report = self.request.register, self.report
        mapping = self.mapping
        self.ids = ids = _given_ids(self.result, mapping)
        self.rows = RowChecker(register, mapping, self._fields(mapping))
        self.places = PlaceChecker(
            register, self.crs, self.units, self.request.actor, self.request.commune,
            has_places=self.result.has_places,
        )  # fmt: skip
        self.sink.open([*self.rows.fields, *([STAGED] if ids.column else [])])
        for batch in iter_batches(self.result):
            self._batch(batch)
            self.progress("validating", report.read, self.result.row_count)
        self.places.say_mixture(report)

    def _fields(self, mapping: Mapping[str, Field]) -> list[str]:
        """Return the write model's fields that rows may carry: mapped, given, with a default, or computed."""
        write = self.request.register.write
        wanted = {*(item.name for item in mapping.values()), *write.computed}
        wanted |= {
            name
            for name, info in write.model_fields.items()
            if not info.is_required() and info.get_default() is not None
        }
        if "commune_code" in write.model_fields:
            wanted.add("commune_code")
        return [name for name in write.model_fields if name in wanted]

    def _batch(self, batch: pa.RecordBatch) -> None:
        numbers = batch.column("_row").to_pylist()
        good = np.ones(batch.num_rows, dtype=bool)
        geometries = self.places.geometries(batch, good, self.report)
        given_ids = self.ids.read(batch, numbers, good, self.report)
        cells = self.rows.read(batch)
        if "commune_code" in self.request.register.write.model_fields:
            cells["commune_code"] = self._communes(cells.get("commune_code"), geometries, numbers, good)
        checked = self._without_doubles(self.rows.check(cells, numbers, good, self.report), numbers)
        if self.request.mode == "replace":
            self._note_rejected(cells, checked)
        self.report.read += batch.num_rows
        self.report.valid += len(checked.positions)
        self.report.rejected += batch.num_rows - len(checked.positions)
        if len(checked.positions):
            self._doubt(checked, cells, numbers)
            columns = {**checked.columns, **self._derived(checked.columns)}
            if self.ids.column:
                columns[STAGED] = given_ids.take(pa.array(checked.positions))
            rows = batch.column("_row").take(pa.array(checked.positions))
            self.sink.write(columns, geometries[checked.positions], rows)

    def _note_rejected(self, cells: Mapping[str, Cells], checked: CheckedRows) -> None:
        """Note the keys of rejected rows: where a file replaces a commune's set, their records must not vanish."""
        key, count = self.request.register.key, len(next(iter(cells.values())).text) if cells else 0
        rejected = np.setdiff1d(np.arange(count), checked.positions)
        if not len(rejected) or self.report.rejected_keys is None:
            return
        keys: set[str | None] = {None}
        if len(key) == 1 and key[0] in cells:
            keys = {cells[key[0]].at(int(position)) for position in rejected}
        is_known = None not in keys and len(self.report.rejected_keys) + len(keys) <= MOST_REJECTED
        self.report.rejected_keys = {*self.report.rejected_keys, *(str(one) for one in keys)} if is_known else None

    def _doubt(self, checked: CheckedRows, cells: Mapping[str, Cells], numbers: Sequence[int]) -> None:
        """Warn of what is allowed and yet looks wrong."""
        request = self.request
        own = request.register.write.doubts(checked.columns, request.settings)
        for doubt in chain(own, self.rows.unclear_numbers(checked, cells)):
            field = request.register.field(doubt.field)
            for at in np.flatnonzero(doubt.rows.to_numpy(zero_copy_only=False)):
                position = int(checked.positions[at])
                value = cells[doubt.field].text[position].as_py()
                self.report.add(
                    doubt.code, row=numbers[position], column=self.rows.column_of(doubt.field), value=value,
                    title_vi=field.title.vi, title_en=field.title.en, **doubt.detail,
                )  # fmt: skip

    def _communes(self, given: Cells | None, geometries: Geometries, numbers: Sequence[int], good: Mask) -> Cells:
        """Return the rows' communes: as given, the one chosen for the file, or the one that holds the place."""
        stated = given.text if given is not None else pa.nulls(len(numbers), pa.string())
        if self.request.commune is not None:
            stated = pc.fill_null(stated, self.request.commune)
        column = self.places.communes(stated, geometries, numbers, good, self.report)
        return Cells(column, column)

    def _derived(self, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        if "province_code" not in self.request.register.derived or "commune_code" not in columns:
            return {}
        encoded = columns["commune_code"].dictionary_encode()
        provinces = [self.units.provinces[code] for code in encoded.dictionary.to_pylist()]
        return {"province_code": pa.array(provinces, pa.string()).take(encoded.indices)}

    def _without_doubles(self, checked: CheckedRows, numbers: Sequence[int]) -> CheckedRows:
        """Leave out rows with a key or code that an earlier valid row has already."""
        register = self.request.register
        keys = {register.key, *((item.name,) for item in register.code_fields)}
        is_kept = np.ones(len(checked.positions), dtype=bool)
        for names in sorted(keys):
            if names and set(names) <= checked.columns.keys():
                self._refuse_doubles(names, checked, numbers, is_kept)
        if is_kept.all():
            return checked
        columns = {name: column.filter(pa.array(is_kept)) for name, column in checked.columns.items()}
        return CheckedRows(checked.positions[is_kept], columns)

    def _refuse_doubles(
        self, names: tuple[str, ...], checked: CheckedRows, numbers: Sequence[int], is_kept: Mask
    ) -> None:
        seen = self.seen.setdefault(names, {})
        values = list(zip(*(checked.columns[name].to_pylist() for name in names), strict=True))
        positions = checked.positions.tolist()
        # Nearly always there is none, which is told three times faster for the whole batch.
        if is_kept.all() and len(set(values)) == len(values) and seen.keys().isdisjoint(values):
            seen.update(zip(values, (numbers[position] for position in positions), strict=True))
            return
        for at in sorted(range(len(positions)), key=positions.__getitem__):
            value, row = values[at], numbers[positions[at]]
            if None in value or not is_kept[at]:
                continue
            first = seen.setdefault(value, row)
            if first != row:
                is_kept[at] = False
                self._say_double(names, value, checked, at, row, first)

    def _say_double(
        self, names: tuple[str, ...], value: Sequence[str], checked: CheckedRows, at: int, row: int, first: int
    ) -> None:
        """Say which value stands twice; a key that the file does not have is made of the name, which is then said."""
        register, given = self.request.register, set(self.report.columns.values())
        if set(names) & register.write.computed - given:
            name = checked.columns[register.label][at].as_py()
            self.report.add("NAME_DOUBLED", row=row, column=register.label, value=name, first_row=first)
        else:
            self.report.add("CODE_DOUBLED", row=row, column=names[-1], value=" · ".join(value), first_row=first)

"""A file from bytes to checked rows: read in the sandbox, columns mapped, rows validated and placed.

The web, the shell and the API all come through `check_file`; what becomes of the valid rows is the sink's business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geodata.crs import WGS84_DEGREES, SourceCrs
from geodata.db import Actor
from geodata.geometry import Geometries
from geodata.importing.cancellation import Cancellation
from geodata.importing.cells import Cells
from geodata.importing.communes import FileCommunes
from geodata.importing.context import ReaderLimits
from geodata.importing.crs_choice import choose_crs
from geodata.importing.doubles import Doubles
from geodata.importing.file_columns import find_given_ids, match_columns
from geodata.importing.file_description import describe_encoding, describe_layers, describe_offered
from geodata.importing.file_places import FilePlaces, areas_that_differ
from geodata.importing.given_ids import STAGED
from geodata.importing.mapping import ColumnMatching
from geodata.importing.merge import Mode
from geodata.importing.place import PlaceChecker
from geodata.importing.report import MESSAGE_PARTS, Outcome, Report, describe_file
from geodata.importing.results import ReadResult, UnreadableFileError, iter_batches
from geodata.importing.rows import CheckedRows, RowChecker
from geodata.importing.sandbox import open_upload
from geodata.register import Field, Register
from geodata.settings import GeodataSettings
from geodata.units.index import UnitIndex

Mask = NDArray[np.bool_]
_CHOICES = frozenset(("LAYER_CHOICE", "LAYER_UNKNOWN", "COLUMN_CHOICE", "COLUMN_UNKNOWN"))
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
        Repairs that the sender lets be made, see `geodata.importing.messages_of_repairs.REPAIRS`.
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


def warm_up() -> None:
    """Load what the first file would have to wait for: pyarrow loads pandas when it first makes an array of values."""
    pa.array([""])


def check_file(
    request: ImportRequest,
    units: UnitIndex,
    work_dir: Path,
    sink: Sink,
    progress: Progress = no_progress,
    report: Report | None = None,
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
    report : Report, optional
        To be filled; a new one if not given.

    Returns
    -------
    Report
        ``outcome`` says whether the file could be taken; rows may be rejected all the same.
    """
    file = describe_file(request.path, request.original_name, request.names)
    report = report or Report(request.register.id, request.commune)
    report.file, report.repairs.accept = file, request.accept
    progress("reading", 0, 0)
    try:
        with open_upload(
            request.path, work_dir, original_name=request.original_name, layer=request.layer,
            encoding=request.encoding, names=request.names, place_columns=request.place_columns,
            timeout_s=request.timeout_s, limits=request.limits,
        ) as reading, request.cancellation.ending(reading.stop):  # fmt: skip
            # While the reader starts.
            warm_up()
            _check_rows(request, reading.result, units, sink, progress, report)
            for warning in reversed(reading.finish().warnings):
                report.add_first(warning.code, **_facts(warning.detail))
    except UnreadableFileError as error:
        return _refused(request, file, error)
    report.settle()
    return report


def _check_rows(
    request: ImportRequest, result: ReadResult, units: UnitIndex, sink: Sink, progress: Progress, report: Report
) -> None:
    """Describe the layer, settle its columns and coordinate system, and check its rows if nothing is left to ask."""
    describe_layers(request.register, result, report)
    mapping = _mapping(request, result, units, report)
    describe_encoding(request.register, result, mapping or {}, report)
    crs = choose_crs(result, request.crs, report, _communes_of(request, mapping or {}, units))
    if crs is not None and mapping is not None:
        report.begin(result, crs)
        _FileCheck(request, result, mapping, crs, units, report, sink, progress).run()


def check_rows(
    request: ImportRequest,
    result: ReadResult,
    mapping: Mapping[str, Field],
    units: UnitIndex,
    sink: Sink,
    report: Report,
) -> None:
    """Check rows of WGS 84 whose columns are known, which no sandbox had to read: those of an edit."""
    _FileCheck(request, result, mapping, WGS84_DEGREES, units, report, sink, no_progress).run()


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
    report.layers = describe_offered(request.register, error)
    report.refuse(error.code, outcome, **_facts(error.detail))
    return report


def _facts(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reader tells beside the code, but for names that a message has of its own."""
    return {name: value for name, value in detail.items() if name not in MESSAGE_PARTS}


def _mapping(
    request: ImportRequest, result: ReadResult, units: UnitIndex, report: Report
) -> Mapping[str, Field] | None:
    matching = ColumnMatching(request.register, request.columns, request.remembered, units, request.commune)
    return match_columns(matching, result, report)


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

    def run(self) -> None:
        register, report = self.request.register, self.report
        mapping = self.mapping
        self.ids = ids = find_given_ids(self.result, mapping)
        self.rows = RowChecker(register, mapping, self._fields(mapping))
        self.places = PlaceChecker(
            register, self.crs, self.units, self.request.actor, self.request.commune,
            has_places=self.result.has_places, commune_column=self.rows.column_of("commune_code"),
        )  # fmt: skip
        self.together = FilePlaces(report)
        self.doubles = Doubles(register, report)
        self.sink.open([*self.rows.fields, *([STAGED] if ids.column else [])])
        # A rate needs a beginning: most files are one or two batches.
        self.progress("validating", 0, self.result.row_count)
        for batch in iter_batches(self.result):
            self._batch(batch)
            self.progress("validating", report.read, self.result.row_count)
        self.together.finish()
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
        self.together.see_source(batch.column("_wkb"), batch.column("_row"))
        given_ids = self.ids.read(batch, numbers, good, self.report)
        cells = self.rows.read(batch)
        if "commune_code" in self.request.register.write.model_fields:
            cells["commune_code"] = self._communes(cells.get("commune_code"), geometries, numbers, good)
        if self.request.register.takes_commune_area:
            geometries = self.places.with_commune_areas(geometries, cells["commune_code"].text)
        lost = ~good
        checked = self.doubles.without(self.rows.check(cells, numbers, good, self.report), numbers)
        if lost.any():
            self.rows.say_rest(cells, numbers, lost, self.report)
        if self.request.mode == "replace":
            self._note_rejected(cells, checked)
        self.report.read += batch.num_rows
        self.report.valid += len(checked.positions)
        self.report.rejected += batch.num_rows - len(checked.positions)
        rows = batch.column("_row").take(pa.array(checked.positions))
        self.report.repairs.end_batch(rows.to_pylist)
        if len(checked.positions):
            self._doubt(checked, cells, numbers)
            self._compare_areas(checked, geometries, cells, numbers)
            if not self.request.register.takes_commune_area:
                self.together.add(geometries[checked.positions], rows.to_numpy())
            columns = {**checked.columns, **self._derived(checked.columns)}
            if self.ids.column:
                columns[STAGED] = given_ids.take(pa.array(checked.positions))
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
        for doubt in chain(own, self.rows.unclear_numbers(checked, cells), self.rows.missing_codes(checked, cells)):
            field = request.register.field(doubt.field)
            for at in np.flatnonzero(doubt.rows.to_numpy(zero_copy_only=False)):
                position = int(checked.positions[at])
                value = cells[doubt.field].text[position].as_py() if field.public else "…"
                self.report.add(
                    doubt.code, row=numbers[position], column=self.rows.column_of(doubt.field), value=value,
                    title_vi=field.title.vi, title_en=field.title.en, **doubt.detail,
                )  # fmt: skip

    def _compare_areas(
        self, checked: CheckedRows, geometries: Geometries, cells: Mapping[str, Cells], numbers: Sequence[int]
    ) -> None:
        """Warn of areas whose stated size is not that of what was drawn."""
        name = self.request.register.area_field
        if name is None or name not in cells:
            return
        field = self.request.register.field(name)
        found, drawn = areas_that_differ(checked.columns[name], geometries[checked.positions])
        for at in found:
            position = int(checked.positions[at])
            self.report.add(
                "GEOM_AREA_DIFFERS", row=numbers[position], column=self.rows.column_of(name),
                value=cells[name].text[position].as_py(), drawn=f"{drawn[at]:.2f}",
                title_vi=field.title.vi, title_en=field.title.en,
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

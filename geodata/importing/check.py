"""A file from bytes to checked rows: read in the sandbox, columns mapped, rows validated and placed.

The web, the shell and the API all come through `check_file`; what becomes of the valid rows is the sink's business.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import numpy as np
from pydantic import BaseModel

from geodata.crs import SourceCrs
from geodata.db import Actor
from geodata.geometry import Geometries
from geodata.importing.mapping import map_columns
from geodata.importing.place import PlaceChecker, choose_crs
from geodata.importing.report import Report
from geodata.importing.rows import RowChecker, model_columns
from geodata.importing.sandbox import ReaderLimits, ReadResult, UnreadableFileError, iter_batches, read_upload
from geodata.register import Register
from geodata.units.index import UnitIndex

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
    """

    path: Path
    original_name: str
    register: Register
    actor: Actor
    commune: str | None = None
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    note: str | None = None
    upload_id: UUID | None = None
    limits: ReaderLimits = ReaderLimits()
    timeout_s: float = 120.0


class Sink(Protocol):
    """Takes the valid rows of a file."""

    def open(self, fields: Sequence[str]) -> None:
        """Prepare for rows with these fields."""

    def write(self, columns: dict[str, list[Any]], geometries: Geometries, rows: Sequence[int]) -> None:
        """Take one batch."""


class NoSink:
    """Drops the rows: a file is only being checked."""

    def open(self, fields: Sequence[str]) -> None:
        """Do nothing."""

    def write(self, columns: dict[str, list[Any]], geometries: Geometries, rows: Sequence[int]) -> None:
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
    report = Report(request.register.id, request.commune)
    progress("reading", 0, 0)
    try:
        result = read_upload(
            request.path, work_dir, original_name=request.original_name, layer=request.layer,
            encoding=request.encoding, timeout_s=request.timeout_s, limits=request.limits,
        )  # fmt: skip
    except UnreadableFileError as error:
        return _refused(report, error)
    _describe(result, report)
    crs = choose_crs(result, request.crs, report)
    if crs is not None:
        _FileCheck(request, result, crs, units, report, sink, progress).run()
    return report


def _refused(report: Report, error: UnreadableFileError) -> Report:
    outcome = "needs_choice" if error.code == "LAYER_CHOICE" else "refused"
    report.layers = error.detail.get("layers", ())
    report.refuse("FILE_REFUSED", outcome, value=error.code, why_vi=error.vi, why_en=error.en)
    return report


def _describe(result: ReadResult, report: Report) -> None:
    report.layers = [
        {"name": item.name, "geometry": item.geometry_type, "rows": item.row_count} for item in result.layers
    ]
    encoding = result.encoding
    report.encoding = {"chosen": encoding.chosen, "how": encoding.how, "certain": encoding.certain}
    for warning in result.warnings:
        report.add("FILE_NOTE", value=warning.code, why_vi=warning.vi, why_en=warning.en)


@dataclass
class _FileCheck:
    request: ImportRequest
    result: ReadResult
    crs: SourceCrs
    units: UnitIndex
    report: Report
    sink: Sink
    progress: Progress
    seen: dict[str, dict[Any, int]] = field(default_factory=dict)

    def run(self) -> None:
        register, report = self.request.register, self.report
        mapping = map_columns(register, self.result.columns)
        report.columns = {
            column: mapping[column].name if column in mapping else None for column in self.result.columns
        }
        for column in self.result.columns:
            if column not in mapping:
                report.add("COLUMN_UNUSED", value=column)
        constants = (
            {"commune_code": self.request.commune} if register.is_in_communes and self.request.commune else {}
        )
        constants = {name: value for name, value in constants.items() if name in register.write.model_fields}
        self.rows = RowChecker(register, mapping, constants)
        self.places = PlaceChecker(register, self.crs, self.units, self.request.actor, self.request.commune)
        self.fields = self._fields([item.name for item in mapping.values()])
        self.sink.open(self.fields)
        for batch in iter_batches(self.result):
            self._batch(batch)
            self.progress("validating", report.read, self.result.row_count)

    def _fields(self, mapped: Sequence[str]) -> list[str]:
        """Return the write model's fields that rows may carry: mapped, given, with a default, or computed."""
        write = self.request.register.write
        wanted = {*mapped, *self.rows.constants, *getattr(write, "computed", ())}
        wanted |= {
            name
            for name, info in write.model_fields.items()
            if not info.is_required() and info.default is not None
        }
        if "commune_code" in write.model_fields:
            wanted.add("commune_code")
        return [name for name in write.model_fields if name in wanted]

    def _batch(self, batch: Any) -> None:
        numbers = batch.column("_row").to_pylist()
        good = np.ones(batch.num_rows, dtype=bool)
        geometries = self.places.geometries(batch, good, self.report)
        values = self.rows.values(batch)
        if "commune_code" in self.request.register.write.model_fields:
            given = values.get("commune_code", [None] * batch.num_rows)
            values["commune_code"] = self.places.communes(given, geometries, numbers, good, self.report)
        self._refuse_doubles(values, numbers, good)
        models = self.rows.check(values, numbers, good, self.report) if good.any() else []
        self.report.read += batch.num_rows
        self.report.valid += len(models)
        self.report.rejected += batch.num_rows - len(models)
        if models:
            self._hand_over(models, geometries[good], [numbers[n] for n in np.flatnonzero(good)])

    def _refuse_doubles(self, values: dict[str, list[Any]], numbers: Sequence[int], good: Any) -> None:
        """Refuse a key or code that an earlier row has already."""
        register = self.request.register
        names = {item.name for item in register.code_fields} | (
            set(register.key) if len(register.key) == 1 else set()
        )
        for name in names & values.keys():
            seen = self.seen.setdefault(name, {})
            for position, value in enumerate(values[name]):
                if value is None or not good[position]:
                    continue
                first = seen.setdefault(value, numbers[position])
                if first != numbers[position]:
                    good[position] = False
                    self.report.add(
                        "CODE_DOUBLED", row=numbers[position], column=name, value=value, first_row=first
                    )

    def _hand_over(self, models: Sequence[BaseModel], geometries: Geometries, numbers: Sequence[int]) -> None:
        columns = model_columns(models, self.fields)
        if "province_code" in self.request.register.derived and "commune_code" in columns:
            columns["province_code"] = [self.units.provinces[code] for code in columns["commune_code"]]
        self.sink.write(columns, geometries, numbers)

"""The file that an officer gets back: all rows, what was accepted repaired, what is wrong noted in a column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import shapely

from geodata.crs import SourceCrs
from geodata.geometry import Geometries, degrees_from_wkb
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.messages import KINDS, say
from geodata.importing.repairs import Repairs
from geodata.importing.report import VALUE_SHOWN, Report
from geodata.importing.results import ReadResult, iter_batches
from geodata.units.index import UnitIndex

NOTE_COLUMN = "bandoso_ghi_chu"
LAYER = "du_lieu"

_FIXED_COLUMNS = ("_row", "_wkb", "_problem")
_NOTES_OF_A_ROW = 5
_WGS84 = "EPSG:4326"


@dataclass
class NotedReport(Report):
    """A report that also keeps, for every row, what is wrong with it."""

    repairs: Repairs = field(default_factory=lambda: Repairs(keeps_changes=True))
    notes: dict[int, list[str]] = field(default_factory=dict, repr=False)
    source: tuple[ReadResult, SourceCrs] | None = field(default=None, repr=False)

    def begin(self, result: ReadResult, crs: SourceCrs) -> None:
        """Remember what is read."""
        self.source = result, crs

    def add(self, code: str, *, row: int | None = None, value: Any = None, **detail: Any) -> None:
        """Note one message, and what is wrong with a row in the words that its cell will have."""
        super().add(code, row=row, value=value, **detail)
        if row is None or KINDS[code].level != "error":
            return
        notes = self.notes.setdefault(row, [])
        if len(notes) < _NOTES_OF_A_ROW:
            shown = None if value is None else str(value)[:VALUE_SHOWN]
            notes.append(f"[{code}] {say(code, {**detail, 'value': shown})['vi']}")


def write_repaired(
    request: ImportRequest, units: UnitIndex, work_dir: Path, target: Path, accept: frozenset[str]
) -> Report:
    """Check a file anew and write it as a GeoPackage, with the accepted repairs done.

    The columns are the source's own and keep its text but for repaired cells; rejected rows say in `NOTE_COLUMN` why.
    The geometry is in WGS 84, so that repaired and unrepaired rows are of one system.

    Parameters
    ----------
    work_dir : Path
        A folder of this run's own; left to the caller to remove.
    target : Path
        The file to be written. Not written where the file as a whole is refused or asks for a choice.
    accept : frozenset of str
        Repairs to be done.

    Returns
    -------
    Report
        Its outcome tells why where there is nothing to write.
    """
    report = NotedReport(request.register.id, request.commune)
    found = check_file(replace(request, accept=accept), units, work_dir, NoSink(), report=report)
    if found is report and report.source is not None:
        _write(report, *report.source, target)
    return found


def _write(report: NotedReport, result: ReadResult, crs: SourceCrs, target: Path) -> None:
    names = _column_names(result.columns)
    is_first = True
    for batch in iter_batches(result):
        rows = batch.column("_row").to_pylist()
        shapes = _shapes(batch, rows, report.repairs, crs)
        columns = [_texts(batch.column(name), name, rows, report.repairs.values) for name in result.columns]
        notes = pa.array(["; ".join(report.notes.get(row, ())) or None for row in rows], pa.string())
        table = pa.table(
            [*columns, notes, pa.array(shapely.to_wkb(shapes), pa.binary())], [*names, NOTE_COLUMN, "geom"]
        )
        pyogrio.write_arrow(
            table, target, layer=LAYER, driver="GPKG", geometry_name="geom", geometry_type="Unknown", crs=_WGS84,
            append=not is_first,
        )  # fmt: skip
        is_first = False


def _column_names(columns: Sequence[str]) -> list[str]:
    """Return the columns' names; those that a GeoPackage has of its own, in any case, get an underscore."""
    taken, names = {"fid", "geom", NOTE_COLUMN}, []
    for column in columns:
        name = column
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        names.append(name)
    return names


def _shapes(batch: pa.RecordBatch, rows: Sequence[int], repairs: Repairs, crs: SourceCrs) -> Geometries:
    shapes = degrees_from_wkb(batch.column("_wkb"), crs.to_wgs84)
    for at, row in enumerate(rows if repairs.shapes else ()):
        if row in repairs.shapes:
            shapes[at] = repairs.shapes[row]
    is_finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    shapes[~is_finite] = None
    return shapes


def _texts(column: pa.Array, name: str, rows: Sequence[int], values: Mapping[int, Mapping[str, str]]) -> pa.Array:
    """Return a column with its repaired cells."""
    repaired = {row: texts[name] for row, texts in values.items() if name in texts}
    if repaired.keys().isdisjoint(rows):
        return column
    texts = column.to_pylist()
    return pa.array([repaired.get(row, text) for row, text in zip(rows, texts, strict=True)], pa.string())

"""One row that needs no reader, published by the rules of files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
from sqlalchemy import Connection

from geodata.importing.check import ImportRequest
from geodata.importing.given_ids import OFFICERS
from geodata.importing.publish import Published, publish_rows
from geodata.importing.report import Report
from geodata.importing.results import LayerInfo, ReadResult
from geodata.importing.work_folder import work_folder
from geodata.register import Register
from geodata.units.index import UnitIndex


@dataclass(frozen=True)
class OneRow:
    """A row as a file would have it.

    Attributes
    ----------
    texts : mapping of field name to text
        None where a field is empty.
    mapped : sequence of str
        Fields that change a record that is there already, empty ones too; some of them the model may compute.
    wkb : bytes or None
        Place in WGS 84 (longitude, latitude); None where the record stays where it is.
    problem : str or None
        What is wrong with the place; see `geodata.importing.results`.
    record : UUID or None
        The record that the row is about; None for a new one.
    """

    texts: Mapping[str, str | None]
    mapped: Sequence[str]
    wkb: bytes | None = None
    problem: str | None = None
    record: UUID | None = None


class QuietReport(Report):
    """A report that repeats nothing of what was sent: a telephone number may stand in any field by mistake."""

    def add(
        self,
        code: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: Any = None,
        place: list[float] | None = None,
        **detail: Any,
    ) -> None:
        """Note one message, without the value of a field."""
        super().add(code, row=row, column=column, value=value if column is None else None, place=place, **detail)


def publish_row(connection: Connection, request: ImportRequest, units: UnitIndex, row: OneRow) -> Published:
    """Check a row and publish it as one revision, in the transaction given.

    Returns
    -------
    Published
        With what is wrong in its report, where it was refused; without a revision where nothing changed.
    """
    register = request.register
    report = QuietReport(register.id)
    report.columns = {name: name for name in row.mapped}
    mapping = {name: register.field(name) for name in row.texts}
    with work_folder() as folder:
        return publish_rows(connection, request, units, _as_read(register, row, folder / "row.arrow"), mapping, report)


def _as_read(register: Register, row: OneRow, path: Path) -> ReadResult:
    """Write the row as a reader would have."""
    columns: dict[str, pa.Array] = {
        "_row": pa.array([1], pa.int64()),
        "_wkb": pa.array([row.wkb], pa.binary()),
        "_problem": pa.array([row.problem], pa.string()),
    }
    columns |= {name: pa.array([text], pa.string()) for name, text in row.texts.items()}
    if row.record is not None:
        columns[OFFICERS] = pa.array([str(row.record)], pa.string())
    batch = pa.record_batch(columns)
    with pa.ipc.new_stream(path, batch.schema) as stream:
        stream.write_batch(batch)
    has_place = row.wkb is not None or row.problem is not None or row.record is None
    layer = LayerInfo(register.id, register.geometry_kind if has_place else None, 1)
    names = tuple(name for name in columns if not name.startswith("_"))
    return ReadResult(path, layer.name, (layer,), None, None, "edit", 1, names, (), {}, "none")

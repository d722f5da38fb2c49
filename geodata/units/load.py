"""Loading administrative units: the reference list, and boundaries from a file matched by code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, select

from geodata import reference
from geodata.crs import SourceCrs
from geodata.db import SYSTEM, Database
from geodata.geometry import as_kind, degrees_from_wkb
from geodata.importing.check import ImportRequest
from geodata.importing.context import ReaderLimits
from geodata.importing.crs_choice import choose_crs
from geodata.importing.mapping import field_names
from geodata.importing.publish import Conclude, Published, publish_staged, settle
from geodata.importing.report import Report
from geodata.importing.results import ReadResult, UnreadableFileError, iter_batches
from geodata.importing.sandbox import read_upload
from geodata.importing.staging import StagingSink
from geodata.importing.work_folder import work_folder
from geodata.register import Register
from geodata.registers import get_register
from geodata.text import search_key

REFERENCE_NOTE = "Danh mục đơn vị hành chính kèm phần mềm"
_GIB = 1 << 30
SHELL_LIMITS = ReaderLimits(
    max_packed_bytes=2 * _GIB, max_unpacked_bytes=4 * _GIB, max_vertices=2_000_000, memory_bytes=6 * _GIB
)
"""What a file given at the shell may cost: the operator's own files, far larger than what the web takes."""


def load_reference(database: Database, conclude: Conclude | None = None) -> dict[str, Published]:
    """Bring provinces and communes to the reference list; boundaries already loaded stay.

    Parameters
    ----------
    conclude : callable, optional
        Whatever it writes stands in the transaction of the list published.

    Returns
    -------
    mapping of register id to what became of its list
        A list that is in the database already makes no revision.
    """
    lists: dict[str, Sequence[Any]] = {"provinces": reference.read_provinces(), "communes": reference.read_communes()}
    found = {name: _publish_list(database, get_register(name), rows, conclude) for name, rows in lists.items()}
    settle(database)
    return found


def _publish_list(database: Database, register: Register, rows: Sequence[Any], conclude: Conclude | None) -> Published:
    names = [name for name in register.write.model_fields if hasattr(rows[0], name)]
    records = [register.write.model_validate({name: getattr(row, name) or None for name in names}) for row in rows]
    columns = {name: pa.array([getattr(record, name) for record in records]) for name in names}
    report = Report(register.id, read=len(rows), valid=len(rows))
    report.columns = {name: name for name in names}
    request = ImportRequest(Path(), "", register, SYSTEM, note=REFERENCE_NOTE)
    with database.worker() as connection, StagingSink(connection, register, uuid4()) as sink:
        sink.open(names, with_geometry=False)
        sink.write(columns, np.full(len(rows), None, dtype=object), pa.array(range(1, len(rows) + 1), pa.int64()))
        published = publish_staged(connection, request, sink, report)
        if conclude is not None:
            conclude(connection, published)
    return published


@dataclass
class BoundaryReport:
    """How the boundaries of a file met the units of the database.

    Attributes
    ----------
    matched : list of str
        Codes whose boundary was taken.
    unknown : list of str
        Codes in the file that no current unit has.
    invalid : list of str
        Codes with a shape that is broken or not an area; nothing of such a unit is taken.
    without : list of str
        Current units that have no boundary after the load.
    """

    layer: str
    crs: dict[str, Any] | None = None
    matched: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    revision: int | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)


def load_boundaries(database: Database, path: Path, register: Register, **choices: str | None) -> BoundaryReport:
    """Load boundaries of provinces or communes from a file; the choices are those of `publish_boundaries`."""
    with database.worker() as connection:
        found = publish_boundaries(connection, path, register, **choices)
    settle(database)
    return found


def publish_boundaries(
    connection: Connection,
    path: Path,
    register: Register,
    *,
    layer: str | None = None,
    code_column: str | None = None,
    crs: str | None = None,
) -> BoundaryReport:
    """Do the work of `load_boundaries` in the transaction given.

    Parameters
    ----------
    path : Path
        GeoPackage, GeoJSON or (zipped) shapefile.
    layer, crs : str, optional
        Where the file leaves a choice.
    code_column : str, optional
        Column with the unit's code; found by its name when not given.

    Raises
    ------
    UnreadableFileError
        When the file cannot be read, holds several layers and none was chosen, or has no code column.
    """
    with work_folder() as folder:
        result = read_upload(path, folder, original_name=path.name, layer=layer, limits=SHELL_LIMITS, timeout_s=600)
        return _load_boundaries(connection, register, result, _code_column(register, result, code_column), crs)


def _code_column(register: Register, result: ReadResult, chosen: str | None) -> str:
    if chosen is not None and chosen in result.columns:
        return chosen
    wanted = field_names(register.field("code")) if chosen is None else [search_key(chosen)]
    by_key = {search_key(column): column for column in result.columns}
    for name in wanted:
        if name in by_key:
            return by_key[name]
    raise UnreadableFileError("CODE_COLUMN", columns=list(result.columns))


def _load_boundaries(
    connection: Connection, register: Register, result: ReadResult, code_column: str, crs: str | None
) -> BoundaryReport:
    notes = Report(register.id)
    source = choose_crs(result, crs, notes)
    found = BoundaryReport(result.layer, notes.crs, messages=notes.messages)
    if source is None:
        return found
    known = _known_codes(connection, register)
    drawn = _read_shapes(result, source, code_column, known, found)
    found.matched = list(drawn)
    if drawn:
        notes.columns = {code_column: "code"}
        request = ImportRequest(Path(), "", register, SYSTEM, note=f"Ranh giới từ lớp {result.layer}")
        found.revision = _publish_shapes(connection, request, drawn, notes)
    found.without = sorted(known - _codes_with_boundary(connection, register))
    return found


def _read_shapes(
    result: ReadResult, source: SourceCrs, code_column: str, known: set[str], found: BoundaryReport
) -> dict[str, shapely.Geometry]:
    """Return the shape of each known unit; one drawn in several rows (islands apart) gets them all."""
    parts: dict[str, list[shapely.Geometry]] = {}
    for batch in iter_batches(result):
        degrees = degrees_from_wkb(batch.column("_wkb"), source.to_wgs84)
        shapes, problems = as_kind(degrees, "polygon", points_too=False)
        for code, shape, problem in zip(batch.column(code_column).to_pylist(), shapes, problems, strict=True):
            if code not in known:
                found.unknown.append(str(code))
            elif problem is not None or shape is None:
                found.invalid.append(code)
            else:
                parts.setdefault(code, []).append(shape)
    return {code: _joined(shapes) for code, shapes in parts.items() if code not in found.invalid}


def _joined(shapes: Sequence[shapely.Geometry]) -> shapely.Geometry:
    if len(shapes) == 1:
        return shapes[0]
    whole, _ = as_kind(np.array([shapely.union_all(shapes)], dtype=object), "polygon", points_too=False)
    return whole[0]


def _publish_shapes(
    connection: Connection, request: ImportRequest, drawn: Mapping[str, shapely.Geometry], notes: Report
) -> int | None:
    rows = pa.array(range(1, len(drawn) + 1), pa.int64())
    with StagingSink(connection, request.register, uuid4()) as sink:
        sink.open(["code"])
        sink.write({"code": pa.array(list(drawn))}, np.array(list(drawn.values()), dtype=object), rows)
        return publish_staged(connection, request, sink, notes).revision


def _known_codes(connection: Connection, register: Register) -> set[str]:
    live = register.table
    return set(connection.scalars(select(live.c.code).where(live.c.valid_to.is_(None))))


def _codes_with_boundary(connection: Connection, register: Register) -> set[str]:
    live = register.table
    return set(connection.scalars(select(live.c.code).where(live.c.valid_to.is_(None), live.c.geom.is_not(None))))

"""The sample on its way into the database: checked and published like the file of an officer."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, exists, select

from geodata.crs import WGS84_DEGREES
from geodata.db import SAMPLE, Database
from geodata.errors import GeodataError
from geodata.geometry import Geometries, as_kind
from geodata.history import lock_register
from geodata.importing.check import ImportRequest
from geodata.importing.place import PlaceChecker
from geodata.importing.publish import Conclude, publish_staged
from geodata.importing.report import Report
from geodata.importing.rows import model_column
from geodata.importing.staging import StagingSink
from geodata.register import Register
from geodata.registers import get_register
from geodata.sample.marks import COMMUNE_CODES, SOURCE
from geodata.sample.world import REGISTERS, SEED, Record, make_sample
from geodata.units.index import UnitIndex, load_units
from geodata.writing import WriteModel

NOTE = "Dữ liệu mẫu"


class SampleRefusedError(GeodataError):
    """The database takes a part of the sample for wrong."""

    code = "SAMPLE_REFUSED"
    vi_template = "Không nạp được dữ liệu mẫu vào lớp “{register}”: {counts}. Nạp danh mục đơn vị hành chính trước."
    en_template = "The sample does not fit the register “{register}”: {counts}. Load the administrative units first."


def load_sample(
    database: Database, seed: int = SEED, *, if_empty: bool = True, conclude: Conclude | None = None
) -> dict[str, int]:
    """Publish the sample, each register as one revision.

    Parameters
    ----------
    seed : int
    if_empty : bool
        Leave a register alone in which sample records stand already, whatever their seed. Otherwise what is
        published again changes the records it meets and makes no revision where nothing differs.
    conclude : callable, optional
        Whatever it writes stands in the transaction of the register published.

    Returns
    -------
    mapping of register id to int
        Records added or changed; 0 where nothing was to do.

    Raises
    ------
    SampleRefusedError
        When a place check fails; nothing of that register is published then.
    """
    counts = dict.fromkeys(REGISTERS, 0)
    registers = [get_register(name) for name in REGISTERS]
    if if_empty:
        with database.worker() as connection:
            registers = [register for register in registers if not _has_sample(connection, register)]
    if registers:
        records = make_sample(seed).records
        for register in registers:
            counts[register.id] = _publish(database, register, records[register.id], conclude, if_empty=if_empty)
    return counts


def _has_sample(connection: Connection, register: Register) -> bool:
    live = register.table
    of_sample = exists().where(live.c.commune_code.in_(COMMUNE_CODES), live.c.source == SOURCE)
    return bool(connection.scalar(select(of_sample)))


def _publish(
    database: Database, register: Register, records: Sequence[Record], conclude: Conclude | None, *, if_empty: bool
) -> int:
    models = [register.write.model_validate(values) for values, _ in records]
    fields = _fields(register, records)
    with database.worker() as connection:
        lock_register(connection, register)
        if if_empty and _has_sample(connection, register):
            return 0
        units = load_units(connection)
        geometries = _places(register, records, units)
        report = Report(register.id, read=len(models), valid=len(models))
        report.columns = {name: name for name in fields}
        columns = _columns(register, models, fields, units)
        request = ImportRequest(Path(), "", register, SAMPLE, note=NOTE)
        with StagingSink(connection, register, uuid4()) as sink:
            sink.open(fields)
            sink.write(columns, geometries, pa.array(range(1, len(models) + 1), pa.int64()))
            published = publish_staged(connection, request, sink, report)
        if conclude is not None:
            conclude(connection, published)
    return published.counts.added + published.counts.changed


def _fields(register: Register, records: Sequence[Record]) -> list[str]:
    """Return the fields that some record has, those with a default, and those the write model computes."""
    write = register.write
    wanted = {name for values, _ in records for name in values} | getattr(write, "computed", frozenset())
    wanted |= {name for name, info in write.model_fields.items() if not info.is_required() and info.default is not None}
    return [name for name in write.model_fields if name in wanted]


def _columns(
    register: Register, models: Sequence[WriteModel], fields: Sequence[str], units: UnitIndex
) -> dict[str, pa.Array]:
    columns = {name: model_column(register, models, name) for name in fields}
    if "province_code" in register.derived and "commune_code" in columns:
        provinces = [units.provinces[code] for code in columns["commune_code"].to_pylist()]
        columns["province_code"] = pa.array(provinces, pa.string())
    return columns


def _places(register: Register, records: Sequence[Record], units: UnitIndex) -> Geometries:
    """Return the geometries as the register stores them, each in the commune it names."""
    report = Report(register.id)
    shapes = np.array([geometry for _, geometry in records], dtype=object)
    shapes, problems = as_kind(shapes, register.geometry_kind, points_too=register.point is not None)
    good = np.array([problem is None for problem in problems])
    rows = list(range(1, len(records) + 1))
    if "commune_code" in register.write.model_fields:
        places = PlaceChecker(register, WGS84_DEGREES, units, SAMPLE, None)
        given = pa.array([values["commune_code"] for values, _ in records])
        places.communes(given, shapes, rows, good, report)
    if not good.all():
        raise SampleRefusedError(register=register.id, counts=dict(report.counts) or set(problems) - {None})
    return shapes

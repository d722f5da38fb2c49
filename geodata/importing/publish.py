"""From checked rows to a revision: the import as a whole."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, exists, func, select, text
from sqlalchemy.exc import IntegrityError

from geodata.db import Actor, Database
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.importing.check import ImportRequest, Progress, check_file, no_progress
from geodata.importing.merge import Merge
from geodata.importing.report import Report
from geodata.importing.staging import StagingSink
from geodata.importing.work_folder import work_folder
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.units.index import UnitIndex, load_units

SORT_MEMORY = "256MB"
"""For sorting and hashing while a revision is written: 675,000 records fit without going through the disk."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a file.

    Attributes
    ----------
    revision : int or None
        Number of the revision; None when the file changed nothing.
    """

    report: Report
    counts: Counts
    revision: int | None


Conclude = Callable[[Connection, Published], None]


def import_file(
    database: Database, request: ImportRequest, progress: Progress = no_progress, conclude: Conclude | None = None
) -> Published:
    """Read, check and publish one file.

    Reading and checking write into a staging table only; the register changes in one transaction at the end, and
    whatever `conclude` writes stands in the same one.
    """
    with database.read() as connection:
        units = load_units(connection)
    with work_folder() as folder, database.worker() as connection:
        published = publish_file(connection, request, units, folder, progress)
        if conclude is not None:
            conclude(connection, published)
    return published


def publish_file(
    connection: Connection,
    request: ImportRequest,
    units: UnitIndex,
    work_dir: Path,
    progress: Progress = no_progress,
) -> Published:
    """Do the work of `import_file` in the transaction given."""
    with StagingSink(connection, request.register, uuid4()) as sink:
        report = check_file(request, units, work_dir, sink, progress)
        # The connection is the sink's own until then.
        sink.finish()
        published = Published(report, Counts(0, 0), None)
        if report.valid:
            progress("publishing", 0, report.valid)
            published = _publish_or_refuse(connection, request, sink, report)
            progress("publishing", report.valid, report.valid)
    report.settle()
    return published


def _publish_or_refuse(connection: Connection, request: ImportRequest, sink: StagingSink, report: Report) -> Published:
    """Publish, or say which rule the database has beyond those of the register's declaration."""
    try:
        with connection.begin_nested():
            return publish_staged(connection, request, sink, report)
    except IntegrityError as error:
        # Never the driver's own words: they quote values, private ones too.
        rule = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        report.refuse(
            "FILE_REFUSED", value="RULE_BROKEN",
            why_vi=f"Sau khi sửa, có bản ghi trái quy tắc “{rule}”; không dòng nào được công bố.",
            why_en=f"A record would break the rule “{rule}” once changed; no row was published.",
        )  # fmt: skip
        report.rejected, report.valid = report.rejected + report.valid, 0
        return Published(report, Counts(0, 0), None)


def publish_staged(connection: Connection, request: ImportRequest, sink: StagingSink, report: Report) -> Published:
    """Merge the staged rows as one revision; nothing changed means no revision."""
    register = request.register
    sink.finish()
    assert sink.table is not None
    lock_register(connection, register)
    connection.execute(text("SELECT set_config('work_mem', :memory, true)"), {"memory": SORT_MEMORY})
    mapped = tuple(name for name in report.columns.values() if name is not None)
    bulk_tables = _begin_bulk(connection, register)
    merge = Merge(connection, register, sink.table, mapped, is_bulk=bool(bulk_tables))
    if not bulk_tables:
        merge.match()
    _drop_refused(merge, request.actor, report)
    counts = Counts(*merge.counts())
    if not counts:
        return Published(report, counts, None)
    number = start_revision(
        connection,
        register,
        counts,
        author=request.actor.name,
        note=request.note,
        upload_id=request.upload_id,
    )
    merge.apply(number)
    for name in reversed(bulk_tables):
        connection.execute(select(func.ops.end_bulk_load(name)))
    Refresh(connection, register, number).run(None if bulk_tables else merge.touched())
    announce(connection, register, number)
    return Published(report, counts, number)


def _begin_bulk(connection: Connection, register: Register) -> list[str]:
    """Set indexes and constraints aside when the register is empty; returns the tables, side tables first."""
    sides = [table.name for table in register.companion_fields]
    if register.codes is not None:
        sides.append(register.codes.__table__.name)
    if connection.scalar(select(exists(select(register.table.c.id)))):
        return []
    tables = [*sides, register.id]
    for name in tables:
        connection.execute(select(func.ops.begin_bulk_load(name)))
    return tables


def _drop_refused(merge: Merge, actor: Actor, report: Report) -> None:
    """Take out the rows that meet a record which is not theirs to change, or would break a rule with it."""
    rows = set()
    for row, scheme, value in merge.taken_codes():
        report.add("CODE_TAKEN", row=row, column=scheme, value=value)
        rows.add(row)
    for row, commune in merge.foreign_records(actor):
        report.add("COMMUNE_NOT_YOURS", row=row, column="commune_code", value=commune)
        rows.add(row)
    for row in merge.placeless():
        report.add("GEOM_MISSING", row=row)
        rows.add(row)
    for row, column, value in merge.taken_keys():
        report.add("CODE_TAKEN", row=row, column=column, value=value)
        rows.add(row)
    for row, rule_vi, rule_en in merge.broken_rules():
        if row not in rows:
            report.add("RULE_BROKEN", row=row, value=rule_vi, rule_en=rule_en)
        rows.add(row)
    if rows:
        merge.drop_rows(list(rows))
        report.valid -= len(rows)
        report.rejected += len(rows)

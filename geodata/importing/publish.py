"""From checked rows to a revision: at once, or staged first and published when the officer has seen what changes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Table, exists, func, select, text
from sqlalchemy.exc import IntegrityError

from geodata.db import Database
from geodata.finished import finish_layers
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.importing.cancellation import ending_statements
from geodata.importing.check import ImportRequest, Progress, check_file, check_rows, no_progress
from geodata.importing.exact_merge import ExactMerge
from geodata.importing.given_ids import is_officers_export
from geodata.importing.merge import Merge, Mode
from geodata.importing.overlaps import report_overlaps
from geodata.importing.refusals import refuse_rows
from geodata.importing.report import Report
from geodata.importing.results import ReadResult
from geodata.importing.review import Review, review
from geodata.importing.staging import Staged, StagingSink, staging_table
from geodata.importing.work_folder import work_folder
from geodata.placed import place_all
from geodata.refresh import Refresh
from geodata.register import Field, Register
from geodata.units.index import UnitIndex, load_units
from geodata.written import write_all

SORT_MEMORY = "256MB"
"""For sorting and hashing while a revision is written: 675,000 records fit without going through the disk."""

_MANY_ROWS = 1000
"""Rows of a file from which on reading the whole register costs little beside what they take one by one."""

_REVIEWED, _APPLIED, _INDEXED = 0.1, 0.4, 0.65
"""How far a publish is after its steps, as a share of the time that first loads take."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a file.

    Attributes
    ----------
    report : Report
    counts : Counts
        What was changed; nothing while the rows wait.
    revision : int or None
        Number of the revision; None when the file changed nothing, or nothing yet.
    review : Review or None
        What publishing would change, or has.
    staged : Staged or None
        The rows, where they wait for an officer.
    """

    report: Report
    counts: Counts
    revision: int | None
    review: Review | None = None
    staged: Staged | None = None


Conclude = Callable[[Connection, Published], None]


class RowsLostError(Exception):
    """The staged rows are not there any more, as after a crash of the server; the file has to be read again."""


def import_file(
    database: Database, request: ImportRequest, progress: Progress = no_progress, conclude: Conclude | None = None
) -> Published:
    """Read, check and stage one file; publish it at once unless the request or the guard wants it seen before.

    Reading and checking write into a staging table only; the register changes in one transaction at the end, and
    whatever `conclude` writes stands in the same one.
    """
    # Not as the public reads: its statements have seconds, which a busy machine may need for this.
    with database.worker() as connection:
        units = load_units(connection)
    with work_folder() as folder, database.worker() as connection:
        with ending_statements(request.cancellation, connection):
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
    return _publish_checked(
        connection, request, lambda sink: check_file(request, units, work_dir, sink, progress), progress
    )


def publish_rows(
    connection: Connection,
    request: ImportRequest,
    units: UnitIndex,
    result: ReadResult,
    mapping: Mapping[str, Field],
    report: Report,
) -> Published:
    """Check and publish rows that no sandbox had to read, in the transaction given.

    Parameters
    ----------
    result : ReadResult
        Rows in WGS 84.
    mapping : mapping of column name to field
    report : Report
        Its ``columns`` are what the rows change of records that are there already.
    """

    def check(sink: StagingSink) -> Report:
        check_rows(request, result, mapping, units, sink, report)
        return report

    return _publish_checked(connection, request, check, no_progress)


def _publish_checked(
    connection: Connection, request: ImportRequest, check: Callable[[StagingSink], Report], progress: Progress
) -> Published:
    with StagingSink(connection, request.register, request.upload_id or uuid4()) as sink:
        report = check(sink)
        # The connection is the sink's own until then.
        sink.finish()
        published = Published(report, Counts(0, 0), None)
        if report.valid:
            stage = "publishing" if request.publishes else "validating"
            progress(stage, 0, report.valid)
            with _or_refused(connection, report):
                published = publish_staged(connection, request, sink, report, progress)
            progress(stage, report.valid, report.valid)
        if published.staged is not None and request.upload_id is not None:
            sink.keep()
    report.settle()
    return published


def publish_staged(
    connection: Connection,
    request: ImportRequest,
    sink: StagingSink,
    report: Report,
    progress: Progress = no_progress,
) -> Published:
    """Match the staged rows with the register, and publish them as one revision if nothing is to be asked before.

    Nothing changed means no revision.
    """
    sink.finish()
    assert sink.table is not None
    mapped = tuple(name for name in report.columns.values() if name is not None)
    is_whole = is_officers_export(report.columns)
    staged = Staged(sink.name, tuple(sink.fields), sink.has_geometry, mapped, rows=0, is_whole=is_whole)
    return _publish(connection, request, sink.table, staged, report, progress, is_new=True)


def publish_waiting(
    database: Database,
    request: ImportRequest,
    staged: Staged,
    report: Report,
    conclude: Conclude,
    progress: Progress = no_progress,
) -> Published:
    """Publish rows that were staged before, provided that they still change what the officer has seen.

    Parameters
    ----------
    request : ImportRequest
        ``expected`` is the mark of the review that the officer saw.
    staged : Staged
    report : Report
        Takes what is refused now and was not before.
    conclude : callable
        Writes in the same transaction.

    Returns
    -------
    Published
        Without a revision, and with the fresh review, if others have published in between.

    Raises
    ------
    RowsLostError
        If the staging table is empty or gone.
    """
    with database.worker() as connection, ending_statements(request.cancellation, connection):
        table = open_staged(connection, request.register, staged)
        report.valid = staged.rows
        published = Published(report, Counts(0, 0), None)
        with _or_refused(connection, report):
            published = _publish(connection, request, table, staged, report, progress, is_new=False)
        if published.staged is None:
            connection.execute(text(f'DROP TABLE staging."{staged.table}"'))
        conclude(connection, published)
    return published


def open_staged(connection: Connection, register: Register, staged: Staged) -> Table:
    """Return the table in which rows wait.

    Raises
    ------
    RowsLostError
        If it is gone or does not hold them all.
    """
    table = staging_table(register, staged.table, staged.fields, has_geometry=staged.has_geometry)
    is_there = connection.scalar(select(func.to_regclass(f"staging.{staged.table}"))) is not None
    if not is_there or connection.scalar(select(func.count()).select_from(table)) != staged.rows:
        raise RowsLostError
    return table


def settle(database: Database) -> None:
    """Do what publishing has left for after its commit.

    That is, after a first load, statistics, the check that parts belong to records, the places of points in their
    tiles, and features as text; and the finished layers of tiles whose counts changed.
    """
    with database.worker() as connection:
        connection.execute(select(func.ops.settle_bulk_load()))
    with database.worker() as connection:
        place_all(connection)
    with database.worker() as connection:
        write_all(connection)
    is_more = True
    while is_more:
        with database.worker() as connection:
            is_more = finish_layers(connection)


def open_merge(connection: Connection, register: Register, staged: Staged, mode: Mode, commune: str | None) -> Merge:
    """Return the merge of rows that wait, matched as it was when they were staged; for reading only."""
    return _merge(connection, register, open_staged(connection, register, staged), staged, mode, commune)


def _merge(
    connection: Connection, register: Register, table: Table, staged: Staged, mode: Mode, commune: str | None
) -> Merge:
    is_empty = not connection.scalar(select(exists(select(register.table.c.id))))
    mode = "upsert" if mode == "replace" and staged.holds_back else mode
    kind, is_bulk = (ExactMerge, False) if mode == "edit" else (Merge, is_empty)
    return kind(
        connection, register, table, staged.mapped, is_bulk=is_bulk, mode=mode, commune=commune, kept=staged.kept,
        is_whole=staged.is_whole,
    )  # fmt: skip


def _held_back(connection: Connection, request: ImportRequest, staged: Staged, report: Report) -> Staged:
    """Keep the records of rejected rows where a file replaces a commune's set; keep all where they are not known."""
    if request.mode != "replace" or report.rejected_keys == set():
        return staged
    if report.rejected_keys is None:
        report.add("REPLACE_INCOMPLETE", value=report.rejected)
        return replace(staged, holds_back=True)
    register, keys = request.register, report.rejected_keys
    name = register.key[0]
    scheme = register.field(name).scheme
    if scheme is None:
        found = select(register.table.c.id).where(register.table.c[name].in_(keys))
    else:
        assert register.codes is not None
        codes = register.codes.__table__
        found = select(codes.c.feature_id).where(codes.c.scheme == scheme, codes.c.value.in_(keys))
    return replace(staged, kept=(*staged.kept, *connection.scalars(found)))


@contextmanager
def _or_refused(connection: Connection, report: Report) -> Iterator[None]:
    """Say which rule the database has beyond those of the register's declaration, instead of failing."""
    try:
        with connection.begin_nested():
            yield
    except IntegrityError as error:
        # Never the driver's own words: they quote values, private ones too.
        rule = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        report.refuse("RULE_REFUSED", value=rule)
        report.rejected, report.valid = report.rejected + report.valid, 0


def _publish(  # noqa: PLR0913  what is published, for whom, and who is told
    connection: Connection,
    request: ImportRequest,
    table: Table,
    staged: Staged,
    report: Report,
    progress: Progress,
    *,
    is_new: bool,
) -> Published:
    register, rows = request.register, report.valid

    def tell(share: float) -> None:
        progress("publishing" if request.publishes else "validating", round(share * rows), rows)

    # A worker that stands still must not keep the register from all others.
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout TO DEFAULT"))
    lock_register(connection, register)
    connection.execute(text("SELECT set_config('work_mem', :memory, true)"), {"memory": SORT_MEMORY})
    staged = _held_back(connection, request, staged, report)
    merge = _merge(connection, register, table, staged, request.mode, request.commune)
    if not merge.is_bulk:
        with _compared_at_once(connection, rows):
            merge.match()
    kept = (*staged.kept, *refuse_rows(merge, request.actor, report))
    if is_new and not merge.is_bulk:
        report_overlaps(connection, register, table, report, request.actor)
    staged, merge = replace(staged, kept=kept), replace(merge, kept=kept)
    if is_new and (spared := merge.spared()):
        report.add("REPLACE_WITHHELD", value=spared)
    found = review(merge, report.valid)
    tell(_REVIEWED)
    if not found.counts:
        return Published(report, found.counts, None, found)
    if _must_wait(request, found):
        return Published(report, Counts(0, 0), None, found, replace(staged, rows=report.valid))
    return Published(report, found.counts, _write(merge, request, found, tell), found)


def _must_wait(request: ImportRequest, found: Review) -> bool:
    """Whether an officer has to look first: asked for, changed since, or too much would vanish."""
    is_another = request.expected is not None and request.expected != found.etag
    return is_another or not request.publishes or (found.needs_approval and not request.is_approved)


def _write(merge: Merge, request: ImportRequest, found: Review, tell: Callable[[float], None]) -> int:
    """Write the revision: records, what is derived from them, and the word to every process."""
    connection, register = merge.connection, request.register
    number = start_revision(
        connection,
        register,
        found.counts,
        author=request.actor.name,
        note=request.note,
        upload_id=request.upload_id,
        communes=found.communes,
    )
    bulk_tables = _begin_bulk(connection, register) if merge.is_bulk else []
    merge.apply(number)
    tell(_APPLIED)
    for name in reversed(bulk_tables):
        connection.execute(select(func.ops.end_bulk_load(name)))
    tell(_INDEXED)
    Refresh(connection, register, number).run(None if bulk_tables else merge.touched())
    announce(connection, register, number)
    return number


@contextmanager
def _compared_at_once(connection: Connection, rows: int) -> Iterator[None]:
    """Let many rows meet the register by hashing or sorting, and never one after the other.

    The planner may know the register as it was in a moment in which the database counted few rows on many pages, as while
    another large file was being published: it would compare every row with every record. Statistics of the present would
    need a lock that others hold for long, or wait for with others held.
    """
    if rows < _MANY_ROWS:
        yield
        return
    connection.execute(text("SET LOCAL enable_nestloop = off"))
    yield
    connection.execute(text("SET LOCAL enable_nestloop = on"))


def _begin_bulk(connection: Connection, register: Register) -> Sequence[str]:
    """Set indexes and constraints of an empty register aside; returns the tables, side tables first."""
    sides = [table.name for table in register.companion_fields]
    if register.codes is not None:
        sides.append(register.codes.__table__.name)
    tables = [*sides, register.id]
    for name in tables:
        connection.execute(select(func.ops.begin_bulk_load(name)))
    return tables

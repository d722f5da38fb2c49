"""What a worker clears away: old files, files of no upload, staged rows that nobody waits for."""

from sqlalchemy import Connection, MetaData, Table, delete, func, select, text, update
from sqlalchemy.schema import DropTable

from geodata.db import Database
from geodata.history import forget_private
from geodata.importing.report import tell
from geodata.ops import EditAnswer, Rollback, Upload
from service.auth import audit
from service.jobs.imports import UNFINISHED
from service.storage.parts import Storage

DAY_S = 86_400
ORPHAN_S = 3600
"""After so long files without an upload's row are those of a process that died in between."""

WAITING = ("staged", "needs_choice", "needs_approval")
"""States in which an upload waits for a person."""


def clean_files(database: Database, storage: Storage, keep_days: float) -> int:
    """Remove raw files, private data of the past and answers older than the installation keeps them, and files of no upload.

    Returns
    -------
    int
        Of how many uploads.
    """
    found = storage.find_older(ORPHAN_S)
    old = storage.find_older(keep_days * DAY_S)
    with database.worker() as connection:
        known = set(connection.scalars(select(Upload.id).where(Upload.id.in_(found))))
        needed = select(Upload.id).where(Upload.id.in_(old), Upload.state.in_((*UNFINISHED, *WAITING)))
        forget_private(connection, int(keep_days))
        _forget_answers(connection, keep_days)
        removed = (found - known) | (old - set(connection.scalars(needed)))
    for upload_id in removed:
        storage.remove(upload_id)
    return len(removed)


def _forget_answers(connection: Connection, keep_days: float) -> None:
    """Forget what edits and requests for an undoing were answered; they come again within minutes if at all."""
    for kind in (Rollback, EditAnswer):
        is_old = kind.answered_at < func.now() - func.make_interval(0, 0, 0, keep_days)
        connection.execute(delete(kind).where(is_old))


def clean_staging(database: Database, keep_days: float) -> int:
    """End uploads that waited too long for their officer, and drop the tables of staged rows that nobody needs.

    Returns
    -------
    int
        How many tables were dropped.
    """
    with database.worker() as connection:
        _expire(connection, keep_days)
    with database.worker() as connection:
        return _drop_unneeded(connection)


def _expire(connection: Connection, keep_days: float) -> None:
    is_old = func.now() - Upload.queued_at > func.make_interval(0, 0, 0, keep_days)
    found = select(Upload.id, Upload.register, Upload.commune, Upload.report)
    found = found.where(Upload.state.in_(WAITING), is_old).with_for_update(skip_locked=True)
    for upload_id, register, commune, stored in connection.execute(found).all():
        report = tell(stored, register, commune, "UPLOAD_EXPIRED", value=f"{keep_days:g}")
        values = {"state": "cancelled", "report": report, "progress": {"error": "expired"}}
        over = update(Upload).where(Upload.id == upload_id)
        connection.execute(over.values(**values, staged=None, finished_at=func.clock_timestamp()))
        audit.note(connection, "upload.cancel", actor="worker", target=str(upload_id), outcome="ok", kind="expired")


def _drop_unneeded(connection: Connection) -> int:
    """Drop the tables that are not those of rows that wait, for their officer or to be published.

    A table that is being filled belongs to a transaction that has not committed, so it is not seen here.
    """
    # A table may be held by a worker that stands still; it can be dropped an hour later.
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'")).all()
    is_open = Upload.state.in_((*UNFINISHED, *WAITING))
    unneeded = set(tables) - set(connection.scalars(select(Upload.staged["table"].astext).where(is_open)))
    for name in unneeded:
        connection.execute(DropTable(Table(name, MetaData(), schema="staging"), if_exists=True))
    return len(unneeded)

"""The work on one upload: claimed with a fencing token, kept alive by a heartbeat, finished in one transaction."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, func, or_, select, text, update

from geodata.db import Actor, Database
from geodata.importing.check import ImportRequest
from geodata.importing.context import ReaderLimits
from geodata.importing.publish import Published, publish_file
from geodata.importing.work_folder import work_folder
from geodata.ops import Upload
from geodata.registers import get_register
from geodata.units.index import load_units
from service.auth import audit
from service.files import FileStore
from service.jobs.queue import defer_import
from service.settings import ServiceSettings

log = structlog.get_logger()

UNFINISHED = ("received", "reading", "validating", "publishing")
HEARTBEAT_S = 5
LOST_AFTER_S = 20
MAX_ATTEMPTS = 5


class FencedError(Exception):
    """Another worker has taken this upload over; whatever is done here must not be kept."""


class UploadJob:
    """The work on one upload by one worker.

    Parameters
    ----------
    database : Database
    settings : ServiceSettings
    upload_id : UUID
    """

    def __init__(self, database: Database, settings: ServiceSettings, upload_id: UUID) -> None:
        self.database = database
        self.settings = settings
        self.upload_id = upload_id
        self.files = FileStore(settings.var_dir / "uploads")
        self.attempt = 0

    def run(self) -> None:
        """Do the work, if nobody else is at it."""
        upload = self._claim()
        if upload is None:
            log.info("upload skipped", upload=str(self.upload_id))
            return
        self.attempt = upload.attempt
        try:
            with self._heartbeat():
                self._import(upload)
        except FencedError:
            log.warning("upload taken over by another worker", upload=str(self.upload_id))
        except Exception as error:
            log.exception("upload failed", upload=str(self.upload_id))
            self._fail(type(error).__name__)

    def _claim(self) -> Row[Any] | None:
        """Take the upload unless another worker lives on it."""
        is_lost = Upload.heartbeat_at < func.now() - text(f"interval '{LOST_AFTER_S} seconds'")
        statement = (
            update(Upload)
            .where(Upload.id == self.upload_id, Upload.state.in_(UNFINISHED))
            .where(or_(Upload.heartbeat_at.is_(None), is_lost))
            .values(attempt=Upload.attempt + 1, heartbeat_at=func.now(), state="reading")
            .returning(*Upload.__table__.c)
        )
        with self.database.worker() as connection:
            return connection.execute(statement).one_or_none()

    def _still_ours(self, connection: Connection, **values: Any) -> None:
        """Write to the upload's row, provided that this attempt is the latest."""
        statement = update(Upload).where(Upload.id == self.upload_id, Upload.attempt == self.attempt).values(**values)
        if connection.execute(statement).rowcount != 1:
            raise FencedError

    def _progress(self, stage: str, done: int, total: int) -> None:
        with self.database.worker() as connection:
            self._still_ours(
                connection,
                state=stage,
                heartbeat_at=func.now(),
                progress={"stage": stage, "done": done, "total": total},
            )

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        """Say every few seconds that the worker lives, also while it waits for the reader or the database."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(HEARTBEAT_S):
                try:
                    with self.database.worker() as connection:
                        self._still_ours(connection, heartbeat_at=func.now())
                except FencedError:
                    return
                except Exception as error:
                    log.warning("heartbeat missed", kind=type(error).__name__)

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _import(self, upload: Row[Any]) -> None:
        with self.database.read() as connection:
            units = load_units(connection)
        request = self._request(upload)
        with work_folder() as folder, self.database.worker() as connection:
            published = publish_file(connection, request, units, folder, self._progress)
            self._finish(connection, upload, published)

    def _request(self, upload: Row[Any]) -> ImportRequest:
        communes = None if upload.author_communes == "*" else tuple(upload.author_communes.split(","))
        megabytes = 1 << 20
        limits = ReaderLimits(max_packed_bytes=self.settings.upload_max_mb * megabytes)
        options = upload.options
        return ImportRequest(
            self.files.path(upload.id), upload.file_name, get_register(upload.register),
            Actor(upload.author, communes), commune=upload.commune, layer=options.get("layer"), crs=options.get("crs"),
            encoding=options.get("encoding"), note=options.get("note"), upload_id=upload.id, limits=limits,
            timeout_s=self.settings.reader_timeout_s, settings=self.settings,
        )  # fmt: skip

    def _finish(self, connection: Connection, upload: Row[Any], published: Published) -> None:
        """Say in the publish's own transaction what became of the file."""
        is_published = published.report.outcome == "ok"
        self._still_ours(
            connection, state="published" if is_published else "rejected", report=published.report.as_dict(),
            revision=published.revision, finished_at=func.now(), heartbeat_at=func.now(),
        )  # fmt: skip
        counts = published.counts
        audit.note(
            connection, "upload.publish", actor=upload.author, target=str(upload.id),
            outcome="ok" if is_published else "refused", register=upload.register, revision=published.revision,
            added=counts.added, changed=counts.changed,
        )  # fmt: skip

    def _fail(self, kind: str) -> None:
        with self.database.worker() as connection:
            try:
                self._still_ours(connection, state="failed", finished_at=func.now(), progress={"error": kind})
            except FencedError:
                return
            audit.note(
                connection, "upload.publish", actor="worker", target=str(self.upload_id), outcome="failed", kind=kind
            )


def recover_lost(connection: Connection) -> list[UUID]:
    """Put uploads back on the queue whose worker died or whose job was lost; give up after a few attempts.

    Returns
    -------
    list of UUID
        The uploads put back.
    """
    if not connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext("bandoso recovery")))):
        return []
    lost_for = text(f"interval '{LOST_AFTER_S} seconds'")
    since = func.coalesce(Upload.heartbeat_at, Upload.received_at)
    lost = (Upload.state.in_(UNFINISHED), since < func.now() - lost_for)
    connection.execute(
        update(Upload).where(*lost, Upload.attempt >= MAX_ATTEMPTS).values(
            state="failed", finished_at=func.now(), progress={"error": "attempts"}
        )
    )  # fmt: skip
    found = list(connection.scalars(select(Upload.id).where(*lost)))
    for upload_id in found:
        if not _is_queued(connection, upload_id):
            defer_import(connection, upload_id)
    return found


def _is_queued(connection: Connection, upload_id: UUID) -> bool:
    return bool(
        connection.scalar(
            text(
                "SELECT EXISTS (SELECT 1 FROM ops.procrastinate_jobs WHERE status = 'todo' AND args ->> 'upload_id' = :id)"
            ),
            {"id": str(upload_id)},
        )
    )

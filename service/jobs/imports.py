"""The work on one upload: claimed with a fencing token, kept alive by a heartbeat, finished in one transaction."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, case, func, or_, select, text, update

from geodata.db import Actor, Database, is_passing
from geodata.importing.check import ImportRequest
from geodata.importing.column_memory import memory_unit, remember_columns, remembered_columns
from geodata.importing.context import ReaderLimits
from geodata.importing.publish import Published, RowsLostError, import_file, publish_waiting
from geodata.importing.report import Report, amend
from geodata.importing.staging import Staged
from geodata.ops import Upload
from geodata.registers import get_register
from service.auth import audit
from service.file_options import read_file_options
from service.files import FileStore
from service.jobs.queue import defer_import, remove_dead_jobs
from service.logs import note_outage
from service.settings import ServiceSettings

log = structlog.get_logger()

UNFINISHED = ("received", "reading", "validating", "publishing")
HEARTBEAT_S = 5
LOST_AFTER_S = 20
MAX_TRIES = 5


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
        self.attempt = self.tries = 0

    def run(self) -> None:
        """Do the work, if nobody else is at it."""
        started = time.monotonic()
        try:
            upload = self._claim()
            if upload is None:
                log.info("upload skipped", upload=str(self.upload_id))
                return
            self.attempt, self.tries = upload.attempt, upload.tries
            with self._heartbeat():
                published = self._work(upload)
        except FencedError:
            log.warning("upload taken over by another worker", upload=str(self.upload_id))
        except Exception as error:
            self._fail_or_wait(error)
        else:
            self._log_end(upload, published, time.monotonic() - started)

    def _claim(self) -> Row[Any] | None:
        """Take the upload unless another worker lives on it."""
        state = case((Upload.staged.is_(None), "reading"), else_=Upload.state)
        is_lost = Upload.heartbeat_at < func.now() - text(f"interval '{LOST_AFTER_S} seconds'")
        statement = (
            update(Upload)
            .where(Upload.id == self.upload_id, Upload.state.in_(UNFINISHED))
            .where(or_(Upload.heartbeat_at.is_(None), is_lost))
            .values(attempt=Upload.attempt + 1, tries=Upload.tries + 1, heartbeat_at=func.now(), state=state)
            .returning(*Upload.__table__.c)
        )
        with self.database.worker() as connection:
            return connection.execute(statement).one_or_none()

    def _work(self, upload: Row[Any]) -> Published:
        """Read the file, or go on with the rows that wait."""
        request, conclude = self._request(upload), partial(self._finish, upload)
        if upload.staged is not None:
            with suppress(RowsLostError):
                report = Report(upload.register, upload.commune)
                waiting = Staged.from_dict(upload.staged)
                return publish_waiting(self.database, request, waiting, report, conclude)
        return import_file(self.database, request, self._progress, conclude)

    def _still_ours(self, connection: Connection, **values: Any) -> None:
        """Write to the upload's row, provided that this attempt is the latest and nobody has cancelled it."""
        ours = (Upload.id == self.upload_id, Upload.attempt == self.attempt, Upload.state != "cancelled")
        statement = update(Upload).where(*ours).values(**values)
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
                    note_outage(type(error).__name__, missed="heartbeat")

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _request(self, upload: Row[Any]) -> ImportRequest:
        megabytes = 1 << 20
        limits = ReaderLimits(max_packed_bytes=self.settings.upload_max_mb * megabytes)
        options = upload.options
        # Rows that wait are published as they were seen, or looked at again for those who will.
        is_agreed = upload.state == "publishing" and upload.diff is not None
        expected = upload.diff["etag"] if is_agreed else None
        actor = Actor(upload.author, _communes(upload))
        with self.database.worker() as connection:
            remembered = remembered_columns(connection, upload.register, memory_unit(upload.commune, actor))
        chosen = read_file_options(options)
        return ImportRequest(
            self.files.path(upload.id), upload.file_name, get_register(upload.register), actor, commune=upload.commune,
            layer=chosen.layer, crs=chosen.crs, encoding=chosen.encoding, columns=chosen.columns, accept=chosen.accept,
            remembered=remembered, mode=upload.mode, publishes=upload.publish == "auto" or is_agreed, is_approved=upload.approved_by is not None, expected=expected, note=options.get("note"),
            upload_id=upload.id, limits=limits, timeout_s=self.settings.reader_timeout_s, settings=self.settings,
        )  # fmt: skip

    def _finish(self, upload: Row[Any], connection: Connection, published: Published) -> None:
        """Say in the publish's own transaction what became of the file."""
        state, review = _state(upload, published), published.review
        is_over = state in {"published", "rejected"}
        self._still_ours(
            connection, state=state, report=_report(upload, published),
            preview=published.report.preview or upload.preview,
            staged=published.staged.as_dict() if published.staged is not None else None,
            diff=review.as_dict() if review is not None else None, revision=published.revision,
            finished_at=func.now() if is_over else None, heartbeat_at=None,
        )  # fmt: skip
        if state == "published":
            actor = Actor(upload.author, _communes(upload))
            unit = memory_unit(upload.commune, actor)
            remember_columns(
                connection, upload.register, unit, (upload.report or published.report.as_dict())["columns"]
            )
        counts = published.counts
        audit.note(
            connection, "upload.publish" if is_over else "upload.stage", actor=upload.author, target=str(upload.id),
            outcome="refused" if state == "rejected" else "ok", register=upload.register, revision=published.revision,
            added=counts.added, changed=counts.changed, removed=counts.removed,
        )  # fmt: skip

    def _log_end(self, upload: Row[Any], published: Published, seconds: float) -> None:
        report = published.report
        log.info(
            "upload done", upload=str(upload.id), register=upload.register, outcome=report.outcome, read=report.read,
            valid=report.valid, rejected=report.rejected, revision=published.revision, seconds=round(seconds, 1),
        )  # fmt: skip

    def _fail_or_wait(self, error: Exception) -> None:
        """Leave to `recover_lost` what may succeed on another attempt; anything else has failed."""
        kind = type(error).__name__
        if is_passing(error) and self.tries < MAX_TRIES:
            log.warning("upload put off", upload=str(self.upload_id), kind=kind, attempt=self.attempt)
            return
        log.error("upload failed", upload=str(self.upload_id), kind=kind, exc_info=error)
        with suppress(FencedError), self.database.worker() as connection:
            self._still_ours(connection, heartbeat_at=func.now())
            _give_up(connection, self.upload_id, kind)


def _communes(upload: Row[Any]) -> tuple[str, ...] | None:
    """Return the communes that the sender could change when the file was taken; None for all."""
    return None if upload.author_communes == "*" else tuple(upload.author_communes.split(","))


def _state(upload: Row[Any], published: Published) -> str:
    """Name the state an upload is in once a worker is done with it."""
    if published.report.outcome != "ok":
        return "needs_choice" if published.report.outcome == "needs_choice" else "rejected"
    if published.staged is None:
        return "published"
    assert published.review is not None
    is_wanted = upload.publish == "auto" or (upload.state == "publishing" and not _is_stale(upload, published))
    return "needs_approval" if is_wanted and published.review.needs_approval else "staged"


def _is_stale(upload: Row[Any], published: Published) -> bool:
    """Whether what the officer agreed to is not what would happen now."""
    assert published.review is not None
    return bool(upload.diff is not None and upload.diff["etag"] != published.review.etag)


def _report(upload: Row[Any], published: Published) -> dict[str, Any]:
    """Return the report to keep; that of rows that waited is the first one, with what is refused since."""
    if upload.staged is None or upload.report is None:
        return published.report.as_dict()
    if upload.state == "publishing" and published.staged is not None and _is_stale(upload, published):
        published.report.add("OTHERS_PUBLISHED")
    return amend(upload.report, published.report)


def _give_up(connection: Connection, upload_id: UUID, kind: str) -> None:
    """Say in the upload's row and in the audit that the service could not do its work."""
    named = select(Upload.register, Upload.commune).where(Upload.id == upload_id)
    report = Report(*connection.execute(named).one())
    report.refuse("SYSTEM_ERROR", value=kind)
    connection.execute(
        update(Upload).where(Upload.id == upload_id).values(
            state="failed", finished_at=func.now(), progress={"error": kind}, report=report.as_dict()
        )
    )  # fmt: skip
    audit.note(connection, "upload.publish", actor="worker", target=str(upload_id), outcome="failed", kind=kind)


def recover_lost(connection: Connection) -> list[UUID]:
    """Put uploads back on the queue whose worker died or whose job was lost; give up after a few attempts.

    Jobs of dead workers are removed: the upload says what is to be done, and has another job then.

    Returns
    -------
    list of UUID
        The uploads put back.
    """
    if not connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext("bandoso recovery")))):
        return []
    lost_for = text(f"interval '{LOST_AFTER_S} seconds'")
    since = func.coalesce(Upload.heartbeat_at, Upload.queued_at)
    lost = (Upload.state.in_(UNFINISHED), since < func.now() - lost_for)
    hopeless = select(Upload.id).where(*lost, Upload.tries >= MAX_TRIES).with_for_update()
    for upload_id in connection.scalars(hopeless).all():
        _give_up(connection, upload_id, "attempts")
    remove_dead_jobs(connection)
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

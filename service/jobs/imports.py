"""The work on one upload: claimed with a fencing token, kept alive by a heartbeat, finished in one transaction."""

import time
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, and_, case, exists, func, or_, select, text, update

from geodata.db import Database, is_passing
from geodata.importing.cancellation import Cancellation
from geodata.importing.check import ImportRequest
from geodata.importing.column_memory import memory_unit, remember_columns, remembered_columns
from geodata.importing.publish import Published, RowsLostError, import_file, publish_waiting, settle
from geodata.importing.report import Report, amend
from geodata.importing.staging import Staged
from geodata.importing.work_folder import work_folder
from geodata.ops import Upload
from service.auth import audit
from service.failpoints import Failpoints
from service.jobs.heartbeat import LOST_AFTER_S, SILENT_AFTER_S, heartbeat, is_let_go, work_key
from service.jobs.progress import ProgressMeter
from service.jobs.queue import defer_import, is_queued, remove_dead_jobs
from service.jobs.requests import OptionUnknownError, import_request, sender
from service.problems import StorageAwayError, StoredFileError
from service.settings import ServiceSettings
from service.storage import open_storage
from service.storage.parts import FetchedUpload

log = structlog.get_logger()

UNFINISHED = ("received", "reading", "validating", "publishing")
MAX_TRIES = 5


class FencedError(Exception):
    """Another worker has taken this upload over; whatever is done here must not be kept."""


class UploadCancelledError(FencedError):
    """The officer wants this upload no more."""


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
        self.storage = open_storage(settings)
        self.attempt = self.tries = 0
        self.is_agreed = self.has_read = False
        self.outcome = ""
        self.state = "received"
        self.meter = ProgressMeter()
        self.failpoints = Failpoints(settings)
        self.cancellation = Cancellation()

    def run(self) -> None:
        """Do the work, if nobody else is at it."""
        started = time.monotonic()
        try:
            upload = self._claim()
            if upload is None:
                log.info("upload skipped", upload=str(self.upload_id))
                return
            self.attempt, self.tries = upload.attempt, upload.tries
            self.is_agreed = upload.state == "publishing" and upload.diff is not None
            with self._heartbeat():
                self._enter(upload.state)
                published = self._work(upload)
            self._enter(self.outcome)
        except Exception as error:
            self._conclude_failed(error)
        else:
            self._log_end(upload, published, time.monotonic() - started)
            settle(self.database)

    def _enter(self, state: str) -> None:
        """Note that the upload is in another state for good."""
        self.state = state
        self.failpoints.reach(f"after-{state}", self.upload_id)

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
            found = connection.execute(statement).one_or_none()
            if found is not None:
                self.failpoints.reach(f"before-{found.state}", self.upload_id)
            return found

    def _work(self, upload: Row[Any]) -> Published:
        """Read the file, or go on with the rows that wait."""
        conclude = partial(self._finish, upload)
        if upload.staged is not None:
            with suppress(RowsLostError):
                request, report = self._request(upload, None), Report(upload.register, upload.commune)
                waiting = Staged.from_dict(upload.staged)
                self.meter.note(upload.state, 0, waiting.rows)
                return publish_waiting(self.database, request, waiting, report, conclude, self._progress)
        self.has_read = True
        with work_folder() as folder:
            request = self._request(upload, self.storage.fetch(upload.id, folder))
            return import_file(self.database, request, self._progress, conclude)

    def _still_ours(self, connection: Connection, **values: Any) -> None:
        """Write to the upload's row, provided that this attempt is the latest and nobody has cancelled it."""
        ours = (Upload.id == self.upload_id, Upload.attempt == self.attempt)
        statement = update(Upload).where(*ours, Upload.state != "cancelled").values(**values)
        if connection.execute(statement).rowcount == 1:
            return
        is_ours = connection.scalar(select(exists().where(*ours)))
        raise UploadCancelledError if is_ours else FencedError

    def _progress(self, stage: str, done: int, total: int) -> None:
        self.meter.note(stage, done, total)
        if self.meter.is_due:
            with self.database.worker() as connection:
                # What an officer has agreed to stays agreed, also where its rows have to be read again.
                state = "publishing" if self.is_agreed else stage
                self._still_ours(connection, state=state, heartbeat_at=func.now(), progress=self.meter.tell())
                if stage != self.state:
                    self.failpoints.reach(f"before-{stage}", self.upload_id)
        if stage != self.state:
            self._enter(stage)

    def _heartbeat(self) -> AbstractContextManager[None]:
        def beat(connection: Connection) -> bool:
            ours = (Upload.id == self.upload_id, Upload.attempt == self.attempt, Upload.state != "cancelled")
            # Once the work is done the heartbeat is taken away, and must not come back.
            alive = update(Upload).where(*ours, Upload.heartbeat_at.is_not(None)).values(heartbeat_at=func.now())
            if connection.execute(alive).rowcount == 1:
                return True
            if not connection.scalar(select(exists().where(*ours))):
                self.cancellation.ask()
            return False

        return heartbeat(self.database, work_key(self.upload_id, self.attempt), beat)

    def _request(self, upload: Row[Any], fetched: FetchedUpload | None) -> ImportRequest:
        """Say what is to be done; rows that wait need no file."""
        # Rows that wait are published as they were seen, or looked at again for those who will.
        expected = upload.diff["etag"] if self.is_agreed else None
        request = import_request(self.settings, upload, fetched)
        with self.database.worker() as connection:
            remembered = remembered_columns(connection, upload.register, memory_unit(upload.commune, request.actor))
        return replace(
            request, remembered=remembered, is_approved=upload.approved_by is not None,
            publishes=upload.publish == "auto" or self.is_agreed, expected=expected, cancellation=self.cancellation,
        )  # fmt: skip

    def _finish(self, upload: Row[Any], connection: Connection, published: Published) -> None:
        """Say in the publish's own transaction what became of the file."""
        state, review = _state(upload, published), published.review
        is_over = state in {"published", "rejected"}
        self._still_ours(
            connection, state=state, report=self._report(upload, published),
            preview=published.report.preview or upload.preview,
            staged=published.staged.as_dict() if published.staged is not None else None,
            diff=review.as_dict() if review is not None else None, revision=published.revision,
            finished_at=func.clock_timestamp() if is_over else None, heartbeat_at=None, progress=self.meter.tell(),
        )  # fmt: skip
        if state == "published":
            unit = memory_unit(upload.commune, sender(upload))
            remember_columns(
                connection, upload.register, unit, (upload.report or published.report.as_dict())["columns"]
            )
        counts = published.counts
        audit.note(
            connection, "upload.publish" if is_over else "upload.stage", actor=upload.author, target=str(upload.id),
            outcome="refused" if state == "rejected" else "ok", register=upload.register, revision=published.revision,
            added=counts.added, changed=counts.changed, removed=counts.removed,
        )  # fmt: skip
        self.outcome = state
        self.failpoints.reach(f"before-{state}", self.upload_id)

    def _report(self, upload: Row[Any], published: Published) -> dict[str, Any]:
        """Return the report to keep; that of rows that waited is the first one, with what is refused since."""
        if self.has_read or upload.report is None:
            return published.report.as_dict()
        if published.staged is not None and _is_stale(upload, published):
            published.report.add("OTHERS_PUBLISHED")
        return amend(upload.report, published.report)

    def _log_end(self, upload: Row[Any], published: Published, seconds: float) -> None:
        report = published.report
        log.info(
            "upload done", upload=str(upload.id), register=upload.register, outcome=report.outcome, read=report.read,
            valid=report.valid, rejected=report.rejected, added=published.counts.added, changed=published.counts.changed,
            removed=published.counts.removed, revision=published.revision, seconds=round(seconds, 1),
        )  # fmt: skip

    def _conclude_failed(self, error: Exception) -> None:
        """Say what ended the work. What was ended on purpose fails with whatever its end looked like to it."""
        if isinstance(error, UploadCancelledError):
            log.info("upload cancelled", upload=str(self.upload_id))
        elif isinstance(error, FencedError):
            log.warning("upload taken over by another worker", upload=str(self.upload_id))
        elif isinstance(error, OptionUnknownError):
            self._refuse(error)
        elif self.cancellation.is_asked:
            log.info("upload ended from outside", upload=str(self.upload_id), kind=type(error).__name__)
        else:
            self._fail_or_wait(error)

    def _refuse(self, error: OptionUnknownError) -> None:
        log.warning("upload refused", upload=str(self.upload_id), code=error.code)
        with suppress(FencedError), self.database.worker() as connection:
            self._still_ours(connection, heartbeat_at=None)
            _give_up(connection, self.upload_id, error.code, error.code, state="rejected", **error.detail)

    def _fail_or_wait(self, error: Exception) -> None:
        """Leave to `recover_lost` what may succeed on another attempt; anything else has failed."""
        kind = type(error).__name__
        # A file that is not there may be where another worker looks: one with the settings that the API has.
        is_elsewhere = isinstance(error, StorageAwayError | StoredFileError)
        if (is_passing(error) or is_elsewhere) and self.tries < MAX_TRIES:
            log.warning(
                "upload put off", upload=str(self.upload_id), kind=kind, attempt=self.attempt, storage=self.storage.name
            )
            return
        code = "STORED_FILE_MISSING" if isinstance(error, StoredFileError) else "SYSTEM_ERROR"
        log.error(
            "upload failed", upload=str(self.upload_id), kind=kind, storage=self.storage.name, exc_info=error
        )  # fmt: skip
        with suppress(FencedError), self.database.worker() as connection:
            self._still_ours(connection, heartbeat_at=func.now())
            _give_up(connection, self.upload_id, kind, code)


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


def _give_up(
    connection: Connection, upload_id: UUID, kind: str, code: str = "SYSTEM_ERROR", state: str = "failed", **detail: Any
) -> None:
    """Say in the upload's row and in the audit that the service could not do its work."""
    named = select(Upload.register, Upload.commune).where(Upload.id == upload_id)
    report = Report(*connection.execute(named).one())
    report.refuse(code, value=None if detail else kind, **detail)
    connection.execute(
        update(Upload).where(Upload.id == upload_id).values(
            state=state, finished_at=func.clock_timestamp(), progress={"error": kind}, report=report.as_dict()
        )
    )  # fmt: skip
    audit.note(
        connection,
        "upload.publish",
        actor="worker",
        target=str(upload_id),
        outcome="refused" if state == "rejected" else "failed",
        kind=kind,
    )


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
    _note_deaths(connection)
    lost_for = text(f"interval '{LOST_AFTER_S} seconds'")
    since = func.coalesce(Upload.heartbeat_at, Upload.queued_at)
    is_lost = or_(since < func.now() - lost_for, and_(Upload.tries > 0, Upload.heartbeat_at.is_(None)))
    lost = (Upload.state.in_(UNFINISHED), is_lost)
    hopeless = select(Upload.id).where(*lost, Upload.tries >= MAX_TRIES).with_for_update()
    for upload_id in connection.scalars(hopeless).all():
        _give_up(connection, upload_id, "attempts")
    remove_dead_jobs(connection)
    found = connection.scalars(select(Upload.id).where(*lost)).all()
    unqueued = [upload_id for upload_id in found if not is_queued(connection, upload_id=upload_id)]
    for upload_id in unqueued:
        defer_import(connection, upload_id)
    return unqueued


def _note_deaths(connection: Connection) -> None:
    """Take the heartbeat from uploads whose worker has let go of its lock: it is dead, there is nothing to wait for."""
    silent = Upload.heartbeat_at < func.now() - text(f"interval '{SILENT_AFTER_S} seconds'")
    found = select(Upload.id, Upload.attempt).where(Upload.state.in_(UNFINISHED), silent)
    for upload_id, attempt in connection.execute(found).all():
        if is_let_go(connection, work_key(upload_id, attempt)):
            same = (Upload.id == upload_id, Upload.attempt == attempt, silent)
            connection.execute(update(Upload).where(*same).values(heartbeat_at=None))

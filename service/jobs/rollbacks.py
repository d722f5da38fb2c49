"""The undoing of a large revision as a job: one transaction, and nothing is done before it ends.

A worker holds a lock of its session while it is at it. One that dies leaves the register as it was, and its lock: the
job is put back on the queue.
"""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, func, select, text, update

from geodata.accounts import User
from geodata.db import Database, actor_of, is_passing
from geodata.errors import GeodataError, NotAllowedError
from geodata.history import get_revision
from geodata.ops import Rollback
from geodata.registers import get_register
from geodata.rollback import STAGES, Undone, preview_rollback, roll_back
from service.auth import audit
from service.jobs.heartbeat import is_let_go
from service.jobs.queue import defer_rollback, is_queued

log = structlog.get_logger()

UNFINISHED = ("waiting", "working")
MAX_TRIES = 5
FETCHED_AFTER_S = 5
"""So long a job may take from the queue to its lock."""


class AnsweredError(Exception):
    """Another worker has answered this request; whatever is done here must not be kept."""


class RollbackJob:
    """The undoing, or the preview of one, that a row of ``ops.rollback`` asks for.

    Parameters
    ----------
    database : Database
    rollback_id : UUID
    """

    def __init__(self, database: Database, rollback_id: UUID) -> None:
        self.database = database
        self.rollback_id = rollback_id

    def run(self) -> None:
        """Do the work, if nobody else is at it."""
        started = time.monotonic()
        try:
            with self.database.worker() as connection:
                asked = self._claim() if is_let_go(connection, _key(self.rollback_id)) else None
                if asked is not None:
                    self._work(connection, asked)
        except GeodataError as error:
            self._end("refused", problem={"code": error.code, "vi": error.vi, "en": error.en})
            log.info("rollback refused", rollback=str(self.rollback_id), code=error.code)
        except AnsweredError:
            log.warning("rollback answered by another worker", rollback=str(self.rollback_id))
        except Exception as error:
            if is_passing(error):
                log.warning("rollback put off", rollback=str(self.rollback_id), kind=type(error).__name__)
                return
            self._end("failed")
            log.error("rollback failed", rollback=str(self.rollback_id), exc_info=error)
        else:
            seconds = round(time.monotonic() - started, 1)
            log.info("rollback done", rollback=str(self.rollback_id), is_skipped=asked is None, seconds=seconds)

    def _claim(self) -> Row[Any] | None:
        """Take the request over another connection, so that it is seen to be worked on."""
        ours = (Rollback.id == self.rollback_id, Rollback.state.in_(UNFINISHED))
        claim = update(Rollback).where(*ours).values(state="working", tries=Rollback.tries + 1)
        with self.database.worker() as connection:
            return connection.execute(claim.returning(*Rollback.__table__.c)).one_or_none()

    def _work(self, connection: Connection, asked: Row[Any]) -> None:
        register, actor = get_register(asked.register), actor_of(asked.author, asked.author_communes)
        if connection.scalar(select(User.is_disabled).where(User.username == asked.author)):
            raise NotAllowedError(what=register.id)
        revision = get_revision(connection, register, asked.undone)
        on_stage = self._teller(revision.added + revision.changed + revision.removed, asked.is_dry)
        if asked.is_dry:
            done = preview_rollback(connection, register, asked.undone, actor, on_stage=on_stage)
        else:
            done = roll_back(connection, register, asked.undone, actor, expected=asked.expected, on_stage=on_stage)
            note_rollback(connection, register.id, done, actor=actor.name)
        if not _answer(connection, self.rollback_id, state="done", answer=done.as_dict()):
            raise AnsweredError

    def _teller(self, records: int, is_dry: bool) -> Callable[[str], None]:  # noqa: FBT001  of a row
        """Return what notes the stages over another connection: the work's own shows nothing before it ends."""
        stages = STAGES[:2] if is_dry else STAGES

        def tell(stage: str) -> None:
            progress = {
                "stage": stage, "step": stages.index(stage) + 1, "steps": len(stages), "records": records,
            }  # fmt: skip
            with self.database.worker() as connection:
                connection.execute(update(Rollback).where(Rollback.id == self.rollback_id).values(progress=progress))

        return tell

    def _end(self, state: str, **values: Any) -> None:
        with self.database.worker() as connection:
            _answer(connection, self.rollback_id, state=state, **values)


def note_rollback(
    connection: Connection, register: str, done: Undone, *, actor: str, request_id: str | None = None
) -> None:
    """Note an undoing in the audit."""
    audit.note(
        connection, "revision.rollback", actor=actor, target=register, request_id=request_id, undone=done.undone,
        revision=done.revision, restored=done.restored, removed=done.removed, reinserted=done.reinserted,
        conflicts=done.conflict_count,
    )  # fmt: skip


def recover_rollbacks(connection: Connection) -> list[UUID]:
    """Put undoings back on the queue whose worker died or whose job was lost; give up after a few attempts.

    Returns
    -------
    list of UUID
        The requests put back.
    """
    is_old = Rollback.requested_at < func.now() - text(f"interval '{FETCHED_AFTER_S} seconds'")
    found = select(Rollback.id, Rollback.tries).where(Rollback.state.in_(UNFINISHED), is_old)
    lost = [
        row
        for row in connection.execute(found).all()
        if not is_queued(connection, rollback_id=row.id) and is_let_go(connection, _key(row.id))
    ]
    for row in lost:
        if row.tries < MAX_TRIES:
            defer_rollback(connection, row.id)
        else:
            _answer(connection, row.id, state="failed")
    return [row.id for row in lost if row.tries < MAX_TRIES]


def _answer(connection: Connection, rollback_id: UUID, **values: Any) -> bool:
    """Write the answer, unless there is one; whether it was written."""
    ours = (Rollback.id == rollback_id, Rollback.state.in_(UNFINISHED))
    statement = update(Rollback).where(*ours).values(**values, answered_at=func.clock_timestamp())
    return connection.execute(statement).rowcount == 1


def _key(rollback_id: UUID) -> str:
    return f"bandoso rollback {rollback_id.hex}"

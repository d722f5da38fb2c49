"""Undoing revisions: at once where it takes seconds, by a worker where it takes minutes."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, Row, func, insert, select

from geodata.db import communes_setting
from geodata.errors import FeatureNotFoundError, NotAllowedError, ParameterError
from geodata.history import get_revision, require_latest
from geodata.ops import Rollback
from geodata.register import Register
from geodata.rollback import preview_rollback, roll_back
from service.api.forms import json_response
from service.api.parameters import only
from service.api.revisions import read_number
from service.api.uploads import MAX_KEY, PRIVATE, ReusedKeyError
from service.auth.policy import Officer, Uploader
from service.auth.principal import Principal
from service.deps import DatabaseDep, RegisterDep, base_url
from service.jobs.queue import defer_rollback
from service.jobs.rollbacks import UNFINISHED, note_rollback
from service.problems import PreconditionMissingError, RollbacksWaitingError
from service.web.i18n import pick_language

router = APIRouter(tags=["Revisions"])

AT_ONCE = 10_000
"""Records that are undone within two or three seconds; proxies do not wait for much more than half a minute."""

MAX_WAITING = 3
"""Undoings that an account may have on the queue at once: files wait behind them."""


@router.post("/collections/{collectionId}/revisions/{number}/rollback", summary="Undo a revision")
def rollback(
    request: Request, number: str, register: RegisterDep, principal: Uploader, database: DatabaseDep
) -> Response:
    """Undo a revision by a new one; what later revisions changed too is left and listed.

    ``If-Match`` holds the ``etag`` of the list of revisions; with ``?dry-run=true`` nothing is changed and it may
    be missing. A revision of many records is left to a worker: 202, and ``Location`` says where the answer will be.
    So is any, where ``Prefer: respond-async`` (RFC 7240) asks for it.
    """
    is_dry = _is_dry(only(request, {"dry-run"}).get("dry-run", "false"))
    undone = read_number(number)
    if not principal.may_upload(register.id):
        raise NotAllowedError(what=register.id)
    with database.worker() as connection:
        revision = get_revision(connection, register, undone)
        is_large = revision.added + revision.changed + revision.removed > AT_ONCE
        asked = _Asked(request, register, undone, principal, is_dry)
        known = asked.find(connection)
        if known is None and (is_large or _prefers_job(request)):
            known = asked.leave_to_worker(connection)
        if known is not None and known.answer is None:
            return _accepted(request, register, known)
        answer = known.answer if known is not None else asked.answer(connection)
    headers = dict(PRIVATE)
    if answer["revision"] is not None:
        headers["Location"] = f"{base_url(request)}/collections/{register.id}/revisions/{answer['revision']}"
    return json_response(answer, headers=headers)


@router.get("/collections/{collectionId}/rollbacks/{rollbackId}", summary="One undoing")
def rollback_status(request: Request, register: RegisterDep, principal: Officer, database: DatabaseDep) -> Response:
    """Return how far the undoing of a revision is, and its answer once it has one; to who asked for it."""
    only(request)
    row = _find(request, register, principal, database)
    problem = row.problem and {"code": row.problem["code"], "detail": row.problem[pick_language(request)]}
    document = {
        "id": str(row.id), "state": row.state, "undone": row.undone, "dry_run": row.is_dry, "progress": row.progress,
        "answer": row.answer, "problem": problem, "requested_at": row.requested_at.isoformat(),
        "seconds": round(float(row.seconds), 1),
    }  # fmt: skip
    return json_response(document, headers=PRIVATE)


def _find(request: Request, register: Register, principal: Principal, database: Any) -> Row[Any]:
    named = request.path_params["rollbackId"]
    try:
        rollback_id = UUID(named)
    except ValueError:
        raise FeatureNotFoundError(feature=named[:60]) from None
    end = func.coalesce(Rollback.answered_at, func.clock_timestamp())
    seconds = func.extract("epoch", end - Rollback.requested_at).label("seconds")
    query = select(*Rollback.__table__.c, seconds).where(Rollback.id == rollback_id, Rollback.register == register.id)
    with database.worker() as connection:
        row: Row[Any] | None = connection.execute(query).one_or_none()
    if row is None or (principal.username != row.author and principal.role != "administrator"):
        raise FeatureNotFoundError(feature=named[:60])
    return row


def _is_dry(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ParameterError(name="dry-run", why_vi="dùng true hoặc false.", why_en="use true or false.")
    return text == "true"


def _prefers_job(request: Request) -> bool:
    return "respond-async" in {part.strip().lower() for part in request.headers.get("prefer", "").split(",")}


def _accepted(request: Request, register: Register, asked: Row[Any]) -> Response:
    location = f"{base_url(request)}/collections/{register.id}/rollbacks/{asked.id}"
    response = json_response({"id": str(asked.id), "state": asked.state}, headers={**PRIVATE, "Location": location})
    response.status_code = 202
    return response


class _Asked:
    """A request to undo a revision, or to say what that would do."""

    def __init__(
        self,
        request: Request,
        register: Register,
        number: int,
        principal: Principal,
        is_dry: bool,  # noqa: FBT001
    ) -> None:
        self.request = request
        self.register = register
        self.number = number
        self.principal = principal
        self.is_dry = is_dry
        self.key = request.headers.get("idempotency-key", "")[:MAX_KEY] or None

    def find(self, connection: Connection) -> Row[Any] | None:
        """Return what an earlier request with the same Idempotency-Key asked for.

        Raises
        ------
        ReusedKeyError
            When that was something else.
        """
        if self.key is None:
            return None
        name = self.principal.username
        self._await_turn(connection)
        query = select(*Rollback.__table__.c).where(Rollback.author == name, Rollback.idempotency_key == self.key)
        known: Row[Any] | None = connection.execute(query).one_or_none()
        if known is not None and (known.register, known.undone, known.is_dry) != (
            self.register.id, self.number, self.is_dry,
        ):  # fmt: skip
            raise ReusedKeyError
        return known

    def leave_to_worker(self, connection: Connection) -> Row[Any]:
        """Put it on the queue, unless it is there already, or known already that it cannot be.

        Raises
        ------
        StaleRevisionError
        RollbacksWaitingError
            When the officer has as many on the queue as one may have.
        """
        expected = None if self.is_dry else _expected(self.request)
        require_latest(connection, self.register, expected)
        self._await_turn(connection)
        unfinished = select(*Rollback.__table__.c).where(
            Rollback.author == self.principal.username, Rollback.state.in_(UNFINISHED)
        )
        waiting = connection.execute(unfinished.order_by(Rollback.requested_at)).all()
        asked = (self.register.id, self.number, self.is_dry, expected)
        same = [one for one in waiting if (one.register, one.undone, one.is_dry, one.expected) == asked]
        if same and self.key is None:
            return same[0]
        if len(waiting) >= MAX_WAITING:
            raise RollbacksWaitingError(count=len(waiting))
        communes = communes_setting(self.principal.communes)
        row = self._keep(connection, state="waiting", expected=expected, author_communes=communes)
        defer_rollback(connection, row.id)
        return row

    def _await_turn(self, connection: Connection) -> None:
        """Let an account's requests in one after the other, so that two alike cannot miss each other."""
        name = func.hashtext(self.principal.username)
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("bandoso rollback"), name)))

    def answer(self, connection: Connection) -> dict[str, Any]:
        """Do it now."""
        actor = self.principal.actor
        if self.is_dry:
            return preview_rollback(connection, self.register, self.number, actor).as_dict()
        expected = _expected(self.request)
        done = roll_back(connection, self.register, self.number, actor, expected=expected)
        request_id = self.request.scope.get("request_id")
        note_rollback(connection, self.register.id, done, actor=actor.name, request_id=request_id)
        answer = done.as_dict()
        if self.key is not None:
            self._keep(connection, answer=answer, answered_at=func.clock_timestamp())
        return answer

    def _keep(self, connection: Connection, **values: Any) -> Row[Any]:
        known = {"author": self.principal.username, "idempotency_key": self.key, "register": self.register.id,
                 "undone": self.number, "is_dry": self.is_dry}  # fmt: skip
        statement = insert(Rollback).values(**known, **values)
        return connection.execute(statement.returning(*Rollback.__table__.c)).one()


def _expected(request: Request) -> int | None:
    """Return the revision that If-Match names; None for any, and a number that no revision has for a foreign ETag.

    Raises
    ------
    PreconditionMissingError
    """
    held = request.headers.get("if-match")
    if held is None:
        raise PreconditionMissingError
    if held.strip() == "*":
        return None
    number = held.strip().strip('"')
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else -1  # noqa: PLR2004  a bigint

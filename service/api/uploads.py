"""Uploads: a file is taken once it and its job are durable; what becomes of it can be asked."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, Row, func, insert, select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from geodata.db import communes_setting, is_passing
from geodata.errors import FeatureNotFoundError, GeodataError, NotAllowedError, ParameterError
from geodata.ops import Upload
from geodata.registers import get_register
from geodata.rollback import undone_by
from service.api.forms import json_response
from service.api.parameters import only, read_whole
from service.api.sent_form import read_form, receive_form
from service.auth import audit
from service.auth.policy import Officer, Uploader
from service.auth.principal import Principal
from service.deps import DatabaseDep, base_url
from service.file_options import OPTION_NAMES, read_file_options
from service.jobs.imports import UNFINISHED
from service.jobs.queue import defer_import
from service.problems import NotAcceptableFormError, StorageAwayError, TooManyWaitingError
from service.storage.parts import Storage, StoredUpload

router = APIRouter(tags=["Uploads"])

OPTIONS = (*(name for name in OPTION_NAMES if name != "commune"), "note")
CHOICES = {"mode": ("upsert", "replace", "append"), "publish": ("ask", "auto")}
DIFF_SHOWN = (
    "etag", "base_revision", "added", "changed", "moved", "removed", "unchanged", "vanishing", "needs_approval",
)  # fmt: skip
SAME = (Upload.sha256, Upload.register, Upload.commune, Upload.mode, Upload.publish, Upload.options)
"""What a repeated request with the same Idempotency-Key must agree in."""

MAX_KEY, MAX_LISTED, MAX_WAITING = 200, 100, 1000
PRIVATE = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie"}


class ReusedKeyError(GeodataError):
    """An Idempotency-Key came again with another file, or the same file for something else."""

    code = "IDEMPOTENCY_KEY"
    vi_template = "Idempotency-Key này đã dùng cho một tệp hoặc biểu mẫu khác."
    en_template = "This Idempotency-Key was used for another file or form."


class NotReplaceableError(GeodataError):
    """A register of which no commune has a set of its own that a file could replace."""

    code = "MODE_REPLACE"
    vi_template = "Lớp “{register}” không thay toàn bộ theo xã được; hãy gửi ở chế độ cập nhật."
    en_template = "The register “{register}” cannot be replaced commune by commune; send the file to update records."


@router.post("/uploads", summary="Send a file", status_code=202)
async def receive(request: Request, principal: Uploader) -> Response:
    """Take a file: 202 with its address once the file and its job are on the disk."""
    only(request)
    form = await receive_form(request)
    try:
        return await run_in_threadpool(_receive, request, principal, form)
    finally:
        await form.close()


def _receive(request: Request, principal: Principal, form: FormData) -> Response:
    state = request.app.state
    files, values = read_form(form, (*CHOICES, "note"))
    check_values(values)
    register = get_register(values["register"])
    commune = values.get("commune")
    if commune is not None and not principal.actor.may_change(commune):
        raise NotAllowedError(what=commune)
    if not principal.may_upload(register.id):
        raise NotAllowedError(what=register.id)
    storage, upload_id = state.storage, uuid4()
    stored = storage.write(upload_id, files, state.settings.upload_max_mb << 20)
    try:
        with state.database.staff(principal.actor) as connection:
            _await_turn(connection, principal)
            known = _earlier(connection, request, principal, values, stored)
            if known is None:
                _refuse_queue(connection, principal, state.settings.uploads_waiting)
                _insert(connection, request, principal, upload_id, values, stored)
                state.failpoints.reach("before-received", upload_id)
        state.failpoints.reach("after-received", upload_id)
    except BaseException as error:
        # A connection that broke may have committed all the same; files without a row are found by the cleaner.
        if not is_passing(error):
            _forget(storage, upload_id)
        raise
    if known is not None:
        _forget(storage, upload_id)
        upload_id = known
    location = f"{base_url(request)}/uploads/{upload_id}"
    return _accepted(upload_id, location)


def _forget(storage: Storage, upload_id: UUID) -> None:
    """Remove files that nobody needs; where that fails the cleaner finds them later."""
    with suppress(StorageAwayError):
        storage.remove(upload_id)


def _accepted(upload_id: UUID, location: str) -> Response:
    response = json_response({"id": str(upload_id), "state": "received"}, headers={**PRIVATE, "Location": location})
    response.status_code = 202
    return response


def check_values(values: Mapping[str, str]) -> None:
    """Refuse what an upload cannot be made of.

    Raises
    ------
    NotAcceptableFormError
        Naming the part.
    """
    register = get_register(values["register"])
    read_file_options(values)
    for name, allowed in CHOICES.items():
        if values.get(name, allowed[0]) not in allowed:
            raise NotAcceptableFormError(part=name)
    if values.get("mode") == "replace" and (not register.is_in_communes or "valid_to" in register.table.c):
        raise NotReplaceableError(register=register.id)


def _await_turn(connection: Connection, principal: Principal) -> None:
    """Let an account's requests in one after the other, so that two with the same key cannot miss each other."""
    connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtext("bandoso upload"), func.hashtext(principal.username)))
    )


def _refuse_queue(connection: Connection, principal: Principal, allowed: int) -> None:
    waiting = connection.scalar(
        select(func.count()).where(Upload.author == principal.username, Upload.state.in_(UNFINISHED))
    )
    if (waiting or 0) >= allowed:
        raise TooManyWaitingError(count=waiting)


def _options(values: dict[str, str]) -> dict[str, str]:
    return {option: values[option] for option in OPTIONS if option in values}


def _earlier(
    connection: Connection, request: Request, principal: Principal, values: dict[str, str], stored: StoredUpload
) -> UUID | None:
    """Return the upload that an earlier request with the same Idempotency-Key made."""
    key = request.headers.get("idempotency-key", "")[:MAX_KEY]
    if not key:
        return None
    row = connection.execute(
        select(Upload.id, *SAME).where(Upload.author == principal.username, Upload.idempotency_key == key)
    ).one_or_none()
    if row is None:
        return None
    asked: dict[str, Any] = {"commune": None, "mode": "upsert", "publish": "ask", **values}
    asked |= {"sha256": stored.sha256, "options": _options(values)}
    if any(getattr(row, column.key) != asked[column.key] for column in SAME):
        raise ReusedKeyError
    upload_id: UUID = row.id
    return upload_id


def _insert(
    connection: Connection,
    request: Request,
    principal: Principal,
    upload_id: UUID,
    values: dict[str, str],
    stored: StoredUpload,
) -> None:
    connection.execute(
        insert(Upload).values(
            id=upload_id, register=values["register"], commune=values.get("commune"), author=principal.username,
            author_communes=communes_setting(principal.communes), file_name=stored.main_name,
            parts=[asdict(part) for part in stored.parts] if len(stored.parts) > 1 else None, size_bytes=stored.size_bytes, sha256=stored.sha256,
            options=_options(values), mode=values.get("mode", "upsert"), publish=values.get("publish", "ask"),
            idempotency_key=request.headers.get("idempotency-key", "")[:MAX_KEY] or None,
        )
    )  # fmt: skip
    audit.note(
        connection, "upload.receive", actor=principal.username, target=str(upload_id),
        request_id=request.scope.get("request_id"), register=values["register"], size_bytes=stored.size_bytes,
    )  # fmt: skip
    defer_import(connection, upload_id)


@router.get("/uploads", summary="My uploads")
def listing(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return the account's latest uploads, or those of others that wait for its approval."""
    asked = only(request, {"limit", "waiting"})
    limit = read_whole(asked.get("limit", "20"), "limit", least=1, most=MAX_LISTED)
    if asked.get("waiting", "approval") != "approval":
        raise ParameterError(name="waiting", why_vi="chỉ có giá trị approval.", why_en="approval is the only value.")
    statement = select(Upload.__table__).order_by(Upload.received_at.desc())
    if "waiting" in asked:
        statement = statement.where(Upload.state == "needs_approval").limit(MAX_WAITING)
    else:
        statement = statement.where(Upload.author == principal.username).limit(limit)
    with database.staff(principal.actor) as connection:
        rows = connection.execute(statement).all()
        undone = undone_by(connection, {row.register for row in rows if row.revision is not None})
    if "waiting" in asked:
        rows = [row for row in rows if may_approve(principal, row)][:limit]
    described = [describe(row, undone, with_report=False) for row in rows]
    return json_response({"uploads": described}, headers=PRIVATE)


@router.get("/uploads/{uploadId}", summary="One upload")
def status(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return state, progress, counts and report of an upload of one's own; administrators see all."""
    only(request)
    with database.staff(principal.actor) as connection:
        row = find_upload(connection, request, principal)
        undone = undone_by(connection, {row.register}) if row.revision is not None else {}
    return json_response(describe(row, undone, with_report=True), headers=PRIVATE)


def find_upload(connection: Connection, request: Request, principal: Principal, *, locked: bool = False) -> Row[Any]:
    """Return the upload that a request's path names, if it is of the principal's concern.

    That are one's own, those that wait for somebody else's approval and lie in one's communes, those that one has
    approved, and all for administrators.

    Raises
    ------
    FeatureNotFoundError
        If there is none.
    """
    text = request.path_params["uploadId"]
    try:
        upload_id = UUID(text)
    except ValueError:
        raise FeatureNotFoundError(feature=text[:60]) from None
    statement = select(Upload.__table__).where(Upload.id == upload_id)
    row = connection.execute(statement.with_for_update() if locked else statement).one_or_none()
    if row is None or not (
        principal.username in {row.author, row.approved_by}
        or principal.role == "administrator"
        or may_approve(principal, row)
    ):
        raise FeatureNotFoundError(feature=text[:60])
    return row


def may_approve(principal: Principal, row: Row[Any]) -> bool:
    """Whether an upload waits for a second officer and the principal can be the one."""
    if row.state != "needs_approval" or row.author == principal.username:
        return False
    communes = row.diff["communes"]
    return principal.communes is None or (
        communes is not None and all(principal.actor.may_change(code) for code in communes)
    )


def describe(row: Row[Any], undone: Mapping[tuple[str, int], int], *, with_report: bool) -> dict[str, Any]:
    """Return an upload as its officers see it; ``undone`` tells which revisions are (see `undone_by`)."""
    report, diff = row.report or {}, row.diff or {}
    rows, is_published = report.get("rows", {}), row.state == "published"
    described = {
        "id": str(row.id),
        "state": row.state,
        "register": row.register,
        "commune": row.commune,
        "mode": row.mode,
        "publish": row.publish,
        "author": row.author,
        "file_name": row.file_name,
        "files": [part["given_name"] for part in row.parts or ()] or [row.file_name],
        "received_at": row.received_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
        "progress": row.progress,
        "counts": {
            "read": rows.get("read", 0),
            "valid": rows.get("valid", 0),
            "rejected": rows.get("rejected", 0),
            "published": rows.get("valid", 0) if row.revision is not None else 0,
            **{what: diff.get(what, 0) if is_published else 0 for what in ("added", "changed", "removed", "unchanged")},
        },
        "diff": {name: diff[name] for name in DIFF_SHOWN} if diff else None,
        "revision": row.revision,
        "undone_by": undone.get((row.register, row.revision)),
    }
    if with_report:
        described |= {"options": row.options, "messages": report.get("messages", []), "report": row.report}
    return described

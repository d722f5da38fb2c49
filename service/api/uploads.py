"""Uploads: a file is taken once it and its job are durable; what becomes of it can be asked."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, func, insert, select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from geodata.db import communes_setting
from geodata.errors import FeatureNotFoundError, GeodataError, NotAllowedError
from geodata.ops import Upload
from geodata.registers import get_register
from geodata.text import clean_text
from service.api.forms import json_response
from service.api.parameters import only, read_whole
from service.auth import audit
from service.auth.policy import Officer, Uploader
from service.auth.principal import Principal
from service.deps import DatabaseDep, base_url
from service.files import FileStore, StoredFile
from service.jobs.imports import UNFINISHED
from service.jobs.queue import defer_import
from service.problems import NotAcceptableFormError, TooManyWaitingError

router = APIRouter(tags=["Uploads"])

OPTIONS = ("layer", "crs", "encoding", "note")
MAX_FIELD, MAX_NAME, MAX_KEY = 500, 200, 200
MAX_LISTED = 100
PRIVATE = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie"}


class ReusedKeyError(GeodataError):
    """An Idempotency-Key came again with another file, or the same file for something else."""

    code = "IDEMPOTENCY_KEY"
    vi_template = "Idempotency-Key này đã dùng cho một tệp hoặc biểu mẫu khác."
    en_template = "This Idempotency-Key was used for another file or form."


@router.post("/uploads", summary="Send a file", status_code=202)
async def receive(request: Request, principal: Uploader) -> Response:
    """Take a file: 202 with its address once the file and its job are on the disk."""
    only(request)
    form = await request.form(max_files=1, max_fields=10, max_part_size=1 << 16)
    try:
        return await run_in_threadpool(_receive, request, principal, form)
    finally:
        await form.close()


def _receive(request: Request, principal: Principal, form: FormData) -> Response:
    state = request.app.state
    file, values = _read_form(form)
    register = get_register(values["register"])
    commune = values.get("commune")
    if commune is not None and not principal.actor.may_change(commune):
        raise NotAllowedError(what=commune)
    if not principal.may_upload(register.id):
        raise NotAllowedError(what=register.id)
    files = FileStore(state.settings.var_dir / "uploads")
    upload_id = uuid4()
    stored = files.write(upload_id, file.file, state.settings.upload_max_mb << 20)
    try:
        with state.database.staff(principal.actor) as connection:
            _await_turn(connection, principal)
            known = _earlier(connection, request, principal, values, stored)
            if known is None:
                _refuse_queue(connection, principal, state.settings.uploads_waiting)
                _insert(connection, request, principal, upload_id, values, file, stored)
    except BaseException:
        files.remove(upload_id)
        raise
    if known is not None:
        files.remove(upload_id)
        upload_id = known
    location = f"{base_url(request)}/uploads/{upload_id}"
    return _accepted(upload_id, location)


def _accepted(upload_id: UUID, location: str) -> Response:
    response = json_response({"id": str(upload_id), "state": "received"}, headers={**PRIVATE, "Location": location})
    response.status_code = 202
    return response


def _read_form(form: FormData) -> tuple[UploadFile, dict[str, str]]:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise NotAcceptableFormError(part="file")
    values: dict[str, str] = {}
    for name, value in form.multi_items():
        if name == "file":
            continue
        is_known = name in {"register", "commune", *OPTIONS}
        if not is_known or not isinstance(value, str) or len(value) > MAX_FIELD or "\x00" in value:
            raise NotAcceptableFormError(part=name[:40])
        if value.strip():
            values[name] = value.strip()
    if "register" not in values:
        raise NotAcceptableFormError(part="register")
    return file, values


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
    connection: Connection, request: Request, principal: Principal, values: dict[str, str], stored: StoredFile
) -> UUID | None:
    """Return the upload that an earlier request with the same Idempotency-Key made."""
    key = request.headers.get("idempotency-key", "")[:MAX_KEY]
    if not key:
        return None
    row = connection.execute(
        select(Upload.id, Upload.sha256, Upload.register, Upload.commune, Upload.options).where(
            Upload.author == principal.username, Upload.idempotency_key == key
        )
    ).one_or_none()
    if row is None:
        return None
    if tuple(row[1:]) != (stored.sha256, values["register"], values.get("commune"), _options(values)):
        raise ReusedKeyError
    upload_id: UUID = row.id
    return upload_id


def _insert(  # noqa: PLR0913  the row has these parts
    connection: Connection,
    request: Request,
    principal: Principal,
    upload_id: UUID,
    values: dict[str, str],
    file: UploadFile,
    stored: StoredFile,
) -> None:
    name = clean_text((file.filename or "").replace("\\", "/").rpartition("/")[2])[:MAX_NAME]
    connection.execute(
        insert(Upload).values(
            id=upload_id, register=values["register"], commune=values.get("commune"), author=principal.username,
            author_communes=communes_setting(principal.communes), file_name=name or "upload",
            size_bytes=stored.size_bytes, sha256=stored.sha256,
            options=_options(values),
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
    """Return the account's latest uploads."""
    limit = read_whole(only(request, {"limit"}).get("limit", "20"), "limit", least=1, most=MAX_LISTED)
    statement = select(Upload).where(Upload.author == principal.username)
    with database.staff(principal.actor) as connection:
        rows = connection.execute(statement.order_by(Upload.received_at.desc()).limit(limit)).all()
    return json_response({"uploads": [_describe(row, with_messages=False) for row in rows]}, headers=PRIVATE)


@router.get("/uploads/{uploadId}", summary="One upload")
def status(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return state, progress, counts and report of an upload of one's own; administrators see all."""
    only(request)
    text = request.path_params["uploadId"]
    try:
        upload_id = UUID(text)
    except ValueError:
        raise FeatureNotFoundError(feature=text[:60]) from None
    with database.staff(principal.actor) as connection:
        row = connection.execute(select(Upload).where(Upload.id == upload_id)).one_or_none()
    if row is None or (row.author != principal.username and principal.role != "administrator"):
        raise FeatureNotFoundError(feature=text[:60])
    return json_response(_describe(row, with_messages=True), headers=PRIVATE)


def _describe(row: Any, *, with_messages: bool) -> dict[str, Any]:
    report = row.report or {}
    rows, changes = report.get("rows", {}), report.get("changes", {})
    described = {
        "id": str(row.id),
        "state": row.state,
        "register": row.register,
        "commune": row.commune,
        "file_name": row.file_name,
        "received_at": row.received_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
        "progress": row.progress,
        "counts": {
            "read": rows.get("read", 0),
            "valid": rows.get("valid", 0),
            "rejected": rows.get("rejected", 0),
            "published": rows.get("valid", 0) if row.revision is not None else 0,
            **{what: changes.get(what, 0) for what in ("added", "changed", "unchanged")},
        },
        "revision": row.revision,
    }
    return described | ({"messages": report.get("messages", []), "report": row.report} if with_messages else {})

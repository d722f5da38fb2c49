"""The review of an upload: what it would change, the officer's choices, and the word to publish."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, column, exists, func, or_, select, table, update

from geodata.errors import NotAllowedError, ParameterError
from geodata.importing.diff import KINDS, Diff
from geodata.importing.publish import RowsLostError, open_merge
from geodata.importing.report import tell
from geodata.importing.staging import Staged
from geodata.ops import Revision, Upload
from geodata.registers import get_register
from service.api.forms import GEOJSON, json_response
from service.api.parameters import only, read_whole
from service.api.uploads import PRIVATE, check_values, describe, find_upload
from service.auth import audit
from service.auth.policy import ForbiddenError, Officer, Uploader
from service.auth.principal import Principal
from service.deps import DatabaseDep
from service.file_options import read_file_options
from service.jobs.imports import UNFINISHED
from service.jobs.queue import defer_import
from service.problems import PreconditionMissingError, StaleError, UploadStateError

router = APIRouter(tags=["Uploads"])

WAITING = ("staged", "needs_choice", "needs_approval")
OPEN = (*WAITING, "rejected", "failed", "cancelled")
MAX_PAGE, MAX_DRAWN = 500, 2000

_COMMUNES = table("communes", *map(column, ("code", "full_name", "valid_to", "geom")), schema="open")

ShortText = Annotated[str, Field(max_length=500)]
MOST_COLUMNS = Field(max_length=256)


class Choices(BaseModel):
    """What an officer decides about a file; what is not named stays as it was."""

    model_config = ConfigDict(extra="forbid")

    layer: ShortText | None = None
    crs: ShortText | None = None
    encoding: ShortText | Annotated[dict[str, ShortText], MOST_COLUMNS] | None = None
    columns: Annotated[dict[str, ShortText | None], MOST_COLUMNS] | None = None
    place_columns: Annotated[dict[str, ShortText], MOST_COLUMNS] | None = None
    accept: Annotated[list[ShortText], Field(max_length=100)] | None = None
    commune: ShortText | None = None
    mode: Literal["upsert", "replace", "append"] | None = None


class Word(BaseModel):
    """What goes with the word to publish."""

    model_config = ConfigDict(extra="forbid")

    note: ShortText | None = None


@router.post("/uploads/{uploadId}/choices", summary="Choose how a file is read", status_code=202)
def choose(request: Request, principal: Uploader, database: DatabaseDep, choices: Choices) -> Response:
    """Have the file read and checked again, with the officer's choices."""
    only(request)
    given = choices.model_dump(exclude_unset=True)
    with database.staff(principal.actor) as connection:
        row = _of_state(find_upload(connection, request, principal, locked=True), OPEN)
        mode, commune = given.pop("mode", row.mode) or "upsert", given.pop("commune", row.commune)
        if commune is not None and not principal.actor.may_change(commune):
            raise NotAllowedError(what=commune)
        check_values({"register": row.register, "mode": mode})
        written = {name: _as_option(value) for name, value in given.items()}
        options = {name: value for name, value in {**row.options, **written}.items() if value}
        read_file_options(options)
        _read_again(connection, row.id, options=options, mode=mode, commune=commune)
        _note(connection, request, principal, row, "upload.choose", choices=sorted(choices.model_fields_set))
    return _accepted(row.id, "received")


def _as_option(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


@router.post("/uploads/{uploadId}/publish", summary="Publish what was reviewed", status_code=202)
def publish(
    request: Request, principal: Uploader, database: DatabaseDep, word: Annotated[Word | None, Body()] = None
) -> Response:
    """Publish the changes that the officer has seen, named by their ETag in ``If-Match``."""
    only(request)
    with database.staff(principal.actor) as connection:
        row = _of_state(find_upload(connection, request, principal, locked=True), ("staged",))
        _require_match(request, row.diff["etag"])
        is_stale = _others_published(connection, row)
        state = "validating" if is_stale else "needs_approval" if row.diff["needs_approval"] else "publishing"
        options = {**row.options, "note": word.note} if word is not None and word.note else row.options
        if state == "needs_approval":
            _set(connection, row.id, state=state, options=options)
        else:
            _queue(connection, row.id, state=state, options=options)
        _note(connection, request, principal, row, "upload.agree", state=state)
    if is_stale:
        raise StaleError
    return _accepted(row.id, state)


@router.post("/uploads/{uploadId}/approve", summary="Agree that most of a commune's records vanish", status_code=202)
def approve(request: Request, principal: Uploader, database: DatabaseDep) -> Response:
    """Publish with the word of a second officer, who is not the sender."""
    only(request)
    with database.staff(principal.actor) as connection:
        row = _of_state(find_upload(connection, request, principal, locked=True), ("needs_approval",))
        if row.author == principal.username:
            raise ForbiddenError
        _queue(connection, row.id, state="publishing", approved_by=principal.username)
        _note(connection, request, principal, row, "upload.approve")
    return _accepted(row.id, "publishing")


@router.post("/uploads/{uploadId}/cancel", summary="Cancel an upload")
def cancel(request: Request, principal: Uploader, database: DatabaseDep) -> Response:
    """End an upload that is not published; nothing of it is kept but the raw file and the report."""
    only(request)
    with database.staff(principal.actor) as connection:
        row = _of_state(find_upload(connection, request, principal, locked=True), (*UNFINISHED, *WAITING))
        report = tell(row.report, row.register, row.commune, "UPLOAD_CANCELLED")
        _set(connection, row.id, state="cancelled", staged=None, report=report, finished_at=func.clock_timestamp())
        _note(connection, request, principal, row, "upload.cancel")
        fresh = find_upload(connection, request, principal)
    return json_response(describe(fresh, {}, with_report=False), headers=PRIVATE)


@router.get("/uploads/{uploadId}/diff", summary="What an upload would change")
def diff(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return the changes of one kind, field by field, a page at a time."""
    asked = only(request, {"kind", "limit", "after"})
    kind = asked.get("kind", "changed")
    if kind not in KINDS:
        allowed = ", ".join(KINDS)
        raise ParameterError(name="kind", why_vi=f"một trong: {allowed}.", why_en=f"one of: {allowed}.")
    limit = read_whole(asked.get("limit", "100"), "limit", least=1, most=MAX_PAGE)
    after = read_whole(asked.get("after", "0"), "after", least=0, most=2**62)
    row = _reviewed(request, principal, database)
    with database.worker() as connection:
        rows = _open(connection, row).rows(kind, limit=limit + 1, after=after)
    more = rows[limit - 1]["at"] if len(rows) > limit else None
    headers = {**PRIVATE, "ETag": f'"{row.diff["etag"]}"'}
    return json_response({"kind": kind, "rows": rows[:limit], "next": more}, headers=headers)


@router.get("/uploads/{uploadId}/diff.geojson", summary="What an upload would change, to be drawn")
def drawn_diff(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return the places that change, up to some thousand of each kind."""
    only(request)
    row = _reviewed(request, principal, database)
    with database.worker() as connection:
        collection = _open(connection, row).features(limit=MAX_DRAWN)
    return json_response(collection, media_type=GEOJSON, headers=PRIVATE)


def _reviewed(request: Request, principal: Principal, database: DatabaseDep) -> Row[Any]:
    with database.staff(principal.actor) as connection:
        row = _of_state(find_upload(connection, request, principal), ("staged", "needs_approval"))
    return row


def _open(connection: Connection, row: Row[Any]) -> Diff:
    """Open the rows that wait; those that a crash of the database took are read again."""
    try:
        staged = Staged.from_dict(row.staged)
        return Diff(open_merge(connection, get_register(row.register), staged, row.mode, row.commune))
    except RowsLostError:
        _read_again(connection, row.id, options=row.options, mode=row.mode, commune=row.commune)
        connection.commit()
        raise UploadStateError(state="received") from None


@router.get("/uploads/{uploadId}/preview", summary="Where a file's places would be, in each likely CRS")
def preview(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return sample places in the likeliest coordinate systems, and the communes they should be in."""
    only(request)
    with database.staff(principal.actor) as connection:
        row = find_upload(connection, request, principal)
    found = row.preview or {"communes": [], "candidates": []}
    with database.read() as connection:
        outlines = _outlines(connection, found["communes"])
    return json_response({"communes": outlines, "candidates": found["candidates"]}, headers=PRIVATE)


def _outlines(connection: Connection, codes: list[str]) -> dict[str, Any]:
    """Return the communes' boundaries, simplified to what a preview shows."""
    outline = func.ST_AsGeoJSON(func.ST_SimplifyPreserveTopology(_COMMUNES.c.geom, 0.0002), 5)
    statement = select(_COMMUNES.c.code, _COMMUNES.c.full_name, outline.label("outline"))
    rows = connection.execute(statement.where(_COMMUNES.c.code.in_(codes), _COMMUNES.c.valid_to.is_(None)))
    features = [
        {
            "type": "Feature",
            "geometry": orjson.loads(row.outline) if row.outline else None,
            "properties": {"code": row.code, "name": row.full_name},
        }
        for row in rows
    ]
    return {"type": "FeatureCollection", "features": features}


def _of_state(row: Row[Any], allowed: tuple[str, ...]) -> Row[Any]:
    if row.state not in allowed:
        raise UploadStateError(state=row.state)
    return row


def _require_match(request: Request, etag: str) -> None:
    given = request.headers.get("if-match")
    if given is None:
        raise PreconditionMissingError
    # As the header ETag says it, or as the upload's JSON does.
    if given.strip().strip('"') != etag:
        raise StaleError


def _others_published(connection: Connection, row: Row[Any]) -> bool:
    """Whether a later revision touched communes that this upload touches."""
    later = exists().where(Revision.register == row.register, Revision.number > row.diff["base_revision"])
    communes = row.diff["communes"]
    if communes is not None:
        later = later.where(or_(Revision.communes.is_(None), Revision.communes.overlap(communes)))
    return bool(connection.scalar(select(later)))


def _set(connection: Connection, upload_id: UUID, **values: Any) -> None:
    connection.execute(update(Upload).where(Upload.id == upload_id).values(**values))


def _queue(connection: Connection, upload_id: UUID, **values: Any) -> None:
    """Give an upload to the workers again."""
    _set(connection, upload_id, queued_at=func.now(), heartbeat_at=None, tries=0, progress={}, **values)
    defer_import(connection, upload_id)


def _read_again(connection: Connection, upload_id: UUID, **values: Any) -> None:
    nothing = {"report": None, "staged": None, "diff": None, "approved_by": None, "finished_at": None}
    _queue(connection, upload_id, state="received", **nothing, **values)


def _note(
    connection: Connection, request: Request, principal: Principal, row: Row[Any], action: str, **detail: Any
) -> None:
    audit.note(
        connection, action, actor=principal.username, target=str(row.id),
        request_id=request.scope.get("request_id"), register=row.register, **detail,
    )  # fmt: skip


def _accepted(upload_id: UUID, state: str) -> Response:
    headers: Mapping[str, str] = {**PRIVATE, "Location": f"/uploads/{upload_id}"}
    response = json_response({"id": str(upload_id), "state": state}, headers=headers)
    response.status_code = 202
    return response

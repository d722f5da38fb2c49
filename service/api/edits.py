"""OGC API - Features Part 4: officers make, replace, change and remove single items; each edit is a revision."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, HTTPException, Path, Request, Response
from sqlalchemy import Connection, func, insert, select
from starlette.concurrency import run_in_threadpool

from geodata.edit_content import Content
from geodata.editing import Condition, Edited, Editor, State, bound_waits, create, remove, replace_record, update_record
from geodata.errors import GeodataError, NotAllowedError
from geodata.ops import EditAnswer
from geodata.register import Register
from service.api.edit_bodies import (
    FEATURE_MEDIA,
    PATCH_MEDIA,
    read_content_system,
    read_feature_body,
    read_note,
    read_patch_body,
    require_media,
    require_own_id,
)
from service.api.forms import GEOJSON, link
from service.api.item_etags import require_match, state_etag
from service.api.parameters import only
from service.api.uploads import MAX_KEY, PRIVATE, ReusedKeyError
from service.auth import audit
from service.auth.policy import ItemEditor, public
from service.auth.principal import UNITS, Principal
from service.deps import RegisterDep, base_url
from service.middleware import PREFLIGHT
from service.preferences import is_strict, wants_representation

router = APIRouter(tags=["Features"])

ITEMS, ITEM = "/collections/{collectionId}/items", "/collections/{collectionId}/items/{featureId}"
FeatureId = Annotated[str, Path(alias="featureId", description="UUID of the feature, or the number that tiles carry")]

Act = Callable[[Editor], Edited]


@router.options(ITEMS, dependencies=[public], include_in_schema=False)
def items_options(register: RegisterDep) -> Response:
    """Say what may be done with a collection's items; to scripts of other sites, that they may read them."""
    del register
    return _options("GET, HEAD, OPTIONS, POST", {"Accept-Post": ", ".join(FEATURE_MEDIA)})


@router.options(ITEM, dependencies=[public], include_in_schema=False)
def item_options(register: RegisterDep) -> Response:
    """Say what may be done with an item, whether or not it is there; to scripts of other sites, that they may read it."""
    return _options(_allowed(register), {"Accept-Patch": ", ".join(PATCH_MEDIA)})


def _options(allow: str, accepted: dict[str, str]) -> Response:
    return Response(headers={**PREFLIGHT, "Allow": allow, **accepted})


def _allowed(register: Register) -> str:
    """Return the methods of an item; units end by their validity and are never removed."""
    removal = [] if register.id in UNITS else ["DELETE"]
    return ", ".join([*removal, "GET", "HEAD", "OPTIONS", "PATCH", "PUT"])


@router.post(ITEMS, summary="Add an item", status_code=201)
async def add_item(request: Request, register: RegisterDep, principal: ItemEditor) -> Response:
    """Add a GeoJSON feature to a collection; ``Location`` says where it is."""
    only(request)
    require_media(request, FEATURE_MEDIA)
    body = await request.body()
    content, claimed = read_feature_body(body)
    require_own_id(claimed, None, None)
    work = _Work(request, register, principal, "feature.create", body)
    return await run_in_threadpool(work.run, partial(create, content=content), 201)


@router.put(ITEM, summary="Replace an item", status_code=204)
async def replace_item(
    request: Request, register: RegisterDep, principal: ItemEditor, feature_id: FeatureId
) -> Response:
    """Replace what everybody may read of an item; what is not public stays unless it is named.

    ``If-Match`` holds the ETag of the item as it was read.
    """
    return await _write(request, register, principal, feature_id, _REPLACE)


@router.patch(ITEM, summary="Change an item", status_code=204)
async def update_item(
    request: Request, register: RegisterDep, principal: ItemEditor, feature_id: FeatureId
) -> Response:
    """Change the properties and the geometry that a merge patch (RFC 7396) names; null empties a property.

    ``If-Match`` holds the ETag of the item as it was read.
    """
    return await _write(request, register, principal, feature_id, _UPDATE)


@router.delete(ITEM, summary="Remove an item", status_code=204)
def remove_item(request: Request, register: RegisterDep, principal: ItemEditor, feature_id: FeatureId) -> Response:
    """Remove an item; undoing the revision brings it back.

    ``If-Match`` holds the ETag of the item as it was read.
    """
    only(request)
    if register.id in UNITS:
        raise HTTPException(405, headers={"Allow": _allowed(register)})
    act = partial(remove, feature_id=feature_id, condition=_condition(request, feature_id, None))
    return _Work(request, register, principal, "feature.remove", b"", feature_id).run(act, 204)


@dataclass(frozen=True)
class _Way:
    """How an item that is there is written: what the audit calls it, the bodies it takes, who reads them, who does it."""

    action: str
    media: tuple[str, ...]
    read: Callable[[bytes], tuple[Content, str | None]]
    write: Callable[[Editor, str, Content, Condition], Edited]


_REPLACE = _Way("feature.replace", FEATURE_MEDIA, read_feature_body, replace_record)
_UPDATE = _Way("feature.update", PATCH_MEDIA, read_patch_body, update_record)


async def _write(request: Request, register: Register, principal: Principal, feature_id: str, way: _Way) -> Response:
    only(request)
    require_media(request, way.media)
    body = await request.body()
    content, claimed = way.read(body)
    condition = _condition(request, feature_id, claimed)
    work = _Work(request, register, principal, way.action, body, feature_id)
    return await run_in_threadpool(work.run, lambda editor: way.write(editor, feature_id, content, condition), 204)


def _condition(request: Request, feature_id: str, claimed: str | None) -> Condition:
    def agree(state: State) -> None:
        require_match(request, state.revision, state.updated_at)
        require_own_id(claimed, feature_id, state.uuid)

    return agree


class _AsSpelled(bytes):
    """A header's name that the server does not turn into small letters."""

    def lower(self) -> bytes:
        """Return the name as it is."""
        return self


_LOCATION = _AsSpelled(b"Location")
"""QGIS (3.40) looks for no other spelling: it would say of a record that was added that it was not, and send it again."""


class _Work:
    """One edit on its way: counted, done at most once for its key, noted in the audit, answered."""

    def __init__(
        self,
        request: Request,
        register: Register,
        principal: Principal,
        action: str,
        body: bytes,
        asked: str | None = None,
    ) -> None:
        self.request, self.register, self.principal = request, register, principal
        self.action, self.asked = action, asked
        self.key = request.headers.get("idempotency-key", "")[:MAX_KEY] or None
        told = f"{request.method} {register.id} {asked} {request.headers.get('content-crs')}\n".encode()
        self.fingerprint = hashlib.sha256(told + body).hexdigest()

    def run(self, act: Act, status: int) -> Response:
        """Do it in one transaction, or give the answer that it has had already."""
        state = self.request.app.state
        try:
            if not self.principal.may_edit(self.register.id):
                raise NotAllowedError(what=self.register.id)
            state.edits.spend(self.principal.username)
            note, system = read_note(self.request), read_content_system(self.request)
            units = state.units.get(state.database)
            with state.database.worker() as connection:
                bound_waits(connection)
                known = self._earlier(connection)
                if known is None:
                    edited = act(
                        Editor(connection, self.register, self.principal.actor, units, note, system, state.settings)
                    )
                    known = self._remember(connection, edited, status)
                    return self._answer(edited, known)
            return self._answer(None, known)
        except GeodataError as error:
            self._note_refusal(error)
            raise

    def _earlier(self, connection: Connection) -> dict[str, Any] | None:
        """Return the answer to an earlier request with the same Idempotency-Key.

        Raises
        ------
        ReusedKeyError
            When that was about something else.
        """
        if self.key is None:
            return None
        name = self.principal.username
        turn = func.pg_advisory_xact_lock(func.hashtext("bandoso edit"), func.hashtext(name + "\n" + self.key))
        connection.execute(select(turn))
        query = select(EditAnswer.fingerprint, EditAnswer.answer)
        query = query.where(EditAnswer.author == name, EditAnswer.idempotency_key == self.key)
        row = connection.execute(query).one_or_none()
        if row is not None and row.fingerprint != self.fingerprint:
            raise ReusedKeyError
        return None if row is None else row.answer

    def _remember(self, connection: Connection, edited: Edited, status: int) -> dict[str, Any]:
        """Write audit and answer in the edit's own transaction."""
        request_id = self.request.scope.get("request_id")
        if edited.revision is not None:
            audit.note(
                connection, self.action, actor=self.principal.username, target=f"{self.register.id}/{edited.uuid}",
                request_id=request_id, revision=edited.revision,
            )  # fmt: skip
        answer = {"status": status, "uuid": str(edited.uuid), "etag": edited.state and state_etag(edited.state)}
        if self.key is not None:
            values = {"author": self.principal.username, "idempotency_key": self.key, "fingerprint": self.fingerprint}
            connection.execute(insert(EditAnswer).values(**values, answer=answer))
        return answer

    def _answer(self, edited: Edited | None, known: dict[str, Any]) -> Response:
        """Answer with what was written where that is preferred and may be read; an answer given again is short."""
        at = f"{base_url(self.request)}/collections/{self.register.id}/items/{known['uuid']}"
        status: int = known["status"]
        headers = dict(PRIVATE)
        if known["etag"] is not None:
            headers["ETag"] = known["etag"]
        applied = ["handling=strict"] if is_strict(self.request) else []
        body: bytes | None = None
        if edited is not None and edited.feature is not None and wants_representation(self.request):
            body = self._body(edited.feature, at)
            status = 200 if status == 204 else status  # noqa: PLR2004
            headers["Content-Location"] = at
            applied.append("return=representation")
        if applied:
            headers["Preference-Applied"] = ", ".join(applied)
        answer = Response(body, status, media_type=GEOJSON if body is not None else None, headers=headers)
        if known["status"] == 201:  # noqa: PLR2004
            answer.raw_headers.append((_LOCATION, at.encode()))
        return answer

    def _body(self, feature: str, at: str) -> bytes:
        collection = f"{base_url(self.request)}/collections/{self.register.id}"
        links = [link(at, "self", GEOJSON), link(f"{at}?f=html", "alternate", "text/html"),
                 link(collection, "collection", "application/json")]  # fmt: skip
        return feature[: feature.rindex("}")].encode() + b',"links":' + orjson.dumps(links) + b"}"

    def _note_refusal(self, error: GeodataError) -> None:
        """Note the refusal by itself: what the edit would have written is not kept."""
        with self.request.app.state.database.staff(self.principal.actor) as connection:
            audit.note(
                connection, self.action, actor=self.principal.username, outcome="refused",
                target=f"{self.register.id}/{_as_uuid(self.asked)}" if self.asked else self.register.id,
                request_id=self.request.scope.get("request_id"), code=error.code,
            )  # fmt: skip


def _as_uuid(asked: str) -> str:
    """Return an id as the audit may keep it: anybody's text in its place is left out."""
    try:
        return str(UUID(asked))
    except ValueError:
        return asked[:18] if asked.isascii() and asked.isdigit() else "…"

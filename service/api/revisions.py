"""The revisions of a collection: what each changed."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from geodata.errors import ParameterError
from geodata.features import read_versions
from geodata.ops import Revision
from geodata.past import Changed, Published, find_revision, list_changes, list_revisions
from geodata.register import Register
from geodata.rollback import undone_by
from service.api.cursors import read_cursor, write_cursor
from service.api.documents import field_list
from service.api.forms import VARY, etag_of, is_unchanged, json_response, link, pick_form, unchanged
from service.api.item_forms import MAX_PAGE
from service.api.item_parameters import DEFAULT_LIMIT
from service.api.parameters import only, read_whole
from service.api.uploads import PRIVATE
from service.auth.policy import Visitor
from service.auth.principal import ANYBODY, Principal
from service.catalogue import NEVER
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep, base_url
from service.web.i18n import pick_language
from service.web.rendering import render

router = APIRouter(tags=["Revisions"])

MAX_NUMBER = (1 << 63) - 1


@router.get("/collections/{collectionId}/revisions", summary="Revisions")
def revisions(
    request: Request, register: RegisterDep, principal: Visitor, database: DatabaseDep, settings: SettingsDep
) -> Response:
    """Return the collection's revisions, the latest first; officers see who published them and with what note."""
    given = only(request, {"limit", "cursor"})
    limit = _limit(given.get("limit"))
    before = read_cursor(given["cursor"], register, settings.signing_key)[0] if "cursor" in given else None
    with database.read() as connection:
        latest = read_versions(connection).get(register.id, NEVER).revision
        found = list_revisions(connection, register, limit + 1, before)
    etag = _etag(request, principal, latest)
    if principal is ANYBODY and is_unchanged(request, etag):
        return unchanged(etag, f"{VARY}, Authorization")
    shown = _described(database, register, principal, found[:limit])
    last = found[limit - 1].number if len(found) > limit else None
    links = _links(request, register, last, settings.signing_key)
    document = {"latest": latest, "etag": f'"{latest}"', "revisions": shown, "links": links}
    if pick_form(request) == "html":
        return _page(request, "revisions.html", register, principal, {"revisions": shown, "links": links})
    return json_response(document, headers=_headers(principal, etag))


@router.get("/collections/{collectionId}/revisions/{number}", summary="One revision")
def revision(  # noqa: PLR0913  what the answer depends on
    request: Request,
    number: str,
    register: RegisterDep,
    principal: Visitor,
    database: DatabaseDep,
    catalogue: CatalogueDep,
    settings: SettingsDep,
) -> Response:
    """Return one revision with what it changed in public; officers see the public values before and after."""
    given = only(request, {"limit", "cursor"})
    limit = _limit(given.get("limit"))
    after = read_cursor(given["cursor"], register, settings.signing_key)[0] if "cursor" in given else 0
    with database.read() as connection:
        known = find_revision(connection, register, read_number(number))
        # An erasure takes from what earlier revisions changed.
        latest = read_versions(connection).get(register.id, NEVER).revision
        etag = _etag(request, principal, latest, catalogue.policy(connection), catalogue.day(connection, register))
        if principal is ANYBODY and is_unchanged(request, etag):
            return unchanged(etag, f"{VARY}, Authorization")
        changes = list_changes(connection, register, known.number, limit=limit + 1, after=after)
    last = changes[limit - 1].number if len(changes) > limit else None
    links = _links(request, register, last, settings.signing_key)
    language = pick_language(request)
    listed = [_change(one, language, with_values=principal is not ANYBODY) for one in changes[:limit]]
    document = {**_described(database, register, principal, [known])[0], "changes": listed, "links": links}
    if pick_form(request) == "html":
        fields = {one["name"]: one for one in field_list(register.fields)}
        context = {"revision": document, "fields": fields, "links": links}
        return _page(request, "revision.html", register, principal, context)
    return json_response(document, headers=_headers(principal, etag))


def _limit(text: str | None) -> int:
    return min(read_whole(str(DEFAULT_LIMIT) if text is None else text, "limit", least=1), MAX_PAGE)


def read_number(text: str) -> int:
    """Return the number of a revision that a path names.

    Raises
    ------
    ParameterError
    """
    try:
        return read_whole(text, "number", least=1, most=MAX_NUMBER)
    except ValueError:  # more digits than Python reads
        raise ParameterError(name="number", why_vi="số quá lớn.", why_en="the number is too large.") from None


def _etag(request: Request, principal: Principal, *parts: object) -> str:
    return etag_of(
        *parts, request.url, base_url(request), pick_form(request), pick_language(request), principal.username
    )


def _headers(principal: Principal, etag: str) -> dict[str, str]:
    if principal is not ANYBODY:
        return {**PRIVATE, "Vary": f"{VARY}, Authorization"}
    return {"ETag": etag, "Cache-Control": "no-cache", "Vary": f"{VARY}, Authorization"}


def _page(
    request: Request, template: str, register: Register, principal: Principal, context: dict[str, Any]
) -> Response:
    collection = {"id": register.id, "title": register.title.in_language(pick_language(request))}
    is_officer = principal is not ANYBODY
    page = render(request, template, {**context, "collection": collection, "is_officer": is_officer})
    page.headers["Vary"] = f"{VARY}, Authorization"
    if is_officer:
        page.headers["Cache-Control"] = PRIVATE["Cache-Control"]
    return page


def _links(request: Request, register: Register, last: int | None, key: bytes) -> list[dict[str, str]]:
    at = f"{base_url(request)}{request.url.path}"
    asked = {name: value for name, value in request.query_params.items() if name != "f"}
    links = [
        link(f"{at}?{urlencode(asked)}".rstrip("?"), "self", "application/json"),
        link(f"{at}?{urlencode({**asked, 'f': 'html'})}", "alternate", "text/html"),
        link(f"{base_url(request)}/collections/{register.id}", "collection", "application/json"),
    ]
    if last is not None:
        form = {"f": request.query_params["f"]} if "f" in request.query_params else {}
        following = urlencode({**asked, **form, "cursor": write_cursor(last, register, key)})
        links.append(link(f"{at}?{following}", "next", "application/json"))
    return links


def _described(database: Any, register: Register, principal: Principal, found: list[Published]) -> list[dict[str, Any]]:
    """Describe revisions; to officers with author, note, and what has undone them."""
    shown = [{**asdict(one), "published_at": one.published_at.isoformat()} for one in found]
    if principal is ANYBODY:
        return shown
    numbers = [one.number for one in found]
    statement = select(Revision.number, Revision.author, Revision.note)
    with database.staff(principal.actor) as connection:
        rows = connection.execute(statement.where(Revision.register == register.id, Revision.number.in_(numbers)))
        undone = undone_by(connection, {register.id})
        inside = {
            row.number: {"author": row.author, "note": row.note, "undone_by": undone.get((register.id, row.number))}
            for row in rows
        }
    return [{**one, **inside[one["number"]]} for one in shown]


def _change(change: Changed, language: str, *, with_values: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"id": change.id, "kind": change.kind, "label": change.label}
    if with_values:
        found["fields"] = [
            {"field": one.field, "title": one.title.in_language(language), "before": one.before, "after": one.after}
            for one in change.fields
        ]
    return found

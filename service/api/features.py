"""OGC API - Features: landing page, conformance, collections, items."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Path, Request, Response

from geodata.features import Page, count_matches, read_feature, read_page, read_versions
from geodata.past import Published, find_revision
from geodata.register import Register
from geodata.registers import discover
from service.api import documents, reference
from service.api.forms import GEOJSON, SCHEMA, VARY, etag_of, is_unchanged, json_response, link, pick_form, unchanged
from service.api.parameters import only, read_as_of, read_items_query, require_crs84, write_cursor
from service.auth.policy import public
from service.catalogue import NEVER, State
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep, base_url
from service.settings import ServiceSettings
from service.web.i18n import pick_language
from service.web.pages import map_page
from service.web.rendering import render

router = APIRouter(tags=["Features"])

NO_CACHE = {"Cache-Control": "no-cache"}


@router.get("/", dependencies=[public], summary="Landing page")
def landing_page(request: Request, settings: SettingsDep) -> Response:
    """Return the landing page: the map for people, links for programs."""
    if pick_form(request) == "html":
        return map_page(request)
    only(request)
    return json_response(_landing(request, settings), headers=NO_CACHE)


@router.get("/api.html", dependencies=[public], include_in_schema=False)
def api_page(request: Request) -> Response:
    """Show people what the OpenAPI document says."""
    only(request)
    base = base_url(request)
    return render(request, "api.html", {"origin": base, "groups": reference.groups(request.app.openapi(), base)})


def _landing(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    is_english = pick_language(request) == "en"
    title = settings.title_en if is_english else settings.title_vi
    description = (
        "Digital addresses, growing areas and rural tourism points as open data."
        if is_english
        else "Địa chỉ số, vùng trồng và điểm du lịch nông thôn dưới dạng dữ liệu mở."
    )
    return documents.landing(base_url(request), title, description)


@router.get("/conformance", dependencies=[public], summary="Conformance classes")
def conformance(request: Request) -> Response:
    """Return the conformance classes that the service declares; each is covered by a test."""
    only(request)
    return json_response({"conformsTo": documents.CONFORMANCE})


@router.get("/collections", dependencies=[public], summary="Collections")
def collections(request: Request, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep) -> Response:
    """Return all collections."""
    only(request)
    with database.read() as connection:
        versions = read_versions(connection)
        states = {register.id: catalogue.state(connection, register, versions) for register in discover().values()}
    found = [_document(request, register, states[register.id], settings.licence) for register in discover().values()]
    if pick_form(request) == "html":
        marked = [{**shown, "sample": states[shown["id"]].version.is_sample} for shown in found]
        return render(request, "collections.html", {"collections": marked})
    base = base_url(request)
    links = [
        link(f"{base}/collections", "self", "application/json"),
        link(f"{base}/collections?f=html", "alternate", "text/html"),
    ]
    return json_response({"links": links, "collections": found}, headers=NO_CACHE)


def _document(request: Request, register: Register, state: State, licence: str) -> dict[str, Any]:
    return documents.collection(
        register, state, base=base_url(request), language=pick_language(request), licence=licence
    )


@router.get("/collections/{collectionId}", dependencies=[public], summary="One collection")
def collection(
    request: Request, register: RegisterDep, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep
) -> Response:
    """Return one collection, exactly as it stands in the list."""
    only(request)
    with database.read() as connection:
        state = catalogue.state(connection, register)
    document = _document(request, register, state, settings.licence)
    if pick_form(request) == "html":
        fields = documents.field_list(documents.reading_order(register)) + documents.list_list(register)
        shown = document | {"sample": state.version.is_sample}
        return render(request, "collection.html", {"collection": shown, "fields": fields})
    return json_response(document, headers=NO_CACHE)


@router.get("/collections/{collectionId}/queryables", dependencies=[public], summary="What items can be asked by")
def queryables(request: Request, register: RegisterDep) -> Response:
    """Return the JSON Schema of the fields that items can be asked by."""
    only(request)
    document = documents.schema(register, base=base_url(request), language=pick_language(request), queryables=True)
    return json_response(document, media_type=SCHEMA)


@router.get("/collections/{collectionId}/schema", dependencies=[public], summary="Schema of the items")
def schema(request: Request, register: RegisterDep) -> Response:
    """Return the JSON Schema of the items' public fields."""
    only(request)
    document = documents.schema(register, base=base_url(request), language=pick_language(request), queryables=False)
    return json_response(document, media_type=SCHEMA)


@router.get("/collections/{collectionId}/items", dependencies=[public], summary="Items")
def items(
    request: Request, register: RegisterDep, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep
) -> Response:
    """Return a page of items as GeoJSON, or as a table with a map."""
    query, moment = read_items_query(request, register, settings.signing_key), read_as_of(request)
    form = pick_form(request)
    with database.read() as connection:
        versions = read_versions(connection)
        version = versions.get(register.id, NEVER)
        past = find_revision(connection, register, moment) if moment is not None else None
        query = replace(query, at=past.number) if past else query
        etag = etag_of(
            # How much of the past a page holds depends on what was replaced since.
            (past.number, version.revision) if past else version.revision, request.url, base_url(request), form, pick_language(request),
            catalogue.policy(connection), catalogue.day(connection, register),
        )  # fmt: skip
        if is_unchanged(request, etag):
            return unchanged(etag)
        page, matched = Page([], None), None if query.after else 0
        # A register that is being loaded for the first time is locked: what was never published need not be read.
        if version.revision:
            page = read_page(connection, register, query)
            matched = count_matches(connection, register, query) if not query.after else None
        state = catalogue.state(connection, register, versions)
    links = _page_links(request, register, page, settings.signing_key, query.at)
    head = {"type": "FeatureCollection", "numberReturned": len(page.features), "links": links}
    head["timeStamp"] = _timestamp(past.published_at if past else state.version.published_at)
    if matched is not None:
        head["numberMatched"] = matched
    if form == "html":
        return _items_page(request, register, state, head, page, settings.licence, past)
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": VARY, "Link": _link_header(links)}
    return Response(_feature_collection(head, page), media_type=GEOJSON, headers=headers)


def _timestamp(moment: datetime | None) -> str | None:
    """Write the time of the revision shown, not of the answer: under one strong ETag there is one body."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _feature_collection(head: dict[str, Any], page: Page) -> bytes:
    """Join what the database wrote; no feature is parsed."""
    opening = orjson.dumps({name: value for name, value in head.items() if value is not None})[:-1]
    return opening + b',"features":[' + ",".join(page.features).encode() + b"]}"


def _page_links(request: Request, register: Register, page: Page, key: bytes, at: int | None) -> list[dict[str, str]]:
    base = f"{base_url(request)}{request.url.path}"
    asked = {name: value for name, value in request.query_params.items() if name != "f"}
    query = f"?{urlencode(asked)}" if asked else ""
    html = urlencode({**asked, "f": "html"})
    links = [link(f"{base}{query}", "self", GEOJSON), link(f"{base}?{html}", "alternate", "text/html")]
    links.append(link(f"{base_url(request)}/collections/{register.id}", "collection", "application/json"))
    if page.last_id is not None:
        kept = {name: value for name, value in asked.items() if name != "offset"}
        if at is not None:
            kept["as-of"] = str(at)
        if request.query_params.get("f"):
            kept["f"] = request.query_params["f"]
        following = urlencode({**kept, "cursor": write_cursor(page.last_id, register, key)})
        links.append(link(f"{base}?{following}", "next", GEOJSON))
    return links


def _link_header(links: list[dict[str, str]]) -> str:
    return ", ".join(f'<{item["href"]}>; rel="{item["rel"]}"; type="{item["type"]}"' for item in links)


def _items_page(  # noqa: PLR0913  what the page shows
    request: Request,
    register: Register,
    state: State,
    head: dict[str, Any],
    page: Page,
    licence: str,
    past: Published | None,
) -> Response:
    features = orjson.loads(b"[" + ",".join(page.features).encode() + b"]")
    context = {
        "collection": _document(request, register, state, licence)
        | {"label": register.label, "sample": state.version.is_sample},
        "items": {**head, "features": features},
        "columns": documents.field_list(documents.columns(register)),
        "links": head["links"],
        "past": past,
    }
    return render(request, "items.html", context)


@router.get("/collections/{collectionId}/items/{featureId}", dependencies=[public], summary="One item")
def item(
    request: Request,
    register: RegisterDep,
    feature_id: Annotated[
        str, Path(alias="featureId", description="UUID of the feature, or the number that tiles carry")
    ],
    database: DatabaseDep,
    catalogue: CatalogueDep,
    settings: SettingsDep,
) -> Response:
    """Return one item."""
    require_crs84(only(request, {"crs", "as-of"}))
    form, moment = pick_form(request), read_as_of(request)
    with database.read() as connection:
        past = find_revision(connection, register, moment) if moment is not None else None
        text, revision = read_feature(connection, register, feature_id, past.number if past else None)
        state = catalogue.state(connection, register) if form == "html" else None
    etag = etag_of(revision, text, past and past.number, base_url(request), form, pick_language(request))
    if is_unchanged(request, etag):
        return unchanged(etag)
    if state is not None:
        feature = orjson.loads(text) | {"revision": revision}
        return _item_page(request, register, state, feature, settings.licence, past)
    base = f"{base_url(request)}/collections/{register.id}"
    feature = orjson.loads(text)
    asked = f"as-of={past.number}" if past else ""
    links = [
        link(f"{base}/items/{feature['id']}?{asked}".rstrip("?"), "self", GEOJSON),
        link(f"{base}/items/{feature['id']}?{asked}&f=html".replace("?&", "?"), "alternate", "text/html"),
        link(base, "collection", "application/json"),
    ]
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": VARY, "Link": _link_header(links)}
    body = text[: text.rindex("}")].encode() + b',"links":' + orjson.dumps(links) + b"}"
    return Response(body, media_type=GEOJSON, headers=headers)


def _item_page(
    request: Request,
    register: Register,
    state: State,
    feature: dict[str, Any],
    licence: str,
    past: Published | None,
) -> Response:
    fields = documents.reading_order(register)
    context = {
        "collection": _document(request, register, state, licence)
        | {"label": register.label, "sample": state.version.is_sample},
        "item": feature,
        "fields": documents.field_list([item for item in fields if item.name not in register.write.computed])
        + documents.list_list(register),
        "past": past,
        "technical": documents.field_list([item for item in fields if item.name in register.write.computed]),
    }
    return render(request, "item.html", context)

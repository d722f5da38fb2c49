"""OGC API - Features: the items of a collection, in the forms that clients read."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection, Row

from geodata.db import Database
from geodata.errors import FeatureNotFoundError
from geodata.feature_json import geojson_features, jsonfg_features, jsonfg_head
from geodata.features import (
    EXACT_COUNT_UP_TO,
    Page,
    count_matches,
    estimate_matches,
    read_feature,
    read_page,
    read_versions,
)
from geodata.past import Published, find_revision
from geodata.public_views import property_names
from geodata.reference_systems import ReferenceSystem
from geodata.register import Register
from geodata.streaming import Listing, list_records, stream_records
from service.api import documents
from service.api.collections import describe
from service.api.cursors import write_cursor
from service.api.forms import SCHEMA, etag_of, is_unchanged, link, unchanged
from service.api.item_etags import item_etag
from service.api.item_forms import (
    ENDINGS,
    FORMS,
    HTML,
    ITEM_FORM_NAMES,
    PROFILE,
    WHOLE_FORMS,
    ItemForm,
    pick_item_form,
    vary_of,
)
from service.api.item_parameters import ItemsRequest, read_items_request
from service.api.item_streams import STREAMS
from service.api.parameters import only, read_as_of, read_names, read_system
from service.auth.policy import public
from service.catalogue import NEVER, Catalogue, State
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep, base_url
from service.settings import ServiceSettings
from service.web.i18n import pick_language
from service.web.rendering import render

router = APIRouter(tags=["Features"])

CONTENT_CRS = "Content-Crs"
_NO_PAGE = Page([], None)


@router.get("/collections/{collectionId}/items", dependencies=[public], summary="Items")
def items(
    request: Request, register: RegisterDep, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep
) -> Response:
    """Return items as GeoJSON, JSON-FG, GeoJSON text sequence, CSV, FlatGeobuf, or as a table with a map."""
    return _List(request, register, database, catalogue, settings, None).answer()


@router.get("/collections/{collectionId}/items.{ending}", dependencies=[public], summary="Items in one form")
def items_in_form(
    request: Request,
    register: RegisterDep,
    ending: Annotated[str, Path(description="Form, as f names it")],
    database: DatabaseDep,
    catalogue: CatalogueDep,
    settings: SettingsDep,
) -> Response:
    """Return items in the form that the address ends in."""
    if ending not in ENDINGS:
        raise FeatureNotFoundError(feature=f"items.{ending[:20]}")
    return _List(request, register, database, catalogue, settings, ENDINGS[ending]).answer()


class _List:
    """One request for items, and what it is answered from."""

    def __init__(
        self,
        request: Request,
        register: Register,
        database: Database,
        catalogue: Catalogue,
        settings: ServiceSettings,
        form: ItemForm | None,
    ) -> None:
        self.request, self.register, self.database = request, register, database
        self.catalogue, self.settings = catalogue, settings
        self.is_named = form is not None or "f" in request.query_params
        self.asked: ItemsRequest = read_items_request(request, register, settings.signing_key, form)
        self.moment = read_as_of(request)
        self.past: Published | None = None

    def answer(self) -> Response:
        """Answer it, of one state of the register."""
        with self.database.read() as connection:
            versions = read_versions(connection)
            version = versions.get(self.register.id, NEVER)
            if self.moment is not None:
                self.past = find_revision(connection, self.register, self.moment)
                self.asked = replace(self.asked, query=replace(self.asked.query, at=self.past.number))
            etag = self._etag(connection, version.revision)
            headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": self._vary()}
            if is_unchanged(self.request, etag):
                return unchanged(etag, headers["Vary"])
            headers[CONTENT_CRS] = f"<{self.asked.system.uri}>"
            counts = self._count(connection, version.revision)
            if self.asked.form.is_streamed and not self.asked.counts_only:
                return self._stream(list_records(connection, self.register, self.asked.query), counts, headers)
            page = self._page(connection, version.revision)
            state = self.catalogue.state(connection, self.register, versions)
        return self._whole(page, counts, state, headers)

    def _etag(self, connection: Connection, revision: int) -> str:
        catalogue, form = self.catalogue, self.asked.form
        return etag_of(
            # How much of the past a page holds depends on what was replaced since.
            (self.past.number, revision) if self.past else revision, catalogue.mark(connection), self.request.url,
            base_url(self.request), form.name, form.profile, catalogue.policy(connection),
            catalogue.day(connection, self.register), pick_language(self.request) if form is HTML else "",
        )  # fmt: skip

    def _vary(self) -> str:
        return vary_of(self.asked.form, is_named=self.is_named)

    def _count(self, connection: Connection, revision: int) -> dict[str, int]:
        """Return how many match in all, where that is asked for or soon told; else about how many."""
        query, counts_only = self.asked.query, self.asked.counts_only
        # A register that is being loaded for the first time is locked: what was never published need not be read.
        if not revision:
            return {"numberMatched": 0}
        if query.after and not counts_only:
            return {}
        if not query.is_past and not query.is_narrowed:
            return {"numberMatched": self.catalogue.total(connection, self.register, revision)}
        matched = count_matches(connection, self.register, query, None if counts_only else EXACT_COUNT_UP_TO)
        if matched is not None:
            return {"numberMatched": matched}
        about = None if query.is_past else estimate_matches(connection, self.register, query)
        return {} if about is None else {"bandoso:numberMatchedEstimate": about}

    def _page(self, connection: Connection, revision: int) -> Page:
        if self.asked.counts_only or not revision:
            return _NO_PAGE
        query = self.asked.query
        if self.asked.form is HTML:
            query = replace(query, names=None)
        return read_page(connection, self.register, query, in_parts=not self._is_plain)

    @property
    def _is_plain(self) -> bool:
        """Whether features go out as the database writes them."""
        form = self.asked.form
        return form is HTML or (form.profile == "rfc7946" and self.asked.system.is_lon_lat)

    def _whole(self, page: Page, counts: dict[str, int], state: State, headers: dict[str, str]) -> Response:
        links = self._links(page.last_id, page.last_values)
        head = {"type": "FeatureCollection", "numberReturned": len(page.rows), "links": links, **counts}
        published = self.past.published_at if self.past else state.version.published_at
        head["timeStamp"] = _timestamp(published)
        if self.asked.form is HTML:
            return self._html(page, head, state)
        if self.asked.form.profile.startswith("jsonfg"):
            head |= jsonfg_head(self.register, self.asked.system, base_url(self.request))
        headers["Link"] = _link_header([*links, self._queryables()])
        body = _feature_collection(head, self._features(page))
        return Response(body, media_type=self.asked.form.media_type, headers=headers)

    def _queryables(self) -> dict[str, str]:
        """Return the link that OGC API - Features, Part 3, wants in the header."""
        at = f"{base_url(self.request)}/collections/{self.register.id}/queryables"
        return link(at, "http://www.opengis.net/def/rel/ogc/1.0/queryables", SCHEMA)

    def _features(self, page: Page) -> list[str]:
        if self._is_plain:
            return page.features
        if self.asked.form.profile == "rfc7946":
            return geojson_features(page.rows, self.asked.system)
        has_fallback = self.asked.form.profile == "jsonfg-plus"
        return jsonfg_features(page.rows, self.asked.system, has_fallback=has_fallback)

    def _stream(self, listing: Listing, counts: dict[str, int], headers: dict[str, str]) -> Response:
        """Answer with all records of a listing, written as they are read."""
        last_id = listing.ids[-1] if listing.is_more else None
        headers["Link"] = _link_header([*self._links(last_id, listing.last_values), self._queryables()])
        headers["OGC-NumberReturned"] = str(len(listing.ids))
        if "numberMatched" in counts:
            headers["OGC-NumberMatched"] = str(counts["numberMatched"])
        name = f"{self.register.id}.{self.asked.form.name}"
        headers["Content-Disposition"] = f'inline; filename="{name}"'
        batches = stream_records(self.database, self.register, self.asked.query, listing)
        content = STREAMS[self.asked.form.name](batches, self.register, self.asked)
        return StreamingResponse(content, media_type=self.asked.form.media_type, headers=headers)

    def _links(self, last_id: int | None, last_values: tuple[Any, ...]) -> list[dict[str, str]]:
        base = f"{base_url(self.request)}/collections/{self.register.id}"
        asked = {name: value for name, value in self.request.query_params.items() if name not in {"f", "profile"}}
        form, at = self.asked.form, f"{base}/items"
        links = [link(_with(at, self.request.query_params), "self", form.media_type)]
        for other in FORMS.values():
            if other.name != form.name:
                links.append(link(_with(at, {**asked, "f": other.name}), "alternate", other.media_type, other.title))
        links.append(link(base, "collection", "application/json"))
        if form.profile:
            links.append(link(f"{PROFILE}{form.profile}", "profile", "text/html"))
        if last_id is not None:
            kept = {name: value for name, value in self.request.query_params.items() if name != "offset"}
            if self.past is not None:
                kept["as-of"] = str(self.past.number)
            kept["f"] = form.name
            key = self.settings.signing_key
            kept["cursor"] = write_cursor(last_id, self.register, key, self.asked.sortby, last_values)
            links.append(link(_with(at, kept), "next", form.media_type))
        return links

    def _html(self, page: Page, head: dict[str, Any], state: State) -> Response:
        features = orjson.loads(b"[" + ",".join(page.features).encode() + b"]")
        columns = documents.columns(self.register)
        if self.asked.query.names is not None:
            columns = [item for item in columns if item.name in self.asked.query.names]
        context = {
            "collection": describe(self.request, self.register, state, self.settings.licence)
            | {"label": self.register.label, "sample": state.version.is_sample},
            "items": {**head, "features": features},
            "columns": documents.field_list(columns),
            "links": head["links"],
            "outline": self._outline(),
            "past": self.past,
        }
        shown = render(self.request, "items.html", context)
        shown.headers["Vary"] = self._vary()
        return shown

    def _outline(self) -> str:
        """Return the address of the page's shapes as its map draws them: longitude and latitude."""
        asked = {name: value for name, value in self.request.query_params.items() if name not in {"crs", "profile"}}
        root = self.request.scope.get("root_path", "")
        return _with(f"{root}/collections/{self.register.id}/items", {**asked, "f": "json"})


def _with(address: str, parameters: Any) -> str:
    return f"{address}?{urlencode(parameters)}" if parameters else address


def _timestamp(moment: datetime | None) -> str | None:
    """Write the time of the revision shown, not of the answer: under one strong ETag there is one body."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _feature_collection(head: dict[str, Any], features: list[str]) -> bytes:
    """Join features that are text already; none is parsed."""
    opening = orjson.dumps({name: value for name, value in head.items() if value is not None})[:-1]
    return opening + b',"features":[' + ",".join(features).encode() + b"]}"


def _link_header(links: list[dict[str, str]]) -> str:
    return ", ".join(f'<{item["href"]}>; rel="{item["rel"]}"; type="{item["type"]}"' for item in links)


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
    feature_id, named = _of_item(feature_id)
    given = only(request, {"crs", "as-of", "properties", "profile"}, ITEM_FORM_NAMES)
    form, system = pick_item_form(request, given, named, WHOLE_FORMS), read_system(given, "crs")
    names = read_names(given["properties"], "properties", property_names(register)) if "properties" in given else None
    moment = read_as_of(request)
    with database.read() as connection:
        past = find_revision(connection, register, moment) if moment is not None else None
        at = past.number if past else None
        row = read_feature(connection, register, feature_id, at, names=None if form is HTML else names, in_parts=True)
        etag = item_etag(
            row.revision, row.updated_at, catalogue.mark(connection), row.uuid, row.properties, row.wkb, at,
            base_url(request), form.name, form.profile, system.uri, names, pick_language(request) if form is HTML else "",
        )  # fmt: skip
        vary = vary_of(form, is_named=named is not None or "f" in given)
        if is_unchanged(request, etag):
            return unchanged(etag, vary)
        state = catalogue.state(connection, register) if form is HTML else None
    if state is not None:
        feature = orjson.loads(geojson_features([row], system)[0]) | {"revision": row.revision}
        page = _item_page(request, register, state, feature, settings.licence, past)
        page.headers["Vary"] = vary
        return page
    links = _item_links(request, register, str(row.uuid), form, past)
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": vary, "Link": _link_header(links)}
    headers[CONTENT_CRS] = f"<{system.uri}>"
    return Response(
        _item_text(row, register, form, system, links, base_url(request)), media_type=form.media_type, headers=headers
    )


def _item_text(
    row: Row[Any], register: Register, form: ItemForm, system: ReferenceSystem, links: list[dict[str, str]], base: str
) -> bytes:
    if form.profile == "rfc7946":
        text, more = geojson_features([row], system)[0], {}
    else:
        text = jsonfg_features([row], system, has_fallback=form.profile == "jsonfg-plus")[0]
        more = jsonfg_head(register, system, base)
    return text[:-1].encode() + b"," + orjson.dumps({**more, "links": links})[1:]


def _item_links(
    request: Request, register: Register, feature_id: str, form: ItemForm, past: Published | None
) -> list[dict[str, str]]:
    base = f"{base_url(request)}/collections/{register.id}"
    asked = {name: value for name, value in request.query_params.items() if name not in {"f", "profile", "as-of"}}
    if past is not None:
        asked["as-of"] = str(past.number)
    at = f"{base}/items/{feature_id}"
    links = [link(_with(at, asked), "self", form.media_type)]
    for other in WHOLE_FORMS.values():
        if other.name != form.name:
            links.append(link(_with(at, {**asked, "f": other.name}), "alternate", other.media_type, other.title))
    links.append(link(base, "collection", "application/json"))
    if form.profile:
        links.append(link(f"{PROFILE}{form.profile}", "profile", "text/html"))
    return links


def _of_item(text: str) -> tuple[str, ItemForm | None]:
    """Return the id of an item, and the form that its address ends in."""
    feature_id, _, ending = text.rpartition(".")
    form = ENDINGS.get(ending)
    return (feature_id, form) if feature_id and form is not None and not form.is_streamed else (text, None)


def _item_page(
    request: Request,
    register: Register,
    state: State,
    feature: dict[str, Any],
    licence: str,
    past: Published | None,
) -> Response:
    fields, root = documents.reading_order(register), request.scope.get("root_path", "")
    asked = {"f": "json", **({"as-of": past.number} if past else {})}
    context = {
        "collection": describe(request, register, state, licence)
        | {"label": register.label, "sample": state.version.is_sample},
        "item": feature,
        "fields": documents.field_list([item for item in fields if item.name not in register.write.computed])
        + documents.list_list(register),
        "past": past,
        "outline": _with(f"{root}/collections/{register.id}/items/{feature['id']}", asked),
        "technical": documents.field_list([item for item in fields if item.name in register.write.computed]),
    }
    return render(request, "item.html", context)

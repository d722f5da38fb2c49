"""OGC API - Features: the items of a collection, in the forms that clients read."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from geodata.db import Database
from geodata.errors import FeatureNotFoundError
from geodata.feature_json import geojson_features, jsonfg_features
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
from geodata.register import Register
from geodata.streaming import Listing, list_records, stream_records
from service.api import documents
from service.api.collections import describe
from service.api.forms import is_unchanged, unchanged
from service.api.item_forms import (
    ENDINGS,
    HTML,
    ItemForm,
)
from service.api.item_page import ItemPage
from service.api.item_parameters import ItemsRequest
from service.api.item_streams import STREAMS
from service.api.items_page import ItemsPage, PageEnd, with_query
from service.api.parameters import read_as_of
from service.auth.policy import public
from service.catalogue import NEVER, Catalogue, State
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep
from service.settings import ServiceSettings
from service.web.rendering import render

router = APIRouter(tags=["Features"])

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
    """One request for items, and the state of the register that it is answered from."""

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
        self.page = ItemsPage(request, register, settings, form)
        self.moment = read_as_of(request)

    @property
    def asked(self) -> ItemsRequest:
        """What is asked for."""
        return self.page.asked

    def answer(self) -> Response:
        """Answer it, of one state of the register."""
        with self.database.read() as connection:
            versions = read_versions(connection)
            version = versions.get(self.register.id, NEVER)
            if self.moment is not None:
                self.page.show_past(find_revision(connection, self.register, self.moment))
            catalogue = self.catalogue
            etag = self.page.etag(
                version.revision, catalogue.mark(connection), catalogue.policy(connection),
                catalogue.day(connection, self.register),
            )  # fmt: skip
            published = self.page.past.published_at if self.page.past else version.published_at
            if is_unchanged(self.request, etag, self.page.dated(published)):
                return unchanged(etag, self.page.vary)
            counts = self._count(connection, version.revision)
            if self.asked.form.is_streamed and not self.asked.counts_only:
                return self._stream(list_records(connection, self.register, self.asked.query), counts, published, etag)
            found = self._read(connection, version.revision)
            state = catalogue.state(connection, self.register, versions)
        if self.asked.form is HTML:
            return self._html(found, counts, state)
        end = PageEnd(len(found.rows), found.last_id, found.last_values)
        return self.page.answer(",".join(self._texts(found)).encode(), end, counts, published, etag)

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

    def _read(self, connection: Connection, revision: int) -> Page:
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

    def _texts(self, page: Page) -> list[str]:
        if self._is_plain:
            return page.features
        if self.asked.form.profile == "rfc7946":
            return geojson_features(page.rows, self.asked.system)
        has_fallback = self.asked.form.profile == "jsonfg-plus"
        return jsonfg_features(page.rows, self.asked.system, has_fallback=has_fallback)

    def _stream(self, listing: Listing, counts: dict[str, int], published: datetime | None, etag: str) -> Response:
        """Answer with all records of a listing, written as they are read."""
        last_id = listing.ids[-1] if listing.is_more else None
        headers = self.page.headers(etag, self.page.links(last_id, listing.last_values), published)
        headers["OGC-NumberReturned"] = str(len(listing.ids))
        if "numberMatched" in counts:
            headers["OGC-NumberMatched"] = str(counts["numberMatched"])
        name = f"{self.register.id}.{self.asked.form.name}"
        headers["Content-Disposition"] = f'inline; filename="{name}"'
        batches = stream_records(self.database, self.register, self.asked.query, listing)
        content = STREAMS[self.asked.form.name](batches, self.register, self.asked)
        return StreamingResponse(content, media_type=self.asked.form.media_type, headers=headers)

    def _html(self, page: Page, counts: dict[str, int], state: State) -> Response:
        features = orjson.loads(b"[" + ",".join(page.features).encode() + b"]")
        columns = documents.columns(self.register)
        if self.asked.query.names is not None:
            columns = [item for item in columns if item.name in self.asked.query.names]
        links = self.page.links(page.last_id, page.last_values)
        context = {
            "collection": describe(self.request, self.register, state, self.settings.licence)
            | {"label": self.register.label, "sample": state.version.is_sample},
            "items": {**counts, "features": features},
            "columns": documents.field_list(columns),
            "links": links,
            "outline": self._outline(),
            "past": self.page.past,
        }
        shown = render(self.request, "items.html", context)
        shown.headers["Vary"] = self.page.vary
        return shown

    def _outline(self) -> str:
        """Return the address of the page's shapes as its map draws them: longitude and latitude."""
        asked = {name: value for name, value in self.request.query_params.items() if name not in {"crs", "profile"}}
        root = self.request.scope.get("root_path", "")
        return with_query(f"{root}/collections/{self.register.id}/items", {**asked, "f": "json"})


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
    page, moment = ItemPage(request, register, feature_id), read_as_of(request)
    is_html = page.form is HTML
    with database.read() as connection:
        page.past = find_revision(connection, register, moment) if moment is not None else None
        row = read_feature(
            connection, register, page.feature_id, page.past.number if page.past else None,
            names=None if is_html else page.names, in_parts=not page.is_plain,
        )  # fmt: skip
        etag = page.etag(
            row, catalogue.mark(connection), catalogue.policy(connection), catalogue.day(connection, register)
        )
        if is_unchanged(request, etag, page.dated(row)):
            return unchanged(etag, page.vary)
        state = catalogue.state(connection, register) if is_html else None
    if state is None:
        return page.answer(row, etag)
    feature = orjson.loads(geojson_features([row], page.system)[0]) | {"revision": row.revision}
    shown = _item_page(request, register, state, feature, settings.licence, page.past)
    shown.headers["Vary"] = page.vary
    return shown


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
        "outline": with_query(f"{root}/collections/{register.id}/items/{feature['id']}", asked),
        "technical": documents.field_list([item for item in fields if item.name in register.write.computed]),
    }
    return render(request, "item.html", context)

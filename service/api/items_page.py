"""One answer to a request for items: what it is asked for, its ETag, its links, and the document around its features."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import starmap
from typing import Any
from urllib.parse import quote_plus

import orjson
from fastapi import Request, Response

from geodata.feature_json import jsonfg_head
from geodata.past import Published
from geodata.register import Register
from service.api.cursors import write_cursor
from service.api.forms import SCHEMA, etag_of, last_modified, link
from service.api.item_forms import FORMS, HTML, PROFILE, ItemForm, vary_of
from service.api.item_parameters import ItemsRequest, read_items_request
from service.deps import base_url
from service.settings import ServiceSettings
from service.web.i18n import pick_language

CONTENT_CRS = "Content-Crs"


@dataclass(frozen=True, slots=True)
class PageEnd:
    """How many features an answer has, and where the next one starts, if there is one."""

    returned: int
    last_id: int | None
    last_values: tuple[Any, ...] = ()


class ItemsPage:
    """An answer to a request for items, from whatever the items are read.

    Parameters
    ----------
    form : ItemForm or None
        That the address itself names.

    Raises
    ------
    ParameterError
        When anything in the request is unknown or malformed.
    """

    def __init__(self, request: Request, register: Register, settings: ServiceSettings, form: ItemForm | None) -> None:
        self.request, self.register, self.settings = request, register, settings
        self.asked: ItemsRequest = read_items_request(request, register, settings.signing_key, form)
        self.vary = vary_of(self.asked.form, is_named=form is not None or "f" in request.query_params)
        self.past: Published | None = None

    def show_past(self, past: Published) -> None:
        """Show the register as it was after a revision."""
        self.past = past
        self.asked = replace(self.asked, query=replace(self.asked.query, at=past.number))

    def etag(self, revision: int, mark: str, policy: str, day: date | None) -> str:
        """Return the ETag of the answer from a register at this revision, of a database with this mark."""
        form = self.asked.form
        return etag_of(
            # How much of the past a page holds depends on what was replaced since.
            (self.past.number, revision) if self.past else revision, mark, self.request.scope["path"],
            self.request.scope["query_string"], base_url(self.request), form.name, form.profile, policy, day,
            pick_language(self.request) if form is HTML else "",
        )  # fmt: skip

    def dated(self, published: datetime | None) -> datetime | None:
        """Return when what is shown came to be; None where that is not known: it depends on the day or the language too."""
        return None if self.register.changes_by_day or self.asked.form is HTML else published

    def headers(self, etag: str, links: list[dict[str, str]], published: datetime | None) -> dict[str, str]:
        """Return the headers of an answer that shows what was published then."""
        # OGC API - Features, Part 3, wants the last one in the header.
        at = f"{base_url(self.request)}/collections/{self.register.id}/queryables"
        told = [*links, link(at, "http://www.opengis.net/def/rel/ogc/1.0/queryables", SCHEMA)]
        found = {"ETag": etag, "Cache-Control": "no-cache", "Link": link_header(told)}
        found |= last_modified(self.dated(published))
        found[CONTENT_CRS] = f"<{self.asked.system.uri}>"
        return {**found, "Vary": self.vary} if self.vary else found

    def answer(
        self, features: bytes, end: PageEnd, counts: dict[str, int], published: datetime | None, etag: str
    ) -> Response:
        """Answer with features that are text already, joined by commas; none is parsed.

        Parameters
        ----------
        published : datetime or None
            When the state that is shown was.
        """
        headers, opening, closing = self.frame(end, counts, published, etag)
        return Response(opening + features + closing, media_type=self.asked.form.media_type, headers=headers)

    def frame(
        self, end: PageEnd, counts: dict[str, int], published: datetime | None, etag: str
    ) -> tuple[dict[str, str], bytes, bytes]:
        """Return the headers of such an answer, and what stands before its features and after them."""
        links = self.links(end.last_id, end.last_values)
        head = {"type": "FeatureCollection", "numberReturned": end.returned, "links": links, **counts}
        if self.asked.form.profile.startswith("jsonfg"):
            head |= jsonfg_head(self.register, self.asked.system, base_url(self.request))
        opening = orjson.dumps({name: value for name, value in head.items() if value is not None})[:-1]
        return self.headers(etag, links, published), opening + b',"features":[', b"]}"

    def links(self, last_id: int | None, last_values: tuple[Any, ...]) -> list[dict[str, str]]:
        """Return the links of an answer: to itself, other forms, and where it goes on, if it does."""
        base = f"{base_url(self.request)}/collections/{self.register.id}"
        asked = {name: value for name, value in self.request.query_params.items() if name not in {"f", "profile"}}
        form, at = self.asked.form, f"{base}/items"
        links = [link(with_query(at, self.request.query_params), "self", form.media_type)]
        asked_at = f"{with_query(at, asked)}{'&' if asked else '?'}f="
        for other in FORMS.values():
            if other.name != form.name:
                links.append(link(asked_at + other.name, "alternate", other.media_type, other.title))
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
            links.append(link(with_query(at, kept), "next", form.media_type))
        return links


def with_query(address: str, parameters: Mapping[str, object]) -> str:
    """Return an address with a query."""
    return f"{address}?{'&'.join(starmap(_encoded, parameters.items()))}" if parameters else address


@lru_cache(maxsize=256, typed=True)
def _encoded(name: str, value: object) -> str:
    # The links of a page have most of their parameters in common.
    return f"{quote_plus(name)}={quote_plus(str(value))}"


def link_header(links: list[dict[str, str]]) -> str:
    """Return links as the header ``Link`` has them (RFC 8288)."""
    return ", ".join(f'<{item["href"]}>; rel="{item["rel"]}"; type="{item["type"]}"' for item in links)

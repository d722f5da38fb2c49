"""One answer to a request for a single item: its form, its ETag, its links, and the document."""

from datetime import date, datetime
from functools import cached_property
from typing import Any, Final

import orjson
from fastapi import Request, Response

from geodata.feature_json import geojson_features, jsonfg_features, jsonfg_head
from geodata.past import Published
from geodata.public_views import property_names
from geodata.register import Register
from service.api.forms import last_modified, link
from service.api.item_etags import item_etag
from service.api.item_forms import (
    ENDINGS,
    HTML,
    ITEM_FORM_NAMES,
    PROFILE,
    WHOLE_FORMS,
    ItemForm,
    pick_item_form,
    vary_of,
)
from service.api.items_page import CONTENT_CRS, link_header, with_query
from service.api.parameters import only, read_names, read_system
from service.deps import base_url
from service.web.i18n import pick_language

_PLACE: Final = "{featureId}"
"""Stands for the id of a record; braces do not occur in addresses."""


class ItemPage:
    """An answer to a request for an item, from whatever the item is read.

    Parameters
    ----------
    asked : str
        Last part of the address: an id, with the ending of a form perhaps.

    Raises
    ------
    ParameterError
        When anything in the request is unknown or malformed.
    """

    def __init__(self, request: Request, register: Register, asked: str) -> None:
        self.request, self.register = request, register
        self.feature_id, named = _parted(asked)
        given = only(request, {"crs", "as-of", "properties", "profile"}, ITEM_FORM_NAMES)
        self.form = pick_item_form(request, given, named, WHOLE_FORMS)
        self.system = read_system(given, "crs")
        known = property_names(register)
        self.names = read_names(given["properties"], "properties", known) if "properties" in given else None
        self.vary = vary_of(self.form, is_named=named is not None or "f" in given)
        self.past: Published | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the feature goes out as the database writes it."""
        return self.form.profile == "rfc7946" and self.system.is_lon_lat

    def etag(self, row: Any, mark: str, policy: str, day: date | None) -> str:
        """Return the ETag of a record, in a database with this mark, under a policy, on a day that matters."""
        return item_etag(
            str(row.uuid), row.revision, row.updated_at, mark, policy, day, self.past and self.past.number,
            base_url(self.request), self.form.name, self.form.profile, self.system.uri, self.names,
            pick_language(self.request) if self.form is HTML else "",
        )  # fmt: skip

    def dated(self, row: Any) -> datetime | None:
        """Return when what is shown came to be; None where that is not known: it depends on the day or the language too."""
        is_known = self.form is not HTML and not self.register.changes_by_day and self.past is None
        return row.updated_at if is_known else None

    def answer(self, row: Any, etag: str) -> Response:
        """Answer with a record: its ``feature`` as text where `is_plain`, its parts where not."""
        headers, body = self.written(row, etag)
        return Response(b"".join(body), media_type=self.form.media_type, headers=headers)

    def written(self, row: Any, etag: str) -> tuple[dict[str, str], tuple[bytes, ...]]:
        """Return headers and body of that answer."""
        feature_id, (link, closing) = str(row.uuid), self._frame
        headers = {
            "ETag": etag, "Cache-Control": "no-cache", "Link": link.replace(_PLACE, feature_id),
            CONTENT_CRS: f"<{self.system.uri}>",
            **last_modified(self.dated(row)), **({"Vary": self.vary} if self.vary else {}),
        }  # fmt: skip
        text = self._text(row)
        return headers, (text[: text.rindex("}")].encode(), closing.replace(_PLACE, feature_id).encode())

    def _text(self, row: Any) -> str:
        if self.is_plain:
            found: str = row.feature
            return found
        if self.form.profile == "rfc7946":
            return geojson_features([row], self.system)[0]
        return jsonfg_features([row], self.system, has_fallback=self.form.profile == "jsonfg-plus")[0]

    @cached_property
    def _frame(self) -> tuple[str, str]:
        """The header ``Link`` and what follows a feature, for any record: its id has yet to be put in place."""
        links = self._links(_PLACE)
        more: dict[str, Any] = {"links": links}
        if self.form.profile.startswith("jsonfg"):
            more |= jsonfg_head(self.register, self.system, base_url(self.request))
        return link_header(links), f",{orjson.dumps(more)[1:].decode()}"

    def _links(self, feature_id: str) -> list[dict[str, str]]:
        base = f"{base_url(self.request)}/collections/{self.register.id}"
        given = self.request.query_params.items()
        asked = {name: value for name, value in given if name not in {"f", "profile", "as-of"}}
        if self.past is not None:
            asked["as-of"] = str(self.past.number)
        at = f"{base}/items/{feature_id}"
        links = [link(with_query(at, asked), "self", self.form.media_type)]
        links += [
            link(with_query(at, {**asked, "f": other.name}), "alternate", other.media_type, other.title)
            for other in WHOLE_FORMS.values()
            if other.name != self.form.name
        ]
        links.append(link(base, "collection", "application/json"))
        return [*links, link(f"{PROFILE}{self.form.profile}", "profile", "text/html")] if self.form.profile else links


def _parted(asked: str) -> tuple[str, ItemForm | None]:
    """Return the id of an item, and the form that its address ends in."""
    feature_id, _, ending = asked.rpartition(".")
    form = ENDINGS.get(ending)
    return (feature_id, form) if feature_id and form is not None and not form.is_streamed else (asked, None)

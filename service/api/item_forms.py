"""The forms in which items go out, and which of them a request asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request

from geodata.errors import ParameterError
from geodata.exporting.gdal_files import FGB_MEDIA_TYPE
from service.api.forms import GEOJSON
from service.web.accept import weights

MAX_PAGE, MAX_STREAMED = 1000, 100_000
"""Records of one answer: of a page, and of a form that is written as it is read."""

PROFILE: Final = "http://www.opengis.net/def/profile/OGC/0/"


@dataclass(frozen=True, slots=True)
class ItemForm:
    """A form of items.

    Attributes
    ----------
    name : str
        In ``f=`` and as the ending of an address.
    accepted : tuple of str
        Media types by which ``Accept`` asks for it.
    profile : str
        Of GeoJSON: ``rfc7946``, ``jsonfg`` or ``jsonfg-plus`` (OGC 21-045r1).
    """

    name: str
    media_type: str
    title: str
    accepted: tuple[str, ...] = ()
    is_streamed: bool = False
    profile: str = ""

    @property
    def most(self) -> int:
        """How many records an answer has at most."""
        return MAX_STREAMED if self.is_streamed else MAX_PAGE


CSV, SEQUENCE, FEATURES_JSON = "text/csv", "application/geo+json-seq", "application/fg+json"
HTML = ItemForm("html", "text/html", "HTML", ("text/html", "application/xhtml+xml"))
PLAIN = ItemForm("json", GEOJSON, "GeoJSON", (GEOJSON, "application/json", "*/*", "application/*"), profile="rfc7946")
JSON_FG = ItemForm("jsonfg", FEATURES_JSON, "JSON-FG", (FEATURES_JSON, "application/vnd.ogc.fg+json"), profile="jsonfg")
FORMS: Mapping[str, ItemForm] = {
    form.name: form
    for form in (
        PLAIN,
        HTML,
        JSON_FG,
        ItemForm("geojsonseq", SEQUENCE, "GeoJSONSeq", (SEQUENCE,), is_streamed=True),
        ItemForm("csv", CSV, "CSV", (CSV,), is_streamed=True),
        ItemForm("fgb", FGB_MEDIA_TYPE, "FlatGeobuf", (FGB_MEDIA_TYPE,), is_streamed=True),
    )
}
ENDINGS: Mapping[str, ItemForm] = {**FORMS, "geojson": PLAIN}
FORM_NAMES = tuple(ENDINGS)
WHOLE_FORMS: Mapping[str, ItemForm] = {name: form for name, form in FORMS.items() if not form.is_streamed}
"""Forms of a single item."""
ITEM_FORM_NAMES = (*WHOLE_FORMS, "geojson")
_PROFILES = ("rfc7946", "jsonfg", "jsonfg-plus")


def pick_item_form(
    request: Request, given: Mapping[str, str], named: ItemForm | None, forms: Mapping[str, ItemForm] = FORMS
) -> ItemForm:
    """Choose the form: what the address ends in, ``f=``, ``Accept``; GeoJSON where nothing is said.

    Parameters
    ----------
    given : mapping
        The parameters of the query.
    named : ItemForm or None
        What the address ends in.
    forms : mapping
        Those there are.

    Raises
    ------
    ParameterError
        When ``profile`` is unknown, or asked of another form than GeoJSON.
    """
    form = named or (ENDINGS[given["f"]] if "f" in given else _accepted(request.headers.get("accept", ""), forms))
    if "profile" not in given:
        return form
    profile = given["profile"].removeprefix(PROFILE)
    if profile not in _PROFILES or not form.profile:
        known = ", ".join(_PROFILES)
        raise ParameterError(
            name="profile", why_vi=f"với GeoJSON, dùng một trong: {known}.", why_en=f"of GeoJSON, one of: {known}."
        )
    return replace(form, profile=profile)


def vary_of(form: ItemForm, *, is_named: bool) -> str:
    """Return the headers on which an answer in a form depends, beside its address."""
    return ", ".join([*([] if is_named else ["Accept"]), *(["Accept-Language", "Cookie"] if form is HTML else [])])


def _accepted(header: str, forms: Mapping[str, ItemForm]) -> ItemForm:
    if not header:
        return PLAIN
    liked = weights(header)
    found = [(liked[media], form) for form in forms.values() for media in form.accepted if liked.get(media)]
    best = max((weight for weight, _ in found), default=0.0)
    # Of those that are liked as well the one that is named first in the header, as browsers mean it.
    order = {media: at for at, media in enumerate(liked)}
    return min(
        (form for weight, form in found if weight == best),
        key=lambda form: min(order[media] for media in form.accepted if liked.get(media) == best),
        default=PLAIN,
    )

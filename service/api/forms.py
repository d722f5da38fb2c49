"""In which form an answer goes out: HTML for people, JSON for machines, at the same address."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Any, Literal

import orjson
from fastapi import Request, Response

from service import VERSION

Form = Literal["html", "json"]
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
_SETTLED_S = 2.0
VARY = "Accept, Accept-Language, Cookie"
VARY_BY_LANGUAGE = "Accept-Language, Cookie"


def pick_form(request: Request) -> Form:
    """Choose the form of an answer: ``?f=`` first, then ``Accept``; JSON where nothing is said."""
    asked = request.query_params.get("f")
    if asked is not None:
        return "html" if asked == "html" else "json"
    best, form = 0.0, "json"
    for part in request.headers.get("accept", "").split(","):
        media, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if weight > best and media in {"text/html", "application/xhtml+xml"}:
            best, form = weight, "html"
        elif weight > best and (media.endswith("json") or media == "*/*"):
            best, form = weight, "json"
    return "html" if form == "html" else "json"


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def json_response(
    content: Any, *, media_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON written by orjson; it depends on form and language where ``headers`` say nothing else of ``Vary``."""
    said = {"Vary": VARY, **(headers or {})}
    written = {name: value for name, value in said.items() if value}
    return Response(orjson.dumps(content), media_type=media_type, headers=written)


def etag_of(*parts: object) -> str:
    """Return a strong ETag for everything an answer depends on, this software among it."""
    return f'"{_digest(VERSION, *parts)[:20]}"'


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def is_unchanged(request: Request, etag: str, dated: datetime | None = None) -> bool:
    """Whether the client has this version already, by its ETag or, where it names none, by its time.

    Parameters
    ----------
    dated : datetime, optional
        When the state that is shown came to be, see `last_modified`.
    """
    held = request.headers.get("if-none-match")
    if held is not None:
        return held == "*" or etag in {part.strip().removeprefix("W/") for part in held.split(",")}
    since = request.headers.get("if-modified-since")
    if since is None or dated is None or not last_modified(dated):
        return False
    try:
        return dated.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False


def last_modified(dated: datetime | None) -> dict[str, str]:
    """Return the header that tells when a state came to be; none of a state so young that a second may hold another one."""
    if dated is None or (datetime.now(UTC) - dated).total_seconds() < _SETTLED_S:
        return {}
    return {"Last-Modified": _http_date(dated.replace(microsecond=0))}


@lru_cache(maxsize=4096)
def _http_date(dated: datetime) -> str:
    # Records of one file have one time.
    return format_datetime(dated.astimezone(UTC), usegmt=True)


def unchanged(etag: str, vary: str = VARY) -> Response:
    """Answer 304, with what the answer itself says of ``Vary``."""
    return Response(status_code=304, headers=unchanged_headers(etag, vary))


def unchanged_headers(etag: str, vary: str) -> dict[str, str]:
    """Return the headers of such an answer."""
    return {"ETag": etag, "Cache-Control": "no-cache", **({"Vary": vary} if vary else {})}


def link(href: str, rel: str, media_type: str, title: str | None = None) -> dict[str, str]:
    """Write a link object."""
    written = {"href": href, "rel": rel, "type": media_type}
    return {**written, "title": title} if title else written


def own_links(at: str) -> list[dict[str, Any]]:
    """Return the links of a document to itself, for programs and for people."""
    return [link(at, "self", "application/json"), link(f"{at}?f=html", "alternate", "text/html")]

"""What every answer passes through: request id, log line, figures, security headers, size limits. Raw ASGI."""

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from fastapi import HTTPException
from prometheus_client import Counter, Histogram

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = structlog.get_logger()

REQUESTS = Counter("bandoso_requests_total", "Requests answered", ["route", "method", "status"])
SECONDS = Histogram("bandoso_request_seconds", "Time to answer", ["route"])

SMALL_BODY = 64 << 10
EDIT_MB = 4
"""Megabytes of an item that is sent: an area of 100,000 vertices, with room to spare."""
_ITEMS = re.compile(r"/collections/[^/]+/items(?:/[^/]+)?")
FORM_MARGIN = 1 << 20
_LARGEST_FILE = "bandoso.largest_file"
"""Key of a request's scope: how large a file its address takes, and the setting that says so."""
_BODY_TOO_LARGE = ("Nội dung gửi lên quá lớn.", "The body is too large.")
_ITEM_TOO_LARGE = (
    f"Đối tượng gửi lên vượt quá {EDIT_MB} MiB. Hãy gửi vùng lớn như vậy bằng tệp.",
    f"The item is larger than {EDIT_MB} MiB. Send such an area as a file.",
)
_FILE_TOO_LARGE = (
    "Tệp vượt quá {limit_mb} MiB. Hãy nén tệp thành .zip rồi gửi tệp .zip đó. Nếu vẫn quá lớn, hãy đề nghị người vận "
    "hành nâng giới hạn ({setting}).",
    "The file is larger than {limit_mb} MiB. Zip it and send the .zip. If that is still too large, ask the operator to "
    "raise the limit ({setting}).",
)
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; font-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-src 'self'; "
)
SECURITY = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"strict-origin-when-cross-origin",
    b"permissions-policy": b"geolocation=(self)",
}
PAGE = {
    b"content-security-policy": (_CSP + "frame-ancestors 'none'").encode(),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
EMBED = {
    b"content-security-policy": (_CSP + "frame-ancestors *").encode(),
    b"cross-origin-resource-policy": b"cross-origin",
}
OPEN = {
    b"access-control-allow-origin": b"*",
    b"access-control-expose-headers": b"ETag, Link, Location",
    b"cross-origin-resource-policy": b"cross-origin",
}
SECURE = {b"strict-transport-security": b"max-age=31536000; includeSubDomains"}
PREFLIGHT = {
    "Allow": "GET, HEAD",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
"""What a browser is told that asks whether a script of another site may read with headers of its own choice."""

LINK_MARK = re.compile(rb"(?:utm_\w+|fbclid|gclid|zarsrc|zalo_\w+|mc_[ce]id|_ga)(?:=|$)")
"""What Facebook, Google, Zalo and mailings add to links that people share."""

PRIVATE_PATHS = ("/auth", "/uploads", "/desk", "/metrics")


@dataclass(frozen=True, slots=True)
class FileLimit:
    """How large a file an address takes, and the setting that says so."""

    megabytes: int
    setting: str


class RequestMiddleware:
    """Gives each request an id, refuses bodies that are too large, writes one log line, adds headers.

    The log line has the path with ids left out and without its query: nothing of what people look for is kept.

    Parameters
    ----------
    largest : mapping of path to FileLimit
        Of the files that addresses take; all others take small bodies only.
    """

    def __init__(self, app: App, *, largest: Mapping[str, FileLimit], is_secure: bool) -> None:
        self.app = app
        self.largest = largest
        self.is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["request_id"] = request_id = uuid.uuid4().hex
        started = time.perf_counter()
        status, is_over = 500, False

        async def answer(message: Message) -> None:
            nonlocal status, is_over
            if is_over:
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(scope, message.get("headers", []), request_id)
            elif scope["method"] == "HEAD":
                # Its headers are the whole answer, also where the body would never end.
                message, is_over = {**message, "body": b"", "more_body": False}, True
            await send(message)

        file_limit = scope[_LARGEST_FILE] = self.largest.get(scope["path"])
        limit = _body_limit(scope, file_limit)
        inner = _as_get(scope) if scope["method"] == "HEAD" else {**scope}
        inner["query_string"] = _without_marks(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if _declared_length(scope) > limit:
                status = 413
                await _too_large(scope, answer)
            else:
                await self.app(inner, _bounded(receive, limit), answer)
        finally:
            self._note(inner, scope["method"], status, time.perf_counter() - started)
            structlog.contextvars.clear_contextvars()

    def _headers(self, scope: Scope, headers: Headers, request_id: str) -> Headers:
        held = dict(headers)
        added = dict(SECURITY)
        path = scope["path"]
        if path == "/embed":
            added |= EMBED
        elif held.get(b"content-type", b"").startswith(b"text/html") or path.startswith(PRIVATE_PATHS):
            added |= PAGE
        else:
            added |= OPEN
        if self.is_secure:
            added |= SECURE
        added[b"x-request-id"] = request_id.encode()
        return [*headers, *((name, value) for name, value in added.items() if name not in held)]

    def _note(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        # A path that no route knows is anybody's text: it goes into no label and no log.
        template = getattr(scope.get("route"), "path", None) or "unknown"
        REQUESTS.labels(template, method, status).inc()
        SECONDS.labels(template).observe(seconds)
        # Why the service is unavailable is logged where it is found, once for all requests.
        write = log.info if status < 500 or status == 503 else log.error  # noqa: PLR2004
        write("request", method=method, route=template, status=status, ms=round(seconds * 1000, 1))


def common_headers(*, is_secure: bool) -> Headers:
    """Return the headers that every answer of open data has."""
    return [*SECURITY.items(), *OPEN.items(), *(SECURE.items() if is_secure else ())]


def _is_edit(scope: Scope) -> bool:
    return scope["method"] in {"POST", "PUT", "PATCH"} and _ITEMS.fullmatch(scope["path"]) is not None


def _body_limit(scope: Scope, file_limit: FileLimit | None) -> int:
    """Return how many bytes a request's body may have."""
    if file_limit is not None:
        return (file_limit.megabytes << 20) + FORM_MARGIN
    return EDIT_MB << 20 if _is_edit(scope) else SMALL_BODY


def _as_get(scope: Scope) -> Scope:
    """Return a HEAD request as GET, which routers declare alone; ranges are for GET only (RFC 9110, 14.2)."""
    return {**scope, "method": "GET", "headers": [header for header in scope["headers"] if header[0] != b"range"]}


def _without_marks(scope: Scope) -> bytes:
    """Return the query of a person's request without what social networks and mailings add to shared links.

    All other unknown parameters are refused, and these too where a program sends them.
    """
    query: bytes = scope["query_string"]
    is_person = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    return b"&".join(part for part in query.split(b"&") if not LINK_MARK.match(part)) if is_person else query


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _bounded(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            # The framework's own exception: its body parser lets no other one through.
            raise HTTPException(413)
        return message

    return bounded


def too_large_words(scope: Scope) -> tuple[str, str]:
    """Say in Vietnamese and English that a request's body is too large, and what to do where it is a file."""
    limit: FileLimit | None = scope.get(_LARGEST_FILE)
    if limit is None:
        return _ITEM_TOO_LARGE if _is_edit(scope) else _BODY_TOO_LARGE
    vi, en = (words.format(limit_mb=limit.megabytes, setting=limit.setting) for words in _FILE_TOO_LARGE)
    return vi, en


async def _too_large(scope: Scope, send: Send) -> None:
    body = orjson.dumps(
        {"type": "urn:bandoso:problem:too_large", "title": "Content Too Large", "status": 413,
         "detail": " / ".join(too_large_words(scope))}
    )  # fmt: skip
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""What a request for a tile says in its headers, and the answer that follows from it and from the tile.

An answer is two ASGI messages, so that one that lies ready costs nothing to write. The server looks at every header of
every answer: an answer has those that somebody needs, and no others.
"""

from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple

from service.web.accept import weights
from tiles.cache import Key, Tile

Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]

GZIP, IDENTITY, NONE = "gzip", "identity", ""
REVALIDATE = b"public, max-age=0, must-revalidate"
FOR_EVER = b"public, max-age=31536000, immutable"
OWN_SITE, OTHER_SITE, PROXY = "own site", "other site", "proxy"
OPEN = (b"access-control-allow-origin", b"*")

_TYPE = (b"content-type", b"application/vnd.mapbox-vector-tile")
_READABLE_ETAG = (b"access-control-expose-headers", b"ETag")
"""MapLibre of another site draws a tile anew only when its ETag has changed."""

_VARY_BY_ORIGIN = (b"vary", b"Accept-Encoding, Origin")
_VARY = (b"vary", b"Accept-Encoding")
_READ = frozenset({b"accept-encoding", b"if-none-match", b"x-forwarded-for", b"via", b"origin"})
_LEAST = 1e-6


class Asked(NamedTuple):
    """What a request's headers say.

    Attributes
    ----------
    held : bytes
        ``If-None-Match``.
    coding : str
        The content coding to answer in; `NONE` where the client takes none that there is.
    audience : str
        `PROXY` where it comes through a cache or another proxy, whose answer is for everybody; else by who asks:
        pages of the service's own (and programs), or a script of another site, which a browser says in ``Origin``.
    """

    held: bytes
    coding: str
    audience: str


class Answer(NamedTuple):
    """A tile in one coding, as it is sent: whole, or to a client that holds it."""

    etag: bytes
    whole: tuple[Message, Message]
    unchanged: tuple[Message, Message]


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, str, str]:
    """Read what a tile's answer depends on, as in `Asked`; a header that comes several times is one list."""
    held, encodings, audience = b"", None, OWN_SITE
    for name, value in headers:
        if name in _READ:
            if name == b"accept-encoding":
                encodings = value if encodings is None else encodings + b"," + value
            elif name == b"if-none-match":
                held = held + b"," + value if held else value
            elif name != b"origin":
                audience = PROXY
            elif audience != PROXY:
                audience = OTHER_SITE
    return held, IDENTITY if encodings is None else choose_coding(encodings), audience


@lru_cache(maxsize=256)
def choose_coding(encodings: bytes) -> str:
    """Choose what an ``Accept-Encoding`` likes best (RFC 9110, section 12.5.3): gzip before none of equal weight.

    Browsers send few different ones. Brotli and Zstandard are not offered: what they save of a tile is not worth the
    time, and whoever takes them takes gzip.
    """
    given = weights(encodings.decode("latin-1"))
    other = given.get("*")
    gzip = max(given.get("gzip", -1.0), given.get("x-gzip", -1.0))
    if gzip < 0:
        gzip = other or 0.0
    identity = given.get("identity", _LEAST if other is None else other)
    if gzip > 0 and gzip >= identity:
        return GZIP
    return IDENTITY if identity > 0 else NONE


def is_held(etag: bytes, held: bytes) -> bool:
    """Whether an ``If-None-Match`` names an ETag, strong or weak; within quotes it cannot be part of another."""
    return etag in held or held == b"*"


def build_answer(key: Key, tile: Tile, asked: Asked, *, etag: bytes, caching: bytes) -> Answer:
    """Write the messages of a tile."""
    shared: Headers = [(b"etag", etag), (b"cache-control", caching), *_for_audience(key, asked.audience)]
    unchanged = _messages(304, shared, b"")
    if tile.is_empty:
        return Answer(etag, _messages(204, shared, b""), unchanged)
    is_packed = asked.coding == GZIP
    body = tile.body(is_packed=is_packed)
    headers = [(b"content-length", str(len(body)).encode()), _TYPE, *shared]
    if is_packed:
        headers.append((b"content-encoding", b"gzip"))
    return Answer(etag, _messages(200, headers, body), unchanged)


def _for_audience(key: Key, audience: str) -> Headers:
    """Return what is said to a proxy, to another site, or to neither.

    A proxy is told the tags by which it can drop the tile, its layers (``addresses``) and each of them at this place
    (``addresses/14/13111/7466``), and needs no second copy for other sites.
    """
    if audience == OWN_SITE:
        return [_VARY_BY_ORIGIN]
    if audience == OTHER_SITE:
        return [_VARY_BY_ORIGIN, OPEN, _READABLE_ETAG]
    layers, (z, x, y) = key
    tags = " ".join([*layers, *(f"{layer}/{z}/{x}/{y}" for layer in layers)])
    return [_VARY, OPEN, _READABLE_ETAG, (b"surrogate-key", tags.encode())]


def _messages(status: int, headers: Headers, body: bytes) -> tuple[Message, Message]:
    start = {"type": "http.response.start", "status": status, "headers": headers}
    return start, {"type": "http.response.body", "body": body}

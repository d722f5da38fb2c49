"""What a request for a tile says in its headers, and the answer that follows from it and from the tile.

An answer lies ready as few small things, since each one that is touched for a request comes from far in the memory. The
server looks at every header of every answer: an answer has those that somebody needs, and no others.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from service.web.accept import weights
from tiles.cache import Key, Ready, Tile

Headers = tuple[tuple[bytes, bytes], ...]
Sent = tuple[int, Headers, bytes]

GZIP, IDENTITY, NONE = "gzip", "identity", ""
REVALIDATE = b"public, max-age=0, must-revalidate"
FOR_EVER = b"public, max-age=31536000, immutable"
OWN_SITE, OTHER_SITE, PROXY = "own site", "other site", "proxy"
OPEN = (b"access-control-allow-origin", b"*")

_TYPE = (b"content-type", b"application/vnd.mapbox-vector-tile")
_PACKED = (b"content-encoding", b"gzip")
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


class Answer(Ready):
    """A tile in one coding, as it is sent: whole, or to a client that holds it.

    Attributes
    ----------
    etag : bytes
    whole, unchanged : tuple
        Status, headers and body. There is no whole one where the tile's version is all that is known.
    """

    __slots__ = ("etag", "unchanged", "whole")

    def __init__(self, etag: bytes, whole: Sent | None, unchanged: Sent) -> None:
        super().__init__()
        self.etag, self.whole, self.unchanged = etag, whole, unchanged

    def for_holder_of(self, held: bytes) -> Sent | None:
        """Return what is sent to a client that holds these versions (``If-None-Match``)."""
        return self.unchanged if held and (self.etag in held or held == b"*") else self.whole


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


def build_answer(key: Key, tile: Tile, asked: Asked, *, etag: bytes, caching: bytes) -> Answer:
    """Write the answer that is made of a tile."""
    shared: Headers = ((b"etag", etag), (b"cache-control", caching), *_for_audience(key, asked.audience))
    unchanged = (304, shared, b"")
    if not tile.is_there:
        return Answer(etag, None, unchanged)
    if tile.is_empty:
        return Answer(etag, (204, shared, b""), unchanged)
    is_packed = asked.coding == GZIP
    body = tile.body(is_packed=is_packed)
    content: Headers = ((b"content-length", str(len(body)).encode()), _TYPE)
    if is_packed:
        content = (*content, _PACKED)
    return Answer(etag, (200, (*content, *shared), body), unchanged)


def _for_audience(key: Key, audience: str) -> Headers:
    """Return what is said to a proxy, to another site, or to neither.

    A proxy is told the tags by which it can drop the tile, its layers (``addresses``) and each of them at this place
    (``addresses/14/13111/7466``), and needs no second copy for other sites.
    """
    if audience == OWN_SITE:
        return (_VARY_BY_ORIGIN,)
    if audience == OTHER_SITE:
        return _VARY_BY_ORIGIN, OPEN, _READABLE_ETAG
    layers, (z, x, y) = key
    tags = " ".join([*layers, *(f"{layer}/{z}/{x}/{y}" for layer in layers)])
    return _VARY, OPEN, _READABLE_ETAG, (b"surrogate-key", tags.encode())

"""Vector tiles: a small raw-ASGI application beside FastAPI.

A tile from memory and a 304 cost a few dictionary look-ups here; the framework's own share would be three times that.
Routes: ``/tiles/{layers}/{z}/{x}/{y}.mvt`` and OGC API - Tiles
``/collections/{id}/tiles/WebMercatorQuad/{z}/{row}/{column}``.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any

import orjson
import structlog
from prometheus_client import Counter

from geodata.errors import GeodataError, ParameterError, UnknownRegisterError
from geodata.registers import discover
from service.logs import is_outage, note_outage
from service.middleware import PREFLIGHT, REQUESTS
from service.problems import MEDIA_TYPE, STATUSES, MethodError
from service.web.accept import accepted
from tiles.cache import Layers, Tile
from tiles.connections import TilesBusyError
from tiles.grid import TileAddress, parse_tile
from tiles.store import TileStore

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MAX_LAYERS = 6
FORMAT = "2"
"""Part of every ETag; raised when the same data is written as other tiles."""

PATHS = (
    re.compile(r"^/tiles/(?P<layers>[^/]+)/(?P<z>[^/]+)/(?P<x>[^/]+)/(?P<y>[^/]+)\.(?:mvt|pbf)$"),
    re.compile(r"^/collections/(?P<layers>[^/,]+)/tiles/WebMercatorQuad/(?P<z>[^/]+)/(?P<y>[^/]+)/(?P<x>[^/]+)$"),
)
_COMMON: Headers = [
    (b"content-type", b"application/vnd.mapbox-vector-tile"),
    (b"vary", b"Accept-Encoding"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
]
_PREFLIGHT: Headers = [(name.lower().encode(), value.encode()) for name, value in PREFLIGHT.items()]
_REVALIDATE = (b"cache-control", b"public, max-age=0, must-revalidate")
_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")


_PATIENCE_S = 0.05


class _ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


class TileApplication:
    """Answers requests for tiles.

    Parameters
    ----------
    store : TileStore
        Started and stopped by whoever runs the application.
    policy : str
        The publication policy: part of every ETag, since it changes what tiles may show.
    """

    def __init__(self, store: TileStore, policy: str) -> None:
        self.store = store
        self._policy = policy
        self._format = f"{FORMAT}{policy[0]}"
        self._layers: dict[str, Layers] = {}
        self._counters: dict[int, Counter] = {}

    @staticmethod
    def owns(path: str) -> re.Match[str] | None:
        """Return the parts of a path of ours, None for any other path."""
        if not path.startswith(("/tiles/", "/collections/")):
            return None
        return next((found for pattern in PATHS if (found := pattern.match(path))), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._answer(scope, receive, send)
        except GeodataError as error:
            await self._refuse(scope, send, error)
        except _ClientGoneError:
            return
        except Exception as error:
            if is_outage(error):
                note_outage(type(error).__name__)
            else:
                log.error("tile failed", kind=type(error).__name__)
            await self._refuse(scope, send, TilesBusyError())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await _send(send, 204, _PREFLIGHT, b"")
            return
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodError
        found = scope["bandoso.tile"]
        layers = self._read_layers(found["layers"])
        address = parse_tile(found["z"], found["x"], found["y"])
        version = _check_query(scope["query_string"])
        wanted, is_compressed = _conditions(scope["headers"])
        tile = self.store.cached(layers, address)
        if tile is None:
            tile = await self._fetch(layers, address, wanted, receive)
        # Only what is current now may be kept under its name: any other would stand in the place of a later one.
        caching = _FOR_EVER if version and version == self._version(layers) else _REVALIDATE
        await self._send_tile(scope, send, tile, wanted, is_compressed=is_compressed, caching=caching)

    async def _fetch(self, layers: Layers, address: TileAddress, wanted: bytes, receive: Receive) -> Tile:
        """Get a tile that is not in memory; a version that the client holds is asked for before a tile is made."""
        if wanted:
            version = await self.store.version(layers, address)
            if self._matches(wanted, version):
                return Tile(version)
        here = asyncio.current_task()
        assert here is not None
        watch = _Watch(receive, lambda: self.store.leave(layers, address, here))
        try:
            return await self.store.tile(layers, address)
        except asyncio.CancelledError:
            # Another cancellation, of the server's own, must go on.
            if watch.is_gone and here.uncancel() == 0:
                raise _ClientGoneError from None
            raise
        finally:
            watch.stop()

    def _version(self, layers: Layers) -> str:
        revisions = self.store.revisions(layers)
        return tiles_version(revisions, self._policy) if revisions is not None else ""

    def _count(self, status: int) -> None:
        counter = self._counters.get(status)
        if counter is None:
            counter = self._counters[status] = REQUESTS.labels("/tiles", "GET", status)
        counter.inc()

    def _read_layers(self, text: str) -> Layers:
        known = self._layers.get(text)
        if known is not None:
            return known
        layers = tuple(text.split(","))
        for layer in layers:
            if layer not in discover():
                raise UnknownRegisterError(register=layer[:40])
        if len(set(layers)) != len(layers) or len(layers) > MAX_LAYERS:
            raise ParameterError(
                name="layers", why_vi=f"mỗi lớp một lần, nhiều nhất {MAX_LAYERS} lớp.",
                why_en=f"each layer once, at most {MAX_LAYERS}.",
            )  # fmt: skip
        self._layers[text] = layers
        return layers

    def _etag(self, version: str, *, is_compressed: bool) -> bytes:
        return f'"{self._format}-{version}{"-gz" if is_compressed else ""}"'.encode()

    def _matches(self, wanted: bytes, version: str) -> bool:
        return wanted == b"*" or any(self._etag(version, is_compressed=form) in wanted for form in (True, False))

    async def _send_tile(
        self, scope: Scope, send: Send, tile: Tile, wanted: bytes, *, is_compressed: bool, caching: tuple[bytes, bytes]
    ) -> None:
        headers = [*_COMMON, (b"etag", self._etag(tile.version, is_compressed=is_compressed)), caching]
        if wanted and self._matches(wanted, tile.version):
            self._count(304)
            await _send(send, 304, headers, b"")
            return
        if tile.is_empty:
            self._count(204)
            await _send(send, 204, headers, b"")
            return
        self._count(200)
        body = tile.body(is_packed=is_compressed)
        if is_compressed:
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)

    async def _refuse(self, scope: Scope, send: Send, error: GeodataError) -> None:
        status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 400)
        language = dict(scope["headers"]).get(b"accept-language", b"")
        detail = error.en if language.startswith(b"en") else error.vi
        body = orjson.dumps(
            {"type": f"urn:bandoso:problem:{error.code.lower()}", "title": str(getattr(status, "phrase", "")),
             "status": int(status), "detail": detail}
        )  # fmt: skip
        headers: Headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"access-control-allow-origin", b"*"),
            (b"cache-control", b"no-store"),
        ]
        if isinstance(error, TilesBusyError):
            headers.append((b"retry-after", b"1"))
        if isinstance(error, MethodError):
            headers.append((b"allow", b"GET, HEAD"))
        self._count(int(status))
        await _send(send, int(status), headers, body)


def tiles_version(revisions: Iterable[int], policy: str) -> str:
    """Return what versioned addresses of tiles carry: the layers' revisions, the policy and the form."""
    return "-".join(format(revision, "x") for revision in revisions) + policy[0] + FORMAT


def _check_query(query: bytes) -> str:
    """Return the version that the address carries (``v=``), if any; any other parameter but ``f`` is refused."""
    given: dict[bytes, bytes] = {}
    for part in query.split(b"&") if query else ():
        name, _, value = part.partition(b"=")
        if name not in {b"v", b"f"}:
            shown = name[:40].decode("ascii", "replace")
            raise ParameterError(name=shown, why_vi="không có tham số này.", why_en="there is no such parameter.")
        if name in given:
            raise ParameterError(
                name=name.decode(), why_vi="chỉ được ghi một lần.", why_en="it may be given once only."
            )
        given[name] = value
    if given.get(b"f", b"mvt") not in {b"mvt", b"pbf"}:
        raise ParameterError(name="f", why_vi="dùng mvt.", why_en="use mvt.")
    return given.get(b"v", b"").decode("ascii", "replace")


def _conditions(headers: Headers) -> tuple[bytes, bool]:
    """Return which versions the client holds, and whether it takes gzip."""
    wanted = encodings = b""
    for name, value in headers:
        if name == b"if-none-match":
            wanted = value
        elif name == b"accept-encoding":
            encodings = value
    return wanted, _takes_gzip(encodings)


@lru_cache(maxsize=256)
def _takes_gzip(encodings: bytes) -> bool:
    """Read the header; browsers send few different ones."""
    return "gzip" in accepted(encodings.decode("latin-1"))


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Watch:
    """Looks, from a moment on after a tile was asked for, whether its client is still there.

    Most tiles are made before that, and need no task beside their own.

    Parameters
    ----------
    leave : callable
        Called once when the client has gone.
    """

    def __init__(self, receive: Receive, leave: Callable[[], None]) -> None:
        self.is_gone = False
        self._receive, self._leave = receive, leave
        self._task: asyncio.Task[None] | None = None
        self._start = asyncio.get_running_loop().call_later(_PATIENCE_S, self._look)

    def _look(self) -> None:
        self._task = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        self._leave()

    def stop(self) -> None:
        """Look no more."""
        self._start.cancel()
        if self._task is not None:
            self._task.cancel()

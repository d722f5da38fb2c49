"""Vector tiles: a small raw-ASGI application beside FastAPI.

A tile from memory and a 304 cost a few dictionary look-ups here; the framework's own share would be three times that.
Routes: ``/tiles/{layers}/{z}/{x}/{y}.mvt`` and OGC API - Tiles
``/collections/{id}/tiles/WebMercatorQuad/{z}/{row}/{column}``.
"""

import asyncio
import operator
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from functools import lru_cache, partial
from typing import Any, TypeVar

from geodata.errors import GeodataError, ParameterError, UnknownMatrixSetError, UnknownRegisterError
from geodata.registers import discover
from service.api.tile_answers import (
    FOR_EVER,
    GZIP,
    NONE,
    OPEN,
    REVALIDATE,
    Answer,
    Asked,
    Headers,
    Sent,
    build_answer,
    read_headers,
)
from service.api.tile_selection import is_selective, read_selection, select_vn2000
from service.logs import note_failure
from service.middleware import PREFLIGHT, REQUESTS
from service.problems import MethodError, name_request, write_problem
from service.request_errors import CodingError
from service.web.i18n import as_language
from tiles.cache import Key, Layers, Tile
from tiles.connections import TilesBusyError
from tiles.flights import current_task
from tiles.grid import OGC_NAMES, TileAddress, parse_tile
from tiles.matrix_sets import MATRIX_SETS, VN2000_QUAD
from tiles.selection import Selection, TileSelections
from tiles.store import TileStore

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Made = TypeVar("Made", Tile, Answer)

MAX_LAYERS = 8
FORMAT = "3"
"""Part of every ETag; raised when the same data is written as other tiles."""

PATHS = (
    re.compile(r"^/tiles/(?P<layers>[^/]+)/(?P<z>[^/]+)/(?P<x>[^/]+)/(?P<y>[^/]+)\.(?:mvt|pbf)\Z"),
    re.compile(
        r"^/collections/(?P<layers>[^/,]+)/tiles/(?P<set>[^/]+)"
        r"/(?P<z>[^/]+)/(?P<y>[^/]+)/(?P<x>[^/]+)\Z"
    ),
)
_REVISIONS = re.compile(r"[0-9a-f]{1,15}(?:-[0-9a-f]{1,15})*")
_LATEST_NEWS_S = 0.5
"""By then news of a revision has come to every process."""

_COUNTED_WITHIN_S = 1.0
"""Figures for Prometheus cost more than the answer when each request writes them."""

_ASKED = "bandoso.asked"
"""Key of a request's scope: what was read of its headers."""

_PREFLIGHT: Headers = tuple((name.lower().encode(), value.encode()) for name, value in PREFLIGHT.items())
_PATIENCE_S = 0.05
"""How long after a tile was asked for its client begins to be watched."""


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
    selections : TileSelections
        Makes tiles of chosen records or fields; started and stopped as the store is.
    """

    def __init__(self, store: TileStore, policy: str, selections: TileSelections) -> None:
        self.store = store
        self.selections = selections
        self._policy = policy
        self._format = f"{FORMAT}{policy[0]}"
        self._layers: dict[str, Layers] = {}
        self._uncounted: defaultdict[int, int] = defaultdict(int)

    @staticmethod
    def owns(path: str) -> re.Match[str] | None:
        """Return the parts of a path of ours, None for any other path."""
        if not path.startswith(("/tiles/", "/collections/")):
            return None
        return next((found for pattern in PATHS if (found := pattern.match(path))), None)

    def find_ready(self, scope: Scope) -> Sent | None:
        """Return status, headers and body where an answer lies ready; None where `__call__` must make it."""
        if scope["method"] != "GET":
            return None
        held, coding, audience = scope[_ASKED] = read_headers(scope["headers"])
        answer: Answer | None = self.store.answer((scope["path"], scope["query_string"], coding, audience))
        if answer is None:
            return None
        sent = answer.for_holder_of(held)
        if sent is not None:
            self._count(sent[0])
        return sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._answer(scope, receive, send)
        except GeodataError as error:
            await self._refuse(scope, send, error)
        except _ClientGoneError:
            return
        except Exception as error:
            note_failure("tile failed", error, request_id=name_request(scope))
            await self._refuse(scope, send, TilesBusyError())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await reply(send, 204, _PREFLIGHT, b"")
            return
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodError
        found = scope["bandoso.tile"]
        layers = self._read_layers(found["layers"])
        key = layers, _read_place(found)
        chosen = _read_choice(found, scope["query_string"], key)
        if chosen is not None:
            await self._answer_selection(scope, receive, send, key, chosen)
            return
        version = _check_query(scope["query_string"])
        asked = _read_asked(scope)
        if asked.coding == NONE:
            raise CodingError
        if version:
            await self._hear_of(layers, version)
        # Only what is current before the tile is sought may be kept under its name: else an older tile might stay there.
        current = self._version(layers)
        caching = FOR_EVER if version and version == current else REVALIDATE
        tile = self.store.cached(*key, is_packed=asked.coding == GZIP)
        answer = tile and self._build(key, tile, asked, caching)
        sent = answer and answer.for_holder_of(asked.held)
        if answer and version in {"", current}:
            name = (scope["path"], scope["query_string"], asked.coding, asked.audience)
            self.store.cache.keep_answer(key, name, answer)
        if not sent:
            here = current_task()
            answer = await _watched(receive, self._fetch(key, asked, caching), lambda: self.store.leave(key, here))
            sent = answer.for_holder_of(asked.held)
        assert sent is not None
        status, headers, body = sent
        self._count(status)
        await reply(send, status, headers, b"" if scope["method"] == "HEAD" else body)

    def _build(self, key: Key, tile: Tile, asked: Asked, caching: bytes) -> Answer:
        etag = f'"{self._format}-{tile.version}{"-gz" if asked.coding == GZIP else ""}"'.encode()
        return build_answer(key, tile, asked, etag=etag, caching=caching)

    async def _fetch(self, key: Key, asked: Asked, caching: bytes) -> Answer:
        """Answer of what is not in memory; a version that the client holds is asked for before a tile is made."""
        if asked.held:
            answer = self._build(key, Tile(await self.store.version(*key)), asked, caching)
            if answer.for_holder_of(asked.held):
                return answer
        return self._build(key, await self.store.tile(*key), asked, caching)

    async def _answer_selection(
        self, scope: Scope, receive: Receive, send: Send, key: Key, chosen: tuple[Selection, str]
    ) -> None:
        """Answer a request that chooses records or fields."""
        (layers, address), (selection, version) = key, chosen
        asked = _read_asked(scope)
        if asked.coding == NONE:
            raise CodingError
        is_current = version and version == self._version(layers) and not selection.changes_by_day
        caching = FOR_EVER if is_current else REVALIDATE
        sent, revisions = None, self.store.revisions(layers)
        if asked.held and revisions:
            held = self._build(key, Tile(selection.version(self.store.mark, revisions[0])), asked, caching)
            sent = held.for_holder_of(asked.held)
        if not sent:
            here = current_task()
            making, leave = (
                self.selections.tile(selection, address),
                partial(self.selections.leave, selection, address, here),
            )
            tile = await _watched(receive, making, leave)
            sent = self._build(key, tile, asked, caching).for_holder_of(asked.held)
        assert sent is not None
        status, headers, body = sent
        self._count(status)
        await reply(send, status, headers, b"" if scope["method"] == "HEAD" else body)

    async def _hear_of(self, layers: Layers, version: str) -> None:
        """Wait a moment for news that another process had first: it named a version that this one does not know yet."""
        named = read_version(version, self._policy, self.store.mark)
        if version == self._version(layers) or named is None:
            return
        until = time.monotonic() + _LATEST_NEWS_S
        while (known := self.store.revisions(layers)) and time.monotonic() < until:
            if len(named) != len(known) or all(map(operator.le, named, known)):
                return
            await asyncio.sleep(_LATEST_NEWS_S / 50)

    def _version(self, layers: Layers) -> str:
        revisions = self.store.revisions(layers)
        return _same_version(tuple(revisions), self._policy, self.store.mark) if revisions is not None else ""

    def _count(self, status: int) -> None:
        if not self._uncounted:
            asyncio.get_running_loop().call_later(_COUNTED_WITHIN_S, self._report_counts)
        self._uncounted[status] += 1

    def _report_counts(self) -> None:
        for status, number in self._uncounted.items():
            REQUESTS.labels("/tiles", "GET", status).inc(number)
        self._uncounted.clear()

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

    async def _refuse(self, scope: Scope, send: Send, error: GeodataError) -> None:
        status, shared, body = write_problem(scope, error, "/tiles")
        headers: Headers = (*shared, OPEN)
        if isinstance(error, TilesBusyError):
            headers = (*headers, (b"retry-after", b"1"))
        if isinstance(error, MethodError):
            headers = (*headers, (b"allow", b"GET, HEAD"))
        self._count(status.value)
        await reply(send, status.value, headers, body)


def tiles_version(revisions: Iterable[int], policy: str, mark: str) -> str:
    """Return what versioned addresses of tiles carry: the layers' revisions, the policy, the form, and the database's mark."""
    return "-".join(format(revision, "x") for revision in revisions) + _form(policy, mark)


_same_version = lru_cache(maxsize=256)(tiles_version)
"""`tiles_version` of what it was asked before, as it is for one request after the other."""


def read_version(version: str, policy: str, mark: str) -> list[int] | None:
    """Return the revisions that a version names; None of one of another policy, form or database."""
    form = _form(policy, mark)
    revisions = version.removesuffix(form)
    if not version.endswith(form) or not _REVISIONS.fullmatch(revisions):
        return None
    return [int(number, 16) for number in revisions.split("-")]


def _form(policy: str, mark: str) -> str:
    return f"{policy[0]}{FORMAT}-{mark}"


def _check_query(query: bytes) -> str:
    """Return the version that the address carries (``v=``), if any; any parameter beside ``f`` and ``lang`` is refused."""
    if not query:
        return ""
    given: dict[bytes, bytes] = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name not in {b"v", b"f", b"lang"}:
            shown = name[:40].decode("ascii", "replace")
            raise ParameterError(name=shown, why_vi="không có tham số này.", why_en="there is no such parameter.")
        if name in given:
            raise ParameterError(
                name=name.decode(), why_vi="chỉ được ghi một lần.", why_en="it may be given once only."
            )
        given[name] = value
    if given.get(b"f", b"mvt") not in {b"mvt", b"pbf"}:
        raise ParameterError(name="f", why_vi="dùng mvt.", why_en="use mvt.")
    if b"lang" in given and as_language(given[b"lang"].decode("ascii", "replace")) is None:
        raise ParameterError(name="lang", why_vi="dùng vi hoặc en.", why_en="use vi or en.")
    return given.get(b"v", b"").decode("ascii", "replace")


def _read_asked(scope: Scope) -> Asked:
    """Read the headers, if that has not been done."""
    return Asked(*(scope.get(_ASKED) or read_headers(scope["headers"])))


def _read_place(found: re.Match[str]) -> TileAddress:
    """Read the place of a tile; OGC API - Tiles has names of its own for its parts."""
    place = found["z"], found["x"], found["y"]
    if found.re is not PATHS[-1]:
        return parse_tile(*place)
    if found["set"] not in MATRIX_SETS:
        raise UnknownMatrixSetError(name=found["set"][:40], known=", ".join(MATRIX_SETS))
    return parse_tile(*place, names=OGC_NAMES)


def _read_choice(found: re.Match[str], query: bytes, key: Key) -> tuple[Selection, str] | None:
    """Read what is not for the plain tile: records, fields or another matrix set, and the version asked for."""
    if found.re is PATHS[-1] and found["set"] == VN2000_QUAD.id:
        return select_vn2000(*key), _check_query(query)
    return read_selection(query, key[0]) if is_selective(query) else None


async def reply(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send an answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _watched(receive: Receive, making: Coroutine[Any, Any, Made], leave: Callable[[], Any]) -> Made:
    """Make something as long as the client is there; ``leave`` ends it."""
    watch = _Watch(receive, leave)
    try:
        return await making
    except asyncio.CancelledError:
        # Another cancellation, of the server's own, must go on.
        if watch.is_gone and current_task().uncancel() == 0:
            raise _ClientGoneError from None
        raise
    finally:
        watch.stop()


class _Watch:
    """Looks, from a moment on after a tile was asked for, whether its client is still there.

    Most tiles are made before that, and need no task beside their own.

    Parameters
    ----------
    leave : callable
        Called once when the client has gone.
    """

    def __init__(self, receive: Receive, leave: Callable[[], Any]) -> None:
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

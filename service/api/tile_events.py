"""News of changed tiles for open maps, as server-sent events: ``/tiles/{layers}/events``. Raw ASGI, beside the tiles.

A listener is two small tasks: no thread, no connection to the database, no buffer. All read one short log, each from
its own place; who falls behind its end is let go and comes again with the versions that it knows.
"""

import asyncio
import random
import re
import resource
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from urllib.parse import parse_qsl

import orjson

from geodata.errors import GeodataError, ParameterError, UnknownRegisterError
from geodata.registers import discover
from service.api.tiles import Receive, Scope, Send, read_version, tiles_version
from service.logs import note_failure
from service.middleware import OPEN, PREFLIGHT, REQUESTS, SECURITY
from service.problems import (
    RETRY_AFTER_S,
    MethodError,
    TileListenersBusyError,
    TileListenersLimitError,
    name_request,
    write_problem,
)
from service.web.i18n import as_language
from tiles.cache import Layers
from tiles.changes import EVERYTHING, Changes
from tiles.connections import TilesBusyError
from tiles.store import TileStore

PATH = re.compile(r"^/tiles/([^/]+)/events$")
ROUTE = "/tiles/{layers}/events"
MAX_OF_ADDRESS = 200
"""Listeners of one address: a whole office may be behind it."""

KEEP_ALIVE_S = 20.0
PATIENCE_S = 30.0
"""Who takes nothing for so long is let go."""

ENDING_S = 1.0
"""The same when the process ends."""

LONGEST_S = 3600.0
"""Then the client comes again, maybe to a process that has fewer."""

LOGGED = 64
Headers = list[tuple[bytes, bytes]]

KEPT_ANSWERS = 256
_RETRY_MS = (3_000, 8_000)
"""Apart from each other, else all would come back at once after a restart."""

_SPREAD = random.Random()  # noqa: S311  # nothing secret: who comes back when
_SHARED: Headers = [(name, value) for name, value in (SECURITY | OPEN).items() if name != b"permissions-policy"]
_STREAM: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    *_SHARED,
]


@dataclass(frozen=True, slots=True)
class _News:
    layer: str
    revision: int
    data: bytes


@dataclass(slots=True)
class _Listener:
    """One open map: the database it follows, the revisions that it knows, and how many of the news it has had."""

    mark: str
    known: dict[str, int]
    had: int


class TileEvents:
    """Answers requests for news of changed tiles.

    Parameters
    ----------
    store : TileStore
        Tells of changes; started and stopped by whoever runs the application.
    policy : str
        The publication policy, part of every version.
    most : int
        Listeners at once.
    """

    def __init__(self, store: TileStore, policy: str, most: int) -> None:
        self._store, self._policy = store, policy
        # Each listener is an open file; the other half is for everything else.
        self._most = min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._followers: Counter[str] = Counter()
        self._open = 0
        self._writing: set[asyncio.Task[None]] = set()
        self._log: deque[_News] = deque(maxlen=LOGGED)
        self._logged = 0
        self._more = asyncio.Event()
        self._answers: dict[tuple[str, int, int], asyncio.Task[bytes]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_ending = False
        store.on_change.append(self._note)
        store.on_other_database.append(self._begin_anew)

    @staticmethod
    def owns(path: str) -> bool:
        """Whether a path is one of ours."""
        return path.endswith("/events") and PATH.match(path) is not None

    def end(self) -> None:
        """End all streams: the server would wait for them until its patience does. May be called by a signal."""
        self.is_ending = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is over already
                self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        self._wake()
        for writing in self._writing:
            asyncio.get_running_loop().call_later(ENDING_S, writing.cancel)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._answer(scope, receive, send)
        except GeodataError as error:
            await _refuse(scope, send, error)
        except Exception as error:
            note_failure("news of tiles failed", error, request_id=name_request(scope))
            await _refuse(scope, send, TilesBusyError())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            headers = [(name.lower().encode(), value.encode()) for name, value in PREFLIGHT.items()]
            await _send_whole(send, HTTPStatus.NO_CONTENT, headers, b"")
            return
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodError
        layers = _read_layers(scope["path"])
        since = self._read_since(scope, layers)
        if scope["method"] == "HEAD":
            await _send_whole(send, HTTPStatus.OK, _STREAM, b"")
            return
        with self._place(scope["client"][0] if scope.get("client") else ""):
            await self._serve(layers, since, receive, send)

    async def _serve(self, layers: Layers, since: Mapping[str, int | None], receive: Receive, send: Send) -> None:
        revisions, mark = self._store.revisions(layers), self._store.told_of
        if revisions is None:
            raise TilesBusyError
        self._loop = asyncio.get_running_loop()
        now = dict(zip(layers, revisions, strict=True))
        # A client may know more than this process has heard of yet.
        known = {layer: max(revision, since.get(layer) or 0) for layer, revision in now.items()}
        listener = _Listener(mark, known, self._logged)
        # What was missed is looked up before the answer begins: a refusal must be an answer of its own.
        missed = [await self._missed(layer, since[layer], now[layer]) for layer in layers if layer in since]
        REQUESTS.labels(ROUTE, "GET", HTTPStatus.OK.value).inc()
        await self._follow(asyncio.create_task(self._write(listener, b"".join(missed), send)), receive)

    async def _follow(self, writing: "asyncio.Task[None]", receive: Receive) -> None:
        leaving = asyncio.create_task(_disconnected(receive))
        self._writing.add(writing)
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._writing.discard(writing)
            leaving.cancel()
            writing.cancel()
            # Who took nothing for too long is let go without a word.
            with suppress(asyncio.CancelledError, TimeoutError, OSError):
                await writing

    async def _write(self, listener: _Listener, missed: bytes, send: Send) -> None:
        await send({"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": _STREAM})
        head = b"retry: %d\n%bid: %b\n\n" % (_SPREAD.randint(*_RETRY_MS), missed, self._name(listener))
        await _send_part(send, head)
        async for part in self._parts(listener):
            await _send_part(send, part)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _parts(self, listener: _Listener) -> AsyncIterator[bytes]:
        """Yield what the listener is sent until it has to go."""
        until = time.monotonic() + LONGEST_S * _SPREAD.uniform(0.9, 1.1)
        while not self.is_ending and listener.mark == self._store.told_of and time.monotonic() < until:
            unread = self._logged - listener.had
            if unread > len(self._log):
                return
            if unread:
                news = list(islice(self._log, len(self._log) - unread, None))
                listener.had = self._logged
                yield b"".join(self._told(listener, item) for item in news)
            elif not await self._is_more():
                yield b":\n\n"

    async def _is_more(self) -> bool:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                await self._more.wait()
        except TimeoutError:
            return False
        return True

    def _told(self, listener: _Listener, news: _News) -> bytes:
        if listener.known.get(news.layer, news.revision) >= news.revision:
            return b""
        listener.known[news.layer] = news.revision
        return _event(news.data) + b"id: %b\n\n" % self._name(listener)

    def _note(self, layer: str, revision: int, changes: Changes) -> None:
        self._log.append(_News(layer, revision, self._data(layer, revision, changes)))
        self._logged += 1
        self._wake()

    def _begin_anew(self) -> None:
        """Let go who follows another database than the present one: it comes again, and is told that all may have changed."""
        self._answers.clear()
        self._wake()

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()

    async def _missed(self, layer: str, since: int | None, revision: int) -> bytes:
        """Return the event of what a client missed, nothing where it missed nothing; same questions are asked once."""
        if since is None:
            return _event(self._data(layer, revision, EVERYTHING)) + b"\n"
        if since >= revision:
            return b""
        key = (layer, since, revision)
        answer = self._answers.get(key)
        if answer is None or (answer.done() and (answer.cancelled() or answer.exception())):
            if len(self._answers) >= KEPT_ANSWERS:
                self._answers.clear()
            answer = self._answers[key] = asyncio.create_task(self._look_up(layer, since, revision))
        return _event(await asyncio.shield(answer)) + b"\n"

    async def _look_up(self, layer: str, since: int, revision: int) -> bytes:
        return self._data(layer, revision, await self._store.changes_since(layer, since))

    def _data(self, layer: str, revision: int, changes: Changes) -> bytes:
        version = tiles_version([revision], self._policy, self._store.told_of)
        return orjson.dumps({"layer": layer, "revision": revision, "version": version, **changes.as_dict()})

    def _name(self, listener: _Listener) -> bytes:
        known = listener.known.values()
        return ",".join(tiles_version([revision], self._policy, listener.mark) for revision in known).encode()

    def _read_since(self, scope: Scope, layers: Layers) -> dict[str, int | None]:
        """Return the revision of each layer that the client has; None where it has none that can be compared."""
        given = _read_query(scope["query_string"])
        resumed = next((value for name, value in scope["headers"] if name == b"last-event-id"), b"").decode("latin-1")
        text = resumed or given
        if not text:
            return {}
        versions = text.split(",")
        if len(versions) != len(layers):
            if not resumed:
                raise _since_error(len(layers))
            versions = [""] * len(layers)
        return dict(zip(layers, map(self._revision, versions), strict=True))

    def _revision(self, version: str) -> int | None:
        revisions = read_version(version, self._policy, self._store.told_of)
        return revisions[0] if revisions is not None and len(revisions) == 1 else None

    @contextmanager
    def _place(self, address: str) -> Iterator[None]:
        if self._open >= self._most:
            raise TileListenersBusyError
        if self._followers[address] >= MAX_OF_ADDRESS:
            raise TileListenersLimitError
        self._open += 1
        self._followers[address] += 1
        try:
            yield
        finally:
            self._open -= 1
            self._followers[address] -= 1
            if not self._followers[address]:
                del self._followers[address]


def _read_layers(path: str) -> Layers:
    """Read the layers of an address: of any number, each once.

    Raises
    ------
    UnknownRegisterError, ParameterError
    """
    found = PATH.match(path)
    assert found is not None
    layers = tuple(found[1].split(","))
    for layer in layers:
        if layer not in discover():
            raise UnknownRegisterError(register=layer[:40])
    if len(set(layers)) != len(layers):
        raise ParameterError(name="layers", why_vi="mỗi lớp chỉ được ghi một lần.", why_en="each layer once.")
    return layers


def _read_query(query: bytes) -> str:
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "lang" and as_language(value) is None:
            raise ParameterError(name=name, why_vi="dùng vi hoặc en.", why_en="use vi or en.")
        if name not in {"since", "lang"}:
            raise ParameterError(name=name[:40], why_vi="không có tham số này.", why_en="there is no such parameter.")
        if name in given:
            raise ParameterError(name=name, why_vi="chỉ được ghi một lần.", why_en="it may be given once only.")
        given[name] = value
    return given.get("since", "")


def _since_error(count: int) -> ParameterError:
    return ParameterError(
        name="since", why_vi=f"cần {count} phiên bản, cách nhau bằng dấu phẩy.", why_en=f"{count} versions, comma separated.",
    )  # fmt: skip


def _event(data: bytes) -> bytes:
    return b"event: tiles\ndata: %b\n" % data


async def _send_part(send: Send, part: bytes) -> None:
    if part:
        async with asyncio.timeout(PATIENCE_S):
            await send({"type": "http.response.body", "body": part, "more_body": True})


async def _refuse(scope: Scope, send: Send, error: GeodataError) -> None:
    status, shared, body = write_problem(scope, error, ROUTE)
    headers = [*_SHARED, *shared]
    if status in RETRY_AFTER_S:
        headers.append((b"retry-after", RETRY_AFTER_S[status].encode()))
    if isinstance(error, MethodError):
        headers.append((b"allow", b"GET, HEAD"))
    REQUESTS.labels(ROUTE, "GET", status.value).inc()
    await _send_whole(send, status, headers, body)


async def _send_whole(send: Send, status: HTTPStatus, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

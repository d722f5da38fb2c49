"""Items of dense registers that are written out already: pages in a box, pages by cursor, single ones.

They are what programs ask for most. Answered here they cost one statement on the event loop, in place of six in a thread, and
pass none of the framework's layers, each of which costs a third of the whole; the answers are byte for byte those of
`service.api.items`, which takes every request that is not as plain. They are counted as all are, but have no line in the log.
"""

import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import SimpleNamespace
from typing import Any, Final

import asyncpg
from fastapi import FastAPI, Request

from geodata.errors import GeodataError
from geodata.features import EXACT_COUNT_UP_TO
from geodata.quick_pages import SIDES, feature_statement, page_statement, state_statement
from geodata.register import Register
from geodata.registers import discover
from geodata.written import is_kept
from service.api.forms import GEOJSON, is_unchanged, unchanged_headers
from service.api.item_forms import PLAIN
from service.api.item_page import ItemPage
from service.api.items_page import ItemsPage, PageEnd
from service.api.kept_pages import KeptPage, KeptPages
from service.compression import LEAST_BYTES, compress, pick_coding
from service.middleware import REQUESTS, SECONDS, Headers, Scope, Send, common_headers
from service.settings import ServiceSettings
from tiles.connections import Connections

MEGABYTE = 1 << 20
_ITEM_PAGES = 256
_LIST = re.compile(r"/collections/([a-z_]+)/items\Z")
_ITEM = re.compile(r"/collections/([a-z_]+)/items/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z")
_ROUTES: Final = {
    _LIST: "/collections/{collectionId}/items",
    _ITEM: "/collections/{collectionId}/items/{featureId}",
}
_TOLD = frozenset((b"host", b"accept", b"accept-encoding"))
_PLAIN: Final = {_LIST: frozenset({"bbox", "limit", "cursor", "f"}), _ITEM: frozenset({"f"})}


@dataclass(frozen=True, slots=True)
class _Answer:
    """Headers of its own, and a body; None where the client holds it."""

    headers: dict[str, str]
    body: bytes | None


class QuickItems:
    """Answers plain requests for items.

    Parameters
    ----------
    api : FastAPI
        With the state that its routes have.
    connections : Connections
        Of the public role.
    settings : ServiceSettings
    """

    def __init__(self, api: FastAPI, connections: Connections, settings: ServiceSettings) -> None:
        self._api, self._connections, self._hosts = api, connections, tuple(settings.hosts)
        self._pages = KeptPages(settings.item_cache_mb * MEGABYTE)
        self._item_pages: dict[tuple[object, ...], ItemPage] = {}
        self._common = common_headers(is_secure=settings.env == "production")
        self._kept = {register.id: register for register in discover().values() if is_kept(register)}

    async def answer(self, scope: Scope, send: Send) -> bool:
        """Answer a request; False where another has to."""
        if scope["method"] != "GET" or not scope["path"].startswith("/collections/"):
            return False
        for pattern, route in _ROUTES.items():
            found = pattern.match(scope["path"])
            if found is not None:
                started = time.perf_counter()
                request = Request({**scope, "app": self._api})
                answer = await self._find(request, pattern, *found.groups())
                if answer is not None:
                    await self._send(answer, route, send)
                    SECONDS.labels(route).observe(time.perf_counter() - started)
                return answer is not None
        return False

    async def _send(self, answer: _Answer, route: str, send: Send) -> None:
        status = 304 if answer.body is None else 200
        headers: Headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        headers += [*self._common, (b"x-request-id", os.urandom(16).hex().encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body or b""})
        REQUESTS.labels(route, "GET", status).inc()

    async def _find(
        self, request: Request, pattern: re.Pattern[str], register_id: str, feature_id: str = ""
    ) -> _Answer | None:
        """Return the answer; None where another has to make it."""
        register = self._kept.get(register_id)
        is_plain = not request.scope["query_string"] or request.query_params.keys() <= _PLAIN[pattern]
        is_known = is_plain and _is_host(request.headers.get("host", ""), self._hosts)
        if register is None or not is_known or not self._api.state.tiles.is_at_home():
            return None
        try:
            return await (self._item(request, register, feature_id) if feature_id else self._list(request, register))
        except (GeodataError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            # Said again, and told, where all errors are.
            return None

    async def _item(self, request: Request, register: Register, feature_id: str) -> _Answer | None:
        page, store = self._item_page(request, register), self._api.state.tiles
        if page.form is not PLAIN:
            return None
        mark, statement = store.mark, feature_statement(register)
        found = await self._connections.find(statement.sql, *statement.values({"uuid": feature_id}))
        if found is None or found["feature"] is None or store.steady(mark) != mark:
            return None
        row = SimpleNamespace(**found)
        etag = page.etag(row, mark, row.policy, None)
        if is_unchanged(request, etag, page.dated(row)):
            return _unchanged(etag, page.vary)
        headers, body = page.written(row, etag)
        return await _coded(request, headers, b"".join(body))

    def _item_page(self, request: Request, register: Register) -> ItemPage:
        """Return what is the same for all records of a register, asked for in the same way."""
        name = (register.id, *_name(request)[1:])
        page = self._item_pages.get(name)
        if page is None:
            if len(self._item_pages) == _ITEM_PAGES:
                self._item_pages.clear()
            page = self._item_pages[name] = ItemPage(request, register, "")
        return page

    async def _list(self, request: Request, register: Register) -> _Answer | None:
        return await self._again(request, register) or await self._anew(request, register)

    async def _again(self, request: Request, register: Register) -> _Answer | None:
        """Return a page that was given before, where the register is as it was."""
        held = self._pages.find(_name(request))
        if held is None:
            return None
        mark, statement = self._api.state.tiles.mark, state_statement(register)
        now = await self._connections.fetchrow(statement.sql, *statement.values({}))
        if (now["revision"], now["policy"], self._api.state.tiles.steady(mark)) != held.state:
            return None
        etag, vary = held.headers["ETag"], held.headers["Vary"]
        if is_unchanged(request, etag, held.dated):
            return _Answer(unchanged_headers(etag, vary), None)
        return _Answer(held.headers, held.body)

    async def _anew(self, request: Request, register: Register) -> _Answer | None:
        page = ItemsPage(request, register, self._api.state.settings, None)
        is_plain = page.asked.form is PLAIN and len(page.asked.query.boxes) <= 1
        return await self._read(request, page, register) if is_plain else None

    async def _read(self, request: Request, page: ItemsPage, register: Register) -> _Answer | None:
        query, store = page.asked.query, self._api.state.tiles
        mark = store.mark
        statement = page_statement(register, has_box=bool(query.boxes))
        given: dict[str, float] = {"after": query.after, "limit": query.limit}
        if query.boxes:
            given |= zip(SIDES, query.boxes[0], strict=True)
        rows = await self._connections.fetch(statement.sql, *statement.values(given))
        # There is none before the register's first revision.
        row = rows[0] if rows else None
        if row is None or not row["is_written"] or sum(one["written"] for one in rows) < row["returned"]:
            return None
        if (row["matched"] or 0) > EXACT_COUNT_UP_TO or store.steady(mark) != mark:
            return None
        counts = self._counts(register, query.after, mark, row)
        if counts is None:
            return None
        etag = page.etag(row["revision"], mark, row["policy"], None)
        if is_unchanged(request, etag, page.dated(row["published_at"])):
            return _unchanged(etag, page.vary)
        end = PageEnd(row["returned"], row["last_id"] if row["is_more"] else None)
        headers, opening, closing = page.frame(end, counts, row["published_at"], etag)
        features = (part for one in rows if one["features"] is not None for part in (b",", one["features"]))
        answer = await _coded(request, headers, b"".join((opening, *islice(features, 1, None), closing)))
        dated = page.dated(row["published_at"])
        if dated is not None and "Last-Modified" in headers:
            state = row["revision"], row["policy"], mark
            self._pages.keep(_name(request), KeptPage(state, dated, answer.headers, answer.body or b""))
        return answer

    def _counts(self, register: Register, after: int, mark: str, row: Any) -> dict[str, int] | None:
        """Return how many match in all, on first pages; None where that is still to be counted."""
        if after:
            return {}
        if row["matched"] is not None:
            return {"numberMatched": row["matched"]}
        total = self._api.state.catalogue.known_total(register, row["revision"], row["policy"], mark)
        return None if total is None else {"numberMatched": total}


def _name(request: Request) -> tuple[object, ...]:
    """Return all of a request on which an answer depends, but for the register's state and what the client holds."""
    told = tuple(pair for pair in request.scope["headers"] if pair[0] in _TOLD)
    return request.scope["path"], request.scope["query_string"], request.scope["scheme"], told


def _unchanged(etag: str, vary: str) -> _Answer:
    return _Answer(unchanged_headers(etag, _with_coding(vary)), None)


def _with_coding(vary: str) -> str:
    return f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"


async def _coded(request: Request, headers: dict[str, str], body: bytes) -> _Answer:
    """Return an answer in the coding that the client likes, as `service.compression` would give it."""
    told = dict(headers)
    coding = pick_coding(request.headers.get("accept-encoding", ""))
    if coding is not None and len(body) >= LEAST_BYTES:
        body = await compress(coding, body)
        told["Content-Encoding"] = coding
    told |= {"Vary": _with_coding(told.get("Vary", "")), "Content-Type": GEOJSON}
    return _Answer(told | {"Content-Length": str(len(body))}, body)


@lru_cache(maxsize=256)
def _is_host(host: str, patterns: tuple[str, ...]) -> bool:
    """Whether the service may be asked by this name; what is not sure of it others refuse."""
    name = host.partition(":")[0]
    return any(name == one or (one.startswith("*") and name.endswith(one[1:])) for one in patterns)

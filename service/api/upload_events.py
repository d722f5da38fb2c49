"""The progress of an upload as server-sent events: one look at the database a second, however many people follow."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from geodata.db import Actor, Database
from geodata.ops import Upload
from service.api.parameters import only
from service.api.uploads import PRIVATE, describe, find_upload
from service.auth.policy import Officer
from service.deps import DatabaseDep
from service.logs import note_failure
from service.problems import StreamsBusyError

router = APIRouter(tags=["Uploads"])

POLL_S = 1.0
KEEP_ALIVE_S = 15.0
RETRY_MS = 2000
LONGEST_S = 600.0
"""Then the client comes again, and has to show once more that it may."""

MAX_STREAMS = 200
MAX_STREAMS_OF_ACCOUNT = 10
AT_WORK = frozenset({"received", "reading", "validating", "publishing"})
"""States that change by themselves; in any other one there is nothing to follow."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An upload as it was last seen: what is told of it, and a name for just that."""

    content: bytes
    name: str
    is_at_work: bool


class UploadWatch:
    """Looks at all uploads that are followed in this process, together and once a second.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followed: Counter[UUID] = Counter()
        self._followers: Counter[str] = Counter()
        self._sights: Mapping[UUID, Sight] = {}
        self._looked = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self.is_ending = False

    def end(self) -> None:
        """End the streams: the server would wait for them until its patience does."""
        self.is_ending = True

    @contextmanager
    def place(self, upload_id: UUID, username: str) -> Iterator[None]:
        """Hold one of the places for streams.

        Raises
        ------
        StreamsBusyError
        """
        if self._followed.total() >= MAX_STREAMS or self._followers[username] >= MAX_STREAMS_OF_ACCOUNT:
            raise StreamsBusyError
        self._followed[upload_id] += 1
        self._followers[username] += 1
        try:
            yield
        finally:
            self._followed -= Counter({upload_id: 1})
            self._followers -= Counter({username: 1})

    async def next(self, upload_id: UUID) -> Sight | None:
        """Wait for the next look; None where it failed or the upload is not there."""
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        await self._looked.wait()
        return self._sights.get(upload_id)

    async def _watch(self) -> None:
        while self._followed:
            try:
                self._sights = await run_in_threadpool(self._look, list(self._followed))
            except Exception as error:
                self._sights = {}
                note_failure("uploads could not be watched", error)
            looked, self._looked = self._looked, asyncio.Event()
            looked.set()
            await asyncio.sleep(POLL_S)

    def _look(self, upload_ids: Collection[UUID]) -> dict[UUID, Sight]:
        statement = select(Upload.__table__).where(Upload.id.in_(upload_ids))
        with self._database.staff(Actor("events", communes=None)) as connection:
            rows = connection.execute(statement).all()
        sights = {}
        for row in rows:
            content = orjson.dumps(describe(row, {}, with_report=False))
            name = hashlib.sha256(content).hexdigest()[:16]
            sights[row.id] = Sight(content, name, row.state in AT_WORK)
        return sights


@router.get("/uploads/{uploadId}/events", summary="Progress of an upload as it happens")
async def events(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Stream ``progress`` events and, when there is nothing more to wait for, one ``end``."""
    only(request)

    def find() -> UUID:
        with database.staff(principal.actor) as connection:
            found: UUID = find_upload(connection, request, principal).id
            return found

    upload_id = await run_in_threadpool(find)
    stream = _stream(request.app.state.watch, upload_id, principal.username, request.headers.get("last-event-id"))
    # The first part is taken here: a refusal must be an answer of its own.
    first = await anext(stream)
    headers = {**PRIVATE, "X-Accel-Buffering": "no"}
    return StreamingResponse(_after(first, stream), media_type="text/event-stream", headers=headers)


async def _after(first: bytes, stream: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(stream):
        yield first
        async for part in stream:
            yield part


async def _stream(watch: UploadWatch, upload_id: UUID, username: str, known: str | None) -> AsyncGenerator[bytes]:
    """Yield what the client is sent; ``known`` names the event that it has had already."""
    with watch.place(upload_id, username):
        yield b"retry: %d\n\n" % RETRY_MS
        until, silent_since = time.monotonic() + LONGEST_S, time.monotonic()
        while time.monotonic() < until and not watch.is_ending:
            sight = await watch.next(upload_id)
            if sight is not None and not sight.is_at_work:
                yield _event("end", sight)
                return
            if sight is not None and sight.name != known:
                known, silent_since = sight.name, time.monotonic()
                yield _event("progress", sight)
            elif time.monotonic() - silent_since >= KEEP_ALIVE_S:
                silent_since = time.monotonic()
                yield b":\n\n"


def _event(kind: str, sight: Sight) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), sight.name.encode(), sight.content)

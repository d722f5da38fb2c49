"""A few connections that tiles take in turn.

asyncpg's own pool makes a task, a shield and two timers for each use: 0.065 ms of the 0.29 ms that a tile costs the web
process (docs/benchmarks). Tiles need none of that: no statement of ours leaves a state behind that had to be reset.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from geodata.errors import GeodataError

PLANNING = {"jit": "off", "plan_cache_mode": "force_generic_plan", "max_parallel_workers_per_gather": "0"}
"""How the database plans tiles on these connections: once for each statement, without parallel workers."""

_OPENED_WITHIN_S = 5.0
"""Longer than who asks waits: what opens slowly is there for the next."""


class TilesBusyError(GeodataError):
    """Every connection for tiles is taken and stayed so for as long as people should wait."""

    code = "TILES_BUSY"
    vi_template = "Máy chủ đang bận, hãy thử lại sau giây lát."
    en_template = "The server is busy, try again in a moment."


class Connections:
    """Opened when they are needed, kept, and given to who has waited longest.

    Parameters
    ----------
    size : int
        At most so many.
    wait_s : float
        How long to wait for one, be it busy or still being opened.
    options : dict
        For `asyncpg.connect`.
    """

    def __init__(self, size: int, wait_s: float, **options: Any) -> None:
        self._places, self._wait_s, self._options = size, wait_s, options
        self._idle: list[asyncpg.Connection] = []
        self._waiting: deque[asyncio.Future[asyncpg.Connection]] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    async def fetchrow(self, statement: str, *values: Any) -> asyncpg.Record:
        """Run a statement that gives one row.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        row = await self.find(statement, *values)
        assert row is not None
        return row

    async def find(self, statement: str, *values: Any) -> asyncpg.Record | None:
        """Run a statement that gives one row or none.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        rows = await self.fetch(statement, *values)
        return rows[0] if rows else None

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run a statement and return its rows.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        connection = await self._take()
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *values)
        finally:
            self._pass_on(connection)
        return rows

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection for other statements.

        Raises
        ------
        TilesBusyError
            When none came free in time.
        """
        connection = await self._take()
        try:
            yield connection
        finally:
            self._pass_on(connection)

    async def close(self) -> None:
        """Close those that are idle, and open no more."""
        for opening in self._opening:
            opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        while self._idle:
            await self._idle.pop().close(timeout=1)

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._places += 1
        if self._places:
            self._begin_opening()
        return await self._turn()

    async def _turn(self) -> asyncpg.Connection:
        """Wait for somebody to pass on a connection."""
        turn: asyncio.Future[asyncpg.Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_s):
                return await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if not turn.cancelled() and turn.exception() is None:
                self._pass_on(turn.result())
            if isinstance(error, TimeoutError):
                raise TilesBusyError from None
            raise

    def _begin_opening(self) -> None:
        self._places -= 1
        opening = asyncio.create_task(self._open())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        """Open a connection for whoever waits first; that it cannot be opened is told to one who waits, too."""
        try:
            connection = await asyncpg.connect(timeout=_OPENED_WITHIN_S, **self._options)
        except TimeoutError:
            self._give_up(ConnectionError("the server did not answer"))
        except Exception as error:
            self._give_up(error)
        else:
            self._pass_on(connection)

    def _give_up(self, error: Exception) -> None:
        turn = self._next()
        if turn is not None:
            turn.set_exception(error)
        self._release()

    def _pass_on(self, connection: asyncpg.Connection) -> None:
        if connection.is_closed():
            self._release()
            return
        turn = self._next()
        if turn is None:
            self._idle.append(connection)
        else:
            turn.set_result(connection)

    def _release(self) -> None:
        """Give the place of a connection that is no more to who waits, if anybody does."""
        self._places += 1
        if any(not turn.done() for turn in self._waiting):
            self._begin_opening()

    def _next(self) -> asyncio.Future[asyncpg.Connection] | None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                return turn
        return None

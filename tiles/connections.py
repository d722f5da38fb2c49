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
        How long to wait for a free one.
    options : dict
        For `asyncpg.connect`.
    """

    def __init__(self, size: int, wait_s: float, **options: Any) -> None:
        self._places, self._wait_s, self._options = size, wait_s, options
        self._idle: list[asyncpg.Connection] = []
        self._waiting: deque[asyncio.Future[asyncpg.Connection | None]] = deque()

    async def fetchrow(self, statement: str, *values: Any) -> asyncpg.Record:
        """Run a statement that gives one row.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        connection = await self._take()
        try:
            row = await connection.fetchrow(statement, *values)
        finally:
            self._pass_on(connection)
        assert row is not None
        return row

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
        """Close those that are idle."""
        while self._idle:
            await self._idle.pop().close(timeout=1)

    async def _take(self) -> asyncpg.Connection:
        if self._idle:
            connection = self._idle.pop()
        elif self._places:
            self._places -= 1
            connection = None
        else:
            connection = await self._turn()
        return connection if connection is not None and not connection.is_closed() else await self._open()

    async def _turn(self) -> asyncpg.Connection | None:
        """Wait for somebody to pass on a connection, or the place of one."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_s):
                return await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if not turn.cancelled():
                self._pass_on(turn.result())
            if isinstance(error, TimeoutError):
                raise TilesBusyError from None
            raise

    async def _open(self) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(**self._options)
        except BaseException:
            self._pass_on(None)
            raise

    def _pass_on(self, connection: asyncpg.Connection | None) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._places += 1
        else:
            self._idle.append(connection)

"""Tiles asked of the database together.

While one question for tiles of the same layers and zoom is under way, or all connections are at work, further requests gather and
are answered by one statement: what a question costs beside its tile is paid once (docs/decisions/0029).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable

import asyncpg

from tiles.connections import Connections
from tiles.grid import TileAddress
from tiles.sql import many

MOST = 8
"""Tiles in one question."""

LONGEST_S = 0.02
"""Tiles that would take longer together are asked for in smaller numbers, since the first waits for the last."""

_GATHERED_WITHIN_S = 0.005
"""For so long tiles wait at most for the end of a question under way; a full batch does not wait for it."""

_NEWEST_SHARE = 0.2

Waiting = tuple[TileAddress, asyncio.Future[asyncpg.Record]]


class Batches:
    """Asks for tiles over connections that are taken in turn."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._gathering: dict[str, _Batch] = {}
        self._under_way: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    async def fetchrow(self, statement: str, address: TileAddress) -> asyncpg.Record:
        """Ask for one tile.

        Parameters
        ----------
        statement : str
            Of `tiles.sql`, for one tile.
        address : TileAddress
            The zoom is that of the statement.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        batch = self._gathering.get(statement)
        if batch is None or len(batch.waiting) >= batch.room:
            batch = self._gathering[statement] = _Batch(statement, self._room(statement))
        future: asyncio.Future[asyncpg.Record] = asyncio.get_running_loop().create_future()
        batch.waiting.append((address, future))
        self._start_in_time(batch)
        try:
            return await future
        except asyncio.CancelledError:
            self._leave(batch)
            raise

    def _start_in_time(self, batch: "_Batch") -> None:
        """Start a batch, or let it gather: quick tiles do while others are being made."""
        is_full = len(batch.waiting) >= batch.room
        if is_full or batch.room < MOST or not self._under_way[batch.statement]:
            self._start(batch)
        elif batch.timer is None:
            batch.timer = asyncio.get_running_loop().call_later(_GATHERED_WITHIN_S, self._start, batch)

    def _start(self, batch: "_Batch") -> None:
        if batch.task is not None:
            return
        if batch.timer is not None:
            batch.timer.cancel()
        if batch.is_left:
            self._close(batch)
            return
        self._under_way[batch.statement] += 1
        batch.task = asyncio.create_task(self._run(batch))
        batch.task.add_done_callback(lambda _task: self._end(batch))

    def _room(self, statement: str) -> int:
        """Return how many tiles may be asked for together; one, until it is known how long they take."""
        return max(1, min(MOST, int(LONGEST_S / self._seconds.get(statement, LONGEST_S))))

    async def _run(self, batch: "_Batch") -> None:
        try:
            async with self._connections.lend() as connection:
                self._close(batch)
                start = time.perf_counter()
                await batch.ask(connection)
                self._note(batch.statement, (time.perf_counter() - start) / len(batch.waiting))
        except (asyncpg.QueryCanceledError, TimeoutError) as error:
            # Each by itself would wait as long again; the next ones are asked for alone.
            self._seconds[batch.statement] = LONGEST_S
            batch.fail(error)
        except asyncpg.PostgresError as error:
            self._part(batch, error)
        except Exception as error:
            batch.fail(error)
        finally:
            self._close(batch)

    def _end(self, batch: "_Batch") -> None:
        """Start the batch that gathered meanwhile."""
        # A task that is cancelled before its first step has closed nothing.
        self._close(batch)
        self._under_way[batch.statement] -= 1
        gathered = self._gathering.get(batch.statement)
        if gathered is not None:
            # What has come in and was not read yet joins it.
            asyncio.get_running_loop().call_soon(self._start, gathered)

    def _close(self, batch: "_Batch") -> None:
        """Let nobody join any more."""
        if self._gathering.get(batch.statement) is batch:
            del self._gathering[batch.statement]

    def _note(self, statement: str, seconds: float) -> None:
        known = self._seconds.get(statement, seconds)
        self._seconds[statement] = known + _NEWEST_SHARE * (seconds - known)

    def _part(self, batch: "_Batch", error: Exception) -> None:
        """Ask for each by itself, since one tile's fault is none of the others'."""
        if len(batch.waiting) == 1:
            batch.fail(error)
            return
        batch.parts = [_Batch(batch.statement, 1, [one]) for one in batch.waiting if not one[1].done()]
        for part in batch.parts:
            self._start(part)

    def _leave(self, batch: "_Batch") -> None:
        """End what the last has left; who comes now asks anew."""
        for one in (batch, *batch.parts):
            if one.is_left:
                self._close(one)
                if one.task is not None:
                    one.task.cancel()


class _Batch:
    """Requests that wait for tiles of one statement."""

    def __init__(self, statement: str, room: int, waiting: Iterable[Waiting] = ()) -> None:
        self.statement, self.room = statement, room
        self.waiting: list[Waiting] = list(waiting)
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.parts: list[_Batch] = []

    async def ask(self, connection: asyncpg.Connection) -> None:
        places = [address for address, _ in self.waiting]
        columns, rows = [place.x for place in places], [place.y for place in places]
        for found in await connection.fetch(many(self.statement), columns, rows):
            future = self.waiting[found["n"] - 1][1]
            if not future.done():
                future.set_result(found)

    def fail(self, error: Exception) -> None:
        for _, future in self.waiting:
            if not future.done():
                future.set_exception(error)

    @property
    def is_left(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return all(future.cancelled() for _, future in self.waiting)

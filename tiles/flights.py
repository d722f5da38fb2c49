"""Tiles under way: requests for the same one wait for the one request that makes it."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from typing import Any

from tiles.cache import Tile

Task = asyncio.Task[Any]


def current_task() -> Task:
    """Return the task that runs this."""
    task = asyncio.current_task()
    assert task is not None
    return task


class Flights:
    """Tiles under way, by what names them."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Flight] = {}

    async def tile(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, Tile]]) -> Tile:
        """Make a tile, or wait for the request that is making it."""
        while (flight := self._under_way.get(key)) is not None:
            tile = await flight.join()
            if tile is not None:
                return tile
        flight = self._under_way[key] = _Flight(current_task())
        result: Tile | Exception | None = None
        try:
            result = await make()
            return result
        except Exception as error:
            result = error
            raise
        finally:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
            flight.land(result)

    def leave(self, keys: Iterable[Hashable], task: Task) -> None:
        """Cancel a task that waits for one of these on behalf of a client that has gone.

        A task that makes it for others too goes on until they have gone as well.
        """
        made = [flight for key in keys if (flight := self._under_way.get(key)) is not None and flight.maker is task]
        if not any(flight.be_left() for flight in made):
            task.cancel()

    def forget(self, is_old: Callable[[Any], bool]) -> None:
        """Let nobody wait any more for tiles that may be old when they are made."""
        self._under_way = {key: flight for key, flight in self._under_way.items() if not is_old(key)}


class _Flight:
    """A tile that one request is making, and the others that wait for it; when all have gone, its query is cancelled."""

    def __init__(self, maker: Task) -> None:
        self.maker = maker
        self._is_left = False
        self._waiting: set[asyncio.Future[Tile | None]] = set()

    async def join(self) -> Tile | None:
        """Wait for the tile, or the error; None when the maker was cancelled."""
        future: asyncio.Future[Tile | None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            return await future
        finally:
            self._waiting.discard(future)
            if self._is_left and not self._waiting:
                self.maker.cancel()

    def be_left(self) -> bool:
        """Note that the maker's own client has gone; return whether others wait."""
        self._is_left = bool(self._waiting)
        return self._is_left

    def land(self, result: Tile | Exception | None) -> None:
        """Give the tile or the error to all who wait; None lets them look after themselves."""
        self._is_left = False
        for future in self._waiting:
            if not future.done():
                future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)

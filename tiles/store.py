"""Where a process gets its tiles: from memory, from a request already under way, or from the database."""

import asyncio
import contextlib
import secrets
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from geodata.mark import DATABASE_MARK, MARK_DIGITS
from tiles.batches import Batches
from tiles.cache import Key, Layers, Tile, TileCache, pack
from tiles.changes import Changes, read_changes
from tiles.connections import Connections
from tiles.flights import Flights
from tiles.grid import TileAddress
from tiles.lowzoom import is_small_enough
from tiles.sql import stamp_sql, tile_statements

log = structlog.get_logger()

CHANNEL = "bandoso_revision"
_STATEMENTS_KEPT = 512
_LISTED_CHANGES = 50_000
"""A revision that touched more tiles than this drops the layer whole."""

_RECONNECT_S = 1.0
_FIRST_NEWS_S = 2.0
_PULSE_S, _DEAD_AFTER_S = 1.0, 5.0
"""How often the connection for news is tried, since a network may lose it without a word to either side, and how long
its answer may take: on a busy machine a second is too little, and to take it for dead drops all that is in memory."""

_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

_VERSION = "version"
"""Ends the key of a flight for a tile's version alone."""

_NOTHING: Mapping[str, Any] = {"stamps": [], "tile": b""}
"""What the database would answer of no layer at all."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How a `TileStore` reaches the database and what it may use.

    Attributes
    ----------
    dsn : str
        ``postgresql://…``, without a SQLAlchemy driver.
    server_settings : mapping
        Sent at connection: role, timeouts, planner settings.
    wait_s : float
        How long a request waits for a connection; with it the refusal is there within a second.
    """

    dsn: str
    server_settings: dict[str, str]
    pool_size: int = 3
    cache_bytes: int = 96 << 20
    wait_s: float = 0.7


class TileStore:
    """Tiles of one process: cached, merged while in flight, dropped when a revision touches them.

    Attributes
    ----------
    mark : str
        Of the database whose news is heard (`geodata.mark`); while none is heard, one that no database has.
    told_of : str
        Of the database whose news was heard last.
    on_change : list of callable
        Told of each revision: layer, number, tiles.
    on_other_database : list of callable
        Called where news comes from another database than before, or from an earlier state of it: what was told is void.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.cache = TileCache(settings.cache_bytes)
        self.hits = 0
        self.misses = 0
        self._connections = Connections(
            settings.pool_size, settings.wait_s, dsn=settings.dsn, command_timeout=5,
            statement_cache_size=_STATEMENTS_KEPT, server_settings=settings.server_settings,
        )  # fmt: skip
        self._batches = Batches(self._connections)
        self._flights = Flights()
        self._generation: defaultdict[str, int] = defaultdict(int)
        self._seen: dict[str, int] = {}
        self._told: dict[str, int] | None = None
        self.mark = self.told_of = _mark_of_nothing()
        self._is_listening = self._is_deaf = False
        self._heard = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self.on_change: list[Callable[[str, int, Changes], None]] = []
        self.on_other_database: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Begin to listen for revisions."""
        self._listener = asyncio.create_task(self._listen())
        # A database that is away at the start is waited for by the listener alone.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), _FIRST_NEWS_S)

    async def stop(self) -> None:
        """Close everything."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        await self._connections.close()

    def revisions(self, layers: Layers) -> list[int] | None:
        """Return the latest revision of each layer as this process knows it; None while it hears no news."""
        return [self._seen.get(layer, 0) for layer in layers] if self._is_listening else None

    def cached(self, layers: Layers, address: TileAddress, *, is_packed: bool = True) -> Tile | None:
        """Return a tile from memory, in the form asked for, if it is there and known to be current."""
        if not self._is_listening:
            return None
        tile = self.cache.get((layers, address), is_packed=is_packed)
        if tile is not None:
            self.hits += 1
        return tile

    def answer(self, name: Hashable) -> Any | None:
        """Return what was made ready of a tile in memory under this name, if the tile is known to be current."""
        if not self._is_listening:
            return None
        found = self.cache.answer(name)
        if found is not None:
            self.hits += 1
        return found

    async def version(self, layers: Layers, address: TileAddress) -> str:
        """Return a tile's version without making the tile; the next time it is in memory.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        tile = await self._flights.tile((layers, address, _VERSION), lambda: self._find_version(layers, address))
        return tile.version

    async def _find_version(self, layers: Layers, address: TileAddress) -> Tile:
        generations, mark = self._generations(layers), self.mark
        filled = self._filled(layers)
        row = await self._fetch(stamp_sql(filled, address.z), address) if filled else _NOTHING
        tile = Tile(_version(self.steady(mark), layers, filled, row["stamps"]))
        key = layers, address
        if generations is not None and generations == self._generations(layers) and self.cache.get(key) is None:
            self.cache.put(key, tile)
        return tile

    def is_at_home(self) -> bool:
        """Whether this is asked in the event loop in which the store was started, the only one that its news come to."""
        return self._listener is not None and self._listener.get_loop() is asyncio.get_running_loop()

    def steady(self, mark: str) -> str:
        """Return the mark that was read before a tile was made, or where it has changed since, one that is of no database."""
        return mark if mark == self.mark else _mark_of_nothing()

    def _generations(self, layers: Layers) -> list[int] | None:
        """Return what changes with every revision of a layer; None while no news is heard."""
        return [self._generation[layer] for layer in layers] if self._is_listening else None

    def _filled(self, layers: Layers) -> Layers:
        """Leave out the layers of which nothing was ever published; all may be while no news is heard.

        Their tables are empty, or locked by the load that fills them: the tile need not wait for its end.
        """
        return tuple(layer for layer in layers if layer in self._seen) if self._is_listening else layers

    async def tile(self, layers: Layers, address: TileAddress) -> Tile:
        """Make a tile, or wait for the one that another request is making.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        key = (layers, address)
        return await self._flights.tile(key, lambda: self._make(key))

    def leave(self, key: Key, task: "asyncio.Task[Any]") -> None:
        """Cancel a task that waits for a tile or its version on behalf of a client that has gone.

        A task that makes it for others too goes on until they have gone as well.
        """
        self._flights.leave([key, (*key, _VERSION)], task)

    async def _make(self, key: Key) -> Tile:
        self.misses += 1
        layers, address = key
        generations, mark = self._generations(layers), self.mark
        filled = self._filled(layers)
        row: Mapping[str, Any] = _NOTHING
        for statement in tile_statements(filled, address.z):
            row = await self._fetch(statement, address)
            if is_small_enough(row["tile"]):
                break
        version, plain = _version(self.steady(mark), layers, filled, row["stamps"]), row["tile"]
        # A revision that came while the tile was being made may or may not be in it: such a tile is not kept.
        is_current = generations is not None and generations == self._generations(layers)
        if not (is_current and self.cache.max_bytes):
            return Tile(version, plain=plain)
        packed = pack(plain)
        self.cache.put(key, Tile(version, packed))
        return Tile(version, packed, plain)

    async def _fetch(self, statement: str, address: TileAddress) -> asyncpg.Record:
        return await self._batches.fetchrow(statement, address)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception as error:
                self._note_deaf(error)
            self._is_listening = False
            # A tile that is being made may miss a revision of the time without news.
            for layer in self._generation:
                self._generation[layer] += 1
            self.cache.clear()
            await asyncio.sleep(_RECONNECT_S)

    def _note_deaf(self, error: Exception) -> None:
        """Log why no news is heard, once until it is heard again."""
        if not self._is_deaf:
            trace = None if isinstance(error, _AWAY) else error
            log.warning("no news of revisions is heard, no tile is kept", kind=type(error).__name__, exc_info=trace)
        self._is_deaf = True

    async def _listen_once(self) -> None:
        settings = self.settings
        connection = await asyncpg.connect(
            settings.dsn, server_settings=settings.server_settings, timeout=_DEAD_AFTER_S
        )
        inbox: asyncio.Queue[str | None] = asyncio.Queue()
        connection.add_termination_listener(lambda _connection: inbox.put_nowait(None))
        try:
            await connection.add_listener(CHANNEL, lambda _c, _pid, _channel, payload: inbox.put_nowait(payload))
            mark = await connection.fetchval(DATABASE_MARK)
            rows = await connection.fetch("SELECT register, max(number) AS number FROM open.revision GROUP BY 1")
            self._seen = {row["register"]: row["number"] for row in rows}
            # What was begun without news may be older than the revisions known from here on.
            self._flights.forget(lambda _key: True)
            self.mark = mark
            self._is_listening, self._is_deaf = True, False
            self._heard.set()
            await self._tell_missed(connection)
            while (payload := await _next(inbox, connection)) is not None:
                layer, _, number = payload.partition(" ")
                if int(number) > self._seen.get(layer, 0):
                    await self._forget(connection, layer, int(number))
        finally:
            self._is_listening, self.mark = False, _mark_of_nothing()
            await connection.close(timeout=1)

    async def _forget(self, connection: asyncpg.Connection, layer: str, number: int) -> None:
        self._generation[layer] += 1
        rows = await connection.fetch(
            "SELECT z, x, y FROM open.tile_stamp WHERE layer = $1 AND revision > $2 LIMIT $3",
            layer, self._seen.get(layer, 0), _LISTED_CHANGES + 1,
        )  # fmt: skip
        if len(rows) > _LISTED_CHANGES:
            self.cache.forget_layer(layer)
        else:
            self.cache.forget(layer, (TileAddress(*row) for row in rows))
        self.cache.forget_answers()
        self._flights.forget(lambda key: layer in key[0])
        self._seen[layer] = number
        self._generation[layer] += 1
        await self._tell(connection, layer, number)

    async def _tell_missed(self, connection: asyncpg.Connection) -> None:
        """Tell of what was published while no news was heard; nobody could miss anything before the start."""
        if self._told is None or self.told_of != self.mark:
            self._told, self.told_of = dict(self._seen), self.mark
            for tell in self.on_other_database:
                tell()
        for layer, number in self._seen.items():
            await self._tell(connection, layer, number)

    async def _tell(self, connection: asyncpg.Connection, layer: str, number: int) -> None:
        """Tell of a revision; where that fails, it is still to be told when the next connection hears news."""
        assert self._told is not None
        told = self._told.get(layer, 0)
        if number > told:
            changes = await read_changes(connection, layer, told)
            self._told[layer] = number
            for tell in self.on_change:
                tell(layer, number, changes)

    async def changes_since(self, layer: str, revision: int) -> Changes:
        """Return the tiles of a layer that changed after a revision.

        Raises
        ------
        TilesBusyError
            When no connection came free in time.
        """
        async with self._connections.lend() as connection:
            return await read_changes(connection, layer, revision)


async def _next(inbox: asyncio.Queue[str | None], connection: asyncpg.Connection) -> str | None:
    """Wait for the next notification; None when the connection has ended, `TimeoutError` when it is dead."""
    while True:
        # `asyncio.wait_for` would lose a cancellation that comes together with a notification.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PULSE_S):
                return await inbox.get()
        await connection.execute("SELECT", timeout=_DEAD_AFTER_S)


def _version(mark: str, layers: Layers, filled: Layers, stamps: list[int]) -> str:
    if filled != layers:
        known = dict(zip(filled, stamps, strict=True))
        stamps = [known.get(layer, 0) for layer in layers]
    return f"{mark}-{'.'.join([f'{stamp:x}' for stamp in stamps])}"


def _mark_of_nothing() -> str:
    return secrets.token_hex(MARK_DIGITS // 2)

"""One state of the published data, read by several connections at once while editing goes on."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import asyncpg

from geodata.db import let_backend_give_way
from geodata.errors import GeodataError
from geodata.mark import DATABASE_MARK
from geodata.matching import BBox
from tiles.cache import Layers, pack
from tiles.grid import TileAddress
from tiles.making import make_tiles
from tiles.store import StoreSettings

_CLOSE_S = 2
_BOX = """SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) FROM (
    SELECT ST_Transform(ST_SetSRID(ST_Extent(geom), 3857), 4326) AS box FROM (
        SELECT geom FROM open.provinces_tile WHERE code = $1
        UNION ALL SELECT geom FROM open.communes_tile WHERE province_code = $1) units) found"""


class NoBoundaryError(GeodataError):
    """What lies in a province cannot be told without its boundary."""

    code = "PROVINCE_WITHOUT_BOUNDARY"
    vi_template = "Không có ranh giới tỉnh “{province}”. Mã tỉnh gồm 2 chữ số, ví dụ 37; mã đúng thì nạp ranh giới bằng bandoso units load."
    en_template = "There is no boundary of province “{province}”. A province's code has 2 digits, such as 37; if it is right, run bandoso units load."


@dataclass(frozen=True, slots=True)
class Release:
    """A state of the data, the same for every connection as long as it is held.

    Attributes
    ----------
    layers : tuple of str
        As asked for; a tile holds them in this order.
    revisions : mapping of str to int
        The latest one of each layer that has any.
    policy : str
        The publication policy that the database applies.
    mark : str
        Of the database (`geodata.mark`).
    jobs : int
        Tiles that are made at once.
    snapshot : str
        Other transactions that take it see the same state, for as long as it is held.
    """

    layers: Layers
    revisions: Mapping[str, int]
    policy: str
    mark: str
    jobs: int
    snapshot: str
    _leader: asyncpg.Connection = field(repr=False)
    _idle: "asyncio.Queue[asyncpg.Connection]" = field(repr=False)

    @property
    def filled(self) -> Layers:
        """The layers of which something was ever published: the others add nothing to a tile."""
        return tuple(layer for layer in self.layers if layer in self.revisions)

    async def occupied(self, province: str | None) -> list[TileAddress]:
        """Return the tiles that may hold something: all, or those that meet the area of a province."""
        statement = files("tiles").joinpath("occupied.sql").read_text(encoding="utf-8")
        rows = await self._leader.fetch(statement, self.filled, province)
        return [TileAddress(*row) for row in rows]

    async def bounds(self, province: str) -> BBox:
        """Return the box of a province, degrees.

        Raises
        ------
        NoBoundaryError
        """
        row = await self._leader.fetchrow(_BOX, province)
        if row is None or row[0] is None:
            raise NoBoundaryError(province=province)
        west, south, east, north = (round(float(side), 6) for side in row)
        return west, south, east, north

    async def packed(self, z: int, places: Sequence[tuple[int, int]]) -> list[bytes]:
        """Make tiles of one zoom, in the bytes that the service sends to those who take gzip."""
        connection = await self._idle.get()
        try:
            made = await make_tiles(connection, self.filled, z, places)
        finally:
            self._idle.put_nowait(connection)
        return await asyncio.to_thread(lambda: [pack(tile) for tile in made])


@asynccontextmanager
async def open_release(settings: StoreSettings, layers: Layers, jobs: int) -> AsyncIterator[Release]:
    """Hold the present state of the data as the public sees it.

    Parameters
    ----------
    settings : StoreSettings
        Of the public role.
    jobs : int
        Connections that make tiles; each keeps one core of the database's machine busy.
    """
    async with AsyncExitStack() as stack:
        leader = await _connect(stack, settings)
        await leader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = await leader.fetchval("SELECT pg_export_snapshot()")
        rows = await leader.fetch("SELECT register, max(number) FROM open.revision GROUP BY 1")
        revisions = {register: number for register, number in rows if register in layers}
        policy = await leader.fetchval("SELECT policy FROM open.publication_policy")
        mark = await leader.fetchval(DATABASE_MARK)
        idle: asyncio.Queue[Any] = asyncio.Queue()
        for _ in range(jobs):
            connection = await _connect(stack, settings)
            # No parameter can stand here; the name is the database's own.
            await connection.execute(
                f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot}'"
            )
            let_backend_give_way(connection.get_server_pid())
            idle.put_nowait(connection)
        yield Release(layers, revisions, policy, mark, jobs, snapshot, leader, idle)


async def _connect(stack: AsyncExitStack, settings: StoreSettings) -> Any:
    connection = await asyncpg.connect(settings.dsn, server_settings=settings.server_settings)
    stack.push_async_callback(_close, connection)
    return connection


async def _close(connection: Any) -> None:
    try:
        await connection.close(timeout=_CLOSE_S)
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()

"""Tiles that are under way while what they show changes: neither kept nor given to those who ask afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from geodata.db import Database
from service.tile_access import tile_settings
from tests.conftest import SAMPLE_TEMPLATE, Server, settings_for
from tests.service.test_tile_events import Live
from tiles.cache import Key, Tile
from tiles.grid import TileAddress
from tiles.store import TileStore

KEY: Key = (("addresses",), TileAddress(14, 13026, 7245))
NOTICED_WITHIN_S = 10.0


class HeldStore(TileStore):
    """A store that holds back what it has read until it may go on."""

    def __init__(self, live: Live) -> None:
        super().__init__(tile_settings(live.settings))
        self._read, self._go = asyncio.Event(), asyncio.Event()

    async def _fetch(self, *asked: Any) -> Any:
        row = await super()._fetch(*asked)
        self._read.set()
        await self._go.wait()
        return row

    async def begin(self) -> asyncio.Task[Tile]:
        """Begin a tile; what it is made of is read."""
        self._read.clear()
        self._go.clear()
        begun = asyncio.create_task(self.tile(*KEY))
        async with asyncio.timeout(NOTICED_WITHIN_S):
            await self._read.wait()
        return begun

    def go_on(self) -> None:
        self._go.set()


@pytest.fixture(scope="module")
def live(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Sample data that can be published to, without a service."""
    name = f"tile_races_{worker_name}"
    settings = settings_for(server.create(name, SAMPLE_TEMPLATE))
    database = Database(settings)
    yield Live("", None, settings, database, tmp_path_factory.mktemp("races"))
    database.dispose()
    server.drop(name)


@asynccontextmanager
async def listening(live: Live) -> AsyncIterator[HeldStore]:
    store = HeldStore(live)
    await store.start()
    try:
        await until(lambda: store.revisions(KEY[0]) is not None)
        yield store
    finally:
        await store.stop()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(NOTICED_WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.01)


async def publish(live: Live, store: TileStore) -> None:
    """Publish an address in the tile and wait for the news of it."""
    before = store.revisions(KEY[0])
    await asyncio.to_thread(live.publish)
    await until(lambda: store.revisions(KEY[0]) != before)


def test_a_tile_begun_before_a_revision_is_not_kept(live: Live) -> None:
    async def race() -> None:
        async with listening(live) as store:
            begun = await store.begin()
            await publish(live, store)
            store.go_on()
            old = await begun
            assert store.cached(*KEY) is None
            new = await store.tile(*KEY)
            assert (new.version != old.version, new.plain != old.plain) == (True, True)
            assert store.cached(*KEY) is not None

    asyncio.run(race())


def test_who_asks_after_a_revision_does_not_get_the_tile_begun_before_it(live: Live) -> None:
    async def race() -> None:
        async with listening(live) as store:
            begun = await store.begin()
            await publish(live, store)
            asking = await store.begin()
            store.go_on()
            old, new = await begun, await asking
            assert (new.version != old.version, new.plain != old.plain) == (True, True)
            kept = store.cached(*KEY)
            assert kept is not None
            assert kept.version == new.version

    asyncio.run(race())


def test_a_tile_begun_while_no_news_was_heard_has_the_version_of_no_database(live: Live) -> None:
    """What comes back may be another database, and the tile may be of either."""

    async def race() -> None:
        store = HeldStore(live)
        begun, deaf = await store.begin(), store.mark
        await store.start()
        try:
            await until(lambda: store.revisions(KEY[0]) is not None)
            store.go_on()
            assert (await begun).version.partition("-")[0] not in {deaf, store.mark}
            assert (await store.tile(*KEY)).version == await store.version(*KEY)
            assert (await store.version(*KEY)).startswith(f"{store.mark}-")
        finally:
            await store.stop()
        assert store.mark != deaf

    asyncio.run(race())

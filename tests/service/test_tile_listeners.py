"""Listeners of changed tiles in one process: how many there may be, and how long each is kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from service.api import tile_events
from service.api.tile_events import TileEvents
from service.app import tile_settings
from service.logs import configure_logging
from service.settings import ServiceSettings
from tests.conftest import free_port, settings_for
from tiles import store as store_module
from tiles.changes import Changes
from tiles.store import CHANNEL, TileStore, _next

TOLD_WITHIN_S = 2.0
Message = MutableMapping[str, Any]


class Client:
    """A client of the application itself, without a socket between them."""

    def __init__(self, events: TileEvents, address: str = "192.0.2.1", *, takes: int = 1000, resumes: str = "") -> None:
        self.body, self.status, self.is_over = b"", 0, False
        self._takes = takes
        self._gone = asyncio.Event()
        scope: Message = {
            "type": "http", "method": "GET", "path": "/tiles/addresses/events", "query_string": b"",
            "headers": [(b"last-event-id", resumes.encode())] if resumes else [], "client": (address, 1),
        }  # fmt: skip
        self.task = asyncio.create_task(events(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        self._takes -= 1
        if self._takes < 0:
            await asyncio.Event().wait()
        if message["type"].endswith("body") and not message.get("more_body"):
            self.is_over = True

    async def leave(self) -> None:
        self._gone.set()
        await self.task


def with_events(settings: ServiceSettings, most: int, do: Callable[[TileEvents], Awaitable[None]]) -> None:
    """Run something with the application on a store that listens."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[TileEvents]:
        store = TileStore(tile_settings(settings))
        await store.start()
        try:
            yield TileEvents(store, "code_point", most)
        finally:
            await store.stop()

    async def run() -> None:
        async with opened() as events:
            await do(events)

    asyncio.run(run())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(TOLD_WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.005)


def test_there_are_places_for_so_many_and_who_leaves_gives_one_back(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_events, "MAX_OF_ADDRESS", 2)

    async def do(events: TileEvents) -> None:
        for _ in range(2):
            places = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]
            clients = []
            for place in places:
                client = Client(events, place)
                await until(lambda client=client: client.status != 0)  # type: ignore[misc]  # bound here and now
                clients.append(client)
            assert [client.status for client in clients] == [200, 200, 429, 200, 503]
            assert b"tile_listeners_limit" in clients[2].body
            assert b"tile_listeners_busy" in clients[4].body
            for client in clients:
                await client.leave()

    with_events(sample_settings, 3, do)


def test_no_process_gives_all_its_files_to_listeners(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_events.resource, "getrlimit", lambda _kind: (4, 4))

    async def do(events: TileEvents) -> None:
        clients = [Client(events) for _ in range(3)]
        await until(lambda: all(client.status for client in clients))
        assert sorted(client.status for client in clients) == [200, 200, 503]
        for client in clients:
            await client.leave()

    with_events(sample_settings, 1000, do)


def test_a_silent_stream_is_kept_alive_and_ends_when_it_has_lasted(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_events, "KEEP_ALIVE_S", 0.01)
    monkeypatch.setattr(tile_events, "LONGEST_S", 0.2)

    async def do(events: TileEvents) -> None:
        client = Client(events)
        await until(lambda: client.is_over)
        await client.task
        head, *rest = client.body.split(b"\n\n")
        assert head.startswith(b"retry: ")
        assert rest[:3] == [b":"] * 3

    with_events(sample_settings, 1, do)


def test_who_takes_nothing_is_let_go_and_holds_up_nobody(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_events, "PATIENCE_S", 0.3)

    async def do(events: TileEvents) -> None:
        slow, quick = Client(events, takes=2), Client(events)
        await until(lambda: b"retry" in slow.body and b"retry" in quick.body)
        before = len(slow.body)
        events._note("addresses", 1000, Changes(((14, 1, 1),)))
        events._note("addresses", 1001, Changes(((14, 2, 2),)))
        await until(lambda: b'"revision":1001' in quick.body)
        assert quick.body.count(b"event: tiles") == 2
        await asyncio.wait_for(slow.task, TOLD_WITHIN_S)
        assert b'"revision":1001' in slow.body[before:]
        await quick.leave()

    with_events(sample_settings, 5, do)


def test_news_that_cannot_be_read_is_logged_once_and_does_not_end_the_news(
    scratch_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_RECONNECT_S", 0.05)
    configure_logging()
    found = tile_settings(settings_for(scratch_url))

    async def notify(payload: str) -> None:
        connection = await asyncpg.connect(found.dsn)
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        await connection.close()

    async def hear() -> None:
        store = TileStore(found)
        await store.start()
        try:
            await until(lambda: store.revisions(("addresses",)) is not None)
            await notify("addresses nonsense")
            async with asyncio.timeout(5):
                while store.revisions(("addresses",)) != [1000]:
                    await notify("addresses 1000")
        finally:
            await store.stop()

    asyncio.run(hear())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line["event"].startswith("no news of revisions")]
    assert (line["level"], line["kind"], line["exception"][0]) == ("warning", "ValueError", "ValueError")


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_store_that_is_stopped_while_news_come_ends(turns: int) -> None:
    async def hear() -> None:
        inbox: asyncio.Queue[str | None] = asyncio.Queue()
        waiting = asyncio.create_task(_next(inbox, None))
        await asyncio.sleep(0)
        inbox.put_nowait("addresses 7")
        for _ in range(turns):
            await asyncio.sleep(0)
        if not waiting.done():
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(hear())


def test_while_the_database_is_away_that_is_logged_once(
    sample_settings: ServiceSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_RECONNECT_S", 0.02)
    monkeypatch.setattr(store_module, "_FIRST_NEWS_S", 0.3)
    configure_logging()

    async def hear() -> None:
        found = tile_settings(sample_settings)
        store = TileStore(replace(found, dsn=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"))
        await store.start()
        await store.stop()

    asyncio.run(hear())
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["kind"], "exception" in line) == ("ConnectionRefusedError", False)


def test_who_is_too_far_behind_is_let_go_to_come_again(sample_settings: ServiceSettings) -> None:
    async def do(events: TileEvents) -> None:
        client = Client(events)
        await until(lambda: b"retry" in client.body)
        for number in range(tile_events.LOGGED + 1):
            events._note("addresses", 1000 + number, Changes(((14, 1, 1),)))
        await asyncio.wait_for(client.task, TOLD_WITHIN_S)
        assert b"event: tiles" not in client.body

    with_events(sample_settings, 1, do)

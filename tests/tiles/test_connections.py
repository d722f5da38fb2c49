"""The few connections that tiles take in turn, to servers that are there, away, or silent."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url

from service.app import tile_settings
from service.settings import ServiceSettings
from tests.conftest import free_port
from tiles import connections as module
from tiles.connections import Connections, TilesBusyError

WAIT_S = 0.2
OPENED_WITHIN_S = 0.5


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@asynccontextmanager
async def opened(settings: ServiceSettings, size: int, port: int | None = None) -> AsyncIterator[Connections]:
    found = tile_settings(settings)
    url = make_url(found.dsn) if port is None else make_url(found.dsn).set(host="127.0.0.1", port=port, query={})
    dsn = url.render_as_string(hide_password=False)
    connections = Connections(size, WAIT_S, dsn=dsn, server_settings=found.server_settings)
    try:
        yield connections
    finally:
        await connections.close()


async def outcome(connections: Connections) -> type[Exception] | int:
    try:
        return int((await connections.fetchrow("SELECT 1"))[0])
    except Exception as error:
        return type(error)


def test_nobody_waits_long_for_a_server_that_does_not_answer(sample_settings: ServiceSettings, silent: int) -> None:
    async def ask() -> None:
        async with opened(sample_settings, 3, silent) as connections:
            started = time.monotonic()
            found = await asyncio.gather(*(outcome(connections) for _ in range(6)))
            assert found == [TilesBusyError] * 6
            assert time.monotonic() - started < 1.0

    asyncio.run(ask())


def test_a_silent_server_is_given_up_said_to_be_away_and_tried_again(
    sample_settings: ServiceSettings, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OPENED_WITHIN_S", OPENED_WITHIN_S)

    async def ask() -> None:
        async with opened(sample_settings, 1, silent) as connections:
            found, deadline = [], time.monotonic() + 10
            while found.count(ConnectionError) < 2:
                assert time.monotonic() < deadline
                found.append(await outcome(connections))
            assert set(found) == {ConnectionError, TilesBusyError}

    asyncio.run(ask())


def test_a_server_that_is_away_refuses_each_at_once_and_serves_when_it_is_back(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> None:
        async with opened(sample_settings, 2, free_port()) as connections:
            found = await asyncio.gather(*(outcome(connections) for _ in range(5)))
            assert found == [ConnectionRefusedError] * 5
            monkeypatch.setitem(connections._options, "dsn", tile_settings(sample_settings).dsn)
            assert await eventually_all_served(connections, 5)
            assert len(connections._idle) <= 2

    asyncio.run(ask())


async def eventually_all_served(connections: Connections, count: int) -> bool:
    """Ask until all are served: on a busy machine a connection may take longer than they wait."""
    async with asyncio.timeout(10):
        while await asyncio.gather(*(outcome(connections) for _ in range(count))) != [1] * count:
            pass
    return True


def test_a_connection_that_ended_makes_place_for_another(sample_settings: ServiceSettings) -> None:
    async def ask() -> None:
        async with opened(sample_settings, 1) as connections:
            for _ in range(3):
                assert await eventually_all_served(connections, 3)
                async with connections.lend() as connection:
                    connection.terminate()

    asyncio.run(ask())


def test_who_leaves_while_a_connection_is_opened_leaves_it_to_the_next(sample_settings: ServiceSettings) -> None:
    async def ask() -> None:
        async with opened(sample_settings, 1) as connections:
            for _ in range(5):
                leaving = asyncio.create_task(outcome(connections))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                leaving.cancel()
            assert await eventually_all_served(connections, 2)
            assert connections._places + len(connections._idle) == 1

    asyncio.run(ask())

"""Tiles that wait for a connection are asked for together; each has its own answer, fault and end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import psycopg
import pytest

from geodata.registers import discover
from service.app import tile_settings
from service.settings import ServiceSettings
from tiles.batches import MOST, Batches, _Batch
from tiles.connections import Connections, TilesBusyError
from tiles.grid import TileAddress
from tiles.sql import many, stamp_sql, tile_sql

QUICK = "SELECT $1::int AS x, $2::int AS y, statement_timestamp() AS asked_at"
SLOW = "SELECT $1::int AS x, statement_timestamp() AS asked_at FROM pg_sleep(0.03)"
ENDLESS = "SELECT $1::int AS x, $2::int AS y FROM pg_sleep(60)"
FIRST_IS_SLOW = """SELECT $1::int AS x, statement_timestamp() AS asked_at, clock_timestamp() AS made_at
FROM pg_sleep(CASE WHEN $1::int = 0 THEN 0.5 ELSE 0 END)"""
LONG = "SELECT $1::int AS x FROM pg_sleep(9)"
FAULTY_OR_ENDLESS = """SELECT 100 / $1::int AS part
FROM (SELECT pg_sleep(CASE WHEN $1::int = 2 AND 100 / $1::int > 0 THEN 60 ELSE 0 END)) AS slept"""
FAULTY = "SELECT 100 / $1::int AS part"


@asynccontextmanager
async def asking(
    settings: ServiceSettings, *, size: int = 1, wait_s: float = 5
) -> AsyncIterator[tuple[Batches, Connections]]:
    """Ask over one connection or more, named so that the test finds what it does."""
    found = tile_settings(settings)
    server = {**found.server_settings, "application_name": "test of batches"}
    connections = Connections(size, wait_s, dsn=found.dsn, server_settings=server)
    try:
        await open_first(connections)
        yield Batches(connections), connections
    finally:
        await connections.close()


async def open_first(connections: Connections) -> None:
    """Open the connection, however long that takes on a busy machine."""
    async with asyncio.timeout(10):
        while True:
            with suppress(TilesBusyError):
                async with connections.lend():
                    return


def place(x: int, y: int = 0) -> TileAddress:
    return TileAddress(14, x, y)


def suppose_quick(batches: Batches, statement: str) -> None:
    """Let a statement be known for quick, as many that were quick make it."""
    batches._seconds[statement] = 0.0001


async def queue(batches: Batches, connections: Connections, statement: str, count: int) -> list[Any]:
    """Ask for tiles while the connection is at work."""
    async with connections.lend():
        waiting = [asyncio.create_task(batches.fetchrow(statement, place(x, x + 1))) for x in range(count)]
        await asyncio.sleep(0.01)
    return await asyncio.gather(*waiting, return_exceptions=True)


def run(settings: ServiceSettings, test: Callable[[Batches, Connections], Awaitable[None]], **options: Any) -> None:
    async def whole() -> None:
        async with asking(settings, **options) as (batches, connections):
            await test(batches, connections)

    asyncio.run(whole())


def queries_under_way(settings: ServiceSettings) -> int:
    with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", "")) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'test of batches' AND state = 'active'"
        ).fetchone()
    assert found is not None
    return int(found[0])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For how many tiles each question was."""
    found: list[int] = []
    ask = _Batch.ask

    async def noting(self: _Batch, connection: asyncpg.Connection) -> None:
        found.append(len(self.waiting))
        await ask(self, connection)

    monkeypatch.setattr(_Batch, "ask", noting)
    return found


def test_tiles_that_wait_are_asked_for_together_and_each_gets_its_own(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        suppose_quick(batches, QUICK)
        rows = await queue(batches, connections, QUICK, MOST)
        assert [(row["x"], row["y"]) for row in rows] == [(x, x + 1) for x in range(MOST)]
        assert len({row["asked_at"] for row in rows}) == 1

    run(sample_settings, test)


def test_no_question_is_for_more_tiles_than_a_few(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        suppose_quick(batches, QUICK)
        rows = await queue(batches, connections, QUICK, 3 * MOST)
        assert [row["x"] for row in rows] == list(range(3 * MOST))
        assert len({row["asked_at"] for row in rows}) == 3

    run(sample_settings, test)


def test_tiles_that_take_long_are_asked_for_one_by_one(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        for _ in range(3):
            await batches.fetchrow(SLOW, place(1))
        rows = await queue(batches, connections, SLOW, 4)
        assert len({row["asked_at"] for row in rows}) == 4

    run(sample_settings, test)


async def ask_while_one_is_made(batches: Batches, count: int) -> tuple[Any, list[Any]]:
    """Ask for a slow tile, and for others of the same statement while it is being made."""
    for _ in range(2):  # Both connections are open now.
        await asyncio.gather(*(batches.fetchrow(SLOW, place(x)) for x in range(2)))
    suppose_quick(batches, FIRST_IS_SLOW)
    first = asyncio.create_task(batches.fetchrow(FIRST_IS_SLOW, place(0)))
    await asyncio.sleep(0.05)
    others = await asyncio.gather(*(batches.fetchrow(FIRST_IS_SLOW, place(x)) for x in range(1, count + 1)))
    return await first, others


def test_quick_tiles_gather_while_others_of_their_kind_are_made(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiles.batches._GATHERED_WITHIN_S", 60)

    async def test(batches: Batches, _connections: Connections) -> None:
        first, others = await ask_while_one_is_made(batches, MOST - 1)
        assert len({row["asked_at"] for row in others}) == 1
        assert others[0]["asked_at"] >= first["made_at"]

    run(sample_settings, test, size=2)


def test_as_many_as_are_asked_for_together_do_not_wait(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiles.batches._GATHERED_WITHIN_S", 60)

    async def test(batches: Batches, _connections: Connections) -> None:
        first, others = await ask_while_one_is_made(batches, MOST)
        assert len({row["asked_at"] for row in others}) == 1
        assert others[0]["asked_at"] < first["made_at"]

    run(sample_settings, test, size=2)


def test_what_all_have_left_while_it_gathered_is_never_asked_for(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    monkeypatch.setattr("tiles.batches._GATHERED_WITHIN_S", 0.1)

    async def test(batches: Batches, _connections: Connections) -> None:
        suppose_quick(batches, FIRST_IS_SLOW)
        first = asyncio.create_task(batches.fetchrow(FIRST_IS_SLOW, place(0)))
        await asyncio.sleep(0.01)
        leaving = [asyncio.create_task(batches.fetchrow(FIRST_IS_SLOW, place(x))) for x in (1, 2)]
        await asyncio.sleep(0.01)
        for task in leaving:
            task.cancel()
        await asyncio.sleep(0.2)
        await first
        assert (await batches.fetchrow(FIRST_IS_SLOW, place(3)))["x"] == 3
        assert asked == [1, 1]

    run(sample_settings, test, size=2)


def test_nobody_waits_for_more_than_a_moment_behind_a_tile_that_is_slow_for_once(
    sample_settings: ServiceSettings,
) -> None:
    async def test(batches: Batches, _connections: Connections) -> None:
        first, others = await ask_while_one_is_made(batches, 3)
        assert len({row["asked_at"] for row in others}) == 1
        assert others[0]["asked_at"] < first["made_at"]

    run(sample_settings, test, size=2)


def test_the_fault_of_one_tile_is_not_that_of_the_others(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        suppose_quick(batches, FAULTY)
        first, *others = await queue(batches, connections, FAULTY, 5)
        assert isinstance(first, asyncpg.DivisionByZeroError)
        assert [row["part"] for row in others] == [100, 50, 33, 25]

    run(sample_settings, test)


def test_who_stays_gets_the_tile_when_others_leave(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        suppose_quick(batches, QUICK)
        async with connections.lend():
            waiting = [asyncio.create_task(batches.fetchrow(QUICK, place(x))) for x in range(4)]
            await asyncio.sleep(0.01)
            for leaving in waiting[:3]:
                leaving.cancel()
        assert (await waiting[3])["x"] == 3

    run(sample_settings, test)


def test_a_question_is_cancelled_when_the_last_has_left(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, _connections: Connections) -> None:
        suppose_quick(batches, ENDLESS)
        waiting = [asyncio.create_task(batches.fetchrow(ENDLESS, place(x))) for x in range(2)]
        while not await asyncio.to_thread(queries_under_way, sample_settings):
            await asyncio.sleep(0.01)
        waiting[0].cancel()
        await asyncio.sleep(0.1)
        assert await asyncio.to_thread(queries_under_way, sample_settings) == 1
        waiting[1].cancel()
        async with asyncio.timeout(2):
            while await asyncio.to_thread(queries_under_way, sample_settings):
                await asyncio.sleep(0.01)

    run(sample_settings, test)


def test_who_waits_in_vain_for_a_connection_is_told_so(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        async with connections.lend():
            found = await asyncio.gather(*(batches.fetchrow(QUICK, place(x)) for x in range(3)), return_exceptions=True)
        assert [type(one) for one in found] == [TilesBusyError] * 3
        assert (await batches.fetchrow(QUICK, place(7)))["x"] == 7

    run(sample_settings, test, wait_s=0.05)


@pytest.mark.parametrize("z", [0, 6, 10, 13, 14])
@pytest.mark.parametrize("layers", [*((layer,) for layer in discover()), ("communes", "addresses", "villages")])
def test_tiles_made_together_are_those_made_one_by_one(
    sample_settings: ServiceSettings, layers: tuple[str, ...], z: int
) -> None:
    """The middle of the sample, in the first zooms' one tile and around it in the others."""
    middle = (int((106.23 + 180) / 360 * (1 << z)), int(0.441 * (1 << z)))
    near = [(middle[0] + dx, middle[1] + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    places = [(x, y) for x, y in near if 0 <= x < 1 << z and 0 <= y < 1 << z]

    async def compare() -> None:
        found = tile_settings(sample_settings)
        connection = await asyncpg.connect(found.dsn, server_settings=found.server_settings)
        try:
            for statement in (tile_sql(layers, z), tile_sql(layers, z, 1), stamp_sql(layers, z)):
                rows = await connection.fetch(many(statement), [x for x, _ in places], [y for _, y in places])
                assert sorted(row["n"] for row in rows) == list(range(1, len(places) + 1))
                for row in rows:
                    one = await connection.fetchrow(statement, *places[row["n"] - 1])
                    assert tuple(row)[1:] == tuple(one)
        finally:
            await connection.close()

    asyncio.run(compare())


def test_who_comes_in_the_moment_that_the_last_has_left_gets_a_tile(sample_settings: ServiceSettings) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        suppose_quick(batches, QUICK)
        async with connections.lend():
            leaving = asyncio.create_task(batches.fetchrow(QUICK, place(1)))
            await asyncio.sleep(0.01)
            leaving.cancel()
            coming = [asyncio.create_task(batches.fetchrow(QUICK, place(x))) for x in (2, 3)]
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            assert [row["x"] for row in await asyncio.gather(*coming)] == [2, 3]

    run(sample_settings, test)


def test_what_takes_too_long_is_asked_for_once_and_then_alone(
    sample_settings: ServiceSettings, asked: list[int]
) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        suppose_quick(batches, LONG)
        for expected in ([3], [3, 1, 1, 1]):
            errors = await queue(batches, connections, LONG, 3)
            assert {type(error) for error in errors} == {asyncpg.QueryCanceledError}
            assert asked == expected

    run(sample_settings.model_copy(update={"read_timeout_ms": 200}), test)


def test_the_question_for_a_tile_that_was_parted_from_others_ends_when_it_is_left(
    sample_settings: ServiceSettings,
) -> None:
    async def test(batches: Batches, connections: Connections) -> None:
        suppose_quick(batches, FAULTY_OR_ENDLESS)
        async with connections.lend():
            waiting = [asyncio.create_task(batches.fetchrow(FAULTY_OR_ENDLESS, place(x))) for x in (0, 2)]
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            with pytest.raises(asyncpg.DivisionByZeroError):
                await waiting[0]
            while not await asyncio.to_thread(queries_under_way, sample_settings):
                await asyncio.sleep(0.01)
            waiting[1].cancel()
            while await asyncio.to_thread(queries_under_way, sample_settings):
                await asyncio.sleep(0.01)

    # The database itself would end it later.
    run(sample_settings.model_copy(update={"read_timeout_ms": 60_000}), test)

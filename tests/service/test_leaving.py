"""Clients that leave while their tile is being made: what becomes of the query, and of others who wait for it."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from sqlalchemy import make_url

from tests.conftest import Server, serving, settings_for

TILE = "/tiles/addresses/14/13026/7245.mvt"
CHOSEN = TILE + "?filter=kind%3D%27household%27"
WAITING = (
    "SELECT pid, query_start FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name LIKE 'bandoso%tiles' AND wait_event_type = 'Lock'"
)
LONGEST_MS = 60_000
"""What the database lets a tile take, so that within the time below a query ends only where it is cancelled."""

NOTICED_WITHIN_S = 3.0
A_MOMENT_S = 0.3


@dataclass(frozen=True)
class Slow:
    """A running service, and a connection that can make its tiles wait."""

    address: str
    administrator: psycopg.Connection

    @contextmanager
    def tiles_wait(self) -> Iterator[None]:
        """Hold what tiles of addresses are cut from."""
        with self.administrator.transaction():
            self.administrator.execute(
                "LOCK TABLE ops.tile_stamp, reg.addresses_placed, reg.addresses_tile IN ACCESS EXCLUSIVE MODE"
            )
            yield

    def waiting(self) -> list[tuple[object, ...]]:
        """Return the queries for tiles that wait, as it is now: a transaction sees what it saw first."""
        self.administrator.execute("SELECT pg_stat_clear_snapshot()")
        return self.administrator.execute(WAITING).fetchall()

    def leave_later(self, tile: str = TILE, held: str = "") -> socket.socket:
        """Ask for a tile, perhaps holding one of a version, and keep the connection, to hang up on it."""
        place = urlsplit(self.address)
        client = socket.create_connection((place.hostname or "", place.port or 0))
        condition = f"If-None-Match: {held}\r\n" if held else ""
        client.sendall(f"GET {tile} HTTP/1.1\r\nHost: {place.netloc}\r\n{condition}\r\n".encode())
        return client


@pytest.fixture
def slow(server: Server, scratch_sample_url: str) -> Iterator[Slow]:
    """A service on sample data of the test's own."""
    name = make_url(scratch_sample_url).database or ""
    settings = settings_for(scratch_sample_url, read_timeout_ms=LONGEST_MS)
    with serving(settings) as address, server.administrator(name) as administrator:
        yield Slow(address, administrator)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + NOTICED_WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_tile_that_one_client_left_is_made_for_the_others(slow: Slow) -> None:
    with ThreadPoolExecutor() as pool:
        with slow.tiles_wait():
            leaving = slow.leave_later()
            wait_until(lambda: len(slow.waiting()) == 1)
            before = slow.waiting()
            others = [pool.submit(httpx2.get, slow.address + TILE) for _ in range(3)]
            time.sleep(A_MOMENT_S)
            leaving.close()
            time.sleep(A_MOMENT_S)
            assert slow.waiting() == before
        answers = [other.result() for other in others]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(("tile", "held"), [(TILE, ""), (TILE, '"old"'), (CHOSEN, "")])
def test_a_tile_that_every_client_left_is_not_made_and_can_be_asked_for_again(slow: Slow, tile: str, held: str) -> None:
    with slow.tiles_wait():
        leaving = [slow.leave_later(tile, held) for _ in range(2)]
        wait_until(lambda: len(slow.waiting()) == 1)
        time.sleep(A_MOMENT_S)
        for client in leaving:
            client.close()
        wait_until(lambda: not slow.waiting())
    assert httpx2.get(slow.address + tile).status_code == 200


def test_a_client_that_comes_while_the_others_leave_gets_its_tile(slow: Slow) -> None:
    with ThreadPoolExecutor() as pool:
        with slow.tiles_wait():
            leaving = slow.leave_later()
            wait_until(lambda: len(slow.waiting()) == 1)
            leaving.close()
            coming = pool.submit(httpx2.get, slow.address + TILE)
            time.sleep(A_MOMENT_S)
        assert coming.result().status_code == 200


def test_who_finds_every_connection_taken_is_refused_within_a_second(slow: Slow) -> None:
    others = [f"/tiles/addresses/14/{x}/7245.mvt" for x in range(13027, 13030)]
    with slow.tiles_wait():
        leaving = [slow.leave_later(tile) for tile in others]
        time.sleep(A_MOMENT_S)
        began = time.monotonic()
        answer = httpx2.get(slow.address + TILE)
        took_s = time.monotonic() - began
        for client in leaving:
            client.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:bandoso:problem:tiles_busy"
    assert took_s < 1.0
    assert httpx2.get(slow.address + TILE).status_code == 200

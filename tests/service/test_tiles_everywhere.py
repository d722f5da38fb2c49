"""Processes of one installation on several machines: each serves the new tile at once, whatever became of its news."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import mapbox_vector_tile
import psycopg
import pytest
from sqlalchemy import make_url

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import get_register
from tests.conftest import Server, serving, settings_for

TILE = "/tiles/addresses/14/13026/7245.mvt"
EVERYWHERE_WITHIN_S = 1.0
NOTICED_DEAD_WITHIN_S = 8.0
HEARING_AGAIN_WITHIN_S = 10.0
LISTENERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bandoso tiles' "
    "AND query ~ '^(SELECT register, max|SELECT z, x, y FROM open.tile_stamp|SELECT$)'"
)


@dataclass(frozen=True)
class Machines:
    """API processes that share nothing but the database."""

    addresses: list[str]
    database: Database
    administrator: psycopg.Connection
    unused: Iterator[int] = field(default_factory=lambda: itertools.count(90_001))
    """Ends of address codes that the sample has not."""

    def listeners(self) -> set[int]:
        """Return the database processes that tell the API of revisions."""
        return {pid for (pid,) in self.administrator.execute(LISTENERS)}

    def counts(self) -> list[int]:
        """Return how many addresses each machine has in the tile."""
        return [
            len(mapbox_vector_tile.decode(httpx2.get(address + TILE).content)["addresses"]["features"])
            for address in self.addresses
        ]

    def await_counts(self, count: int, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while (counts := self.counts()) != [count] * len(self.addresses):
            assert time.monotonic() < deadline, counts

    def await_listeners(self, wanted: int) -> None:
        """Wait until every machine hears of revisions again."""
        deadline = time.monotonic() + HEARING_AGAIN_WITHIN_S
        while len(self.listeners()) != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def machines(server: Server, worker_name: str) -> Iterator[Machines]:
    url = server.create(f"everywhere_{worker_name}", "template_sample")
    name = make_url(url).database or ""
    one, two = settings_for(url), settings_for(url)
    database = Database(one)
    with serving(one) as first, serving(two) as second, server.administrator(name) as administrator:
        yield Machines([first, second], database, administrator)
    database.dispose()
    server.drop(name)


@pytest.fixture
def publish(machines: Machines, tmp_path: Path) -> "Publish":
    return Publish(machines, tmp_path)


@dataclass
class Publish:
    """Publishes one address in the tile at each call."""

    machines: Machines
    folder: Path

    def __call__(self) -> None:
        number = next(self.machines.unused)
        lon, lat = httpx2.get(f"{self.machines.addresses[0]}/collections/addresses/items/1").json()["geometry"]["coordinates"]  # fmt: skip
        file = self.folder / "new.csv"
        file.write_text(
            f"ma_dia_chi,loai,kinh_do,vi_do\n07997{number},ho gia dinh,{lon + 1e-5},{lat + 1e-5}\n",
            encoding="utf-8",
        )
        published = import_file(
            self.machines.database, ImportRequest(file, file.name, get_register("addresses"), SYSTEM)
        )
        assert published.counts.added == 1, published.report.as_dict()


def test_every_machine_serves_the_new_tile_within_a_second(machines: Machines, publish: Publish) -> None:
    for _ in range(2):
        before = machines.counts()
        assert before[0] == before[1]
        publish()
        machines.await_counts(before[0] + 1, EVERYWHERE_WITHIN_S)
        assert machines.counts() == [before[0] + 1] * 2


def test_a_machine_whose_news_were_cut_off_serves_no_stale_tile(machines: Machines, publish: Publish) -> None:
    machines.await_listeners(2)
    before = machines.counts()[0]
    cut = machines.listeners()
    for pid in cut:
        machines.administrator.execute("SELECT pg_terminate_backend(%s)", [pid])
    publish()
    machines.await_counts(before + 1, EVERYWHERE_WITHIN_S)
    machines.await_listeners(2)
    assert not machines.listeners() & cut
    machines.counts()
    publish()
    machines.await_counts(before + 2, EVERYWHERE_WITHIN_S)


@contextmanager
def silent(pids: set[int]) -> Iterator[None]:
    """Let connections be as dead as behind a network that has forgotten them: nobody answers, nobody hangs up."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.long
def test_a_machine_whose_news_stay_away_notices_it(machines: Machines, publish: Publish) -> None:
    machines.await_listeners(2)
    before = machines.counts()[0]
    with silent(machines.listeners()):
        publish()
        machines.await_counts(before + 1, NOTICED_DEAD_WITHIN_S)
    machines.await_listeners(2)

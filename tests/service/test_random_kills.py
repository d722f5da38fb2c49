"""Kills at moments that nobody chose, ``kill -9`` of database backends and of the whole server among them.

``BANDOSO_TEST_KILLS`` (10) says how many, ``BANDOSO_TEST_SEED`` (2026) which.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil
import psycopg
import pytest

from service.cluster import Cluster
from tests.conftest import SAMPLE_TEMPLATE, VAR, Server, build_templates, settings_for
from tests.service.kill_matrix import WORKERS, Cell, Matrix, count_unfinished, prefix, readers_of
from tests.service.people import address_csv

KILLS = int(os.environ.get("BANDOSO_TEST_KILLS", "10"))
SEED = int(os.environ.get("BANDOSO_TEST_SEED", "2026"))
VICTIMS = ("worker", "reader", "api", "backend", "server")
ROWS, MOST_FILES = 500, 90
APART_S = (0.3, 8.0)
FINISHED_WITHIN_S, READER_WITHIN_S = 60.0, 5.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(KILLS * 30 + 600)]


@dataclass(frozen=True)
class File(Cell):
    """One of the files that are sent all the while."""

    def content(self, number: int) -> bytes:
        return address_csv(*(f"{prefix(number)}{row:03}" for row in range(ROWS)))


@dataclass
class Storm(Matrix):
    """A service on a server of its own that is struck at random.

    Attributes
    ----------
    struck : list of str
        Whom, in this order.
    """

    cluster: Cluster | None = None
    struck: list[str] = field(default_factory=list)
    is_calm: bool = False

    def send(self, cell: Cell) -> None:
        """Send one more file while there is anything to survive."""
        if not self.is_calm:
            super().send(cell)

    def rage(self, dice: random.Random) -> None:
        """Strike one after the other."""
        while len(self.struck) < KILLS:
            time.sleep(dice.uniform(*APART_S))
            victim = dice.choice(VICTIMS)
            self.struck += [victim] if getattr(self, f"kill_{victim}")(dice) else []

    def supervise(self) -> None:
        """Start anew what has ended, as the supervisor does: a worker that finds no database at its start ends too."""
        while not self.is_over:
            self.workers = [worker for worker in self.workers if worker.poll() is None]
            for _ in range(WORKERS - len(self.workers)):
                self.start_worker()
            if self.api.poll() is not None:
                self.start_api()
            time.sleep(0.5)

    def kill_worker(self, dice: random.Random) -> bool:
        alive = list(self.workers)
        if alive:
            dice.choice(alive).kill()
        return bool(alive)

    def kill_reader(self, _dice: random.Random) -> bool:
        deadline = time.monotonic() + READER_WITHIN_S
        while time.monotonic() < deadline:
            for worker in self.workers:
                for reader in readers_of(worker.pid):
                    with suppress(psutil.NoSuchProcess):
                        reader.kill()
                        return True
        return False

    def kill_api(self, _dice: random.Random) -> bool:
        self.api.kill()
        return True

    def kill_backend(self, dice: random.Random) -> bool:
        statement = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bandoso%' "
            "ORDER BY pid"
        )
        with suppress(psycopg.OperationalError), self.connect() as connection:
            found = [row[0] for row in connection.execute(statement).fetchall()]
            with suppress(ProcessLookupError):
                for backend in dice.sample(found, min(1, len(found))):
                    os.kill(backend, signal.SIGKILL)
                    return True
        return False

    def kill_server(self, _dice: random.Random) -> bool:
        assert self.cluster is not None
        postmaster = int((self.cluster.directory.data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self.cluster.ensure()
        return True


@contextmanager
def own_server() -> Iterator[Server]:
    """Run a server that may be killed without harm to other tests."""
    found = Server(Cluster(VAR / "pg-killed"))
    found.cluster.ensure()
    try:
        build_templates(found)
        yield found
    finally:
        found.cluster.stop()


@pytest.fixture(scope="module")
def storm() -> Iterator[Storm]:
    """The service after the storm, with everything over; how long that took is held to what is promised."""
    with own_server() as server:
        settings = settings_for(server.create("killed", SAMPLE_TEMPLATE, outlives_crash=True))
        files = [File("any", f"file{number}", ("auto", "ask")[number % 2]) for number in range(MOST_FILES)]
        found = Storm(settings, files, failpoint="", cluster=server.cluster)
        try:
            ride_out(found)
            yield found
        finally:
            found.close()


def ride_out(storm: Storm) -> None:
    """Send files, strike, and wait for the end of all that was accepted."""
    others = [threading.Thread(target=work, daemon=True) for work in (storm.look_on, storm.supervise)]
    sending = threading.Thread(target=storm.send_all, args=(storm.cells,), daemon=True)
    for thread in (*others, sending):
        thread.start()
    storm.rage(random.Random(SEED))
    calm_at = time.monotonic()
    storm.is_calm = True
    sending.join(FINISHED_WITHIN_S)
    sys.stdout.write(f"struck {storm.struck}, over after {time.monotonic() - calm_at:.1f} s\n")
    assert not sending.is_alive(), storm.struck
    storm.is_over = True
    for thread in others:
        thread.join()


def ask(storm: Storm, statement: str) -> list[tuple[object, ...]]:
    with storm.connect() as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload,no-any-return]


def test_every_file_that_was_acknowledged_came_to_its_end(storm: Storm) -> None:
    accepted = {fate.accepted for fate in storm.fates.values() if fate.accepted}
    found = ask(storm, "SELECT id::text, state, report -> 'messages' -> 0 ->> 'code' FROM ops.upload")
    assert {row[0] for row in found} == accepted
    assert len(found) > KILLS / 2
    spoilt = {("rejected", "READER_DIED")} if "reader" in storm.struck else set()
    assert {row[1:] for row in found if row[1] != "published"} <= spoilt
    assert any(row[1] == "published" for row in found)
    with storm.connect() as connection:
        assert count_unfinished(connection) == 0


def test_every_published_file_is_whole_and_no_other_left_a_row(storm: Storm) -> None:
    counted = dict(
        ask(storm, "SELECT left(value, 7), count(*) FROM reg.address_codes WHERE value LIKE '07900%' GROUP BY 1")
    )
    states = dict(ask(storm, "SELECT id::text, state FROM ops.upload"))
    published = [fate for fate in storm.fates.values() if fate.accepted and states[fate.accepted] == "published"]
    assert counted == {prefix(fate.number): ROWS for fate in published}


def test_nobody_ever_saw_a_half_published_file(storm: Storm) -> None:
    assert {sight for sight in storm.sights if sight[0] == "rows"} == {("rows", ROWS, ROWS, ROWS)}
    assert {sight for sight in storm.sights if sight[0] == "revisions"} == {("revisions", 0)}


def test_revisions_have_no_gap_and_nothing_is_left_behind(storm: Storm) -> None:
    numbers = [row[0] for row in ask(storm, "SELECT number FROM ops.revision WHERE register = 'addresses' ORDER BY 1")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert ask(storm, "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []
    assert [reader for worker in storm.workers for reader in readers_of(worker.pid)] == []

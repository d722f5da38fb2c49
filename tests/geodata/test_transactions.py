"""Transactions are numbered in the order in which they become visible, whoever publishes at the same time."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from geodata.db import Database
from geodata.registers import get_register
from tests.conftest import settings_for
from tests.geodata.series import put, rows

WRITERS = ("villages", "tourism_points", "growing_areas", "villages")
TIMES = 4


def write(database: Database, register_id: str, at: int) -> None:
    """Publish, and take one's time before the commit."""
    with database.worker() as connection:
        put(connection, get_register(register_id), rows(get_register(register_id), at + 1))
        time.sleep(random.random() / 20)
    with database.worker() as connection:
        put(connection, get_register("addresses"), rows(get_register("addresses"), at + 1))
        connection.rollback()


def test_whoever_sees_a_number_sees_all_below_it(scratch_url: str) -> None:
    """And one that is rolled back leaves no gap."""
    seen: list[tuple[int, int]] = []
    with Database(settings_for(scratch_url, write_pool_size=8)) as database, ThreadPoolExecutor(8) as threads:
        busy = [
            threads.submit(write, database, name, at * TIMES + turn)
            for turn in range(TIMES)
            for at, name in enumerate(WRITERS[:2])
        ]
        statement = text("SELECT count(transaction), coalesce(max(transaction), 0) FROM open.revision")
        while not all(one.done() for one in busy):
            with database.read() as connection:
                seen.append(tuple(connection.execute(statement).one()))  # type: ignore[arg-type]
        for one in busy:
            one.result()
        with database.read() as connection:
            missing = connection.scalar(text("SELECT count(*) FROM open.revision WHERE transaction IS NULL"))
            assert tuple(connection.execute(statement).one()) >= (len(busy), len(busy))
    assert missing == 0
    assert all(count == highest for count, highest in seen)
    assert len(set(seen)) > 2

"""Long lists: of one revision whatever is published meanwhile, with little memory."""

import tracemalloc
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from geodata import streaming
from geodata.db import Database
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.matching import ItemsQuery
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.registers import get_register
from geodata.removal import remove_records
from geodata.sorting import SortKey
from geodata.streaming import list_records, stream_records
from tests.conftest import settings_for

ADDRESSES = get_register("addresses")


@pytest.fixture
def own(scratch_sample_url: str) -> Iterator[Database]:
    """A database with the sample that this test may change."""
    database = Database(settings_for(scratch_sample_url))
    yield database
    database.dispose()


def remove_the_last(database: Database, register: Register, count: int) -> None:
    live = register.table
    with database.worker() as connection:
        lock_register(connection, register)
        last = select(live.c.id).order_by(live.c.id.desc()).limit(count)
        ids = list(connection.scalars(last))
        number = start_revision(
            connection, register, Counts(0, 0, count), author="test", note=None, upload_id=None, communes=None
        )
        gone = select(live.c.id).where(live.c.id.in_(ids))
        remove_records(connection, register, number, gone)
        Refresh(connection, register, number).run(gone)
        announce(connection, register, number)


@pytest.mark.parametrize(
    "sort", [(), (SortKey(ADDRESSES.field("street"), is_descending=True),)], ids=["by id", "sorted"]
)
def test_a_stream_holds_what_was_there_when_it_began(
    own: Database, monkeypatch: pytest.MonkeyPatch, sort: tuple[SortKey, ...]
) -> None:
    monkeypatch.setattr(streaming, "BATCH", 400)
    query = ItemsQuery(limit=100_000, sort=sort)
    with own.read() as connection:
        listing = list_records(connection, ADDRESSES, query)
    expected = [row.uuid for rows in stream_records(own, ADDRESSES, query, listing) for row in rows]
    batches = stream_records(own, ADDRESSES, query, listing)
    found = [row.uuid for row in next(batches)]
    remove_the_last(own, ADDRESSES, 1000)
    found += [row.uuid for rows in batches for row in rows]
    assert len(expected) == 5000
    assert found == expected
    with own.read() as connection:
        assert len(list_records(connection, ADDRESSES, query).ids) == 4000


def test_a_stream_holds_a_batch_at_a_time(sample_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BATCH", 100)
    query = ItemsQuery(limit=100_000)
    with sample_database.read() as connection:
        listing = list_records(connection, ADDRESSES, query)
    batches = stream_records(sample_database, ADDRESSES, query, listing)
    next(batches)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        count = sum(len(rows) for rows in batches)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 4900
    assert most - before < 2 << 20

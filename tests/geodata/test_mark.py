"""The mark of a database: the same for whoever asks of one state, another where an earlier state goes on."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, NullPool, create_engine, text

from geodata.db import PUBLIC_ROLE
from geodata.mark import DATABASE_MARK, MARK_DIGITS
from service.cluster import Cluster


def mark_of(url: str) -> str:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(DATABASE_MARK.encode()).fetchone()
        assert row is not None
        return str(row[0])


def test_the_public_role_may_read_the_mark_and_it_is_everybodys(connection: Connection, sample_url: str) -> None:
    found = connection.scalar(text(DATABASE_MARK))
    with create_engine(connection.engine.url, poolclass=NullPool).connect() as public:
        public.execute(text(f"SET ROLE {PUBLIC_ROLE}"))
        assert public.scalar(text(DATABASE_MARK)) == found
        assert len(found) == MARK_DIGITS == len(f"{int(found, 16):0{MARK_DIGITS}x}")
    assert mark_of(sample_url) != found


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server whose log can be replayed in part."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        found = Cluster(Path(folder) / "pg", memory=1 << 29)
        found.ensure()
        with psycopg.connect(found.administrator_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET wal_level = 'replica'")
            connection.execute("ALTER SYSTEM SET restore_command = 'false'")
            connection.execute("ALTER SYSTEM SET checkpoint_timeout = '1h'")
        yield found
        found.stop()


def start_from_log(cluster: Cluster, signal: str) -> Path:
    """Start the server as a replica, or to go on from an earlier state; returns the file that says so."""
    file = cluster.directory.data / signal
    file.touch()
    file.chmod(0o666)
    with suppress(psycopg.errors.ReadOnlySqlTransaction):  # a replica takes nothing new; it answers by then
        cluster.ensure()
    return file


@pytest.mark.long
def test_a_replica_shares_the_mark_and_an_earlier_state_that_goes_on_has_another(cluster: Cluster) -> None:
    before = mark_of(cluster.url)
    cluster.stop()
    cluster.ensure()
    assert mark_of(cluster.url) == before
    cluster.stop()
    replica = start_from_log(cluster, "standby.signal")
    assert mark_of(cluster.url) == before
    cluster.stop()
    replica.unlink()
    start_from_log(cluster, "recovery.signal")
    with psycopg.connect(cluster.administrator_url, autocommit=True) as connection:
        while connection.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
            pass
    assert mark_of(cluster.url) != before

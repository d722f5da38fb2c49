"""Connections: what a restart of the database leaves behind is not handed out."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from geodata.db import Database
from tests.conftest import Server, settings_for


@pytest.fixture
def database(scratch_url: str) -> Iterator[Database]:
    with Database(settings_for(scratch_url)) as found:
        yield found


def pid_of(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def test_a_connection_that_the_server_has_ended_meanwhile_fails_nobody(database: Database, server: Server) -> None:
    with database.read() as first, database.read() as second:
        pids = [int(one.scalar(text("SELECT pg_backend_pid()")) or 0) for one in (first, second)]
    with server.administrator("postgres") as administrator:
        for pid in pids:
            administrator.execute("SELECT pg_terminate_backend(%s)", [pid])
        deadline = time.monotonic() + 10
        while administrator.execute("SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)", [pids]).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert pid_of(database) not in pids
    with database.read() as first, database.read() as second:
        for one in (first, second):
            assert one.scalar(text("SELECT 1")) == 1


def test_a_connection_that_lay_unused_is_used_again(database: Database) -> None:
    assert pid_of(database) == pid_of(database)

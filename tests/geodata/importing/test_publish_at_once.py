"""All or nothing, and several at once: no reader and no later publish ever meets half a revision."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from shapely import Point
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from geodata.db import SYSTEM, Database
from geodata.importing import staging
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file, settle
from geodata.importing.staging import StagingSink
from geodata.registers import get_register
from tests.conftest import settings_for
from tests.geodata.builders import agency, field_of, household, publish, rows_of, sight, write_geojson

PERSON = "Nguyễn Thị Bí Mật"


@pytest.fixture
def database(scratch_url: str) -> Iterator[Database]:
    found = Database(settings_for(scratch_url, write_pool_size=8))
    yield found
    found.dispose()


# --- all or nothing


def broken(connection: Connection, register: str, rows: list[dict[str, Any]]) -> None:
    """Publish, then fail in the transaction as a full disk or a lost worker would."""
    publish(connection, register, rows)
    connection.execute(text("SELECT 1 / 0"))


def everything(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """Return all that a publish writes, and the shape of the tables it loads."""
    tables = [
        "reg.addresses",
        "reg.address_codes",
        "reg.household_private",
        "reg.addresses_tile",
        "reg.addresses_grid",
        "reg.addresses_finished",
    ]
    contents = [rows_of(connection, f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1") for table in tables]
    for table in ("ops.revision", "ops.change", "ops.tile_stamp"):
        column = "layer" if table == "ops.tile_stamp" else "register"
        contents.append(
            rows_of(connection, f"SELECT to_jsonb(t)::text FROM {table} t WHERE {column} = 'addresses' ORDER BY 1")
        )
    return [*contents, *shape_of_tables(connection)]


def shape_of_tables(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [
        rows_of(
            connection, "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'reg' ORDER BY 1, 2"
        ),
        rows_of(
            connection,
            "SELECT conrelid::regclass::text, conname, contype, convalidated, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'reg'::regnamespace ORDER BY 1, 2",
        ),
    ]


@pytest.mark.parametrize("known", [[], [household("0000000009", head_name=PERSON)]], ids=["first load", "later load"])
def test_a_failing_publish_leaves_nothing(connection: Connection, known: list[dict[str, Any]]) -> None:
    if known:
        publish(connection, "addresses", known)
    before = everything(connection)
    savepoint = connection.begin_nested()
    with pytest.raises(SQLAlchemyError, match="division by zero"):
        broken(connection, "addresses", [household("0000000001", head_name="A"), agency("0000000009")])
    savepoint.rollback()
    assert everything(connection) == before


@pytest.mark.parametrize(
    ("register", "row"),
    [
        ("addresses", household("0000000001", head_name=PERSON)),
        ("growing_areas", field_of("VN-DNOR-0269")),
        ("tourism_points", sight("A")),
        ("villages", sight("Thôn 1")),
    ],
)
def test_indexes_and_constraints_are_all_back_after_a_first_load(
    connection: Connection, register: str, row: dict[str, Any]
) -> None:
    before = shape_of_tables(connection)
    publish(connection, register, [row])
    connection.execute(text("SELECT ops.settle_bulk_load()"))
    assert shape_of_tables(connection) == before


def test_a_first_load_that_breaks_a_rule_of_the_database_fails_as_a_whole(connection: Connection) -> None:
    """Rules are set aside while an empty register is loaded; they must be checked when they come back."""
    before = everything(connection)
    savepoint = connection.begin_nested()
    with pytest.raises(SQLAlchemyError, match="uq_tourism_points_slug"):
        publish(connection, "tourism_points", [sight("A", slug="a"), sight("B", slug="a")])
    savepoint.rollback()
    assert everything(connection) == before


def test_rows_that_the_database_does_not_take_end_the_import_and_leave_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy runs in a thread of its own; what goes wrong there must not be lost."""
    path = write_geojson(tmp_path / "f.geojson", [agency("0000000001")])
    request = ImportRequest(path, path.name, get_register("addresses"), SYSTEM)
    monkeypatch.setattr(staging, "new_uuids", lambda count: ["no uuid"] * count)
    with pytest.raises(psycopg.DataError):
        import_file(database, request)
    with database.worker() as connection:
        assert rows_of(connection, "SELECT 1 FROM pg_tables WHERE schemaname = 'staging'") == []
        assert rows_of(connection, "SELECT 1 FROM ops.revision WHERE register = 'addresses'") == []


def test_a_worker_that_stands_still_while_it_stages_does_not_keep_the_next_one_waiting(database: Database) -> None:
    job, register = uuid4(), get_register("addresses")
    with database.worker() as still, StagingSink(still, register, job) as earlier:
        earlier.open(["street"])
        with database.worker() as connection, StagingSink(connection, register, job) as later:
            connection.execute(text("SET LOCAL lock_timeout = '2s'"))
            later.open(["street"])
            later.keep()
    with database.worker() as connection, StagingSink(connection, register, job) as last:
        last.open(["street"])
        tables = rows_of(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'")
        assert tables == [(last.name,)]


def test_a_first_load_is_settled_after_its_commit(database: Database, tmp_path: Path) -> None:
    """The planner knows the new tables then, and the keys of a record's parts are checked."""
    path = write_geojson(tmp_path / "f.geojson", [agency(f"000000000{digit}") for digit in range(1, 4)])
    import_file(database, ImportRequest(path, path.name, get_register("addresses"), SYSTEM))
    unchecked = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    counted = "SELECT relname, reltuples FROM pg_class WHERE oid IN ('reg.addresses'::regclass, 'reg.addresses_tile'::regclass)"
    with database.worker() as connection:
        assert len(rows_of(connection, unchecked)) == 2
    settle(database)
    settle(database)
    with database.worker() as connection:
        assert rows_of(connection, unchecked) == []
        assert sorted(rows_of(connection, counted)) == [("addresses", 3.0), ("addresses_tile", 3.0)]


def test_progress_goes_on_while_rows_are_published(database: Database, tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "f.geojson", [agency(f"00000000{number:02}") for number in range(1, 21)])
    told: list[tuple[str, int, int]] = []
    request = ImportRequest(path, path.name, get_register("addresses"), SYSTEM)
    import_file(database, request, lambda *progress: told.append(progress))
    assert [done for stage, done, total in told if stage == "publishing"] == [0, 2, 8, 13, 20]
    assert {total for stage, _, total in told if stage == "publishing"} == {20}


def test_the_worker_cannot_set_aside_indexes_of_a_register_in_use(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    assert rows_of(connection, "SELECT ops.begin_bulk_load('addresses')") == [(False,)]


def test_only_registers_can_be_set_aside(connection: Connection) -> None:
    with pytest.raises(SQLAlchemyError, match="does not exist"):
        connection.execute(text("SELECT ops.begin_bulk_load('account')"))


# --- several at once


def in_threads(work: Callable[[int], None], count: int) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def test_eight_publishers_at_once_get_eight_revisions_without_a_gap(database: Database) -> None:
    def work(number: int) -> None:
        with database.worker() as connection:
            publish(connection, "addresses", [agency(f"{number:010}", geom=Point(108 + number / 100, 16))])

    in_threads(work, 8)
    with database.worker() as connection:
        query = "SELECT number, added FROM ops.revision WHERE register = 'addresses' ORDER BY number"
        assert rows_of(connection, query) == [(number, 1) for number in range(1, 9)]
        assert rows_of(connection, "SELECT count(*), count(DISTINCT revision) FROM reg.addresses") == [(8, 8)]


def test_publishers_of_the_same_file_at_once_make_one_revision(database: Database) -> None:
    revisions: list[int | None] = []

    def work(_number: int) -> None:
        with database.worker() as connection:
            revisions.append(publish(connection, "addresses", [agency("0000000001")]).revision)

    in_threads(work, 4)
    assert sorted(revisions, key=str) == [1, None, None, None]


def test_revisions_that_fail_leave_no_gap(database: Database) -> None:
    with database.worker() as connection:
        publish(connection, "addresses", [agency("0000000001")])
    with pytest.raises(SQLAlchemyError), database.worker() as connection:
        broken(connection, "addresses", [agency("0000000002")])
    with database.worker() as connection:
        assert publish(connection, "addresses", [agency("0000000003")]).revision == 2


def test_readers_see_all_of_a_publish_or_nothing_of_it(database: Database) -> None:
    """Records, slim copy, counts and revision, read in one statement over and over while batches arrive."""
    query = text(
        "SELECT (SELECT count(*) FROM open.addresses), (SELECT count(*) FROM open.addresses_tile), "
        "(SELECT coalesce(sum(count), 0)::int FROM open.addresses_grid WHERE z = 12), "
        "(SELECT coalesce(sum(added), 0)::int FROM open.revision WHERE register = 'addresses')"
    )
    batches = [
        [agency(f"{batch}{row:09}", geom=Point(108 + row / 1000, 16)) for row in range(200)] for batch in range(4)
    ]
    seen: set[tuple[int, ...]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with database.read() as connection:
                seen.add(tuple(connection.execute(query).one()))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for rows in batches:
            with database.worker() as connection:
                publish(connection, "addresses", rows)
    finally:
        done.set()
        reader.join(30)
    assert seen <= {(count,) * 4 for count in (0, 200, 400, 600, 800)}
    assert len(seen) > 1


def test_a_publish_is_announced_when_it_is_committed_and_not_before(database: Database, scratch_url: str) -> None:
    with psycopg.connect(scratch_url.replace("+psycopg", ""), autocommit=True) as listener:
        listener.execute("LISTEN bandoso_revision")
        with pytest.raises(SQLAlchemyError), database.worker() as connection:
            broken(connection, "addresses", [agency("0000000001")])
        with database.worker() as connection:
            publish(connection, "addresses", [agency("0000000001")])
            assert list(listener.notifies(timeout=0.1)) == []
        heard = list(listener.notifies(timeout=5, stop_after=1))
    assert [(note.channel, note.payload) for note in heard] == [("bandoso_revision", "addresses 1")]


def test_a_file_that_changes_nothing_is_not_announced(database: Database, scratch_url: str) -> None:
    with database.worker() as connection:
        publish(connection, "addresses", [agency("0000000001")])
    with psycopg.connect(scratch_url.replace("+psycopg", ""), autocommit=True) as listener:
        listener.execute("LISTEN bandoso_revision")
        with database.worker() as connection:
            publish(connection, "addresses", [agency("0000000001")])
        assert list(listener.notifies(timeout=0.2)) == []

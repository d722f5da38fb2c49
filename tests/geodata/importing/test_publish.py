"""A publish is all or nothing: one revision, its history, its word to everybody, and nothing left behind."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from shapely import Point
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from geodata.db import SYSTEM, Actor, Database
from geodata.history import Counts, latest_revision
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import get_register
from tests.conftest import settings_for
from tests.geodata.builders import (
    COMMUNE,
    OTHER_COMMUNE,
    PLACE,
    agency,
    field_of,
    household,
    publish,
    send,
    sight,
    write_geojson,
)

PERSON = "Nguyễn Thị Bí Mật"


def rows_of(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def database(scratch_url: str) -> Iterator[Database]:
    found = Database(settings_for(scratch_url, write_pool_size=8))
    yield found
    found.dispose()


# --- what a publish does


def test_new_rows_are_added_as_one_revision(connection: Connection) -> None:
    published = publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    assert (published.revision, published.counts) == (1, Counts(2, 0))


def test_the_revision_tells_who_published_what(connection: Connection, tmp_path: Path) -> None:
    actor = Actor("canbo", (COMMUNE,))
    send(connection, "tourism_points", [sight("Làng Túy Loan")], tmp_path, actor=actor, note="đợt một")
    query = "SELECT number, author, note, added, changed, removed FROM ops.revision WHERE register = 'tourism_points'"
    assert rows_of(connection, query) == [(1, "canbo", "đợt một", 1, 0, 0)]


def test_the_same_file_again_makes_no_revision(connection: Connection, tmp_path: Path) -> None:
    rows = [
        household("0000000001", head_name=PERSON, phone="0900123456", recorded_on="2026-03-05"),
        agency("0000000002", head_name=None, phone=None, recorded_on=None),
    ]
    first, second = (send(connection, "addresses", rows, tmp_path) for _ in range(2))
    assert (first.revision, second.revision, second.counts) == (1, None, Counts(0, 0))
    assert second.report.outcome == "ok"


def test_the_same_areas_again_make_no_revision(connection: Connection, tmp_path: Path) -> None:
    rows = [field_of("VN-DNOR-0269", harvest_months="1,2,12", area_ha="1,5", markets="CHN")]
    first, second = (send(connection, "growing_areas", rows, tmp_path) for _ in range(2))
    assert (first.revision, second.revision) == (1, None)


def test_each_register_counts_its_own_revisions(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    publish(connection, "tourism_points", [sight("A")])
    assert [latest_revision(connection, name) for name in ("addresses", "tourism_points", "villages")] == [1, 1, 0]


def test_records_carry_the_revision_that_touched_them_last(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    publish(connection, "addresses", [agency("0000000002", name="Trạm y tế")])
    query = "SELECT name, revision FROM reg.addresses ORDER BY id"
    assert rows_of(connection, query) == [("UBND xã", 1), ("Trạm y tế", 2)]


def test_ids_are_uuids_of_version_7_and_stay_for_life(connection: Connection) -> None:
    query = "SELECT id, uuid, substr(uuid::text, 15, 1) FROM reg.addresses"
    publish(connection, "addresses", [agency("0000000001")])
    before = rows_of(connection, query)
    publish(connection, "addresses", [agency("0000000001", name="Trạm y tế")])
    assert rows_of(connection, query) == before
    assert before[0][2] == "7"


def test_an_inserted_record_is_in_the_history_without_a_before(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    query = "SELECT revision, operation, before FROM ops.change WHERE register = 'addresses'"
    assert rows_of(connection, query) == [(1, "I", None)]


def test_a_file_without_a_valid_row_is_refused_and_leaves_nothing(connection: Connection, tmp_path: Path) -> None:
    published = send(connection, "addresses", [agency("123")], tmp_path)
    assert (published.report.outcome, published.revision, published.report.rejected) == ("refused", None, 1)
    assert latest_revision(connection, "addresses") == 0


@pytest.mark.parametrize("code", ["0000000001", "123"])
def test_no_staging_table_stays_behind(connection: Connection, tmp_path: Path, code: str) -> None:
    send(connection, "addresses", [agency(code)], tmp_path)
    assert rows_of(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []


def test_good_rows_are_published_though_others_are_refused(connection: Connection, tmp_path: Path) -> None:
    published = send(connection, "addresses", [agency("0000000001"), agency("123"), agency("0000000003")], tmp_path)
    report = published.report
    assert (published.counts, report.read, report.valid, report.rejected) == (Counts(2, 0), 3, 2, 1)


def test_a_half_filled_column_publishes_with_defaults(connection: Connection, tmp_path: Path) -> None:
    rows = [agency("0000000001"), {**agency("0000000002"), "kind": None, "name": None}]
    assert send(connection, "addresses", rows, tmp_path).counts == Counts(2, 0)
    assert rows_of(connection, "SELECT kind FROM reg.addresses ORDER BY kind") == [("agency",), ("household",)]


# --- doubles within a file


@pytest.mark.parametrize(
    ("register", "rows"),
    [
        ("addresses", [agency("0000000001"), agency("0000000001", name="Trạm y tế")]),
        ("addresses", [agency("0000000001"), agency(" 00000-00001", name="Trạm y tế")]),
        ("growing_areas", [field_of("VN-DNOR-0269"), field_of("vn – dnor – 0269")]),
        ("tourism_points", [sight("Chợ Bến"), sight("Chợ  bến", geom=Point(108.2, 16.2))]),
        ("villages", [sight("Thôn 1"), sight("Thôn 1", geom=Point(108.2, 16.2))]),
    ],
)
def test_the_second_row_with_a_key_of_the_file_is_refused(
    connection: Connection, tmp_path: Path, register: str, rows: list[dict[str, Any]]
) -> None:
    """Also where the key is made of several fields, normalised by the model, or computed from the name."""
    published = send(connection, register, rows, tmp_path)
    assert published.counts == Counts(1, 0)
    message = next(message for message in published.report.messages if message["code"] == "CODE_DOUBLED")
    assert message["row"] == 2
    assert "đã có ở dòng 1" in message["vi"]


def test_two_villages_of_one_name_in_two_communes_are_two(connection: Connection, tmp_path: Path) -> None:
    rows = [sight("Thôn 1"), sight("Thôn 1", commune_code=OTHER_COMMUNE)]
    assert send(connection, "villages", rows, tmp_path).counts == Counts(2, 0)


def test_a_refused_row_does_not_hold_its_code(connection: Connection, tmp_path: Path) -> None:
    rows = [agency("0000000001", commune_code="99999"), agency("0000000001")]
    published = send(connection, "addresses", rows, tmp_path)
    assert published.counts == Counts(1, 0)
    assert "CODE_DOUBLED" not in published.report.counts


# --- who may change what


def test_an_officer_cannot_change_a_record_of_another_commune_by_its_code(
    connection: Connection, tmp_path: Path
) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    taken = agency("0000000001", name="Chiếm", commune_code=OTHER_COMMUNE)
    published = send(connection, "addresses", [taken], tmp_path, actor=Actor("canbo", (OTHER_COMMUNE,)))
    assert (published.revision, dict(published.report.counts)["COMMUNE_NOT_YOURS"]) == (None, 1)
    assert published.report.outcome == "refused"
    assert rows_of(connection, "SELECT name, commune_code FROM reg.addresses") == [("UBND xã", COMMUNE)]


def test_who_may_change_both_communes_may_move_a_record(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    moved = agency("0000000001", commune_code=OTHER_COMMUNE)
    assert publish(connection, "addresses", [moved], actor=Actor("canbo", (COMMUNE, OTHER_COMMUNE))).counts == Counts(
        0, 1
    )


def test_a_household_s_name_goes_to_its_private_data_and_never_to_the_address(
    connection: Connection, tmp_path: Path
) -> None:
    send(connection, "addresses", [household("0000000001", ten=PERSON)], tmp_path)
    assert rows_of(connection, "SELECT name FROM reg.addresses") == [(None,)]
    assert rows_of(connection, "SELECT head_name FROM reg.household_private") == [(PERSON,)]


def test_no_private_value_is_in_the_history_or_the_search(connection: Connection, tmp_path: Path) -> None:
    for phone in ("0900123456", "0900123457"):
        send(connection, "addresses", [household("0000000001", ten=PERSON, phone=phone)], tmp_path)
    for table in ("ops.change", "reg.search_entry", "reg.addresses_tile", "ops.revision"):
        written = str(
            rows_of(
                connection,
                f"SELECT to_jsonb(t) FROM {table} t WHERE to_jsonb(t)->>'register' IS DISTINCT FROM 'communes'",
            )
        )
        assert PERSON not in written
        assert "09001234" not in written


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
    assert shape_of_tables(connection) == before


def test_a_first_load_that_breaks_a_rule_of_the_database_fails_as_a_whole(connection: Connection) -> None:
    """Rules are set aside while an empty register is loaded; they must be checked when they come back."""
    before = everything(connection)
    savepoint = connection.begin_nested()
    with pytest.raises(SQLAlchemyError, match="uq_tourism_points_slug"):
        publish(connection, "tourism_points", [sight("A", slug="a"), sight("B", slug="a")])
    savepoint.rollback()
    assert everything(connection) == before


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


def test_import_file_reads_checks_and_commits(database: Database, tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "f.geojson", [agency("0000000001"), agency("x")])
    stages: list[str] = []
    request = ImportRequest(path, "f.geojson", get_register("addresses"), SYSTEM)
    published = import_file(database, request, lambda stage, _done, _total: stages.append(stage))
    assert (published.revision, published.counts) == (1, Counts(1, 0))
    assert list(dict.fromkeys(stages)) == ["reading", "validating", "publishing"]
    with database.read() as connection:
        assert rows_of(connection, "SELECT code FROM open.addresses") == [("0000000001",)]


@pytest.mark.parametrize(
    ("register", "row"),
    [
        ("communes", {"code": COMMUNE, "name": "X", "full_name": "Phường X", "province_code": "48"}),
        ("provinces", {"code": "48", "name": "X", "full_name": "Tỉnh X"}),
    ],
)
def test_a_unit_that_is_listed_already_is_changed_and_not_added(
    connection: Connection, tmp_path: Path, register: str, row: dict[str, Any]
) -> None:
    drawn = {**row, "geom": PLACE.buffer(0.01)}
    first, second = (send(connection, register, [drawn], tmp_path) for _ in range(2))
    assert (first.counts, second.counts) == (Counts(0, 1), Counts(0, 0))

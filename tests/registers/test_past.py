"""What every register promises of its past: to be read as it was, and to be undone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, select, text

from geodata.db import PUBLIC_ROLE, SYSTEM, WORKER_ROLE, Base
from geodata.ddl import replaced_view_select, states_view_select
from geodata.derived import grid_table, tile_table
from geodata.errors import ParameterError
from geodata.features import count_matches, past_ids_statement, read_feature, read_page
from geodata.history import state_of
from geodata.matching import ItemsQuery
from geodata.past import changed_ids_statement
from geodata.register import Register
from geodata.registers import discover, get_register
from geodata.rollback import roll_back
from tests.geodata.builders import OTHER_COMMUNE, agency, set_policy, take_role
from tests.geodata.series import CHANGES, ids_of, put, remove, rows

REGISTERS = list(discover().values())
AROUND = ((108.0, 16.0, 108.2, 16.2),)


@pytest.fixture(params=REGISTERS, ids=lambda register: register.id)
def register(request: pytest.FixtureRequest) -> Register:
    found: Register = request.param
    return found


def content(connection: Connection, register: Register) -> dict[int, Any]:
    """Return all that a register holds, without who wrote it last."""
    live = register.table
    return {
        row[0]: {name: value for name, value in row[1].items() if name not in {"revision", "updated_at"}}
        for row in connection.execute(select(live.c.id, state_of(register)))
    }


def derived(connection: Connection, register: Register) -> list[Any]:
    """Return what is derived from a register: slim copy, counts, search entries."""
    tables = [tile_table(register)] + ([grid_table(register)] if register.tile.counts_below is not None else [])
    found: list[Any] = []
    for table in tables:
        where = "WHERE count <> 0" if table.name.endswith("_grid") else ""
        found += sorted(map(str, connection.execute(text(f"SELECT t::text FROM reg.{table.name} t {where}"))))
    entries = text("SELECT e::text FROM reg.search_entry e WHERE register = :id")
    return found + sorted(connection.scalars(entries, {"id": register.id}))


def series(connection: Connection, register: Register) -> Iterator[int]:
    """Add, change, change otherwise, remove, undo the removal, undo a change that was changed again: a revision each."""
    first, second = CHANGES[register.id]
    yield (added := put(connection, register, rows(register, 1, 2, 3)))
    ids = ids_of(connection, register, added)
    yield (changed := put(connection, register, [*rows(register, 1, 2, **first), *rows(register, 4)]))
    yield put(connection, register, rows(register, 1, **{**first, **second}))
    yield (removed := remove(connection, register, ids[0], ids[2]))
    for number in (removed, changed):
        revision = roll_back(connection, register, number, SYSTEM).revision
        assert revision is not None
        yield revision


GUARDED = [
    (register, policy) for register in REGISTERS if register.guarded is not None for policy in ("lookup", "aggregate")
]


@pytest.mark.parametrize(
    ("register", "policy"),
    [*((register, "code_point") for register in REGISTERS), *GUARDED],
    ids=lambda value: getattr(value, "id", value),
)
def test_items_as_of_a_revision_are_those_of_that_moment(
    register: Register, policy: str, connection: Connection
) -> None:
    """Byte for byte, in pages, in a box and one by one, and as the public role may read them."""
    set_policy(connection, policy)
    take_role(connection, WORKER_ROLE)
    seen: dict[int, Any] = {}
    for revision in series(connection, register):
        take_role(connection, PUBLIC_ROLE)
        seen[revision] = read_all(connection, register)
        take_role(connection, WORKER_ROLE)
    take_role(connection, PUBLIC_ROLE)
    assert {revision: read_all(connection, register, revision) for revision in seen} == seen
    assert len({str(one) for one in seen.values()}) >= (1 if policy != "code_point" else 5)


def read_all(connection: Connection, register: Register, at: int | None = None) -> list[Any]:
    """Read a register in every way that items are asked for, now or as it was."""
    whole = read_page(connection, register, ItemsQuery(limit=10_000, at=at))
    pages = read_page(connection, register, ItemsQuery(limit=2, offset=1, at=at))
    further = read_page(connection, register, ItemsQuery(limit=2, after=pages.last_id or 0, at=at))
    queries = [ItemsQuery(limit=50, boxes=AROUND, at=at), *(ItemsQuery(equals=one, at=at) for one in asked(register))]
    found = [read_page(connection, register, query) for query in queries]
    counts = [count_matches(connection, register, query) for query in queries]
    ids = [json.loads(feature)["id"] for feature in found[0].features]
    single = [read_feature(connection, register, uuid, at) for uuid in ids]
    return [whole, pages, further, found, counts, single]


def test_a_page_of_the_past_is_found_by_the_history_s_index(register: Register, connection: Connection) -> None:
    """Not by the documents: with 675,000 states replaced, reading each ran into the limit of time."""
    put(connection, register, rows(register, 1))
    statement = past_ids_statement(register, ItemsQuery(limit=10, after=5, at=1))
    query = statement.compile(connection, compile_kwargs={"literal_binds": True})
    # A table of no rows would be read whole.
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    connection.execute(text("SET LOCAL enable_bitmapscan = off"))
    connection.execute(text("SET LOCAL enable_sort = off"))
    take_role(connection, PUBLIC_ROLE)
    plan = [line.strip() for line in connection.scalars(text(f"EXPLAIN {query}".replace(":", r"\:")))]
    conditions = [line for line in plan if line.startswith("Index Cond:") and f"register = '{register.id}'" in line]
    assert any("(feature_id > 5)" in line for line in conditions), plan
    assert not any("Sort  (" in line for line in plan), plan


def test_what_a_revision_changed_is_found_by_the_history_s_indexes(register: Register, connection: Connection) -> None:
    """Not by the documents: with 250,000 records changed, no revision of the register could be looked at."""
    put(connection, register, rows(register, 1))
    statement = changed_ids_statement(register, 2, limit=10, after=5)
    query = statement.compile(connection, compile_kwargs={"literal_binds": True})
    for name in ("seqscan", "bitmapscan"):
        connection.execute(text(f"SET LOCAL enable_{name} = off"))
    take_role(connection, PUBLIC_ROLE)
    plan = [line.strip() for line in connection.scalars(text(f"EXPLAIN {query}".replace(":", r"\:")))]
    ways = [line for line in plan if line.startswith("Index Cond:") and f"register = '{register.id}'" in line]
    assert all("(feature_id > 5)" in line for line in ways), plan
    assert ["before ->> 'revision'" in line for line in ways] == [False, True], plan


def test_a_page_of_the_past_ends_where_too_much_was_replaced_and_the_next_goes_on(
    register: Register, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a filter that few states match would have every document read, and none would be found in time."""
    for revision in series(connection, register):
        last = revision
    queries = [ItemsQuery(limit=50, boxes=AROUND), ItemsQuery(limit=10_000)]
    queries += [ItemsQuery(limit=50, equals=one) for one in asked(register)]
    wanted = {at: [features(connection, register, replace(query, at=at)) for query in queries] for at in range(1, last)}
    for states in (1, 2):
        monkeypatch.setattr("geodata.features.STATES_A_PAGE", states)
        pages = 0
        for at, found in wanted.items():
            assert [features(connection, register, replace(query, at=at)) for query in queries] == found
            pages += ends_early(connection, register, at)
        assert pages > 0


def ends_early(connection: Connection, register: Register, at: int) -> bool:
    """Whether the first page of a whole register is not the last; then there is no offset into it."""
    page = read_page(connection, register, ItemsQuery(limit=10_000, at=at))
    if page.last_id is not None:
        with pytest.raises(ParameterError):
            read_page(connection, register, ItemsQuery(limit=10_000, offset=1, at=at))
    return page.last_id is not None


def features(connection: Connection, register: Register, query: ItemsQuery) -> list[str]:
    """Follow a question through all its pages."""
    page = read_page(connection, register, query)
    if page.last_id is None:
        return page.features
    return page.features + features(connection, register, replace(query, after=page.last_id))


def test_other_communes_changes_do_not_cut_a_page_of_one_commune(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = get_register("addresses")
    put(connection, register, [agency("0000000001"), agency("0000000002", commune_code=OTHER_COMMUNE)])
    put(connection, register, [agency(f"000000000{number}", name="Mới") for number in (1, 2)])
    monkeypatch.setattr("geodata.features.STATES_A_PAGE", 1)
    take_role(connection, PUBLIC_ROLE)
    page = read_page(connection, register, ItemsQuery(equals={"commune_code": OTHER_COMMUNE}, at=1))
    assert [json.loads(one)["properties"]["code"] for one in page.features] == ["0000000002"]


def asked(register: Register) -> list[dict[str, Any]]:
    """Return what items are asked for by value: the key of one record, and a field that changes."""
    known = rows(register, 1)[0]
    key = {name: known[name] for name in register.key if name in known}
    # The first change that is no list.
    change = next((name, value) for name, value in CHANGES[register.id][0].items() if not isinstance(value, list))
    public = {item.name for item in register.public_fields}
    return [one for one in (key, dict([change])) if one and one.keys() <= public]


def test_undoing_a_revision_gives_back_what_was_there_before(register: Register, connection: Connection) -> None:
    put(connection, register, rows(register, 1, 2, 3))
    before, beside = content(connection, register), derived(connection, register)
    changed = put(connection, register, [*rows(register, 1, 2, **CHANGES[register.id][0]), *rows(register, 4, 5)])
    assert content(connection, register) != before
    found = roll_back(connection, register, changed, SYSTEM)
    assert (found.restored, found.removed, found.reinserted, found.conflicts) == (2, 2, 0, [])
    assert found.revision == changed + 1
    assert content(connection, register) == before
    assert derived(connection, register) == beside
    stored = connection.execute(text("SELECT added, changed, removed, note FROM ops.revision WHERE register = :id "
                                     "AND number = :number"), {"id": register.id, "number": found.revision}).one()  # fmt: skip
    assert tuple(stored) == (0, 2, 2, f"Hoàn tác đợt {changed}")


def test_undoing_a_removal_gives_the_records_back_with_their_ids(register: Register, connection: Connection) -> None:
    added = put(connection, register, rows(register, 1, 2, 3))
    before, beside = content(connection, register), derived(connection, register)
    removed = remove(connection, register, *ids_of(connection, register, added)[:2])
    assert len(content(connection, register)) == len(before) - 2
    found = roll_back(connection, register, removed, SYSTEM)
    assert (found.restored, found.removed, found.reinserted, found.conflicts) == (0, 0, 2, [])
    assert content(connection, register) == before
    assert derived(connection, register) == beside


def test_undoing_the_undoing_is_the_state_before_it(register: Register, connection: Connection) -> None:
    states = {number: content(connection, register) for number in series(connection, register)}
    last = max(states)
    found = roll_back(connection, register, last, SYSTEM)
    assert content(connection, register) == states[last - 1]
    assert roll_back(connection, register, found.revision or 0, SYSTEM).conflicts == []
    assert content(connection, register) == states[last]


def test_a_removal_takes_all_that_is_kept_of_a_record(register: Register, connection: Connection) -> None:
    before, beside = content(connection, register), derived(connection, register)
    added = put(connection, register, rows(register, 1, 2, 3))
    ids = ids_of(connection, register, added)
    removed = remove(connection, register, *ids)
    assert content(connection, register) == before
    assert derived(connection, register) == beside
    for table in (*register.shared_tables, *register.private_tables):
        assert not connection.execute(select(table).where(table.c.feature_id.in_(ids))).all()
    query = text("SELECT operation FROM ops.change WHERE register = :id AND revision = :number")
    operations = connection.scalars(query, {"id": register.id, "number": removed}).all()
    assert operations == ["D"] * 3


def test_a_revision_undone_already_makes_no_revision(register: Register, connection: Connection) -> None:
    put(connection, register, rows(register, 1))
    changed = put(connection, register, rows(register, 1, **CHANGES[register.id][0]))
    assert roll_back(connection, register, changed, SYSTEM).revision == changed + 1
    again = roll_back(connection, register, changed, SYSTEM)
    assert (again.revision, again.restored, again.conflicts) == (None, 0, [])


def test_what_tables_hang_on_a_register_s_are_its_own(register: Register) -> None:
    """A record that is undone is written anew: a table that only the database ties to it would lose its rows."""
    own = {register.table, *register.shared_tables, *register.private_tables}
    tied = {
        table
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table is register.table
    }
    assert tied <= own


def test_the_views_of_states_in_the_database_are_what_the_declaration_says(register: Register, sample_url: str) -> None:
    with psycopg.connect(sample_url.replace("+psycopg", "")) as connection:
        connection.execute(f"CREATE TEMP VIEW expected AS {states_view_select(register)}")  # type: ignore[arg-type]  # ours
        connection.execute(f"CREATE TEMP VIEW expected_replaced AS {replaced_view_select(register)}")  # type: ignore[arg-type]  # ours
        query = "SELECT pg_get_viewdef(%s::regclass)"
        for name, kind in (("expected", "states"), ("expected_replaced", "replaced")):
            expected = connection.execute(query, [f"pg_temp.{name}"]).fetchone()
            assert connection.execute(query, [f"open.{register.id}_{kind}"]).fetchone() == expected

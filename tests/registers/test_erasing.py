"""What every register promises of records that are erased: nothing of them is left, and who has a copy is told."""

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from geodata.db import PUBLIC_ROLE, SYSTEM, WORKER_ROLE
from geodata.derived import tile_table
from geodata.erasing import Erased, erase, list_erased
from geodata.errors import FeatureNotFoundError
from geodata.features import read_page
from geodata.matching import ItemsQuery
from geodata.register import Register
from geodata.registers import discover, get_register
from geodata.rollback import roll_back
from service.auth.principal import UNITS
from service.cluster import OWNER
from tests.geodata.builders import COMMUNE, household, set_policy, take_role
from tests.geodata.series import ids_of, put, rows
from tests.registers.test_changes import events_of, latest, state_of
from tests.registers.test_past import content, series

REGISTERS = [register for register in discover().values() if register.id not in UNITS]


@pytest.fixture(params=REGISTERS, ids=lambda register: register.id)
def register(request: pytest.FixtureRequest) -> Register:
    found: Register = request.param
    return found


@pytest.fixture
def owner(connection: Connection) -> Connection:
    """A transaction that may take every role, and is never committed."""
    set_policy(connection, "code_point")
    take_role(connection, WORKER_ROLE)
    return connection


def erased(connection: Connection, register: Register, *uuids: UUID) -> Erased:
    take_role(connection, OWNER)
    done = erase(connection, register, uuids, "shell")
    take_role(connection, WORKER_ROLE)
    return done


def uuid_of(connection: Connection, register: Register, number: int) -> UUID:
    """Return the uuid of a record that is there or was."""
    live = register.table
    now = connection.scalar(select(live.c.uuid).where(live.c.id == number))
    was = text("SELECT feature_uuid FROM ops.change WHERE register = :register AND feature_id = :id LIMIT 1")
    found: UUID = now or connection.execute(was, {"register": register.id, "id": number}).scalar_one()
    return found


def past(connection: Connection, register: Register, revision: int) -> list[Any]:
    """Return a register as everybody may read it as it was."""
    take_role(connection, PUBLIC_ROLE)
    page = read_page(connection, register, ItemsQuery(limit=10_000, at=revision))
    take_role(connection, WORKER_ROLE)
    return [json.loads(feature) for feature in page.features]


def test_of_erased_records_nothing_is_left_and_the_rest_is_as_it_was(register: Register, owner: Connection) -> None:
    made = list(series(owner, register))
    first, second, third = ids_of_series(owner, register, made[0])
    going = {str(uuid_of(owner, register, number)) for number in (first, third)}
    before = {revision: past(owner, register, revision) for revision in made}
    kept = {key: value for key, value in content(owner, register).items() if key not in {first, third}}
    done = erased(owner, register, *map(UUID, going))
    assert done.revision == made[-1] + 1
    assert done.past > 0
    assert content(owner, register) == kept
    for revision in made:
        assert past(owner, register, revision) == [one for one in before[revision] if one["id"] not in going]
    tables = ["ops.change", "ops.change_private", f"reg.{tile_table(register).name}", "reg.search_entry"]
    for name in tables:
        found = "".join(owner.scalars(text(f"SELECT t::text FROM {name} t")))
        assert not [uuid for uuid in going if uuid in found], name
    for name in tables[:2]:
        statement = text(f"SELECT feature_id FROM {name} WHERE register = :id")
        assert not {first, third} & set(owner.scalars(statement, {"id": register.id}))
    assert second in kept


def ids_of_series(connection: Connection, register: Register, added: int) -> list[int]:
    """Return the numbers of the three records that a series begins with, whatever became of them."""
    statement = text("SELECT id FROM open.touched_ids(:register, :number, 0, 10) AS id")
    latest(connection)
    return list(connection.scalars(statement, {"register": register.id, "number": added}))


def test_who_has_a_copy_is_told_to_delete_it_and_nothing_else(register: Register, owner: Connection) -> None:
    since = latest(owner)
    made = list(series(owner, register))
    number = ids_of_series(owner, register, made[0])[1]
    uuid = uuid_of(owner, register, number)
    copy = state_of(owner, register, latest(owner))
    assert number in copy
    erased(owner, register, uuid)
    events = events_of(owner, register, since, limit=2)
    theirs = [one for one in events if one.number == number]
    assert [(one.kind, one.id, one.before, one.after) for one in theirs] == [("delete", str(uuid), None, None)]
    assert theirs[0].revision == made[-1] + 1
    del copy[number]
    assert state_of(owner, register, latest(owner)) == copy
    where = COMMUNE if "commune_code" in register.table.c else None
    assert theirs[0].unit == where
    for unit, told in ((where, 1), ("48", 1), ("01", 0)) if where else ():
        assert [one.number for one in events_of(owner, register, since, unit=unit)].count(number) == told


def test_who_missed_a_removal_is_told_of_it_when_the_record_is_erased(register: Register, owner: Connection) -> None:
    since = latest(owner)
    made = list(series(owner, register))
    gone = [one.number for one in events_of(owner, register, since) if one.kind == "delete"]
    left = [number for number in gone if number not in content(owner, register)]
    numbers = left or gone[:1]
    erased(owner, register, *(uuid_of(owner, register, number) for number in numbers))
    told = [one for one in events_of(owner, register, since) if one.number in numbers]
    assert [(one.kind, one.before) for one in told] == [("delete", None)] * len(numbers)
    assert {one.revision for one in told} == {made[-1] + 1}


def test_undoing_brings_no_erased_record_back(register: Register, owner: Connection) -> None:
    made = list(series(owner, register))
    number = ids_of_series(owner, register, made[0])[0]
    done = erased(owner, register, uuid_of(owner, register, number))
    assert done.revision is not None
    for revision in (done.revision, *reversed(made)):
        roll_back(owner, register, revision, SYSTEM)
        assert number not in content(owner, register)


def test_erasing_again_does_nothing_and_what_never_was_is_refused(register: Register, owner: Connection) -> None:
    added = put(owner, register, rows(register, 1, 2))
    uuids = [uuid_of(owner, register, number) for number in ids_of(owner, register, added)]
    assert erased(owner, register, uuids[0]).live == 1
    assert erased(owner, register, uuids[0]) == Erased(None)
    with pytest.raises(FeatureNotFoundError):
        erased(owner, register, uuids[1], uuid4())
    take_role(owner, OWNER)
    assert erase(owner, register, [uuids[1], uuid4()], "shell", only_known=True).live == 1
    assert list_erased(owner) == [(register.id, uuid) for uuid in uuids]


def test_a_household_that_was_never_public_leaves_no_trace_for_the_public(owner: Connection) -> None:
    register = get_register("addresses")
    set_policy(owner, "aggregate")
    take_role(owner, WORKER_ROLE)
    since = latest(owner)
    added = put(owner, register, [household("0790000001", head_name="Trần Thị Bốn")])
    erased(owner, register, uuid_of(owner, register, ids_of(owner, register, added)[0]))
    assert events_of(owner, register, since) == []
    take_role(owner, PUBLIC_ROLE)
    assert owner.execute(text("SELECT * FROM open.erasure")).all() == []


def test_nothing_is_taken_from_the_history_but_what_was_erased(owner: Connection) -> None:
    register = get_register("villages")
    list(series(owner, register))
    take_role(owner, OWNER)
    with pytest.raises(DBAPIError, match="append-only") as caught:
        owner.execute(text("DELETE FROM ops.change WHERE register = 'villages'"))
    assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)

"""What every register promises of its events: applied in their order, page by page, they make the register."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from geodata.changes import ChangesQuery, Event, Position, first_and_latest, read_events, read_state, revision_at
from geodata.db import PUBLIC_ROLE, WORKER_ROLE
from geodata.register import Register
from geodata.registers import discover, get_register
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, agency, field_of, household, set_policy, sight, take_role
from tests.geodata.series import ids_of, put, rows
from tests.registers.test_past import series

REGISTERS = list(discover().values())


@pytest.fixture
def numbered(connection: Connection) -> Connection:
    """A transaction of the worker that is never committed."""
    take_role(connection, WORKER_ROLE)
    return connection


def latest(connection: Connection) -> int:
    """Let revisions get the numbers that a commit would give them; return the last."""
    for when in ("IMMEDIATE", "DEFERRED"):
        connection.execute(text(f"SET CONSTRAINTS ALL {when}"))
    return first_and_latest(connection)[1]


def events_of(connection: Connection, register: Register, since: int, *, limit: int = 100, unit: str | None = None) -> list[Event]:  # fmt: skip
    """Return all events after a transaction, page by page, as the public reads them."""
    until = latest(connection)
    take_role(connection, PUBLIC_ROLE)
    found: list[Event] = []
    position: Position | None = Position(since)
    while position is not None:
        query = ChangesQuery((register,), position, until, limit, unit)
        events, position = read_events(connection, query)
        assert len(events) <= limit
        found += events
    take_role(connection, WORKER_ROLE)
    return found


def state_of(connection: Connection, register: Register, transaction: int, unit: str | None = None) -> dict[int, Any]:
    """Return a register as the public sees it after a transaction; pages grow, so that 3,321 communes are not 1,661 of them."""
    take_role(connection, PUBLIC_ROLE)
    revision, found, after, limit = revision_at(connection, register, transaction), {}, 0, 2
    while True:
        page = read_state(connection, register, revision, after=after, limit=limit, unit=unit)
        found.update((row.id, json.loads(row.feature)) for row in page.rows)
        if page.last_id is None:
            break
        after, limit = page.last_id, limit * 2
    take_role(connection, WORKER_ROLE)
    return found


def replayed(state: dict[int, Any], events: list[Event]) -> Iterator[tuple[int, dict[int, Any]]]:
    """Apply events to a state; yield it after each transaction."""
    state = dict(state)
    for at, event in enumerate(events):
        assert (event.before is not None) == (event.number in state)
        assert event.before is None or json.loads(event.before) == state[event.number]
        if event.after is None:
            del state[event.number]
        else:
            state[event.number] = json.loads(event.after)
        if at + 1 == len(events) or events[at + 1].transaction != event.transaction:
            yield event.transaction, dict(state)


@pytest.mark.parametrize(
    ("register", "policy"),
    [*((one, "code_point") for one in REGISTERS), (get_register("addresses"), "lookup")],
    ids=lambda value: getattr(value, "id", value),
)
def test_events_make_each_state_out_of_the_one_before(register: Register, policy: str, numbered: Connection) -> None:
    set_policy(numbered, policy)
    take_role(numbered, WORKER_ROLE)
    since = latest(numbered)
    made = list(series(numbered, register))
    assert latest(numbered) == since + len(made)
    events = events_of(numbered, register, since, limit=2)
    assert [(one.transaction, one.number) for one in events] == sorted(
        {(one.transaction, one.number) for one in events}
    )
    before = state_of(numbered, register, since)
    for transaction, state in replayed(before, events):
        assert state == state_of(numbered, register, transaction)
    assert {one.kind for one in events} == {"insert", "update", "delete"}


def test_a_record_that_moves_leaves_one_commune_and_comes_to_the_other(numbered: Connection) -> None:
    register = get_register("growing_areas")
    since = latest(numbered)
    put(numbered, register, [field_of("PUC-1"), field_of("PUC-2")])
    put(numbered, register, [field_of("PUC-1", commune_code=OTHER_COMMUNE)])
    kinds = {
        unit: [one.kind for one in events_of(numbered, register, since, unit=unit)]
        for unit in (COMMUNE, OTHER_COMMUNE, "48", "01")
    }
    assert kinds == {
        COMMUNE: ["insert", "insert", "delete"], OTHER_COMMUNE: ["insert"], "48": ["insert", "insert", "update"], "01": [],
    }  # fmt: skip
    counts = [
        len(state_of(numbered, register, latest(numbered), unit)) for unit in (COMMUNE, OTHER_COMMUNE, "48", "01")
    ]
    assert counts == [1, 1, 2, 0]


def test_what_was_never_public_leaves_no_event_and_what_becomes_public_begins(numbered: Connection) -> None:
    register = get_register("growing_areas")
    since = latest(numbered)
    put(numbered, register, [field_of("PUC-1", status="proposed")])
    put(numbered, register, [field_of("PUC-1", status="proposed", crop="Sầu riêng")])
    assert events_of(numbered, register, since) == []
    put(numbered, register, [field_of("PUC-1", status="active")])
    put(numbered, register, [field_of("PUC-1", status="proposed")])
    events = events_of(numbered, register, since)
    assert [(one.kind, one.before is None, one.after is None) for one in events] == [
        ("insert", True, False), ("delete", False, True),
    ]  # fmt: skip
    assert state_of(numbered, register, latest(numbered)) == {}


def test_households_that_are_not_shown_leave_no_event(numbered: Connection) -> None:
    register = get_register("addresses")
    set_policy(numbered, "aggregate")
    take_role(numbered, WORKER_ROLE)
    since = latest(numbered)
    put(numbered, register, [household("0790000001"), agency("0790000002"), household("0790000003")])
    put(numbered, register, [household("0790000001", street="Đường mới")])
    events = events_of(numbered, register, since, limit=1)
    assert [one.kind for one in events] == ["insert"]
    assert json.loads(events[0].after or "")["properties"]["kind"] == "agency"


def test_a_consent_that_is_taken_back_takes_the_value_from_all_events(numbered: Connection) -> None:
    register = get_register("tourism_points")
    since = latest(numbered)
    put(numbered, register, [sight("Homestay", phone="0236 3847 333", contact_consent=True)])
    assert "3847" in str(events_of(numbered, register, since))
    put(numbered, register, [sight("Homestay", contact_consent=False)])
    events = events_of(numbered, register, since)
    assert [one.kind for one in events] == ["insert", "update"]
    assert "3847" not in str(events)


def test_records_that_lists_leave_out_are_in_a_state(numbered: Connection) -> None:
    register = get_register("growing_areas")
    put(numbered, register, [field_of("PUC-1", status="revoked")])
    assert len(state_of(numbered, register, latest(numbered))) == 1


@pytest.mark.parametrize("register", [get_register("villages")], ids=["villages"])
def test_a_revision_is_looked_at_by_its_own_records_alone(register: Register, numbered: Connection) -> None:
    """Not by the whole register: what it added has the numbers that follow on the last one's."""
    put(numbered, register, rows(register, 1, 2))
    latest(numbered)
    added = put(numbered, register, rows(register, 3))
    latest(numbered)
    lasts = text("SELECT last_id FROM ops.revision WHERE register = :id AND number IN (:one, :other) ORDER BY number")
    before, after = numbered.scalars(lasts, {"id": register.id, "one": added - 1, "other": added}).all()
    assert ids_of(numbered, register, added) == [after]
    assert before == after - 1

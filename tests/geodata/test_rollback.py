"""Undoing a revision where more has happened since, where rules stand in the way, and who may."""

from typing import Any

import pytest
from shapely import Point
from sqlalchemy import Connection, select, text, update

from geodata.db import SYSTEM, WORKER_ROLE, Actor
from geodata.errors import NotAllowedError, RevisionNotFoundError, StaleRevisionError
from geodata.history import Counts, forget_private, latest_revision, lock_register, note_before, start_revision
from geodata.register import Register
from geodata.registers import get_register
from geodata.rollback import preview_rollback, roll_back
from service.cluster import OWNER
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, Row, agency, field_of, household, rows_of, sight, take_role
from tests.geodata.series import ids_of, put, remove

ADDRESSES, AREAS, SIGHTS = get_register("addresses"), get_register("growing_areas"), get_register("tourism_points")
FAR = Point(108.5, 16.5)


def row(connection: Connection, register: Register, at: int = 0) -> Any:
    """Return a record of a register, the first unless another is asked for."""
    return connection.execute(select(register.table).order_by(register.table.c.id)).all()[at]


def undo(connection: Connection, register: Register, number: int) -> Any:
    return roll_back(connection, register, number, SYSTEM)


def test_of_a_record_changed_again_each_field_that_only_the_undone_revision_changed_comes_back(
    connection: Connection,
) -> None:
    put(connection, AREAS, [field_of("PUC-1", name="Một", variety="A", organisation="HTX 1")])
    undone = put(connection, AREAS, [field_of("PUC-1", name="Hai", variety="B", organisation="HTX 2")])
    put(connection, AREAS, [field_of("PUC-1", name="Ba")])
    put(connection, AREAS, [field_of("PUC-1", organisation="HTX 1")])
    found = undo(connection, AREAS, undone)
    now = row(connection, AREAS)
    assert (now.name, now.variety, now.organisation) == ("Ba", "A", "HTX 1")
    assert (found.restored, found.removed, found.reinserted) == (1, 0, 0)
    assert [(one.id, one.uuid, one.label, one.fields) for one in found.conflicts] == [
        (now.id, now.uuid, "PUC-1", ["name"])
    ]


def test_place_and_commune_come_back_together_or_not_at_all(connection: Connection) -> None:
    put(connection, ADDRESSES, [agency("0000000001", street="Cũ")])
    undone = put(connection, ADDRESSES, [agency("0000000001", street="Mới", geom=Point(108.2, 16.2))])
    put(connection, ADDRESSES, [agency("0000000001", geom=FAR, commune_code=OTHER_COMMUNE)])
    found = undo(connection, ADDRESSES, undone)
    now = row(connection, ADDRESSES)
    assert (now.street, now.commune_code) == ("Cũ", OTHER_COMMUNE)
    assert rows_of(connection, "SELECT ST_X(geom) FROM reg.addresses") == [(FAR.x,)]
    assert [(one.label, one.fields) for one in found.conflicts] == [("0000000001", ["geom"])]


def test_a_record_changed_since_it_was_added_stays_and_is_listed(connection: Connection) -> None:
    undone = put(connection, SIGHTS, [sight("Một"), sight("Hai")])
    put(connection, SIGHTS, [sight("Hai", beds=3)])
    found = undo(connection, SIGHTS, undone)
    assert (found.removed, [(one.label, one.fields) for one in found.conflicts]) == (1, [("Hai", ["beds"])])
    assert rows_of(connection, "SELECT name FROM reg.tourism_points") == [("Hai",)]


def test_a_record_removed_since_it_was_changed_is_listed(connection: Connection) -> None:
    added = put(connection, SIGHTS, [sight("Một")])
    undone = put(connection, SIGHTS, [sight("Một", beds=3)])
    remove(connection, SIGHTS, *ids_of(connection, SIGHTS, undone))
    found = undo(connection, SIGHTS, undone)
    assert (found.revision, [(one.label, one.fields) for one in found.conflicts]) == (None, [("Một", ["beds"])])
    assert undo(connection, SIGHTS, added).revision is None


def test_a_code_that_another_record_holds_now_is_a_conflict_and_the_rest_is_undone(connection: Connection) -> None:
    added = put(connection, ADDRESSES, [agency("0000000001"), agency("0000000002", geom=FAR)])
    undone = remove(connection, ADDRESSES, *ids_of(connection, ADDRESSES, added))
    put(connection, ADDRESSES, [household("0000000001", geom=Point(108.15, 16.15))])
    found = undo(connection, ADDRESSES, undone)
    assert (found.reinserted, found.conflicts[0].label) == (1, "0000000001")
    assert found.conflicts[0].fields == ["code", "vpostcode", "location_id"]
    assert rows_of(connection, "SELECT count(*) FROM reg.addresses") == [(2,)]


def test_a_key_that_another_record_has_now_is_a_conflict(connection: Connection) -> None:
    added = put(connection, AREAS, [field_of("PUC-1")])
    undone = remove(connection, AREAS, *ids_of(connection, AREAS, added))
    put(connection, AREAS, [field_of("PUC-1", crop="Sầu riêng", geom=Point(108.3, 16.3))])
    found = undo(connection, AREAS, undone)
    assert (found.revision, found.conflicts[0].fields) == (None, ["code"])


def test_records_that_changed_codes_with_each_other_change_them_back(connection: Connection) -> None:
    put(connection, AREAS, [field_of("PUC-1", name="Một"), field_of("PUC-2", name="Hai")])
    undone = put(connection, AREAS, [field_of("PUC-1", crop="Xoài"), field_of("PUC-2", crop="Xoài")])
    # What an edited export does, which knows its records by their uuid.
    take_role(connection, OWNER)
    connection.execute(text("ALTER TABLE ops.change DISABLE TRIGGER append_only"))
    swap = "jsonb_set(before, '{code}', to_jsonb(CASE before ->> 'code' WHEN 'PUC-1' THEN 'PUC-2' ELSE 'PUC-1' END))"
    connection.execute(text(f"UPDATE ops.change SET before = {swap} WHERE register = 'growing_areas'"))
    take_role(connection, WORKER_ROLE)
    assert undo(connection, AREAS, undone).restored == 2
    assert rows_of(connection, "SELECT code, name FROM reg.growing_areas ORDER BY code") == [
        ("PUC-1", "Hai"), ("PUC-2", "Một"),
    ]  # fmt: skip


def test_a_record_that_would_break_a_rule_is_left(connection: Connection) -> None:
    """A household that became an agency, whose name came with it: the kind alone cannot go back."""
    put(connection, ADDRESSES, [household("0000000001"), household("0000000002", geom=FAR)])
    undone = put(connection, ADDRESSES, [agency("0000000001", name=None), agency("0000000002", name=None, geom=FAR)])
    put(connection, ADDRESSES, [agency("0000000001", name="Trạm y tế")])
    found = undo(connection, ADDRESSES, undone)
    assert (found.restored, [(one.label, one.fields) for one in found.conflicts]) == (
        1, [("0000000001", ["kind", "name"])],
    )  # fmt: skip
    assert rows_of(connection, "SELECT kind, name FROM reg.addresses ORDER BY id") == [
        ("agency", "Trạm y tế"), ("household", None),
    ]  # fmt: skip


def people(connection: Connection) -> list[tuple[Any, ...]]:
    return rows_of(connection, "SELECT head_name, phone FROM reg.household_private ORDER BY feature_id")


def test_what_is_private_comes_back_with_the_record(connection: Connection) -> None:
    first = household("0000000001", head_name="Nguyễn Văn A", phone="0912345678")
    added = put(connection, ADDRESSES, [first, household("0000000002", geom=FAR)])
    undone = put(connection, ADDRESSES, [
        household("0000000001", head_name="Trần Thị B"), household("0000000002", geom=FAR, head_name="Lê Văn C"),
    ])  # fmt: skip
    removed = remove(connection, ADDRESSES, *ids_of(connection, ADDRESSES, undone))
    assert people(connection) == []
    assert undo(connection, ADDRESSES, removed).reinserted == 2
    assert people(connection) == [("Trần Thị B", "0912345678"), ("Lê Văn C", None)]
    assert undo(connection, ADDRESSES, undone).restored == 2
    assert people(connection) == [("Nguyễn Văn A", "0912345678")]
    assert undo(connection, ADDRESSES, added).removed == 2


def test_what_is_private_and_no_longer_kept_stays_as_it_is(connection: Connection) -> None:
    put(connection, ADDRESSES, [household("0000000001", head_name="Nguyễn Văn A", street="Cũ")])
    undone = put(connection, ADDRESSES, [household("0000000001", head_name="Trần Thị B", street="Mới")])
    assert forget_private(connection, 1) == 0
    take_role(connection, OWNER)
    connection.execute(text("UPDATE ops.revision SET published_at = now() - interval '100 days'"))
    take_role(connection, WORKER_ROLE)
    assert forget_private(connection, 90) == 1
    assert undo(connection, ADDRESSES, undone).restored == 1
    assert (people(connection), row(connection, ADDRESSES).street) == ([("Trần Thị B", None)], "Cũ")


def test_the_history_for_everybody_s_eyes_holds_nothing_private(connection: Connection) -> None:
    put(connection, ADDRESSES, [household("0000000001", head_name="Nguyễn Văn A", phone="0912345678")])
    changed = put(connection, ADDRESSES, [household("0000000001", head_name="Trần Thị B")])
    remove(connection, ADDRESSES, *ids_of(connection, ADDRESSES, changed))
    written = str(rows_of(connection, "SELECT before FROM ops.change"))
    assert "Nguyễn" not in written
    assert "Trần" not in written
    assert "912345678" not in written


def test_a_preview_says_what_would_be_done_and_does_nothing(connection: Connection) -> None:
    put(connection, SIGHTS, [sight("Một"), sight("Hai")])
    undone = put(connection, SIGHTS, [sight("Một", beds=3), sight("Hai", beds=3), sight("Ba")])
    put(connection, SIGHTS, [sight("Hai", beds=4)])
    before = row(connection, SIGHTS), latest_revision(connection, "tourism_points")
    found = preview_rollback(connection, SIGHTS, undone, SYSTEM)
    assert (found.revision, found.restored, found.removed, found.conflict_count) == (None, 1, 1, 1)
    assert (row(connection, SIGHTS), latest_revision(connection, "tourism_points")) == before
    done = undo(connection, SIGHTS, undone)
    assert done.as_dict() == {**found.as_dict(), "revision": undone + 2}


@pytest.mark.parametrize("communes", [(), (COMMUNE,), (OTHER_COMMUNE,)])
def test_nobody_undoes_what_touched_a_commune_that_is_not_theirs(
    connection: Connection, communes: tuple[str, ...]
) -> None:
    undone = put(connection, SIGHTS, [sight("Một"), sight("Hai", commune_code=OTHER_COMMUNE)])
    with pytest.raises(NotAllowedError):
        roll_back(connection, SIGHTS, undone, Actor("xã", communes))
    assert latest_revision(connection, "tourism_points") == undone


def test_an_officer_of_all_its_communes_undoes_a_revision(connection: Connection) -> None:
    undone = put(connection, SIGHTS, [sight("Một"), sight("Hai", commune_code=OTHER_COMMUNE)])
    assert roll_back(connection, SIGHTS, undone, Actor("xã", (COMMUNE, OTHER_COMMUNE))).removed == 2
    assert rows_of(connection, "SELECT author FROM ops.revision WHERE register = 'tourism_points' ORDER BY number") == [
        ("system",), ("xã",),
    ]  # fmt: skip


def test_who_knows_an_older_state_undoes_nothing(connection: Connection) -> None:
    undone = put(connection, SIGHTS, [sight("Một")])
    put(connection, SIGHTS, [sight("Hai")])
    with pytest.raises(StaleRevisionError):
        roll_back(connection, SIGHTS, undone, SYSTEM, expected=undone)
    with pytest.raises(RevisionNotFoundError):
        roll_back(connection, SIGHTS, 99, SYSTEM)


def change_each(connection: Connection, register: Register, values: dict[str, Row]) -> int:
    """Change records that are named by their codes, codes included, as an edited export does; returns the revision."""
    live = register.table
    lock_register(connection, register)
    number = start_revision(connection, register, Counts(0, len(values), 0), author="system", note=None, upload_id=None)
    ids = {code: connection.scalar(select(live.c.id).where(live.c.code == code)) for code in values}
    note_before(connection, register, number, select(live.c.id).where(live.c.id.in_(ids.values())), "U")
    for code, row_values in values.items():
        statement = update(live).where(live.c.id == ids[code])
        connection.execute(statement.values(revision=number, **row_values))
    return number


def conflicts_of(found: Any) -> list[tuple[str, list[str]]]:
    return [(one.label, one.fields) for one in found.conflicts]


def test_a_record_that_is_left_keeps_the_code_that_another_would_have_had_again(connection: Connection) -> None:
    put(connection, AREAS, [field_of("PUC-A"), field_of("PUC-B"), field_of("PUC-C"), field_of("PUC-E")])
    undone = change_each(
        connection,
        AREAS,
        {"PUC-C": {"code": "PUC-D"}, "PUC-B": {"code": "PUC-C"}, "PUC-A": {"code": "PUC-B"}, "PUC-E": {"name": "Mới"}},
    )
    put(connection, AREAS, [field_of("PUC-A")])
    found = undo(connection, AREAS, undone)
    assert (found.restored, conflicts_of(found)) == (1, [("PUC-B", ["code"]), ("PUC-C", ["code"]), ("PUC-D", ["code"])])
    now = rows_of(connection, "SELECT code, name FROM reg.growing_areas ORDER BY id")
    assert now == [("PUC-B", None), ("PUC-C", None), ("PUC-D", None), ("PUC-E", None), ("PUC-A", None)]


def test_of_two_records_that_would_have_one_code_the_earlier_has_it(connection: Connection) -> None:
    put(connection, AREAS, [field_of("PUC-A"), field_of("PUC-B")])
    undone = change_each(connection, AREAS, {"PUC-A": {"code": "PUC-C", "name": "Mới"}, "PUC-B": {"code": "PUC-D"}})
    change_each(connection, AREAS, {"PUC-C": {"code": "PUC-B"}})
    found = undo(connection, AREAS, undone)
    assert (found.restored, conflicts_of(found)) == (1, [("PUC-B", ["code"]), ("PUC-D", ["code"])])
    assert rows_of(connection, "SELECT code, name FROM reg.growing_areas ORDER BY id") == [
        ("PUC-B", None),
        ("PUC-D", None),
    ]


@pytest.mark.parametrize("count", [120, pytest.param(30_000, marks=pytest.mark.long)])
def test_of_many_removed_records_those_whose_code_is_taken_are_listed_and_the_rest_stand_again(
    connection: Connection, count: int
) -> None:
    """Comparing each code with each other, 30,000 records would take many times the patience given."""
    added = put(connection, AREAS, [field_of(f"PUC-{at:06}") for at in range(count)])
    undone = remove(connection, AREAS, *ids_of(connection, AREAS, added))
    taken = [f"PUC-{at:06}" for at in range(0, count, count // 40)]
    put(connection, AREAS, [field_of(code) for code in taken])
    connection.execute(text("SET LOCAL statement_timeout = '20s'"))
    found = undo(connection, AREAS, undone)
    assert (found.reinserted, found.conflict_count) == (count - len(taken), len(taken))
    assert conflicts_of(found) == [(code, ["code"]) for code in taken]
    assert rows_of(connection, "SELECT count(*), count(DISTINCT code) FROM reg.growing_areas") == [(count, count)]

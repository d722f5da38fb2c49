"""Features that are written out are those that would be put together, after a first load and after every edit."""

import pytest
from sqlalchemy import Connection, text

from geodata.public_views import feature_of, public_view
from geodata.registers import discover, get_register
from geodata.written import is_kept, is_written, write_all
from tests.geodata.builders import agency, household, publish, set_policy, take_role

ADDRESSES = get_register("addresses")
CODES = [f"07900{at:05}" for at in range(6)]


@pytest.fixture
def settled(connection: Connection) -> Connection:
    """A register with six addresses, written out."""
    take_role(connection, "bandoso_worker")
    publish(connection, "addresses", [(household if at % 2 else agency)(code) for at, code in enumerate(CODES)])
    assert not is_written(connection, ADDRESSES)
    write_all(connection)
    return connection


def assert_written_as_shown(connection: Connection) -> None:
    view = public_view(ADDRESSES, is_past=False)
    places = text(
        "SELECT w.place::text = t.point::point::text FROM open.addresses_written w LEFT JOIN open.addresses_tile t USING (id)"
    )
    assert all(connection.scalars(places))
    shown = connection.execute(text("SELECT id, feature FROM open.addresses_written ORDER BY id")).all()
    expected = connection.execute(
        view.select().with_only_columns(view.c.id, feature_of(ADDRESSES, is_past=False)).order_by(view.c.id)
    ).all()
    assert [tuple(row) for row in shown] == [tuple(row) for row in expected]


def test_a_first_load_is_written_out_when_it_is_settled(settled: Connection) -> None:
    assert is_written(settled, ADDRESSES)
    assert_written_as_shown(settled)


def test_an_edit_changes_what_is_written_with_it(settled: Connection) -> None:
    publish(settled, "addresses", [agency(CODES[0], house_number="77"), household("0790099999")])
    assert settled.scalar(text("SELECT count(*) FROM open.addresses_written WHERE feature LIKE '%\"77\"%'")) == 1
    assert settled.scalar(text("SELECT count(*) FROM open.addresses_written")) == 7
    assert_written_as_shown(settled)


def test_what_is_private_is_not_written(settled: Connection) -> None:
    publish(settled, "addresses", [household("0790088888", head_name="Nguyễn Văn Canary", phone="0900000123")])
    found = settled.scalars(text("SELECT feature FROM reg.addresses_written")).all()
    assert len(found) == 7
    assert not [feature for feature in found if "Canary" in feature or "0900000123" in feature]


@pytest.mark.parametrize("policy", ["lookup", "aggregate"])
def test_under_a_policy_that_guards_records_nothing_is_shown_nor_kept(settled: Connection, policy: str) -> None:
    set_policy(settled, policy)
    assert settled.scalar(text("SELECT count(*) FROM open.addresses_written")) == 0
    take_role(settled, "bandoso_worker")
    publish(settled, "addresses", [agency(CODES[0], house_number="78")])
    assert not is_written(settled, ADDRESSES)
    write_all(settled)
    assert not is_written(settled, ADDRESSES)
    set_policy(settled, "code_point")
    take_role(settled, "bandoso_worker")
    write_all(settled)
    assert_written_as_shown(settled)


def test_only_registers_whose_values_are_public_on_no_condition_are_kept() -> None:
    kept = {register.id for register in discover().values() if is_kept(register)}
    assert kept == {"addresses"}

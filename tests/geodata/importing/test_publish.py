"""A publish: one revision of what changed, said row by row, and nothing that is not the officer's to change."""

from pathlib import Path
from typing import Any

import pytest
from shapely import Point
from sqlalchemy import Connection, text

from geodata.db import SYSTEM, Actor, Database
from geodata.history import Counts, latest_revision
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import get_register
from service.cluster import OWNER
from tests.conftest import settings_for
from tests.geodata.builders import (
    COMMUNE,
    OTHER_COMMUNE,
    PLACE,
    agency,
    field_of,
    household,
    publish,
    rows_of,
    send,
    sight,
    take_role,
    write_geojson,
)

PERSON = "Nguyễn Thị Bí Mật"


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


def test_new_records_take_ids_in_the_order_of_the_file_and_the_next_file_goes_on(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    publish(connection, "addresses", [agency("0000000002", name="Trạm y tế"), agency("0000000003")])
    ids = dict(rows_of(connection, "SELECT code, id FROM open.addresses"))
    assert sorted(ids, key=ids.__getitem__) == ["0000000001", "0000000002", "0000000003"]
    assert ids["0000000002"] == ids["0000000001"] + 1


@pytest.mark.parametrize("name", ["Chợ, “Lớn”", 'Quán "Bà Ba"', "a\\.b", "A; B|C"])
def test_text_is_staged_as_it_is_with_quotes_and_without(connection: Connection, name: str) -> None:
    publish(connection, "addresses", [agency("0000000001", name=name), agency("0000000002")])
    assert rows_of(connection, "SELECT name FROM reg.addresses ORDER BY id") == [(name,), ("UBND xã",)]


def test_an_inserted_record_replaces_nothing_and_carries_its_revision(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    assert rows_of(connection, "SELECT 1 FROM ops.change WHERE register = 'addresses'") == []
    assert rows_of(connection, "SELECT revision FROM reg.addresses") == [(1,)]


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
        ("tourism_points", [sight("Chợ Bến", slug="cho"), sight("Chợ", slug="cho", geom=Point(108.2, 16.2))]),
        ("villages", [sight("Thôn 1"), sight("Thôn 1", geom=Point(108.2, 16.2))]),
    ],
)
def test_the_second_row_with_a_key_of_the_file_is_refused(
    connection: Connection, tmp_path: Path, register: str, rows: list[dict[str, Any]]
) -> None:
    """Also where the key is made of several fields or normalised by the model."""
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


def test_a_row_that_breaks_a_rule_with_its_record_is_refused_and_the_others_are_published(
    connection: Connection, tmp_path: Path
) -> None:
    """A household has no public name; the file makes one of an agency and leaves its name as it is."""
    send(connection, "addresses", [agency("0000000001", name="Nhà bà Bí Mật")], tmp_path)
    rows = [
        {"code": code, "kind": "household", "commune_code": COMMUNE, "geom": PLACE}
        for code in ("0000000001", "0000000002")
    ]
    published = send(connection, "addresses", rows, tmp_path)
    report = published.report
    assert (report.outcome, published.revision, report.valid, report.rejected) == ("ok", 2, 1, 1)
    message = next(one for one in report.messages if one["code"] == "RULE_BROKEN")
    assert message["row"] == 1
    assert "Chủ hộ" in message["vi"]
    assert "Head of household" in message["en"]
    assert "Bí Mật" not in str(report.as_dict())
    assert rows_of(connection, "SELECT kind FROM reg.addresses ORDER BY id") == [("agency",), ("household",)]


def test_a_rule_that_only_the_database_knows_refuses_the_file_and_does_not_raise(
    connection: Connection, tmp_path: Path
) -> None:
    take_role(connection, OWNER)
    connection.execute(text("ALTER TABLE reg.tourism_points ADD CONSTRAINT odd CHECK (name <> 'Bí Mật')"))
    published = send(connection, "tourism_points", [sight("A"), sight("Bí Mật")], tmp_path)
    report = published.report
    assert (report.outcome, published.revision, report.valid, report.rejected) == ("refused", None, 0, 2)
    refusal = next(one for one in report.messages if one["code"] == "RULE_REFUSED")
    assert "odd" in refusal["vi"]
    assert "Bí Mật" not in str(report.messages)


def test_two_places_of_one_name_in_a_commune_are_told_by_their_name(connection: Connection, tmp_path: Path) -> None:
    rows = [sight("Chợ quê"), sight("Chợ  Quê"), sight("Chợ quê", commune_code=OTHER_COMMUNE)]
    report = send(connection, "tourism_points", rows, tmp_path).report
    said = [(message["code"], message["row"], message["value"]) for message in report.messages]
    assert ("NAME_DOUBLED", 2, "Chợ Quê") in said
    assert report.rejected == 1


# --- as a whole


def test_import_file_reads_checks_and_commits(scratch_url: str, tmp_path: Path) -> None:
    database = Database(settings_for(scratch_url))
    path = write_geojson(tmp_path / "f.geojson", [agency("0000000001"), agency("x")])
    stages: list[str] = []
    request = ImportRequest(path, "f.geojson", get_register("addresses"), SYSTEM)
    published = import_file(database, request, lambda stage, _done, _total: stages.append(stage))
    assert (published.revision, published.counts) == (1, Counts(1, 0))
    assert list(dict.fromkeys(stages)) == ["reading", "validating", "publishing"]
    with database.read() as connection:
        assert rows_of(connection, "SELECT code FROM open.addresses") == [("0000000001",)]
    database.dispose()


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


@pytest.mark.parametrize("publishes", [True, False])
def test_what_lies_on_a_record_is_told_whether_the_file_waits_or_not(
    connection: Connection, tmp_path: Path, publishes: bool
) -> None:
    send(connection, "addresses", [agency("0000000001")], tmp_path)
    published = send(connection, "addresses", [agency("0000000002")], tmp_path, publishes=publishes)
    told = [(one["row"], one["value"]) for one in published.report.messages if one["code"] == "EXISTING_SAME_PLACE"]
    assert ((published.staged is None), told) == (publishes, [(1, "0000000001")])

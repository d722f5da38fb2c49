"""Which staged row meets which record, and what of the record it changes."""

from pathlib import Path
from typing import Any

import shapely
from shapely import Point
from sqlalchemy import Connection, text

from geodata.history import Counts
from geodata.units.index import UnitIndex
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
    units,
)

PERSON, NEIGHBOUR = "Nguyễn Thị Bí Mật", "Trần Văn Kín"


def one(connection: Connection, query: str) -> Any:
    return connection.execute(text(query)).one()


# --- what of a record changes


def test_only_fields_that_the_file_has_are_changed(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", street="Hùng Vương", status="inactive", postcode="55000")])
    publish(
        connection, "addresses", [{"code": "0000000001", "commune_code": COMMUNE, "street": "Lê Lợi", "geom": PLACE}]
    )
    found = one(connection, "SELECT kind, name, street, status, postcode FROM reg.addresses")
    assert tuple(found) == ("agency", "UBND xã", "Lê Lợi", "inactive", "55000")


def test_a_field_that_the_file_has_and_leaves_empty_is_emptied(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", street="Hùng Vương"), agency("0000000002", street="Lê Lợi")])
    publish(connection, "addresses", [agency("0000000001", street=None), agency("0000000002", street="Lê Lợi")])
    assert rows_of(connection, "SELECT street FROM reg.addresses ORDER BY id") == [(None,), ("Lê Lợi",)]


def test_a_record_that_stays_as_it_is_keeps_its_revision(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    publish(
        connection, "addresses", [agency("0000000001"), agency("0000000002", name="Trạm y tế"), agency("0000000003")]
    )
    found = one(connection, "SELECT added, changed FROM ops.revision WHERE register = 'addresses' AND number = 2")
    assert tuple(found) == (1, 1)
    assert rows_of(connection, "SELECT revision FROM reg.addresses ORDER BY id") == [(1,), (2,), (2,)]


def test_the_history_holds_the_whole_row_as_it_was(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", street="Hùng Vương")])
    before = one(connection, "SELECT to_jsonb(a) AS row FROM reg.addresses a").row
    publish(connection, "addresses", [agency("0000000001", street="Lê Lợi")])
    found = rows_of(
        connection, "SELECT operation, before FROM ops.change WHERE register = 'addresses' AND revision = 2"
    )
    code = {"scheme": "digital_address", "value": "0000000001", "status": "active"}
    assert found == [("U", {**before, "address_codes": [code]})]


def test_the_place_in_the_history_is_exact(connection: Connection) -> None:
    place = Point(108.123456789, 16.987654321)
    publish(connection, "addresses", [agency("0000000001", geom=place)])
    publish(connection, "addresses", [agency("0000000001", geom=PLACE)])
    query = "SELECT ST_AsBinary(ST_GeomFromGeoJSON(before -> 'geom')) FROM ops.change WHERE register = 'addresses' AND revision = 2"
    assert shapely.from_wkb(bytes(one(connection, query)[0])) == place


def test_a_move_changes_the_place_and_nothing_else(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", street="Hùng Vương")])
    moved = {"code": "0000000001", "commune_code": COMMUNE, "geom": Point(108.2, 16.2)}
    assert publish(connection, "addresses", [moved]).counts == Counts(0, 1)
    assert tuple(one(connection, "SELECT ST_X(geom), ST_Y(geom), street FROM reg.addresses")) == (
        108.2,
        16.2,
        "Hùng Vương",
    )


def test_the_commune_goes_with_the_place_where_the_file_has_no_such_column(
    connection: Connection, tmp_path: Path
) -> None:
    """A record that moved must not stay in the hands of those who had it before."""
    elsewhere = shapely.box(106.0, 22.0, 106.1, 22.1)
    index = UnitIndex(units().provinces, {COMMUNE: PLACE.buffer(0.01), "01273": elsewhere}, units().names)
    for place, codes in ((PLACE, (COMMUNE, "48")), (elsewhere.centroid, ("01273", "04"))):
        send(connection, "addresses", [{"code": "0000000001", "geom": place}], tmp_path, index=index)
        assert rows_of(connection, "SELECT commune_code, province_code FROM reg.addresses") == [codes]


# --- which record a row is


def test_a_code_in_another_spelling_is_the_same_code(connection: Connection) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0269")])
    published = publish(connection, "growing_areas", [field_of("vn – dnor – 0269", crop="Cam")])
    assert published.counts == Counts(0, 1)


def test_villages_are_known_by_commune_and_name(connection: Connection) -> None:
    publish(connection, "villages", [sight("Thôn 1"), sight("Thôn 1", commune_code=OTHER_COMMUNE)])
    published = publish(connection, "villages", [sight("Thôn 1", commune_code=OTHER_COMMUNE, household_count=120)])
    assert published.counts == Counts(0, 1)
    query = "SELECT commune_code, household_count FROM reg.villages ORDER BY 1"
    assert rows_of(connection, query) == [(COMMUNE, None), (OTHER_COMMUNE, 120)]


def test_a_former_unit_of_the_same_code_is_left_alone(connection: Connection) -> None:
    old = {
        "code": "48",
        "name": "Cũ",
        "full_name": "Thành phố Cũ",
        "valid_from": "1997-01-01",
        "valid_to": "2025-06-30",
        "geom": None,
    }
    connection.execute(text("DELETE FROM reg.provinces"))
    connection.execute(
        text(
            "INSERT INTO reg.provinces (code, name, full_name, kind, valid_from, valid_to, revision) "
            "VALUES (:code, :name, :full_name, 'thanh_pho', :valid_from, :valid_to, 1)"
        ),
        {name: value for name, value in old.items() if name != "geom"},
    )
    new = {"code": "48", "name": "Đà Nẵng", "full_name": "Thành phố Đà Nẵng", "geom": None}
    assert publish(connection, "provinces", [new]).counts == Counts(1, 0)
    assert rows_of(connection, "SELECT name FROM reg.provinces ORDER BY valid_from") == [("Cũ",), ("Đà Nẵng",)]


def test_rows_without_code_that_are_the_same_are_not_doubled(connection: Connection) -> None:
    rows = [household(None, house_number="1"), household(None, house_number="2", geom=Point(108.2, 16.2))]
    publish(connection, "addresses", rows)
    assert publish(connection, "addresses", rows).revision is None
    assert one(connection, "SELECT count(*) FROM reg.addresses")[0] == 2


def test_rows_without_code_at_one_place_stay_the_households_they_are(connection: Connection) -> None:
    """Two households at one door differ in private data only: neither may get the other's."""
    rows = [household(None, head_name=PERSON), household(None, head_name=NEIGHBOUR)]
    publish(connection, "addresses", rows)
    query = "SELECT feature_id, head_name FROM reg.household_private ORDER BY 1"
    before = rows_of(connection, query)
    assert publish(connection, "addresses", rows[::-1]).revision is None
    assert rows_of(connection, query) == before


def test_a_phone_that_comes_later_finds_the_household_without_code(connection: Connection) -> None:
    publish(connection, "addresses", [household(None, head_name=PERSON), household(None, head_name=NEIGHBOUR)])
    rows = [household(None, head_name=PERSON, phone="0900123456"), household(None, head_name=NEIGHBOUR, phone=None)]
    publish(connection, "addresses", rows)
    query = "SELECT head_name, phone FROM reg.household_private ORDER BY phone NULLS LAST"
    assert rows_of(connection, query) == [(PERSON, "0900123456"), (NEIGHBOUR, None)]


def test_several_rows_that_would_change_one_record_do_not_fight_over_it(connection: Connection) -> None:
    publish(connection, "addresses", [household(None, head_name=PERSON)])
    rows = [household(None, head_name=name, phone="0900123456") for name in (NEIGHBOUR, PERSON)]
    published = publish(connection, "addresses", rows)
    assert published.counts == Counts(1, 1)
    assert publish(connection, "addresses", rows).revision is None


def test_the_same_content_at_another_place_is_another_record(connection: Connection) -> None:
    publish(connection, "addresses", [household(None)])
    assert publish(connection, "addresses", [household(None, geom=Point(108.2, 16.2))]).counts == Counts(1, 0)


# --- codes


def test_an_address_keeps_its_codes_of_other_schemes(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", vpostcode="100007PJJ2RMF"[:12])])
    publish(connection, "addresses", [agency("0000000001", location_id="000000000042")])
    query = "SELECT scheme, value FROM reg.address_codes ORDER BY 1"
    found = [("digital_address", "0000000001"), ("location_id", "000000000042"), ("vpostcode", "100007PJJ2RM")]
    assert rows_of(connection, query) == found


def test_a_new_code_of_a_scheme_takes_the_place_of_the_old_one_which_is_kept_as_retired(
    connection: Connection,
) -> None:
    publish(connection, "addresses", [agency("0000000001", location_id="000000000042")])
    published = publish(connection, "addresses", [agency("0000000001", location_id="000000000043")])
    assert published.counts == Counts(0, 1)
    query = "SELECT value, status FROM reg.address_codes WHERE scheme = 'location_id' ORDER BY 1"
    assert rows_of(connection, query) == [("000000000042", "retired"), ("000000000043", "active")]
    assert rows_of(connection, "SELECT location_id FROM open.addresses") == [("000000000043",)]


def test_a_retired_code_that_comes_back_is_the_active_one_again(connection: Connection) -> None:
    for code in ("000000000042", "000000000043", "000000000042"):
        assert publish(connection, "addresses", [agency("0000000001", location_id=code)]).revision
    query = "SELECT value, status FROM reg.address_codes WHERE scheme = 'location_id' ORDER BY 1"
    assert rows_of(connection, query) == [("000000000042", "active"), ("000000000043", "retired")]


def test_a_retired_code_is_free_for_another_record(connection: Connection) -> None:
    for code in ("000000000042", "000000000043"):
        publish(connection, "addresses", [agency("0000000001", location_id=code)])
    assert publish(connection, "addresses", [agency("0000000002", location_id="000000000042")]).counts == Counts(1, 0)


def test_codes_are_kept_as_the_file_wrote_them_too(connection: Connection, tmp_path: Path) -> None:
    rows = [agency("00000-00001", code_issued_on="05/03/2026", code_source="Bưu điện"), agency("0000000002")]
    send(connection, "addresses", rows, tmp_path)
    query = "SELECT value, raw, issued_on::text, source FROM reg.address_codes ORDER BY 1"
    found = [("0000000001", "00000-00001", "2026-03-05", "Bưu điện"), ("0000000002", None, None, None)]
    assert rows_of(connection, query) == found
    assert send(connection, "addresses", rows, tmp_path).revision is None


def test_a_code_s_day_of_issue_can_be_mended(connection: Connection, tmp_path: Path) -> None:
    for day in ("2026-03-05", "2026-03-06"):
        assert send(connection, "addresses", [agency("0000000001", code_issued_on=day)], tmp_path).revision
    assert rows_of(connection, "SELECT issued_on::text FROM reg.address_codes") == [("2026-03-06",)]


def test_a_growing_area_code_is_kept_as_the_list_wrote_it(connection: Connection, tmp_path: Path) -> None:
    send(connection, "growing_areas", [field_of("VN – DNOR – 0269"), field_of("VN-DNOR-0270")], tmp_path)
    query = "SELECT code, code_raw FROM reg.growing_areas ORDER BY 1"
    assert rows_of(connection, query) == [("VN-DNOR-0269", "VN – DNOR – 0269"), ("VN-DNOR-0270", None)]


def test_a_code_that_another_record_holds_is_reported_and_not_moved(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", location_id="000000000042"), agency("0000000002")])
    published = publish(connection, "addresses", [agency("0000000002", location_id="000000000042")])
    message = published.report.messages[0]
    assert (message["code"], message["row"], message["value"]) == ("CODE_TAKEN", 1, "000000000042")
    assert (published.revision, published.report.valid, published.report.rejected) == (None, 0, 1)


def test_a_taken_code_does_not_stop_the_other_rows(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", location_id="000000000042")])
    rows = [agency("0000000002", location_id="000000000042"), agency("0000000003", location_id=None)]
    assert publish(connection, "addresses", rows).counts == Counts(1, 0)


# --- private data


def test_private_data_that_the_file_lacks_is_kept(connection: Connection) -> None:
    publish(connection, "addresses", [household("0000000001", head_name=PERSON, phone="0900123456")])
    publish(connection, "addresses", [household("0000000001", house_number="5")])
    publish(connection, "addresses", [household("0000000001", phone="0900123457")])
    assert tuple(one(connection, "SELECT head_name, phone FROM reg.household_private")) == (PERSON, "0900123457")


def test_a_change_of_private_data_alone_is_a_revision(connection: Connection) -> None:
    """Readers' copies stay valid, yet who changed a household's data is on record."""
    publish(connection, "addresses", [household("0000000001", phone="0900123456")])
    assert publish(connection, "addresses", [household("0000000001", phone="0900123457")]).counts == Counts(0, 1)


def test_addresses_without_private_data_have_no_private_record(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001"), household("0000000002", head_name=PERSON)])
    assert one(connection, "SELECT count(*) FROM reg.household_private")[0] == 1


# --- areas that were points


def test_an_area_takes_the_place_of_its_point(connection: Connection) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0269", geom=PLACE)])
    publish(connection, "growing_areas", [field_of("VN-DNOR-0269")])
    assert tuple(one(connection, "SELECT GeometryType(geom), point IS NULL FROM reg.growing_areas")) == (
        "MULTIPOLYGON",
        True,
    )


def test_points_and_areas_may_come_in_one_file(connection: Connection) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0269"), field_of("VN-DNOR-0270", geom=PLACE)])
    query = "SELECT geom IS NULL, point IS NULL FROM reg.growing_areas ORDER BY code"
    assert rows_of(connection, query) == [(False, True), (True, False)]

"""What lists beside a record take from a file, lists without places, and units that ended."""

from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import Connection, text

from geodata.db import SYSTEM
from geodata.history import Counts
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, publish_file
from geodata.registers import get_register
from tests.geodata.builders import (
    COMMUNE,
    OTHER_COMMUNE,
    field_of,
    household,
    publish,
    rows_of,
    send,
    units,
)

PERSON, NEIGHBOUR = "Nguyễn Thị Bí Mật", "Trần Văn Kín"


def one(connection: Connection, query: str) -> Any:
    return connection.execute(text(query)).one()


# --- lists


def registered(market: str, since: str, **changes: Any) -> dict[str, Any]:
    return field_of("VN-DNOR-0269", market=market, market_valid_from=since, **changes)


MARKETS = "SELECT market, valid_from::text, status, market_code FROM reg.growing_area_markets ORDER BY 1, 2"


def test_registrations_with_markets_add_up_file_by_file(connection: Connection, tmp_path: Path) -> None:
    china = registered("Trung Quốc", "01/02/2026", market_code="CN-7")
    japan = registered("JPN", "2026-03-01", market_status="Tạm đình chỉ")
    for row in (china, japan):
        assert send(connection, "growing_areas", [row], tmp_path).revision
    assert send(connection, "growing_areas", [japan], tmp_path).revision is None
    found = [("CHN", "2026-02-01", "active", "CN-7"), ("JPN", "2026-03-01", "suspended", None)]
    assert rows_of(connection, MARKETS) == found


def test_a_registration_is_mended_in_its_place(connection: Connection, tmp_path: Path) -> None:
    for status in ("active", "suspended"):
        row = registered("CHN", "2026-02-01", market_status=status, market_code="CN-7")
        assert send(connection, "growing_areas", [row], tmp_path).revision
    assert rows_of(connection, MARKETS) == [("CHN", "2026-02-01", "suspended", "CN-7")]


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        (field_of("VN-DNOR-0269", market="CHN"), "market_valid_from"),
        (field_of("VN-DNOR-0269", market_code="CN-7"), "market"),
    ],
)
def test_a_registration_that_cannot_be_told_from_others_is_refused_by_the_field_that_lacks(
    connection: Connection, tmp_path: Path, row: dict[str, Any], missing: str
) -> None:
    report = send(connection, "growing_areas", [row], tmp_path).report
    message = next(message for message in report.messages if message["level"] == "error")
    assert (message["code"], message["row"], message["column"]) == ("FIELD_MISSING", 1, missing)


def test_a_registration_cannot_end_before_it_begins(connection: Connection, tmp_path: Path) -> None:
    row = registered("CHN", "2026-02-01", market_valid_to="2020-01-01")
    report = send(connection, "growing_areas", [row], tmp_path).report
    assert report.messages[-1]["column"] == "market_valid_to"
    assert rows_of(connection, MARKETS) == []


def test_what_a_list_does_not_say_of_a_registration_stays_as_it_was(connection: Connection, tmp_path: Path) -> None:
    row = registered("CHN", "2026-02-01", market_status="suspended", market_code="CN-7")
    send(connection, "growing_areas", [row], tmp_path)
    published = send(connection, "growing_areas", [registered("CHN", "2026-02-01")], tmp_path)
    assert (published.revision, published.report.outcome) == (None, "ok")
    assert rows_of(connection, MARKETS) == [("CHN", "2026-02-01", "suspended", "CN-7")]


def test_a_field_of_a_registration_that_the_list_leaves_empty_is_emptied(
    connection: Connection, tmp_path: Path
) -> None:
    for code in ("CN-7", None):
        assert send(connection, "growing_areas", [registered("CHN", "2026-02-01", market_code=code)], tmp_path).revision
    assert rows_of(connection, MARKETS) == [("CHN", "2026-02-01", "active", None)]


def test_registrations_that_are_applied_for_are_not_public(connection: Connection, tmp_path: Path) -> None:
    for market, status in (("CHN", "active"), ("KOR", "proposed")):
        send(connection, "growing_areas", [registered(market, "2026-02-01", market_status=status)], tmp_path)
    shown = one(connection, "SELECT market_registrations AS rows FROM open.growing_areas").rows
    assert [row["market"] for row in shown] == ["CHN"]


def test_the_history_holds_lists_and_codes_and_nothing_private(connection: Connection, tmp_path: Path) -> None:
    for status in ("suspended", "active"):
        send(connection, "growing_areas", [registered("CHN", "2026-02-01", market_status=status)], tmp_path)
    for name, code in ((PERSON, "000000000042"), (NEIGHBOUR, "000000000043")):
        publish(connection, "addresses", [household("0000000001", head_name=name, location_id=code)])
    query = "SELECT before FROM ops.change WHERE register = '{}'"
    area, address = (one(connection, query.format(name)).before for name in ("growing_areas", "addresses"))
    (market,) = area["growing_area_markets"]
    assert (market["market"], market["status"]) == ("CHN", "suspended")
    assert [code["value"] for code in address["address_codes"]] == ["0000000001", "000000000042"]
    assert PERSON not in str(address)


# --- lists without places


def sheet(connection: Connection, register: str, text: str, folder: Path) -> Published:
    path = folder / "danh-sach.csv"
    path.write_text(text, encoding="utf-8")
    return publish_file(
        connection, ImportRequest(path, path.name, get_register(register), SYSTEM), units(), folder / "w"
    )


def test_a_list_without_places_changes_records_which_stay_where_they_are(
    connection: Connection, tmp_path: Path
) -> None:
    send(connection, "growing_areas", [field_of("VN-DNOR-0269")], tmp_path)
    query = "SELECT ST_AsText(geom), commune_code, province_code, area_ha FROM reg.growing_areas"
    ((place, commune, province, _),) = rows_of(connection, query)
    text = f"Mã số vùng trồng,Cây trồng,Mã xã,Diện tích\nVN-DNOR-0269,Bưởi,{OTHER_COMMUNE},12,\n"
    published = sheet(connection, "growing_areas", text.replace(",\n", "\n"), tmp_path)
    assert published.counts == Counts(0, 1)
    assert rows_of(connection, query) == [(place, commune, province, 12.0)]


@pytest.mark.parametrize(
    ("register", "text"),
    [
        ("growing_areas", f"Mã số vùng trồng,Cây trồng,Mã xã\nVN-DNOR-0269,Bưởi,{COMMUNE}\n"),
        ("addresses", f"Mã địa chỉ,Mã xã\n0000000001,{COMMUNE}\n"),
        ("tourism_points", f"Tên,Mã xã\nChợ,{COMMUNE}\n"),
        ("villages", f"Tên,Mã xã\nThôn 1,{COMMUNE}\n"),
    ],
)
def test_a_new_record_needs_a_place(connection: Connection, tmp_path: Path, register: str, text: str) -> None:
    published = sheet(connection, register, text, tmp_path)
    assert (published.report.outcome, published.revision) == ("refused", None)
    assert [message["code"] for message in published.report.messages if message["row"]] == ["GEOM_MISSING"]


# --- units that ended


def test_the_list_that_ended_a_unit_can_be_sent_again(connection: Connection, tmp_path: Path) -> None:
    square = shapely.box(108.1, 16.1, 108.2, 16.2)
    commune = {"code": "99999", "name": "Mẫu", "full_name": "Xã Mẫu", "province_code": "48", "geom": square}
    ended = {**commune, "valid_from": "2025-07-01", "valid_to": "2026-09-20"}
    other = {**commune, "code": "99998", "valid_from": "2025-07-01", "valid_to": None}
    assert send(connection, "communes", [commune], tmp_path).counts == Counts(1, 0)
    assert send(connection, "communes", [ended, other], tmp_path).counts == Counts(1, 1)
    assert send(connection, "communes", [ended, other], tmp_path).revision is None


def test_a_row_that_would_take_the_key_of_an_ended_unit_is_refused_alone(
    connection: Connection, tmp_path: Path
) -> None:
    square = shapely.box(108.1, 16.1, 108.2, 16.2)
    commune = {"code": "99999", "name": "Mẫu", "full_name": "Xã Mẫu", "province_code": "48", "geom": square}
    send(connection, "communes", [{**commune, "valid_from": "2025-07-01", "valid_to": "2026-09-20"}], tmp_path)
    beside = shapely.box(108.2, 16.1, 108.3, 16.2)
    published = send(connection, "communes", [commune, {**commune, "code": "99998", "geom": beside}], tmp_path)
    assert published.counts == Counts(1, 0)
    assert [(said["code"], said["row"]) for said in published.report.messages if said["row"]] == [("CODE_TAKEN", 1)]

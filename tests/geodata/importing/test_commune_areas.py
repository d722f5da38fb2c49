"""Results of communes come as a table: each row takes its commune's area, and rows may lie upon each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from sqlalchemy import Connection

from geodata.db import SYSTEM, Actor
from geodata.history import Counts
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, publish_file
from geodata.registers import get_register
from geodata.units.index import UnitIndex
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, rows_of, send, units

HEADERS = (
    "Mã xã",
    "Tên xã",
    "Giai đoạn",
    "Mức đạt",
    "Số tiêu chí đạt",
    "Số quyết định",
    "Cơ quan công nhận",
    "Ngày công nhận",
)
ROWS = (
    (COMMUNE, "Xã Một", "2021 – 2025", "Đạt chuẩn NTM", 19, "12/QĐ-UBND", "UBND tỉnh", "18/03/2022"),
    (COMMUNE, "Xã Một", "2021-2025", "NTM nâng cao", 19, "98/QĐ-UBND", "UBND tỉnh", "20/12/2024"),
    (COMMUNE, "Xã Hai cũ", "2021-2025", "Kiểu mẫu", 19, "7/QĐ-UBND", "UBND tỉnh", "05/01/2025"),
    (OTHER_COMMUNE, "Xã Ba", "2026-2030", "Chưa đạt", 8, None, None, "01/06/2026"),
)
"""A sheet as provinces keep it; one commune was taken in by another."""

SQUARE = shapely.MultiPolygon([shapely.box(108.1, 16.1, 108.2, 16.2)])
WIDER = shapely.MultiPolygon([shapely.box(108.1, 16.1, 108.25, 16.2)])
AREAS = "SELECT commune_name, level, ST_AsText(geom) FROM reg.ntm_results ORDER BY id"


def drawn(area: shapely.MultiPolygon) -> UnitIndex:
    """Return the communes, one of them with this area and all others without."""
    return UnitIndex(units().provinces, {COMMUNE: area}, units().names)


def send_sheet(
    connection: Connection, rows: Sequence[Sequence[Any]], folder: Path, index: UnitIndex, actor: Actor = SYSTEM
) -> Published:
    book = openpyxl.Workbook()
    for row in (HEADERS, *rows):
        book.active.append(row)
    path = folder / f"{len(list(folder.iterdir()))}.xlsx"
    book.save(path)
    request = ImportRequest(path, path.name, get_register("ntm_results"), actor)
    return publish_file(connection, request, index, folder / f"w{path.stem}")


def codes(published: Published) -> list[str]:
    return [message["code"] for message in published.report.messages]


def test_rows_of_a_sheet_take_the_area_of_their_commune(connection: Connection, tmp_path: Path) -> None:
    published = send_sheet(connection, ROWS, tmp_path, drawn(SQUARE))
    assert published.counts == Counts(4, 0), published.report.messages
    assert not {"OVERLAP", "EXISTING_OVERLAP", "EXISTING_DOUBLED"} & set(codes(published))
    names = [("Xã Một", "standard"), ("Xã Một", "advanced"), ("Xã Hai cũ", "model"), ("Xã Ba", "not_met")]
    places = [SQUARE.wkt] * 3 + [None]
    found = [(name, level, area and shapely.from_wkt(area)) for name, level, area in rows_of(connection, AREAS)]
    assert found == [(*name, area and shapely.from_wkt(area)) for name, area in zip(names, places, strict=True)]
    days = "SELECT period, valid_from::text, criteria_met, decision_number, decided_by, province_code FROM reg.ntm_results ORDER BY id"
    assert rows_of(connection, days)[0] == ("2021-2025", "2022-03-18", 19, "12/QĐ-UBND", "UBND tỉnh", "48")


def test_the_same_sheet_again_changes_nothing_until_a_boundary_does(connection: Connection, tmp_path: Path) -> None:
    send_sheet(connection, ROWS, tmp_path, drawn(SQUARE))
    assert send_sheet(connection, ROWS, tmp_path, drawn(SQUARE)).revision is None
    assert send_sheet(connection, ROWS, tmp_path, drawn(WIDER)).counts == Counts(0, 3)
    areas = {area and shapely.from_wkt(area) for _, _, area in rows_of(connection, AREAS)}
    assert areas == {WIDER, None}


def test_a_row_keeps_the_shape_it_is_given(connection: Connection, tmp_path: Path) -> None:
    part = shapely.box(108.12, 16.12, 108.14, 16.14)
    row = {"commune_code": COMMUNE, "commune_name": "Xã Một", "period": "2021-2025", "level": "standard",
           "valid_from": "2022-03-18", "geom": part}  # fmt: skip
    assert send(connection, "ntm_results", [row], tmp_path, index=drawn(SQUARE)).revision
    ((_, _, area),) = rows_of(connection, AREAS)
    assert shapely.equals(shapely.from_wkt(area), part)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("Mã xã", "99999", "COMMUNE_UNKNOWN"), ("Giai đoạn", "2021", "FIELD_INVALID"), ("Mức đạt", "Xuất sắc", "CHOICE_UNKNOWN"),
        ("Ngày công nhận", "01/01/2999", "DATE_FUTURE"), ("Ngày công nhận", None, "FIELD_MISSING"), ("Tên xã", None, "FIELD_MISSING"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong_is_told_by_its_column(
    connection: Connection, tmp_path: Path, column: str, value: Any, code: str
) -> None:
    wrong = [value if name == column else given for name, given in zip(HEADERS, ROWS[0], strict=True)]
    published = send_sheet(connection, [wrong, *ROWS[1:]], tmp_path, drawn(SQUARE))
    said = [(message["code"], message["row"]) for message in published.report.messages if message["level"] == "error"]
    assert said == [(code, 2)]
    assert published.counts == Counts(3, 0)


def test_officers_tell_of_their_own_communes_alone(connection: Connection, tmp_path: Path) -> None:
    published = send_sheet(connection, ROWS, tmp_path, drawn(SQUARE), Actor("cán bộ", (COMMUNE,)))
    said = [(message["code"], message["row"]) for message in published.report.messages if message["level"] == "error"]
    assert said == [("COMMUNE_NOT_YOURS", 5)]

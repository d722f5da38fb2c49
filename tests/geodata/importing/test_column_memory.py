"""What was chosen for a column once is known for the commune's next file, and for nobody else's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from geodata.db import SYSTEM, Actor
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.column_memory import COLUMNS_KEPT, memory_unit, remember_columns, remembered_columns
from geodata.importing.report import Report
from geodata.registers import get_register
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, agency, take_role, units, write_geojson


def chosen(columns: Mapping[str, str | None], how: str = "chosen") -> list[dict[str, Any]]:
    """Return columns as a report tells them."""
    return [{"name": name, "field": field, "how": how} for name, field in columns.items()]


def check(folder: Path, header: str, **options: Any) -> Report:
    path = write_geojson(folder / "f.geojson", [{**agency("0000000001"), header: "Trần Phú"}])
    request = ImportRequest(path, path.name, get_register("addresses"), SYSTEM, commune=COMMUNE, **options)
    return check_file(request, units(), folder / "work", NoSink())


def test_a_choice_is_used_for_the_commune_s_next_file(connection: Connection, tmp_path: Path) -> None:
    take_role(connection, "bandoso_worker")
    first = check(tmp_path, "Tuyến", columns={"Tuyến": "street", "kind": None})
    remember_columns(connection, "addresses", COMMUNE, first.matches)
    known = remembered_columns(connection, "addresses", COMMUNE)
    assert known == {"tuyen": "street", "kind": None}
    second = check(tmp_path, "TUYẾN", remembered=known)
    told = {match["name"]: (match["field"], match["how"]) for match in second.matches}
    assert (told["TUYẾN"], told["kind"]) == (("street", "memory"), (None, "memory"))
    assert told["code"] == ("code", "name")
    remember_columns(connection, "addresses", COMMUNE, second.matches)
    assert remembered_columns(connection, "addresses", COMMUNE) == known


def test_other_communes_and_registers_remember_for_themselves(connection: Connection) -> None:
    remember_columns(connection, "addresses", COMMUNE, chosen({"x": "street"}))
    assert remembered_columns(connection, "addresses", OTHER_COMMUNE) == {}
    assert remembered_columns(connection, "villages", COMMUNE) == {}


def test_the_latest_choice_counts(connection: Connection) -> None:
    for field in ("street", None, "name"):
        remember_columns(connection, "addresses", COMMUNE, chosen({"x": field}))
        assert remembered_columns(connection, "addresses", COMMUNE) == {"x": field}


def test_what_a_header_or_values_told_is_not_remembered(connection: Connection) -> None:
    for how in ("name", "values", "none"):
        remember_columns(connection, "addresses", COMMUNE, chosen({"x": "street"}, how))
    assert remembered_columns(connection, "addresses", COMMUNE) == {}


def test_two_spellings_of_one_header_and_headers_without_letters_do_no_harm(connection: Connection) -> None:
    columns = {"Tuyến": "street", "tuyen": "name", "???": "alley", "x" * 300: "village"}
    remember_columns(connection, "addresses", COMMUNE, chosen(columns))
    assert remembered_columns(connection, "addresses", COMMUNE) == {"tuyen": "name"}


def test_the_memory_of_a_commune_has_an_end(connection: Connection) -> None:
    for start in (0, COLUMNS_KEPT):
        remember_columns(
            connection, "addresses", COMMUNE, chosen({f"x{start + n}": "street" for n in range(COLUMNS_KEPT)})
        )
    assert len(remembered_columns(connection, "addresses", COMMUNE)) == COLUMNS_KEPT


@pytest.mark.parametrize(
    ("commune", "communes", "unit"),
    [
        (COMMUNE, None, COMMUNE),
        (None, (OTHER_COMMUNE,), OTHER_COMMUNE),
        (None, (COMMUNE, OTHER_COMMUNE), "@canbo"),
        (None, None, "@canbo"),
    ],
)
def test_a_file_of_no_one_commune_is_remembered_for_its_sender_s_only_one_or_the_sender(
    commune: str | None, communes: tuple[str, ...] | None, unit: str
) -> None:
    assert memory_unit(commune, Actor("canbo", communes)) == unit


def test_what_a_provincial_officer_chose_is_known_to_that_officer_and_misleads_no_other(connection: Connection) -> None:
    here, there = (Actor(name, communes) for name, communes in (("tinh-a", (COMMUNE, OTHER_COMMUNE)), ("tinh-b", None)))
    remember_columns(connection, "addresses", memory_unit(None, here), chosen({"Họ tên": "name"}))
    assert remembered_columns(connection, "addresses", memory_unit(None, here)) == {"ho ten": "name"}
    assert remembered_columns(connection, "addresses", memory_unit(None, there)) == {}

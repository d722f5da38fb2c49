"""An export that comes back to replace a commune's list: nothing vanishes that its sender could not have had in it."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from geodata.db import SYSTEM, WORKER_ROLE
from geodata.exporting.gpkg import write_gpkg
from geodata.exporting.rows import Export, private_export, public_export
from geodata.exporting.xlsx import write_xlsx
from geodata.history import Counts
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, publish_file
from geodata.register import Register
from geodata.registers import get_register
from tests.geodata.builders import agency, field_of, household, publish, rows_of, send, set_policy, take_role, units
from tests.geodata.exporting.test_edited import edit
from tests.registers.test_exports import MOMENT

ADDRESSES, AREAS = get_register("addresses"), get_register("growing_areas")
LISTED = "SELECT code FROM reg.growing_areas ORDER BY code"


@pytest.fixture
def folder(connection: Connection, tmp_path: Path) -> Path:
    set_policy(connection, "lookup")
    take_role(connection, WORKER_ROLE)
    publish(connection, "growing_areas", [field_of("PUC-1"), field_of("PUC-2"), field_of("PUC-3", status="proposed")])
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002"), household("0000000003")])
    return tmp_path


def written(connection: Connection, export: Export, path: Path) -> Path:
    write = write_gpkg if path.suffix == ".gpkg" else write_xlsx
    write(connection, export, path, MOMENT)
    take_role(connection, WORKER_ROLE)
    return path


def replace_with(connection: Connection, register: Register, path: Path) -> Published:
    request = ImportRequest(path, path.name, register, SYSTEM, mode="replace")
    return publish_file(connection, request, units(), path.parent / "work")


def test_what_is_withheld_stays_when_an_edited_public_export_replaces_the_list(
    connection: Connection, folder: Path
) -> None:
    path = written(connection, public_export(connection, AREAS), folder / "areas.gpkg")
    edit(path, ("DELETE FROM growing_areas WHERE code = ?", ("PUC-2",)))
    published = replace_with(connection, AREAS, path)
    assert published.counts == Counts(0, 0, 1)
    assert rows_of(connection, LISTED) == [("PUC-1",), ("PUC-3",)]
    told = [one["value"] for one in published.report.messages if one["code"] == "REPLACE_WITHHELD"]
    assert told == ["1"]


def test_households_stay_where_the_policy_keeps_them_from_the_public_export(
    connection: Connection, folder: Path
) -> None:
    path = written(connection, public_export(connection, ADDRESSES), folder / "addresses.xlsx")
    published = replace_with(connection, ADDRESSES, path)
    assert (published.counts, published.report.counts["REPLACE_WITHHELD"]) == (Counts(0, 0, 0), 1)


def test_a_list_of_the_officer_s_own_leaves_what_is_withheld_too(connection: Connection, folder: Path) -> None:
    published = send(connection, "addresses", [agency("0000000001")], folder, mode="replace")
    assert (published.counts, published.report.counts["REPLACE_WITHHELD"]) == (Counts(0, 0, 1), 1)


@pytest.mark.parametrize("suffix", ["gpkg", "xlsx"])
def test_an_officer_s_export_removes_what_is_withheld_when_its_row_is_gone(
    connection: Connection, folder: Path, suffix: str
) -> None:
    everything = private_export(ADDRESSES, SYSTEM)
    gone = everything.statement.where(ADDRESSES.table.c.kind != "household")
    path = written(connection, Export(ADDRESSES, everything.fields, gone, everything.id_name), folder / f"a.{suffix}")
    published = replace_with(connection, ADDRESSES, path)
    assert (published.counts, published.report.counts["REPLACE_WITHHELD"]) == (Counts(0, 0, 1), 0)


def test_what_the_public_sees_of_households_is_replaced_as_all_else(connection: Connection, folder: Path) -> None:
    set_policy(connection, "code_point")
    published = send(connection, "addresses", [agency("0000000001")], folder, mode="replace")
    assert (published.counts, published.report.counts["REPLACE_WITHHELD"]) == (Counts(0, 0, 2), 0)

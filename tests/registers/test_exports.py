"""What every register promises of its exports: sent back as they are they change nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from sqlalchemy import Connection, select

from geodata.db import SYSTEM, WORKER_ROLE, Database
from geodata.exporting.gpkg import write_gpkg
from geodata.exporting.rows import Export, private_export, public_export
from geodata.exporting.xlsx import write_xlsx
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, publish_file
from geodata.register import Register
from geodata.registers import discover
from geodata.units.index import load_units
from tests.geodata.builders import take_role

REGISTERS = list(discover().values())
MOMENT = datetime(2026, 7, 1, tzinfo=UTC)
WRITERS: dict[str, Callable[[Connection, Export, Path, datetime], int]] = {"gpkg": write_gpkg, "xlsx": write_xlsx}


@pytest.fixture(params=REGISTERS, ids=lambda register: register.id)
def register(request: pytest.FixtureRequest) -> Register:
    found: Register = request.param
    return found


@pytest.fixture
def sample(sample_database: Database) -> Iterator[Connection]:
    """A transaction of the worker on the sample, taken back."""
    with sample_database._worker.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


def export(connection: Connection, register: Register, path: Path, *, is_private: bool) -> int:
    """Write a file as everybody may have it, or with all that is known."""
    found = private_export(register, SYSTEM) if is_private else public_export(connection, register)
    count = WRITERS[path.suffix[1:]](connection, found, path, MOMENT)
    take_role(connection, WORKER_ROLE)
    return count


def send_back(connection: Connection, register: Register, path: Path) -> Published:
    request = ImportRequest(path, path.name, register, SYSTEM)
    return publish_file(connection, request, load_units(connection), path.parent / "work")


@pytest.mark.parametrize("is_private", [False, True], ids=["public", "private"])
@pytest.mark.parametrize("suffix", ["gpkg", "xlsx"])
def test_an_export_sent_back_changes_nothing(
    register: Register, suffix: str, is_private: bool, sample: Connection, tmp_path: Path
) -> None:
    path = tmp_path / f"{register.id}.{suffix}"
    count = export(sample, register, path, is_private=is_private)
    assert count == len(sample.execute(select(register.table.c.id)).all()) or not is_private
    published = send_back(sample, register, path)
    errors = [one for one in published.report.messages if one["level"] == "error"]
    assert errors == []
    assert {"COLUMN_UNUSED", "COLUMN_MAYBE", "COLUMN_GUESSED"}.isdisjoint(published.report.counts)
    assert (published.report.read, published.report.valid) == (count, count)
    assert (published.revision, published.counts.added, published.counts.changed) == (None, 0, 0)


@pytest.mark.parametrize("suffix", ["gpkg", "xlsx"])
def test_the_same_state_gives_the_same_bytes(
    register: Register, suffix: str, sample: Connection, tmp_path: Path
) -> None:
    files = [tmp_path / f"{at}.{suffix}" for at in (1, 2)]
    for path in files:
        export(sample, register, path, is_private=False)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_public_export_holds_public_fields_only(register: Register, sample: Connection, tmp_path: Path) -> None:
    path = tmp_path / "public.gpkg"
    export(sample, register, path, is_private=False)
    with sqlite3.connect(path) as file:
        columns = {row[1] for row in file.execute(f"PRAGMA table_info({register.id})")}
    always = {item.name for item in register.public_fields if item.public_if is None}
    assert columns == {"fid", "geom", "id", *always}


def test_gdal_reads_what_was_written(register: Register, sample: Connection, tmp_path: Path) -> None:
    path = tmp_path / "public.gpkg"
    count = export(sample, register, path, is_private=False)
    found: dict[str, Any] = pyogrio.read_info(path, layer=register.id)
    assert (found["features"], found["crs"]) == (count, "EPSG:4326")
    if register.geometry_kind == "point":
        assert not pyogrio.read_dataframe(path, max_features=100).geometry.is_empty.any()

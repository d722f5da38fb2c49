"""Staged rows against records that are there: areas on areas, points on points, through the indexes."""

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
import shapely
from shapely import Point, box
from sqlalchemy import Connection

from geodata.db import SYSTEM, Actor
from geodata.geometry import as_kind
from geodata.importing.merge import Merge
from geodata.importing.overlaps import RecordsBelow, _on_the_spot, _records, boxes_of, report_overlaps
from geodata.importing.report import Report
from geodata.importing.rows import model_column
from geodata.importing.staging import StagingSink
from geodata.registers import get_register
from tests.geodata.builders import Row, agency, field_of, publish

WEST, SOUTH, STEP = 108.1, 16.1, 0.001


def square(across: float = 0.0, up: float = 0.0, size: float = STEP) -> shapely.Geometry:
    west, south = WEST + across * STEP, SOUTH + up * STEP
    return box(west, south, west + size, south + size)


def found(
    connection: Connection, register_id: str, rows: Sequence[Row], actor: Actor = SYSTEM
) -> list[tuple[str, int, Any]]:
    """Stage rows beside what is published and say what they lie on; rows are numbered from 1."""
    register = get_register(register_id)
    models = [register.write.model_validate({name: row[name] for name in row if name != "geom"}) for row in rows]
    names = ["code", "commune_code"]
    shapes = np.array([row["geom"] for row in rows], dtype=object)
    final, _ = as_kind(shapes, register.geometry_kind, points_too=register.point is not None)
    report = Report(register.id)
    with StagingSink(connection, register, uuid4()) as sink:
        sink.open(names)
        columns = {name: model_column(register, models, name) for name in names}
        columns["province_code"] = pa.array(["48"] * len(rows))
        sink.write(columns, final, pa.array(range(1, len(rows) + 1), pa.int64()))
        sink.finish()
        assert sink.table is not None
        Merge(connection, register, sink.table, tuple(names)).match()
        report_overlaps(connection, register, sink.table, report, actor)
    return [(one["code"], one["row"], one["value"]) for one in report.messages]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (square(), "EXISTING_DOUBLED"),
        (square(across=0.02), "EXISTING_DOUBLED"),
        (square(across=0.5), "EXISTING_OVERLAP"),
        (square(across=0.2, up=0.2, size=STEP / 5), "EXISTING_OVERLAP"),
        (square(across=1), None),
        (square(across=0.999), None),
        (square(across=3), None),
    ],
)
def test_an_area_on_a_record_s_area_names_the_record(
    connection: Connection, shape: shapely.Geometry, expected: str | None
) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0001", geom=square())])
    said = found(connection, "growing_areas", [field_of("VN-DNOR-0002", geom=shape)])
    assert said == ([] if expected is None else [(expected, 1, "VN-DNOR-0001")])


@pytest.mark.parametrize(
    ("status", "communes", "name"),
    [
        ("proposed", ("20194",), "VN-DNOR-0001"),
        ("proposed", ("20197",), None),
        ("active", ("20197",), "VN-DNOR-0001"),
    ],
)
def test_a_record_of_another_commune_is_named_only_where_the_public_sees_it(
    connection: Connection, status: str, communes: tuple[str, ...], name: str | None
) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0001", status=status)])
    rows = [field_of("VN-DNOR-0002")]
    actor = Actor("cán bộ", communes)
    assert found(connection, "growing_areas", rows, actor) == [("EXISTING_DOUBLED", 1, name)]


def test_an_address_of_another_commune_is_not_named(connection: Connection) -> None:
    there = Point(WEST, SOUTH)
    publish(connection, "addresses", [agency("0000000001", geom=there, commune_code="20194")])
    rows = [agency("0000000002", geom=there)]
    assert found(connection, "addresses", rows, Actor("cán bộ", ("20197",))) == [("EXISTING_SAME_PLACE", 1, None)]


def test_an_area_is_not_compared_with_the_record_that_it_changes(connection: Connection) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0001", geom=square())])
    assert found(connection, "growing_areas", [field_of("VN-DNOR-0001", geom=square(across=0.3))]) == []


def test_two_records_that_change_places_in_one_file_do_not_meet_their_old_selves(connection: Connection) -> None:
    rows = [field_of("VN-DNOR-0001", geom=square()), field_of("VN-DNOR-0002", geom=square(across=2))]
    publish(connection, "growing_areas", rows)
    swapped = [{**rows[0], "geom": rows[1]["geom"]}, {**rows[1], "geom": rows[0]["geom"]}]
    assert found(connection, "growing_areas", swapped) == []


def comb(teeth: int, *, lies: bool) -> shapely.Geometry:
    along = np.linspace(0.05, 0.95, teeth + 1) * STEP
    points = np.column_stack([along, np.where(np.arange(teeth + 1) % 2, 0.1, 0.9) * STEP])
    outline = [*points, (0.95 * STEP, 0.01 * STEP), (0.05 * STEP, 0.01 * STEP)]
    return shapely.transform(shapely.Polygon(outline), lambda at: (at[:, ::-1] if lies else at) + [WEST, SOUTH])


def test_a_comb_across_a_record_that_is_one_holds_nobody_up(connection: Connection) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0001", geom=comb(3_000, lies=True))])
    started = time.monotonic()
    said = found(connection, "growing_areas", [field_of("VN-DNOR-0002", geom=comb(3_000, lies=False))])
    assert time.monotonic() - started < 10
    assert said == [("OVERLAPS_UNCHECKED", None, "1")]


def test_combs_across_each_other_are_not_compared_and_that_is_said() -> None:
    report = Report("growing_areas")
    areas = np.array([comb(3_000, lies=False), square(across=0.5)])
    records = [SimpleNamespace(label="VN-DNOR-0001", shape=comb(3_000, lies=True).wkb)]
    started = time.monotonic()
    assert RecordsBelow(report, 2).say(areas, np.array([1, 2]), records)
    assert time.monotonic() - started < 10
    said = [(one["code"], one["row"], one["value"]) for one in report.messages]
    assert said == [("OVERLAPS_UNCHECKED", None, "1"), ("EXISTING_OVERLAP", 2, "VN-DNOR-0001")]


@pytest.mark.parametrize(("metres", "is_said"), [(0.0, True), (0.8, True), (2.0, False)])
def test_a_new_point_on_a_record_s_spot_names_the_record(
    connection: Connection, metres: float, *, is_said: bool
) -> None:
    publish(connection, "addresses", [agency("0000000001", geom=Point(WEST, SOUTH))])
    there = Point(WEST, SOUTH + metres / 110_600)
    said = found(connection, "addresses", [agency("0000000002", geom=there)])
    assert said == ([("EXISTING_SAME_PLACE", 1, "0000000001")] if is_said else [])


def test_the_record_s_own_row_is_not_on_its_spot(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001", geom=Point(WEST, SOUTH))])
    assert found(connection, "addresses", [agency("0000000001", geom=Point(WEST, SOUTH))]) == []


@pytest.mark.parametrize(
    ("register_id", "index"), [("growing_areas", "idx_growing_areas_geom"), ("addresses", "idx_addresses_tile_point")]
)
def test_records_are_found_through_the_spatial_index(connection: Connection, register_id: str, index: str) -> None:
    register = get_register(register_id)
    is_area = register.geometry_kind == "polygon"
    grid = [(at % 40, at // 40) for at in range(1000)]
    publish(connection, register_id, [
        field_of(f"VN-{across}-{up}", geom=square(across, up)) if is_area
        else agency(f"{across:05}{up:05}", geom=Point(WEST + across * STEP, SOUTH + up * STEP))
        for across, up in grid
    ])  # fmt: skip
    for name in (register_id, f"{register_id}_tile"):
        connection.exec_driver_sql(f"ANALYZE reg.{name}")
    with StagingSink(connection, register, uuid4()) as sink:
        sink.open(["code", "commune_code"])
        assert sink.table is not None
        query = (_records if is_area else _on_the_spot)(register, sink.table).params(boxes_of(np.array([square()])))
        compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN {compiled}".replace("%", "%%")).scalars().all()
    assert any(index in line for line in plan), plan

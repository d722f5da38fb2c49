"""The sample: convincing, marked as what it is, the same for the same seed."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
import shapely
from sqlalchemy import func, select, text

from geodata import reference
from geodata.crs import WGS84_DEGREES
from geodata.db import SYSTEM, Database
from geodata.geometry import as_kind
from geodata.importing.place import PlaceChecker
from geodata.importing.report import Report
from geodata.ops import Revision
from geodata.registers import get_register
from geodata.registers.growing_areas.codes import is_known_format
from geodata.registers.tourism_points.register import CATEGORIES
from geodata.registers.tourism_points.schemas import TourismPointIn
from geodata.sample.load import SampleRefusedError, load_sample
from geodata.sample.marks import COMMUNE_CODES, MARK, MARK_EN, SOURCE
from geodata.sample.plane import METRES_PER_DEGREE
from geodata.sample.world import REGISTERS, Record, Sample, make_sample
from geodata.text import search_key
from geodata.units.index import UnitIndex
from tests.conftest import settings_for

COUNTS = {
    "communes": 3,
    "villages": 36,
    "addresses": 5000,
    "growing_areas": 315,
    "tourism_points": 60,
    "ntm_results": 6,
}


def shapes(records: Sequence[Record]) -> np.ndarray:
    return np.array([shape for _, shape in records], dtype=object)


# --- the sample as a whole


def test_sample_has_the_promised_numbers(sample: Sample) -> None:
    assert {name: len(found) for name, found in sample.records.items()} == COUNTS
    assert tuple(sample.records) == REGISTERS


@pytest.mark.parametrize("seed", [1, 51, 75])
def test_other_seeds_make_as_much_and_something_else(seed: int, sample: Sample) -> None:
    other = make_sample(seed)
    assert {name: len(found) for name, found in other.records.items()} == COUNTS
    assert other.records["addresses"][0] != sample.records["addresses"][0]


def test_same_seed_makes_the_same_sample(sample: Sample) -> None:
    again = make_sample(sample.seed)
    for name in REGISTERS:
        assert [values for values, _ in again.records[name]] == [values for values, _ in sample.records[name]]
        assert shapely.equals_exact(shapes(again.records[name]), shapes(sample.records[name])).all()


@pytest.mark.parametrize("name", REGISTERS)
def test_every_record_passes_the_write_model(name: str, sample: Sample) -> None:
    write = get_register(name).write
    for values, _ in sample.records[name]:
        written = write.model_validate(values)
        assert {field: getattr(written, field) for field in values} == values


@pytest.mark.parametrize("name", REGISTERS)
def test_every_record_passes_the_place_checks(name: str, sample: Sample, units: UnitIndex) -> None:
    register, records = get_register(name), sample.records[name]
    stored, problems = as_kind(shapes(records), register.geometry_kind, points_too=register.point is not None)
    assert set(problems) == {None}
    good, report = np.ones(len(records), dtype=bool), Report(name)
    if name != "communes":
        given = [values["commune_code"] for values, _ in records]
        PlaceChecker(register, WGS84_DEGREES, units, SYSTEM, None).communes(
            pa.array(given), stored, range(len(records)), good, report
        )
        inside = [units.boundaries[code].contains(shape) for code, (_, shape) in zip(given, records, strict=True)]
        assert all(inside)
    assert good.all()
    assert not report.messages


@pytest.mark.parametrize("name", REGISTERS)
def test_every_record_says_that_it_is_sample(name: str, sample: Sample) -> None:
    shown = {"communes": "full_name", "addresses": "village", "ntm_results": "commune_name"}.get(name, "name")
    for values, _ in sample.records[name]:
        assert values["source"] == SOURCE
        assert values[shown].endswith(MARK)
        assert values.get("name_en", MARK_EN).endswith(MARK_EN)


def test_sample_lies_in_the_red_river_delta(sample: Sample) -> None:
    for found in sample.records.values():
        west, south, east, north = shapely.total_bounds(shapes(found))
        assert west > 106.15
        assert south > 20.25
        assert east < 106.35
        assert north < 20.42


# --- communes and villages


def test_commune_codes_and_names_are_nobodys(sample: Sample) -> None:
    real = reference.read_communes()
    communes = [values for values, _ in sample.records["communes"]]
    assert [values["code"] for values in communes] == list(COMMUNE_CODES)
    assert not {row.code for row in real} & set(COMMUNE_CODES)
    assert not {search_key(row.name) for row in real} & {search_key(values["name"]) for values in communes}


def test_communes_share_their_borders_exactly(sample: Sample) -> None:
    outlines = shapes(sample.records["communes"])
    assert shapely.is_valid(outlines).all()
    assert shapely.coverage_is_valid(outlines)
    together = shapely.coverage_union_all(outlines)
    assert together.geom_type == "Polygon"
    assert not together.interiors
    for n in range(len(outlines)):
        assert outlines[n].boundary.intersection(outlines[n - 1].boundary).length > 0.01
    ground = shapely.transform(together, lambda degrees: degrees * METRES_PER_DEGREE)
    assert 60e6 < ground.area < 90e6
    stated = sum(values["area_km2"] for values, _ in sample.records["communes"])
    assert stated * 1e6 == pytest.approx(ground.area, rel=1e-3)


def test_villages_hold_their_addresses(sample: Sample) -> None:
    cores = {values["name"] + values["commune_code"]: shape for values, shape in sample.records["villages"]}
    assert {shape.geom_type for shape in cores.values()} == {"Polygon", "Point"}
    for values, place in sample.records["addresses"]:
        core = cores[values["village"] + values["commune_code"]]
        assert core.geom_type == "Point" or core.contains(place)


def test_coverage_of_every_village_is_worth_a_statistic(sample: Sample) -> None:
    coded = Counter(
        (values["commune_code"], values["village"])
        for values, _ in sample.records["addresses"]
        if values["kind"] == "household"
    )
    coverage = {}
    for values, _ in sample.records["villages"]:
        key = (values["commune_code"], values["name"])
        coverage[key] = coded[key] / values["household_count"]
        assert values["household_count_on"] <= date(2026, 6, 30)
        assert 2.5 < values["population"] / values["household_count"] < 4.5
    assert set(coverage) == set(coded)
    assert 0.8 <= min(coverage.values()) < 0.9
    assert max(coverage.values()) == 1.0
    assert len(set(coverage.values())) > 15


# --- addresses


def test_address_codes_are_unique_and_follow_the_commune(sample: Sample) -> None:
    codes = [values["code"] for values, _ in sample.records["addresses"]]
    assert len(set(codes)) == len(codes)
    for values, _ in sample.records["addresses"]:
        assert values["code"].startswith(values["postcode"])
    assert {values["postcode"] for values, _ in sample.records["addresses"]} == {"07997", "07998", "07999"}


def test_addresses_are_mostly_households_with_something_to_protect(sample: Sample) -> None:
    addresses = [values for values, _ in sample.records["addresses"]]
    kinds = Counter(values["kind"] for values in addresses)
    assert set(kinds) == {"household", "agency", "organisation", "business", "public_place", "structure"}
    assert kinds["household"] == 4650
    for values in addresses:
        is_household = values["kind"] == "household"
        assert ("head_name" in values) == is_household
        assert ("name" in values) != is_household
        assert is_household or "phone" not in values
    phones = [values["phone"] for values in addresses if "phone" in values]
    assert len(phones) > 3000
    assert all(len(phone) == 10 and phone.startswith("0900") for phone in phones)
    names = [(values["commune_code"], values["name"]) for values in addresses if "name" in values]
    assert len(set(names)) == len(names)


def test_houses_stand_apart_in_rows(sample: Sample) -> None:
    places = shapely.transform(shapes(sample.records["addresses"]), lambda degrees: degrees * METRES_PER_DEGREE)
    tree = shapely.STRtree(places)
    (_, other), nearest = tree.query_nearest(places, exclusive=True, return_distance=True, all_matches=False)
    assert len(other) == len(places)
    assert nearest.min() > 6.9
    assert 8 < np.median(nearest) < 15
    assert np.quantile(nearest, 0.95) < 25


def test_steps_of_an_address_come_in_order(sample: Sample) -> None:
    addresses = [values for values, _ in sample.records["addresses"]]
    for values in addresses:
        days = [values[name] for name in ("recorded_on", "notified_on", "plate_attached_on") if name in values]
        assert days == sorted(days)
        assert "plate_attached_on" not in values or "notified_on" in values
    with_plate = sum("plate_attached_on" in values for values in addresses)
    assert 0.5 < with_plate / len(addresses) < 0.7


# --- growing areas and tourism


def test_fields_overlap_neither_each_other_nor_a_village(sample: Sample) -> None:
    fields = shapes(sample.records["growing_areas"])
    assert shapely.is_valid(fields).all()
    one, other = shapely.STRtree(fields).query(fields, predicate="intersects")
    assert (one == other).all()
    places = shapely.union_all([*shapes(sample.records["villages"]), *shapes(sample.records["addresses"])])
    assert not shapely.intersects(fields, places).any()


def test_fields_look_like_fields(sample: Sample) -> None:
    fields = shapes(sample.records["growing_areas"])
    corners = shapely.get_num_coordinates(fields)
    assert (corners == 5).sum() > 60
    assert ((corners > 12) & (corners <= 41)).sum() > 60
    assert (shapely.get_num_geometries(fields) == 2).sum() > 10
    for values, shape in sample.records["growing_areas"]:
        ground = shapely.transform(shape, lambda degrees: degrees * METRES_PER_DEGREE)
        assert values["area_ha"] == pytest.approx(ground.area / 1e4, abs=0.02)


def test_growing_areas_cover_the_registers_words(sample: Sample) -> None:
    areas = [values for values, _ in sample.records["growing_areas"]]
    codes = [values["code"] for values in areas]
    assert len(set(codes)) == len(codes)
    assert all(is_known_format(code) for code in codes)
    assert any(code.startswith("VN-NBOR-9") for code in codes)
    assert {values["regime"] for values in areas} == {"domestic", "export"}
    assert len({values["status"] for values in areas}) == 8
    assert len({values["crop"] for values in areas}) >= 8
    for values in areas:
        assert ("markets" in values) == (values["regime"] == "export")
        assert values["status"] not in {"proposed", "submitted"} or "issued_on" not in values
        assert values["phone"].startswith("0900")


def test_tourism_points_cover_categories_stars_and_consent(sample: Sample) -> None:
    points = [values for values, _ in sample.records["tourism_points"]]
    assert Counter(values["category"] for values in points) == dict.fromkeys(CATEGORIES, 6)
    written = [TourismPointIn.model_validate(values) for values in points]
    assert len({record.slug for record in written}) == 60
    assert {values["contact_consent"] for values in points} == {True, False}
    ends = [values["ocop_valid_to"] for values in points if "ocop_stars" in values]
    assert min(ends) < date(2026, 6, 30) < max(ends)
    for values in points:
        assert values["description"].endswith("Dữ liệu mẫu, không có thật.")
        assert values["description_en"].endswith("this place does not exist.")
        assert ".example" in values.get("website", ".example")


# --- into the database


@pytest.fixture
def empty(scratch_url: str) -> Database:
    return Database(settings_for(scratch_url))


def revisions(database: Database) -> dict[str, int]:
    with database.worker() as connection:
        rows = connection.execute(select(Revision.register, func.max(Revision.number)).group_by(Revision.register))
        return {name: int(number) for name, number in rows}


def test_sample_is_published_once(empty: Database) -> None:
    before = revisions(empty)
    assert load_sample(empty) == COUNTS
    after = revisions(empty)
    assert after == before | {name: before.get(name, 0) + 1 for name in REGISTERS}
    assert load_sample(empty) == dict.fromkeys(REGISTERS, 0)
    assert load_sample(empty, seed=7) == dict.fromkeys(REGISTERS, 0)
    assert load_sample(empty, if_empty=False) == dict.fromkeys(REGISTERS, 0)
    assert revisions(empty) == after
    empty.dispose()


def test_sample_needs_its_communes(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geodata.sample.load.REGISTERS", ("villages",))
    with pytest.raises(SampleRefusedError, match="COMMUNE_UNKNOWN"):
        load_sample(empty)
    assert "villages" not in revisions(empty)
    empty.dispose()


def test_database_holds_the_sample_as_it_was_made(sample_database: Database, sample: Sample) -> None:
    with sample_database.worker() as connection:
        people = connection.scalar(text("SELECT count(*) FROM reg.household_private WHERE head_name IS NOT NULL"))
        areas = connection.execute(text("SELECT area_ha, ST_Area(geom::geography) / 1e4 FROM reg.growing_areas")).all()
        communes = connection.scalar(text("SELECT count(*) FROM reg.communes"))
    assert people == 4650
    assert communes == 3321 + 3
    for stated, measured in areas:
        assert stated == pytest.approx(measured, rel=3e-3)
    with sample_database.read() as connection:
        public = connection.execute(text("SELECT * FROM open.addresses LIMIT 1")).mappings().one()
    assert {"head_name", "phone", "full_address"}.isdisjoint(public)


def test_three_hundred_growing_areas_are_in_sight_and_every_other_state_is_there(sample: Sample) -> None:
    states = Counter(values["status"] for values, _ in sample.records["growing_areas"])
    hidden = get_register("growing_areas").hidden
    assert hidden is not None
    assert {states[status] for status in hidden.values} == {3}
    assert states.total() - sum(states[status] for status in hidden.values) == 300

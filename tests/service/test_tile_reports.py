"""Why a layer is slow on the map, or what of it is missing there, as officers are told."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.register import MAX_ZOOM
from geodata.registers import discover
from tests.conftest import Server
from tests.service.office import Office, opened
from tests.service.people import OTHER_COMMUNE, SAMPLE_COMMUNE

AREAS, ADDRESSES = "/desk/tiles/growing_areas", "/desk/tiles/addresses"
BOW_TIE = "MULTIPOLYGON(((106.2 20.3,106.21 20.31,106.21 20.3,106.2 20.31,106.2 20.3)))"


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"tile_reports_{worker_name}", 1) as found:
        yield found


@pytest.fixture(scope="module")
def officer(office: Office) -> TestClient:
    return office.officer()


def told(client: TestClient, path: str, **query: str) -> dict[str, Any]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def one_area(office: Office, commune: str = SAMPLE_COMMUNE) -> Any:
    query = text(
        "SELECT id, uuid, code FROM reg.growing_areas WHERE commune_code = :commune AND geom IS NOT NULL ORDER BY id"
    )
    with office.database.worker() as connection:
        return connection.execute(query, {"commune": commune}).first()


def changed(office: Office, statement: str, **values: Any) -> None:
    """Change something in the database past all rules, as an error of software would."""
    with office.database.worker() as connection:
        connection.execute(text(statement), values)


# --- how slow


@pytest.mark.parametrize("register", discover())
def test_each_zoom_tells_times_bytes_and_the_index_used(office: Office, officer: TestClient, register: str) -> None:
    rule = discover()[register].tile
    for z in (rule.min_zoom, MAX_ZOOM):
        found = told(officer, f"/desk/tiles/{register}/zooms/{z}")
        assert found["tiles"] >= found["sample"] > 0
        assert 0 < found["median_ms"] <= found["worst"]["ms"]
        assert 0 < found["median_bytes"] <= found["largest_bytes"]
        assert found["largest_packed_bytes"] > 0
        assert found["features"] > 0
        assert (found["dropped"], found["timed_out"]) == (0, 0)
        assert found["access"]["indexes"] or found["access"]["scanned"]


def test_the_worst_tile_is_the_very_tile_that_is_served(office: Office, officer: TestClient) -> None:
    worst = told(officer, f"{ADDRESSES}/zooms/14")["worst"]
    address = "{z}/{x}/{y}".format(**worst)
    served = office.client.get(f"/tiles/addresses/{address}.mvt", headers={"accept-encoding": "identity"})
    assert len(served.content) == worst["bytes"]
    again = told(officer, f"{ADDRESSES}/why", tile=address)
    assert (again["outcome"], again["tile"]["bytes"]) == ("shown", worst["bytes"])
    assert again["tile"]["kinds"] == {"point": again["tile"]["features"]}


def test_a_zoom_is_sampled_the_same_way_each_time(officer: TestClient) -> None:
    first, second = (told(officer, f"{ADDRESSES}/zooms/12") for _ in range(2))
    same = ("tiles", "sample", "features", "median_bytes", "largest_bytes", "access")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


def test_the_tiles_of_a_zoom_hold_all_records(office: Office, officer: TestClient) -> None:
    found = told(officer, "/desk/tiles/addresses/zooms/0")
    assert (found["tiles"], found["sample"]) == (1, 1)
    with office.database.read() as connection:
        counted = connection.scalar(text("SELECT count(DISTINCT cell) FROM open.addresses_grid WHERE z = 0"))
    assert found["features"] == counted


def test_below_its_first_zoom_a_layer_has_nothing_to_measure(officer: TestClient) -> None:
    assert told(officer, f"{AREAS}/zooms/6") == {"z": 6, "is_drawn": False}


@pytest.mark.parametrize("z", ["15", "-1", "x", "1.5"])
def test_no_zoom_of_tiles_is_refused(officer: TestClient, z: str) -> None:
    assert officer.get(f"{AREAS}/zooms/{z}").status_code == 400


def test_one_process_measures_for_one_person_at_a_time(office: Office, officer: TestClient) -> None:
    with office.app.api.state.measuring:
        answer = officer.get(f"{AREAS}/zooms/9")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:bandoso:problem:measuring_busy")
    assert int(answer.headers["retry-after"]) > 0
    assert officer.get(f"{AREAS}/zooms/9").status_code == 200


def test_who_is_not_signed_in_is_told_nothing(office: Office) -> None:
    for path in ("zooms/9", "missing", "why?tile=1/1/1"):
        assert office.client.get(f"{AREAS}/{path}").status_code == 401


# --- a database in trouble


def test_a_missing_index_is_named(server: Server, office: Office, officer: TestClient) -> None:
    name = office.database.url.rpartition("/")[2].partition("?")[0]
    with server.administrator(name) as connection:
        row = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'idx_addresses_tile_point'"
        ).fetchone()
        assert row is not None
        connection.execute("DROP INDEX reg.idx_addresses_tile_point")
        try:
            tables = told(officer, f"{ADDRESSES}/missing")["tables"]
            access = told(officer, f"{ADDRESSES}/zooms/13")["access"]
        finally:
            connection.execute(row[0])
    slim = next(one for one in tables if one["name"] == "addresses_tile")
    assert (slim["troubles"][0], slim["missing"]) == ("missing_index", ["idx_addresses_tile_point"])
    assert access == {"indexes": [], "scanned": ["addresses_tile"]}


def test_tables_in_order_have_no_troubles(officer: TestClient) -> None:
    for register in discover():
        for one in told(officer, f"/desk/tiles/{register}/missing")["tables"]:
            assert "missing_index" not in one["troubles"], one
            assert one["broken"] == []


def test_dead_rows_and_wanting_statistics_are_told(server: Server, office: Office, officer: TestClient) -> None:
    name = office.database.url.rpartition("/")[2].partition("?")[0]
    with server.administrator(name) as connection:
        table = sql.Identifier("reg", "addresses_tile")
        connection.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(table))
        connection.execute(sql.SQL("UPDATE {} SET id = id").format(table))
        connection.execute("SELECT pg_stat_force_next_flush()")
    slim = told(officer, f"{ADDRESSES}/missing")["tables"][0]
    assert slim["dead"] > 1000
    assert "many_dead_rows" in slim["troubles"]


# --- what is missing


def test_an_invalid_area_is_listed_with_reason_and_place_to_its_officers_alone(
    office: Office, officer: TestClient
) -> None:
    area = one_area(office)
    with office.database.worker() as connection:
        before = connection.scalar(text("SELECT geom::text FROM reg.growing_areas WHERE id = :id"), {"id": area.id})
    changed(
        office,
        "UPDATE reg.growing_areas SET geom = ST_GeomFromText(:wkt, 4326) WHERE id = :id",
        wkt=BOW_TIE,
        id=area.id,
    )
    try:
        mine = told(officer, f"{AREAS}/missing")["invalid"]
        others = told(office.officer(OTHER_COMMUNE), f"{AREAS}/missing")["invalid"]
    finally:
        changed(
            office, "UPDATE reg.growing_areas SET geom = CAST(:was AS geometry) WHERE id = :id", was=before, id=area.id
        )
    assert [(one["uuid"], one["label"], one["reason"]) for one in mine] == [
        (str(area.uuid), area.code, "Self-intersection")
    ]
    assert mine[0]["place"] == pytest.approx([106.205, 20.305], abs=1e-6)
    assert others == []


def test_every_record_of_an_officer_is_shown_or_counted_under_one_reason(office: Office, officer: TestClient) -> None:
    for register in ("addresses", "growing_areas", "tourism_points"):
        counts = told(officer, f"/desk/tiles/{register}/missing")["counts"]
        with office.database.worker() as connection:
            query = text(f"SELECT count(*) FROM reg.{register} WHERE commune_code = :commune")
            assert counts["total"] == connection.scalar(query, {"commune": SAMPLE_COMMUNE}) > 0
        reasons = set(counts) - {"total", "shown"}
        assert counts["shown"] + sum(counts[name] for name in reasons) == counts["total"]
        assert counts["lost"] == counts["outside"] == 0


def test_states_that_are_on_no_map_are_counted_and_said_of_the_record(office: Office, officer: TestClient) -> None:
    area = one_area(office)
    before = told(officer, f"{AREAS}/missing")["counts"]
    with office.database.worker() as connection:
        state = connection.scalar(text("SELECT status FROM reg.growing_areas WHERE id = :id"), {"id": area.id})
    assert state not in {"proposed", "revoked"}
    for status, reason in (("proposed", "withheld"), ("revoked", "unlisted")):
        changed(office, "UPDATE reg.growing_areas SET status = :status WHERE id = :id", status=status, id=area.id)
        counts = told(officer, f"{AREAS}/missing")["counts"]
        assert counts[reason] == before[reason] + 1
        assert told(officer, f"{AREAS}/why", record=area.code)["outcome"] == reason
    changed(office, "UPDATE reg.growing_areas SET status = :status WHERE id = :id", status=state, id=area.id)
    assert told(officer, f"{AREAS}/missing")["counts"] == before


def test_a_record_lost_on_the_way_to_the_tiles_is_found(office: Office, officer: TestClient) -> None:
    area = one_area(office)
    changed(office, "CREATE TABLE staging.kept_tile AS SELECT * FROM reg.growing_areas_tile WHERE id = :id", id=area.id)
    changed(office, "DELETE FROM reg.growing_areas_tile WHERE id = :id", id=area.id)
    assert told(officer, f"{AREAS}/missing")["counts"]["lost"] == 1
    assert told(officer, f"{AREAS}/why", record=area.code) | {"policy": ""} == {
        "id": area.id, "outcome": "lost", "policy": "", "min_zoom": 7, "zooms": [],
    }  # fmt: skip
    changed(office, "INSERT INTO reg.growing_areas_tile SELECT * FROM staging.kept_tile")
    changed(office, "DROP TABLE staging.kept_tile")
    assert told(officer, f"{AREAS}/missing")["counts"]["lost"] == 0


def test_the_last_revision_and_the_layer_s_zooms_are_told(officer: TestClient) -> None:
    found = told(officer, f"{ADDRESSES}/missing")
    assert (found["min_zoom"], found["counts_below"], found["revision"]["number"]) == (0, 13, 1)


# --- one record, one tile


@pytest.mark.parametrize("name", ["code", "id", "uuid"])
def test_a_record_is_followed_through_the_zooms(office: Office, officer: TestClient, name: str) -> None:
    area = one_area(office)
    found = told(officer, f"{AREAS}/why", record=str(getattr(area, name)))
    assert (found["id"], found["outcome"]) == (area.id, "shown")
    assert [one["z"] for one in found["zooms"]] == list(range(7, MAX_ZOOM + 1))
    assert {one["drawn"] for one in found["zooms"]} <= {"point", "shape"}
    assert found["zooms"][-1]["drawn"] == "shape"


@pytest.mark.parametrize("name", ["code", "id", "uuid"])
def test_a_public_record_of_another_commune_is_followed_as_well(office: Office, name: str) -> None:
    found = told(office.officer(OTHER_COMMUNE), f"{AREAS}/why", record=str(getattr(one_area(office), name)))
    assert found["outcome"] == "shown"
    assert len(found["zooms"]) == MAX_ZOOM - 6


def test_an_address_is_a_count_from_afar_and_itself_near_by(office: Office, officer: TestClient) -> None:
    code = office.client.get("/collections/addresses/items?limit=1").json()["features"][0]["properties"]["code"]
    drawn = [one["drawn"] for one in told(officer, f"{ADDRESSES}/why", record=code)["zooms"]]
    assert drawn == ["count"] * 13 + ["point"] * 2


@pytest.mark.parametrize(
    ("tile", "outcome"), [("14/0/0", "never_filled"), ("3/6/3", "below_min_zoom")]
)  # fmt: skip
def test_an_empty_tile_says_why(officer: TestClient, tile: str, outcome: str) -> None:
    assert told(officer, f"{AREAS}/why", tile=tile)["outcome"] == outcome


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"tile": "15/0/0"}, 400), ({"tile": "1/2"}, 400), ({"tile": "a/b/c"}, 400), ({}, 400),
        ({"tile": "1/1/1", "record": "x"}, 400),
        ({"nothing": "x"}, 400),
    ],
)  # fmt: skip
def test_what_is_no_tile_is_refused(officer: TestClient, query: dict[str, str], status: int) -> None:
    assert officer.get(f"{AREAS}/why", params=query).status_code == status


@pytest.mark.parametrize("record", ["VN-NONE-0000", "9" * 40, "0", "%", "00000000-0000-7000-8000-000000000000"])
def test_a_record_that_nobody_knows_is_said_to_be_unknown(officer: TestClient, record: str) -> None:
    assert told(officer, f"{AREAS}/why", record=record) == {"id": None, "outcome": "unknown", "zooms": []}


def test_a_record_of_another_commune_that_is_not_public_is_unknown_too(office: Office) -> None:
    area = one_area(office)
    with office.database.worker() as connection:
        state = connection.scalar(text("SELECT status FROM reg.growing_areas WHERE id = :id"), {"id": area.id})
    stranger = office.officer(OTHER_COMMUNE)
    changed(office, "UPDATE reg.growing_areas SET status = 'proposed' WHERE id = :id", id=area.id)
    try:
        assert told(stranger, f"{AREAS}/why", record=area.code)["outcome"] == "unknown"
        assert told(stranger, f"{AREAS}/why", record=str(area.id))["outcome"] == "unknown"
        changed(office, "UPDATE reg.growing_areas SET status = 'revoked' WHERE id = :id", id=area.id)
        changed(
            office, "CREATE TABLE staging.kept_other AS SELECT * FROM reg.growing_areas_tile WHERE id = :id", id=area.id
        )
        changed(office, "DELETE FROM reg.growing_areas_tile WHERE id = :id", id=area.id)
        assert told(stranger, f"{AREAS}/why", record=area.code)["outcome"] == "elsewhere"
        changed(office, "INSERT INTO reg.growing_areas_tile SELECT * FROM staging.kept_other")
        changed(office, "DROP TABLE staging.kept_other")
    finally:
        changed(office, "UPDATE reg.growing_areas SET status = :status WHERE id = :id", status=state, id=area.id)
    assert told(stranger, f"{AREAS}/why", record=area.code)["outcome"] == "shown"

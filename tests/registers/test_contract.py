"""What every register promises, tested over all of them."""

import json
from itertools import pairwise

import mapbox_vector_tile
import psycopg
import pytest
from sqlalchemy import CheckConstraint, inspect, text
from sqlalchemy.dialects import postgresql
from starlette.testclient import TestClient

from geodata.db import PUBLIC_ROLE, Database
from geodata.ddl import tile_view_select, view_select
from geodata.derived import kind_columns
from geodata.features import items_statement
from geodata.matching import ItemsQuery
from geodata.register import Register
from geodata.registers import discover, get_register
from tiles.sql import tile_sql

REGISTERS = list(discover().values())
PUBLIC_FIELDS = {
    "addresses": "code vpostcode location_id kind name house_number alley street village settlement_kind commune_code province_code "
    "legacy_district postcode status position_method position_accuracy_m entrances recorded_on",
    "communes": "code name full_name name_en kind province_code area_km2 valid_from valid_to legal_note",
    "growing_areas": "code code_raw name name_en regime status crop crop_latin variety area_ha organisation household_count tree_count "
    "expected_yield_t harvest_months certificate certificate_valid_to issued_on decision_number markets "
    "inspected_on inspection_kind commune_code province_code boundary_method",
    "ntm_results": "level commune_code commune_name period subject criteria_met decision_number decided_by valid_from valid_to province_code",
    "provinces": "code name full_name name_en kind area_km2 valid_from valid_to legal_note",
    "tourism_points": "slug name name_en category description description_en organisation ocop_stars ocop_decision "
    "ocop_valid_to beds guests_per_day opening_hours season_months festivals price_from_vnd price_to_vnd languages services "
    "accessibility road_access phone zalo website booking_url photo_url photo_credit photo_licence tour_url status verified_on commune_code province_code",
    "villages": "code name kind commune_code household_count household_count_on household_count_source population",
}


@pytest.fixture(params=REGISTERS, ids=lambda register: register.id)
def register(request: pytest.FixtureRequest) -> Register:
    found: Register = request.param
    return found


def test_public_fields_are_the_agreed_ones(register: Register) -> None:
    """A change here needs the data owner's word: the list is what leaves the house."""
    assert " ".join(field.name for field in register.public_fields) == PUBLIC_FIELDS[register.id]


PUBLIC_LISTS = {
    "growing_areas": {"market_registrations": "market valid_from valid_to status market_code decision_number"},
}


def test_public_lists_are_the_agreed_ones(register: Register) -> None:
    found = {side.name: " ".join(item.column.key for item in register.list_fields(side)) for side in register.lists}
    assert found == PUBLIC_LISTS.get(register.id, {})


def test_private_fields_are_in_no_public_answer(register: Register, client: TestClient) -> None:
    private = {field.name for field in register.fields if not field.public}
    for path in ("", "/queryables", "/sortables", "/schema", "/items?limit=50"):
        answer = client.get(f"/collections/{register.id}{path}")
        assert answer.status_code == 200
        # The schema names what officers may send, as such.
        told = {name: how for name, how in (answer.json().get("properties") or {}).items() if not how.get("writeOnly")}
        seen = set(told) | {key for item in answer.json().get("features", []) for key in item["properties"]}
        assert not private & seen


def test_asking_by_a_private_field_is_asking_by_a_name_that_does_not_exist(
    register: Register, client: TestClient
) -> None:
    for field in register.fields:
        if not field.public:
            answer = client.get(f"/collections/{register.id}/items", params={field.name: "x"})
            nonsense = client.get(f"/collections/{register.id}/items", params={"no_such_field": "x"})
            assert answer.status_code == nonsense.status_code == 400
            assert answer.json()["type"] == nonsense.json()["type"]


def test_tiles_carry_the_declared_fields_and_nothing_else(register: Register, service: str, client: TestClient) -> None:
    allowed = {field.name for field in register.tile_fields} | {"count", "coverage", *kind_columns(register).values()}
    bounds = client.get(f"/tiles/{register.id}.json").json()["bounds"]
    tiles = 0
    for z in (register.tile.min_zoom, 10, 12, 13, 14):
        x, y = tile_at((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2, z)
        answer = client.get(f"/tiles/{register.id}/{z}/{x}/{y}.mvt")
        assert answer.status_code in {200, 204}
        if answer.status_code == 200:
            tiles += 1
            decoded = mapbox_vector_tile.decode(answer.content)
            assert set(decoded) == {register.id}
            for feature in decoded[register.id]["features"]:
                assert feature["id"] >= 0
                assert set(feature["properties"]) <= allowed
    assert tiles > 0


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Return x and y of the tile that holds a place."""
    import math

    n = 1 << z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * n), int(y * n)


def test_tile_statement_uses_the_spatial_index(register: Register, sample_url: str) -> None:
    url = sample_url.replace("+psycopg", "")
    with psycopg.connect(url, options=f"-c role={PUBLIC_ROLE} -c enable_seqscan=off") as connection:
        for z in (register.tile.min_zoom, 10, 14):
            statement = tile_sql((register.id,), z).replace("$1::int", "0").replace("$2::int", "0")
            plan = str(connection.execute(f"EXPLAIN {statement}").fetchall())
            assert "idx_" in plan or "pk_" in plan
            assert f"Seq Scan on {register.id}" not in plan


@pytest.mark.parametrize(
    ("name", "index"), [("addresses", "addresses_tile_point"), ("growing_areas", "growing_areas_geom")]
)
def test_a_box_is_answered_by_a_spatial_index(name: str, index: str, sample_url: str) -> None:
    """For the registers of the sample that are large enough for an index to be worth it."""
    register, query = get_register(name), ItemsQuery(limit=1000, boxes=((106.23, 20.35, 106.231, 20.351),))
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  SQLAlchemy's own signature
    statement = items_statement(register, query).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    with psycopg.connect(
        sample_url.replace("+psycopg", ""), options=f"-c role={PUBLIC_ROLE} -c enable_seqscan=off"
    ) as connection:
        plan = str(connection.execute(f"EXPLAIN {statement}".replace("%%", "%")).fetchall())  # type: ignore[arg-type]
    assert f"idx_{index}" in plan


def test_points_are_indexed_by_place_in_the_slim_copy_alone(register: Register, sample_url: str) -> None:
    query = "SELECT tablename FROM pg_indexes WHERE schemaname = 'reg' AND indexdef LIKE '%% USING gist %%' AND tablename = ANY(%s)"
    with psycopg.connect(sample_url.replace("+psycopg", "")) as connection:
        rows = connection.execute(query, [[register.id, f"{register.id}_tile"]]).fetchall()
    tables = {f"{register.id}_tile"} if register.geometry_kind == "point" else {register.id, f"{register.id}_tile"}
    assert {row[0] for row in rows} == tables


def test_views_in_the_database_are_what_the_declaration_says(register: Register, sample_url: str) -> None:
    """The migration's frozen text and today's declaration give the same view."""
    with psycopg.connect(sample_url.replace("+psycopg", "")) as connection:
        for name, body in ((register.id, view_select(register)), (f"{register.id}_tile", tile_view_select(register))):
            connection.execute(f"CREATE TEMP VIEW expected AS {body}")
            query = "SELECT pg_get_viewdef(%s::regclass)"
            expected = connection.execute(query, ["pg_temp.expected"]).fetchone()
            found = connection.execute(query, [f"open.{name}"]).fetchone()
            assert found == expected
            connection.execute("DROP VIEW expected")


def test_public_role_sees_the_view_and_not_the_table(register: Register, sample_database: Database) -> None:
    with sample_database.read() as connection:
        connection.execute(text(f"SELECT 1 FROM open.{register.id} LIMIT 1"))
        with pytest.raises(Exception, match="permission denied"):
            connection.execute(text(f"SELECT 1 FROM reg.{register.id} LIMIT 1"))


def test_public_role_is_refused_on_private_data(sample_database: Database) -> None:
    with sample_database.read() as connection, pytest.raises(Exception, match="permission denied") as refusal:
        connection.execute(text("SELECT head_name FROM reg.household_private"))
    assert refusal.value.orig.sqlstate == "42501"  # type: ignore[attr-defined]


def test_no_geometry_column_takes_just_any_geometry(sample_database: Database) -> None:
    with sample_database.worker() as connection:
        loose = connection.execute(
            text(
                "SELECT f_table_schema, f_table_name FROM geometry_columns "
                "WHERE type IN ('GEOMETRY', 'GEOMETRYCOLLECTION') AND f_table_schema IN ('reg', 'open')"
            )
        ).all()
    assert loose == []


def test_every_column_of_a_register_table_has_a_field_or_is_the_engines_own(
    register: Register, sample_url: str
) -> None:
    own = {"id", "uuid", "revision", "updated_at", "source", "geom", "point"}
    columns = {column.name for column in inspect(register.model).columns}
    declared = {field.name for field in register.main_fields}
    assert columns - own - declared <= {"commune_code"}


def test_items_are_rfc_7946_with_ids_and_counter_clockwise_rings(register: Register, client: TestClient) -> None:
    answer = client.get(f"/collections/{register.id}/items?limit=100")
    assert answer.headers["content-type"] == "application/geo+json"
    for feature in answer.json()["features"]:
        assert feature["id"]
        geometry = feature["geometry"]
        if geometry and geometry["type"] == "MultiPolygon":
            for polygon in geometry["coordinates"]:
                assert signed_area(polygon[0]) > 0
                assert all(signed_area(ring) < 0 for ring in polygon[1:])


def signed_area(ring: list[list[float]]) -> float:
    """Return twice the area, positive for counter-clockwise rings."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))


def test_a_single_item_is_the_one_of_the_list(register: Register, client: TestClient) -> None:
    listed = client.get(f"/collections/{register.id}/items?limit=1").json()["features"][0]
    single = client.get(f"/collections/{register.id}/items/{listed['id']}").json()
    assert {key: single[key] for key in listed} == listed
    assert {link["rel"] for link in single["links"]} >= {"self", "collection"}


def test_a_collection_is_exactly_its_entry_in_the_list(register: Register, client: TestClient) -> None:
    entries = {entry["id"]: entry for entry in client.get("/collections").json()["collections"]}
    assert client.get(f"/collections/{register.id}").json() == entries[register.id]


def test_tilejson_bounds_hold_the_data(register: Register, client: TestClient) -> None:
    west, south, east, north = client.get(f"/tiles/{register.id}.json").json()["bounds"]
    answer = client.get(f"/collections/{register.id}/items?limit=200").json()
    places = [
        place for feature in answer["features"] for place in positions((feature["geometry"] or {}).get("coordinates"))
    ]
    for lon, lat in places:
        assert west - 1e-6 <= lon <= east + 1e-6
        assert south - 1e-6 <= lat <= north + 1e-6


def positions(coordinates: object) -> list[tuple[float, float]]:
    """Return every position of GeoJSON coordinates, however nested."""
    if not isinstance(coordinates, list):
        return []
    if coordinates and isinstance(coordinates[0], float | int):
        return [(coordinates[0], coordinates[1])]
    return [place for part in coordinates for place in positions(part)]


def test_style_layers_name_fields_that_tiles_have(register: Register, client: TestClient) -> None:
    style = client.get(f"/styles/map.json?layers={register.id}").json()
    layers = [layer for layer in style["layers"] if layer.get("source") == register.id]
    assert layers
    counts = {"count", "coverage", *kind_columns(register).values()}
    names = {field.name for field in register.tile_fields} | counts
    asked = set(
        _get_operands([layer.get("paint", {}) for layer in layers] + [layer.get("layout", {}) for layer in layers])
    )
    assert asked <= names
    assert "@" not in json.dumps(layers)


def _get_operands(part: object) -> list[str]:
    if isinstance(part, list):
        if len(part) == 2 and part[0] == "get":
            return [part[1]]
        return [name for item in part for name in _get_operands(item)]
    if isinstance(part, dict):
        return [name for item in part.values() for name in _get_operands(item)]
    return []


def test_every_rule_of_the_table_can_be_said_in_a_report(register: Register) -> None:
    rules = [rule for rule in register.table.constraints if isinstance(rule, CheckConstraint)]
    assert all(rule.info["vi"] and rule.info["en"] for rule in rules)

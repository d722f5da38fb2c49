"""What the public sees of households under each publication policy: in items, tiles, counts and search."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any, get_args

import mapbox_vector_tile
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.registers import get_register
from geodata.settings import PublicationPolicy
from service import setup
from service.app import Application, create_app
from service.limits import PER_MINUTE
from service.settings import ServiceSettings
from tests.conftest import SAMPLE_TEMPLATE, Server, settings_for

POLICIES: tuple[PublicationPolicy, ...] = get_args(PublicationPolicy)
HIDING: tuple[PublicationPolicy, ...] = ("lookup", "aggregate")
ITEMS = "/collections/addresses/items"
LEAST_COUNT = 5
"""Smaller counts would tell of single households."""

COUNTED_ZOOMS, DRAWN_ZOOMS = (0, 6, 10, 12), (13, 14)
_addresses = count(1)

every_policy = pytest.mark.parametrize("policy", POLICIES)
hiding_policy = pytest.mark.parametrize("policy", HIDING)
counted_zoom = pytest.mark.parametrize("z", COUNTED_ZOOMS)


@dataclass(frozen=True)
class Address:
    """An address as the database has it."""

    id: int
    uuid: str
    kind: str
    code: str
    lon: float
    lat: float

    @property
    def box(self) -> str:
        """West, south, east and north around the address and nothing else."""
        return f"{self.lon - 1e-6},{self.lat - 1e-6},{self.lon + 1e-6},{self.lat + 1e-6}"

    def tile(self, z: int) -> tuple[int, int]:
        """Return x and y of the tile of a zoom that the address is in."""
        n = 1 << z
        down = (1 - math.asinh(math.tan(math.radians(self.lat))) / math.pi) / 2
        return int((self.lon + 180) / 360 * n), int(down * n)


def read_addresses(settings: ServiceSettings) -> list[Address]:
    """Read every address as the owner of the database, whom no policy binds."""
    statement = text(
        "SELECT a.id, a.uuid::text, a.kind, c.value, ST_X(a.geom), ST_Y(a.geom) FROM reg.addresses a "
        "JOIN reg.address_codes c ON c.feature_id = a.id AND c.scheme = 'digital_address' AND c.status = 'active'"
    )
    with setup.owner(settings) as connection:
        return [Address(*row) for row in connection.execute(statement)]


@dataclass(frozen=True)
class Publication:
    """The service under one policy."""

    app: Application
    client: TestClient
    settings: ServiceSettings
    addresses: list[Address]

    def of_kind(self, *, household: bool) -> list[Address]:
        """Return the households, or everything else."""
        return [address for address in self.addresses if (address.kind == "household") is household]

    def items(self, **asked: Any) -> list[dict[str, Any]]:
        """Return the features of every page."""
        page = self.client.get(ITEMS, params={"limit": 1000, **asked}).json()
        found: list[dict[str, Any]] = page["features"]
        while following := [link["href"] for link in page["links"] if link["rel"] == "next"]:
            page = self.client.get(following[0]).json()
            found += page["features"]
        return found

    def tile(self, z: int, x: int, y: int, **asked: str) -> list[dict[str, Any]]:
        """Return the features of one tile."""
        answer = self.client.get(f"/tiles/addresses/{z}/{x}/{y}.mvt", params=asked)
        assert answer.status_code in {200, 204}
        decoded = mapbox_vector_tile.decode(answer.content) if answer.content else {}
        features: list[dict[str, Any]] = decoded.get("addresses", {}).get("features", [])
        return features

    def tiles(self, z: int, **asked: str) -> list[dict[str, Any]]:
        """Return the features of all tiles of a zoom that hold an address."""
        places = {address.tile(z) for address in self.addresses}
        return [feature for place in sorted(places) for feature in self.tile(z, *place, **asked)]

    def stranger(self) -> TestClient:
        """Return a client that calls from an address which never called before."""
        number = next(_addresses)
        return TestClient(self.app, client=(f"192.0.2.{number}", 50_000))

    def search(self, words: str) -> list[dict[str, Any]]:
        """Return the addresses that search finds."""
        answer = self.stranger().get("/search", params={"q": words})
        assert answer.status_code == 200
        return [item for item in answer.json()["features"] if item["properties"]["register"] == "addresses"]


@pytest.fixture(scope="module")
def publications(server: Server, worker_name: str) -> Iterator[dict[PublicationPolicy, Publication]]:
    """The service under each policy, on the same sample data."""
    found: dict[PublicationPolicy, Publication] = {}
    with ExitStack() as stack:
        for policy in POLICIES:
            name = f"{policy}_{worker_name}"
            stack.callback(server.drop, name)
            settings = settings_for(server.create(name, SAMPLE_TEMPLATE), publication_policy=policy)
            app = create_app(settings)
            client = stack.enter_context(TestClient(app))
            found[policy] = Publication(app, client, settings, read_addresses(settings))
        yield found


@pytest.fixture
def publication(publications: dict[PublicationPolicy, Publication], policy: PublicationPolicy) -> Publication:
    """The service under the policy of the test."""
    return publications[policy]


def codes(features: list[dict[str, Any]]) -> set[str]:
    return {feature["properties"]["code"] for feature in features}


def test_the_sample_has_both_what_is_guarded_and_what_is_not(
    publications: dict[PublicationPolicy, Publication],
) -> None:
    kinds = Counter(address.kind for address in publications["code_point"].addresses)
    assert kinds["household"] > 1000
    assert {kind for kind, found in kinds.items() if found} > {"household", "agency", "business", "public_place"}


@every_policy
def test_items_hold_households_only_where_each_is_public(publication: Publication, policy: PublicationPolicy) -> None:
    expected = publication.addresses if policy == "code_point" else publication.of_kind(household=False)
    features = publication.items()
    assert len(features) == len(expected)
    assert codes(features) == {address.code for address in expected}


@hiding_policy
@pytest.mark.parametrize("form", ["json", "html"])
def test_a_household_is_on_no_page_of_items_however_it_is_asked_for(publication: Publication, form: str) -> None:
    house = publication.of_kind(household=True)[0]
    for asked in ({"kind": "household"}, {"code": house.code}, {"bbox": house.box}):
        answer = publication.client.get(ITEMS, params={**asked, "f": form})
        assert answer.status_code == 200
        assert house.uuid not in answer.text
        if form == "json":
            page = answer.json()
            assert (page["features"], page["numberMatched"]) == ([], 0)


@every_policy
def test_a_single_household_is_there_only_where_each_is_public(
    publication: Publication, policy: PublicationPolicy
) -> None:
    house = publication.of_kind(household=True)[0]
    for form in ("json", "html"):
        answers = [publication.client.get(f"{ITEMS}/{name}", params={"f": form}) for name in (house.uuid, house.id)]
        missing = publication.client.get(f"{ITEMS}/999999999", params={"f": form})
        expected = 200 if policy == "code_point" else missing.status_code
        assert missing.status_code == 404
        assert [answer.status_code for answer in answers] == [expected, expected]


@every_policy
@pytest.mark.parametrize("z", DRAWN_ZOOMS)
def test_tiles_draw_households_only_where_each_is_public(
    publication: Publication, policy: PublicationPolicy, z: int
) -> None:
    drawn = publication.tiles(z)
    expected = publication.addresses if policy == "code_point" else publication.of_kind(household=False)
    assert {feature["id"] for feature in drawn} == {address.id for address in expected}


@every_policy
@counted_zoom
def test_low_zooms_show_counts_alone(publication: Publication, policy: PublicationPolicy, z: int) -> None:
    features, whole = publication.tiles(z), len(publication.addresses)
    names = {name for feature in features for name in feature["properties"]}
    kinds = {f"kind_{kind}" for kind in get_register("addresses").field("kind").choices}
    assert names <= {"count", "coverage", *kinds}
    assert ("coverage" in names) == (policy == "code_point")
    for properties in (feature["properties"] for feature in features):
        assert properties["count"] == sum(value for name, value in properties.items() if name in kinds)
    counted = sum(feature["properties"]["count"] for feature in features)
    if policy == "code_point":
        assert counted == whole
    else:
        assert len(publication.of_kind(household=False)) < counted <= whole


@hiding_policy
@counted_zoom
def test_households_are_counted_by_five_or_more_where_households_are_hidden(publication: Publication, z: int) -> None:
    households = [feature["properties"].get("kind_household", 0) for feature in publication.tiles(z)]
    assert [number for number in households if 0 < number < LEAST_COUNT] == []
    assert max(households) >= LEAST_COUNT


@every_policy
@counted_zoom
def test_what_is_public_is_counted_in_full(publication: Publication, z: int) -> None:
    found = [feature["properties"] for feature in publication.tiles(z)]
    counted = sum(one["count"] - one.get("kind_household", 0) for one in found)
    assert counted == len(publication.of_kind(household=False))


@hiding_policy
@pytest.mark.parametrize("z", [0, 12, 14])
def test_no_filter_tells_of_a_household_in_a_tile(publication: Publication, z: int) -> None:
    """What is counted or drawn by a filter is what everybody may read one by one, so small counts tell nothing more."""
    house, others = publication.of_kind(household=True)[0], publication.of_kind(household=False)
    around = f"S_INTERSECTS(geometry, BBOX({house.box}))"
    for wanted in ("kind = 'household'", f"code = '{house.code}'", f"code LIKE '{house.code}'", around):
        assert publication.tile(z, *house.tile(z), filter=wanted, properties="code,kind") == [], wanted
    for wanted in ("TRUE", "code IS NOT NULL"):
        found = publication.tiles(z, filter=wanted)
        if z < DRAWN_ZOOMS[0]:
            assert sum(feature["properties"]["count"] for feature in found) == len(others), wanted
        else:
            assert {feature["id"] for feature in found} == {address.id for address in others}, wanted


@every_policy
def test_search_finds_a_household_by_its_exact_code_alone_and_under_aggregate_never(
    publication: Publication, policy: PublicationPolicy
) -> None:
    house = publication.of_kind(household=True)[0]
    found = publication.search(house.code)
    if policy == "aggregate":
        assert found == []
    else:
        (card,) = found
        assert (card["id"], card["properties"]["code"]) == (house.uuid, house.code)
        assert card["geometry"]["coordinates"] == pytest.approx([house.lon, house.lat], abs=1e-6)
    for part in (house.code[:-1], house.code[1:], f"{house.code[:-1]}%", f"{house.code[:-1]}_", house.uuid):
        assert publication.search(part) == []


@every_policy
def test_a_card_tells_nothing_of_a_person(publication: Publication, policy: PublicationPolicy) -> None:
    shown = {"code", "kind", "house_number", "village", "commune_code", "province_code"}
    for address in publication.addresses[:5]:
        for card in publication.search(address.code):
            assert set(card["properties"]) == shown | {"register", "uuid", "label", "context"}


def shown_beside_households(publication: Publication) -> dict[str, Any]:
    return {item["id"]: item for item in publication.items() if item["properties"]["kind"] != "household"}


@every_policy
def test_what_is_no_household_is_public_in_full(
    publications: dict[PublicationPolicy, Publication], publication: Publication, policy: PublicationPolicy
) -> None:
    everything = shown_beside_households(publications["code_point"])
    assert shown_beside_households(publication) == everything
    for kind, address in {one.kind: one for one in publication.of_kind(household=False)}.items():
        assert codes(publication.search(address.code)) == {address.code}
        single = publication.client.get(f"{ITEMS}/{address.uuid}").json()
        assert single["properties"] == everything[address.uuid]["properties"]
        assert codes(publication.items(kind=kind)) == {
            other.code for other in publication.addresses if other.kind == kind
        }


@hiding_policy
def test_the_bounds_of_the_collection_do_not_tell_where_the_outermost_household_is(publication: Publication) -> None:
    west, south, east, north = publication.client.get("/tiles/addresses.json").json()["bounds"]
    shown = publication.of_kind(household=False)
    assert [west, south, east, north] == pytest.approx([
        min(address.lon for address in shown), min(address.lat for address in shown),
        max(address.lon for address in shown), max(address.lat for address in shown),
    ], abs=1e-6)  # fmt: skip


@hiding_policy
def test_the_public_role_of_the_database_sees_no_household(publication: Publication) -> None:
    """What the API cannot read it cannot give away by mistake."""
    house, database = publication.of_kind(household=True)[0], Database(publication.settings)
    with database.read() as connection:
        for statement in (
            "SELECT count(*) FROM open.addresses WHERE kind = 'household'",
            "SELECT count(*) FROM open.addresses_tile WHERE kind = 'household'",
            "SELECT count(*) FROM open.address_codes WHERE value = :code",
            "SELECT count(*) FROM open.search_entry WHERE register = 'addresses'",
        ):
            values = {"code": house.code} if ":code" in statement else {}
            assert connection.scalar(text(statement), values) == 0
    database.dispose()


def test_aggregate_hides_a_household_in_the_look_up_functions_too(
    publications: dict[PublicationPolicy, Publication],
) -> None:
    publication = publications["aggregate"]
    house, database = publication.of_kind(household=True)[0], Database(publication.settings)
    with database.read() as connection:
        assert connection.scalar(text("SELECT open.find_address(:code)"), {"code": house.code}) is None
        assert connection.scalar(text("SELECT open.address_card(CAST(:id AS uuid))"), {"id": house.uuid}) is None
    database.dispose()


@every_policy
def test_look_ups_are_limited_where_households_are_hidden(publication: Publication, policy: PublicationPolicy) -> None:
    caller, codes_tried = publication.stranger(), [address.code for address in publication.addresses]
    answers = [caller.get("/search", params={"q": code}) for code in codes_tried[: PER_MINUTE + 1]]
    assert {answer.status_code for answer in answers[:PER_MINUTE]} == {200}
    if policy == "code_point":
        assert answers[-1].status_code == 200
        return
    refused = answers[-1]
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:bandoso:problem:lookup_limit")
    assert int(refused.headers["retry-after"]) > 0
    assert caller.get("/search", params={"q": "thon xuan dien"}).status_code == 200
    assert publication.stranger().get("/search", params={"q": codes_tried[0]}).status_code == 200


@hiding_policy
@pytest.mark.parametrize("made_up", ["0000000000", "0799700001 ", " 0799 700 001", "0799700001x"])
def test_a_code_that_is_not_there_counts_as_a_look_up(publication: Publication, made_up: str) -> None:
    caller = publication.stranger()
    statuses = [caller.get("/search", params={"q": made_up}).status_code for _ in range(PER_MINUTE + 1)]
    assert statuses == [200] * PER_MINUTE + [429]


def versions(client: TestClient, house: Address) -> dict[str, str]:
    """Return what clients keep copies by."""
    places = [(z, *house.tile(z)) for z in (0, 12, 14)]
    held = {f"tile {place}": client.get("/tiles/addresses/{}/{}/{}.mvt".format(*place)) for place in places}
    template = client.get("/tiles/addresses.json").json()["tiles"][0]
    etags = {name: answer.headers["etag"] for name, answer in {**held, "items": client.get(ITEMS)}.items()}
    return {**etags, "address of tiles": template}


def test_no_copy_made_under_one_policy_is_good_under_another(
    publications: dict[PublicationPolicy, Publication],
) -> None:
    house = publications["code_point"].of_kind(household=True)[0]
    found = [versions(publication.client, house) for publication in publications.values()]
    for name in found[0]:
        assert len({held[name] for held in found}) == len(POLICIES), name


def test_a_switch_of_the_policy_needs_a_restart_and_nothing_else(scratch_sample_url: str) -> None:
    chosen: list[PublicationPolicy] = ["code_point", "aggregate", "code_point", "lookup", "aggregate"]
    house = next(address for address in read_addresses(settings_for(scratch_sample_url)) if address.kind == "household")
    tile, held = "/tiles/addresses/14/{}/{}.mvt".format(*house.tile(14)), ""
    for policy in chosen:
        settings = settings_for(scratch_sample_url, publication_policy=policy)
        with TestClient(create_app(settings)) as client:
            assert client.get(f"{ITEMS}/{house.uuid}").status_code == (200 if policy == "code_point" else 404)
            shown = codes(client.get("/search", params={"q": house.code}).json()["features"])
            assert shown == (set() if policy == "aggregate" else {house.code})
            answer = client.get(tile, headers={"if-none-match": held})
            assert answer.status_code == 200
            layers = mapbox_vector_tile.decode(answer.content) if answer.content else {}
            drawn = {feature["id"] for layer in layers.values() for feature in layer["features"]}
            assert (house.id in drawn) is (policy == "code_point")
            held = answer.headers["etag"]
            assert client.get(tile, headers={"if-none-match": held}).status_code == 304
    with setup.owner(settings) as connection:
        noted = connection.scalars(
            text("SELECT target FROM ops.audit WHERE action = 'setting.publication_policy' ORDER BY id")
        ).all()
    assert list(noted)[-4:] == chosen[1:]


def test_an_operator_who_has_not_chosen_shows_counts_alone(scratch_sample_url: str) -> None:
    """The database itself begins with the strictest policy, before any process has said another."""
    settings = settings_for(scratch_sample_url)
    with setup.owner(settings) as connection:
        connection.execute(text("UPDATE ops.setting SET value = 'nonsense' WHERE name = 'publication_policy'"))
    database = Database(settings)
    with database.read() as connection:
        found = connection.scalar(text("SELECT json_agg(DISTINCT kind)::text FROM open.addresses"))
    database.dispose()
    assert "household" not in json.loads(str(found))

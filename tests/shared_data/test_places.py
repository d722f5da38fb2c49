"""Real towns and villages, as OpenStreetMap has them, become tourism points with their names whole."""

import gzip
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, import_file
from geodata.registers import get_register
from geodata.units.load import load_boundaries
from service.app import create_app
from service.settings import ServiceSettings
from tests.conftest import TEMPLATE, Server, settings_for

SHARED = Path(__file__).parents[3] / "shared" / "data"
PLACES = SHARED / "poi" / "osm_places_central_vn_2017.geojson"
COMMUNES = SHARED / "boundaries" / "commune_3321_simplified.geojson.gz"
QUANG_TRI, HUE = "44", "46"
IN_LAOS = {
    "Ba.Kou Tai (1)", "Ba Koumbouay", "Ba.Bouay", "Sanmouay", "Ba.Axôk", "Ba.Loko", "Samouay", "Talôlouniang",
}  # fmt: skip
SECOND_OF_ITS_NAME = Counter(["câu nhi", "mỹ thủy", "trường xuân", "thôn 1", "thôn 2", "thôn 3", "thôn 4"])
"""A place is known by its name and commune, so the second of a name in one commune is refused."""

pytestmark = pytest.mark.skipif(not PLACES.exists(), reason="../shared/data/poi is not here")


@dataclass(frozen=True)
class Imported:
    """The places in a database of their own."""

    settings: ServiceSettings
    database: Database
    first: Published
    again: Published


@pytest.fixture(scope="module")
def imported(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    """Import the places twice, where the boundaries of their two provinces are known."""
    communes = tmp_path_factory.mktemp("places") / "communes.geojson"
    with gzip.open(COMMUNES) as packed:
        collection = json.load(packed)
    rows = collection["features"]
    collection["features"] = [one for one in rows if one["properties"]["province_code"] in {QUANG_TRI, HUE}]
    communes.write_text(json.dumps(collection), encoding="utf-8")
    name = f"places_{worker_name}"
    settings = settings_for(server.create(name, TEMPLATE))
    database = Database(settings)
    load_boundaries(database, communes, get_register("communes"))
    request = ImportRequest(PLACES, PLACES.name, get_register("tourism_points"), SYSTEM)
    yield Imported(settings, database, import_file(database, request), import_file(database, request))
    database.dispose()
    server.drop(name)


def features() -> list[dict[str, Any]]:
    """Return the file's features as another reader finds them."""
    found: list[dict[str, Any]] = json.loads(PLACES.read_text(encoding="utf-8"))["features"]
    return found


def composed(name: str) -> str:
    """Return a name with each letter and its accents as one character (NFC)."""
    return unicodedata.normalize("NFC", name)


def refused(imported: Imported, code: str) -> list[str]:
    """Return the names of the rows that one message refused."""
    rows = [one["row"] for one in imported.first.report.messages if one["code"] == code]
    return [composed(features()[row - 1]["properties"]["name"]) for row in rows]


def test_every_place_is_taken_or_refused_with_a_reason(imported: Imported) -> None:
    report = imported.first.report
    assert (report.read, report.valid, report.rejected) == (171, 156, 15)
    assert (imported.first.counts.added, imported.first.revision) == (156, 1)
    assert {code: count for code, count in report.counts.items() if code != "COLUMN_UNUSED"} == {
        "COMMUNE_NOT_FOUND": 8,
        "NAME_DOUBLED": 7,
    }


def test_places_abroad_are_in_no_commune(imported: Imported) -> None:
    assert set(refused(imported, "COMMUNE_NOT_FOUND")) == IN_LAOS


def test_the_second_of_a_name_in_one_commune_is_refused(imported: Imported) -> None:
    assert Counter(name.casefold() for name in refused(imported, "NAME_DOUBLED")) == SECOND_OF_ITS_NAME


def test_names_are_whole_and_composed(imported: Imported) -> None:
    wanted = Counter(composed(one["properties"]["name"]) for one in features())
    wanted -= Counter(refused(imported, "COMMUNE_NOT_FOUND") + refused(imported, "NAME_DOUBLED"))
    with imported.database.read() as connection:
        stored = list(connection.scalars(text("SELECT name FROM open.tourism_points")))
    assert Counter(stored) == wanted
    assert any(one["properties"]["name"] != composed(one["properties"]["name"]) for one in features())


def test_places_stay_where_they_are(imported: Imported) -> None:
    wanted = {tuple(round(number, 7) for number in one["geometry"]["coordinates"]) for one in features()}
    with imported.database.read() as connection:
        rows = connection.execute(text("SELECT ST_X(geom), ST_Y(geom) FROM open.tourism_points")).all()
    assert {(round(row[0], 7), round(row[1], 7)) for row in rows} <= wanted


def test_each_place_belongs_to_the_commune_around_it(imported: Imported) -> None:
    query = (
        "SELECT count(*) FROM open.tourism_points p JOIN open.communes c ON c.code = p.commune_code "
        "WHERE ST_Intersects(c.geom, p.geom) AND p.province_code = c.province_code"
    )
    with imported.database.read() as connection:
        assert connection.scalar(text(query)) == 156


def test_the_same_places_again_make_no_revision(imported: Imported) -> None:
    assert imported.again.revision is None
    assert imported.again.report.valid == 156


def test_places_are_served_and_found_by_name_without_accents(imported: Imported) -> None:
    with TestClient(create_app(imported.settings)) as client:
        items = client.get("/collections/tourism_points/items?limit=1000").json()
        found = client.get("/search?q=dong ha").json()["features"]
    assert items["numberReturned"] == 156
    assert {one["properties"]["name_en"] for one in items["features"]} >= {"Dong Ha", "Hue"}
    assert "Đông Hà" in [
        one["properties"]["label"] for one in found if one["properties"]["register"] == "tourism_points"
    ]

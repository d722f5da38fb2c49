"""What tests on the shared upload cases need: a database that knows the communes where the Vietnamese ones lie."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from geodata.db import Database
from geodata.registers import get_register
from geodata.units.load import load_boundaries
from tests.conftest import TEMPLATE, Server, settings_for

SHARED = Path(__file__).parents[3] / "shared" / "data"
CASES = SHARED / "upload-cases"
PROVINCES = {"04", "37", "38", "40", "48", "56"}


@pytest.fixture(scope="session")
def cases_database(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all files, with the boundaries of a few provinces."""
    name = f"upload_cases_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    path = write_communes(tmp_path_factory.mktemp("communes") / "communes.geojson")
    report = load_boundaries(found, path, get_register("communes"))
    assert (len(report.matched), report.unknown) == (640, [])
    yield found
    found.dispose()
    server.drop(name)


def write_communes(path: Path) -> Path:
    """Write the communes of the provinces where the Vietnamese cases lie."""
    with gzip.open(SHARED / "boundaries" / "commune_3321_simplified.geojson.gz") as packed:
        collection = json.load(packed)
    collection["features"] = [one for one in collection["features"] if one["properties"]["province_code"] in PROVINCES]
    path.write_text(json.dumps(collection), encoding="utf-8")
    return path

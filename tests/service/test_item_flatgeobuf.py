"""Items as FlatGeobuf, read by GDAL: the records of the same request as GeoJSON, in its order."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import geopandas
import orjson
import pandas as pd
import pytest
import shapely
from shapely.geometry import shape
from starlette.testclient import TestClient

from geodata.reference_systems import CRS84, reference_systems
from geodata.register import Register
from geodata.registers import discover

REGISTERS = list(discover().values())
KEPT = ["code", "kind"]


def path_of(name: str) -> str:
    return f"/collections/{name}/items"


@pytest.fixture
def read(client: TestClient, tmp_path: Path) -> Any:
    def read(name: str, **asked: Any) -> geopandas.GeoDataFrame:
        answer = client.get(f"{path_of(name)}.fgb", params={"limit": 100_000, **asked})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.flatgeobuf"), answer.text
        path = tmp_path / f"{name}.fgb"
        path.write_bytes(answer.content)
        table = geopandas.read_file(path)
        assert answer.headers["ogc-numberreturned"] == str(len(table))
        return table

    return read


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
def test_it_holds_the_same_ids_values_and_shapes(client: TestClient, read: Any, register: Register) -> None:
    table = read(register.id, limit=700)
    items = client.get(path_of(register.id), params={"limit": 700}).json()["features"]
    assert list(table["id"]) == [item["id"] for item in items]
    assert [*table.columns] == ["id", *items[0]["properties"], "geometry"]
    for row, item in zip(table.to_dict("records"), items, strict=True):
        for name, value in item["properties"].items():
            assert _plain(row[name], value) == value, name
        place = item["geometry"] and shape(item["geometry"])
        assert (row["geometry"] is None) == (place is None)
        assert place is None or shapely.equals_exact(row["geometry"], place, tolerance=1e-6)


def _plain(found: Any, expected: Any) -> Any:
    """Return a value of the table as JSON has it: lists are texts there, days are moments, nothing is NaN."""
    if isinstance(expected, list):
        return orjson.loads(found)
    if expected is None:
        return None if pd.isna(found) else found
    return str(found.date()) if isinstance(found, pd.Timestamp) else found


@pytest.mark.parametrize("uri", list(reference_systems()))
def test_it_says_its_system_and_has_longitude_or_easting_first(client: TestClient, read: Any, uri: str) -> None:
    system, table = reference_systems()[uri], read("growing_areas", crs=uri, limit=5)
    assert table.crs.to_epsg() == (4326 if uri == CRS84 else system.srid)
    items = client.get(path_of("growing_areas"), params={"crs": uri, "limit": 5}).json()["features"]
    for found, item in zip(table.geometry, items, strict=True):
        place = shape(item["geometry"])
        swapped = shapely.transform(place, lambda pairs: pairs[:, ::-1]) if system.is_latitude_first else place
        assert shapely.equals_exact(found, swapped, tolerance=1e-9)


@pytest.mark.parametrize(
    "asked",
    [
        {"bbox": "106.235,20.325,106.245,20.34"}, {"filter": "kind = 'agency'"}, {"sortby": "-name,house_number"},
        {"properties": ",".join(KEPT)}, {"offset": 4990}, {"as-of": "1"}, {"q": "khong co dau vay"},
    ],
    ids=lambda asked: next(iter(asked)),
)  # fmt: skip
def test_it_follows_the_request(client: TestClient, read: Any, asked: dict[str, str]) -> None:
    table = read("addresses", **asked)
    rows = client.get(f"{path_of('addresses')}.geojsonseq", params={"limit": 100_000, **asked}).text.split("\x1e")[1:]
    assert list(table["id"]) == [orjson.loads(row)["id"] for row in rows]
    assert "properties" not in asked or [*table.columns] == ["id", *KEPT, "geometry"]


def test_it_has_no_column_that_is_not_public(read: Any) -> None:
    assert not {"phone", "head_name"} & set(read("addresses", limit=5).columns)


def test_geopandas_and_ogrinfo_read_it_from_its_address(service: str) -> None:
    address = f"{service}{path_of('tourism_points')}.fgb?limit=1000"
    table = geopandas.read_file(address)
    assert len(table) > 5
    said = subprocess.run(
        ["ogrinfo", "-ro", "-so", "-al", f"/vsicurl_streaming/{address}"], capture_output=True, text=True, check=False
    )
    assert f"Feature Count: {len(table)}" in said.stdout, said.stderr


def test_nothing_is_left_in_the_folder_of_temporary_files(client: TestClient) -> None:
    before = set(Path(tempfile.gettempdir()).glob("bandoso-read-*"))
    client.get(f"{path_of('villages')}.fgb")
    assert set(Path(tempfile.gettempdir()).glob("bandoso-read-*")) <= before

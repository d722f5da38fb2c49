"""Tiles in VN-2000 against the untiled records, and PostGIS's way there against ours."""

from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import box, shape
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.crs import VN2000_UTM48, grid_from_wgs84, vn2000
from geodata.db import Database
from geodata.drawing import BUFFER, EXTENT
from tiles.grid import TileAddress
from tiles.matrix_sets import VN2000_QUAD, WEB_MERCATOR_QUAD
from tiles.vn2000 import search_box, tile_box

ZONE = vn2000(105.0, 0.9996, 3405)
SET = VN2000_QUAD.id
LEVELS = st.integers(0, VN2000_QUAD.max_level)


def to_grid(places: Any) -> Any:
    """Return eastings and northings of longitudes and latitudes."""
    return np.column_stack(grid_from_wgs84(ZONE, places[:, 0].copy(), places[:, 1].copy()))


def all_items(client: TestClient, layer: str) -> list[Any]:
    page = client.get(f"/collections/{layer}/items?limit=1000").json()
    found = list(page["features"])
    while following := [link["href"] for link in page["links"] if link["rel"] == "next"]:
        page = client.get(following[0]).json()
        found += page["features"]
    return found


def tile_of(east: float, north: float, z: int) -> TileAddress:
    size_m = VN2000_QUAD.size_m / (1 << z)
    return TileAddress(z, int((east - VN2000_QUAD.left) // size_m), int((VN2000_QUAD.top - north) // size_m))


def features(client: TestClient, layer: str, at: TileAddress) -> list[Any]:
    answer = client.get(f"/collections/{layer}/tiles/{SET}/{at.z}/{at.y}/{at.x}")
    assert answer.status_code in {200, 204}, answer.text[:300]
    options = {"y_coord_down": True}
    decoded = mapbox_vector_tile.decode(answer.content, default_options=options) if answer.content else {}
    return list(decoded.get(layer, {}).get("features", []))


def in_units(drawn: Any, at: TileAddress) -> Any:
    """Return a shape in VN-2000 metres as one in units of a tile."""
    west, _, east, north = tile_box(at)
    scale = EXTENT / (east - west)
    return affinity.affine_transform(drawn, [scale, 0, 0, -scale, -west * scale, north * scale])


def test_postgis_moves_as_we_do_all_over_the_country(sample_database: Database) -> None:
    lon, lat = (part.ravel() for part in np.meshgrid(np.arange(102, 118.01, 0.5), np.arange(6, 24.01, 0.5)))
    statement = text(
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT (ST_DumpPoints(ST_Transform(ST_Transform(ST_Collect("
        "ST_SetSRID(ST_Point(x, y), 4326) ORDER BY n), 3857), :proj))).geom AS p "
        "FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])) WITH ORDINALITY AS u (x, y, n)) t"
    )
    with sample_database.read() as connection:
        values = {"proj": VN2000_UTM48, "lon": lon.tolist(), "lat": lat.tolist()}
        moved = np.array(connection.execute(statement, values).all())
    assert np.abs(moved - to_grid(np.column_stack([lon, lat]))).max() < 0.001


def test_the_country_lies_in_the_tile_of_level_0() -> None:
    west, south, east, north = VN2000_QUAD.bounds((102.0, 6.0, 118.0, 23.5))
    left, bottom, right, top = tile_box(TileAddress(0, 0, 0))
    assert left < west < east < right
    assert bottom < south < north < top


@given(LEVELS, st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True), st.floats(0, 1))
def test_the_search_box_holds_the_tile_with_its_buffer(z: int, x: float, y: float, along: float) -> None:
    at = TileAddress(z, int(x * (1 << z)), int(y * (1 << z)))
    west, south, east, north = tile_box(at, BUFFER / EXTENT)
    a, b = west + (east - west) * along, south + (north - south) * along
    sides = np.array([(a, south), (a, north), (west, b), (east, b)])
    across, up = WEB_MERCATOR_QUAD.project(*ZONE.to_wgs84(sides[:, 0].copy(), sides[:, 1].copy()))
    left, bottom, right, top = search_box(at)
    assert left <= across.min() <= across.max() <= right
    assert bottom <= up.min() <= up.max() <= top


@pytest.mark.parametrize("z", range(VN2000_QUAD.max_level + 1))
@pytest.mark.parametrize(
    ("unit", "sides"), [(8, (-1, 0)), (BUFFER - 8, (-1, 0)), (BUFFER + 8, (0, 0)), (EXTENT - 8, (0, 1))]
)
def test_the_limits_hold_the_tiles_whose_buffer_has_a_place_and_no_more(
    z: int, unit: int, sides: tuple[int, int]
) -> None:
    """A place so many units from the left and the upper edge of a tile in the middle of the set."""
    at = tile_of(VN2000_QUAD.left + VN2000_QUAD.size_m / 3, VN2000_QUAD.top - VN2000_QUAD.size_m / 3, z)
    west, _, east, north = tile_box(at)
    unit_m = (east - west) / EXTENT
    lon, lat = ZONE.to_wgs84(np.array([west + unit * unit_m]), np.array([north - unit * unit_m]))
    place = float(lon[0]), float(lat[0])
    found = VN2000_QUAD.limits((*place, *place), z)[0]
    columns, rows = ([min(max(index + side, 0), (1 << z) - 1) for side in sides] for index in (at.x, at.y))
    assert found == {
        "tileMatrix": str(z), "minTileCol": columns[0], "maxTileCol": columns[1], "minTileRow": rows[0], "maxTileRow": rows[1],
    }  # fmt: skip


@pytest.mark.parametrize("z", [9, 10])
def test_every_point_is_where_it_is_untiled_and_in_every_tile_whose_buffer_has_it(client: TestClient, z: int) -> None:
    records = all_items(client, "addresses")
    places = to_grid(np.array([record["geometry"]["coordinates"] for record in records]))
    tiles = {tile_of(east, north, z) for east, north in places}
    seams = 0
    for at in sorted(tiles, key=lambda tile: (tile.x, tile.y))[:3]:
        units = shapely.get_coordinates(in_units(shapely.MultiPoint(places), at))
        within = ((units > -BUFFER + 1) & (units < EXTENT + BUFFER - 1)).all(axis=1)
        outside = ((units < -BUFFER - 1) | (units > EXTENT + BUFFER + 1)).any(axis=1)
        drawn = np.array([feature["geometry"]["coordinates"] for feature in features(client, "addresses", at)])
        assert within.sum() <= len(drawn) <= (~outside).sum()
        # Sorted by place: each point drawn is one of the records', to half a unit and the seventh decimal.
        distances = np.abs(drawn[:, None, :] - units[None, ~outside, :]).max(axis=2)
        assert distances.min(axis=1).max() <= 0.6
        assert distances.min(axis=0)[within[~outside]].max() <= 0.6
        seams += int((within & ((units < 0) | (units > EXTENT)).any(axis=1)).sum())
    assert seams > 0


@pytest.mark.parametrize(("layer", "z"), [("growing_areas", 10), ("communes", 8)])
def test_every_area_is_its_untiled_shape_cut_at_the_buffer(client: TestClient, layer: str, z: int) -> None:
    records = {item["id"]: item for item in all_items(client, layer) if item["geometry"]}
    areas = {name: shapely.transform(shape(item["geometry"]), to_grid) for name, item in records.items()}
    middles = [area.representative_point() for area in areas.values() if area.area > 0][:3]
    compared = 0
    for at in {tile_of(middle.x, middle.y, z) for middle in middles}:
        clip = box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
        found = {}
        for feature in features(client, layer, at):
            item = client.get(f"/collections/{layer}/items/{feature['id']}").json()
            found[item["id"]] = shape(feature["geometry"])
        for name, area in areas.items():
            expected = in_units(area, at).intersection(clip)
            if expected.area > 50:
                assert found[name].symmetric_difference(expected).area <= expected.length * 1.5
                compared += 1
            elif expected.is_empty:
                assert name not in found
    assert compared >= 3


@pytest.mark.parametrize("z", range(9))
def test_counts_sum_up_to_the_true_number_at_every_level(client: TestClient, z: int) -> None:
    west, south, east, north = VN2000_QUAD.bounds(tuple(client.get("/tiles/addresses.json").json()["bounds"]))
    first, last = tile_of(west, north, z), tile_of(east, south, z)
    counts = [
        feature["properties"]["count"]
        for x in range(first.x - 1, last.x + 2)
        for y in range(first.y - 1, last.y + 2)
        if min(x, y) >= 0 and max(x, y) < 1 << z
        for feature in features(client, "addresses", TileAddress(z, x, y))
    ]
    assert sum(counts) == 5000


def test_a_tile_has_an_etag_and_its_set_has_an_end(client: TestClient) -> None:
    path = f"/collections/addresses/tiles/{SET}"
    first = client.get(f"{path}/0/0/0")
    again = client.get(f"{path}/0/0/0", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["etag"] != client.get("/tiles/addresses/0/0/0.mvt").headers["etag"]
    for wrong in ("11/0/0", "0/0/1", "1/2/0", "x/0/0", "0/0/0?filter=TRUE", "0/0/0?properties=kind"):
        assert client.get(f"{path}/{wrong}").status_code == 400, wrong

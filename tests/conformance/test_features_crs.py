"""OGC API - Features - Part 2: Coordinate Reference Systems by Reference."""

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from pyproj import CRS, Transformer
from shapely import transform
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from tests.conformance.api import GEOJSON, Api, ids
from tests.conformance.classes import CRS as CLASS

pytestmark = pytest.mark.conformance(CLASS)
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
NO_CRS = "http://www.opengis.net/def/crs/OGC/0/dUmmYcRs"
FORM = re.compile(r"http://www\.opengis\.net/def/crs/(OGC/1\.3/CRS84h?|EPSG/0/[0-9]+)")
WITHIN = {True: 1e-6, False: 0.5}
"""How far two transformations may be apart, in degrees and in metres: PROJ and the service choose their own pipelines."""


@cache
def system_of(uri: str) -> CRS:
    """Return the coordinate system that an address names."""
    return CRS.from_user_input("OGC:CRS84" if uri == CRS84 else f"EPSG:{uri.rpartition('/')[2]}")


@cache
def from_crs84(uri: str) -> Transformer:
    """Return the way from longitude and latitude to a system, in the order of its axes."""
    return Transformer.from_crs("OGC:CRS84", system_of(uri), always_xy=False)


def moved(geometry: Any, uri: str) -> BaseGeometry:
    """Return a GeoJSON geometry in another system, with its axes in their order."""
    way = from_crs84(uri)
    return transform(shape(geometry), lambda at: np.column_stack(way.transform(at[:, 0], at[:, 1])))


def systems_of(api: Api, collection: str) -> list[str]:
    """Return the systems that a collection takes, those of ``#/crs`` among them."""
    named = api.collection(collection)["crs"]
    return [uri for name in named for uri in (api.read("/collections")["crs"] if name == "#/crs" else [name])]


def some_of(uris: list[str]) -> list[str]:
    """Return degrees of either order, metres of the web and the first and last of the rest."""
    known = [uri for uri in uris if uri == CRS84 or uri.endswith(("/4326", "/3857"))]
    rest = [uri for uri in uris if uri not in known]
    return [*known, *rest[:1], *rest[-1:]]


def items(api: Api, collection: str, **asked: Any) -> tuple[list[Any], str]:
    """Return a page of items, and the system that its header names."""
    answer = api.ask(f"/collections/{collection}/items", GEOJSON, limit=20, **asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["features"], answer.headers["content-crs"]


def test_every_system_has_an_address_of_ogc(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/crs-uri."""
    uris = systems_of(api, collection)
    assert len(uris) == len(set(uris)) > 1
    assert all(FORM.fullmatch(uri) for uri in uris)
    assert all(system_of(uri) for uri in uris)


def test_crs84_is_the_first_of_them(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/default-crs."""
    assert systems_of(api, collection)[0] == CRS84


def test_the_system_of_storage_is_one_of_them(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/storageCrs."""
    assert api.collection(collection)["storageCrs"] in systems_of(api, collection)


def test_items_are_given_in_the_system_that_is_asked_for(api: Api, collection: str) -> None:
    """Abstract tests /conf/crs/crs-parameter, crs-parameter-transform and geojson."""
    plain, _ = items(api, collection)
    for uri in some_of(systems_of(api, collection)):
        found, said = items(api, collection, crs=uri)
        assert said == f"<{uri}>"
        assert [one["id"] for one in found] == [one["id"] for one in plain]
        tolerance = WITHIN[system_of(uri).is_geographic]
        for one, known in zip(found, plain, strict=True):
            assert shape(one["geometry"]).hausdorff_distance(moved(known["geometry"], uri)) < tolerance


def test_a_single_item_is_given_in_the_system_that_is_asked_for(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/crs-parameter, for one item."""
    for uri in some_of(systems_of(api, collection)):
        first = items(api, collection, crs=uri)[0][0]
        answer = api.ask(f"/collections/{collection}/items/{first['id']}", GEOJSON, crs=uri)
        assert answer.headers["content-crs"] == f"<{uri}>"
        assert answer.json()["geometry"] == first["geometry"]


def test_crs84_is_given_where_none_is_asked_for(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/crs-parameter-default."""
    plain, said = items(api, collection)
    assert said == f"<{CRS84}>"
    assert items(api, collection, crs=CRS84)[0] == plain


@pytest.mark.parametrize("name", ["crs", "bbox-crs"])
def test_a_system_that_is_not_listed_is_refused(api: Api, collection: str, name: str) -> None:
    """Abstract tests /conf/crs/crs-parameter-invalid and bbox-crs-parameter-invalid."""
    asked = {name: NO_CRS, "bbox": "106,20,107,21"}
    api.refuse(f"/collections/{collection}/items", **asked)


def test_a_single_item_is_refused_in_a_system_that_is_not_listed(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/crs-parameter-invalid, for one item."""
    first = api.items(collection, limit=1)["features"][0]["id"]
    api.refuse(f"/collections/{collection}/items/{first}", crs=NO_CRS)


def quarter(api: Api, collection: str) -> tuple[float, float, float, float]:
    """Return the lower left quarter of a collection's extent in degrees."""
    west, south, east, north = api.collection(collection)["extent"]["spatial"]["bbox"][0]
    return west, south, (west + east) / 2, (south + north) / 2


def test_a_box_is_read_in_the_system_that_it_names(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/bbox-crs-parameter."""
    degrees = quarter(api, collection)
    expected = ids(api.all_items(collection, bbox=",".join(map(str, degrees))))
    assert expected
    for uri in some_of(systems_of(api, collection)):
        if uri == CRS84 or uri.endswith(("/4326", "/3857")):  # elsewhere a box of degrees is no box
            west, south, east, north = degrees
            low, high = from_crs84(uri).transform(west, south), from_crs84(uri).transform(east, north)
            found = api.all_items(collection, bbox=",".join(map(repr, map(float, (*low, *high)))), bbox_crs=uri)
            assert ids(found) == expected, uri


def test_a_box_is_read_in_crs84_where_no_system_is_named(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/bbox-crs-parameter-default."""
    box = ",".join(map(str, quarter(api, collection)))
    assert ids(api.all_items(collection, bbox=box, bbox_crs=CRS84)) == ids(api.all_items(collection, bbox=box))


def test_box_and_answer_may_be_in_two_systems(api: Api, collection: str) -> None:
    """Abstract test /conf/crs/crs-transform."""
    west, south, east, north = quarter(api, collection)
    web = "http://www.opengis.net/def/crs/EPSG/0/3857"
    swapped, said = items(
        api,
        collection,
        bbox=f"{south},{west},{north},{east}",
        bbox_crs="http://www.opengis.net/def/crs/EPSG/0/4326",
        crs=web,
    )
    assert said == f"<{web}>"
    assert [one["id"] for one in swapped] == [
        one["id"] for one in items(api, collection, bbox=f"{west},{south},{east},{north}")[0]
    ]

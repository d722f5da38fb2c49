"""OGC's abstract tests of API - Features Part 4 (= Common Part 5, 20-002r2), one function for each.

The test dataset is the tourism points of the sample. Where an abstract test leaves a choice, what is asserted here is the
choice that the service documents: ids are never taken from a client, and If-Match is required.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from tests.conftest import Server
from tests.service.office import Office, opened
from tests.service.people import PLACE, SAMPLE_COMMUNE, add_key, add_officer

ITEMS = "/collections/tourism_points/items"
GEOJSON, MERGE = {"content-type": "application/geo+json"}, {"content-type": "application/merge-patch+json"}
REPRESENTATION = {"prefer": "return=representation"}
POINT = {"type": "Point", "coordinates": list(PLACE)}


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"ats_{worker_name}", 1) as found:
        yield found


@pytest.fixture(scope="module")
def api(office: Office) -> TestClient:
    """A program with a key to edit."""
    client = TestClient(office.app)  # type: ignore[arg-type]
    client.headers.update(add_key(office.settings, add_officer(office.settings), scopes="edit"))
    return client


def feature(**properties: Any) -> dict[str, Any]:
    """Return a valid new feature, whose slug no other has."""
    slug = f"diem-{uuid4().hex}"
    return {"type": "Feature", "geometry": POINT, "properties": {"name": "Điểm thử", "slug": slug, **properties}}


def create(api: TestClient, body: Any = None, **headers: str) -> Any:
    return api.post(ITEMS, content=json.dumps(body or feature()), headers={**GEOJSON, **headers})


def made(api: TestClient) -> tuple[str, str]:
    """Make an item; return its address and ETag."""
    answer = create(api)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"], answer.headers["etag"]


def holds(found: dict[str, Any], sent: dict[str, Any]) -> bool:
    return found["geometry"] == sent["geometry"] and sent["properties"].items() <= found["properties"].items()


def ids(api: TestClient) -> set[str]:
    return {one["id"] for one in api.get(f"{ITEMS}?limit=1000").json()["features"]}


# --- Create/Replace/Delete


def test_options(api: TestClient) -> None:
    """/conf/create-replace-delete/options and /conf/update/options."""
    many, one = api.options(ITEMS), api.options(made(api)[0])
    assert (many.status_code, one.status_code) == (200, 200)
    assert set(many.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert "application/geo+json" in many.headers["accept-post"]
    assert set(one.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"}
    assert "application/merge-patch+json" in one.headers["accept-patch"]


def test_create(api: TestClient) -> None:
    """/conf/create-replace-delete/create: 201 with Location; a body with an identifier is rejected."""
    before, sent = ids(api), feature()
    answer = create(api, sent)
    assert answer.status_code == 201
    found = api.get(answer.headers["location"])
    assert (found.status_code, holds(found.json(), sent)) == (200, True)
    assert found.json()["id"] not in before
    assert answer.headers["location"].endswith(found.json()["id"])
    refused = create(api, {**feature(), "id": str(uuid4())})
    assert refused.status_code == 422
    assert ids(api) == before | {found.json()["id"]}


def test_create_content_type(api: TestClient) -> None:
    """/conf/create-replace-delete/create-content-type."""
    before = ids(api)
    assert api.post(ITEMS, content=json.dumps(feature())).status_code == 400
    assert ids(api) == before


def test_replace(api: TestClient) -> None:
    """/conf/create-replace-delete/replace."""
    (at, etag), sent = made(api), feature(beds=3)
    assert api.put(at, content=json.dumps(sent), headers={**GEOJSON, "if-match": etag}).status_code == 204
    found = api.get(at)
    assert (found.status_code, holds(found.json(), sent)) == (200, True)


def test_replace_content_type(api: TestClient) -> None:
    """/conf/create-replace-delete/replace-content-type."""
    at, etag = made(api)
    assert api.put(at, content=json.dumps(feature()), headers={"if-match": etag}).status_code == 400


def test_replace_rid(api: TestClient) -> None:
    """/conf/create-replace-delete/replace-rid: another identifier is rejected, the own one taken."""
    at, etag = made(api)
    for claimed, status in ((str(uuid4()), 422), (at.rpartition("/")[2], 204)):
        body = json.dumps({**feature(), "id": claimed})
        assert api.put(at, content=body, headers={**GEOJSON, "if-match": etag}).status_code == status
    assert api.get(at).json()["id"] == at.rpartition("/")[2]


def test_replace_exceptions(api: TestClient) -> None:
    """/conf/create-replace-delete/replace-exceptions: PUT makes nothing."""
    for headers in ({}, {"if-match": '"xyz"'}):
        at = f"{ITEMS}/{uuid4()}"
        assert api.put(at, content=json.dumps(feature()), headers={**GEOJSON, **headers}).status_code == 404
        assert api.get(at).status_code == 404


def test_delete(api: TestClient) -> None:
    """/conf/create-replace-delete/delete."""
    at, etag = made(api)
    assert api.delete(at, headers={"if-match": etag}).status_code == 204
    assert api.get(at).status_code == 404


# --- Update


def test_update(api: TestClient) -> None:
    """/conf/update/update: what the document names changes, all other parts stay."""
    at, etag = made(api)
    before = api.get(at).json()
    answer = api.patch(at, content=json.dumps({"properties": {"beds": 7}}), headers={**MERGE, "if-match": etag})
    assert answer.status_code == 204
    assert api.get(at).json() == {**before, "properties": {**before["properties"], "beds": 7}}


def test_update_content_type(api: TestClient) -> None:
    """/conf/update/update-content-type."""
    at, etag = made(api)
    assert api.patch(at, content=b'{"properties": {}}', headers={"if-match": etag}).status_code == 400


def test_update_rid(api: TestClient) -> None:
    """/conf/update/update-rid: another identifier is rejected."""
    at, etag = made(api)
    body = json.dumps({"id": str(uuid4()), "properties": {"beds": 1}})
    assert api.patch(at, content=body, headers={**MERGE, "if-match": etag}).status_code == 422


# --- Optimistic locking using ETags


def test_get_etag(api: TestClient) -> None:
    """/conf/optimistic-locking-etags/get-etag; and the one of the edit is the first part of it."""
    at, etag = made(api)
    found = api.get(at)
    assert (found.status_code, found.headers["etag"].partition("-")[0]) == (200, etag.removesuffix('"'))


def test_locked_replace(api: TestClient) -> None:
    """/conf/optimistic-locking-etags/replace."""
    (at, etag), body = made(api), json.dumps(feature())
    before = api.get(at).json()
    assert api.put(at, content=body, headers={**GEOJSON, "if-match": '"0"'}).status_code == 412
    assert api.get(at).json() == before
    answer = api.put(at, content=body, headers={**GEOJSON, "if-match": etag})
    assert (answer.status_code, answer.headers["etag"] != etag) == (204, True)
    assert api.put(at, content=body, headers=GEOJSON).status_code == 428


def test_locked_update(api: TestClient) -> None:
    """/conf/optimistic-locking-etags/update."""
    (at, etag), body = made(api), json.dumps({"properties": {"beds": 2}})
    before = api.get(at).json()
    assert api.patch(at, content=body, headers={**MERGE, "if-match": '"0"'}).status_code == 412
    assert api.get(at).json() == before
    answer = api.patch(at, content=body, headers={**MERGE, "if-match": etag})
    assert (answer.status_code, answer.headers["etag"] != etag) == (204, True)
    assert api.patch(at, content=body, headers=MERGE).status_code == 428


def test_locked_delete(api: TestClient) -> None:
    """/conf/optimistic-locking-etags/delete."""
    at, etag = made(api)
    assert api.delete(at, headers={"if-match": '"0"'}).status_code == 412
    assert api.delete(at).status_code == 428
    assert api.get(at).status_code == 200
    assert api.delete(at, headers={"if-match": etag}).status_code == 204
    assert api.get(at).status_code == 404


# --- Return resource representation in response


def test_prefer(api: TestClient) -> None:
    """/conf/return-resource-representation-in-response/prefer."""
    for headers in ({}, REPRESENTATION, {"prefer": "return=minimal"}):
        assert create(api, **headers).status_code == 201


def test_representation(api: TestClient) -> None:
    """/conf/return-resource-representation-in-response/representation, of every operation."""
    sent = feature()
    answer = create(api, sent, **REPRESENTATION)
    assert (answer.status_code, holds(answer.json(), sent)) == (201, True)
    assert {**answer.json(), "links": []} == {**api.get(answer.headers["location"]).json(), "links": []}
    at, etag = answer.headers["location"], answer.headers["etag"]
    again = {**sent, "properties": {**sent["properties"], "beds": 5}}
    answer = api.put(at, content=json.dumps(again), headers={**GEOJSON, **REPRESENTATION, "if-match": etag})
    assert (answer.status_code, holds(answer.json(), again)) == (200, True)
    headers = {**MERGE, **REPRESENTATION, "if-match": answer.headers["etag"]}
    answer = api.patch(at, content=b'{"properties": {"beds": 6}}', headers=headers)
    assert (answer.status_code, answer.json()["properties"]["beds"]) == (200, 6)


def test_minimal(api: TestClient) -> None:
    """/conf/return-resource-representation-in-response/minimal."""
    for headers in ({}, {"prefer": "return=minimal"}):
        assert create(api, **headers).content == b""


def test_content_negotiation(api: TestClient) -> None:
    """/conf/return-resource-representation-in-response/content-negotiation."""
    answer = create(api, **REPRESENTATION, accept="application/geo+json")
    assert answer.headers["content-type"] == "application/geo+json"


def test_preference_applied(api: TestClient) -> None:
    """/conf/return-resource-representation-in-response/preference-applied."""
    assert create(api, **REPRESENTATION).headers["preference-applied"] == "return=representation"


# --- Handling preference


INVALID: dict[str, Any] = {"type": "Feature", "geometry": POINT, "properties": {"beds": 1}}


def test_handling_prefer(api: TestClient) -> None:
    """/conf/handling/prefer."""
    for headers in ({}, {"prefer": "handling=strict"}, {"prefer": "handling=lenient"}):
        assert create(api, **headers).status_code == 201


def test_handling_strict(api: TestClient) -> None:
    """/conf/handling/strict and /conf/handling/preference-applied: told what is wrong, and nothing made."""
    before = ids(api)
    answer = create(api, INVALID, prefer="handling=strict")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name")
    assert answer.headers["preference-applied"] == "handling=strict"
    assert ids(api) == before


def test_handling_lenient(api: TestClient) -> None:
    """/conf/handling/lenient: at least what the default takes, and here nothing more."""
    assert create(api, feature(), prefer="handling=lenient").status_code == 201
    assert create(api, INVALID, prefer="handling=lenient").status_code == create(api, INVALID).status_code == 422


# --- Features


def test_endpoints(api: TestClient) -> None:
    """/conf/features/endpoints: items are what is changed, and nothing else takes these methods."""
    for path in ("/collections", "/collections/tourism_points", "/conformance"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = api.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_no_put_creates(api: TestClient) -> None:
    """/conf/features/put-create: not supported, and so not declared."""
    collection = api.get("/collections/tourism_points").json()
    assert not collection.get("supportsNonAutogeneratedResourceIds", False)


def test_crs84(api: TestClient) -> None:
    """/conf/features/crs84: longitude and latitude by default; a system that is not supported is an error."""
    answer = create(api)
    assert api.get(answer.headers["location"]).json()["geometry"] == POINT
    unknown = {"content-crs": "<http://www.opengis.net/def/crs/EPSG/0/9999999>"}
    assert create(api, **unknown).status_code == 400
    assert create(api, **{"content-crs": "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"}).status_code == 201


@pytest.mark.parametrize("name", ["EPSG/0/9211", "EPSG/0/4326"])
def test_crs(api: TestClient, name: str) -> None:
    """/conf/features/crs: what is sent in another system, its axes in its order, lies where it lay in WGS 84."""
    uri, at = f"http://www.opengis.net/def/crs/{name}", create(api).headers["location"]
    there = api.get(at, params={"crs": uri}).json()["geometry"]
    assert there != POINT
    answer = create(api, {**feature(), "geometry": there}, **{"content-crs": f"<{uri}>"})
    assert answer.status_code == 201
    found = api.get(answer.headers["location"]).json()["geometry"]["coordinates"]
    assert found == pytest.approx(POINT["coordinates"], abs=2e-7)


def test_schema(api: TestClient) -> None:
    """/conf/features/schema: what the schema does not name is rejected, since it allows no other properties."""
    assert api.get("/collections/tourism_points/schema").json()["additionalProperties"] is False
    assert create(api, feature(**{"màu": "đỏ"})).status_code == 422
    assert create(api, feature(province_code="01")).status_code == 422


def test_json_merge_patch(api: TestClient) -> None:
    """/conf/features/json-merge-patch: one value changed, one added, one unset, and another place."""
    at = create(api, feature(beds=3, description="Cũ")).headers["location"]
    etag = api.get(at).headers["etag"]
    there = {"type": "Point", "coordinates": [PLACE[0] + 0.0001, PLACE[1]]}
    patch = {"properties": {"beds": 4, "zalo": None, "guests_per_day": 9, "description": None}, "geometry": there}
    assert api.patch(at, content=json.dumps(patch), headers={**MERGE, "if-match": etag}).status_code == 204
    found = api.get(at).json()
    assert found["geometry"]["coordinates"] == pytest.approx(there["coordinates"], abs=1e-7)
    wanted = {"beds": 4, "guests_per_day": 9, "description": None}
    assert {name: found["properties"][name] for name in wanted} == wanted
    assert found["properties"]["commune_code"] == SAMPLE_COMMUNE

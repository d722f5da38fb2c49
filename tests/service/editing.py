"""What programs send that edit single items."""

import json
from typing import Any

from starlette.testclient import TestClient

from tests.service.office import Office, new_code
from tests.service.people import PLACE, add_key

ADDRESSES, SIGHTS = "/collections/addresses/items", "/collections/tourism_points/items"
GEOJSON, MERGE = {"content-type": "application/geo+json"}, {"content-type": "application/merge-patch+json"}
POINT = {"type": "Point", "coordinates": list(PLACE)}


def with_key(office: Office, username: str, scopes: str = "edit") -> TestClient:
    """Return a program with a key of an account."""
    client = TestClient(office.app)  # type: ignore[arg-type]
    client.headers.update(add_key(office.settings, username, scopes=scopes))
    return client


def feature(**properties: Any) -> str:
    """Write a feature in the sample commune."""
    return json.dumps({"type": "Feature", "geometry": POINT, "properties": properties})


def household(**properties: Any) -> str:
    """Write a household with a code of its own."""
    return feature(**{"code": new_code(), "kind": "household", **properties})


def made(client: TestClient, body: str | None = None, items: str = ADDRESSES) -> tuple[str, str]:
    """Make an item; return its address and ETag."""
    answer = client.post(items, content=body or household(street="Cũ"), headers=GEOJSON)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("http://testserver"), answer.headers["etag"]


def patch(client: TestClient, at: str, etag: str, *, properties: Any, **headers: str) -> Any:
    """Send a merge patch."""
    body = json.dumps({"properties": properties})
    return client.patch(at, content=body, headers={**MERGE, "if-match": etag, **headers})


def code_of(answer: Any) -> tuple[int, str]:
    """Return the status of a refusal, and its code."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]

"""What the schema of items says of editing: what may be sent, how large it may be, what the service fills in itself."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from geodata.registers import discover
from service.api.item_schemas import schema_of
from tests.conftest import Server
from tests.service.office import Office, opened
from tests.service.people import PLACE, add_key, add_officer

ITEMS = "/collections/tourism_points/items"
SCHEMA = schema_of(discover()["tourism_points"], "schema", base="http://testserver", language="vi")
PROPERTIES: dict[str, Any] = SCHEMA["properties"]
BOUNDED = {
    name: told for name, told in PROPERTIES.items() if {"maximum", "maxLength"} & told.keys() and "pattern" not in told
}


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"receivables_{worker_name}", 1) as found:
        yield found


@pytest.fixture(scope="module")
def api(office: Office) -> TestClient:
    """A program with a key to edit."""
    client = TestClient(office.app)  # type: ignore[arg-type]
    client.headers.update(add_key(office.settings, add_officer(office.settings), scopes="edit"))
    return client


def send(api: TestClient, **properties: Any) -> Any:
    """Add a feature that is valid but for what is given."""
    whole = {"name": "Điểm thử", "slug": f"diem-{uuid4().hex}", **properties}
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": list(PLACE)}, "properties": whole}
    return api.post(ITEMS, content=json.dumps(feature), headers={"content-type": "application/geo+json"})


def test_the_schema_is_that_of_the_service(api: TestClient) -> None:
    assert api.get("/collections/tourism_points/schema?lang=vi").json()["properties"] == PROPERTIES


@pytest.mark.parametrize("name", list(BOUNDED))
def test_the_largest_value_is_taken_and_what_goes_beyond_is_refused(api: TestClient, name: str) -> None:
    told = BOUNDED[name]
    if "maximum" in told:
        largest, beyond = told["maximum"], told["maximum"] + 1
    else:
        largest, beyond = "a" * told["maxLength"], "a" * (told["maxLength"] + 1)
    taken = send(api, **{name: largest})
    assert taken.status_code == 201, taken.text
    refused = send(api, **{name: beyond})
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [name])


@pytest.mark.parametrize("name", [name for name, told in PROPERTIES.items() if told.get("readOnly") and name != "id"])
def test_what_the_service_fills_in_is_not_taken(api: TestClient, name: str) -> None:
    assert send(api, **{name: "99"}).status_code == 422


def test_what_only_officers_send_is_taken_and_not_returned(api: TestClient) -> None:
    sent = {"contact_consent": False, "verified_by": "Nguyễn Thị Thử"}
    assert {name for name, told in PROPERTIES.items() if told.get("writeOnly")} == sent.keys()
    answer = send(api, **sent)
    assert answer.status_code == 201
    assert not sent.keys() & api.get(answer.headers["location"]).json()["properties"].keys()


def test_what_is_required_is_missed(api: TestClient) -> None:
    assert SCHEMA["required"] == ["name"]
    refused = send(api, name=None)
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, ["name"])

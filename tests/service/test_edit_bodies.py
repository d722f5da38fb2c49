"""Bodies of edits that are none, of other kinds, or too large."""

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.conftest import Server
from tests.service.editing import GEOJSON, SIGHTS, code_of, feature, with_key
from tests.service.office import opened
from tests.service.people import PLACE, add_officer


@pytest.fixture(scope="module")
def program(server: Server, worker_name: str) -> Iterator[TestClient]:
    """A program of an officer of the sample commune."""
    with opened(server, f"bodies_{worker_name}", 1) as office:
        yield with_key(office, add_officer(office.settings))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "body"), (b"{", "body"), (b"[]", "body"), (b'{"type": "FeatureCollection", "features": []}', "body"),
        (b'{"type": "Feature", "properties": []}', "body"), (b'{"type": "Feature", "geometry": [1, 2]}', "body"),
        (b"\xff\xfe", "body"), (b"[" * 100_000, "body"), (b'{"type": "Feature", "properties": {"beds": NaN}}', "body"),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_refused(program: TestClient, body: bytes, problem: str) -> None:
    answer = program.post(SIGHTS, content=body, headers=GEOJSON)
    assert code_of(answer) == (400, problem)


@pytest.mark.parametrize("member", ["crs", "coordRefSys", "place", "links2"])
def test_members_that_would_be_overlooked_are_refused(program: TestClient, member: str) -> None:
    body = json.dumps({**json.loads(feature(name="Điểm")), member: {"x": 1}})
    answer = program.post(SIGHTS, content=body, headers=GEOJSON)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, member)


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json"])
def test_other_media_types_are_refused(program: TestClient, media: str) -> None:
    answer = program.post(SIGHTS, content=feature(name="Điểm"), headers={"content-type": media})
    assert code_of(answer) == (415, "media_type")


def test_items_may_be_larger_than_other_bodies_and_not_endless(program: TestClient) -> None:
    ring = [[PLACE[0] + 0.00001 * at, PLACE[1] + 0.0001] for at in range(40_000)]
    area = {"type": "Polygon", "coordinates": [[list(PLACE), *ring, list(PLACE)]]}
    body = json.dumps({"type": "Feature", "geometry": area, "properties": {"name": "Điểm"}})
    assert len(body) > 1 << 20
    assert [one["code"] for one in program.post(SIGHTS, content=body, headers=GEOJSON).json()["errors"]] == [
        "GEOM_TYPE"
    ]
    answer = program.post(SIGHTS, content=b" " * ((4 << 20) + 1), headers={**GEOJSON, "accept-language": "en"})
    assert answer.status_code == 413
    assert "4 MiB" in answer.json()["detail"]
    # Told in advance or not.
    pieces = (b" " * (1 << 20) for _ in range(5))
    assert program.post(SIGHTS, content=pieces, headers=GEOJSON).status_code == 413
    assert program.post("/auth/login", content=b" " * (65 << 10)).status_code == 413

"""Editing single items: who may, two at once, what comes again, what is never told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.register import Register
from geodata.registers import discover
from service.limits import Budget, EditLimitError
from tests.conftest import Server
from tests.service.editing import (
    ADDRESSES,
    GEOJSON,
    MERGE,
    SIGHTS,
    code_of,
    feature,
    household,
    made,
    patch,
    with_key,
)
from tests.service.office import Office, opened, publishing_is_held
from tests.service.people import OTHER_COMMUNE, SAMPLE_COMMUNE, add_officer, sign_in

UNITS = {"communes", "provinces"}


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"edits_{worker_name}", 1) as found:
        yield found


@pytest.fixture(scope="module")
def program(office: Office) -> TestClient:
    """A program of an officer of the sample commune."""
    return with_key(office, add_officer(office.settings))


EDITS: dict[str, Callable[[TestClient, str, str], Any]] = {
    "POST": lambda client, _at, _etag: client.post(ADDRESSES, content=household(), headers=GEOJSON),
    "PUT": lambda client, at, etag: client.put(at, content=household(), headers={**GEOJSON, "if-match": etag}),
    "PATCH": lambda client, at, etag: patch(client, at, etag, properties={"street": "Mới"}),
    "DELETE": lambda client, at, etag: client.delete(at, headers={"if-match": etag}),
}


@dataclass(frozen=True)
class People:
    """Who else is about: a key to upload only, an officer of another commune, one in a browser."""

    uploader: TestClient
    stranger: TestClient
    browser: TestClient


@pytest.fixture(scope="module")
def people(office: Office) -> People:
    officer, other = add_officer(office.settings), add_officer(office.settings, OTHER_COMMUNE)
    return People(with_key(office, officer, "upload"), with_key(office, other), sign_in(office.app, officer))


@pytest.mark.parametrize("method", EDITS)
def test_who_may_edit(office: Office, program: TestClient, people: People, method: str) -> None:
    (at, etag), act = made(program), EDITS[method]
    before = office.client.get(at).json()
    assert code_of(act(office.client, at, etag)) == (401, "not_signed_in")
    assert code_of(act(people.uploader, at, etag)) == (403, "forbidden")
    token = people.browser.headers.pop("x-csrf-token")
    assert code_of(act(people.browser, at, etag)) == (403, "csrf")
    people.browser.headers["x-csrf-token"] = token
    refused = act(people.stranger, at, etag)
    assert code_of(refused) == ((422, "edit_refused") if method == "POST" else (404, "feature_not_found"))
    assert office.client.get(at).json() == before
    assert act(people.browser, at, etag).status_code in {201, 204}


def test_a_record_of_another_commune_is_like_one_that_is_not_there(program: TestClient, people: People) -> None:
    at, etag = made(program)
    uuid, other = at.rpartition("/")[2], str(uuid4())
    for method in ("PUT", "PATCH", "DELETE"):
        told = []
        for one in (uuid, other):
            answer = EDITS[method](people.stranger, f"{ADDRESSES}/{one}", etag)
            body = json.dumps({**answer.json(), "instance": ""}).replace(one, "…")
            headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
            told.append((answer.status_code, body, headers))
        assert told[0] == told[1]


@pytest.mark.parametrize("register", [discover()[name] for name in sorted(UNITS)], ids=lambda found: found.id)
def test_units_are_edited_by_administrators_and_removed_by_nobody(office: Office, register: Register) -> None:
    items = f"/collections/{register.id}/items"
    at = f"{items}/{office.client.get(items).json()['features'][0]['id']}"
    etag = office.client.get(at).headers["etag"]
    officer = with_key(office, add_officer(office.settings, "99", role="provincial_officer"))
    assert code_of(patch(officer, at, etag, properties={"legal_note": "x"})) == (403, "not_allowed")
    chief = with_key(office, add_officer(office.settings, role="administrator"))
    assert patch(chief, at, etag, properties={"legal_note": "Nghị quyết 1"}).status_code == 204
    removed = chief.delete(at, headers={"if-match": "*"})
    assert (code_of(removed), removed.headers["allow"]) == (
        (405, "method_not_allowed"),
        "GET, HEAD, OPTIONS, PATCH, PUT",
    )
    assert "DELETE" not in office.client.options(at).headers["allow"]


# --- ETags


@pytest.mark.parametrize("asked", ["", "?f=jsonfg", "?crs=EPSG:9209", "?properties=street", "?as-of=NOW"])
def test_the_etag_of_any_form_and_language_will_do(office: Office, program: TestClient, asked: str) -> None:
    at, _ = made(program)
    etag = office.client.get(at + asked.replace("NOW", str(office.revision()))).headers["etag"]
    assert patch(program, at, etag, properties={"street": "Mới"}).status_code == 204


def test_what_does_not_match_changes_nothing(program: TestClient) -> None:
    at, etag = made(program)
    state = etag.strip('"').partition("-")[0]
    another = f"{state[:-1]}{'1' if state.endswith('0') else '0'}"
    for held in (f"W/{etag}", '"0"', state, f'"{another}-1"', '""', "W/*", f'"{state}-1" x', "a, b"):
        assert code_of(patch(program, at, held, properties={"street": "Mới"})) == (412, "stale"), held
    assert program.get(at).headers["etag"].startswith(f'"{state}-')
    for held in (f'"0", {etag}', f'"{state}-0123456789"', f'"{state}"', f'"{state}-0123"'):
        assert patch(program, at, held, properties={"street": "Cũ"}).status_code == 204, held
    assert program.get(at).headers["etag"].startswith(f'"{state}-')
    assert patch(program, at, "*", properties={"street": "Mới"}).status_code == 204


def test_nothing_changed_is_no_revision_and_keeps_the_etag(office: Office, program: TestClient) -> None:
    at, etag = made(program)
    before = office.revision()
    whole = office.client.get(at)
    answer = program.put(at, content=whole.content, headers={**GEOJSON, "if-match": etag})
    assert (answer.status_code, answer.headers["etag"]) == (204, etag)
    assert patch(program, at, etag, properties={"street": "Cũ"}).headers["etag"] == etag
    assert office.revision() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_of_officers_who_edit_at_once_exactly_one_is_served(
    office: Office, program: TestClient, people: People, method: str
) -> None:
    at, etag = made(program)
    start, before = threading.Barrier(4), office.revision()
    clients = [people.browser, program, people.browser, program]

    def edit(number: int) -> int:
        start.wait()
        client = clients[number]
        if method == "PATCH":
            return int(patch(client, at, etag, properties={"street": f"Đường {number}"}).status_code)
        return int(EDITS[method](client, at, etag).status_code)

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(edit, range(4)))
    assert found == [204, *[404 if method == "DELETE" else 412] * 3]
    assert office.revision() == before + 1


# --- requests that come again


def test_the_same_key_gets_the_first_answer(office: Office, program: TestClient, people: People) -> None:
    body, headers = household(), {**GEOJSON, "idempotency-key": str(uuid4())}
    start, before = threading.Barrier(3), office.revision()

    def send(_: int) -> tuple[int, str, str]:
        start.wait()
        answer = program.post(ADDRESSES, content=body, headers=headers)
        return answer.status_code, answer.headers["location"], answer.headers["etag"]

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(send, range(3)))
    assert answers == [answers[0]] * 3
    assert office.revision() == before + 1
    assert code_of(program.post(ADDRESSES, content=household(), headers=headers)) == (400, "idempotency_key")
    assert people.browser.post(ADDRESSES, content=household(), headers=headers).status_code == 201


def test_an_edit_whose_answer_was_lost_can_be_sent_again(program: TestClient) -> None:
    at, etag = made(program)
    key = {"idempotency-key": str(uuid4())}
    first, again = (patch(program, at, etag, properties={"street": "Mới"}, **key) for _ in range(2))
    assert (first.status_code, first.headers["etag"]) == (again.status_code, again.headers["etag"])
    key = {"idempotency-key": str(uuid4())}
    assert {program.delete(at, headers={"if-match": "*", **key}).status_code for _ in range(2)} == {204}


def test_what_was_refused_may_come_again_with_its_key(program: TestClient) -> None:
    headers = {**GEOJSON, "idempotency-key": str(uuid4())}
    assert program.post(ADDRESSES, content=household(kind="castle"), headers=headers).status_code == 422
    assert program.post(ADDRESSES, content=household(), headers=headers).status_code == 201


# --- headers


def test_a_note_stands_with_the_revision(program: TestClient, people: People) -> None:
    note = "Sửa theo đơn của dân"
    assert program.post(SIGHTS, content=feature(name="Có ghi chú"), headers={**GEOJSON, "bandoso-note": quote(note)}).status_code == 201  # fmt: skip
    seen = people.browser.get("/collections/tourism_points/revisions").json()["revisions"][0]
    assert (seen["note"], seen["added"], seen["undone_by"]) == (note, 1, None)
    for wrong in ("%FF", "a%00b", "x" * 501, quote("Hoàn tác đợt 1")):
        answer = program.post(SIGHTS, content=feature(name="x"), headers={**GEOJSON, "bandoso-note": wrong})
        assert code_of(answer) == (400, "header")


@pytest.mark.parametrize("path", [ADDRESSES, f"{ADDRESSES}/1"])
def test_scripts_of_other_sites_may_not_edit(office: Office, path: str) -> None:
    asked = {"origin": "https://xa.example", "access-control-request-method": "PUT"}
    answer = office.client.options(path, headers=asked)
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD"
    assert "access-control-allow-credentials" not in answer.headers


def test_other_methods_are_told_what_there_is(office: Office) -> None:
    answer = office.client.request("TRACE", f"{ADDRESSES}/1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
    answer = office.client.delete(ADDRESSES)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


# --- what is told, and to whom


def test_private_values_are_written_and_never_told(office: Office, program: TestClient) -> None:
    secret = {"head_name": "Nguyễn Thị Bí Mật", "phone": "0912 345 678"}
    prefer = {"prefer": "return=representation"}
    answer = program.post(ADDRESSES, content=household(**secret), headers={**GEOJSON, **prefer})
    at = answer.headers["location"]
    answers = [answer, patch(program, at, "*", properties={"phone": "0912 345 679"}, **prefer)]
    answers += [
        office.client.get(at),
        office.client.get(f"{at}?f=html"),
        office.client.get("/collections/addresses/revisions"),
    ]
    for one in answers:
        assert "Bí Mật" not in one.text
        assert "0912345" not in one.text.replace(" ", "")
    with office.database.worker() as connection:
        query = "SELECT p.phone FROM reg.household_private p JOIN reg.addresses a ON a.id = p.feature_id WHERE a.uuid = :uuid"
        assert connection.scalar(text(query), {"uuid": at.rpartition("/")[2]}) == "0912 345 679"
        told = connection.scalar(text("SELECT string_agg(a::text, ' ') FROM ops.audit a"))
        kept = connection.scalar(text("SELECT string_agg(a::text, ' ') FROM ops.edit_answer a")) or ""
    assert "0912345" not in (told + kept).replace(" ", "")


def test_a_telephone_number_in_a_wrong_field_is_repeated_nowhere(
    office: Office, program: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    canary = "0987654321"
    wrong = {"postcode": canary, "kind": canary, "status": canary, "position_accuracy_m": canary, canary + "x": 1}
    for properties in (wrong, {"commune_code": canary}, {"postcode": canary, "kind": canary}):
        answer = program.post(ADDRESSES, content=household(**properties), headers=GEOJSON)
        assert answer.status_code == 422
        shown = answer.text.replace(f'"{canary}x"', "")
        assert canary not in shown
    at, etag = made(program)
    bad = program.patch(at, content=f'{{"properties": {{"phone": {canary}', headers={**MERGE, "if-match": etag})
    assert (bad.status_code, canary in bad.text) == (400, False)
    out = capfd.readouterr()
    assert canary not in out.out + out.err
    with office.database.worker() as connection:
        assert canary not in connection.scalar(text("SELECT string_agg(a::text, ' ') FROM ops.audit a"))


def test_every_edit_and_every_refused_one_stands_in_the_audit(office: Office, program: TestClient) -> None:
    at, etag = made(program)
    patch(program, at, '"0"', properties={})
    patch(program, at, etag, properties={"street": "Mới"})
    patch(program, at, "*", properties={"kind": "castle"})
    program.delete(at, headers={"if-match": "*"})
    program.delete(f"{ADDRESSES}/0987x", headers={"if-match": "*"})
    with office.database.worker() as connection:
        query = "SELECT action, outcome, detail ->> 'code', target FROM ops.audit WHERE action LIKE 'feature.%' ORDER BY id DESC LIMIT 6"
        rows = [tuple(row) for row in connection.execute(text(query))][::-1]
    target = f"addresses/{at.rpartition('/')[2]}"
    assert rows == [
        ("feature.create", "ok", None, target), ("feature.update", "refused", "STALE", target),
        ("feature.update", "ok", None, target), ("feature.update", "refused", "EDIT_REFUSED", target),
        ("feature.remove", "ok", None, target), ("feature.remove", "refused", "FEATURE_NOT_FOUND", "addresses/…"),
    ]  # fmt: skip


# --- what follows


def test_maps_and_search_follow_in_the_same_moment(office: Office, program: TestClient) -> None:
    tile = "/tiles/tourism_points/14/13026/7245.mvt"
    name = f"Hồ {uuid4().hex[:8]}"
    before = office.client.get(tile).headers.get("etag")
    at, etag = made(program, feature(name=name), SIGHTS)
    found = office.client.get("/search", params={"q": name}).json()["features"]
    assert [one["id"] for one in found] == [at.rpartition("/")[2]]
    assert patch(program, at, etag, properties={"name": f"{name} mới"}).status_code == 204
    deadline = time.monotonic() + 10
    while (after := office.client.get(tile)).headers["etag"] == before:
        # The process hears of it by a notification.
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert f"{name} mới".encode() in after.content
    program.delete(at, headers={"if-match": "*"})
    assert office.client.get("/search", params={"q": name}).json()["features"] == []


def test_an_edit_is_undone_like_any_revision(office: Office, program: TestClient, people: People) -> None:
    at, etag = made(program)
    before = office.client.get(at).json()
    patch(program, at, etag, properties={"street": "Mới"})
    number = office.revision()
    undone = people.browser.post(
        f"/collections/addresses/revisions/{number}/rollback", headers={"if-match": f'"{number}"'}
    )
    assert (undone.status_code, undone.json()["restored"]) == (200, 1)
    assert office.client.get(at).json() == before
    assert code_of(patch(program, at, etag, properties={"street": "x"})) == (412, "stale")


def test_an_edit_does_not_wait_for_ever_for_a_file_that_is_published(
    office: Office, program: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geodata.editing.LOCK_TIMEOUT", "100ms")
    with publishing_is_held(office):
        answer = program.post(ADDRESSES, content=household(), headers=GEOJSON)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert program.post(ADDRESSES, content=household(), headers=GEOJSON).status_code == 201


@pytest.fixture
def few_edits(office: Office) -> Iterator[None]:
    """Let every account make two edits a minute."""
    state = office.app.api.state
    held, state.edits = state.edits, Budget(2, 10, EditLimitError)
    yield
    state.edits = held


@pytest.mark.usefixtures("few_edits")
def test_an_account_edits_so_often_and_no_more(people: People, program: TestClient) -> None:
    found = [people.stranger.delete(f"{ADDRESSES}/0", headers={"if-match": "*"}) for _ in range(3)]
    assert [answer.status_code for answer in found] == [404, 404, 429]
    assert code_of(found[2]) == (429, "edit_limit")
    assert int(found[2].headers["retry-after"]) <= 60
    assert program.delete(f"{ADDRESSES}/0", headers={"if-match": "*"}).status_code == 404


def test_what_qgis_sends_is_understood(office: Office, program: TestClient) -> None:
    """As its OAPIF provider does in 3.32 and later, with an API Header configuration that has If-Match too."""
    qgis = TestClient(office.app, headers=program.headers)  # type: ignore[arg-type]
    qgis.headers["if-match"] = "*"
    layer = office.client.get(f"{SIGHTS}?limit=10").json()["features"][0]
    assert "POST" in qgis.options(SIGHTS).headers["allow"].split(", ")
    assert {"PUT", "PATCH", "DELETE"} < set(qgis.options(f"{SIGHTS}/{layer['id']}").headers["allow"].split(", "))
    assert qgis.options(f"{SIGHTS}/unknown_id").status_code == 200
    # All attributes of the layer, those not filled in as null.
    attributes = {**dict.fromkeys(layer["properties"]), "name": "Từ QGIS", "category": "homestay"}
    body = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [106.230766, 20.352497]},
        "properties": attributes,
    }
    answer = qgis.post(SIGHTS, content=json.dumps(body), headers=GEOJSON)
    assert answer.status_code == 201, answer.text
    uuid = answer.headers["location"].rpartition("/items/")[2]
    at = f"{SIGHTS}/{uuid}"
    assert qgis.get(at).json()["properties"]["commune_code"] == SAMPLE_COMMUNE
    moved = {"geometry": {"type": "Point", "coordinates": [106.2308660000001, 20.35249740000002]}}
    assert qgis.patch(at, content=json.dumps(moved), headers=MERGE).status_code == 204
    assert qgis.patch(at, content=b'{"properties": {"beds": 3}}', headers=MERGE).status_code == 204
    whole = qgis.get(at).json()
    put = {
        "id": uuid,
        "type": "Feature",
        "geometry": whole["geometry"],
        "properties": {**whole["properties"], "beds": 4},
    }
    assert qgis.put(at, content=json.dumps(put), headers=GEOJSON).status_code == 204
    assert qgis.get(at).json()["properties"]["beds"] == 4
    del qgis.headers["if-match"]
    assert code_of(qgis.delete(at)) == (428, "if_match_missing")
    assert qgis.delete(at, headers={"if-match": "*"}).status_code == 204

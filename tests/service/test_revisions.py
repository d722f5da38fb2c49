"""Revisions over HTTP and at the shell: listed, read, undone; a register as it was."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.rollback import undone_by
from tests.conftest import Server
from tests.service.office import Office, opened
from tests.service.people import OTHER_COMMUNE, SAMPLE_COMMUNE, add_key, add_officer
from tests.service.shell import Shell
from tests.service.sights import REVISIONS, SIGHTS, etag, place, put


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"revisions_{worker_name}", 1) as found:
        yield found


def names(client: TestClient, **asked: Any) -> set[str]:
    answer = client.get(f"{SIGHTS}/items", params={"limit": 1000, **asked})
    assert answer.status_code == 200, answer.text
    return {one["properties"]["name"] for one in answer.json()["features"]}


def test_everybody_sees_what_revisions_did_and_officers_who_did_it(office: Office) -> None:
    number = put(office, place("Danh sách 1"), place("Danh sách 2"))
    seen = office.client.get(REVISIONS).json()
    assert seen["latest"] == number
    first = seen["revisions"][0]
    assert {name: first[name] for name in first if name != "published_at"} == {
        "number": number, "added": 2, "changed": 0, "removed": 0,
    }  # fmt: skip
    answer = office.officer().get(REVISIONS)
    assert answer.json()["revisions"][0] == {**first, "author": "ủy ban", "note": None, "undone_by": None}
    assert answer.headers["cache-control"] == "no-store"


def test_revisions_come_in_pages_the_latest_first(office: Office) -> None:
    for at in range(3):
        put(office, place(f"Trang {at}"))
    url, found = f"{REVISIONS}?limit=2", []
    while url:
        document = office.client.get(url).json()
        assert len(document["revisions"]) <= 2
        found += [one["number"] for one in document["revisions"]]
        url = next((link["href"] for link in document["links"] if link["rel"] == "next"), "")
    assert found == list(range(document["latest"], 0, -1))


@pytest.mark.parametrize("path", [REVISIONS, f"{REVISIONS}/1"])
def test_documents_have_an_etag_and_a_page_for_people(office: Office, path: str) -> None:
    answer = office.client.get(path)
    held = {"if-none-match": answer.headers["etag"]}
    assert not answer.headers["etag"].startswith("W/")
    assert office.client.get(path, headers=held).status_code == 304
    page = office.client.get(path, headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Đợt công bố" in page.text
    assert "Người công bố" not in page.text
    assert "Người công bố" in office.officer().get(path, headers={"accept": "text/html"}).text


def test_a_revision_says_what_it_changed_and_to_officers_from_what_to_what(office: Office) -> None:
    put(office, place("Chi tiết", beds=3, verified_by="Người kiểm tra"))
    number = put(office, place("Chi tiết", beds=4, verified_by="Người khác"), place("Chi tiết 2"))
    changes = office.client.get(f"{REVISIONS}/{number}").json()["changes"]
    assert [(one["kind"], one["label"], set(one)) for one in changes] == [
        ("changed", "Chi tiết", {"id", "kind", "label"}), ("added", "Chi tiết 2", {"id", "kind", "label"}),
    ]  # fmt: skip
    document = office.officer().get(f"{REVISIONS}/{number}?lang=en").json()
    assert document["author"] == "ủy ban"
    assert [(one["field"], one["before"], one["after"]) for one in document["changes"][0]["fields"]] == [("beds", 3, 4)]
    assert "Người" not in json.dumps(document, ensure_ascii=False)
    rest = office.client.get(f"{REVISIONS}/{number}?limit=1").json()
    following = next(link["href"] for link in rest["links"] if link["rel"] == "next")
    assert [one["label"] for one in office.client.get(following).json()["changes"]] == ["Chi tiết 2"]


def test_the_page_of_a_revision_has_values_in_words(office: Office) -> None:
    number = put(office, place("Trang có chữ", category="craft_village"))
    page = office.officer().get(f"{REVISIONS}/{number}", headers={"accept": "text/html"}).text
    assert ": Làng nghề</div>" in page
    assert "coordinates" not in page
    assert "→" not in page


def test_a_register_is_read_as_it_was_at_a_revision_a_moment_or_a_day(office: Office) -> None:
    number = put(office, place("Ngày xưa"))
    moment = datetime.now(UTC)
    put(office, place("Ngày nay"))
    for at in (str(number), moment.isoformat().replace("+00:00", "Z")):
        assert {"Ngày xưa", "Ngày nay"} & names(office.client, **{"as-of": at}) == {"Ngày xưa"}
    tomorrow = (moment + timedelta(days=1)).date().isoformat()
    assert names(office.client, **{"as-of": tomorrow}) == names(office.client)
    answer = office.client.get(f"{SIGHTS}/items", params={"as-of": number, "limit": 1})
    again = {"if-none-match": answer.headers["etag"]}
    asked = {"as-of": number, "limit": 1}
    assert office.client.get(f"{SIGHTS}/items", params=asked, headers=again).status_code == 304
    put(office, place("Ngày mai"))
    later = office.client.get(f"{SIGHTS}/items", params=asked, headers=again)
    assert (later.status_code, later.json()["features"]) == (200, answer.json()["features"])
    page = office.client.get(f"{SIGHTS}/items", params={"as-of": number, "f": "html"}).text
    assert f"Trạng thái sau đợt công bố {number}" in page


def test_one_feature_is_read_as_it_was(office: Office) -> None:
    number = put(office, place("Một điểm", beds=3))
    found = office.client.get(f"{SIGHTS}/items", params={"slug": f"mot-diem-{SAMPLE_COMMUNE}"}).json()["features"][0]
    put(office, place("Một điểm", beds=9))
    url = f"{SIGHTS}/items/{found['id']}"
    assert office.client.get(url).json()["properties"]["beds"] == 9
    past = office.client.get(url, params={"as-of": number})
    assert past.json()["properties"] == found["properties"]
    assert office.client.get(url, params={"as-of": number - 1}).status_code == 404
    assert "Trạng thái sau đợt" in office.client.get(url, params={"as-of": number, "f": "html"}).text


@pytest.mark.parametrize(
    ("moment", "status"),
    [("99999", 404), ("1999-01-01", 404), ("1999-01-01T00:00:00Z", 404), ("0", 404), ("-1", 400), ("01", 400),
     ("hôm qua", 400), ("2026-02-30", 400), ("2026-01-01T00:00:00", 400), ("1" * 30, 400), ("", 400)],
)  # fmt: skip
def test_a_moment_that_is_none_or_too_early_is_refused(office: Office, moment: str, status: int) -> None:
    assert office.client.get(f"{SIGHTS}/items", params={"as-of": moment}).status_code == status
    assert office.client.get(f"{SIGHTS}/items/1", params={"as-of": moment}).status_code == status


@pytest.mark.parametrize(("number", "status"), [("99999", 404), ("x", 400), ("0", 400), ("9" * 30, 400)])
def test_a_revision_that_is_none_is_refused(office: Office, number: str, status: int) -> None:
    assert office.client.get(f"{REVISIONS}/{number}").status_code == status
    answer = office.officer().post(f"{REVISIONS}/{number}/rollback", headers={"if-match": "*"})
    assert answer.status_code == status


def test_an_officer_looks_at_an_undoing_and_undoes(office: Office) -> None:
    number = put(office, place("Hoàn tác 1"), place("Hoàn tác 2"))
    officer, before = office.officer(), office.client.get(REVISIONS).json()["latest"]
    dry = officer.post(f"{REVISIONS}/{number}/rollback?dry-run=true")
    assert (dry.status_code, dry.json()["removed"], dry.json()["revision"]) == (200, 2, None)
    assert office.client.get(REVISIONS).json()["latest"] == before
    done = officer.post(f"{REVISIONS}/{number}/rollback", headers=etag(office))
    assert (done.status_code, done.json()) == (200, {**dry.json(), "revision": before + 1})
    assert done.headers["location"].endswith(f"{REVISIONS}/{before + 1}")
    latest = officer.get(REVISIONS).json()["revisions"][0]
    assert (latest["removed"], latest["note"]) == (2, f"Hoàn tác đợt {number}")
    assert not {"Hoàn tác 1", "Hoàn tác 2"} & names(office.client)
    with office.database.worker() as connection:
        row = connection.execute(text("SELECT target, detail FROM ops.audit WHERE action = 'revision.rollback' "
                                      "ORDER BY at DESC LIMIT 1")).one()  # fmt: skip
    assert (row.target, row.detail["undone"], row.detail["removed"]) == ("tourism_points", number, 2)


def test_an_undone_revision_stands_again_once_its_undoing_is_undone(office: Office) -> None:
    number, officer = put(office, place("Hoàn tác rồi lại")), office.officer()
    seen = []
    for undoes in (number, number + 1):
        assert officer.post(f"{REVISIONS}/{undoes}/rollback", headers=etag(office)).status_code == 200
        with office.database.worker() as connection:
            seen.append(undone_by(connection, {"tourism_points"}))
    assert seen[0][("tourism_points", number)] == number + 1
    assert ("tourism_points", number) not in seen[1]
    assert seen[1][("tourism_points", number + 1)] == number + 2


def test_an_undoing_says_which_state_it_is_made_for(office: Office) -> None:
    number, officer = put(office, place("Điều kiện")), office.officer()
    held = etag(office)
    put(office, place("Điều kiện 2"))
    url = f"{REVISIONS}/{number}/rollback"
    assert [officer.post(url, headers=one).status_code for one in ({}, held, {"if-match": '"x"'})] == [428, 412, 412]
    assert officer.post(url, headers=etag(office)).status_code == 200


def test_the_same_key_gets_the_same_answer_and_undoes_once(office: Office) -> None:
    number, officer = put(office, place("Một lần")), office.officer()
    headers = {**etag(office), "idempotency-key": "hoan-tac-1"}
    url = f"{REVISIONS}/{number}/rollback"
    first, again = officer.post(url, headers=headers), officer.post(url, headers=headers)
    assert (first.status_code, first.json()["removed"]) == (200, 1)
    assert (again.status_code, again.json()) == (200, first.json())
    assert office.client.get(REVISIONS).json()["latest"] == number + 1
    assert officer.post(f"{REVISIONS}/{number + 1}/rollback", headers=headers).status_code == 400


def test_nobody_undoes_another_commune_s_revision_or_without_signing_in(office: Office) -> None:
    number = put(office, place("Xã khác"))
    url, headers = f"{REVISIONS}/{number}/rollback", etag(office)
    assert office.client.post(url, headers=headers).status_code == 401
    assert office.officer(OTHER_COMMUNE).post(url, headers=headers).status_code == 403
    units = "/collections/communes/revisions/1/rollback"
    assert office.officer().post(units, headers={"if-match": "*"}).status_code == 403
    reader = add_key(office.settings, add_officer(office.settings))
    assert office.client.post(url, headers={**headers, **reader}).status_code == 200


def test_a_session_that_ended_reads_as_anybody_and_a_wrong_key_is_refused(office: Office) -> None:
    client = TestClient(office.app, cookies={"bandoso_session": "x"})  # type: ignore[arg-type]
    assert client.get(REVISIONS).status_code == 200
    assert office.client.get(REVISIONS, headers={"authorization": "Bearer x"}).status_code == 401


def test_the_shell_lists_revisions_and_undoes_them(shell: Shell) -> None:
    latest = shell.value("SELECT max(number) FROM ops.revision WHERE register = 'villages'")
    count = shell.value("SELECT count(*) FROM reg.villages")
    assert shell.call("revisions", "villages").exit_code == 0
    dry = shell.call("rollback", "villages", str(latest), "--dry-run")
    assert f"bỏ/removed {count:,}" in dry.stdout
    assert shell.value("SELECT count(*) FROM reg.villages") == count
    done = shell.call("rollback", "villages", str(latest))
    assert (done.exit_code, f"revision {latest + 1}" in done.stdout) == (0, True)
    assert shell.value("SELECT count(*) FROM reg.villages") == 0
    assert shell.call("rollback", "villages", str(latest + 1)).exit_code == 0
    assert shell.value("SELECT count(*) FROM reg.villages") == count

"""Undoings that a worker carries out: followed, refused, taken over from a worker that died."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from service import setup
from service.api import rollbacks
from service.auth import accounts
from service.jobs.cleaning import clean_files
from service.jobs.rollbacks import MAX_TRIES, UNFINISHED, recover_rollbacks
from service.storage import open_storage
from tests.conftest import Server
from tests.service.office import PUBLISHING_WAITS, Office, opened, wait_for
from tests.service.people import OTHER_COMMUNE, SAMPLE_COMMUNE
from tests.service.sights import REVISIONS, SIGHTS, etag, latest, place, publishing_of_sights_is_held, put, put_over

LATER = {"prefer": "respond-async"}
ENDED_WITHIN_S = 40.0


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"rollback_jobs_{worker_name}", 1) as found:
        found.worker.start()
        yield found


def ask(officer: TestClient, number: int, **headers: str) -> str:
    """Ask for an undoing by a worker; return where it is."""
    answer = officer.post(f"{REVISIONS}/{number}/rollback", headers={**LATER, **headers})
    assert (answer.status_code, answer.json()["state"] in UNFINISHED) == (202, True), answer.text
    location: str = answer.headers["location"]
    assert location.endswith(f"{SIGHTS}/rollbacks/{answer.json()['id']}")
    return location


def wait_until(officer: TestClient, location: str, *states: str) -> dict[str, Any]:
    """Follow an undoing until it is in one of these states."""
    deadline = time.monotonic() + ENDED_WITHIN_S
    while (seen := officer.get(location).json())["state"] not in states:
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    found: dict[str, Any] = seen
    return found


def ended(officer: TestClient, location: str) -> dict[str, Any]:
    return wait_until(officer, location, "done", "refused", "failed")


def test_a_worker_looks_at_an_undoing_and_undoes(office: Office) -> None:
    number = put(office, place("Nền 1"), place("Nền 2"))
    officer = office.officer()
    answer = officer.post(f"{REVISIONS}/{number}/rollback?dry-run=true", headers=LATER)
    dry = ended(officer, answer.headers["location"])
    assert (dry["state"], dry["dry_run"], dry["answer"]["removed"], dry["answer"]["revision"]) == (
        "done",
        True,
        2,
        None,
    )
    assert dry["progress"] == {"stage": "checking", "step": 2, "steps": 2, "records": 2}
    assert latest(office) == number
    done = ended(officer, ask(officer, number, **etag(office)))
    assert (done["state"], done["answer"]) == ("done", {**dry["answer"], "revision": number + 1})
    assert done["progress"] == {"stage": "refreshing", "step": 4, "steps": 4, "records": 2}
    first = officer.get(REVISIONS).json()["revisions"][0]
    assert (first["number"], first["removed"], first["note"]) == (number + 1, 2, f"Hoàn tác đợt {number}")
    with office.database.worker() as connection:
        noted = text("SELECT actor FROM ops.audit WHERE action = 'revision.rollback' ORDER BY at DESC LIMIT 1")
        assert connection.scalar(noted) == first["author"]


def test_a_large_revision_is_left_to_a_worker_and_a_small_one_is_not(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, officer = put(office, place("Lớn 1"), place("Lớn 2")), office.officer()
    url = f"{REVISIONS}/{number}/rollback?dry-run=true"
    assert officer.post(url).status_code == 200
    monkeypatch.setattr(rollbacks, "AT_ONCE", 1)
    answer = officer.post(url)
    assert answer.status_code == 202
    assert ended(officer, answer.headers["location"])["answer"]["removed"] == 2


def test_the_same_key_finds_the_same_undoing_and_its_answer_in_the_end(office: Office) -> None:
    number, officer = put(office, place("Khóa nền")), office.officer()
    headers = {**etag(office), "idempotency-key": "nen-1"}
    with publishing_of_sights_is_held(office):
        location = ask(officer, number, **headers)
        assert ask(officer, number, **headers) == location
    answer = ended(officer, location)["answer"]
    again = officer.post(f"{REVISIONS}/{number}/rollback", headers=headers)
    assert (again.status_code, again.json()) == (200, answer)
    assert latest(office) == number + 1


def test_a_revision_that_came_in_between_refuses_the_undoing_with_a_reason(office: Office) -> None:
    number, officer = put(office, place("Chen ngang")), office.officer()
    held = etag(office)
    with publishing_of_sights_is_held(office) as connection:
        location = ask(officer, number, **held)
        wait_until(officer, location, "working")
        put_over(connection, place("Chen ngang 2"))
    seen = ended(officer, location)
    assert (seen["state"], seen["answer"], seen["problem"]["code"]) == ("refused", None, "REVISION_STALE")
    assert "mới hơn" in seen["problem"]["detail"]
    assert "in between" in officer.get(f"{location}?lang=en").json()["problem"]["detail"]
    url = f"{REVISIONS}/{number}/rollback"
    assert [officer.post(url, headers={**LATER, **one}).status_code for one in ({}, held)] == [428, 412]


def test_nobody_else_sees_an_undoing_and_another_commune_s_is_refused(office: Office) -> None:
    number = put(office, place("Của ai"))
    stranger, officer = office.officer(OTHER_COMMUNE), office.officer(SAMPLE_COMMUNE)
    refused = ended(stranger, ask(stranger, number, **etag(office)))
    assert (refused["state"], refused["problem"]["code"]) == ("refused", "NOT_ALLOWED")
    assert latest(office) == number
    location = ask(officer, number, **etag(office))
    assert ended(officer, location)["state"] == "done"
    assert stranger.get(location).status_code == 404
    assert office.client.get(location).status_code == 401
    for path in (location.replace(SIGHTS, "/collections/addresses"), f"{SIGHTS}/rollbacks/x"):
        assert officer.get(path).status_code == 404


def test_a_killed_worker_s_undoing_is_done_once_by_another(office: Office) -> None:
    number, officer = put(office, place("Giết giữa chừng")), office.officer()
    with publishing_of_sights_is_held(office):
        location = ask(officer, number, **etag(office))
        wait_until(officer, location, "working")
        office.worker.kill()
    office.worker.start()
    assert ended(officer, location)["answer"]["revision"] == number + 1
    assert latest(office) == number + 1


def test_a_killed_worker_s_undoing_is_taken_over_while_its_last_statement_still_waits(office: Office) -> None:
    """The database does not know by itself that nobody waits for a statement any more."""
    number, officer = put(office, place("Câu lệnh mồ côi")), office.officer()
    with publishing_of_sights_is_held(office) as connection:
        location = ask(officer, number, **etag(office))
        wait_for(connection, PUBLISHING_WAITS)
        office.worker.kill()
        office.worker.start()
        wait_for(connection, f"SELECT 1 FROM ops.rollback WHERE id = '{location.rsplit('/', 1)[1]}' AND tries = 2")
    assert ended(officer, location)["answer"]["revision"] == number + 1


def test_what_another_worker_has_answered_is_not_kept(office: Office) -> None:
    """One that stood still wakes up late: its undoing must not stand beside an answer that says it was refused."""
    number, officer = put(office, place("Hai câu trả lời")), office.officer()
    refuse = text("UPDATE ops.rollback SET state = 'refused', problem = '{}' WHERE id = :id")
    with publishing_of_sights_is_held(office):
        location = ask(officer, number, **etag(office))
        wait_until(officer, location, "working")
        with office.database.worker() as other:
            other.execute(refuse, {"id": location.rsplit("/", 1)[1]})
    following = ask(officer, number, **etag(office))
    assert ended(officer, following)["answer"]["revision"] == latest(office) == number + 1


def test_the_same_wish_twice_is_one_job_and_an_officer_has_three_at_most(office: Office) -> None:
    number, officer = put(office, place("Bấm hai lần")), office.officer()
    url, held = f"{REVISIONS}/{number}/rollback", etag(office)
    with publishing_of_sights_is_held(office):
        location = ask(officer, number, **held)
        again = officer.post(url, headers={**LATER, **held})
        assert (again.status_code, again.headers["location"]) == (202, location)
        jobs = {officer.post(f"{url}?dry-run=true", headers=LATER).headers["location"] for _ in range(2)}
        assert len(jobs - {location}) == 1
        ask(officer, number, **held, **{"idempotency-key": "lan-ba"})
        refused = officer.post(f"{REVISIONS}/1/rollback?dry-run=true", headers=LATER)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:bandoso:problem:rollbacks_waiting")
    assert ended(officer, location)["state"] == "done"


def test_who_was_disabled_in_between_undoes_nothing(office: Office) -> None:
    number, officer, leaver = put(office, place("Nghỉ việc")), office.officer(), office.officer()
    with publishing_of_sights_is_held(office):
        location = ask(officer, number, **etag(office))
        wait_until(officer, location, "working")
        name = leaver.get("/auth/me").json()["username"]
        job = UUID(ask(leaver, number, **etag(office)).rsplit("/", 1)[1])
        with setup.owner(office.settings) as owner:
            accounts.set_disabled(owner, name, is_disabled=True)
    ended(officer, location)
    refused = "problem ->> 'code' = 'NOT_ALLOWED' AND state = 'refused'"
    with office.database.worker_session() as connection:
        wait_for(connection, f"SELECT 1 FROM ops.rollback WHERE id = '{job}' AND {refused}")


def test_answers_are_forgotten_with_the_raw_files_and_what_waits_is_not(office: Office) -> None:
    asked = "INSERT INTO ops.rollback (author, register, undone, state, answered_at) VALUES ('ai đó', 'villages', 1, "
    with office.database.worker() as connection:
        for answered in ("'done', now() - interval '91 days'", "'done', now()", "'waiting', NULL"):
            connection.execute(text(f"{asked} {answered})"))
    clean_files(office.database, open_storage(office.settings), 90)
    with office.database.worker() as connection:
        kept = connection.scalars(text("SELECT state FROM ops.rollback WHERE register = 'villages' ORDER BY 1")).all()
        connection.execute(text("DELETE FROM ops.rollback WHERE register = 'villages'"))
    assert kept == ["done", "waiting"]


def test_an_undoing_whose_workers_all_died_has_failed(office: Office) -> None:
    officer = office.officer()
    with office.database.worker() as connection:
        insert = (
            "INSERT INTO ops.rollback (author, register, undone, state, tries, requested_at) VALUES "
            "('ai đó', 'tourism_points', 1, 'working', :tries, now() - interval '1 minute') RETURNING id"
        )
        rollback_id: UUID = connection.execute(text(insert), {"tries": MAX_TRIES}).scalar_one()
        assert recover_rollbacks(connection) == []
        state = connection.scalar(text("SELECT state FROM ops.rollback WHERE id = :id"), {"id": rollback_id})
    assert state == "failed"
    assert state not in UNFINISHED
    assert officer.get(f"{SIGHTS}/rollbacks/{rollback_id}").status_code == 404

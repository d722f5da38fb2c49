"""The worker process: it is killed, it is overtaken, it gives up; a file is published once and whole all the same."""

import threading
import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from service import setup
from service.jobs.imports import MAX_ATTEMPTS, UploadJob, recover_lost
from tests.conftest import Server
from tests.service.office import (
    PUBLISHED_WITHIN_S,
    UNFINISHED,
    Office,
    finish,
    new_code,
    opened,
    publishing_is_held,
    send,
)
from tests.service.people import HEADER, PLACE, SAMPLE_COMMUNE, address_csv, upload_parts

TAKEN_OVER_WITHIN_S = 60.0
LIMIT_MB = 8
CROWD, CROWD_ACROSS = 60_000, 245
STEP_DEG = 1e-5
"""A metre between the houses of the crowd."""


def write_crowd() -> bytes:
    """Write a table of many households, a metre from each other."""
    lon, lat = (degrees + STEP_DEG / 2 for degrees in PLACE)
    rows = [
        f"06660{number:05d},ho gia dinh,{number},"
        f"{lon + number // CROWD_ACROSS * STEP_DEG:.7f},{lat + number % CROWD_ACROSS * STEP_DEG:.7f}"
        for number in range(CROWD)
    ]
    return "\n".join([HEADER, *rows, ""]).encode()


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    """An office without a worker process: the tests do its work themselves."""
    with opened(server, f"idle_{worker_name}", LIMIT_MB) as found:
        yield found


@pytest.fixture
def busy_office(server: Server, worker_name: str) -> Iterator[Office]:
    """An office of the test's own with a worker."""
    with opened(server, f"busy_{worker_name}", LIMIT_MB) as found:
        found.worker.start()
        yield found


def test_another_worker_finishes_what_a_killed_one_had_in_hand(busy_office: Office) -> None:
    office = busy_office
    officer, revision, before = office.officer(), office.revision(), read_counts(office)
    place = send(officer, upload_parts(write_crowd(), commune=SAMPLE_COMMUNE))
    await_state(officer, place, "publishing")
    office.worker.kill()
    assert officer.get(place).json()["state"] == "publishing"
    assert read_counts(office) == before
    office.worker.start()
    upload = finish(officer, place, TAKEN_OVER_WITHIN_S)
    assert (upload["state"], upload["revision"]) == ("published", revision + 1)
    assert upload["counts"] == {"read": CROWD, "valid": CROWD, "rejected": 0, "published": CROWD}
    assert read_counts(office) == {
        **{name: count + CROWD for name, count in before.items()},
        "replaced": 0, "staging tables": 0, "revisions": before["revisions"] + 1, "attempts": 2,
    }  # fmt: skip


def await_state(officer: TestClient, place: str, wanted: str) -> None:
    """Follow an upload until it has come to a state before its end."""
    deadline = time.monotonic() + PUBLISHED_WITHIN_S
    while (state := officer.get(place).json()["state"]) != wanted:
        assert state in UNFINISHED
        assert time.monotonic() < deadline


def read_counts(office: Office) -> dict[str, int]:
    """Count what a publish writes, each thing in its own place."""
    statements = {
        "addresses": "SELECT count(*) FROM reg.addresses",
        "places": "SELECT count(DISTINCT ST_AsBinary(geom)) FROM reg.addresses",
        "codes": "SELECT count(DISTINCT value) FROM reg.address_codes WHERE scheme = 'digital_address'",
        "replaced": "SELECT count(*) FROM ops.change WHERE register = 'addresses'",
        "drawn": "SELECT count(*) FROM reg.addresses_tile",
        "counted": "SELECT sum(count) FROM reg.addresses_grid WHERE z = 0",
        "counted low": "SELECT sum(count) FROM reg.addresses_grid WHERE z = 12",
        "staging tables": "SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'",
        "revisions": "SELECT count(*) FROM ops.revision WHERE register = 'addresses'",
        "attempts": "SELECT coalesce(sum(attempt), 0) FROM ops.upload WHERE state = 'published'",
    }
    with setup.owner(office.settings) as connection:
        return {name: int(connection.scalar(text(statement)) or 0) for name, statement in statements.items()}


def job_of(office: Office, place: str) -> UploadJob:
    """Return the work on an upload, to be done in this process."""
    return UploadJob(office.database, office.settings, UUID(place.rpartition("/")[2]))


def change(office: Office, place: str, assignment: str) -> None:
    """Change an upload's row."""
    statement = text(f"UPDATE ops.upload SET {assignment} WHERE id = :id")
    with setup.owner(office.settings) as connection:
        connection.execute(statement, {"id": place.rpartition("/")[2]})


def recover(office: Office, place: str) -> tuple[bool, int]:
    """Look for lost uploads; return whether this one is among them and how many jobs of it wait then."""
    upload_id = place.rpartition("/")[2]
    waiting = text("SELECT count(*) FROM ops.procrastinate_jobs WHERE status = 'todo' AND args ->> 'upload_id' = :id")
    with office.database.worker() as connection:
        is_found = UUID(upload_id) in recover_lost(connection)
        return is_found, int(connection.scalar(waiting, {"id": upload_id}) or 0)


def test_a_worker_that_was_overtaken_publishes_nothing(office: Office) -> None:
    code, officer, revision = new_code(), office.officer(), office.revision()
    place = send(officer, upload_parts(address_csv(code)))
    slow = threading.Thread(target=job_of(office, place).run)
    with publishing_is_held(office):
        slow.start()
        await_state(officer, place, "publishing")
        change(office, place, "attempt = attempt + 1, heartbeat_at = now() - interval '1 minute'")
    slow.join(PUBLISHED_WITHIN_S)
    assert (office.item(code), office.revision()) == (None, revision)
    job_of(office, place).run()
    assert office.item(code) is not None
    assert finish(officer, place)["revision"] == office.revision() == revision + 1


def test_two_workers_with_one_job_do_it_once(office: Office) -> None:
    officer, revision = office.officer(), office.revision()
    place = send(officer, upload_parts(address_csv(new_code())))
    workers = [threading.Thread(target=job_of(office, place).run) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PUBLISHED_WITHIN_S)
    job_of(office, place).run()
    assert finish(officer, place)["revision"] == office.revision() == revision + 1
    with setup.owner(office.settings) as connection:
        statement = text("SELECT attempt FROM ops.upload WHERE id = :id")
        assert connection.scalar(statement, {"id": place.rpartition("/")[2]}) == 1


def test_a_lost_job_is_put_back_once(office: Office) -> None:
    place = send(office.officer(), upload_parts(address_csv(new_code())))
    assert recover(office, place) == (False, 1)
    change(office, place, "received_at = now() - interval '1 minute'")
    assert recover(office, place) == (True, 1)
    with setup.owner(office.settings) as connection:
        connection.execute(text("SELECT set_config('search_path', 'ops,public', true)"))
        connection.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    assert recover(office, place) == (True, 1)
    change(office, place, "heartbeat_at = now()")
    assert recover(office, place) == (False, 1)


def test_a_file_that_kills_every_worker_is_given_up(office: Office) -> None:
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(new_code())))
    change(office, place, f"attempt = {MAX_ATTEMPTS - 1}, heartbeat_at = now() - interval '1 minute'")
    assert recover(office, place) == (True, 1)
    change(office, place, f"attempt = {MAX_ATTEMPTS}")
    assert recover(office, place) == (False, 1)
    upload = officer.get(place).json()
    assert (upload["state"], upload["revision"]) == ("failed", None)
    job_of(office, place).run()
    assert officer.get(place).json()["state"] == "failed"


def test_a_file_that_is_gone_fails_and_says_so(office: Office) -> None:
    officer, revision = office.officer(), office.revision()
    place = send(officer, upload_parts(address_csv(new_code())))
    job = job_of(office, place)
    job.files.remove(job.upload_id)
    job.run()
    upload = officer.get(place).json()
    assert (upload["state"], office.revision()) == ("failed", revision)
    with setup.owner(office.settings) as connection:
        noted = connection.execute(
            text("SELECT action, outcome FROM ops.audit WHERE target = :id ORDER BY id"), {"id": upload["id"]}
        ).all()
    assert [tuple(row) for row in noted] == [("upload.receive", "ok"), ("upload.publish", "failed")]

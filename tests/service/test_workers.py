"""The worker process: it is killed, it is overtaken, it gives up; a file is published once and whole all the same."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from service import setup
from service.jobs.imports import MAX_TRIES, UploadJob, recover_lost
from tests.conftest import Server
from tests.service.office import (
    PUBLISHED_WITHIN_S,
    PUBLISHING_WAITS,
    UNFINISHED,
    Office,
    finish,
    new_code,
    opened,
    publishing_is_held,
    send,
    wait_for,
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
    assert upload["counts"] == {
        "read": CROWD, "valid": CROWD, "rejected": 0, "published": CROWD, "added": CROWD, "changed": 0, "removed": 0,
        "unchanged": 0,
    }  # fmt: skip
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
    change(office, place, "queued_at = now() - interval '1 minute'")
    assert recover(office, place) == (False, 1)
    with setup.owner(office.settings) as connection:
        connection.execute(text("SELECT set_config('search_path', 'ops,public', true)"))
        connection.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    assert recover(office, place) == (True, 1)
    assert recover(office, place) == (False, 1)
    change(office, place, "heartbeat_at = now()")
    assert recover(office, place) == (False, 1)


def test_a_file_that_kills_every_worker_is_given_up(office: Office) -> None:
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(new_code())))
    change(office, place, f"tries = {MAX_TRIES - 1}, heartbeat_at = now() - interval '1 minute'")
    assert recover(office, place) == (False, 1)
    change(office, place, f"tries = {MAX_TRIES}")
    assert recover(office, place) == (False, 1)
    upload = officer.get(place).json()
    assert (upload["state"], upload["revision"]) == ("failed", None)
    job_of(office, place).run()
    assert officer.get(place).json()["state"] == "failed"


def test_a_file_that_is_gone_fails_and_says_so(office: Office) -> None:
    officer, revision = office.officer(), office.revision()
    place = send(officer, upload_parts(address_csv(new_code())))
    job = job_of(office, place)
    job.storage.remove(job.upload_id)
    change(office, place, f"tries = {MAX_TRIES - 1}")
    job.run()
    upload = officer.get(place).json()
    assert (upload["state"], office.revision()) == ("failed", revision)
    with setup.owner(office.settings) as connection:
        noted = connection.execute(
            text("SELECT action, outcome FROM ops.audit WHERE target = :id ORDER BY id"), {"id": upload["id"]}
        ).all()
    assert [tuple(row) for row in noted] == [("upload.receive", "ok"), ("upload.publish", "failed")]


@contextmanager
def connections_cut_while_publishing(office: Office) -> Iterator[None]:
    """Hold publishing until the block ends, then cut the connection that waits for it."""
    with publishing_is_held(office):
        yield
        with setup.owner(office.settings) as connection:
            wait_for(connection, PUBLISHING_WAITS)
            assert (
                connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({PUBLISHING_WAITS}) waiting")).rowcount
                == 1
            )


def test_an_upload_whose_connection_was_cut_is_tried_again(office: Office) -> None:
    code, officer, revision = new_code(), office.officer(), office.revision()
    place = send(officer, upload_parts(address_csv(code)))
    work = threading.Thread(target=job_of(office, place).run)
    with connections_cut_while_publishing(office):
        work.start()
        await_state(officer, place, "publishing")
    work.join(PUBLISHED_WITHIN_S)
    assert (officer.get(place).json()["state"], office.revision()) == ("publishing", revision)
    change(office, place, "heartbeat_at = now() - interval '1 minute'")
    assert recover(office, place) == (False, 1)
    job_of(office, place).run()
    upload = finish(officer, place)
    assert (upload["state"], upload["revision"]) == ("published", revision + 1)
    assert office.item(code) is not None


def test_an_upload_whose_connection_is_cut_every_time_fails_and_says_what_to_do(office: Office) -> None:
    officer, revision = office.officer(), office.revision()
    place = send(officer, upload_parts(address_csv(new_code())))
    change(office, place, f"tries = {MAX_TRIES - 1}")
    work = threading.Thread(target=job_of(office, place).run)
    with connections_cut_while_publishing(office):
        work.start()
        await_state(officer, place, "publishing")
    work.join(PUBLISHED_WITHIN_S)
    upload = officer.get(place).json()
    assert (upload["state"], office.revision()) == ("failed", revision)
    assert [message["code"] for message in upload["messages"]] == ["SYSTEM_ERROR"]
    assert "Gửi lại" in upload["messages"][0]["remedy"]["vi"]


def test_giving_up_is_written_into_the_audit_once(office: Office) -> None:
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(new_code())))
    change(office, place, f"tries = {MAX_TRIES}, heartbeat_at = now() - interval '1 minute'")
    for _ in range(2):
        recover(office, place)
    with setup.owner(office.settings) as connection:
        statement = text(
            "SELECT actor, outcome, detail ->> 'kind' FROM ops.audit WHERE target = :id AND action = :action"
        )
        found = connection.execute(statement, {"id": place.rpartition("/")[2], "action": "upload.publish"}).all()
    assert [tuple(row) for row in found] == [("worker", "failed", "attempts")]


def test_jobs_of_dead_workers_do_not_stay(office: Office) -> None:
    place = send(office.officer(), upload_parts(address_csv(new_code())))
    job_of(office, place).run()
    with setup.owner(office.settings) as connection:
        connection.execute(text("SELECT set_config('search_path', 'ops,public', true)"))
        connection.execute(text("INSERT INTO ops.procrastinate_workers DEFAULT VALUES"))
        statement = (
            "UPDATE ops.procrastinate_jobs SET status = 'doing', worker_id = {} WHERE args ->> 'upload_id' = :id"
        )
        alive = statement.format("(SELECT max(id) FROM ops.procrastinate_workers)")
        connection.execute(text(alive), {"id": place.rpartition("/")[2]})
    recover(office, place)
    assert count_jobs(office, place) == 1
    with setup.owner(office.settings) as connection:
        connection.execute(text("UPDATE ops.procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'"))
    recover(office, place)
    assert count_jobs(office, place) == 0


def count_jobs(office: Office, place: str) -> int:
    """Count an upload's jobs, whatever became of them."""
    with setup.owner(office.settings) as connection:
        statement = text("SELECT count(*) FROM ops.procrastinate_jobs WHERE args ->> 'upload_id' = :id")
        return int(connection.scalar(statement, {"id": place.rpartition("/")[2]}) or 0)


def test_an_upload_tells_what_it_added_changed_and_left_and_so_does_the_log(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = new_code(), new_code(), new_code()
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(first, second)))
    job_of(office, place).run()
    assert pick_changes(officer, place) == {"added": 2, "changed": 0, "unchanged": 0}
    rows = address_csv(first, second, third).replace(f"{second},ho gia dinh".encode(), f"{second},co quan".encode())
    place = send(officer, upload_parts(rows))
    capsys.readouterr()
    job_of(office, place).run()
    assert pick_changes(officer, place) == {"added": 1, "changed": 1, "unchanged": 1}
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"upload done"' in line]
    assert [(line["register"], line["added"], line["changed"], line["outcome"]) for line in said] == [
        ("addresses", 1, 1, "ok")
    ]


def pick_changes(officer: TestClient, place: str) -> dict[str, int]:
    """Return what an upload says it did to the register."""
    counts = officer.get(place).json()["counts"]
    return {what: counts[what] for what in ("added", "changed", "unchanged")}

"""Life and death of workers: who is killed is replaced in seconds, who stands still is fenced, who is not wanted stops."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from geodata.db import Database
from geodata.importing.staging import staging_prefix
from service import setup
from service.app import create_app
from service.jobs import heartbeat
from service.jobs.cleaning import clean_staging
from service.jobs.heartbeat import is_let_go, work_key
from service.jobs.imports import MAX_TRIES, UploadJob, recover_lost
from service.storage import open_storage
from tests.conftest import ROOT, Server, environment_of, settings_for
from tests.service.office import Office, finish, new_code, opened, publishing_is_held, send
from tests.service.people import address_csv, upload_parts
from tests.warm_process import WarmProcess

pytestmark = pytest.mark.usefixtures("own_reader")

LIMIT_MB = 8
TAKEN_OVER_WITHIN_S = 15.0
STOPPED_WITHIN_S = 2.0
ENDLESS = b"kinh_do,vi_do,ma_dia_chi\n" + b"106.2,20.3,x\n" * 400_000


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    """An office whose workers the tests start and kill."""
    with opened(server, f"life_{worker_name}", LIMIT_MB) as found:
        yield found


def upload_id_of(place: str) -> UUID:
    return UUID(place.rpartition("/")[2])


def change(office: Office, place: str, assignment: str) -> None:
    with setup.owner(office.settings) as connection:
        connection.execute(text(f"UPDATE ops.upload SET {assignment} WHERE id = :id"), {"id": upload_id_of(place)})


def column(office: Office, place: str, name: str) -> object:
    with setup.owner(office.settings) as connection:
        return connection.scalar(text(f"SELECT {name} FROM ops.upload WHERE id = :id"), {"id": upload_id_of(place)})


def await_state(officer: TestClient, place: str, wanted: str, within_s: float = 60) -> float:
    """Wait until an upload is in a state; returns how long it took."""
    started = time.monotonic()
    while (state := officer.get(place).json()["state"]) != wanted:
        assert time.monotonic() - started < within_s, state
        time.sleep(0.02)
    return time.monotonic() - started


def await_attempt(office: Office, place: str, wanted: int, within_s: float) -> float:
    started = time.monotonic()
    while column(office, place, "attempt") != wanted:
        assert time.monotonic() - started < within_s
        time.sleep(0.1)
    return time.monotonic() - started


@contextmanager
def worker(office: Office) -> Iterator[WarmProcess]:
    """Run a worker process."""
    log = office.settings.var_dir / f"{uuid4().hex}.log"
    process = WarmProcess(["service", "worker"], environment_of(office.settings), log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.long
def test_a_killed_workers_upload_is_taken_over_in_seconds_and_a_stopped_ones_is_fenced(office: Office) -> None:
    officer, revision = office.officer(), office.revision()
    with worker(office) as first:
        with publishing_is_held(office):
            place = send(officer, upload_parts(address_csv(new_code())))
            await_state(officer, place, "publishing")
            with worker(office) as second:
                first.suspend()
                waited = await_attempt(office, place, 2, heartbeat.LOST_AFTER_S + 10)
                assert waited > heartbeat.LOST_AFTER_S - 5
                await_state(officer, place, "publishing")
                first.resume()
                time.sleep(2)
                second.kill()
                assert await_attempt(office, place, 3, TAKEN_OVER_WITHIN_S)
        assert finish(officer, place)["state"] == "published"
    assert (office.revision(), column(office, place, "attempt")) == (revision + 1, 3)


def test_a_worker_that_beats_late_and_holds_its_lock_is_not_taken_for_dead(office: Office) -> None:
    place = send(office.officer(), upload_parts(address_csv(new_code())))
    with setup.owner(office.settings) as connection:
        connection.execute(text("SELECT set_config('search_path', 'ops,public', true)"))
        connection.execute(
            text("DELETE FROM ops.procrastinate_jobs WHERE args ->> 'upload_id' = :id"),
            {"id": str(upload_id_of(place))},
        )
    late = f"attempt = 1, tries = 1, state = 'reading', heartbeat_at = now() - interval '{heartbeat.SILENT_AFTER_S + 3} seconds'"
    change(office, place, late)
    key = text("SELECT pg_advisory_lock(hashtextextended(:key, 0))")
    with office.database.worker_session() as session:
        session.execute(key, {"key": work_key(upload_id_of(place), 1)})
        assert recovered(office, place) is False
        session.execute(text("SELECT pg_advisory_unlock_all()"))
    assert recovered(office, place) is True
    change(office, place, "state = 'failed'")


def recovered(office: Office, place: str) -> bool:
    with office.database.worker() as connection:
        return upload_id_of(place) in recover_lost(connection)


def test_a_job_holds_its_lock_while_it_works_and_lets_go_in_the_end(office: Office) -> None:
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(new_code())))
    work, key = job(office, place), work_key(upload_id_of(place), 1)
    with publishing_is_held(office):
        work.start()
        await_state(officer, place, "publishing")
        time.sleep(0.5)
        with office.database.worker() as connection:
            assert not is_let_go(connection, key)
    work.join(60)
    with office.database.worker() as connection:
        assert is_let_go(connection, key)


def job(office: Office, place: str) -> threading.Thread:
    return threading.Thread(target=UploadJob(office.database, office.settings, upload_id_of(place)).run)


def test_a_cancelled_upload_stops_while_it_waits_for_the_database(office: Office) -> None:
    code, officer, revision = new_code(), office.officer(), office.revision()
    place = send(officer, upload_parts(address_csv(code)))
    work = job(office, place)
    with publishing_is_held(office):
        work.start()
        await_state(officer, place, "publishing")
        change(office, place, "state = 'cancelled', finished_at = now()")
        work.join(STOPPED_WITHIN_S)
        assert not work.is_alive()
    assert (officer.get(place).json()["state"], office.item(code), office.revision()) == ("cancelled", None, revision)
    assert staging_tables(office) == []


def test_a_cancelled_upload_stops_while_it_is_being_read_and_the_reader_is_gone(office: Office) -> None:
    officer, revision = office.officer(), office.revision()
    place = send(officer, upload_parts(ENDLESS))
    work = job(office, place)
    work.start()
    await_state(officer, place, "reading")
    while not (readers := readers_of(psutil.Process())):
        time.sleep(0.01)
    change(office, place, "state = 'cancelled', finished_at = now()")
    work.join(STOPPED_WITHIN_S)
    assert not work.is_alive()
    assert not [reader for reader in readers if reader.is_running() and reader.status() != psutil.STATUS_ZOMBIE]
    assert (officer.get(place).json()["state"], office.revision()) == ("cancelled", revision)
    assert staging_tables(office) == []


def readers_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the sandboxed readers that a process runs."""
    found = []
    for child in process.children(recursive=True):
        try:
            found += [child] if "geodata.importing.child" in child.cmdline() else []
        except psutil.NoSuchProcess:
            continue
    return found


def staging_tables(office: Office) -> list[str]:
    with setup.owner(office.settings) as connection:
        return list(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'staging' ORDER BY 1")))


def test_an_upload_cancelled_before_its_turn_is_never_begun(office: Office) -> None:
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(new_code())))
    change(office, place, "state = 'cancelled'")
    job(office, place).run()
    assert (officer.get(place).json()["state"], column(office, place, "attempt")) == ("cancelled", 0)


def test_staged_rows_wait_for_their_officer_and_go_when_nobody_needs_them(office: Office) -> None:
    officer = office.officer()
    places = [send(officer, upload_parts(address_csv(new_code()))) for _ in range(3)]
    fresh, old, done = places
    change(office, fresh, "state = 'staged', queued_at = now() - interval '13 days'")
    change(office, old, "state = 'needs_approval', queued_at = now() - interval '15 days'")
    change(office, done, "state = 'published'")
    tables = {place: staging_prefix(upload_id_of(place)) + "a" for place in places}
    earlier = staging_prefix(upload_id_of(fresh)) + "b"
    for place, table in tables.items():
        change(office, place, f"""staged = '{{"table": "{table}"}}'""")
    with office.database.worker() as connection:
        for table in (*tables.values(), earlier, staging_prefix(uuid4())):
            connection.execute(text(f"CREATE UNLOGGED TABLE staging.{table} (row_number bigint)"))
    assert clean_staging(office.database, 14) == 4
    assert staging_tables(office) == [tables[fresh]]
    assert [officer.get(place).json()["state"] for place in places] == ["staged", "cancelled", "published"]
    (message,) = officer.get(old).json()["report"]["messages"]
    assert (message["code"], message["value"]) == ("UPLOAD_EXPIRED", "14")
    with setup.owner(office.settings) as connection:
        statement = text(
            "SELECT action, outcome, detail ->> 'kind' FROM ops.audit WHERE target = :id AND actor = 'worker'"
        )
        noted = connection.execute(statement, {"id": str(upload_id_of(old))}).all()
    assert [tuple(row) for row in noted] == [("upload.cancel", "ok", "expired")]
    change(office, fresh, "state = 'cancelled'")
    assert clean_staging(office.database, 14) == 1


def test_a_file_that_one_worker_does_not_find_is_published_by_another(office: Office, tmp_path: Path) -> None:
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(new_code())))
    elsewhere = office.settings.model_copy(update={"storage_url": str(tmp_path)})
    UploadJob(office.database, elsewhere, upload_id_of(place)).run()
    assert officer.get(place).json()["state"] == "reading"
    change(office, place, "heartbeat_at = NULL")
    job(office, place).run()
    assert officer.get(place).json()["state"] == "published"


def test_a_storage_that_is_away_and_one_without_the_file_are_asked_again_until_the_last_attempt(office: Office) -> None:
    officer = office.officer()
    place = send(officer, upload_parts(address_csv(new_code())))
    nowhere = {"storage_url": "s3://kho", "storage_endpoint": "http://127.0.0.1:9", "storage_region": "x"}
    keys = {"storage_key_id": "k", "storage_secret_key": SecretStr("s")}
    away = office.settings.model_copy(update={**nowhere, **keys})
    UploadJob(office.database, away, upload_id_of(place)).run()
    assert officer.get(place).json()["state"] == "reading"
    open_storage(office.settings).remove(upload_id_of(place))
    change(office, place, f"heartbeat_at = NULL, tries = {MAX_TRIES - 2}")
    job(office, place).run()
    assert officer.get(place).json()["state"] == "reading"
    change(office, place, "heartbeat_at = NULL")
    job(office, place).run()
    upload = officer.get(place).json()
    (message,) = upload["report"]["messages"]
    assert (upload["state"], message["code"]) == ("failed", "STORED_FILE_MISSING")
    assert "BANDOSO_STORAGE_URL" in message["remedy"]["vi"]


def test_the_api_says_first_where_it_keeps_files(office: Office) -> None:
    app = create_app(office.settings)
    with capture_logs() as lines, TestClient(app):
        pass
    assert lines[0] == {"event": "api starts", "log_level": "info", "storage": open_storage(office.settings).name}


def test_a_worker_on_a_database_without_our_tables_ends_with_a_sentence(server: Server, worker_name: str) -> None:
    name = f"bare_{worker_name}"
    settings = settings_for(server.create(name))
    command = [sys.executable, "-m", "service", "worker"]
    environment = {**os.environ, **environment_of(settings)}
    ended = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120, cwd=ROOT)
    server.drop(name)
    assert ended.returncode == 1
    assert "alembic upgrade head" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_with_few_connections_beats_while_it_publishes(office: Office) -> None:
    narrow = office.settings.model_copy(update={"write_pool_size": 1})
    officer, database = office.officer(), Database(narrow)
    place = send(officer, upload_parts(address_csv(new_code())))
    UploadJob(database, narrow, upload_id_of(place)).run()
    database.dispose()
    assert officer.get(place).json()["state"] == "published"

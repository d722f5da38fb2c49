"""Server-sent events of an upload: told as it changes, to whom it concerns, and for as long as somebody listens."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from sqlalchemy import text

from geodata.db import Database
from service import setup
from service.api import upload_events
from service.api.upload_events import UploadWatch
from service.jobs.imports import UploadJob
from service.problems import StreamsBusyError
from service.settings import ServiceSettings
from tests.conftest import Server, await_ready, environment_of, free_port, running, settings_for
from tests.service.office import Office, opened, publishing_is_held, send
from tests.service.people import add_key, add_officer, address_csv, upload_parts

TOLD_WITHIN_S = 20.0


@dataclass(frozen=True)
class Desk:
    """A running service, an officer's key, and the office behind it."""

    office: Office
    address: str
    process: Any
    key: dict[str, str]

    def upload(self, *codes: str) -> str:
        """Send a file; nobody works on it until told to."""
        parts = upload_parts(address_csv(*codes))
        with httpx2.Client(base_url=self.address, headers=self.key) as client:
            return send(client, parts).rpartition("/")[2]  # type: ignore[arg-type]

    def work(self, upload_id: str) -> threading.Thread:
        work = threading.Thread(target=UploadJob(self.office.database, self.office.settings, UUID(upload_id)).run)
        work.start()
        return work

    def path(self, upload_id: str) -> str:
        return f"{self.address}/uploads/{upload_id}/events"


@pytest.fixture(scope="module")
def desk(server: Server, worker_name: str) -> Iterator[Desk]:
    with opened(server, f"events_{worker_name}", 8) as office:
        settings = office.settings
        key = add_key(settings, add_officer(settings))
        with served(settings) as (address, process):
            yield Desk(office, address, process, key)


@contextmanager
def served(settings: ServiceSettings) -> Iterator[tuple[str, Any]]:
    """Serve the application as it is served in production."""
    port, log = free_port(), settings.var_dir / "events.log"
    arguments = [
        "uvicorn",
        "service.app:create_app",
        "--factory",
        "--port",
        str(port),
        "--timeout-graceful-shutdown",
        "8",
    ]
    with running(arguments, environment_of(settings), log) as process:
        address = f"http://127.0.0.1:{port}"
        await_ready(address, process, log, 90)
        yield address, process


@dataclass
class Heard:
    """One stream as a client hears it."""

    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    is_over: bool = False

    def listen(self, address: str, headers: dict[str, str]) -> threading.Thread:
        thread = threading.Thread(target=self._listen, args=(address, headers), daemon=True)
        thread.start()
        return thread

    def _listen(self, address: str, headers: dict[str, str]) -> None:
        with httpx2.stream("GET", address, headers=headers, timeout=60) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in answer.headers
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                self.lines.append(line)
                name, _, value = line.partition(": ")
                event |= {name: value} if value else {}
                if not line and "data" in event:
                    self.events.append((event["event"], event["id"], json.loads(event["data"])))
                    event = {}
        self.is_over = True

    def await_state(self, state: str) -> None:
        deadline = time.monotonic() + TOLD_WITHIN_S
        while not any(event[2]["state"] == state for event in self.events):
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)


def test_progress_is_told_as_it_happens_and_the_end_once(desk: Desk) -> None:
    upload_id, heard = desk.upload("0790100001", "0790100002"), Heard()
    listening = heard.listen(desk.path(upload_id), desk.key | {"accept-encoding": "gzip"})
    heard.await_state("received")
    with publishing_is_held(desk.office):
        work = desk.work(upload_id)
        heard.await_state("publishing")
        assert not heard.is_over
    work.join()
    listening.join(TOLD_WITHIN_S)
    kinds = [kind for kind, _, _ in heard.events]
    assert kinds == ["progress"] * (len(kinds) - 1) + ["end"]
    assert len({name for _, name, _ in heard.events}) == len(heard.events)
    assert heard.lines[0] == "retry: 2000"
    last = heard.events[-1][2]
    with httpx2.Client(headers=desk.key) as client:
        whole = client.get(f"{desk.address}/uploads/{upload_id}").json()
    assert last == {name: value for name, value in whole.items() if name not in {"messages", "options", "report"}}
    assert (last["state"], last["progress"]["done"]) == ("published", 2)
    assert set(last["progress"]) == {"stage", "done", "total", "rows_per_s", "seconds_left"}


def test_what_a_client_has_had_already_is_not_told_again(desk: Desk) -> None:
    upload_id, first = desk.upload("0790100003"), Heard()
    first.listen(desk.path(upload_id), desk.key)
    first.await_state("received")
    again = Heard()
    again.listen(desk.path(upload_id), desk.key | {"last-event-id": first.events[0][1]})
    time.sleep(2.5)
    assert (again.lines[:1], again.events) == (["retry: 2000"], [])
    cancel(desk, upload_id)
    for heard in (first, again):
        heard.await_state("cancelled")
    assert [kind for kind, _, _ in again.events] == ["end"]


def cancel(desk: Desk, upload_id: str) -> None:
    with setup.owner(desk.office.settings) as connection:
        connection.execute(text("UPDATE ops.upload SET state = 'cancelled' WHERE id = :id"), {"id": upload_id})


def test_an_upload_that_is_over_is_told_of_at_once_and_heads_have_no_body(desk: Desk) -> None:
    upload_id, heard = desk.upload("0790100004"), Heard()
    with httpx2.Client(headers=desk.key, timeout=10) as client:
        assert client.head(desk.path(upload_id)).headers["content-type"].startswith("text/event-stream")
    cancel(desk, upload_id)
    heard.listen(desk.path(upload_id), desk.key).join(TOLD_WITHIN_S)
    assert [(kind, told["state"]) for kind, _, told in heard.events] == [("end", "cancelled")]


def test_streams_are_for_the_owner_and_for_administrators(desk: Desk) -> None:
    upload_id, settings = desk.upload("0790100005"), desk.office.settings
    cancel(desk, upload_id)
    other = add_key(settings, add_officer(settings))
    administrator = add_key(settings, add_officer(settings, role="administrator"))
    with httpx2.Client(timeout=10) as client:
        found = [
            client.get(desk.path(upload_id), headers=key).status_code for key in ({}, other, administrator, desk.key)
        ]
        assert found == [401, 404, 200, 200]
        assert client.get(desk.path("nothing"), headers=desk.key).status_code == 404


def test_fifty_listeners_cost_one_look_a_second_and_no_connection_each(desk: Desk) -> None:
    settings = desk.office.settings
    keys = [add_key(settings, add_officer(settings, role="administrator")) for _ in range(5)]
    upload_id, listeners = desk.upload("0790100006"), [Heard() for _ in range(50)]
    for at, heard in enumerate(listeners):
        heard.listen(desk.path(upload_id), keys[at % 5])
    for heard in listeners:
        heard.await_state("received")
    with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", "")) as connection:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bandoso staff'"
        held = connection.execute(statement).fetchone()
    assert held is not None
    assert held[0] <= settings.write_pool_size * 2
    refused = httpx2.get(desk.path(upload_id), headers=keys[0], timeout=10)
    assert refused.status_code == 503
    assert refused.json()["type"].endswith("streams_busy")
    assert int(refused.headers["retry-after"]) > 0
    cancel(desk, upload_id)
    for heard in listeners:
        heard.await_state("cancelled")


def test_who_leaves_gives_the_place_back(desk: Desk) -> None:
    upload_id, settings = desk.upload("0790100007"), desk.office.settings
    key = add_key(settings, add_officer(settings, role="administrator"))
    for _ in range(3):
        for _ in range(upload_events.MAX_STREAMS_OF_ACCOUNT):
            with httpx2.stream("GET", desk.path(upload_id), headers=key, timeout=10) as answer:
                assert next(answer.iter_lines()) == "retry: 2000"
        time.sleep(1.5)
    cancel(desk, upload_id)


def test_a_silent_stream_is_kept_alive_by_comments(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_events, "KEEP_ALIVE_S", 0.0)
    upload_id = UUID(desk.upload("0790100008"))

    async def listen() -> list[bytes]:
        watch = UploadWatch(desk.office.database)
        stream = upload_events._stream(watch, upload_id, "ai", None)
        heard = [await anext(stream) for _ in range(4)]
        await stream.aclose()
        return heard

    heard = asyncio.run(listen())
    assert heard[1].startswith(b"event: progress\n")
    assert heard[2:] == [b":\n\n"] * 2
    cancel(desk, str(upload_id))


def test_a_database_that_is_away_ends_no_stream(server: Server, worker_name: str) -> None:
    settings = settings_for(server.url("nothing_of_this_name"))

    async def listen() -> object:
        watch = UploadWatch(Database(settings))
        with watch.place(UUID(int=1), "ai"):
            return await watch.next(UUID(int=1))

    assert asyncio.run(listen()) is None


def test_there_are_places_for_so_many_only(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.setattr(upload_events, "MAX_STREAMS", 2)
    watch = UploadWatch(desk.office.database)
    with watch.place(UUID(int=1), "a"):
        with watch.place(UUID(int=1), "b"), pytest.raises(StreamsBusyError), watch.place(UUID(int=2), "c"):
            pass
        with watch.place(UUID(int=2), "c"):
            pass


def test_a_server_that_is_told_to_end_does_not_wait_for_streams(desk: Desk) -> None:
    upload_id, heard = desk.upload("0790100009"), Heard()
    with served(desk.office.settings) as (address, process):
        listening = heard.listen(f"{address}/uploads/{upload_id}/events", desk.key)
        heard.await_state("received")
        started = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)
        assert time.monotonic() - started < 6
        listening.join(5)
    assert not listening.is_alive()
    cancel(desk, upload_id)

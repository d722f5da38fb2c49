"""A service with a database of its own, and a worker that tests may start and kill."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.history import lock_register
from geodata.registers import get_register
from service.app import Application, create_app
from service.settings import ServiceSettings
from tests.conftest import SAMPLE_TEMPLATE, Server, environment_of, running, settings_for
from tests.service.people import add_officer, sign_in

PUBLISHED_WITHIN_S = 40.0
UNFINISHED = {"received", "reading", "validating", "publishing"}
PUBLISHING_WAITS = (
    "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Sessions of this database that wait for the right to publish; the server has those of other tests too."""
_serials = count(1)


def new_code() -> str:
    """Return an address code that no other test uses."""
    return f"07900{next(_serials):05d}"


class Worker:
    """A worker process, and another one in its place when it is killed."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._processes = ExitStack()

    def start(self) -> None:
        """Start a process."""
        log = self._settings.var_dir / f"worker-{uuid4().hex[:6]}.log"
        process = running(["service", "worker"], environment_of(self._settings), log)
        self._process = self._processes.enter_context(process)

    @property
    def pid(self) -> int:
        """Number of the process that was started last."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether that process lives."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill the process as the kernel would: it hears nothing of it."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Stop all that were started."""
        self._processes.close()


@dataclass(frozen=True)
class Office:
    """A service on sample data of its own, and a worker that can be started."""

    app: Application
    client: TestClient
    settings: ServiceSettings
    database: Database
    worker: Worker

    def officer(self, *scope: str) -> TestClient:
        """Return the signed-in client of a new officer."""
        return sign_in(self.app, add_officer(self.settings, *scope))

    def revision(self) -> int:
        """Return the latest revision of the addresses."""
        found: int = self.client.get("/collections/addresses").json()["bandoso:revision"]
        return found

    def item(self, code: str) -> dict[str, Any] | None:
        """Return the address with this code."""
        features = self.client.get("/collections/addresses/items", params={"code": code}).json()["features"]
        return features[0] if features else None


@contextmanager
def opened(server: Server, name: str, limit_mb: int, **changes: Any) -> Iterator[Office]:
    """Open an office on a new copy of the sample."""
    settings = settings_for(server.create(name, SAMPLE_TEMPLATE), upload_max_mb=limit_mb, **changes)
    app, database, worker = create_app(settings), Database(settings), Worker(settings)
    try:
        with TestClient(app) as client:
            yield Office(app, client, settings, database, worker)
    finally:
        worker.stop()
        database.dispose()
        server.drop(name)


@contextmanager
def publishing_is_held(office: Office) -> Iterator[None]:
    """Hold the lock that every publish of addresses waits for."""
    with office.database.worker() as connection:
        lock_register(connection, get_register("addresses"))
        yield


def wait_for(connection: Connection, query: str, within_s: float = PUBLISHED_WITHIN_S) -> None:
    """Wait until the database finds something."""
    deadline = time.monotonic() + within_s
    while connection.scalar(text(query)) is None:
        assert time.monotonic() < deadline, query
        time.sleep(0.05)


def finish(client: TestClient, location: str, within_s: float = PUBLISHED_WITHIN_S, **headers: Any) -> dict[str, Any]:
    """Follow an upload until it is done."""
    deadline = time.monotonic() + within_s
    while True:
        upload: dict[str, Any] = client.get(location, **headers).json()
        if upload["state"] not in UNFINISHED:
            return upload
        assert time.monotonic() < deadline, upload
        time.sleep(0.05)


def send(client: TestClient, parts: dict[str, Any], **headers: str) -> str:
    """Send a file that is taken; return where its upload is."""
    answer = client.post("/uploads", **parts, headers=headers)
    assert answer.status_code == 202, answer.text
    location: str = answer.headers["location"]
    assert location.endswith(f"/uploads/{answer.json()['id']}")
    return location

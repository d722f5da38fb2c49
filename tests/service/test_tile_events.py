"""News of changed tiles: what is told, to whom, how it is caught up with, and what it costs."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psycopg
import pytest
from starlette.testclient import TestClient

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import discover, get_register
from service.api.tiles import FORMAT, TileApplication
from service.app import create_app, tile_settings
from service.settings import ServiceSettings
from tests.conftest import SAMPLE_TEMPLATE, Server, settings_for
from tests.service.office import new_code
from tests.service.people import PLACE
from tests.service.test_upload_events import served
from tiles import changes
from tiles.changes import EVERYTHING, Changes, read_changes
from tiles.selection import TileSelections
from tiles.store import TileStore

TOLD_WITHIN_S = 2.0
HOME = "14/13026/7245"
"""The tile of ``PLACE``."""

Message = MutableMapping[str, Any]
Numbers = tuple[int, int, int]


@dataclass(frozen=True)
class Live:
    """A running service and the database under it."""

    address: str
    process: Any
    settings: ServiceSettings
    database: Database
    folder: Path

    def publish(self) -> None:
        code = new_code()
        file = self.folder / f"{code}.csv"
        file.write_text(f"ma_dia_chi,loai,kinh_do,vi_do\n{code},ho gia dinh,{PLACE[0]},{PLACE[1]}\n", encoding="utf-8")
        done = import_file(self.database, ImportRequest(file, file.name, get_register("addresses"), SYSTEM))
        assert done.counts.added == 1, done.report.as_dict()

    def stamped(self) -> tuple[int, set[Numbers]]:
        """Return the latest revision of the addresses and the tiles that it changed."""
        with psycopg.connect(self.settings.sqlalchemy_url.replace("+psycopg", "")) as connection:
            rows = connection.execute(
                "SELECT revision, z, x, y FROM ops.tile_stamp WHERE layer = 'addresses' "
                "AND revision = (SELECT max(number) FROM ops.revision WHERE register = 'addresses')"
            ).fetchall()
        return rows[0][0], {row[1:] for row in rows}

    def version(self, layer: str = "addresses") -> str:
        found: str = httpx2.get(f"{self.address}/tiles/{layer}.json").json()["bandoso:version"]
        return found

    @property
    def path(self) -> str:
        return f"{self.address}/tiles/addresses/events"


@pytest.fixture(scope="module")
def live(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    name = f"tile_events_{worker_name}"
    settings = settings_for(server.create(name, SAMPLE_TEMPLATE), tile_listeners=1200)
    database = Database(settings)
    with served(settings) as (address, process):
        yield Live(address, process, settings, database, tmp_path_factory.mktemp("live"))
    database.dispose()
    server.drop(name)


@dataclass
class Heard:
    """One stream as a client hears it."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    is_over: bool = False

    def listen(self, address: str, headers: dict[str, str] | None = None) -> "Heard":
        threading.Thread(target=self._listen, args=(address, headers or {}), daemon=True).start()
        await_true(lambda: bool(self.ids))
        return self

    def _listen(self, address: str, headers: dict[str, str]) -> None:
        with httpx2.stream("GET", address, headers={"accept-encoding": "gzip", **headers}, timeout=60) as answer:
            assert answer.status_code == 200, answer.read()
            self.headers = dict(answer.headers)
            for line in answer.iter_lines():
                self.lines.append(line)
                name, _, value = line.partition(": ")
                if name == "data":
                    self.events.append(json.loads(value))
                if name == "id":
                    self.ids.append(value)
        self.is_over = True


def await_true(is_so: Callable[[], bool], within_s: float = TOLD_WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def numbers(event: dict[str, Any], member: str = "tiles") -> set[Numbers]:
    return {(z, x, y) for z, x, y in event[member]}


def test_a_publish_is_told_with_exactly_the_tiles_it_changed(live: Live) -> None:
    mine, others = Heard().listen(live.path), Heard().listen(f"{live.address}/tiles/communes,villages/events")
    live.publish()
    await_true(lambda: bool(mine.events))
    revision, tiles = live.stamped()
    [event] = mine.events
    assert (event["layer"], event["revision"], event["version"]) == ("addresses", revision, live.version())
    assert numbers(event) == tiles
    assert {z for z, _, _ in tiles} >= {13, 14}
    assert set(event) == {"layer", "revision", "version", "tiles"}
    assert mine.ids[-1] == live.version()
    assert others.events == []
    assert others.ids == [f"{live.version('communes')},{live.version('villages')}"]


def test_a_stream_is_open_to_every_site_and_kept_by_nobody(live: Live) -> None:
    headers = Heard().listen(live.path).headers
    assert headers["content-type"].startswith("text/event-stream")
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert headers["access-control-allow-origin"] == "*"
    assert "content-encoding" not in headers
    assert httpx2.head(live.path).headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("way", ["last-event-id", "since"])
def test_who_comes_again_is_told_what_was_missed_and_no_more(live: Live, way: str) -> None:
    path = f"{live.address}/tiles/communes,addresses/events"

    def come(known: str) -> Heard:
        return Heard().listen(path, {way: known}) if way == "last-event-id" else Heard().listen(f"{path}?since={known}")

    known = Heard().listen(path).ids[-1]
    assert come(known).events == []
    live.publish()
    live.publish()
    revision, tiles = live.stamped()
    await_true(lambda: [event["revision"] for event in come(known).events] == [revision])
    again = come(known)
    [event] = again.events
    assert event["version"] == live.version()
    assert numbers(event) >= tiles
    assert len(event["tiles"]) < 60
    assert come(again.ids[-1]).events == []


@pytest.mark.parametrize(
    "known",
    [
        "zz", f"1c{FORMAT}", f"1a{FORMAT}-MARK", "", f"-1c{FORMAT}-MARK", f"1-1c{FORMAT}-MARK",
        f"99999999999999999999c{FORMAT}-MARK", f"1c{FORMAT}-0000000", f"ffffc{FORMAT}-00000000",
    ],
)  # fmt: skip
def test_of_versions_that_cannot_be_compared_everything_is_told(live: Live, known: str) -> None:
    known = known.replace("MARK", live.version().rpartition("-")[2])
    heard = Heard().listen(f"{live.address}/tiles/communes,addresses/events?since={live.version('communes')},{known}")
    [event] = heard.events
    assert event == {
        "layer": "addresses",
        "revision": live.stamped()[0],
        "version": live.version(),
        "all": True,
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing/events", 404), ("addresses,nothing/events", 404), ("addresses,addresses/events", 400),
        ("addresses/events?v=1", 400), ("addresses/events?lang=fr", 400), ("addresses/events?since=1&since=1", 400), ("addresses/events?since=1,2", 400),
        ("addresses/events?key=1", 400),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_and_a_right_one_told_to_wait_while_no_news_is_heard(path: str, status: int) -> None:
    """The application was never started: it has no connection that it could ask."""
    client = TestClient(create_app(settings_for("postgresql://nobody@127.0.0.1:1/nothing")))  # type: ignore[arg-type]
    answer = client.get(f"/tiles/{path}", headers={"accept-language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert client.post("/tiles/addresses/events").status_code == 405
    waiting = client.get(f"/tiles/{','.join(discover())}/events")
    assert (waiting.status_code, int(waiting.headers["retry-after"]) > 0) == (503, True)


def test_many_tiles_are_told_by_areas_that_hold_them_all(
    sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read() -> tuple[list[Numbers], list[Changes]]:
        told = tile_settings(sample_settings)
        connection = await asyncpg.connect(told.dsn, server_settings=told.server_settings)
        rows = await connection.fetch("SELECT z, x, y FROM open.tile_stamp WHERE layer = 'addresses'")
        found = [await read_changes(connection, "addresses", 0)]
        for listed in (len(rows) - 1, 2):
            monkeypatch.setattr(changes, "LISTED", listed)
            found.append(await read_changes(connection, "addresses", 0))
        await connection.close()
        return [tuple(row) for row in rows], found

    stamped, (named, areas, everything) = asyncio.run(read())
    assert set(named.tiles) == set(stamped)
    assert named.within == ()
    assert set(areas.tiles) == {tile for tile in stamped if tile[0] < changes.AREA_ZOOM}
    steps = {tile: tile[0] - changes.AREA_ZOOM for tile in stamped}
    assert set(areas.within) == {
        (changes.AREA_ZOOM, x >> steps[z, x, y], y >> steps[z, x, y]) for z, x, y in stamped if steps[z, x, y] >= 0
    }
    assert everything == EVERYTHING


def test_what_was_published_while_no_news_was_heard_is_told_afterwards(live: Live) -> None:
    heard = Heard().listen(live.path)
    with psycopg.connect(live.settings.sqlalchemy_url.replace("+psycopg", ""), autocommit=True) as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bandoso tiles'"
        assert connection.execute(cut).fetchall() != []
    live.publish()
    await_true(lambda: bool(heard.events), 5)
    assert heard.events[0]["revision"] == live.stamped()[0]
    assert numbers(heard.events[0]) == live.stamped()[1]


def test_a_process_that_hears_late_serves_no_old_tile_under_a_new_version(live: Live) -> None:
    """The news that names the version comes from another process, and the tile may be asked of this one."""

    class LateStore(TileStore):
        async def _forget(self, *news: Any) -> None:
            await asyncio.sleep(0.2)
            await super()._forget(*news)

    async def ask(application: TileApplication, tile: str, version: str) -> dict[bytes, bytes]:
        path, headers = f"/tiles/addresses/{tile}.mvt", {}

        async def send(message: Message) -> None:
            headers.update(message.get("headers", []))

        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": f"v={version}".encode()}
        await application({**scope, "bandoso.tile": application.owns(path)}, asyncio.Event().wait, send)  # type: ignore[arg-type]
        return headers

    async def compare() -> None:
        store = LateStore(tile_settings(live.settings))
        application = TileApplication(store, "code_point", TileSelections(store))
        await store.start()
        try:
            old = await ask(application, HOME, live.version())
            await asyncio.to_thread(live.publish)
            new = await ask(application, HOME, await asyncio.to_thread(live.version))
            assert new[b"etag"] != old[b"etag"]
            assert b"immutable" in new[b"cache-control"]
            started = time.monotonic()
            await ask(application, HOME, f"ffffffc{FORMAT}-{store.mark}")
            assert time.monotonic() - started < TOLD_WITHIN_S
        finally:
            await store.stop()

    asyncio.run(compare())


def test_a_server_that_is_told_to_end_does_not_wait_for_listeners(live: Live) -> None:
    with served(live.settings) as (address, process):
        listeners = [Heard().listen(f"{address}/tiles/addresses/events") for _ in range(3)]
        started = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)
        assert time.monotonic() - started < 4
        await_true(lambda: all(heard.is_over for heard in listeners))


@pytest.mark.long
def test_a_thousand_listeners_cost_little_and_are_told_at_once(live: Live) -> None:
    """Each by a socket of its own, all read by one thread."""
    listeners = 1000

    async def follow() -> tuple[float, int]:
        streams = [await asyncio.open_connection("127.0.0.1", int(live.address.rpartition(":")[2])) for _ in range(10)]
        memory = resident_kb(live.process.pid)
        for number in range(listeners):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(live.address.rpartition(":")[2]))
            # Not all behind one address: uvicorn believes this one of its own machine.
            head = f"GET /tiles/addresses/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.{number % 250}\r\n\r\n"
            writer.write(head.encode())
            streams.append((reader, writer))
        for reader, _ in streams[10:]:
            assert b"id: " in await reader.readuntil(b"\n\n\r\n")
        used = resident_kb(live.process.pid) - memory
        await asyncio.to_thread(live.publish)
        started = time.monotonic()
        await asyncio.gather(*(reader.readuntil(b"event: tiles") for reader, _ in streams[10:]))
        took = time.monotonic() - started
        for _, writer in streams:
            writer.close()
        return took, used

    took, used_kb = asyncio.run(follow())
    assert took < TOLD_WITHIN_S
    assert used_kb / listeners < 40
    with psycopg.connect(live.settings.sqlalchemy_url.replace("+psycopg", "")) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bandoso tiles'"
        ).fetchone()
    assert held is not None
    assert held[0] <= live.settings.tile_pool_size + 1


def resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

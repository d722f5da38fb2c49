"""Changes over HTTP: pages, states, feeds, and a copy that follows them."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from starlette.testclient import TestClient

from geodata.db import SYSTEM, Database
from geodata.redrawing import change_policy
from geodata.registers import discover, get_register
from geodata.rollback import roll_back
from service.setup import owner
from tests.conftest import ROOT, Server, environment_of, free_port
from tests.service.office import Office, opened
from tests.service.people import SAMPLE_COMMUNE
from tests.service.sights import place, put, put_over

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"changes_{worker_name}", 1) as found:
        yield found


def latest(client: TestClient) -> int:
    number: int = client.get("/changes", params={"since": 1 << 60}).json()["numbers"]["latest"]
    return number


def test_events_come_in_pages_and_as_lines(office: Office) -> None:
    since = latest(office.client)
    put(office, place("Sự kiện 1"), place("Sự kiện 2"), place("Sự kiện 3"))
    put(office, place("Sự kiện 1", beds=4))
    url, found = f"/changes?since={since}&limit=2", []
    while url:
        document = office.client.get(url).json()
        found += document["events"]
        url = next((link["href"] for link in document["links"] if link["rel"] == "next"), "")
    assert [(one["kind"], one["transaction"] - since) for one in found] == [*[("insert", 1)] * 3, ("update", 2)]
    assert found[-1]["before"]["properties"]["beds"] is None
    now = office.client.get(f"/collections/tourism_points/items/{found[-1]['id']}").json()
    assert found[-1]["after"] == {name: now[name] for name in ("type", "id", "geometry", "properties")}
    assert now["properties"]["beds"] == 4
    lines = office.client.get(f"/changes?since={since}&f=ndjson").content.splitlines()
    assert [orjson.loads(line) for line in lines][1:] == found
    of_commune = office.client.get(f"/changes?since={since}&unit={SAMPLE_COMMUNE}&register=tourism_points").json()
    assert of_commune["events"] == found
    assert office.client.get(f"/changes?since={since}&unit=00001").json()["events"] == []


def test_an_unchanged_feed_says_so(office: Office) -> None:
    for path in ("/changes", "/changes.atom", "/changes/snapshot?register=provinces"):
        answer = office.client.get(path)
        assert answer.status_code == 200
        assert office.client.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("query", ["since=-1", "unit=1", "limit=0", "cursor=abc", "until=x", "colour=red", "f=atom"])
def test_what_is_malformed_is_refused(office: Office, query: str) -> None:
    assert office.client.get(f"/changes?{query}").status_code == 400


def test_people_get_a_page_that_names_the_feed(office: Office) -> None:
    page = office.client.get(f"/changes?unit={SAMPLE_COMMUNE}", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert f'type="application/atom+xml" href="http://testserver/changes.atom?unit={SAMPLE_COMMUNE}"' in page.text


def test_a_commune_has_an_atom_feed(office: Office) -> None:
    number = put(office, place("Tin mới"))
    feed = ElementTree.fromstring(office.client.get(f"/changes.atom?unit={SAMPLE_COMMUNE}").content)
    assert all(feed.find(ATOM + name) is not None for name in ("id", "title", "updated", "author"))
    entry = feed.find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{ATOM}id") == f"http://testserver/collections/tourism_points/revisions/{number}"
    assert entry.findtext(f"{ATOM}summary") == "thêm 1."
    empty = ElementTree.fromstring(office.client.get("/changes.atom?unit=00001&register=tourism_points").content)
    assert empty.find(f"{ATOM}entry") is None


def test_a_snapshot_says_at_its_end_that_it_is_whole(office: Office) -> None:
    number = latest(office.client)
    put(office, place("Sau bản chụp"))
    asked = {"register": "tourism_points", "number": number}
    head, *records, end = map(orjson.loads, office.client.get("/changes/snapshot", params=asked).content.splitlines())
    assert (head["transaction"], end["count"]) == (number, len(records))
    assert "Sau bản chụp" not in {one["feature"]["properties"]["name"] for one in records}
    assert [one["number"] for one in records] == sorted(one["number"] for one in records)


# --- the reference replicator


@pytest.fixture
def address(office: Office) -> Iterator[str]:
    """The service as a process of its own, where a client finds it."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "service.app:create_app", "--port", str(port), "--log-level", "warning"]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment_of(office.settings)})
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def replicate(address: str, target: str, *options: str) -> subprocess.Popen[str]:
    """Start the replicator as a process of its own."""
    command = [sys.executable, "-m", "service", "replicate", address, "--to", target, *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def write(office: Office, writer: int, times: int, rows: int) -> int:
    """Publish places, change them, and undo now and then, by connections of its own; return the number of events."""
    count = 0
    with Database(office.settings) as database:
        for turn in range(times):
            names = [f"Điểm {writer}.{at}" for at in range(rows)]
            with database.worker() as connection:
                number = put_over(connection, *(place(name, beds=turn * 7 + at + 1) for at, name in enumerate(names)))
            count += rows
            if turn % 4 == 3:
                with database.worker() as connection:
                    undone = roll_back(connection, get_register("tourism_points"), number, SYSTEM)
                    count += undone.restored + undone.removed + undone.reinserted
    return count


def finish(process: subprocess.Popen[str], *, is_killed: bool = False) -> str:
    """Wait for a replicator's end; return what it said."""
    said, _ = process.communicate(timeout=300)
    assert process.returncode == (-signal.SIGKILL if is_killed else 0), said
    return said


def follow_and_kill(office: Office, address: str, target: str, *, writers: int, times: int, rows: int) -> int:
    """Let writers publish while a copy follows, is killed in the middle, and goes on; return the number of events."""
    with ThreadPoolExecutor(writers) as threads:
        busy = [threads.submit(write, office, at, times, rows) for at in range(writers)]
        is_killed = False
        while not all(one.done() for one in busy) or not is_killed:
            running = replicate(address, target)
            with suppress(subprocess.TimeoutExpired):
                running.wait(random.uniform(1, 4))
            is_at_work = running.poll() is None
            if is_at_work:
                running.send_signal(signal.SIGKILL)
            finish(running, is_killed=is_at_work)
            is_killed |= is_at_work
        events = sum(one.result() for one in busy)
    assert "equal byte by byte" in finish(replicate(address, target, "--verify"))
    return events


def test_a_copy_killed_in_the_middle_equals_a_fresh_snapshot(office: Office, address: str, tmp_path: Path) -> None:
    target = f"sqlite:{tmp_path / 'copy.db'}"
    assert follow_and_kill(office, address, target, writers=4, times=4, rows=10) >= 160
    with owner(office.settings) as connection:
        change_policy(connection, "lookup")
    assert "equal byte by byte" in finish(replicate(address, target, "--verify"))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_ten_thousand_events_under_eight_writers(
    office: Office, address: str, tmp_path: Path, kind: str, server: Server, worker_name: str
) -> None:
    name = f"copy_{worker_name}"
    target = f"sqlite:{tmp_path / 'copy.db'}" if kind == "sqlite" else server.create(name)
    try:
        assert follow_and_kill(office, address, target, writers=8, times=16, rows=80) >= 10_000
    finally:
        if kind == "postgresql":
            server.drop(name)


def test_every_register_can_be_copied(office: Office) -> None:
    for name in discover():
        assert office.client.get("/changes/snapshot", params={"register": name}).status_code == 200

"""Another database that gives the same revision numbers again, as after a restore: nothing kept of one is taken for the other's."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from psycopg import sql
from starlette.testclient import TestClient

from geodata.registers import discover
from service.api.tile_events import TileEvents
from service.app import create_app, tile_settings
from service.archives import Archive, ArchiveFolder
from service.packing import pack, version_of
from service.settings import ServiceSettings
from tests.conftest import SAMPLE_TEMPLATE, Server, settings_for
from tests.service.test_tile_listeners import Client
from tiles import store as store_module
from tiles.grid import TileAddress
from tiles.release import open_release
from tiles.store import TileStore

NOTICED_WITHIN_S = 10.0
TILE = "/tiles/addresses/14/13026/7245.mvt"
NEIGHBOUR = "/tiles/addresses/13/6513/3622.mvt"
FORMS = ("", "?f=mvt", "?filter=kind%3D%27agency%27", "?properties=kind")


@pytest.fixture(scope="module")
def lost(server: Server, worker_name: str) -> Iterator[ServiceSettings]:
    """A database with the very revisions of the sample's."""
    name = f"lost_{worker_name}"
    yield settings_for(server.create(name, SAMPLE_TEMPLATE))
    server.drop(name)


@pytest.fixture(scope="module")
def lost_client(lost: ServiceSettings) -> Iterator[TestClient]:
    with TestClient(create_app(lost)) as found:  # type: ignore[arg-type]
        yield found


def told_version(client: TestClient) -> str:
    version: str = client.get("/tiles/addresses.json").json()["bandoso:version"]
    return version


def test_versions_of_the_same_revisions_are_another_database_s_or_the_same(
    client: TestClient, lost_client: TestClient, sample_settings: ServiceSettings
) -> None:
    present, past = told_version(client), told_version(lost_client)
    assert present != past
    assert present.partition("-")[0] == past.partition("-")[0]
    assert "immutable" in client.get(f"{TILE}?v={present}").headers["cache-control"]
    for form in ("?", "?filter=kind%3D%27agency%27&"):
        assert "immutable" in client.get(f"{TILE}{form}v={present}").headers["cache-control"]
        assert "must-revalidate" in client.get(f"{TILE}{form}v={past}").headers["cache-control"]
    with TestClient(create_app(sample_settings)) as other_process:  # type: ignore[arg-type]
        assert told_version(other_process) == present


@pytest.mark.parametrize("form", FORMS)
def test_a_tile_of_another_database_is_never_called_unchanged(
    client: TestClient, lost_client: TestClient, form: str
) -> None:
    """Neither one that lies in memory nor one that is made for the request."""
    for tile in (TILE, TILE, NEIGHBOUR):
        held = {"if-none-match": lost_client.get(tile + form).headers["etag"]}
        assert lost_client.get(tile + form, headers=held).status_code == 304
        assert client.get(tile + form, headers=held).status_code == 200


class _StoppedError(Exception):
    pass


def stop(_done: int, _total: int) -> None:
    raise _StoppedError


def add_archive(settings: ServiceSettings) -> None:
    """Put an archive of the present state where it would be packed."""

    async def version() -> str:
        async with open_release(tile_settings(settings), tuple(discover()), 1) as release:
            return version_of(release)

    folder, found = ArchiveFolder(settings.archive_dir), asyncio.run(version())
    draft = settings.archive_dir / "draft"
    folder.folder.mkdir(parents=True)
    draft.write_bytes(b"tiles")
    folder.add(draft, Archive(f"province-37.{found}", "37", found, "code_point", (), 1, 5, "", datetime.now(UTC)))


def test_an_archive_of_another_database_is_not_taken_for_the_present_one_s(
    sample_settings: ServiceSettings, lost: ServiceSettings
) -> None:
    add_archive(lost)
    assert asyncio.run(pack(lost, "37", 1, stop)).is_new is False
    with pytest.raises(_StoppedError):
        asyncio.run(pack(sample_settings.model_copy(update={"var_dir": lost.var_dir}), "37", 1, stop))


@dataclass
class Replaced:
    """A database that is replaced under its name, as a restore does, by one with the same revisions."""

    settings: ServiceSettings
    replace: Callable[[], None]


@pytest.fixture
def replaced(server: Server, worker_name: str) -> Iterator[Replaced]:
    name, lost = f"replaced_{worker_name}", f"replaced_lost_{worker_name}"
    settings = settings_for(server.create(name, SAMPLE_TEMPLATE))
    server.drop(lost)

    def replace() -> None:
        with server.administrator() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(name), sql.Identifier(lost)))
        server.create(name, SAMPLE_TEMPLATE)

    yield Replaced(settings, replace)
    server.drop(name)
    server.drop(lost)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(NOTICED_WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.01)


def test_a_process_whose_database_is_replaced_tells_so_and_keeps_no_tile_under_a_former_name(
    replaced: Replaced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_RECONNECT_S", 0.05)
    key = (("addresses",), TileAddress(14, 13026, 7245))

    async def live() -> None:
        store = TileStore(tile_settings(replaced.settings))
        events = TileEvents(store, "code_point", 10)
        await store.start()
        try:
            await until(lambda: store.revisions(key[0]) is not None)
            before, mark, revisions = await store.tile(*key), store.mark, store.revisions(key[0])
            assert store.cached(*key) is not None
            listener = Client(events)
            await until(lambda: b"id: " in listener.body)
            known = id_of(listener)
            await asyncio.to_thread(replaced.replace)
            await until(lambda: store.revisions(key[0]) is not None and store.mark != mark)
            assert store.revisions(key[0]) == revisions
            assert store.cached(*key) is None
            after = await store.tile(*key)
            assert (after.plain, after.version != before.version) == (before.plain, True)
            await until(lambda: listener.is_over)
            again = Client(events, resumes=known)
            await until(lambda: b"id: " in again.body)
            assert b'"all":true' in again.body
            assert id_of(again) != known
            for client in (listener, again):
                await client.leave()
        finally:
            await store.stop()

    asyncio.run(live())


def id_of(client: Client) -> str:
    return client.body.rpartition(b"id: ")[2].split()[0].decode()

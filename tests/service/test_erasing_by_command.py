"""Records erased by command: gone over HTTP, from the files and from copies, and erased again after a restore."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.registers import get_register
from service.app import create_app
from service.bulk_files import FileFolder
from service.settings import ServiceSettings
from tests.service.bulk import build_now
from tests.service.shell import Shell

GROWING, VILLAGES = "growing_areas", "villages"


@pytest.fixture
def office(own: tuple[ServiceSettings, Database]) -> Iterator[tuple[Shell, TestClient, Database]]:
    """A shell and a client of one service, and its database."""
    settings, database = own
    with TestClient(create_app(settings)) as client:
        yield Shell(settings), client, database


def first_of(client: TestClient, register: str) -> str:
    uuid: str = client.get(f"/collections/{register}/items?limit=1").json()["features"][0]["id"]
    return uuid


def latest(client: TestClient) -> int:
    number: int = client.get("/changes", params={"since": 1 << 60}).json()["numbers"]["latest"]
    return number


def test_what_is_erased_is_gone_everywhere(office: tuple[Shell, TestClient, Database]) -> None:
    shell, client, database = office
    uuid, since = first_of(client, GROWING), latest(client)
    before = client.get(f"/collections/{GROWING}/revisions/1?limit=1000")
    assert uuid in before.text
    build_now(shell.settings, database, get_register(GROWING))
    folder = FileFolder(shell.settings.files_dir)
    answer = shell.call("erase", GROWING, uuid, "--yes")
    assert answer.exit_code == 0, answer.output
    assert client.get(f"/collections/{GROWING}/items/{uuid}").status_code == 404
    assert client.get(f"/collections/{GROWING}/items/{uuid}?as-of=1").status_code == 404
    assert uuid not in client.get(f"/collections/{GROWING}/items?as-of=1&limit=1000").text
    held = {"if-none-match": before.headers["etag"]}
    after = client.get(f"/collections/{GROWING}/revisions/1?limit=1000", headers=held)
    assert (after.status_code, uuid in after.text) == (200, False)
    (event,) = client.get(f"/changes?since={since}").json()["events"]
    assert (event["kind"], event["id"], event["before"], event["after"]) == ("delete", uuid, None, None)
    assert folder.all(GROWING) == []
    made = build_now(shell.settings, database, get_register(GROWING))
    held_by_files = [path for path in folder.path(GROWING, made.name).rglob("*.geojsons") if uuid in path.read_text()]
    assert (made.revision, held_by_files) == (2, [])
    assert shell.value("SELECT count(*) FROM ops.audit WHERE action = 'record.erase' AND target = :id", id=GROWING) == 1


def test_what_was_erased_is_erased_again_from_a_list(
    office: tuple[Shell, TestClient, Database], tmp_path: Path
) -> None:
    shell, client, _ = office
    listed, wanted = tmp_path / "erased.txt", {name: first_of(client, name) for name in (GROWING, VILLAGES)}
    # One that the database of the backup does not know: it was added and erased since.
    listed.write_text("".join(f"{name} {uuid}\n" for name, uuid in wanted.items()) + f"{VILLAGES} {uuid4()}\n")
    answer = shell.call("erase", "--list", listed, "--yes")
    assert answer.exit_code == 0, answer.output
    assert sorted(shell.call("erased").stdout.split()) == sorted([*wanted, *wanted.values()])
    numbers = latest(client)
    assert shell.call("erase", "--list", listed, "--yes").exit_code == 0
    assert latest(client) == numbers


@pytest.mark.parametrize(
    "words",
    [
        ["erase", "--yes"],
        ["erase", GROWING, "--yes"],
        ["erase", GROWING, "no-uuid", "--yes"],
        ["erase", GROWING, str(uuid4()), "--yes"],
        ["erase", "communes", str(uuid4()), "--yes"],
        ["erase", "nothing", str(uuid4()), "--yes"],
    ],
)
def test_what_cannot_be_erased_is_refused(shell: Shell, words: list[str]) -> None:
    before = shell.value("SELECT count(*) FROM ops.revision")
    assert shell.call(*words).exit_code != 0
    assert shell.value("SELECT count(*) FROM ops.revision") == before


@pytest.mark.parametrize(("said", "erased"), [("y\n", 1), ("n\n", 0), ("", 0)])
def test_it_asks_first(office: tuple[Shell, TestClient, Database], said: str, erased: int) -> None:
    shell, client, _ = office
    shell.call("erase", GROWING, first_of(client, GROWING), given=said)
    assert len(shell.call("erased").stdout.splitlines()) == erased

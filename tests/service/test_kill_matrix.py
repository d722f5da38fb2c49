"""Reader, worker, API and database are killed at every step of an upload: nothing is lost, halved or done twice.

All cells share one service: while one upload waits for another worker, the next is struck.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text

from service import setup
from service.storage import open_storage
from tests.conftest import SAMPLE_TEMPLATE, Server, settings_for
from tests.service.kill_matrix import (
    BIRTHS,
    ROWS,
    Cell,
    Matrix,
    first_cells,
    later_cells,
    matrix_on,
    over_tcp,
    prefix,
    readers_of,
)

FINISHED_WITHIN_S = 60.0
WITHIN_S = 500.0
"""Under a minute on two quiet cores; on busy ones the processes that are started anew take long."""

pytestmark = pytest.mark.timeout(WITHIN_S + 400)
CELLS = first_cells()
LATER = later_cells()


@contextmanager
def struck(server: Server, name: str, cells: list[Cell]) -> Iterator[Matrix]:
    """Run a service and do to it what the cells say."""
    settings = settings_for(over_tcp(server.create(name, SAMPLE_TEMPLATE)))
    with matrix_on(settings, cells) as found:
        found.run(WITHIN_S)
        yield found
    server.drop(name)


@pytest.fixture(scope="module")
def matrix(server: Server, worker_name: str) -> Iterator[Matrix]:
    """The service after all that was done to it."""
    with struck(server, f"killed_{worker_name}", CELLS) as found:
        yield found


@pytest.mark.long
def test_uploads_survive_in_all_other_cells(server: Server, worker_name: str, tmp_path: Path) -> None:
    with struck(server, f"later_{worker_name}", LATER) as found:
        for cell in LATER:
            (tmp_path / cell.name).mkdir()
            require_survival(found, cell, tmp_path / cell.name)
        require_nothing_half_seen(found)
        assert all(fate.killed for cell, fate in found.fates.items() if cell.victim != "reader")


def test_there_are_forty_cells_and_more() -> None:
    assert len(set(CELLS)) == len(CELLS) >= 40


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_an_upload_survives(matrix: Matrix, cell: Cell, tmp_path: Path) -> None:
    require_survival(matrix, cell, tmp_path)


def require_survival(matrix: Matrix, cell: Cell, tmp_path: Path) -> None:
    """Look at everything that a cell's upload has left."""
    fate = matrix.fates[cell]
    rows = query(
        matrix,
        "SELECT id::text, state, extract(epoch FROM finished_at)::float, report FROM ops.upload WHERE file_name LIKE :name",
        name=f"{cell.name}.%",
    )
    assert len(rows) == 1, "one upload for a request, however often it was sent"
    upload_id, state, finished_at, report = rows[0]
    assert upload_id == fate.accepted
    assert fate.struck_at is not None
    assert finished_at - fate.struck_at < FINISHED_WITHIN_S
    assert state in expected(cell)
    counted = query(
        matrix,
        "SELECT count(*), count(DISTINCT value) FROM reg.address_codes WHERE value LIKE :code",
        code=f"{prefix(fate.number)}%",
    )
    assert [tuple(row) for row in counted] == [(ROWS, ROWS) if state == "published" else (0, 0)]
    if state == "rejected" and not cell.is_refused:
        assert [message["code"] for message in report["messages"]] == ["READER_DIED"]
    noted = [
        tuple(row)
        for row in query(matrix, "SELECT action, outcome FROM ops.audit WHERE target = :id ORDER BY id", id=upload_id)
    ]
    # Others publish in the same commune all the time: what was seen then has to be seen again.
    seen = [("upload.stage", "ok"), ("upload.agree", "ok")] * max(1, (len(noted) - 2) // 2)
    end = ("upload.publish", "ok" if state == "published" else "refused")
    assert noted == [("upload.receive", "ok"), *(seen if cell.publish == "ask" else []), end]
    assert open_storage(matrix.settings).fetch(UUID(str(upload_id)), tmp_path).path.read_bytes() == cell.content(
        fate.number
    )


def expected(cell: Cell) -> set[str]:
    """Return how an upload may end: a reader that is killed has been killed by the file, as far as anybody can tell."""
    if cell.is_refused:
        return {"rejected"}
    if cell.victim != "reader":
        return {"published"}
    if cell.point in BIRTHS:
        return {"rejected"}
    return {"published", "rejected"} if "validating" in cell.point else {"published"}


def query(matrix: Matrix, statement: str, **values: object) -> list[tuple[object, ...]]:
    with setup.owner(matrix.settings) as connection:
        return list(connection.execute(text(statement), values).all())  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.victim != "reader"], ids=lambda cell: cell.name)
def test_the_victim_was_there(matrix: Matrix, cell: Cell) -> None:
    assert matrix.fates[cell].killed > 0


def test_nobody_ever_saw_a_half_published_file(matrix: Matrix) -> None:
    require_nothing_half_seen(matrix)


def require_nothing_half_seen(matrix: Matrix) -> None:
    """Look at what the reader saw who looked on."""
    rows = {sight for sight in matrix.sights if sight[0] == "rows"}
    assert rows == {("rows", ROWS, ROWS, ROWS)}
    assert {sight for sight in matrix.sights if sight[0] == "revisions"} == {("revisions", 0)}
    assert sum(matrix.sights.values()) > 100


def test_revisions_have_no_gap_and_nothing_is_left_behind(matrix: Matrix) -> None:
    numbers = [
        row[0] for row in query(matrix, "SELECT number FROM ops.revision WHERE register = 'addresses' ORDER BY 1")
    ]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    published = query(matrix, "SELECT count(*), count(DISTINCT revision) FROM ops.upload WHERE state = 'published'")
    from_files = query(matrix, "SELECT count(*) FROM ops.revision WHERE upload_id IS NOT NULL")
    assert tuple(published[0]) == (from_files[0][0], from_files[0][0])
    assert query(matrix, "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []
    assert [reader for worker in matrix.workers for reader in readers_of(worker.pid)] == []


def test_every_accepted_upload_is_told_of_by_the_api(matrix: Matrix) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{matrix.port}", headers=matrix.key, timeout=60) as client:
        told = {item["id"] for item in client.get("/uploads", params={"limit": 100}).json()["uploads"]}
    assert told == {fate.accepted for fate in matrix.fates.values()}

"""Who is killed when: processes of one service that wait at every step of an upload until told to go on, or die."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import httpx2
import psutil
import psycopg
from sqlalchemy import make_url

from service.settings import ServiceSettings
from tests.conftest import environment_of, free_port
from tests.service.people import add_key, add_officer, address_csv, upload_parts
from tests.warm_process import WarmProcess

VICTIMS = ("worker", "database", "api")
ROWS = 20
WORKERS = 3
STEPS = (
    "before-reading",
    "after-reading",
    "before-validating",
    "after-validating",
    "before-publishing",
    "after-publishing",
)
BIRTHS = ("before-reading", "after-reading")
"""Points at which the reader is still to come."""

HELD_S = 1.5


@dataclass(frozen=True)
class Cell:
    """One victim at one point."""

    victim: str
    point: str
    publish: str = "auto"
    """Whether the file is published at once (``auto``), or staged first and published by its officer (``ask``)."""

    @property
    def name(self) -> str:
        """Of the cell, and of the file that is sent for it."""
        return f"{self.victim}-{self.point}-{self.publish}"

    @property
    def is_refused(self) -> bool:
        """Whether the file is one that cannot be read."""
        return self.point.endswith("rejected")

    def content(self, number: int) -> bytes:
        """Write a file whose codes no other cell has."""
        return b"no file at all" if self.is_refused else address_csv(*codes(number))


def codes(number: int) -> list[str]:
    """Return the codes of a cell's file."""
    return [f"{prefix(number)}{row:03}" for row in range(ROWS)]


def prefix(number: int) -> str:
    """Return what the codes of a cell begin with."""
    return f"07900{number:02}"


def first_cells() -> list[Cell]:
    """Return the cells that are tried every time, those of the API's own step first."""
    received = [Cell(victim, f"{when}-received") for victim in ("api", "database") for when in ("before", "after")]
    others = [Cell(victim, point) for victim in VICTIMS for point in (*STEPS, "before-published", "after-published")]
    staged = [Cell(victim, point, "ask") for victim in VICTIMS for point in ("before-staged", "after-staged")]
    refused = [Cell("worker", f"{when}-rejected") for when in ("before", "after")]
    return [*received, *others, *staged, *refused, *(Cell("reader", point) for point in STEPS[:4])]


def later_cells() -> list[Cell]:
    """Return the others: the officer has seen the rows and publishes them, or who dies has little to do with it."""
    points = [f"{when}-{state}" for state in ("publishing", "published") for when in ("before", "after")]
    seen = [Cell(victim, point, "ask") for victim in VICTIMS for point in points]
    refused = [Cell(victim, f"{when}-rejected") for victim in ("database", "api") for when in ("before", "after")]
    return [*seen, *refused, *(Cell("reader", point) for point in points)]


@dataclass
class Fate:
    """What was done to a cell's upload and what became of it."""

    number: int
    accepted: str | None = None
    struck_at: float | None = None
    killed: int = 0


@dataclass
class Matrix:
    """A service on a database of its own, its processes, and somebody who looks on."""

    settings: ServiceSettings
    cells: Sequence[Cell]
    failpoint: str = "pause@*"
    fates: dict[Cell, Fate] = field(default_factory=dict)
    sights: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    workers: list[WarmProcess] = field(default_factory=list)
    everybody: list[WarmProcess] = field(default_factory=list)
    held: dict[Path, tuple[Cell, float]] = field(default_factory=dict)
    is_over: bool = False

    def __post_init__(self) -> None:
        self.fates = {cell: Fate(number) for number, cell in enumerate(self.cells)}
        self.port = free_port()
        self.key = add_key(self.settings, add_officer(self.settings))
        self.marks = self.settings.var_dir / "failpoints"
        self.marks.mkdir(parents=True)
        self.database = self.connect()
        self.start_api()
        for _ in range(WORKERS):
            self.start_worker()

    def connect(self) -> psycopg.Connection:
        """Connect to the database as its owner."""
        return psycopg.connect(self.settings.sqlalchemy_url.replace("+psycopg", ""), autocommit=True)

    def start(self, *arguments: str) -> WarmProcess:
        """Start a process that pauses at every point, or at none."""
        told = {"BANDOSO_FAILPOINT": self.failpoint, "BANDOSO_UPLOADS_WAITING": "100"}
        log = self.settings.var_dir / f"process-{len(self.everybody)}.log"
        process = WarmProcess(list(arguments), {**environment_of(self.settings), **told}, log)
        self.everybody.append(process)
        return process

    def start_api(self) -> None:
        """Start an API process on the port that all of them have."""
        self.api = self.start(
            "uvicorn", "service.app:create_app", "--factory", "--port", str(self.port), "--no-access-log"
        )

    def start_worker(self) -> None:
        """Start a worker."""
        self.workers.append(self.start("service", "worker"))

    def send(self, cell: Cell) -> None:
        """Send a cell's file until it is accepted; a request that was broken off is repeated with its key."""
        suffix = "gpkg" if cell.is_refused else "csv"
        parts = upload_parts(cell.content(self.fates[cell].number), f"{cell.name}.{suffix}", publish=cell.publish)
        headers = {**self.key, "idempotency-key": cell.name}
        while not self.is_over:
            with suppress(httpx2.HTTPError):
                answer = httpx2.post(f"http://127.0.0.1:{self.port}/uploads", headers=headers, timeout=60, **parts)
                if answer.status_code == 202:
                    self.fates[cell].accepted = answer.json()["id"]
                    return
                assert answer.status_code == 503, answer.text
            time.sleep(0.1)

    def run(self, within_s: float) -> None:
        """Send everything, strike every cell at its point, and wait until all uploads are over."""
        looking = threading.Thread(target=self.look_on, daemon=True)
        looking.start()
        deadline = time.monotonic() + within_s
        own = [cell for cell in self.cells if cell.point.endswith("received")]
        for cell in own:
            self.drive([cell], cell, deadline)
        self.drive([cell for cell in self.cells if cell not in own], None, deadline)
        self.is_over = True
        looking.join()

    def drive(self, cells: Sequence[Cell], of_api: Cell | None, deadline: float) -> None:
        """Send the files of some cells one after the other and strike until each is accepted, struck and over."""
        sending = threading.Thread(target=self.send_all, args=(cells,), daemon=True)
        sending.start()
        while sending.is_alive() or not self.are_over(cells):
            assert time.monotonic() < deadline, {cell.name: fate for cell, fate in self.fates.items()}
            for mark in list(self.marks.iterdir()):
                self.meet(mark, of_api)
            self.strike_held()
            time.sleep(0.01)

    def send_all(self, cells: Sequence[Cell]) -> None:
        """Send files one after the other, and wait until all are over."""
        for cell in cells:
            # A short queue, so that what is taken over does not wait for all the others.
            self.await_fewer(WORKERS)
            self.send(cell)
        self.await_fewer(0)

    def await_fewer(self, most: int) -> None:
        """Publish what is staged until no more uploads than this are unfinished."""
        while not self.is_over:
            with suppress(psycopg.Error), self.connect() as connection:
                while not self.is_over and count_unfinished(connection) > most:
                    self.publish_staged(connection)
                    time.sleep(0.05)
                return

    def publish_staged(self, connection: psycopg.Connection) -> None:
        """Let the officer agree to what waits."""
        found = connection.execute("SELECT id, diff ->> 'etag' FROM ops.upload WHERE state = 'staged'")
        for upload_id, etag in found.fetchall():
            with suppress(httpx2.HTTPError):
                headers = {**self.key, "if-match": f'"{etag}"'}
                address = f"http://127.0.0.1:{self.port}/uploads/{upload_id}/publish"
                httpx2.post(address, headers=headers, timeout=60, json={})

    def are_over(self, cells: Sequence[Cell]) -> bool:
        """Whether nothing more will happen to the uploads of these cells."""
        if any(self.fates[cell].struck_at is None for cell in cells) or list(self.marks.iterdir()):
            return False
        return count_unfinished(self.database) == 0

    def meet(self, mark: Path, of_api: Cell | None) -> None:
        """Let a process that waits go on, unless this is where its upload's cell strikes."""
        pid, upload_id, point = mark.name.split(" ")
        if mark in self.held:
            return
        cell = of_api if point.endswith("received") else self.cell_of(upload_id)
        if (
            cell is None
            or cell.point != point
            or self.fates[cell].struck_at is not None
            or not psutil.pid_exists(int(pid))
        ):
            mark.unlink()
        elif cell.victim == "api":
            self.held[mark] = cell, time.monotonic()
        else:
            self.fates[cell].struck_at = time.time()
            self.fates[cell].killed = getattr(self, f"strike_{cell.victim}")(int(pid), point)
            mark.unlink()

    def cell_of(self, upload_id: str) -> Cell | None:
        """Return the cell whose file an upload is."""
        found = self.database.execute("SELECT file_name FROM ops.upload WHERE id = %s", [upload_id]).fetchone()
        return next(
            (cell for cell in self.cells if found is not None and found[0].rpartition(".")[0] == cell.name), None
        )

    def strike_worker(self, pid: int, _point: str) -> int:
        """Kill a worker, and start another."""
        worker = next(worker for worker in self.workers if worker.pid == pid)
        worker.kill()
        worker.wait()
        self.workers.remove(worker)
        self.start_worker()
        return 1

    def strike_database(self, pid: int, _point: str) -> int:
        """End the server's processes that serve one of ours."""
        ports = [each.laddr.port for each in psutil.Process(pid).net_connections() if each.laddr]
        statement = (
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE client_port = ANY(%s) AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        found = self.database.execute(statement, [ports]).fetchone()
        assert found is not None
        return int(found[0])

    def strike_reader(self, pid: int, point: str) -> int:
        """Kill the reader, the moment it is there; from publishing on there must be none."""
        if point in BIRTHS:
            threading.Thread(target=self.kill_at_birth, args=(pid,), daemon=True).start()
            return 1
        return len([reader.kill() for reader in readers_of(pid)])

    def kill_at_birth(self, pid: int) -> None:
        """Wait for a worker's reader and kill it."""
        while not self.is_over and psutil.pid_exists(pid):
            for reader in readers_of(pid):
                reader.kill()
                return
            time.sleep(0.002)

    def strike_held(self) -> None:
        """Kill the API once for all cells that wait for it, when no more of them come."""
        at_api = any(cell.point.endswith("received") for cell, _ in self.held.values())
        is_time = any(time.monotonic() - since > HELD_S for _, since in self.held.values())
        if not (at_api or is_time or len(self.held) == WORKERS):
            return
        self.api.kill()
        self.api.wait()
        for mark, (cell, _) in self.held.items():
            self.fates[cell].struck_at, self.fates[cell].killed = time.time(), 1
            mark.unlink()
        self.held.clear()
        self.start_api()

    def look_on(self) -> None:
        """Note what a reader of the register sees all the time."""
        seen = (
            "SELECT left(value, 7), count(*), count(address.id), count(drawn.id) FROM reg.address_codes code "
            "LEFT JOIN reg.addresses address ON address.id = code.feature_id LEFT JOIN reg.addresses_tile drawn USING (id) "
            "WHERE value LIKE '07900%' GROUP BY 1"
        )
        uneven = (
            "SELECT (SELECT count(*) FROM ops.revision WHERE upload_id IS NOT NULL) "
            "- (SELECT count(*) FROM ops.upload WHERE revision IS NOT NULL)"
        )
        while not self.is_over:
            with suppress(psycopg.Error), self.connect() as connection:
                self.look(connection, seen, uneven)

    def look(self, connection: psycopg.Connection, seen: LiteralString, uneven: LiteralString) -> None:
        """Note what is seen over one connection."""
        while not self.is_over:
            self.sights.update(("rows", *row[1:]) for row in connection.execute(seen))
            self.sights.update(("revisions", *row) for row in connection.execute(uneven))
            time.sleep(0.05)

    def close(self) -> None:
        """Kill what still lives."""
        self.is_over = True
        self.database.close()
        for process in self.everybody:
            process.kill()
            process.wait()


def count_unfinished(connection: psycopg.Connection) -> int:
    """Count the uploads that are not over."""
    found = connection.execute("SELECT count(*) FROM ops.upload WHERE finished_at IS NULL").fetchone()
    assert found is not None
    return int(found[0])


def readers_of(pid: int) -> list[psutil.Process]:
    """Return the sandboxed readers of a worker."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found += [child] if "geodata.importing.child" in child.cmdline() else []
    return found


def over_tcp(url: str) -> str:
    """Return a database's URL by way of its port, so that connections tell whose they are."""
    found = make_url(url)
    port = int(str(found.query["port"]))
    return found.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)


@contextmanager
def matrix_on(settings: ServiceSettings, cells: Sequence[Cell]) -> Iterator[Matrix]:
    """Open a service for a matrix."""
    matrix = Matrix(settings, cells)
    try:
        yield matrix
    finally:
        matrix.close()

"""How long a file takes from accepted to published, against a bare copy, and what viewers notice meanwhile."""

import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import data
from tests.benchmarks.data import fresh, libpq
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.meter import Meter, postmaster
from tests.benchmarks.places import ROOT, VAR, plain_environment
from tests.benchmarks.uploads import Office, await_end, opened, send, zipped
from tests.benchmarks.viewers import Views, watch
from tests.conftest import Server

_SAMPLING_S = 0.2


@dataclass
class Timed:
    """What one program took.

    Attributes
    ----------
    wall_s, cpu_s, database_s : float
        Time on the clock; processor time of the program with its children; of the database.
    peak_mb : mapping of str to float
        Largest resident memory (MiB): ``worker``, its ``reader``, and ``together`` of all at one moment.
    others : float
        Cores that other programs of the machine used meanwhile.
    """

    wall_s: float
    cpu_s: float
    database_s: float
    others: float
    peak_mb: dict[str, float] = field(default_factory=dict)
    output: str = ""


@dataclass
class ImportResult:
    """The rounds of each way, the second import of the same file, what viewers met, and the slowest statements.

    Attributes
    ----------
    copies, zip_copies : list of Timed
        The bare copy, of the unpacked file and of the zip that is uploaded.
    quiet, busy : list of Views
        What viewers met without and with an import beside them, each round.
    """

    copies: list[Timed] = field(default_factory=list)
    zip_copies: list[Timed] = field(default_factory=list)
    imports: list[Timed] = field(default_factory=list)
    again: Timed | None = None
    quiet: list[Views] = field(default_factory=list)
    busy: list[Views] = field(default_factory=list)
    viewed_s: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)
    statements: list[tuple[float, int, str]] = field(default_factory=list)


def run_imports(server: Server, path: Path, count: int, rounds: int) -> ImportResult:
    """Alternate the bare copies and the upload, each into a database that holds no address; leaves the last upload."""
    result = ImportResult()
    packed = zipped(path)
    warm(server, path)
    steps: list[Callable[[], None]] = [
        lambda: result.copies.append(_copy_once(server, str(path), count)),
        lambda: result.zip_copies.append(_copy_once(server, f"/vsizip/{packed}/{path.name}", count)),
        lambda: result.imports.append(import_once(server, packed, count, result)),
    ]
    for number in range(rounds):
        for step in steps if number % 2 == 0 else steps[::-1]:
            step()
    return result


def import_again(server: Server, path: Path, result: ImportResult) -> None:
    """Send the same file to the register that holds it already: nothing changes."""
    with opened(server, data.IMPORTED) as office:
        result.again, _ = _upload(server, office, zipped(path))


def import_once(server: Server, packed: Path, count: int, result: ImportResult) -> Timed:
    """Send a file to a service with an empty register; the time is that from its answer to the publish.

    Raises
    ------
    BenchmarkError
        When rows were refused or are missing: the time would mean nothing.
    """
    fresh(server, data.IMPORTED)
    with server.administrator("bandoso") as connection:
        connection.execute(f"ALTER DATABASE {data.IMPORTED} SET pg_stat_statements.track = 'all'")
    with opened(server, data.IMPORTED) as office:
        with server.administrator("bandoso") as connection:
            connection.execute("SELECT pg_stat_statements_reset()")
        timed, result.report = _upload(server, office, packed)
    _expect(server, data.IMPORTED, "reg.addresses", count)
    result.statements = _slowest_statements(server)
    return timed


def _upload(server: Server, office: Office, packed: Path) -> tuple[Timed, dict[str, Any]]:
    upload_id = send(office, packed)
    groups = {"database": [postmaster(server.cluster)], "worker": [office.worker]}
    with (
        server.administrator(office.database) as connection,
        Meter(groups) as meter,
        _watching_memory(office.worker) as peaks,
    ):
        report = await_end(connection, upload_id)
    return Timed(meter.wall_s, meter.spent["worker"], meter.spent["database"], meter.others, peaks), report


def import_while_viewed(server: Server, path: Path, count: int, seconds: float, result: ImportResult) -> None:
    """Let viewers look at maps, first alone, then while the file is imported into the empty register."""
    fresh(server, data.VIEWED)
    with opened(server, data.VIEWED) as office, server.administrator(data.VIEWED) as connection:
        row = connection.execute("SELECT ST_Extent(geom) FROM reg.communes").fetchone()
        assert row is not None
        box = [float(number) for number in re.findall(r"[-\d.]+", row[0])]
        watch(office.address, box, _after(seconds))
        result.quiet.append(watch(office.address, box, _after(seconds)))
        began = time.monotonic()
        upload_id = send(office, zipped(path))
        with ThreadPoolExecutor(1) as waiting:
            end = waiting.submit(await_end, connection, upload_id)
            result.busy.append(watch(office.address, box, end.done))
            end.result()
        result.viewed_s = time.monotonic() - began
    _expect(server, data.VIEWED, "reg.addresses", count)
    server.drop(data.VIEWED)


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _copy_once(server: Server, source: str, count: int) -> Timed:
    url = fresh(server, data.COPIED)
    timed = _run(server, copy_command(source), {**libpq(url), "PG_USE_COPY": "YES"})
    _expect(server, data.COPIED, "public.copied", count)
    server.drop(data.COPIED)
    return timed


def copy_command(source: str) -> list[str]:
    """Return the bare copy: nothing read but the file, nothing checked, moved or indexed beside the row number.

    Its coordinates stay metres; PostGIS 3.3 has no EPSG:9209, so the column is labelled EPSG:4326 instead.
    """
    return [
        "ogr2ogr", "-f", "PostgreSQL", f"PG:dbname={data.COPIED}", source, "-nln", "public.copied", "-a_srs", "EPSG:4326",
        "-lco", "SPATIAL_INDEX=NONE", "-lco", "GEOMETRY_NAME=geom",
    ]  # fmt: skip


def _expect(server: Server, database: str, table: str, count: int) -> None:
    with server.administrator(database) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    if row is None or row[0] != count:
        raise BenchmarkError(f"{table} holds {row} rows, the file {count}")


def warm(server: Server, path: Path) -> None:
    """Read the file and start the program once: no round pays for the disk or for compiling Python."""
    for part in path.parent.glob(f"{path.stem}.*"):
        part.read_bytes()
    _run(server, [sys.executable, "-m", "service", "registers"], {})


def _run(server: Server, command: Sequence[str], environment: Mapping[str, str]) -> Timed:
    """Run a program and watch what it and its children take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out, err = VAR / "program.out", VAR / "program.log"
    with out.open("wb") as output, err.open("wb") as errors, Meter({"database": [postmaster(server.cluster)]}) as meter:
        process = subprocess.Popen(
            list(command), env={**plain_environment(), **environment}, cwd=ROOT, stdout=output, stderr=errors
        )
        with _watching_memory(process.pid) as peaks:
            code = process.wait()
    if code:
        said = f"{out.read_text()[-2000:]}{err.read_text()[-2000:]}"
        raise BenchmarkError(f"{Path(command[0]).name} ended with {code}:\n{said}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timed(meter.wall_s, cpu_s, meter.spent["database"], meter.others, peaks, out.read_text())


@contextmanager
def _watching_memory(pid: int) -> Iterator[dict[str, float]]:
    """Sample resident memory in a thread for as long as the block lasts.

    The kernel's own high-water mark is read each time, so that a short peak between two samples is not lost.
    """
    peaks = {"worker": 0.0, "reader": 0.0, "together": 0.0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLING_S):
            _note_memory(pid, peaks)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _note_memory(pid: int, peaks: dict[str, float]) -> None:
    together = 0.0
    for member, name in _family(pid):
        now, highest = _memory_mb(member)
        peaks[name] = max(peaks[name], highest)
        together += now
    peaks["together"] = max(peaks["together"], together)


def _family(pid: int) -> list[tuple[int, str]]:
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return [(pid, "worker"), *((child.pid, "reader") for child in children)]


def _memory_mb(pid: int) -> tuple[float, float]:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0, 0.0
    values = {line.split(":")[0]: line.split()[1] for line in text.splitlines() if line.startswith(("VmRSS", "VmHWM"))}
    return int(values.get("VmRSS", 0)) / 1024, int(values.get("VmHWM", 0)) / 1024


def _slowest_statements(server: Server, limit: int = 20) -> list[tuple[float, int, str]]:
    """Return the statements of the last import that took the database longest: seconds, calls, text.

    What a function runs stands beside the call of the function, marked with an arrow; both hold the same time.
    """
    with server.administrator("bandoso") as connection:
        rows = connection.execute(
            "SELECT total_exec_time / 1000, calls,"
            " CASE WHEN toplevel THEN '' ELSE '→ ' END || left(regexp_replace(query, '\\s+', ' ', 'g'), 160)"
            " FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = %s"
            " ORDER BY 1 DESC LIMIT %s",
            [data.IMPORTED, limit],
        ).fetchall()
    return [(float(seconds), int(calls), str(query)) for seconds, calls, query in rows]

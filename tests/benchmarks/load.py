"""The two load generators: wrk for what speaks HTTP, pgbench for the statement alone."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.postgres import find_installation
from tests.benchmarks.meter import Meter
from tests.benchmarks.places import HERE

MOST_CONNECTIONS = 16
_PATIENCE = 5
"""How many times longer is waited where no answer came."""

_ROWS = 1 << 14
"""A pgbench script writes a tile of up to zoom 14 as one number: x * _ROWS + y."""


class BenchmarkError(Exception):
    """A measurement is worthless; the message says why."""


@dataclass(frozen=True)
class Run:
    """One measurement.

    Attributes
    ----------
    rate : float
        Good answers a second.
    p50_ms, p95_ms : float
        Time to the answer; 0 where not measured.
    kilobytes : float
        Mean size of an answer with its headers.
    web_ms, database_ms : float
        Processor time an answer cost.
    others : float
        Cores that other programs of the machine used meanwhile.
    errors : int
        Refusals (an overloaded server may refuse), and answers that did not come.
    """

    rate: float
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    kilobytes: float = 0.0
    web_ms: float = 0.0
    database_ms: float = 0.0
    others: float = 0.0
    errors: int = 0


@dataclass(frozen=True)
class Target:
    """Who is asked for what.

    Attributes
    ----------
    address : str
        Origin of the server.
    paths : Path
        File with the paths, one a line.
    pids : list of int
        Its processes.
    encodings : str
        The header Accept-Encoding; none where empty.
    """

    address: str
    paths: Path
    pids: list[int]
    connections: int = MOST_CONNECTIONS
    encodings: str = ""


def write_paths(path: Path, lines: Sequence[str]) -> Path:
    """Write a file of paths for `run_wrk`."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def run_wrk(target: Target, seconds: float, *, first: int, database: int) -> Run:
    """Ask for one path after another over kept-alive connections.

    Raises
    ------
    BenchmarkError
        When no good answer came.
    """
    with Meter({"web": target.pids, "database": [database]}) as meter:
        counted = _wrk(target, seconds, first)
    if counted.requests == 0:
        # Not one answer came in time, on a busy machine or in a short run.
        with Meter({"web": target.pids, "database": [database]}) as meter:
            counted = _wrk(target, _PATIENCE * seconds, first)
    requests, errors = counted.requests, counted.errors
    if errors >= requests:
        raise BenchmarkError(f"{errors} of {requests} answers of {target.address} ({target.paths.name}) were errors")
    good = requests - errors
    return Run(
        rate=good / counted.seconds, p50_ms=counted.p50_ms, p95_ms=counted.p95_ms,
        kilobytes=counted.bytes / good / 1000, web_ms=meter.spent["web"] / good * 1000,
        database_ms=meter.spent["database"] / good * 1000, others=meter.others, errors=errors,
    )  # fmt: skip


@dataclass(frozen=True)
class _Counted:
    requests: int
    seconds: float
    bytes: int
    p50_ms: float
    p95_ms: float
    errors: int


def _wrk(target: Target, seconds: float, first: int) -> _Counted:
    command = [
        "wrk", "-t1", f"-c{target.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s",
        "-s", str(HERE / "paths.lua"), target.address, "--", str(target.paths), str(first), target.encodings,
    ]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"^result (\d+) (\d+) (\d+) (\S+) (\S+) (\d+)$", answer.stdout, re.MULTILINE)
    if found is None:
        raise BenchmarkError(f"wrk failed on {target.address}:\n{answer.stdout}{answer.stderr}")
    requests, duration_us, size, errors = (int(found[n]) for n in (1, 2, 3, 6))
    return _Counted(requests, duration_us / 1e6, size, float(found[4]), float(found[5]), errors)


def write_pgbench_script(path: Path, statement: str, tiles: Sequence[tuple[int, int]]) -> Path:
    """Write a script that asks for a random tile of a list with the statement of the product, and with nothing else.

    The list is a nest of CASE that pgbench itself evaluates, so that the database runs the bare statement only.
    """
    bound = statement.replace("$1::int", ":x::int").replace("$2::int", ":y::int")
    if "$" in bound:
        raise BenchmarkError(f"the statement has parameters that are not known here:\n{statement}")
    lines = [
        f"\\set n random(0, {len(tiles) - 1})",
        f"\\set tile {_choice([x * _ROWS + y for x, y in tiles], 0)}",
        f"\\set x :tile / {_ROWS}",
        f"\\set y :tile % {_ROWS}",
        f"{bound};",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _choice(values: Sequence[int], first: int) -> str:
    if len(values) == 1:
        return str(values[0])
    half = len(values) // 2
    low, high = _choice(values[:half], first), _choice(values[half:], first + half)
    return f"case when :n < {first + half} then {low} else {high} end"


def run_pgbench(script: Path, environment: dict[str, str], seconds: float, *, database: int, clients: int = 4) -> Run:
    """Run a script with prepared statements on several connections.

    Raises
    ------
    BenchmarkError
        When pgbench fails.
    """
    command = [
        find_installation().program("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(2, clients)), "-T", str(max(1, round(seconds))), "-f", str(script),
    ]  # fmt: skip
    with Meter({"database": [database]}) as meter:
        answer = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    rate = re.search(r"^tps = (\S+)", answer.stdout, re.MULTILINE)
    latency = re.search(r"^latency average = (\S+) ms", answer.stdout, re.MULTILINE)
    done = re.search(r"actually processed: (\d+)", answer.stdout)
    if answer.returncode or rate is None or latency is None or done is None:
        raise BenchmarkError(f"pgbench failed:\n{answer.stdout}{answer.stderr}")
    spent_ms = meter.spent["database"] / max(1, int(done[1])) * 1000
    return Run(rate=float(rate[1]), p50_ms=float(latency[1]), database_ms=spent_ms, others=meter.others)

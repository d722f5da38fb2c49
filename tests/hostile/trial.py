"""Send one hostile file through the real reader and all checks, and look at what it left behind."""

import contextlib
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from geodata.db import Actor
from geodata.importing import sandbox
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.report import Report
from geodata.registers import get_register
from tests.geodata.builders import units
from tests.hostile.cases import CANARY, COMMUNE, Bait, Case, csv, good_row

LIMIT_S = 30.0
OFFICER = Actor("can_bo", communes=(COMMUNE,))
_NOT_TOLD = ("COLUMN_", "BOUNDARY_UNKNOWN")


@dataclass(frozen=True)
class Trial:
    """What became of a file.

    Attributes
    ----------
    calls : int
        Connections to the address that the file names.
    strays : list of str
        Files that appeared outside the job's folder, or are left in it with the secret's words.
    """

    told: str
    seconds: float
    calls: int
    strays: list[str]
    report: Report


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Count the connections to an address of this machine."""
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as last:
        last.bind(("127.0.0.1", 0))

        def count() -> None:
            while True:
                connection, address = server.accept()
                connection.close()
                if address == last.getsockname():
                    return
                calls.append(str(address))

        thread = threading.Thread(target=count)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        finally:
            # Behind all that wait already.
            last.connect(server.getsockname())
            thread.join()


def told(report: Report) -> str:
    """Say what became of a file in one line; see `tests.hostile.cases.Case`."""
    counts = [
        code if number == 1 else f"{code}:{number}"
        for code, number in sorted(report.counts.items())
        if not code.startswith(_NOT_TOLD)
    ]
    rows = [f"{report.valid}/{report.read}"] if report.read else []
    return " ".join([report.outcome, *rows, *counts])


def run(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """Make the file, send it, and look."""
    for name in ("made", "home", "temporary", "job"):
        (folder / name).mkdir()
    secret = folder / "secret.csv"
    secret.write_text(f"ten,ma_xa,lon,lat\n{CANARY},{COMMUNE},108.1,16.1\n", encoding="ascii")
    monkeypatch.chdir(folder / "home")
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "temporary"))
    if case.is_networked:
        monkeypatch.setattr(sandbox, "sandbox_mode", lambda: "limits-only")
    with listening() as (url, calls):
        bait = Bait(folder / "made", secret, url, folder)
        stored = folder / "job" / "stored"
        stored.write_bytes(case.make(bait))
        before = _files(folder)
        started = time.monotonic()
        report = check(stored, f"tệp{case.suffix}", folder / "job" / "work", case.register)
        seconds = time.monotonic() - started
    work = folder / "job" / "work"
    strays = sorted(name for name in _files(folder) - before if not name.startswith("job/work/"))
    strays += _traces(work, report) if CANARY.encode() not in stored.read_bytes() else []
    return Trial(told(report), seconds, len(calls), strays, report)


def check(stored: Path, name: str, work: Path, register: str = "tourism_points") -> Report:
    """Read and check a file as an officer of one commune sends it."""
    request = ImportRequest(stored, name, get_register(register), OFFICER, timeout_s=LIMIT_S)
    return check_file(request, units(), work, NoSink())


def is_alive(folder: Path) -> bool:
    """Say whether this process still takes a good file."""
    folder.mkdir()
    good = folder / "good"
    good.write_text(csv(good_row()), encoding="utf-8")
    return told(check(good, "a.csv", folder / "work")) == "ok 1/1"


def _files(folder: Path) -> set[str]:
    return {os.path.relpath(item, folder) for item in folder.rglob("*") if item.name != "work"}


def _traces(work: Path, report: Report) -> list[str]:
    """Name what holds the secret's words: files of the job, or its report."""
    found = [item.name for item in work.rglob("*") if item.is_file() and CANARY.encode() in item.read_bytes()]
    return found + (["report"] if CANARY in json.dumps(report.as_dict(), ensure_ascii=False) else [])

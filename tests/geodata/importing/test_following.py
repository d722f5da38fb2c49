"""A file that is checked while it is still being read: what its end says counts for all of it."""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pyarrow as pa
import pytest
from shapely import Point
from sqlalchemy import Connection, text

from geodata.db import SYSTEM
from geodata.geometry import Geometries
from geodata.importing.check import ImportRequest, check_file
from geodata.importing.context import ReaderLimits
from geodata.importing.publish import publish_file
from geodata.importing.report import Report
from geodata.importing.staging import StagingSink
from geodata.registers import get_register
from tests.geodata.builders import COMMUNE, PLACE, rows_of, units
from tests.geodata.importing.files import shapefile, table
from tests.geodata.importing.test_check import KeptRows

pytestmark = pytest.mark.usefixtures("own_reader")


class ActingSink(KeptRows):
    """Does something when the first rows come."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.act = act

    def write(self, columns: Mapping[str, pa.Array], geometries: Geometries, rows: pa.Array) -> None:
        if not self.rows:
            self.act()
        super().write(columns, geometries, rows)


def write_file(folder: Path, count: int) -> Path:
    places = [Point(PLACE.x + number * 1e-7, PLACE.y) for number in range(count)]
    codes = [f"{number:010}" for number in range(count)]
    return shapefile(folder, table(places, ma_dia_chi=codes, ma_xa=[COMMUNE] * count, gi_day=["a"] * count))


def request(path: Path, **options: Any) -> ImportRequest:
    limits = ReaderLimits(batch_rows=1)
    return ImportRequest(path, path.name, get_register("addresses"), SYSTEM, limits=limits, **options)


def follow(path: Path, folder: Path, act: Callable[[], None], **options: Any) -> tuple[Report, KeptRows]:
    sink = ActingSink(act)
    return check_file(request(path, **options), units(), folder / "work", sink), sink


def reasons(report: Report) -> list[str | None]:
    return [message["code"] for message in report.messages if message["level"] == "error"]


def readers() -> list[psutil.Process]:
    """Return this process's readers."""
    return [child for child in psutil.Process().children() if "geodata.importing.child" in child.cmdline()]


def break_last_record(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-28 + 4, os.SEEK_END)
        file.write(b"\x7f\xff\xff\xff")


def test_a_file_found_broken_behind_its_first_rows_is_refused_as_a_whole(
    connection: Connection, tmp_path: Path
) -> None:
    path = write_file(tmp_path / "s", 4)
    break_last_record(path)
    report, sink = follow(path, tmp_path, lambda: None)
    assert len(sink.rows) > 0
    assert (report.outcome, report.read, report.valid, reasons(report)) == ("refused", 0, 0, ["SHP_BROKEN"])
    published = publish_file(connection, request(path), units(), tmp_path / "again")
    assert (published.report.outcome, published.revision) == ("refused", None)
    assert rows_of(connection, "SELECT 1 FROM reg.addresses") == []
    assert rows_of(connection, "SELECT 1 FROM pg_tables WHERE schemaname = 'staging'") == []


def test_a_reader_that_is_killed_in_the_middle_refuses_the_file(tmp_path: Path) -> None:
    path = write_file(tmp_path / "s", 3000)

    def kill() -> None:
        (reader,) = readers()
        reader.send_signal(signal.SIGKILL)

    report, sink = follow(path, tmp_path, kill)
    assert 0 < len(sink.rows) < 3000
    assert (report.outcome, report.valid, reasons(report)) == ("refused", 0, ["READER_DIED"])


def test_a_reader_that_takes_too_long_is_told_apart_from_one_that_died(tmp_path: Path) -> None:
    path = write_file(tmp_path / "s", 3000)

    def stop() -> None:
        (reader,) = readers()
        reader.suspend()

    report, _ = follow(path, tmp_path, stop, timeout_s=3.0)
    assert (report.outcome, reasons(report)) == ("refused", ["TIMEOUT"])
    assert readers() == []


def test_no_reader_outlives_a_check_that_fails(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        follow(write_file(tmp_path / "s", 3000), tmp_path, fail)
    assert readers() == []


def test_notes_on_the_file_come_first_though_they_are_known_last(tmp_path: Path) -> None:
    path = write_file(tmp_path / "s", 3)
    with path.with_suffix(".dbf").open("r+b") as file:
        header = int.from_bytes((file.seek(8), file.read(2))[1], "little")
        file.seek(header)
        file.write(b"*")
    report, _ = follow(path, tmp_path, lambda: None, crs="EPSG:4326")
    assert [message["code"] for message in report.messages][:3] == ["DBF_DELETED", "COLUMN_UNUSED", "BOUNDARY_UNKNOWN"]


def test_a_database_that_waits_for_a_slow_reader_waits(connection: Connection, tmp_path: Path) -> None:
    """The transaction is idle meanwhile, for longer than the database would let one be."""
    path = write_file(tmp_path / "s", 3000)
    with StagingSink(connection, get_register("addresses"), uuid4()) as sink:
        paused = threading.Event()

        def begin(fields: Sequence[str]) -> None:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 500"))
            sink_open(fields)

        def pause() -> None:
            (reader,) = readers()
            reader.suspend()
            sink.finish()
            threading.Timer(1.5, reader.resume).start()
            paused.set()

        def write(*batch: Any) -> None:
            sink_write(*batch)
            if not paused.is_set():
                pause()

        sink_open, sink.open = sink.open, begin  # type: ignore[method-assign]
        sink_write, sink.write = sink.write, write  # type: ignore[method-assign]
        report = check_file(request(path), units(), tmp_path / "work", sink)
        sink.finish()
        assert (report.outcome, report.valid) == ("ok", 3000)

"""Making files of open data: when it is due, one process at a time, whole or not at all, and how long they are kept."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from geodata.db import Database
from service import bulk_building
from service.bulk_building import build, is_due, make_area, make_in_zone, read_wanted, zone_folder
from service.bulk_files import Dated, FileFolder, FilesBusyError, list_files, outdated, sole_maker
from service.jobs import bulk_files as jobs
from service.jobs.bulk_files import FileKeeper
from service.settings import ServiceSettings
from tests.conftest import environment_of
from tests.service.bulk import FIELDS, VILLAGES, build_now, told

DAY = date(2026, 11, 23)


def publish_nothing_new(database: Database) -> None:
    """Give villages another revision."""
    with database.worker() as connection:
        connection.execute(text(
            "INSERT INTO ops.revision (register, number, author, published_at, added, changed, removed) "
            "SELECT register, max(number) + 1, 'test', now(), 0, 1, 0 FROM ops.revision "
            "WHERE register = 'villages' GROUP BY register"
        ))  # fmt: skip


def test_files_are_made_again_when_the_revision_changed_and_not_too_often(
    own: tuple[ServiceSettings, Database],
) -> None:
    settings, database = own
    settings = settings.model_copy(update={"files_every_minutes": 60})
    first = build_now(settings, database, VILLAGES)
    assert build(settings, database, VILLAGES, told, only_due=False) is None
    publish_nothing_new(database)
    assert build(settings, database, VILLAGES, told, only_due=True) is None
    second = build_now(settings, database, VILLAGES)
    assert (second.revision, second.name != first.name) == (first.revision + 1, True)
    with database.worker() as connection:
        wanted = read_wanted(connection, VILLAGES, settings)
        other = read_wanted(connection, VILLAGES, settings.model_copy(update={"licence": "CC0-1.0"}))
    hour = timedelta(hours=1)
    assert not is_due(wanted, second, hour)
    assert not is_due(other, second, hour)
    assert is_due(other, replace(second, made_at=second.made_at - hour), hour)
    assert is_due(wanted, replace(second, state="x", mark="another database"), hour)
    assert is_due(wanted, None, hour)


def test_a_making_that_is_broken_off_leaves_nothing(
    own: tuple[ServiceSettings, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, database = own
    folder = FileFolder(settings.files_dir)
    left = folder.folder / "villages" / "part-of-a-killed-process" / "vietnam"
    left.mkdir(parents=True)

    def fail(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(bulk_building, "write_in_format", fail)
        with pytest.raises(OSError, match="no space"):
            build_now(settings, database, VILLAGES)
    assert list((folder.folder / "villages").iterdir()) == []
    assert folder.latest("villages", "code_point") is None
    assert build_now(settings, database, VILLAGES).areas[0].count > 0


def test_one_process_makes_files_at_a_time(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    with sole_maker(FileFolder(settings.files_dir)), pytest.raises(FilesBusyError):
        build_now(settings, database, VILLAGES)


def test_a_worker_makes_what_is_due(own: tuple[ServiceSettings, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    settings, database = own
    settings = settings.model_copy(update={"files_every_minutes": 60})
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(jobs, "discover", lambda: {"growing_areas": FIELDS, "villages": VILLAGES})
    build_now(settings, database, FIELDS)
    keeper = FileKeeper(database, settings, threading.Event())
    assert keeper.due() == ["villages"]
    keeper()
    assert keeper.due() == []
    found = FileFolder(settings.files_dir).latest("villages", "code_point")
    assert found is not None
    assert found.areas[0].count == 36


@pytest.fixture
def keeper(own: tuple[ServiceSettings, Database]) -> FileKeeper:
    """One of a worker that has nothing else to do."""
    settings, database = own
    return FileKeeper(database, settings.model_copy(update={"files_every_minutes": 60}), threading.Event())


def program(tmp_path: Path, does: str) -> str:
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{does}\n", encoding="ascii")
    path.chmod(0o755)
    return str(path)


def test_what_failed_is_left_alone_for_a_while(
    keeper: FileKeeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program(tmp_path, "exit 1"))
    keeper._make("villages")
    assert "villages" not in keeper.due()
    assert "addresses" in keeper.due()
    monkeypatch.setattr(jobs, "RETRY_S", 0.0)
    assert "villages" in keeper.due()


def test_a_worker_that_ends_breaks_off_what_is_being_made(
    keeper: FileKeeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that has others work for it.
    monkeypatch.setattr(sys, "executable", program(tmp_path, f"sleep 60 & echo $! > {tmp_path}/other; wait"))
    threading.Timer(0.5, keeper._stop.set).start()
    started = time.monotonic()
    keeper()
    assert time.monotonic() - started < 30
    other = (tmp_path / "other").read_text().strip()
    assert not Path(f"/proc/{other}").exists() or "Z" in Path(f"/proc/{other}/stat").read_text().split()[2]
    assert "addresses" in keeper.due()


def test_a_killed_making_leaves_nothing_that_is_seen(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    folder = FileFolder(settings.files_dir)
    command = [sys.executable, "-m", "service", "files", "build", "--register", "addresses"]
    process = subprocess.Popen(command, env={**os.environ, **environment_of(settings)}, stdout=subprocess.DEVNULL)
    while not list(folder.folder.glob("addresses/part-*/vietnam/*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert folder.all("addresses") == []
    assert list(folder.folder.glob("addresses/part-*"))
    dated = build_now(settings, database)
    assert [path.name for path in (folder.folder / "addresses").iterdir()] == [dated.name]


def dated_on(day: date, policy: str = "code_point") -> Dated:
    moment = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    return Dated("addresses", day.isoformat(), day, 1, "", policy, "", "", moment, {}, ())


def test_every_version_of_the_last_days_is_kept_and_then_the_first_of_each_month() -> None:
    days = [DAY - timedelta(days=count) for count in range(800)]
    versions = [dated_on(day) for day in days]
    gone = {one.day for one in outdated(versions, DAY, days=7, months=12)}
    kept = [day for day in days if day not in gone]
    assert kept[:7] == days[:7]
    assert kept[7:] == [date(2026, month, 1) for month in range(11, 0, -1)] + [date(2025, 12, 1)]
    alone = [dated_on(DAY - timedelta(days=3000))]
    assert outdated(alone, DAY, days=7, months=12) == []


def test_areas_made_on_demand_take_no_more_room_than_they_may(own: tuple[ServiceSettings, Database]) -> None:
    settings, database = own
    dated = build_now(settings, database, VILLAGES)
    folder = FileFolder(settings.files_dir)
    communes = [area for area in dated.areas if area.id.startswith("commune-")]
    paths = [folder.path(dated.register, dated.name) / area.id for area in communes]
    for area in communes:
        make_area(folder, dated, area, most_mb=0)
    assert [list_files(path) is not None for path in paths] == [False, False, True]
    make_in_zone(folder, dated, communes[0], 9217, most_mb=1000)
    zone = zone_folder(folder, dated, communes[0], 9217)
    assert [zone.exists(), paths[2].exists()] == [True, True]
    make_area(folder, dated, communes[0], most_mb=0)
    assert [zone.exists(), paths[0].exists(), paths[2].exists()] == [False, True, False]

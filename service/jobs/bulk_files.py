"""The keeper of open data files: sees which are due, and has them made by a process of their own.

Nothing is queued: what is due follows from the revision in the database and the files in the folder, so a worker that is
killed leaves nothing behind but work that the next look finds again.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta

import structlog

from geodata.db import Database
from geodata.registers import discover
from service.bulk_building import is_due, read_wanted, remove_outdated
from service.bulk_files import FileFolder
from service.settings import ServiceSettings

log = structlog.get_logger()

RETRY_S = 600.0
"""After a failure a register is left alone for so long: a full disk does not empty itself within seconds."""

CLEANING_S = 3600.0
_LOOK_S = 0.5


class FileKeeper:
    """Makes the files of registers whose revision changed, one register at a time.

    Parameters
    ----------
    stop : threading.Event
        Set when the worker ends; a making that goes on then is broken off.
    """

    def __init__(self, database: Database, settings: ServiceSettings, stop: threading.Event) -> None:
        self._database, self._settings, self._stop = database, settings, stop
        self._failed: dict[str, float] = {}
        self._cleaned = -CLEANING_S
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        """Look once."""
        if not self._settings.files_every_minutes:
            return
        for register in self.due():
            if not self._stop.is_set():
                self._make(register)
        if time.monotonic() - self._cleaned >= CLEANING_S:
            self._cleaned = time.monotonic()
            clean_open_files(self._database, self._settings)

    def due(self) -> list[str]:
        """Return the registers whose files are to be made now."""
        folder = FileFolder(self._settings.files_dir)
        interval = timedelta(minutes=self._settings.files_every_minutes)
        found = []
        with self._database.worker() as connection:
            for register in discover().values():
                wanted = read_wanted(connection, register, self._settings)
                latest = None if wanted is None else folder.latest(register.id, wanted.policy)
                if is_due(wanted, latest, interval) and not self._is_left_alone(register.id):
                    found.append(register.id)
        return found

    def _is_left_alone(self, register: str) -> bool:
        failed = self._failed.get(register)
        return failed is not None and time.monotonic() - failed < RETRY_S

    def _make(self, register: str) -> None:
        """Have one register's files made, out of this process: it keeps its memory and its time for imports."""
        command = [sys.executable, "-m", "service", "files", "build", "--register", register]
        # In a session of its own, so that it ends with those that write for it.
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._process = process
        while process.poll() is None:
            if self._stop.wait(_LOOK_S):
                self.end()
                process.wait()
                return
        if process.returncode:
            self._failed[register] = time.monotonic()
            log.warning("open data files failed", register=register, ended_with=process.returncode)
        else:
            self._failed.pop(register, None)
            log.info("open data files made", register=register)

    def end(self) -> None:
        """Break off what is being made: nobody would miss it, and the next worker makes it."""
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)


def clean_open_files(database: Database, settings: ServiceSettings) -> None:
    """Remove the versions that are kept no longer, and those of another publication policy."""
    with database.worker() as connection:
        units = [read_wanted(connection, register, settings) for register in discover().values()]
    for wanted in units:
        if wanted is None:
            continue
        gone = remove_outdated(settings, wanted.register.id, wanted.day, wanted.policy)
        if gone:
            log.info("open data files removed", register=wanted.register.id, versions=[one.name for one in gone])

"""How a worker shows that it lives, and how the others learn that it died.

A beat every second says so in the upload's row. Beside it the worker holds a lock of its session, which the database
takes away the moment the process is gone: a killed worker is told from a busy one within seconds, and one that only
stands still, its session open, after `LOST_AFTER_S`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Connection, func, select

from geodata.db import Database
from service.logs import note_outage

BEAT_S = 1.0
SILENT_AFTER_S = 5
"""Without a beat for so long and without its lock a worker is dead."""

LOST_AFTER_S = 20
"""Without a beat for so long a worker is given up, whatever it holds."""


def work_key(upload_id: UUID, attempt: int) -> str:
    """Name the lock of one attempt at an upload."""
    return f"bandoso upload {upload_id.hex} {attempt}"


def is_let_go(connection: Connection, key: str) -> bool:
    """Whether no session holds the lock; if so, this transaction does until it ends."""
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(key, 0)))))


@contextmanager
def heartbeat(database: Database, key: str, beat: Callable[[Connection], bool]) -> Iterator[None]:
    """Beat while the block runs, also while it waits for the reader or the database.

    Parameters
    ----------
    key : str
        Of the lock to hold.
    beat : callable
        Says over the connection given that the worker lives; False when nobody wants to hear it any more.
    """
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(database, key, beat, stop), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(database: Database, key: str, beat: Callable[[Connection], bool], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with database.worker_session() as connection:
                if not _beat_over(connection, key, beat, stop):
                    return
        except Exception as error:
            note_outage(type(error).__name__, missed="heartbeat")
            stop.wait(BEAT_S)


def _beat_over(connection: Connection, key: str, beat: Callable[[Connection], bool], stop: threading.Event) -> bool:
    """Beat over one connection until told to stop; False when nobody wants to hear it any more."""
    lock = func.hashtextextended(key, 0)
    connection.execute(select(func.pg_try_advisory_lock(lock)))
    is_wanted = True
    try:
        while is_wanted and not stop.wait(BEAT_S):
            is_wanted = beat(connection)
    except BaseException:
        # The lock goes with the session, which must not return to the pool with it.
        connection.invalidate()
        raise
    connection.execute(select(func.pg_advisory_unlock(lock)))
    return is_wanted

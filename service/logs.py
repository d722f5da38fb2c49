"""Logs: JSON lines, and one loud line a process for an outage of the database, however many notice it."""

import logging
import threading
import time
import traceback
from typing import Any

import asyncpg
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from structlog.typing import EventDict

from geodata.db import is_passing

OUTAGE_S = 30.0
"""Silence after which the next failure is another outage."""

_AWAY = (
    OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InterfaceError,
    ConnectorException,
)  # fmt: skip

log = structlog.get_logger()


def configure_logging() -> None:
    """Write logs as JSON lines with the request id; no values of data, no queries of people, no words of errors."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _write_trace,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    logging.basicConfig(handlers=[LibraryHandler()], level=logging.WARNING)


def _write_trace(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Put where an error came from in place of the error: its words may quote what people wrote in a file."""
    error = line.pop("exc_info", None)
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        line["exception"] = [type(error).__name__, *(f"{at.filename}:{at.lineno} {at.name}" for at in frames)]
    return line


def is_outage(error: BaseException | None) -> bool:
    """Whether an error says, in the words of any driver, that the database is away."""
    if error is None or isinstance(error, TimeoutError) or is_too_slow(error):
        return False
    return isinstance(error, _AWAY) or is_passing(error)


def is_too_slow(error: BaseException) -> bool:
    """Whether the database ended a statement that took longer than it may: it is there, and answers others."""
    return isinstance(getattr(error, "orig", error), asyncpg.QueryCanceledError | psycopg.errors.QueryCanceled)


class _Outage:
    """What this process knows of an outage."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted_at: float | None = None

    def is_news(self) -> bool:
        """Note a failure; whether it is the first of its outage."""
        with self._lock:
            now, before = time.monotonic(), self._noted_at
            self._noted_at = now
            return before is None or now - before > OUTAGE_S


_outage = _Outage()


def note_outage(kind: str, **more: Any) -> None:
    """Log that the database did not answer: as an error when it is news, for information while it goes on."""
    write = log.error if _outage.is_news() else log.info
    write("the database does not answer; what needs it waits until it is back", kind=kind, **more)


def note_failure(event: str, error: BaseException, **more: Any) -> None:
    """Log what failed, or why where the database is away or ended the statement."""
    kind = type(error).__name__
    if is_outage(error):
        note_outage(kind, **more)
    elif is_too_slow(error):
        log.warning("a statement took too long and was ended", kind=kind, failed=event, **more)
    else:
        log.error(event, kind=kind, **more)


class LibraryHandler(logging.Handler):
    """Writes what libraries log as our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a failure of the database has no trace worth reading."""
        error = record.exc_info[1] if record.exc_info else None
        if is_outage(error) or record.name == "psycopg.pool":
            note_outage(type(error).__name__ if error else "pool", logger=record.name)
            return
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=error)

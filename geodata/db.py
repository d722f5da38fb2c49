"""Connections to the database, one way for each role.

Three roles read and write: ``bandoso_public`` sees the views of schema ``open`` and nothing else,
``bandoso_staff`` sees the registers through row-level security, ``bandoso_worker`` publishes. A process logs in
with the URL it is given and takes the role as a start-up option, so a pooled connection can never carry
another role's rights.
"""

import os
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase

from geodata.priority import BACKGROUND_NICENESS
from geodata.settings import GeodataSettings

PUBLIC_ROLE = "bandoso_public"
STAFF_ROLE = "bandoso_staff"
WORKER_ROLE = "bandoso_worker"

_WORKER_CONNECTIONS = 4
"""A worker's transaction, its heartbeat, its progress, and the look after others' uploads must not wait for each other."""

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """Declarative base of every table of the product."""

    metadata = MetaData(naming_convention=NAMING)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and over which communes.

    Attributes
    ----------
    name : str
        Login name, or ``system``.
    communes : tuple of str or None
        Commune codes the actor may change; ``None`` means all.
    """

    name: str
    communes: tuple[str, ...] | None = ()

    def may_change(self, commune_code: str | None) -> bool:
        """Whether the actor may change features of this commune (``None``: of no single commune)."""
        return self.communes is None or (commune_code is not None and commune_code in self.communes)


SYSTEM = Actor("system", communes=None)
SAMPLE = Actor("sample", communes=None)
"""Author of sample data; what it publishes is marked as sample on every page."""


def role_options(role: str, timeout_ms: int, *, read_only: bool) -> str:
    """Libpq ``options`` that give a connection its role and limits from the first statement on.

    Notes
    -----
    Parallel plans are off: PostGIS function costs tempt the planner into parallel scans for short queries,
    86–134 ms instead of 3–6 ms for a z14 tile when measured.
    """
    settings = {
        "role": role,
        "statement_timeout": str(timeout_ms),
        "idle_in_transaction_session_timeout": "60000",
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        "search_path": "public",
        # What holds until a day holds to the end of that day here.
        "timezone": "Asia/Ho_Chi_Minh",
    }
    if read_only:
        settings["default_transaction_read_only"] = "on"
    else:
        # A killed process leaves no statement behind that goes on for minutes and keeps its locks.
        settings["client_connection_check_interval"] = "2000"
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def is_passing(error: BaseException) -> bool:
    """Whether the database may well do later what it could not do now.

    It is away, starts or stops, has no connection left, or chose this transaction to end a deadlock.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | PoolTimeoutError | psycopg.OperationalError)


def _refuse_ended(connection: psycopg.Connection, _record: object, _proxy: object) -> None:
    """Take none of a pool's connections after the server has ended one of them: it says so, or closes it.

    That is there to be read before anything was asked, and looking for it costs no way to the server and back.
    """
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    if heard.poll(0):
        raise InvalidatePoolError


def _give_way(connection: psycopg.Connection, _record: object) -> None:
    let_backend_give_way(connection.info.backend_pid)


def let_backend_give_way(pid: int) -> None:
    """Lower the priority of a connection's server process, if that is a process of this machine."""
    with suppress(OSError):
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"postgres:"):
            os.setpriority(os.PRIO_PROCESS, pid, BACKGROUND_NICENESS)


class Database:
    """The pools of one process.

    Parameters
    ----------
    settings : GeodataSettings
        Must name a database.
    gives_way : bool
        The worker role's statements leave the processor to everybody else's, where the server runs beside us.
    """

    def __init__(self, settings: GeodataSettings, *, gives_way: bool = False) -> None:
        self.settings = settings
        self.url = settings.sqlalchemy_url
        # AUTOCOMMIT: psycopg forgets its prepared statements after every ROLLBACK, which a pool would send.
        self._read = self._engine(
            PUBLIC_ROLE, settings.read_pool_size, settings.read_timeout_ms, read_only=True
        ).execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self._read, "checkout", _refuse_ended)
        self._staff = self._engine(STAFF_ROLE, settings.write_pool_size, settings.write_timeout_ms)
        worker_pool = max(settings.write_pool_size, _WORKER_CONNECTIONS)
        self._worker = self._engine(WORKER_ROLE, worker_pool, timeout_ms=0)
        if gives_way:
            event.listen(self._worker, "connect", _give_way)

    def _engine(self, role: str, pool_size: int, timeout_ms: int, *, read_only: bool = False) -> Engine:
        return create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=1.0 if read_only else 10.0,
            pool_pre_ping=not read_only,
            connect_args={
                "options": role_options(role, timeout_ms, read_only=read_only),
                "connect_timeout": 5,
                "application_name": f"bandoso {role.removeprefix('bandoso_')}",
            },
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only connection of the public role, without a transaction."""
        with self._read.connect() as connection:
            yield connection

    @contextmanager
    def staff(self, actor: Actor) -> Iterator[Connection]:
        """Open a transaction of the staff role that sees the actor's communes only; commits on exit."""
        with self._staff.begin() as connection:
            connection.execute(
                text("SELECT set_config('bandoso.actor', :name, true), set_config('bandoso.communes', :codes, true)"),
                {"name": actor.name, "codes": communes_setting(actor.communes)},
            )
            yield connection

    @contextmanager
    def worker(self) -> Iterator[Connection]:
        """Open a transaction of the worker role; commits on exit."""
        with self._worker.begin() as connection:
            yield connection

    @contextmanager
    def worker_session(self) -> Iterator[Connection]:
        """Open a connection of the worker role without a transaction: every statement stands for itself."""
        with self._worker.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.dispose()

    def dispose(self) -> None:
        """Close every pooled connection."""
        for engine in (self._read, self._staff, self._worker):
            engine.dispose()


def communes_setting(communes: Sequence[str] | None) -> str:
    """Write an actor's communes as the text that the row-level policies read (``*`` means all)."""
    return "*" if communes is None else ",".join(communes)


def actor_of(name: str, communes: str) -> Actor:
    """Return the actor whose communes were written by `communes_setting`."""
    return Actor(name, None if communes == "*" else tuple(communes.split(",")))

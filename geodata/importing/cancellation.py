"""How work that takes long is ended from outside: what it is waiting for is told to stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from sqlalchemy import Connection

_CANCEL_S = 3.0
"""For the second connection that carries the wish; a database that is away ends the statement anyway."""


class Cancellation:
    """Asked once, from any thread; ends what the work is at, and what it begins afterwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self.is_asked = False

    def ask(self) -> None:
        """End the work."""
        with self._lock:
            self.is_asked = True
            for end in self._ends:
                end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Have ``end`` called, while the block runs, if the work is to end; it must not wait for the block."""
        with self._lock:
            self._ends.append(end)
            if self.is_asked:
                end()
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)


@contextmanager
def ending_statements(cancellation: Cancellation, connection: Connection) -> Iterator[None]:
    """Have the statement that a connection is at cancelled if the work is to end."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)

    def cancel() -> None:
        with suppress(psycopg.Error, OSError):
            driver.cancel_safe(timeout=_CANCEL_S)

    with cancellation.ending(cancel):
        yield

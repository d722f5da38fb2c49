"""Whether a database is already prepared, so that a second start need not prepare it again.

The mark lies in the database itself: it goes with a removed directory and comes back with a restored backup.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

_SETTING = "prepared"
_FOLDERS = ("geodata", "migrations", "service")
_SUFFIXES = frozenset({".py", ".sql", ".tsv", ".csv", ".json", ".geojson", ".gz"})
_LEFT_OUT = frozenset({"web", "__pycache__"})
_UNREAD_VARIABLES = frozenset({"BANDOSO_SECRET", "BANDOSO_PORT"})


@dataclass(frozen=True)
class Preparedness:
    """What a database is prepared by; any change of it means preparing again.

    Attributes
    ----------
    root : Path
        The project's folder, with the code and the reference data.
    login : Path
        The sample officer's login file; preparing writes it when it is missing.
    commands : sequence of sequence of str
        What prepares.
    environment : mapping of str to str
        Names the database (``DATABASE_URL``) and the settings (``BANDOSO_…``).
    """

    root: Path
    login: Path
    commands: Sequence[Sequence[str]]
    environment: Mapping[str, str]

    def is_marked(self) -> bool:
        """Whether all this prepared the database, and its schema is still the same."""
        with suppress(psycopg.Error), self._connect() as connection:
            row = connection.execute("SELECT value FROM ops.setting WHERE name = %s", [_SETTING]).fetchone()
            return row is not None and row[0] == self._mark(connection)
        return False

    def mark(self) -> None:
        """Note that the database is prepared; one that cannot be written is prepared again next time."""
        with suppress(psycopg.Error), self._connect() as connection:
            connection.execute(
                "INSERT INTO ops.setting (name, value) VALUES (%s, %s) "
                "ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value, changed_at = now()",
                [_SETTING, self._mark(connection)],
            )

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        address = self.environment["DATABASE_URL"].replace("+psycopg://", "://", 1)
        return psycopg.connect(address, connect_timeout=10)

    def _mark(self, connection: psycopg.Connection[tuple[Any, ...]]) -> str:
        schema = connection.execute("SELECT version_num FROM schema_version").fetchone()
        settings = sorted(
            (name, value)
            for name, value in self.environment.items()
            if name.startswith("BANDOSO_") and name not in _UNREAD_VARIABLES
        )
        state = (schema, settings, self.login.exists(), [list(command) for command in self.commands], self._files())
        return hashlib.sha256(repr(state).encode()).hexdigest()

    def _files(self) -> list[tuple[str, int, int]]:
        """List path, size and time of every file that preparing may read."""
        found = (path for folder in _FOLDERS for path in (self.root / folder).rglob("*"))
        kept = (path for path in found if path.suffix in _SUFFIXES and _LEFT_OUT.isdisjoint(path.parts))
        return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in kept)

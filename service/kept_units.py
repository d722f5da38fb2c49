"""The communes in the memory of a process, read again when they change."""

import threading
from dataclasses import replace

from geodata.db import Database
from geodata.features import Version, read_versions
from geodata.units.index import UnitIndex, load_units


class KeptUnits:
    """The communes with their boundaries as of the latest revision."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[Version | None, UnitIndex] | None = None

    def get(self, database: Database) -> UnitIndex:
        """Return the current communes, for one thread: what the index prepares for itself is not shared."""
        with self._lock, database.read() as connection:
            version = read_versions(connection).get("communes")
            if self._kept is None or self._kept[0] != version:
                self._kept = version, load_units(connection)
            return replace(self._kept[1], _wide={})

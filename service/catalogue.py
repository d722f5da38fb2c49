"""What the service knows of its registers at the moment: version, extent, whether they hold sample data."""

import threading
from dataclasses import dataclass

from sqlalchemy import Connection, column, select, table

from geodata.db import Database
from geodata.features import BBox, Version, read_extent, read_versions
from geodata.register import Register

NEVER = Version(0, None, 0, is_sample=False)


@dataclass(frozen=True, slots=True)
class State:
    """The state of one register."""

    version: Version
    extent: BBox | None


class Catalogue:
    """The registers' state: versions are read each time, what costs more is kept by version."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._extents: dict[tuple[str, int], BBox | None] = {}
        self._lock = threading.Lock()

    def version(self, connection: Connection, register: Register) -> Version:
        """Return the version of one register."""
        return read_versions(connection).get(register.id, NEVER)

    def state(self, connection: Connection, register: Register, versions: dict[str, Version] | None = None) -> State:
        """Return the state of one register."""
        version = (versions or read_versions(connection)).get(register.id, NEVER)
        return State(version, self._extent(connection, register, version))

    def _extent(self, connection: Connection, register: Register, version: Version) -> BBox | None:
        key = (register.id, version.revision)
        if key not in self._extents:
            extent = read_extent(connection, register) if version.revision else None
            with self._lock:
                self._extents = {kept: box for kept, box in self._extents.items() if kept[0] != register.id}
                self._extents[key] = extent
        return self._extents[key]

    def policy(self, connection: Connection) -> str:
        """Return the publication policy that the database applies."""
        view = table("publication_policy", column("policy"), schema="open")
        return str(connection.scalar(select(view.c.policy)))

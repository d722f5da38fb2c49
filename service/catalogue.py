"""What the service knows of its registers at the moment: version, extent, whether they hold sample data."""

from dataclasses import dataclass

from sqlalchemy import Connection, column, select, table

from geodata.db import Database
from geodata.features import BBox, Version, count_listed, read_extent, read_versions
from geodata.register import Register

NEVER = Version(0, None, 0, is_sample=False)


@dataclass(frozen=True, slots=True)
class State:
    """The state of one register.

    Attributes
    ----------
    count : int
        Records that maps and lists show; of guarded records all are counted.
    """

    version: Version
    extent: BBox | None
    count: int


class Catalogue:
    """The registers' state: versions are read each time, what costs more is kept by version."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, State] = {}

    def version(self, connection: Connection, register: Register) -> Version:
        """Return the version of one register."""
        return read_versions(connection).get(register.id, NEVER)

    def state(self, connection: Connection, register: Register, versions: dict[str, Version] | None = None) -> State:
        """Return the state of one register."""
        version = (versions or read_versions(connection)).get(register.id, NEVER)
        kept = self._kept.get(register.id)
        if kept is None or kept.version != version:
            extent = read_extent(connection, register) if version.revision else None
            count = version.count if register.hidden is None else count_listed(connection, register)
            kept = self._kept[register.id] = State(version, extent, count)
        return kept

    def policy(self, connection: Connection) -> str:
        """Return the publication policy that the database applies."""
        view = table("publication_policy", column("policy"), schema="open")
        return str(connection.scalar(select(view.c.policy)))

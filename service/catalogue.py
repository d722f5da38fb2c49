"""What the service knows of its registers at the moment: version, extent, whether they hold sample data."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, column, select, table, text

from geodata.features import Version, count_listed, count_matches, read_day, read_extent, read_validity, read_versions
from geodata.mark import DATABASE_MARK
from geodata.matching import BBox, Interval, ItemsQuery
from geodata.register import Register

NEVER = Version(0, None, 0, is_sample=False)


@dataclass(frozen=True, slots=True)
class State:
    """The state of one register.

    Attributes
    ----------
    extent : box or None
        None while it is empty.
    validity : interval or None
        From when to when its records are in force; None where they do not say.
    count : int
        Records that maps and lists show; of guarded records all are counted.
    """

    version: Version
    extent: BBox | None
    validity: Interval | None
    count: int


class Catalogue:
    """The registers' state: versions are read each time, what costs more is kept by version."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}
        self._totals: dict[str, tuple[tuple[int, str, str], int]] = {}

    def state(self, connection: Connection, register: Register, versions: dict[str, Version] | None = None) -> State:
        """Return the state of one register."""
        version = (versions or read_versions(connection)).get(register.id, NEVER)
        known = self._states.get(register.id)
        if known is None or known.version != version:
            known = _read_state(connection, register, version)
            self._states[register.id] = known
        return known

    def total(self, connection: Connection, register: Register, revision: int) -> int:
        """Return how many records a register lists, counted once for each revision and policy."""
        known = (revision, self.policy(connection), self.mark(connection))
        held = self._totals.get(register.id)
        if held is None or held[0] != known:
            held = known, count_matches(connection, register, ItemsQuery(), upto=None) or 0
            self._totals[register.id] = held
        return held[1]

    def known_total(self, register: Register, revision: int, policy: str, mark: str) -> int | None:
        """Return the same where it has been counted."""
        held = self._totals.get(register.id)
        return held[1] if held is not None and held[0] == (revision, policy, mark) else None

    def day(self, connection: Connection, register: Register) -> date | None:
        """Return the database's day where what the register shows depends on it, else None."""
        return read_day(connection) if register.changes_by_day else None

    def policy(self, connection: Connection) -> str:
        """Return the publication policy that the database applies."""
        view = table("publication_policy", column("policy"), schema="open")
        return str(connection.scalar(select(view.c.policy)))

    def mark(self, connection: Connection) -> str:
        """Return the mark of the database (`geodata.mark`)."""
        return str(connection.scalar(text(DATABASE_MARK)))


def _read_state(connection: Connection, register: Register, version: Version) -> State:
    if not version.revision:
        return State(version, None, None, 0)
    count = version.count if register.hidden is None else count_listed(connection, register)
    return State(version, read_extent(connection, register), read_validity(connection, register), count)

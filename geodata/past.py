"""Which revision stands for a moment of the past, and what a revision changed as the public sees it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, column, select, table

from geodata.errors import RevisionNotFoundError
from geodata.register import Register

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

_REVISION = table(
    "revision", *(column(name) for name in ("register", "number", "published_at", "added", "changed", "removed")),
    schema="open",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """A revision as the public knows it."""

    number: int
    published_at: datetime
    added: int
    changed: int
    removed: int


def find_revision(connection: Connection, register: Register, at: int | date | datetime) -> Published:
    """Return the revision after which a register was as it was at a moment.

    Parameters
    ----------
    at : int, date or datetime
        The number of a revision; a moment; or a day, which stands for its end in Vietnam.

    Raises
    ------
    RevisionNotFoundError
        When there is no such revision, or none so early.
    """
    statement = select(*(column_ for name, column_ in _REVISION.c.items() if name != "register"))
    statement = statement.where(_REVISION.c.register == register.id)
    if isinstance(at, int):
        statement = statement.where(_REVISION.c.number == at)
    else:
        statement = statement.where(_REVISION.c.published_at <= _end(at))
    row = connection.execute(statement.order_by(_REVISION.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        raise RevisionNotFoundError(revision=at)
    return Published(*row)


def list_revisions(connection: Connection, register: Register, limit: int, before: int | None) -> list[Published]:
    """Return revisions, the latest first; those before a number where one is given."""
    statement = select(*(column_ for name, column_ in _REVISION.c.items() if name != "register"))
    statement = statement.where(_REVISION.c.register == register.id)
    if before is not None:
        statement = statement.where(_REVISION.c.number < before)
    rows = connection.execute(statement.order_by(_REVISION.c.number.desc()).limit(limit))
    return [Published(*row) for row in rows]


def _end(at: date | datetime) -> datetime:
    if isinstance(at, datetime):
        return at
    return datetime.combine(at + timedelta(days=1), time(), VIETNAM) - timedelta(microseconds=1)

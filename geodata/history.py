"""Revisions: the one way in which a register changes."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text

from geodata.ops import Revision
from geodata.register import Register


@dataclass(frozen=True, slots=True)
class Counts:
    """What a revision did to its register."""

    added: int
    changed: int
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def lock_register(connection: Connection, register: Register) -> None:
    """Wait for every other publish of this register to end; held until this transaction does."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("bandoso publish"), func.hashtext(register.id))))


def latest_revision(connection: Connection, register_id: str) -> int:
    """Return the number of the register's latest revision, 0 before the first."""
    statement = select(func.coalesce(func.max(Revision.number), 0)).where(Revision.register == register_id)
    return int(connection.scalar(statement) or 0)


def start_revision(
    connection: Connection, register: Register, counts: Counts, *, author: str, note: str | None, upload_id: UUID | None
) -> int:
    """Take the register's next revision number.

    The caller holds the register's lock; the primary key stands behind it.
    """
    number = latest_revision(connection, register.id) + 1
    connection.execute(
        insert(Revision).values(
            register=register.id, number=number, author=author, note=note, upload_id=upload_id,
            added=counts.added, changed=counts.changed, removed=counts.removed,
        )
    )  # fmt: skip
    return number


def announce(connection: Connection, register: Register, number: int) -> None:
    """Tell every process of this database, when the transaction commits, that a revision is there."""
    connection.execute(text("SELECT pg_notify('bandoso_revision', :payload)"), {"payload": f"{register.id} {number}"})

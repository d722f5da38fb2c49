"""Revisions: the one way in which a register changes, and what it was before each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from geodata.errors import RevisionNotFoundError, StaleRevisionError
from geodata.ops import Change, ChangePrivate, Revision
from geodata.register import Register

Kind = Literal["publish", "undo", "redraw", "policy", "erasure"]
"""What makes a revision; an undoing may put back records under their old numbers, a policy may show others."""


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


def try_lock_register(connection: Connection, register: Register) -> bool:
    """Take the lock of `lock_register` if nobody has it; return whether it was free."""
    key = func.hashtext("bandoso publish"), func.hashtext(register.id)
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(*key))))


def latest_revision(connection: Connection, register_id: str) -> int:
    """Return the number of the register's latest revision, 0 before the first."""
    statement = select(func.coalesce(func.max(Revision.number), 0)).where(Revision.register == register_id)
    return int(connection.scalar(statement) or 0)


def get_revision(connection: Connection, register: Register, number: int) -> Any:
    """Return a revision's row.

    Raises
    ------
    RevisionNotFoundError
    """
    statement = select(Revision).where(Revision.register == register.id, Revision.number == number)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise RevisionNotFoundError(revision=number)
    return row


def require_latest(connection: Connection, register: Register, expected: int | None) -> None:
    """Refuse to go on when the register is not at the revision that the actor knows; None stands for any.

    Raises
    ------
    StaleRevisionError
    """
    latest = latest_revision(connection, register.id)
    if expected is not None and expected != latest:
        raise StaleRevisionError(revision=latest)


def start_revision(  # noqa: PLR0913  one for each column
    connection: Connection, register: Register, counts: Counts, *, author: str, note: str | None,
    upload_id: UUID | None, communes: Sequence[str] | None = None, kind: Kind = "publish",
) -> int:  # fmt: skip
    """Take the register's next revision number.

    The caller holds the register's lock; the primary key stands behind it. Its number over all registers comes with
    the commit.
    """
    number = latest_revision(connection, register.id) + 1
    connection.execute(
        insert(Revision).values(
            register=register.id, number=number, author=author, note=note, upload_id=upload_id, communes=communes,
            kind=kind,
            # The transaction may be older than the revision before this one: it has read a file meanwhile.
            published_at=func.clock_timestamp(),
            added=counts.added, changed=counts.changed, removed=counts.removed,
        )
    )  # fmt: skip
    return number


def announce(connection: Connection, register: Register, number: int) -> None:
    """Tell every process of this database, when the transaction commits, that a revision is there."""
    connection.execute(text("SELECT pg_notify('bandoso_revision', :payload)"), {"payload": f"{register.id} {number}"})


def note_before(
    connection: Connection, register: Register, revision: int, ids: Select[Any], operation: Literal["U", "D"]
) -> None:
    """Write into the history what records are now, before the revision changes or removes them.

    Parameters
    ----------
    revision : int
        The one that is about to replace these states.
    ids : Select
        Selects the ids of the records.
    operation : str
        ``U`` where they change, ``D`` where they go.
    """
    live = register.table
    is_wanted = live.c.id.in_(ids)
    row = (literal(register.id), literal(revision), live.c.id, live.c.uuid, literal(operation), state_of(register))
    names = ["register", "revision", "feature_id", "feature_uuid", "operation", "before"]
    connection.execute(insert(Change).from_select(names, select(*row).where(is_wanted)))
    if register.private_tables:
        private = (literal(register.id), literal(revision), live.c.id, private_state_of(register))
        names = ["register", "revision", "feature_id", "before"]
        connection.execute(insert(ChangePrivate).from_select(names, select(*private).where(is_wanted)))


def state_of(register: Register) -> ColumnElement[Any]:
    """Return a live record as the history keeps it: its row, and beside it its codes and lists by table."""
    live = register.table
    row: ColumnElement[Any] = func.to_jsonb(literal_column(f"{live.schema}.{live.name}.*"))
    return row.op("||")(_beside(register, register.shared_tables))


def private_state_of(register: Register) -> ColumnElement[Any]:
    """Return what is private beside a live record, by table."""
    return _beside(register, register.private_tables)


def _beside(register: Register, tables: Sequence[Table]) -> ColumnElement[Any]:
    """Return the rows that tables beside the register hold of a record, none where they hold none."""
    parts: list[Any] = []
    for table in tables:
        row = func.to_jsonb(literal_column(f"{table.schema}.{table.name}.*")).op("-")("feature_id")
        rows = select(func.jsonb_agg(aggregate_order_by(row, *table.primary_key)))
        parts += [
            literal_column(f"'{table.name}'"),
            rows.where(table.c.feature_id == register.table.c.id).scalar_subquery(),
        ]
    return func.jsonb_strip_nulls(func.jsonb_build_object(*parts))


def forget_private(connection: Connection, days: int) -> int:
    """Delete what was private in states that were replaced longer ago than this; returns of how many."""
    is_old = Revision.published_at < func.now() - func.make_interval(0, 0, 0, days)
    old = select(Revision.register, Revision.number).where(is_old).subquery()
    statement = delete(ChangePrivate).where(
        ChangePrivate.register == old.c.register, ChangePrivate.revision == old.c.number
    )
    return connection.execute(statement).rowcount

"""Revisions: the one way in which a register changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, insert, literal, literal_column, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from geodata.ops import Change, Revision
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


def start_revision(  # noqa: PLR0913  one for each column
    connection: Connection, register: Register, counts: Counts, *, author: str, note: str | None,
    upload_id: UUID | None, communes: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Take the register's next revision number.

    The caller holds the register's lock; the primary key stands behind it.
    """
    number = latest_revision(connection, register.id) + 1
    connection.execute(
        insert(Revision).values(
            register=register.id, number=number, author=author, note=note, upload_id=upload_id, communes=communes,
            added=counts.added, changed=counts.changed, removed=counts.removed,
        )
    )  # fmt: skip
    return number


def note_before(
    connection: Connection, register: Register, revision: int, ids: Select[Any], operation: Literal["U", "D"]
) -> None:
    """Write into the history what records are before this revision changes (``U``) or removes (``D``) them.

    Parameters
    ----------
    ids : Select
        Ids of the records, one column.
    """
    live = register.table
    before = func.to_jsonb(literal_column(f"{live.schema}.{live.name}.*")).op("||")(_beside(register))
    row = (literal(register.id), literal(revision), live.c.id, live.c.uuid, literal(operation), before)
    names = ["register", "revision", "feature_id", "feature_uuid", "operation", "before"]
    connection.execute(insert(Change).from_select(names, select(*row).where(live.c.id.in_(ids))))


def _beside(register: Register) -> ColumnElement[Any]:
    """Return a record's codes and lists by table, as they stand; nothing of what is private stays for ever."""
    tables = [side.table for side in register.lists]
    if register.codes is not None:
        tables.append(register.codes.__table__)
    parts: list[Any] = []
    for table in tables:
        row = func.to_jsonb(literal_column(f"{table.schema}.{table.name}.*")).op("-")("feature_id")
        rows = select(func.jsonb_agg(aggregate_order_by(row, *table.primary_key)))
        rows = rows.where(table.c.feature_id == register.table.c.id)
        parts += [literal_column(f"'{table.name}'"), rows.scalar_subquery()]
    return func.jsonb_strip_nulls(func.jsonb_build_object(*parts))


def announce(connection: Connection, register: Register, number: int) -> None:
    """Tell every process of this database, when the transaction commits, that a revision is there."""
    connection.execute(text("SELECT pg_notify('bandoso_revision', :payload)"), {"payload": f"{register.id} {number}"})

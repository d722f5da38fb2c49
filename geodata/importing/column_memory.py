"""What officers chose for the columns of their files, so that the next file of the commune needs no choice."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from geodata.db import Actor
from geodata.importing.mapping import column_key
from geodata.ops import ColumnMemory

_OF_SENDER = "@"
"""Before the name of an account whose files are for no one commune: whose choices these are, nobody else can know."""

MAX_KEY = 200
COLUMNS_KEPT = 500
"""Columns remembered of one unit and register; those that were not used for longest are forgotten."""


def memory_unit(commune: str | None, actor: Actor) -> str:
    """Return for whom choices are remembered: the file's commune, else the only one of its sender, else the sender.

    Never for all: what one officer chose to be a public field may hold people's names in the file of another.
    """
    if commune is not None:
        return commune
    if actor.communes is not None and len(actor.communes) == 1:
        return actor.communes[0]
    return _OF_SENDER + actor.name


def remembered_columns(connection: Connection, register: str, unit: str) -> dict[str, str | None]:
    """Return what was chosen for the columns of a unit's files.

    Returns
    -------
    dict of column key to field name
        None for a column that was left out; see `geodata.importing.mapping.column_key`.
    """
    statement = select(ColumnMemory.column_key, ColumnMemory.field).where(
        ColumnMemory.register == register, ColumnMemory.unit == unit
    )
    return {row.column_key: row.field for row in connection.execute(statement)}


def remember_columns(connection: Connection, register: str, unit: str, matches: Sequence[Mapping[str, Any]]) -> None:
    """Remember what the sender of a file chose for its columns, in place of what was chosen for them before.

    To be called in the transaction that publishes the file: what was only tried is not worth keeping. Writes as
    ``bandoso_worker``.

    Parameters
    ----------
    unit : str
        See `memory_unit`.
    matches : sequence of mapping
        The columns of the report. Those that were chosen, now or before, count; those known by name or values do not.
    """
    told = [match for match in matches if match["how"] in {"chosen", "memory"}]
    chosen = {key: match["field"] for match in told if 0 < len(key := column_key(match["name"])) <= MAX_KEY}
    if not chosen:
        return
    rows = [{"register": register, "unit": unit, "column_key": key, "field": field} for key, field in chosen.items()]
    written = insert(ColumnMemory).values(rows)
    connection.execute(
        written.on_conflict_do_update(
            index_elements=["register", "unit", "column_key"],
            set_={"field": written.excluded.field, "last_used_at": func.now()},
        )
    )
    _forget(connection, register, unit)


def _forget(connection: Connection, register: str, unit: str) -> None:
    mine = (ColumnMemory.register == register, ColumnMemory.unit == unit)
    latest = select(ColumnMemory.column_key).where(*mine)
    kept = latest.order_by(ColumnMemory.last_used_at.desc(), ColumnMemory.column_key).limit(COLUMNS_KEPT)
    connection.execute(delete(ColumnMemory).where(*mine, ColumnMemory.column_key.not_in(kept)))

"""Records taken out of a register within a publish; the history keeps what they were."""

from typing import Any

from sqlalchemy import Connection, Select, delete

from geodata.history import note_before
from geodata.register import Register


def remove_records(connection: Connection, register: Register, revision: int, ids: Select[Any]) -> None:
    """Remove records; what lies beside them goes with them, what is derived is for `geodata.refresh`.

    Parameters
    ----------
    revision : int
        The revision that removes them, begun by the caller.
    ids : Select
        Ids of the records, one column.
    """
    note_before(connection, register, revision, ids, "D")
    connection.execute(delete(register.table).where(register.table.c.id.in_(ids)))

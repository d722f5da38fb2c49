"""The end of records: with what hangs on them, and with what they were kept in the history."""

from typing import Any

from sqlalchemy import Connection, Select, delete

from geodata.history import note_before
from geodata.register import Register


def remove_records(connection: Connection, register: Register, revision: int, ids: Select[Any]) -> int:
    """Remove records from a register, within the publish of a revision.

    Their codes, lists and private data go with them. What is derived from them goes with `geodata.refresh.Refresh`,
    which the caller runs with these ids among the touched ones.

    Parameters
    ----------
    connection : Connection
        In the publish's transaction, which holds the register's lock.
    revision : int
        The one that removes them.
    ids : Select
        Selects the ids of the records; what it reads must outlive them.

    Returns
    -------
    int
        How many were there.
    """
    note_before(connection, register, revision, ids, "D")
    return connection.execute(delete(register.table).where(register.table.c.id.in_(ids))).rowcount

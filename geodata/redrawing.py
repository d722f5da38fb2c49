"""Giving tiles another version although no record changes: an update draws them otherwise, or another policy holds."""

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from geodata.derived import tile_table
from geodata.history import Counts, Kind, announce, latest_revision, lock_register, start_revision
from geodata.ops import Setting
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.registers import discover, get_register

NOTE = "Vẽ lại ranh giới cho bản đồ"
POLICY_NOTE = "Vẽ lại bản đồ theo chính sách công bố mới"
_MARK, _POLICY = "redraw", "publication_policy"


def redraw_marked(connection: Connection) -> dict[str, int]:
    """Draw the registers anew that a migration has marked, each as a revision of its own.

    Parameters
    ----------
    connection : Connection
        Of the database's owner.

    Returns
    -------
    mapping of register id to the number of its revision
    """
    marked = connection.scalar(select(Setting.value).where(Setting.name == _MARK).with_for_update())
    names = [] if marked is None else marked.split(",")
    drawn = {name: _redraw(connection, get_register(name)) for name in names}
    connection.execute(delete(Setting).where(Setting.name == _MARK))
    return drawn


def change_policy(connection: Connection, policy: str) -> bool:
    """Let a publication policy hold from now on.

    A publish stamps the tiles that show something else under the policy in force. What the registers that are guarded
    showed under another one may have changed meanwhile without a stamp, so each gets a revision that stamps all its tiles.

    Parameters
    ----------
    connection : Connection
        Of the database's owner.

    Returns
    -------
    bool
        False where it held before.
    """
    if connection.scalar(select(Setting.value).where(Setting.name == _POLICY)) == policy:
        return False
    guarded = [register for register in discover().values() if register.guarded is not None]
    for register in guarded:
        lock_register(connection, register)
    statement = upsert(Setting).values(name=_POLICY, value=policy)
    changes = {"value": policy, "changed_at": func.now()}
    connection.execute(statement.on_conflict_do_update(index_elements=[Setting.name], set_=changes))
    for register in guarded:
        if latest_revision(connection, register.id) > 0:
            number = _start(connection, register, POLICY_NOTE, "policy")
            Refresh(connection, register, number).restamp()
            announce(connection, register, number)
    return True


def _start(connection: Connection, register: Register, note: str, kind: Kind) -> int:
    return start_revision(connection, register, Counts(0, 0), author="system", note=note, upload_id=None, kind=kind)


def _redraw(connection: Connection, register: Register) -> int:
    lock_register(connection, register)
    number = _start(connection, register, NOTE, "redraw")
    # A copy that is missing is drawn; one that is there is kept while its shape stays.
    connection.execute(update(tile_table(register)).values(geom_mid=None, geom_low=None))
    Refresh(connection, register, number).run(select(register.table.c.id))
    announce(connection, register, number)
    return number

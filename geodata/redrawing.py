"""Drawing a register's tiles anew although no record changes, after an update that draws them otherwise."""

from sqlalchemy import Connection, delete, select, update

from geodata.derived import tile_table
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.ops import Setting
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.registers import get_register

NOTE = "Vẽ lại ranh giới cho bản đồ"
_MARK = "redraw"


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


def _redraw(connection: Connection, register: Register) -> int:
    lock_register(connection, register)
    number = start_revision(connection, register, Counts(0, 0), author="system", note=NOTE, upload_id=None)
    # A copy that is missing is drawn; one that is there is kept while its shape stays.
    connection.execute(update(tile_table(register)).values(geom_mid=None, geom_low=None))
    Refresh(connection, register, number).run(select(register.table.c.id))
    announce(connection, register, number)
    return number

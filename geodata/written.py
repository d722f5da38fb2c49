"""The features of dense registers, written out as the text that goes out.

To put a feature together takes the database thirty times as long as to read it here. What has values that are public on a
condition, which may be another tomorrow, is not kept. Under a policy that guards records nothing is.
"""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    select,
    table,
    true,
)

from geodata.columns import BarePoint
from geodata.derived import tile_table, written_table
from geodata.history import try_lock_register
from geodata.public_views import feature_of, public_view
from geodata.register import Register
from geodata.registers import discover

_TOUCHED = table("touched", column("id"))
_POLICY = table("publication_policy", column("policy"), schema="open")


def is_kept(register: Register) -> bool:
    """Whether the features of a register are written out at all."""
    return register.is_dense and all(item.public_if is None for item in register.public_fields)


def is_written(connection: Connection, register: Register) -> bool:
    """Whether all features of a register stand here, which after a first load is so from `write_all` on."""
    return bool(connection.scalar(select(exists(select(written_table(register).c.id)))))


def rewrite(connection: Connection, register: Register) -> None:
    """Write the features of the records in ``touched`` anew, within the publish that changed them."""
    written, view = written_table(register), public_view(register, is_past=False)
    if not is_written(connection, register):
        return
    if not _shows_all(connection, register):
        connection.execute(delete(written))
        return
    touched = select(_TOUCHED.c.id)
    connection.execute(delete(written).where(written.c.id.in_(touched)))
    connection.execute(_write(register, view.c.id.in_(touched)))


def forget(connection: Connection, register: Register) -> None:
    """Take all features out, as of a register that is loaded anew."""
    connection.execute(delete(written_table(register)))


def write_all(connection: Connection) -> None:
    """Write out every register whose first load left that for later.

    A register that somebody publishes into this moment waits for the next time.
    """
    for register in discover().values():
        is_wanted = is_kept(register) and _shows_all(connection, register)
        if not is_wanted or is_written(connection, register) or not try_lock_register(connection, register):
            continue
        connection.execute(_write(register, true()))
        connection.execute(select(func.ops.analyze_derived(written_table(register).name)))


def _write(register: Register, which: ColumnElement[bool]) -> Insert:
    view, slim = public_view(register, is_past=False), tile_table(register)
    place = cast(slim.c.point, BarePoint())
    rows = select(view.c.id, feature_of(register, is_past=False), place).where(which).order_by(view.c.id)
    joined = rows.select_from(view.join(slim, slim.c.id == view.c.id))
    return insert(written_table(register)).from_select(["id", "feature", "place"], joined)


def _shows_all(connection: Connection, register: Register) -> bool:
    return register.guarded is None or connection.scalar(select(_POLICY.c.policy)) == "code_point"

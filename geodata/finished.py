"""Finished layers of the tiles that show counts, kept beside these.

Such a tile is then one row, where counting it out of the grid's view took the database ten times as long. A publish
throws away the layers of the tiles whose counts it changes, in its own transaction; who settles afterwards makes them
anew, and until then the view answers, with the same bytes. A layer is shown only under the publication policy that it was made
under, and to a program that draws counts as the one did that made it.
"""

from functools import cache
from hashlib import sha256

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    column,
    delete,
    exists,
    literal_column,
    or_,
    select,
    table,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import LargeBinary

from geodata.ddl import grid_view_select
from geodata.derived import finished_table
from geodata.drawing import Number, counts, encoded
from geodata.history import try_lock_register
from geodata.register import Register
from geodata.registers import discover

AT_ONCE = 200
"""Layers made in one transaction, some tenths of a second: a publish of the register waits for its end."""

_POLICY = table("publication_policy", column("policy"), schema="open")


def finished_layer(register: Register, z: int, x: Number, y: Number) -> ColumnElement[bytes | None]:
    """Return the expression of a tile's finished layer; null where there is none that the public may see."""
    names = ("z", "x", "y", "drawing")
    view = table(finished_table(register).name, *map(column, names), column("mvt", LargeBinary), schema="open")
    is_it = (view.c.z == z, view.c.x == x, view.c.y == y, view.c.drawing == drawing_mark(register))
    return select(view.c.mvt).where(*is_it).scalar_subquery()


@cache
def drawing_mark(register: Register) -> str:
    """Return a mark of how the register's counts are drawn: another one when they are counted or written otherwise."""
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # untyped upstream
    drawn = select(_made_of_counts(register)).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return sha256(f"{drawn}\n{grid_view_select(register)}".encode()).hexdigest()[:16]


def unfinish(connection: Connection, register: Register, tiles: Select[int, int, int], *, is_new: bool) -> None:
    """Throw away the layers of tiles whose counts change in this transaction, and note that there are such tiles.

    Parameters
    ----------
    tiles : Select
        Of their zoom, column and row, each once.
    is_new : bool
        The register had no counts at all.
    """
    finished = finished_table(register)
    if is_new:
        connection.execute(delete(finished))
    key = [finished.c.z, finished.c.x, finished.c.y]
    statement = upsert(finished).from_select([item.name for item in key], tiles)
    nothing = {"policy": None, "drawing": None, "mvt": None}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=nothing))


def finish_layers(connection: Connection) -> bool:
    """Make some of the layers that are missing, or were made under another policy; return whether more may be.

    A register that somebody publishes into this moment waits for the next time.
    """
    return any(_finish(connection, register) for register in discover().values() if register.is_dense)


def _finish(connection: Connection, register: Register) -> bool:
    finished, mark = finished_table(register), drawing_mark(register)
    in_force = select(_POLICY.c.policy).scalar_subquery()
    is_missing = or_(finished.c.policy.is_distinct_from(in_force), finished.c.drawing.is_distinct_from(mark))
    if not connection.scalar(select(exists().where(is_missing))) or not try_lock_register(connection, register):
        return False
    key = [finished.c.z, finished.c.x, finished.c.y]
    some = select(*key).where(is_missing).order_by(*key).limit(AT_ONCE)
    # One statement: what it shows and the policy under which it shows it are of the same moment.
    values = {"policy": in_force, "drawing": mark, "mvt": _made_of_counts(register)}
    made = connection.execute(update(finished).values(values).where(tuple_(*key).in_(some)))
    return made.rowcount == AT_ONCE


def _made_of_counts(register: Register) -> ColumnElement[bytes]:
    """Return the expression of the layer of a row of the finished ones, as the public may see it."""
    place: list[Number] = [literal_column(f"reg.{finished_table(register).name}.{name}") for name in ("z", "x", "y")]
    return encoded(register, counts(register, *place))

"""What an exported file holds: the columns, and the rows as the database gives them, a few thousand at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)

from geodata.db import PUBLIC_ROLE, Actor
from geodata.derived import geometry_names
from geodata.importing.given_ids import COLUMN, OFFICERS
from geodata.register import Field, Register

FETCHED_ROWS = 2000


@dataclass(frozen=True)
class Export:
    """A register on its way into a file.

    Attributes
    ----------
    fields : tuple of Field
        Its columns behind the first.
    id_name : str
        The first column, which tells whose record a row is; its values are the records' uuids.
    """

    register: Register
    fields: tuple[Field, ...]
    statement: Select[Any]
    id_name: str = COLUMN

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [self.id_name, *(item.name for item in self.fields)]

    def rows(self, connection: Connection) -> Iterator[list[Any]]:
        """Yield the rows in the order of the records' numbers: id, fields, and the geometry as WKB or None."""
        for row in connection.execute(self.statement.execution_options(yield_per=FETCHED_ROWS)):
            yield [*(_plain(value) for value in row[:-1]), row[-1]]


def public_export(connection: Connection, register: Register) -> Export:
    """Return what everybody may have of a register, as the public role reads it from here on.

    Fields that are public on a condition only are left out: sent back, an empty cell would wipe what it did not show.
    """
    connection.execute(text("SELECT set_config('role', :role, true)"), {"role": PUBLIC_ROLE})
    fields = tuple(item for item in register.public_fields if item.public_if is None)
    names = ["id", "uuid", *(item.name for item in fields), *geometry_names(register)]
    view = table(register.id, *(column(name) for name in names), schema="open")
    values = [view.c.uuid, *(view.c[item.name] for item in fields)]
    shapes = [view.c[name] for name in geometry_names(register)]
    return Export(register, fields, select(*values, _wkb(shapes)).order_by(view.c.id))


def private_export(register: Register, actor: Actor) -> Export:
    """Return all that is known of the records of an officer's communes, private values too."""
    live = register.table
    listed = {side.model for side in register.lists}
    fields = tuple(item for item in register.fields if item.column.class_ not in listed)
    values = [live.c.uuid, *(stored_value(register, item) for item in fields)]
    shapes: list[Any] = [literal_column(f"{live.fullname}.{name}") for name in geometry_names(register)]
    statement = select(*values, _wkb(shapes)).select_from(live).order_by(live.c.id)
    if actor.communes is not None:
        own = live.c.commune_code.in_(actor.communes) if register.is_in_communes else literal_column("false")
        statement = statement.where(own)
    return Export(register, fields, statement, OFFICERS)


def _wkb(shapes: list[Any]) -> ColumnElement[Any]:
    shape = shapes[0] if len(shapes) == 1 else func.coalesce(*shapes)
    return func.ST_AsBinary(shape, "NDR").label("wkb")


def stored_value(register: Register, item: Field) -> ColumnElement[Any]:
    """Return a field's value where it is stored: in the row, with a code, or beside."""
    live = register.table
    if item.column.class_ is register.model:
        return live.c[item.column.key]
    beside: Table = item.column.class_.__table__
    statement = select(beside.c[item.column.key]).where(beside.c.feature_id == live.c.id)
    if item.scheme is not None:
        active = (beside.c.scheme == item.scheme) & (beside.c.status == "active")
        statement = statement.where(active).order_by(beside.c.value).limit(1)
    return statement.scalar_subquery().label(item.name)


def _plain(value: Any) -> Any:
    """Return a value as a file holds it: numbers, truth values and text, which reads back as the same value."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return "; ".join(str(part) for part in value)
    return str(value)

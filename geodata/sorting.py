"""The order in which records are listed, and how a page goes on after the last record of the one before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, false, literal, or_, type_coerce

from geodata.register import Field, Register

MAX_KEYS = 4
"""Fields that a list can be sorted by at once."""

_VIETNAMESE = "vi-x-icu"
"""PostgreSQL's collation for names: Đ after D, tones as dictionaries have them."""


def sortables(register: Register) -> Mapping[str, Field]:
    """Return the fields that a list can be sorted by: public ones with one value, which stands in the record's row."""
    fields = {item.name: item for item in register.public_fields}
    return {
        name: item for name, item in fields.items() if item.scheme is None and item.column.type.python_type is not list
    }


@dataclass(frozen=True, slots=True, eq=False)
class SortKey:
    """A field to sort by; records without a value come last either way."""

    field: Field
    is_descending: bool = False

    def column(self, view: FromClause) -> ColumnElement[Any]:
        """Return what is compared."""
        column = type_coerce(view.c[self.field.name], self.field.column.type)
        is_name = self.field.column.type.python_type is str and not self.field.choices and self.field.form is None
        return column.collate(_VIETNAMESE) if is_name else column

    def order(self, view: FromClause) -> ColumnElement[Any]:
        """Return the expression to order by."""
        column = self.column(view)
        return (column.desc() if self.is_descending else column.asc()).nulls_last()

    def is_same(self, view: FromClause, value: Any) -> ColumnElement[bool]:
        """Whether a record has just this value, or none."""
        column = self.column(view)
        return column.is_(None) if value is None else column == literal(value, self.field.column.type)

    def is_beyond(self, view: FromClause, value: Any) -> ColumnElement[bool]:
        """Whether a record comes after all that have this value."""
        if value is None:
            return false()
        column, given = self.column(view), literal(value, self.field.column.type)
        return or_(column < given if self.is_descending else column > given, column.is_(None))


def beyond(view: FromClause, keys: Sequence[SortKey], values: Sequence[Any], last_id: int) -> ColumnElement[bool]:
    """Whether a record comes after the one that has these values and this id; records of equal values come by id."""
    ways: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        ways.append(and_(*same, key.is_beyond(view, value)))
        same.append(key.is_same(view, value))
    return or_(*ways, and_(*same, view.c.id > last_id))

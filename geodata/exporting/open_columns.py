"""The columns of open data: what they hold, what people call them, and what they are called where ten letters must do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from geodata.register import Field, Label, Register, SideList

ID: Final = "id"
GEOMETRY: Final = "geometry"
SHORT_NAME_LENGTH = 10
"""Letters of a column's name in a DBF table."""

_TYPES: Mapping[type, pa.DataType] = {
    str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), date: pa.date32(),
}  # fmt: skip
_ID_TITLE = Label("Định danh của bản ghi", "Id of the record")


@dataclass(frozen=True, eq=False)
class OpenColumns:
    """The public columns of a register in the order of its declaration: first the record's id, last its lists.

    Attributes
    ----------
    register : Register
    """

    register: Register

    @property
    def fields(self) -> tuple[Field, ...]:
        """Public fields, those among them that are public on a condition: these files are not sent back."""
        return self.register.public_fields

    @property
    def lists(self) -> tuple[SideList, ...]:
        """Lists of a record, each of them a column of lists."""
        return self.register.lists

    @cached_property
    def names(self) -> list[str]:
        """Names of all columns but the geometry's."""
        return [ID, *(item.name for item in self.fields), *(side.name for side in self.lists)]

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """Arrow type of each of them."""
        fields = {item.name: _type(item) for item in self.fields}
        return {ID: pa.string(), **fields, **{side.name: pa.list_(self.row_type(side)) for side in self.lists}}

    def row_type(self, side: SideList) -> pa.StructType:
        """Return the type of one row of a list."""
        return pa.struct([(item.column.key, _type(item)) for item in self.register.list_fields(side)])

    @cached_property
    def titles(self) -> dict[str, Label]:
        """What people call each column."""
        fields = {item.name: item.title for item in self.fields}
        return {ID: _ID_TITLE, **fields, **{side.name: side.title for side in self.lists}}

    @cached_property
    def short_names(self) -> dict[str, str]:
        """Names of at most ten letters, no two the same whatever their case."""
        return short_names(self.names)

    @property
    def geometry_types(self) -> tuple[str, ...]:
        """Kinds of geometry that records may have, the register's own first."""
        if self.register.geometry_kind == "point":
            return ("Point",)
        return ("MultiPolygon",) if self.register.point is None else ("MultiPolygon", "Point")


def _type(item: Field) -> pa.DataType:
    column = item.column.type
    if column.python_type is list:
        inner: Any = column
        return pa.list_(_TYPES[inner.item_type.python_type])
    return _TYPES[column.python_type]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return a name of at most ten letters for each: parts of a name are shortened, the last resort is a number.

    Examples
    --------
    >>> short_names(["id", "position_method", "position_accuracy_m", "position_accuracy_n"])
    {'id': 'id', 'position_method': 'posit_meth', 'position_accuracy_m': 'posi_acc_m', 'position_accuracy_n': 'posi_acc_n'}
    """
    found: dict[str, str] = {}
    for name in names:
        short, number = _shortened(name), 1
        while short.lower() in {other.lower() for other in found.values()}:
            number += 1
            short = f"{_shortened(name)[: SHORT_NAME_LENGTH - len(str(number))]}{number}"
        found[name] = short
    return found


def _shortened(name: str) -> str:
    """Cut the longest parts of a name between its underscores letter by letter until the whole fits."""
    parts = name.split("_")
    while len("_".join(parts)) > SHORT_NAME_LENGTH:
        longest = max(range(len(parts)), key=lambda at: (len(parts[at]), at))
        if len(parts[longest]) == 1:
            return "".join(parts)[:SHORT_NAME_LENGTH]
        parts[longest] = parts[longest][:-1]
    return "_".join(parts)

"""Values of a CQL2 filter: literals with their type, and how values of several types are compared."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, NoReturn

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Double,
    Numeric,
    Text,
    cast,
    literal,
)

from geodata.cql2 import Tree
from geodata.errors import ParameterError
from geodata.register import Field

MAX_TEXT = 1000
"""Letters of one value."""

Kind = Literal["text", "number", "truth", "date", "timestamp", "texts", "numbers"]

_LARGEST = 1e300
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})")
_KINDS: Mapping[type, Kind] = {
    str: "text", int: "number", float: "number", bool: "truth", date: "date", datetime: "timestamp",
}  # fmt: skip
_HINTS: Mapping[Kind, tuple[str, str]] = {
    "text": (f"chữ, nhiều nhất {MAX_TEXT} ký tự", f"a text of at most {MAX_TEXT} characters"),
    "number": ("một số", "a number"),
    "truth": ("true hoặc false", "true or false"),
    "date": ("DATE('2026-01-31')", "DATE('2026-01-31')"),
    "timestamp": ("TIMESTAMP('2026-01-31T08:00:00Z')", "TIMESTAMP('2026-01-31T08:00:00Z')"),
    "texts": ("phép a_contains, a_overlaps …", "a_contains, a_overlaps …"),
    "numbers": ("phép a_contains, a_overlaps …", "a_contains, a_overlaps …"),
}


def refuse(why_vi: str, why_en: str) -> NoReturn:
    """Refuse a filter."""
    raise ParameterError(name="filter", why_vi=why_vi, why_en=why_en)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What stands on one side of a comparison.

    Attributes
    ----------
    field : Field, optional
        The field that it is, as it stands.
    written : str, optional
        The text of a literal.
    day : SQL expression, optional
        Of an instant: the day where it was written.
    is_computed : bool
        A number of type numeric, which holds whatever is computed.
    """

    kind: Kind
    sql: ColumnElement[Any]
    field: Field | None = None
    written: str | None = None
    day: ColumnElement[Any] | None = None
    is_computed: bool = False


def kind_of(field: Field) -> Kind:
    """Return the kind of a field's values."""
    kind = field.column.type.python_type
    if kind is not list:
        return _KINDS[kind]
    return "texts" if field.column.type.item_type.python_type is str else "numbers"


def field_value(field: Field, column: ColumnElement[Any]) -> Value:
    """Return a field's value."""
    kind = kind_of(field)
    # Connections have the time zone of Viet Nam.
    day = cast(column, Date) if kind == "timestamp" else None
    return Value(kind, column, field, day=day)


def literal_value(tree: Tree) -> Value | None:
    """Return the value that is written in a filter; None where a property or an operation stands.

    Raises
    ------
    ParameterError
        When it is too long or too large, or a day or an instant that there is not.
    """
    if isinstance(tree, bool):
        return Value("truth", literal(tree, Boolean))
    if isinstance(tree, int | float):
        return _number(tree)
    if isinstance(tree, str):
        return _text(tree)
    if isinstance(tree, dict) and len(tree) == 1 and tree.keys() <= {"date", "timestamp"}:
        (written,) = tree.values()
        return time_value(written)
    return None


def _text(written: str) -> Value:
    if len(written) > MAX_TEXT or "\x00" in written:
        refuse(f"văn bản có nhiều nhất {MAX_TEXT} ký tự.", f"a text has at most {MAX_TEXT} characters.")
    text = unicodedata.normalize("NFC", written)
    return Value("text", literal(text, Text), written=text)


def _number(number: int | float) -> Value:
    if not abs(number) < _LARGEST:
        refuse("số quá lớn.", "a number is too large.")
    is_whole = isinstance(number, int) and abs(number) < 1 << 63
    return Value("number", literal(number, BigInteger) if is_whole else literal(float(number), Double))


def time_value(written: Tree) -> Value:
    """Return a day or an instant.

    Raises
    ------
    ParameterError
        When it is none.
    """
    try:
        instant = _INSTANT.fullmatch(written)
        if instant:
            moment = datetime.fromisoformat(written).astimezone(UTC)
            day = literal(date.fromisoformat(instant[1]), Date)
            return Value("timestamp", literal(moment, DateTime(timezone=True)), day=day)
        if _FULL_DATE.fullmatch(written):
            return Value("date", literal(date.fromisoformat(written), Date))
    except (TypeError, ValueError, OverflowError):
        pass
    refuse(
        "cần ngày (2026-01-31) hoặc thời điểm có múi giờ (2026-01-31T08:00:00Z).",
        "it takes a day (2026-01-31) or an instant with its offset (2026-01-31T08:00:00Z).",
    )


def comparable(values: Sequence[Value]) -> list[ColumnElement[Any]]:
    """Return values as they are compared with each other.

    Texts beside days or instants are read as such. With a day among them, of instants the day counts.

    Raises
    ------
    ParameterError
        When they are not of one kind.
    """
    if any(value.kind in {"date", "timestamp"} for value in values):
        return comparable_times([_as_time(value) for value in values])
    kinds = {value.kind for value in values}
    if len(kinds) > 1 or kinds <= {"texts", "numbers"}:
        _refuse_kinds(values)
    if any(value.is_computed for value in values):
        return [cast(value.sql, Numeric) for value in values]
    return [value.sql for value in values]


def comparable_times(values: Sequence[Value]) -> list[ColumnElement[Any]]:
    """Return days and instants as they are compared with each other: all as days where one is."""
    if not all(value.kind in {"date", "timestamp"} for value in values):
        _refuse_kinds(values)
    if all(value.kind == "timestamp" for value in values):
        return [value.sql for value in values]
    return [value.sql if value.day is None else value.day for value in values]


def _as_time(value: Value) -> Value:
    return value if value.written is None else time_value(value.written)


def _refuse_kinds(values: Sequence[Value]) -> NoReturn:
    fields = [value for value in values if value.field is not None]
    shown = next((value for value in fields if value.kind in {"texts", "numbers"}), (fields or values)[0])
    hint_vi, hint_en = _HINTS[shown.kind]
    if shown.field is None:
        refuse(
            f"giá trị không cùng kiểu: bên kia là {hint_vi}.",
            f"the values are not of one type: one of them is {hint_en}.",
        )
    refuse(
        f"giá trị so với “{shown.field.name}” không đúng kiểu: cần {hint_vi}.",
        f"the value compared with “{shown.field.name}” is not of its type: it takes {hint_en}.",
    )

"""Values in addresses: numbers as JSON writes them, times as RFC 3339 does.

Python's own readers take more, such as 1_0 and 2025-W01-1.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, SmallInteger

from geodata.errors import ParameterError
from geodata.register import Field

INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
WHOLE = re.compile(r"0|[1-9][0-9]*")
NUMBER = re.compile(INTEGER.pattern + r"(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TWENTY_FOUR = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
DATE_TIME = re.compile(
    rf"({FULL_DATE.pattern})[Tt]{_TWENTY_FOUR}:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[+-]{_TWENTY_FOUR})"
)


def read_integer(text: str) -> int:
    """Read a whole number (ValueError where it is none)."""
    if not INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def read_number(text: str) -> float:
    """Read a number (ValueError where it is none)."""
    if not NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _read_truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError
    return text == "true"


def read_date(text: str) -> date:
    """Read a day (ValueError where it is none)."""
    if not FULL_DATE.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text)


_READERS: Mapping[type, Callable[[str], Any]] = {
    str: str,
    int: read_integer,
    float: read_number,
    bool: _read_truth,
    date: read_date,
}


def read_value(item: Field, text: str) -> Any:
    """Read a filter's value as the field's type; list fields cannot be compared this way."""
    kind = item.column.type.python_type
    try:
        value = _READERS[kind](text)
        if kind in {int, float} and not _fits(item, value):
            raise ValueError
        return value
    except (KeyError, ValueError):
        raise ParameterError(
            name=item.name, why_vi="giá trị không đúng kiểu của trường.", why_en="the value is not of the field's type."
        ) from None


def _fits(item: Field, value: int | float) -> bool:
    """Whether the column's type has room for a number; the database would refuse the others with an error."""
    if isinstance(value, float):
        return math.isfinite(value)
    kind = item.column.type
    bits = 15 if isinstance(kind, SmallInteger) else 63 if isinstance(kind, BigInteger) else 31
    return -(1 << bits) <= value < 1 << bits

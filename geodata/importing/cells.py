"""From the text of a file's cells to the values of a field: cleaned, read as numbers, dates and list values.

Whole columns at a time, in Arrow. What cannot be read stays as text beside the values: the write model then refuses
it, and the report shows the value as the officer knows it.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from geodata.register import Field
from geodata.text import BLANKS, INVISIBLE, search_key

_REPAIRS = ((INVISIBLE, ""), ("[\u00d0\u0189]", "Đ"), ("\u00f0", "đ"))
_TO_REPAIR = "|".join([*(pattern for pattern, _ in _REPAIRS), BLANKS])
# Latin letters that no form of Unicode writes otherwise, none of them to be repaired: what most columns consist of.
_NOT_PLAIN = "[^ -~\u00a1-\u00ac\u00ae-\u00cf\u00d1-\u00ef\u00f1-\u0188\u018a-\u02ff\u1e00-\u1eff]|  "
_HEAD_ROWS = 1000
_CODE_SEPARATORS = r"[\s.+_–—-]+"
_FRACTION = r"^\d+[.,]0+$"
_NUMBER = re.compile(r"^[+-]?[0-9.,]+(e[+-]?[0-9]+)?$", re.IGNORECASE)
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}([.,]\d{3})+$")
_GROUPED = re.compile(r"^[+-]?\d{1,3}([.,]\d{3})+$")
_DATE_FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d")
_TRUE, _FALSE = {"1", "true", "co", "yes", "x", "dong y"}, {"0", "false", "khong", "no"}
_EXACT_INTEGERS = 1 << 53

ARROW_TYPES: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    list: pa.string(),
}
"""Type of a field's values in Arrow; lists stay text until the write model has split them."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One field of a batch.

    Attributes
    ----------
    text : string array, shape (n,)
        As the file has it, cleaned; null where empty.
    values : array, shape (n,)
        As the field's type; null where empty or unreadable.
    """

    text: pa.Array
    values: pa.Array

    def at(self, position: int) -> Any:
        """Return one value; the text itself where it could not be read."""
        value = self.values[position].as_py()
        return self.text[position].as_py() if value is None else value


def clean_column(column: pa.Array) -> pa.Array:
    """Bring a text column to the stored form, that of `geodata.text.clean_text`; empty as null."""
    if _repeats_itself(column):
        encoded = column.dictionary_encode()
        return _clean(encoded.dictionary).take(encoded.indices)
    return _clean(column)


def _repeats_itself(column: pa.Array) -> bool:
    """Whether the column has few different values, judged by its beginning."""
    head = column[:_HEAD_ROWS]
    return bool(pc.count_distinct(head).as_py() * 4 < len(head))


def _clean(text: pa.Array) -> pa.Array:
    if _has(text, _NOT_PLAIN):
        text = pc.utf8_normalize(text, "NFC")
        if _has(text, _TO_REPAIR):
            for pattern, replacement in _REPAIRS:
                text = pc.replace_substring_regex(text, pattern, replacement)
            # What stood around an invisible mark may belong together now.
            text = pc.replace_substring_regex(pc.utf8_normalize(text, "NFC"), BLANKS, " ")
    text = pc.ascii_trim(text, " ")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _has(text: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(text, pattern)).as_py())


def _replace(text: pa.Array, pattern: str, replacement: str) -> pa.Array:
    """Replace by pattern where there is anything to replace: to look is faster than to rewrite."""
    if not _has(text, pattern):
        return text
    return pc.replace_substring_regex(text, pattern, replacement)


def read_cells(column: pa.Array, item: Field) -> Cells:
    """Read one field of a batch.

    Parameters
    ----------
    column : string array, shape (n,)
        As the file has it.
    item : Field
        Its type, list of choices and code scheme say how the text is read.
    """
    text = clean_column(column)
    if item.scheme is not None and item.column.key == "value":
        plain = pc.utf8_upper(_replace(text, _CODE_SEPARATORS, ""))
        is_number = pc.match_substring_regex(text, _FRACTION)
        # The nought behind the mark is no digit of the code; such a text is left to be refused or repaired.
        return Cells(text, pc.if_else(is_number, text, plain) if pc.any(is_number).as_py() else plain)
    kind = item.column.type.python_type
    reader = _reader(item)
    if reader is None:
        return Cells(text, text)
    return Cells(text, _by_distinct_value(text, reader, kind))


def _by_distinct_value(column: pa.Array, reader: Callable[[str], Any], kind: type) -> pa.Array:
    """Read each distinct text once: columns of kinds and dates hold few."""
    encoded = column.dictionary_encode()
    values = [_as_kind(reader(text), kind) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, ARROW_TYPES[kind]).take(encoded.indices)


def _as_kind(value: Any, kind: type) -> Any:
    """Return a value of the field's type, None for one that is not of it."""
    if kind is float and isinstance(value, int):
        return float(value)
    return value if isinstance(value, kind) else None


def _reader(item: Field) -> Callable[[str], Any] | None:
    if item.choices:
        return _choice_reader(item)
    kind = item.column.type.python_type
    readers: dict[type, Callable[[str], Any]] = {
        int: read_integer,
        float: read_number,
        date: read_date,
        bool: read_bool,
    }
    return readers.get(kind)


def _choice_reader(item: Field) -> Callable[[str], str]:
    known: dict[str, str] = {}
    for value, choice in item.choices.items():
        for spelling in (value, choice.label.vi, choice.label.en, *choice.aliases):
            known.setdefault(search_key(spelling), value)
    return lambda text: known.get(search_key(text), text)


def read_number(text: str) -> float | int | str:
    """Read a number as Vietnamese and English writers put it; the text itself where it is none.

    Examples
    --------
    >>> [read_number(text) for text in ("12,5", "1.234,5", "1,234.5", "1.234.567", "120 ha")]
    [12.5, 1234.5, 1234.5, 1234567, '120 ha']
    """
    plain = text.replace(" ", "")
    if not _NUMBER.match(plain):
        return text
    marks = re.findall(r"[.,]", plain)
    if len(marks) > 1 and len(set(marks)) == 1 and _GROUPED.match(plain):
        plain = re.sub(r"[.,]", "", plain)
    elif "," in plain and plain.rfind(",") > plain.rfind("."):
        plain = plain.replace(".", "").replace(",", ".")
    elif "," in plain:
        plain = plain.replace(",", "")
    try:
        number = float(plain)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGERS else number


def read_integer(text: str) -> float | int | str:
    """Read a whole number: three digits behind a mark are thousands, for a fraction cannot be meant.

    Examples
    --------
    >>> [read_integer(text) for text in ("150.000", "150,000", "1.200", "2 000", "12,5", "12")]
    [150000, 150000, 1200, 2000, 12.5, 12]
    """
    plain = text.replace(" ", "")
    return int(re.sub(r"[.,]", "", plain)) if _THOUSANDS.match(plain) else read_number(text)


def read_date(text: str) -> date | str:
    """Read a date written day first or ISO; the text itself where it is none."""
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text[:10], form).date()  # noqa: DTZ007  a day has no time zone
        except ValueError:
            continue
    return text


def read_bool(text: str) -> bool | str:
    """Read yes or no in the two languages; the text itself where it is neither."""
    key = search_key(text)
    if key in _TRUE:
        return True
    return False if key in _FALSE else text

"""Repairs of values that need no guess: codes, numbers and dates written in another form than the field's."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

from geodata.register import Field
from geodata.text import search_key
from geodata.writing import EARLIEST_DAY, today_in_vietnam

MOST_ZEROS_LOST = 2
"""Leading zeros that a long code may have lost; a code that lacks more is another number."""

_SEPARATORS = re.compile(r"[\s._–—-]+")
_FRACTION = re.compile(r"^(\d+)[.,]0+$")
_DIGIT_LIKE = str.maketrans("OoQlI", "00011")
_WITH_UNIT = re.compile(r"^([+-]?\d[\d., ]*?)\s*([^\W\d_].*)$")
_IN_WORDS = re.compile(r"^(?:ngay )?(\d{1,2}) thang (\d{1,2}) nam (\d{4})$")
_SHORT_YEAR = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{2})$")
_DAY_NUMBER = re.compile(r"^\d{5}(?:[.,]0+)?$")
_EXCEL_ZERO = date(1899, 12, 30)
_FIRST_DAY_NUMBER, _LAST_DAY_NUMBER = 29_221, 73_050
"""1980-01-01 and 2099-12-31: day numbers between them can be told from years and other numbers."""

_CENTURY = 100


class ValueRepair(NamedTuple):
    """What a cell would say after a repair."""

    code: str
    text: str


def repair_value(item: Field, text: str) -> ValueRepair | None:
    """Return a repair of a cell's text that its field refuses; None where none is sure.

    Examples
    --------
    >>> from geodata.registers import get_register
    >>> repair_value(get_register("addresses").field("code"), "799790011.0").text
    '0799790011'
    """
    if item.form is not None:
        return _found("REPAIR_CODE_FORM", text, item, _code)
    kind = item.column.type.python_type
    if kind in {int, float}:
        return _found("REPAIR_NUMBER_FORM", text, item, _number)
    return _found("REPAIR_DATE_FORM", text, item, _date) if kind is date else None


def _found(code: str, text: str, item: Field, reader: Callable[[Field, str], str | None]) -> ValueRepair | None:
    repaired = reader(item, text)
    return None if repaired is None or repaired == text else ValueRepair(code, repaired)


def restore_digits(text: str, digits: int, most_lost: int) -> str | None:
    """Return a code of just so many digits as it was before a spreadsheet or a hasty hand had it.

    Letters that look like digits become digits, the fraction that programs add to numbers goes, lost leading zeros
    come back. None where that does not make a code of the length.
    """
    fraction = _FRACTION.match(text)
    plain = (fraction[1] if fraction else _SEPARATORS.sub("", text)).translate(_DIGIT_LIKE)
    is_code = plain.isascii() and plain.isdigit() and digits - most_lost <= len(plain) <= digits
    return plain.zfill(digits) if is_code else None


def _code(item: Field, text: str) -> str | None:
    assert item.form is not None
    if item.form.digits is None:
        return None
    return restore_digits(text, item.form.digits, min(MOST_ZEROS_LOST, item.form.digits - 1))


def _number(item: Field, text: str) -> str | None:
    found = _WITH_UNIT.match(text)
    if found is None or search_key(found[2].replace("²", "2")) not in item.units:
        return None
    return found[1].strip()


def _date(_item: Field, text: str) -> str | None:
    key = search_key(text)
    if found := _IN_WORDS.match(key):
        return _iso(int(found[3]), int(found[2]), int(found[1]))
    if found := _SHORT_YEAR.match(text):
        return _iso(_full_year(int(found[3])), int(found[2]), int(found[1]))
    if _DAY_NUMBER.match(text):
        number = int(text[:5])
        if _FIRST_DAY_NUMBER <= number <= _LAST_DAY_NUMBER:
            return (_EXCEL_ZERO + timedelta(days=number)).isoformat()
    return None


def _full_year(short: int) -> int:
    """Return the latest year with these last two digits that is not in the future by more than a few years."""
    this = today_in_vietnam().year
    year = this - this % _CENTURY + short
    return year if year <= this + 10 else year - _CENTURY


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found.isoformat() if found >= EARLIEST_DAY else None

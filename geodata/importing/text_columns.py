"""Text columns in Arrow: plain forms of values, blanks as null, letters composed."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

# Lead bytes of U+0300-U+036F in UTF-8; they occur nowhere else in valid UTF-8.
_COMBINING_LEADS = (0xCC, 0xCD)


def text_array(values: Sequence[Any]) -> pa.StringArray:
    """Write Python values as an Arrow column of plain text."""
    try:
        array = pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        array = pa.array([plain_text(value) for value in values], pa.string())
    return tidy_text(array)


def plain_text(value: object) -> str | None:
    """Write one value as text: no trailing ``.0``, no exponent, JSON for what is nested."""
    if value is None or isinstance(value, str):
        return value and value.encode("utf-8", "replace").decode()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return plain_decimal(repr(value)) if np.isfinite(value) else None
    if isinstance(value, int):
        return str(value)
    return orjson.dumps(value, default=str).decode()


def plain_decimal(text: str) -> str:
    """Write a number without exponent and without zeros after the decimal point; other text stays.

    Examples
    --------
    >>> plain_decimal("12.500"), plain_decimal("3.0e+003"), plain_decimal("7.000")
    ('12.5', '3000', '7')
    """
    if "e" in text or "E" in text:
        try:
            text = format(Decimal(text), "f")
        except InvalidOperation:
            return text
    return text.rstrip("0").rstrip(".") if "." in text else text


def tidy_text(array: pa.StringArray) -> pa.StringArray:
    """Trim, drop NULs, compose to NFC, and make blanks null."""
    if np.frombuffer(array.buffers()[2] or b"", np.uint8).min(initial=1) == 0:
        array = pc.replace_substring(array, "\0", "")
    return null_blanks(to_nfc(pc.ascii_trim_whitespace(array)))


def null_blanks(array: pa.StringArray) -> pa.StringArray:
    """Make empty strings null."""
    if array.null_count:
        return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
    _, offsets, data = array.buffers()
    filled = np.diff(np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]) > 0
    if filled.all() or array.offset:
        return array if filled.all() else pc.if_else(filled, array, pa.scalar(None, pa.string()))
    # No copy of the text: only validity bits are added.
    return pa.StringArray.from_buffers(len(array), offsets, data, pa.py_buffer(np.packbits(filled, bitorder="little")))


def to_nfc(array: pa.StringArray) -> pa.StringArray:
    """Compose letters and their combining marks; arrays without any come back untouched."""
    data = np.frombuffer(array.buffers()[2] or b"", np.uint8)
    if data.size and any((data == lead).any() for lead in _COMBINING_LEADS):
        return pc.utf8_normalize(array, form="NFC")
    return array


def map_distinct(array: pa.Array, convert: Callable[[Any], str | None]) -> pa.StringArray:
    """Apply ``convert`` to each distinct value once; null stays null."""
    encoded = array.dictionary_encode()
    converted = pa.array([convert(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return converted.take(encoded.indices)

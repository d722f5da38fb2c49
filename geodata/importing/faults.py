"""From what the write model says of a value to the report's message about it."""

from datetime import date
from typing import Any

from pydantic_core import ErrorDetails

from geodata.importing.cells import read_number
from geodata.register import Field
from geodata.writing import LINK_PATTERN, PHONE_PATTERN

_BY_TYPE = {
    "missing": "FIELD_MISSING",
    "string_too_long": "FIELD_TOO_LONG",
    "literal_error": "CHOICE_UNKNOWN",
    "order": "DATES_REVERSED",
    "date_future": "DATE_FUTURE",
    "too_long": "LIST_TOO_LONG",
    "int_from_float": "NUMBER_NOT_WHOLE",
}
_BY_START = {
    "date_": "DATE_UNREADABLE",
    "int_": "NUMBER_UNREADABLE",
    "float_": "NUMBER_UNREADABLE",
    "finite_": "NUMBER_UNREADABLE",
    "bool_": "YES_NO_UNREADABLE",
}
_BY_PATTERN = {PHONE_PATTERN: "PHONE_FORM", LINK_PATTERN: "LINK_FORM"}
_MARKS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def fault_code(fault: ErrorDetails, item: Field | None) -> str:
    """Return the code of the message about a fault.

    Parameters
    ----------
    fault : ErrorDetails
        Of pydantic; its type and context say which rule was broken.
    item : Field or None
        The field, where it is one of the register's.
    """
    kind, context = fault["type"], fault.get("ctx", {})
    if len(fault["loc"]) > 1:
        return "LIST_ENTRY"
    if kind == "string_pattern_mismatch":
        has_form = item is not None and item.form is not None
        return "CODE_FORMAT" if has_form else _BY_PATTERN.get(context.get("pattern", ""), "FIELD_INVALID")
    if kind.startswith(("greater_than", "less_than")):
        return _beyond(kind, fault.get("input"), context)
    if kind == "int_parsing" and isinstance(read_number(str(fault.get("input"))), float):
        return "NUMBER_NOT_WHOLE"
    by_start = (code for start, code in _BY_START.items() if kind.startswith(start))
    return _BY_TYPE.get(kind) or next(by_start, "FIELD_INVALID")


def _beyond(kind: str, value: Any, context: dict[str, Any]) -> str:
    """Tell days from numbers, and negative numbers from those that are too small."""
    bound = next((context[name] for name in _MARKS if name in context), None)
    if isinstance(bound, date) or isinstance(value, date):
        return "DATE_TOO_EARLY" if kind.startswith("greater") else "DATE_FUTURE"
    if kind.startswith("less"):
        return "NUMBER_TOO_LARGE"
    return "NUMBER_NEGATIVE" if isinstance(value, int | float) and value < 0 else "NUMBER_TOO_SMALL"


def bound_of(fault: ErrorDetails) -> str | None:
    """Return the bound that a value broke, ``≤ 1000000`` for one."""
    context = fault.get("ctx", {})
    return next((f"{mark} {context[name]}" for name, mark in _MARKS.items() if name in context), None)

"""Values as formats have them that know only texts, numbers and days."""

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from geodata.exporting.listed_csv import FORMULA_STARTS

_FORMULA = "^[" + "".join(f"\\x{{{ord(start):x}}}" for start in FORMULA_STARTS) + "]"
"""As the regular expressions of Arrow have it."""


def as_json(column: pa.Array) -> pa.Array:
    """Return a column of lists as texts, each the list in JSON; null stays null."""
    return pa.array(
        [None if value is None else orjson.dumps(value).decode() for value in column.to_pylist()], pa.string()
    )


def flattened(batch: pa.RecordBatch, names: Sequence[str]) -> list[pa.Array]:
    """Return columns with lists as JSON."""
    columns = [batch.column(name) for name in names]
    return [as_json(column) if pa.types.is_list(column.type) else column for column in columns]


def defused(column: pa.Array) -> pa.Array:
    """Put an apostrophe before texts that a spreadsheet would compute; other columns stay as they are."""
    if not pa.types.is_string(column.type):
        return column
    is_formula = pc.match_substring_regex(column, _FORMULA)
    if not pc.any(is_formula).as_py():
        return column
    return pc.if_else(is_formula, pc.binary_join_element_wise("'", column, ""), column)


def rows_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return rows as Python has them."""
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows

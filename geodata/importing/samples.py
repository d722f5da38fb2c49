"""The first rows of a layer as text, for the officer to recognise it by."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from geodata.importing.text_columns import text_array

SAMPLE_ROWS = 5
"""How many rows are shown at most."""

_SHOWN = 200


def sample_rows(names: Sequence[str], columns: Sequence[pa.Array | list[Any]]) -> list[dict[str, str | None]]:
    """Write the first rows of some columns as text, long values cut."""
    texts = []
    for values in columns:
        first = values[:SAMPLE_ROWS]
        shown = first.to_pylist() if isinstance(first, pa.Array) else text_array(first).to_pylist()
        texts.append([value and value[:_SHOWN] for value in shown])
    return [dict(zip(names, row, strict=True)) for row in zip(*texts, strict=True)]

"""The column ``id`` of a file that was exported here and comes back edited: whose record each row is."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.importing.report import Report

COLUMN = "id"
OFFICERS = "bandoso_id"
"""Name of the column in what officers export when signed in: such a file may hold what the public does not see."""

STAGED = "_given_id"
"""Name of the staged column."""


class GivenIds:
    """Reads the ids of rows, batch after batch.

    A file has such a column when the first value in it is a UUID; numbers of the officer's own are none.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        known = {name.strip().casefold(): name for name in reversed(columns)}
        self._column = known.get(OFFICERS) or known.get(COLUMN)
        self._is_known: bool | None = None
        self._seen: dict[str, int] = {}

    @property
    def column(self) -> str | None:
        """The column's name in the file, where there may be one."""
        return self._column

    def read(self, batch: pa.RecordBatch, numbers: Sequence[int], good: NDArray[np.bool_], report: Report) -> pa.Array:
        """Return the ids of a batch's rows, null where none is given; rows with a wrong or second one are refused.

        Parameters
        ----------
        good : bool array, shape (n,)
            Rows still valid; cleared for those refused here.
        """
        texts: list[str | None] = batch.column(self._column).to_pylist() if self._column else []
        if self._is_known is None:
            first = next((one for one in texts if one is not None), None)
            self._is_known = None if first is None else parse(first) is not None
        if not self._is_known:
            return pa.nulls(batch.num_rows, pa.string())
        return pa.array([self._check(at, one, numbers, good, report) for at, one in enumerate(texts)], pa.string())

    def _check(
        self, at: int, value: str | None, numbers: Sequence[int], good: NDArray[np.bool_], report: Report
    ) -> str | None:
        if value is None:
            return None
        found = parse(value)
        if found is None:
            report.add("ID_UNKNOWN", row=numbers[at], column=self._column, value=value[:60])
            good[at] = False
            return None
        first = self._seen.setdefault(found, numbers[at])
        if first != numbers[at]:
            report.add("ID_DOUBLED", row=numbers[at], column=self._column, value=found, first_row=first)
            good[at] = False
        return found


def is_officers_export(columns: Iterable[str]) -> bool:
    """Whether a file with these columns was exported by an officer, with what the public does not see."""
    return any(name.strip().casefold() == OFFICERS for name in columns)


def parse(value: str) -> str | None:
    """Return a UUID in its usual form, None for anything else."""
    try:
        return str(UUID(value.strip()))
    except ValueError:
        return None

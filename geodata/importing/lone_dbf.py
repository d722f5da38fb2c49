"""Read a DBF table that came without shapes: a table whose places, if any, stand in its columns."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.context import ReadContext
from geodata.importing.dbf import DbfFile
from geodata.importing.placed_table import PlacedTable
from geodata.importing.results import RowBatch
from geodata.importing.shp import warn_deleted

_DELETED = ord("*")


class DbfLayer(PlacedTable):
    """The records of a DBF table that are not marked as deleted."""

    format = "DBF"

    def __init__(self, path: Path, declared: str | None, context: ReadContext) -> None:
        self._table = DbfFile(path, context)
        choices = self._table.choose_encodings(declared)
        self.row_count = self._table.record_count
        super().__init__(self._table.names(), context)
        self.encoding = [choice for at, choice in enumerate(choices) if at != self._places.wkt]

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows."""
        deleted = 0
        for start in range(0, self.row_count, self._table.block_rows):
            count = min(self._table.block_rows, self.row_count - start)
            block = self._table.read_block(start, count)
            kept = pa.array(block[:, 0] != _DELETED)
            columns = [column.filter(kept) for column in self._table.columns(block)]
            rows = np.arange(start + 1, start + count + 1, dtype=np.int64)[block[:, 0] != _DELETED]
            deleted += count - len(rows)
            problem = pc.filter(pa.nulls(count, pa.string()), kept)
            yield self.place_rows(rows, columns, problem)
        self._table.warn_about_text()
        warn_deleted(deleted, self._context)

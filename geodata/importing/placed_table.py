"""Tables whose places stand in columns: what CSV, worksheets and lone DBF tables have in common."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geodata.importing.context import ReadContext
from geodata.importing.place_columns import PlaceColumns
from geodata.importing.results import RowBatch


class PlacedTable:
    """A table with geometry from its columns.

    Parameters
    ----------
    names : sequence of str
        The header; blank and repeated names get names of their own.
    """

    knows_itself_early = False

    def __init__(self, names: Sequence[str], context: ReadContext) -> None:
        context.check_columns(len(names))
        self._context = context
        self._places = PlaceColumns(context.unique_names(names), context)
        self.columns = [name for at, name in enumerate(self._places.names) if at != self._places.wkt]
        self._is_settled = False

    @property
    def place_names(self) -> list[str]:
        """Name the columns that the places come from."""
        return self._places.used

    @property
    def geometry_type(self) -> str | None:
        """Say what the header promises."""
        return self._places.geometry_type

    @property
    def crs_hint(self) -> str | None:
        """Say what header and values tell; complete once all rows are read."""
        return self._places.crs_hint

    @property
    def crs_wkt(self) -> str | None:
        """CRS84 where the columns are called longitude and latitude and the values agree."""
        return self._places.crs_wkt

    def place_rows(self, rows: NDArray[np.int64], columns: Sequence[pa.Array], problem: pa.Array) -> RowBatch:
        """Give rows their places; raises ``COLUMN_CHOICE`` where it is not clear which columns hold them."""
        if not self._is_settled:
            self._places.settle(columns)
            self._is_settled = True
        wkb, found = self._places.geometry(columns, len(rows))
        kept = [column for at, column in enumerate(columns) if at != self._places.wkt]
        return RowBatch(rows, wkb, pc.coalesce(problem, found), kept)

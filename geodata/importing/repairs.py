"""The repairs of one file: which are proposed, which were accepted, what they changed."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import shapely

from geodata.importing.messages_of_repairs import REPAIRS


@dataclass
class Repairs:
    """Collects what could be repaired in the rows of a file, and says whether it may be.

    Attributes
    ----------
    accept : frozenset of str
        Codes of the repairs that the sender accepted.
    counts : Counter
        Rows by repair, proposed and done alike.
    repaired : int
        Valid rows that a repair changed.
    shapes, values : mappings of row number, optional
        What became of the rows' geometry (WGS 84) and texts (by column), where ``keeps_changes``.
    """

    accept: frozenset[str] = frozenset()
    keeps_changes: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    shapes: dict[int, shapely.Geometry] = field(default_factory=dict, repr=False)
    values: dict[int, dict[str, str]] = field(default_factory=dict, repr=False)
    _rows: set[int] = field(default_factory=set, repr=False)

    def may(self, codes: Iterable[str], row: int) -> bool:
        """Count that these repairs together would help a row, and tell whether all of them were accepted."""
        wanted = list(codes)
        self.counts.update(wanted)
        is_accepted = self.accept.issuperset(wanted)
        if is_accepted:
            self._rows.add(row)
        return is_accepted

    def note_shape(self, row: int, geometry: shapely.Geometry) -> None:
        """Remember the geometry that a row got."""
        if self.keeps_changes:
            self.shapes[row] = geometry

    def note_value(self, row: int, column: str, text: str) -> None:
        """Remember the text that a cell got."""
        if self.keeps_changes:
            self.values.setdefault(row, {})[column] = text

    def end_batch(self, valid_rows: Callable[[], Iterable[int]]) -> None:
        """Count the repaired rows among the valid ones of a batch."""
        if self._rows:
            self.repaired += len(self._rows.intersection(valid_rows()))
            self._rows.clear()

    def as_list(self) -> list[dict[str, Any]]:
        """Return the repairs as the report has them."""
        return [
            {"code": code, "count": self.counts[code], "accepted": code in self.accept, "vi": label.vi, "en": label.en}
            for code, label in REPAIRS.items()
            if code in self.counts
        ]

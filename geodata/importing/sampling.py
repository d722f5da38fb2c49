"""A few of a file's coordinates, taken evenly over all its rows, however many there are and whenever they come."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geodata.crs import Floats
from geodata.geometry import from_wkb

MOST = 2000
LARGEST = 1e8
"""No coordinate of a place is larger in any system, metres with the number of the zone before them included."""

_VERTICES_KEPT = 64
"""Of one feature while the file is read: a single outline is told by its corners, a thousand by one or two each."""


@dataclass(frozen=True)
class Sample:
    """Coordinates as they stand in the file.

    Attributes
    ----------
    coordinates : float64 array, shape (n, 2)
        At most `LARGEST`; of points themselves, of lines and areas some vertices; n ≤ `MOST`.
    codes : object array, shape (n,)
        The commune that each one's row names, None where it names none.
    """

    coordinates: Floats
    codes: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.coordinates)

    def at(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "Sample":
        """Return some of it."""
        return Sample(self.coordinates[which], self.codes[which])


def take_sample(batches: Iterable[pa.RecordBatch], column: str | None = None) -> Sample:
    """Sample rows evenly.

    Parameters
    ----------
    batches : iterable of record batches
        As `geodata.importing.results` describes them.
    column : str, optional
        The one that names each row's commune.
    """
    kept, seen, stride = _Kept(), 0, 1
    for batch in batches:
        chosen = np.arange(-seen % stride, batch.num_rows, stride)
        seen += batch.num_rows
        kept.add(batch, chosen, column)
        while kept.count > 2 * MOST:
            kept.halve()
            stride *= 2
    return kept.sample()


class _Kept:
    """Features in the order of the file: their vertices, each with the number of its feature, and their communes."""

    def __init__(self) -> None:
        self.count = 0
        self._vertices, self._owners = np.empty((0, 2)), np.empty(0, dtype=np.intp)
        self._codes = np.empty(0, dtype=object)

    def add(self, batch: pa.RecordBatch, chosen: NDArray[np.intp], column: str | None) -> None:
        indices = pa.array(chosen)
        shapes = from_wkb(batch.column("_wkb").take(indices))
        vertices, owners = shapely.get_coordinates(shapes, return_index=True)
        even = _evenly(owners, _VERTICES_KEPT) & (np.abs(vertices) <= LARGEST).all(axis=1)
        codes = [None] * len(chosen) if column is None else batch.column(column).take(indices).to_pylist()
        self._vertices = np.concatenate([self._vertices, vertices[even]])
        self._owners = np.concatenate([self._owners, owners[even] + self.count])
        self._codes = np.concatenate([self._codes, np.array(codes, dtype=object)])
        self.count += len(chosen)

    def halve(self) -> None:
        """Drop every second feature."""
        even = self._owners % 2 == 0
        self._vertices, self._owners, self._codes = self._vertices[even], self._owners[even] // 2, self._codes[::2]
        self.count = len(self._codes)

    def sample(self) -> Sample:
        features = len(np.unique(self._owners))
        even = _evenly(self._owners, max(1, MOST // max(1, features)))
        vertices, owners = self._vertices[even], self._owners[even]
        if len(vertices) > MOST:
            few = np.linspace(0, len(vertices) - 1, MOST).astype(np.intp)
            vertices, owners = vertices[few], owners[few]
        return Sample(vertices, self._codes[owners])


def _evenly(owners: NDArray[np.intp], most: int) -> NDArray[np.bool_]:
    """Choose up to so many of each owner's items, evenly over them; the items of an owner stand together."""
    _, starts, sizes = np.unique(owners, return_index=True, return_counts=True)
    position = np.arange(len(owners)) - np.repeat(starts, sizes)
    size = np.repeat(sizes, sizes)
    steps = position * most // size
    is_first: NDArray[np.bool_] = (position == 0) | (steps != (position - 1) * most // size)
    return is_first

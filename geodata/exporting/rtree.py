"""The spatial index of a GeoPackage layer (OGC 12-128r19, annex F.3): programs show a part of it without reading all."""

import sqlite3
from collections.abc import Sequence
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

_EXTENSIONS = """
CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
    scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))
"""
_EXTENSION = ("geom", "gpkg_rtree_index", "http://www.geopackage.org/spec120/#extension_rtree", "write-only")

_HAS = "({row}.geom NOTNULL AND NOT ST_IsEmpty({row}.geom))"
_HAS_NOT = "({row}.geom ISNULL OR ST_IsEmpty({row}.geom))"
_BOX = "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
_PUT = f"INSERT OR REPLACE INTO {{index}} VALUES (NEW.fid, {_BOX})"
_NEW, _NO_NEW, _OLD, _NO_OLD = (form.format(row=row) for row in ("NEW", "OLD") for form in (_HAS, _HAS_NOT))
TRIGGERS: Final = {
    "insert": f"AFTER INSERT ON {{table}} WHEN {_NEW} BEGIN {_PUT}; END",
    "update2": f"AFTER UPDATE OF geom ON {{table}} WHEN OLD.fid = NEW.fid AND {_NO_NEW} "
    "BEGIN DELETE FROM {index} WHERE id = OLD.fid; END",
    "update4": f"AFTER UPDATE ON {{table}} WHEN OLD.fid != NEW.fid AND {_NO_NEW} "
    "BEGIN DELETE FROM {index} WHERE id IN (OLD.fid, NEW.fid); END",
    "update5": f"AFTER UPDATE ON {{table}} WHEN OLD.fid != NEW.fid AND {_NEW} "
    f"BEGIN DELETE FROM {{index}} WHERE id = OLD.fid; {_PUT}; END",
    "update6": f"AFTER UPDATE OF geom ON {{table}} WHEN OLD.fid = NEW.fid AND {_NEW} AND {_OLD} BEGIN {_PUT}; END",
    "update7": f"AFTER UPDATE OF geom ON {{table}} WHEN OLD.fid = NEW.fid AND {_NEW} AND {_NO_OLD} BEGIN {_PUT}; END",
    "delete": "AFTER DELETE ON {table} WHEN OLD.geom NOTNULL BEGIN DELETE FROM {index} WHERE id = OLD.fid; END",
}
"""What keeps the index true while the layer is edited, by the names that the standard gives them."""


class RTree:
    """The index of a layer whose column of shapes is ``geom`` and whose key is ``fid``.

    Parameters
    ----------
    file : sqlite3.Connection
    table : str
        The layer.
    """

    def __init__(self, file: sqlite3.Connection, table: str) -> None:
        self._file, self._table, self._index = file, table, f"rtree_{table}_geom"
        self._box = np.full(4, np.nan)
        file.execute(_EXTENSIONS)
        file.execute("INSERT INTO gpkg_extensions VALUES (?, ?, ?, ?, ?)", (table, *_EXTENSION))
        file.execute(f'CREATE VIRTUAL TABLE "{self._index}" USING rtree(id, minx, maxx, miny, maxy)')

    def add(self, first: int, shapes: Sequence[bytes | None]) -> None:
        """Take in shapes (WKB, degrees) whose ids count up from the first one's."""
        boxes = shapely.bounds(shapely.from_wkb(np.array(shapes, dtype=object)))
        ids = np.arange(first, first + len(shapes))
        known = ~np.isnan(boxes[:, 0])
        rows = zip(ids[known].tolist(), *boxes[known][:, [0, 2, 1, 3]].T.tolist(), strict=True)
        # The layer's name is of the register's declaration.
        self._file.executemany(f'INSERT INTO "{self._index}" VALUES (?, ?, ?, ?, ?)', rows)
        self._widen(boxes[known])

    def _widen(self, boxes: NDArray[np.float64]) -> None:
        if len(boxes):
            low, high = np.vstack([boxes[:, :2], self._box[:2]]), np.vstack([boxes[:, 2:], self._box[2:]])
            self._box = np.concatenate([np.nanmin(low, axis=0), np.nanmax(high, axis=0)])

    def finish(self) -> None:
        """Write where the layer lies, and what keeps the index true from here on."""
        if not np.isnan(self._box[0]):
            extent = "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ? WHERE table_name = ?"
            self._file.execute(extent, (*self._box.tolist(), self._table))
        for name, body in TRIGGERS.items():
            written = body.format(table=f'"{self._table}"', index=f'"{self._index}"')
            self._file.execute(f'CREATE TRIGGER "{self._index}_{name}" {written}')

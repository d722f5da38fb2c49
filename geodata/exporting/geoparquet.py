"""GeoParquet 1.1: WKB in WGS 84, with the box of each record in a column of its own, in compressed row groups."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from geodata.exporting.open_columns import GEOMETRY

MEDIA_TYPE: Final = "application/vnd.apache.parquet"
BBOX: Final = "bbox"
ROWS_A_GROUP = 50_000
"""Rows of a group: what a reader that wants a part of the map takes at once."""

BYTES_A_GROUP = 64 << 20
"""Groups end earlier where shapes are large: this much is held in memory."""

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_BOX = pa.struct([(side, pa.float32()) for side in _SIDES])
_ZSTD_LEVEL = 6
_KINDS = {1: "Point", 3: "Polygon", 6: "MultiPolygon"}
"""By the number that WKB has for them."""

Boxes = NDArray[np.float64]


def boxes_of(wkb: pa.Array) -> Boxes:
    """Return west, south, east, north of each shape, NaN where there is none."""
    found: Boxes = shapely.bounds(shapely.from_wkb(np.array(wkb.to_pylist(), dtype=object)))
    return found


def _box_column(boxes: Boxes) -> pa.Array:
    """Return boxes in single precision, rounded outwards: they never leave out a part of the shape."""
    single = boxes.astype(np.float32)
    low, high = single[:, :2], single[:, 2:]
    low = np.where(low > boxes[:, :2], np.nextafter(low, np.float32(-np.inf)), low)
    high = np.where(high < boxes[:, 2:], np.nextafter(high, np.float32(np.inf)), high)
    columns = [pa.array(column) for column in np.hstack([low, high]).T]
    return pa.StructArray.from_arrays(columns, fields=list(_BOX), mask=pa.array(np.isnan(boxes[:, 0])))


class GeoParquetWriter:
    """Writes batches as they come; the same batches give the same bytes.

    Parameters
    ----------
    path : Path
    schema : pa.Schema
        The columns that come, ``geometry`` (WKB) last.
    about : mapping of str to str
        Told in the file's metadata.
    """

    def __init__(self, path: Path, schema: pa.Schema, about: Mapping[str, str]) -> None:
        self._names = schema.names
        full = pa.schema([*list(schema)[:-1], pa.field(BBOX, _BOX), schema.field(GEOMETRY)], metadata=dict(about))
        self._file = pq.ParquetWriter(
            path, full, compression="zstd", compression_level=_ZSTD_LEVEL, write_page_index=True, store_schema=False
        )
        self._schema, self._waiting, self._bytes = full, list[pa.RecordBatch](), 0
        self._total = np.full(4, np.nan)
        self._kinds: set[str] = set()

    @property
    def box(self) -> list[float] | None:
        """West, south, east, north of all that was written; None while nothing has a place."""
        return None if np.isnan(self._total[0]) else [float(side) for side in self._total]

    def write(self, batch: pa.RecordBatch, boxes: Boxes | None = None) -> None:
        """Take rows in."""
        boxes = boxes_of(batch.column(GEOMETRY)) if boxes is None else boxes
        self._note(batch.column(GEOMETRY), boxes)
        columns = [*(batch.column(name) for name in self._names[:-1]), _box_column(boxes), batch.column(GEOMETRY)]
        self._waiting.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._bytes += batch.nbytes
        rows = sum(part.num_rows for part in self._waiting)
        while rows >= ROWS_A_GROUP or self._bytes >= BYTES_A_GROUP:
            rows = self._write_group(min(rows, ROWS_A_GROUP))

    def _note(self, wkb: pa.Array, boxes: Boxes) -> None:
        kinds = pc.unique(pc.binary_slice(wkb, 1, 5).drop_null()).to_pylist()
        self._kinds |= {_KINDS[int.from_bytes(kind, "little")] for kind in kinds}
        known = boxes[~np.isnan(boxes[:, 0])]
        if len(known):
            low, high = np.vstack([known[:, :2], self._total[:2]]), np.vstack([known[:, 2:], self._total[2:]])
            self._total = np.concatenate([np.nanmin(low, axis=0), np.nanmax(high, axis=0)])

    def _write_group(self, count: int) -> int:
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        self._file.write_table(table.slice(0, count), row_group_size=count)
        rest = table.slice(count)
        self._waiting, self._bytes = rest.to_batches(), 0
        return int(rest.num_rows)

    def close(self) -> None:
        """Write what is left, and what the file says of itself."""
        rows = sum(part.num_rows for part in self._waiting)
        if rows:
            self._write_group(rows)
        self._file.add_key_value_metadata({"geo": json.dumps(self._described())})
        self._file.close()

    def _described(self) -> dict[str, Any]:
        column: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": sorted(self._kinds),
            "edges": "planar",
            "covering": {BBOX: {side: [BBOX, side] for side in _SIDES}},
        }
        if self.box is not None:
            column["bbox"] = self.box
        # Without a system of coordinates it is OGC:CRS84, degrees of longitude and latitude.
        return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()

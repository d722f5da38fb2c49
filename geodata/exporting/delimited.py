"""CSV for spreadsheets and programs: UTF-8, one line a record, points with longitude and latitude, areas as WKT."""

import gzip
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely

from geodata.exporting.flat_values import defused, flattened
from geodata.exporting.open_columns import GEOMETRY
from geodata.exporting.snapshot import Part
from geodata.geometry import from_wkb

MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"
GZIP_MEDIA_TYPE: Final = "application/gzip"
LON, LAT, WKT = "lon", "lat", "geometry"
BOM = b"\xef\xbb\xbf"
"""By which Excel knows UTF-8 when a file is opened with a double click."""

_DECIMALS = 7
_GZIP_LEVEL = 6


def place_names(part: Part) -> list[str]:
    """Return the names of the columns that say where a record is."""
    return [LON, LAT] if part.register.geometry_kind == "point" else [WKT]


def write_csv(part: Part, path: Path) -> None:
    """Write a part as CSV with a byte order mark."""
    with path.open("wb") as file:
        file.write(BOM)
        _write(part, file)


def write_csv_gz(part: Part, path: Path) -> None:
    """Write a part as compressed CSV for programs: the same lines without the byte order mark."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as file:
        _write(part, file)


def _write(part: Part, file: Any) -> None:
    names = part.columns.names
    types = [kind if not pa.types.is_list(kind) else pa.string() for kind in part.columns.types.values()]
    places = [(name, pa.string() if name == WKT else pa.float64()) for name in place_names(part)]
    schema = pa.schema([*zip(names, types, strict=True), *places])
    with pyarrow.csv.CSVWriter(file, schema) as writer:
        for batch in part.batches():
            columns = [*map(defused, flattened(batch, names)), *_places(part, batch.column(GEOMETRY))]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _places(part: Part, wkb: pa.Array) -> list[pa.Array]:
    shapes = from_wkb(wkb)
    if part.register.geometry_kind == "point":
        return [
            pa.array(np.round(side, _DECIMALS), from_pandas=True)
            for side in (shapely.get_x(shapes), shapely.get_y(shapes))
        ]
    return [pa.array(shapely.to_wkt(shapes, rounding_precision=_DECIMALS), pa.string())]

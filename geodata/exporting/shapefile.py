"""A zipped shapefile in VN-2000: names of ten letters, UTF-8, one file for each kind of geometry."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely

from geodata.crs import VN2000_ZONES, SourceCrs, from_epsg, grid_from_wgs84
from geodata.exporting.flat_values import flattened
from geodata.exporting.open_columns import GEOMETRY
from geodata.exporting.snapshot import Part
from geodata.geometry import from_wkb

MEDIA_TYPE: Final = "application/zip"
UTM_48 = 3405
"""VN-2000 / UTM zone 48N, for what lies in more than one province."""

WIDEST_TEXT = 254
"""Bytes that a DBF table holds of a text; the rest is lost."""

_PROVINCE_SCALE = 0.9999
_KINDS = {"Point": (0,), "MultiPolygon": (3, 6)}
_SUFFIX = {"Point": "_point"}
_EARLY = (1980, 1, 1, 0, 0, 0)


def zone_of(part: Part) -> int:
    """Return the EPSG code of the zone that a part is written in unless another is chosen.

    That is the zone of 3° whose central meridian is nearest, where the part lies in one province: since provinces were
    merged, one may have offices that use different zones.
    """
    if part.area.province is None or part.area.box is None:
        return UTM_48
    middle = (part.area.box[0] + part.area.box[2]) / 2
    zones = [
        (abs(meridian - middle), code) for code, (meridian, scale) in VN2000_ZONES.items() if scale == _PROVINCE_SCALE
    ]
    return min(zones)[1]


def write_shapefile(part: Part, path: Path, readme: str, zone: int | None = None) -> None:
    """Write a part as a zipped shapefile.

    Parameters
    ----------
    readme : str
        Put beside it: what the short names stand for.
    zone : int, optional
        EPSG code of a zone of VN-2000; that of `zone_of` when not given.
    """
    crs = from_epsg(zone or zone_of(part))
    widths = _widths(part)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".shp-") as name:
        folder = Path(name)
        kinds = part.columns.geometry_types
        for at, kind in enumerate(kinds):
            stem = part.register.id + (_SUFFIX[kind] if at else "")
            _write_layer(part, folder / f"{stem}.shp", kind, crs, widths, is_main=at == 0)
        (folder / "README.txt").write_text(readme, encoding="utf-8")
        _zip(sorted(folder.iterdir()), path)


def _write_layer(
    part: Part, path: Path, kind: str, crs: SourceCrs, widths: Mapping[str, int], *, is_main: bool
) -> None:
    short = part.columns.short_names
    fields = [
        pa.field(short[name], type_, metadata={"GDAL:OGR:width": str(widths[name])} if name in widths else None)
        for name, type_ in _flat_types(part).items()
    ]
    schema = pa.schema([*fields, (GEOMETRY, pa.binary())])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in part.batches():
            shapes = from_wkb(batch.column(GEOMETRY))
            kept = np.isin(shapely.get_type_id(shapes), _KINDS[kind]) | ((shapely.is_missing(shapes)) & is_main)
            rows = batch.filter(pa.array(kept))
            columns = [_cut(column) for column in flattened(rows, part.columns.names)]
            yield pa.RecordBatch.from_arrays([*columns, _moved(shapes[kept], crs)], schema=schema)

    pyogrio.write_arrow(
        pa.RecordBatchReader.from_batches(schema, batches()), path, driver="ESRI Shapefile", geometry_name=GEOMETRY,
        geometry_type="Point" if kind == "Point" else "Polygon", crs=f"EPSG:{crs.epsg}", encoding="UTF-8",
        DBF_DATE_LAST_UPDATE=part.changed_at[:10],
    )  # fmt: skip


def _flat_types(part: Part) -> dict[str, pa.DataType]:
    types = part.columns.types
    return {name: pa.string() if pa.types.is_list(kind) else kind for name, kind in types.items()}


def _widths(part: Part) -> dict[str, int]:
    """Return how many bytes the longest text of each column takes."""
    names = [name for name, kind in _flat_types(part).items() if kind == pa.string()]
    widths = dict.fromkeys(names, 1)
    for batch in part.batches(names):
        for name, column in zip(names, flattened(batch, names), strict=True):
            widths[name] = max(widths[name], pc.max(pc.binary_length(column)).as_py() or 1)
    return {name: min(width, WIDEST_TEXT) for name, width in widths.items()}


def _cut(column: pa.Array) -> pa.Array:
    """Shorten texts that do not fit, at the end of a letter."""
    if not pa.types.is_string(column.type) or (pc.max(pc.binary_length(column)).as_py() or 0) <= WIDEST_TEXT:
        return column
    texts = [text and text.encode()[:WIDEST_TEXT].decode(errors="ignore") for text in column.to_pylist()]
    return pa.array(texts, pa.string())


def _moved(shapes: Any, crs: SourceCrs) -> pa.Array:
    def move(degrees: Any) -> Any:
        return np.column_stack(grid_from_wgs84(crs, degrees[:, 0], degrees[:, 1])).round(3)

    return pa.array(shapely.to_wkb(shapely.transform(shapes, move)), pa.binary())


def _zip(files: list[Path], path: Path) -> None:
    """Pack files; the same files give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, _EARLY)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with file.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)

"""Commune polygons from a file, as the ground on which addresses are written."""

import gzip
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import pyogrio.raw
import shapely

from geodata.crs import from_wkt
from geodata.errors import GeodataError
from geodata.geometry import Geometries, to_degrees
from geodata.importing.mapping import field_names
from geodata.importing.work_folder import work_folder
from geodata.registers import get_register
from geodata.text import search_key

_CODE = re.compile(r"[0-9]{5}")


class SampleAreaError(GeodataError):
    """The file holds no commune polygons that can be used."""

    code = "SAMPLE_AREA"
    vi_template = "Tệp “{file}” không dùng được làm ranh giới xã: {why_vi}"
    en_template = "The file “{file}” cannot serve as commune boundaries: {why_en}"


@dataclass(frozen=True, slots=True)
class CommuneAreas:
    """Communes on which addresses may lie.

    Attributes
    ----------
    codes : list of str
        Five digits each.
    shapes : object array, shape (n,)
        Valid polygons or multi-polygons, degrees WGS 84.
    """

    codes: list[str]
    shapes: Geometries


def read_commune_areas(path: Path, layer: str | None = None) -> CommuneAreas:
    """Read commune polygons.

    Parameters
    ----------
    path : Path
        GeoPackage, GeoJSON or another format that GDAL reads; also packed as ``.gz``.
    layer : str, optional
        Without it, the first layer that has a column of commune codes (``ma_xa``, ``code`` …) holding five digits.

    Raises
    ------
    SampleAreaError
        When the file cannot be read, has no such layer, or no polygon with a code.
    CoordinateSystemError
        When its coordinate system cannot be brought to WGS 84.
    """
    if not path.exists():
        raise SampleAreaError(file=path.name, why_vi="không có tệp này.", why_en="there is no such file.")
    try:
        with _unpacked(path) as plain:
            layers = [str(name) for name in pyogrio.list_layers(plain)[:, 0]]
            chosen, column = _choose_layer(path.name, plain, layers, layer)
            return _read(path.name, plain, chosen, column)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, EOFError, zlib.error) as error:
        raise SampleAreaError(file=path.name, why_vi=f"không đọc được ({error}).", why_en=f"{error}.") from error


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    if path.suffix != ".gz":
        yield path
        return
    with work_folder() as folder:
        plain = folder / path.stem
        with gzip.open(path) as packed, plain.open("wb") as out:
            shutil.copyfileobj(packed, out)
        yield plain


def _choose_layer(name: str, path: Path, layers: list[str], wanted: str | None) -> tuple[str, str]:
    """Return the layer and its column of commune codes."""
    listed = ", ".join(layers)
    if wanted is not None and wanted not in layers:
        raise SampleAreaError(
            file=name,
            why_vi=f"không có lớp “{wanted}”, chọn một trong: {listed}.",
            why_en=f"there is no layer “{wanted}”, choose one of: {listed}.",
        )
    for layer in [wanted] if wanted is not None else layers:
        for column in _code_columns(path, layer):
            values = pyogrio.raw.read(path, layer=layer, columns=[column], read_geometry=False)[3][0]
            if any(_CODE.fullmatch(str(value)) for value in values):
                return layer, column
    raise SampleAreaError(
        file=name,
        why_vi=f"không lớp nào ({listed}) có cột mã xã 5 chữ số, ví dụ “ma_xa”.",
        why_en=f"no layer ({listed}) has a column of 5-digit commune codes, “ma_xa” for one.",
    )


def _code_columns(path: Path, layer: str) -> list[str]:
    """Return the columns whose name can mean a commune code, the surest first."""
    spellings = [
        *field_names(get_register("villages").field("commune_code")),
        *field_names(get_register("communes").field("code")),
    ]
    columns = {search_key(str(column)): str(column) for column in pyogrio.read_info(path, layer=layer)["fields"]}
    return [columns[name] for name in dict.fromkeys(spellings) if name in columns]


def _read(name: str, path: Path, layer: str, column: str) -> CommuneAreas:
    meta, _, wkb, fields = pyogrio.raw.read(path, layer=layer, columns=[column], force_2d=True)
    shapes = shapely.from_wkb(wkb)
    is_area = np.isin(shapely.get_type_id(shapes), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    is_named = np.array([bool(_CODE.fullmatch(str(value))) for value in fields[0]])
    kept = is_area & is_named & ~shapely.is_empty(shapes)
    if not kept.any():
        raise SampleAreaError(
            file=name,
            why_vi=f"lớp “{layer}” không có vùng nào mang mã xã.",
            why_en=f"the layer “{layer}” has no polygon with a commune code.",
        )
    if meta["crs"] is None:
        raise SampleAreaError(
            file=name, why_vi="tệp không ghi hệ tọa độ.", why_en="the file names no coordinate system."
        )
    moved = to_degrees(shapes[kept], from_wkt(meta["crs"]).to_wgs84)
    return CommuneAreas([str(value) for value in fields[0][kept]], _valid(moved))


def _valid(shapes: Geometries) -> Geometries:
    """Repair broken rings; what is left of a commune is its polygons."""
    found = shapes.copy()
    for n in np.flatnonzero(~shapely.is_valid(shapes)).tolist():
        parts = shapely.get_parts(shapely.make_valid(shapes[n]))
        found[n] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])  # noqa: PLR2004  areas
    return found

"""Files of made-up addresses as an officer would send them, of any size, for trials and load work."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyogrio
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj.transformer import TransformerGroup

from geodata.crs import WGS84, from_epsg
from geodata.errors import CoordinateSystemError, ParameterError
from geodata.registers import get_register
from geodata.sample.addresses import KIND_SHARES, ROADS
from geodata.sample.areas import CommuneAreas, read_commune_areas
from geodata.sample.marks import marked
from geodata.sample.people import full_names
from geodata.sample.plane import Floats
from geodata.sample.scatter import Scattered, scatter

Format = Literal["shp", "gpkg", "geojson", "csv"]

MOST_ADDRESSES = 99_999_999
FIRST_CODE = 9_900_000_000
"""Codes count up from here: no postcode begins with 99."""

_DRIVERS = {"shp": "ESRI Shapefile", "gpkg": "GPKG", "geojson": "GeoJSON"}
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "shp": (".shp",), "gpkg": (".gpkg",), "geojson": (".geojson", ".json"), "csv": (".csv", ".txt"),
}  # fmt: skip
_WIDTHS = {
    "ma_dia_chi": 10, "loai": 50, "chu_ho": 60, "dien_thoai": 12, "so_nha": 10, "ten_duong": 60, "thon": 60, "ma_xa": 5,
}  # fmt: skip
"""Columns in their order, with their width in bytes where the format has widths."""

_NAMES_IN_POOL = 20_000
_SHARE_WITH_PHONE = 0.72
_ROUGHLY_DEGREES = 3e-8
"""Three millimetres: how near the right operation comes, as PROJ inverts a Helmert transformation; others are 0.7 m off."""

_DEGREE_DECIMALS, _METRE_DECIMALS = 9, 4


def write_addresses(  # noqa: PLR0913  a file has these properties
    within: Path, count: int, target: Path, *, format: Format, crs: int, seed: int, layer: str | None = None,
) -> None:  # fmt: skip
    """Write a file of sample addresses inside real or made-up communes.

    Parameters
    ----------
    within : Path
        Commune polygons with a column of commune codes; see `geodata.sample.areas.read_commune_areas`.
    count : int
        Addresses in all, shared out by area.
    target : Path
        Replaced when it is there.
    format : {"shp", "gpkg", "geojson", "csv"}
        A CSV gets two columns for the place: ``kinh_do`` and ``vi_do``, or ``easting`` and ``northing``.
    crs : int
        EPSG code of the file: 4326, or a VN-2000 zone (9209 for one).
    seed : int
        The same seed and communes make the same addresses.
    layer : str, optional
        Layer of ``within``.

    Raises
    ------
    SampleAreaError
        When ``within`` holds no usable communes.
    ParameterError
        When the count is none or more than codes go round, the format is not one of the four, or the target has
        another ending or cannot be written.
    CoordinateSystemError
        When the coordinate system is unknown or nothing leads there exactly.
    """
    _check(count, format)
    _check_target(target, format)
    areas = read_commune_areas(within, layer)
    random = np.random.default_rng(seed)
    places = scatter(random, areas.shapes, count)
    columns = _columns(random, places, areas)
    moved = from_wgs84(places.lonlat, crs)
    try:
        _write(columns, moved, target, format, crs)
    except (OSError, DataSourceError, DataLayerError) as error:
        raise _target_error(f"không ghi được {target}.", f"{target} cannot be written.") from error


def _check(count: int, format: str) -> None:
    if not 0 < count <= MOST_ADDRESSES:
        raise ParameterError(
            name="count", why_vi=f"từ 1 đến {MOST_ADDRESSES}.", why_en=f"it goes from 1 to {MOST_ADDRESSES}."
        )
    listed = ", ".join(get_args(Format))
    if format not in get_args(Format):
        raise ParameterError(name="format", why_vi=f"chọn một trong: {listed}.", why_en=f"choose one of: {listed}.")


def _check_target(target: Path, format: str) -> None:
    """Refuse early what drivers refuse late or write under another name."""
    endings = _ENDINGS[format]
    if target.suffix.lower() not in endings:
        listed = ", ".join(endings)
        raise _target_error(
            f"{target.name}: đuôi tệp phải là {listed}.", f"{target.name}: the ending must be {listed}."
        )
    if not target.parent.is_dir():
        raise _target_error(f"không có thư mục {target.parent}.", f"there is no folder {target.parent}.")


def _target_error(why_vi: str, why_en: str) -> ParameterError:
    return ParameterError(name="target", why_vi=why_vi, why_en=why_en)


def from_wgs84(lonlat: Floats, crs: int) -> Floats:
    """Move degrees WGS 84 into a coordinate system: the inverse of what `geodata.crs` reads files with.

    Parameters
    ----------
    lonlat : float64 array, shape (n, 2)
    crs : int
        EPSG code.

    Returns
    -------
    float64 array, shape (n, 2)
        Easting and northing in metres (or degrees); read back they are the same to a thousandth of a millimetre.

    Raises
    ------
    CoordinateSystemError
        When the code is unknown, or none of PROJ's operations is the one that files are read with.
    """
    source = from_epsg(crs)
    if crs == WGS84:
        return lonlat
    group = TransformerGroup(WGS84, crs, always_xy=True, allow_ballpark=False)
    for operation in group.transformers:
        moved = np.column_stack(operation.transform(*lonlat.T))
        missed = lonlat - np.column_stack(source.to_wgs84(*moved.T))
        if np.abs(missed).max(initial=0) < _ROUGHLY_DEGREES:
            return np.column_stack(operation.transform(*(lonlat + missed).T))
    raise CoordinateSystemError(
        why_vi=f"không có phép chuyển đúng từ WGS 84 sang EPSG:{crs}.",
        why_en=f"no exact operation leads from WGS 84 to EPSG:{crs}.",
    )


def _columns(random: np.random.Generator, places: Scattered, areas: CommuneAreas) -> dict[str, pa.Array]:
    """Return the text columns of the file, named and filled as officers do."""
    count = len(places.commune)
    kinds = random.choice(len(KIND_SHARES), count, p=list(KIND_SHARES.values()))
    is_household = kinds == list(KIND_SHARES).index("household")
    has_phone = is_household & (random.random(count) < _SHARE_WITH_PHONE)
    labels = [get_register("addresses").field("kind").choices[kind].label.vi for kind in KIND_SHARES]
    names = full_names(random, _NAMES_IN_POOL)
    villages = [marked(f"Thôn {n}") for n in range(int(places.village.max(initial=0)) + 1)]
    return {
        "ma_dia_chi": pa.array(FIRST_CODE + np.arange(1, count + 1)).cast(pa.string()),
        "loai": _take(labels, kinds),
        "chu_ho": _take(names, random.integers(0, len(names), count), is_household),
        "dien_thoai": _phones(random, has_phone),
        "so_nha": pa.array(places.number, mask=places.number == 0).cast(pa.string()),
        "ten_duong": _street_names(places),
        "thon": _take(villages, places.village),
        "ma_xa": _take(areas.codes, places.commune),
    }


def _take(values: Any, which: NDArray[np.int64], shown: NDArray[np.bool_] | None = None) -> pa.Array:
    indices = pa.array(which, pa.int64(), mask=None if shown is None else ~shown)
    return pa.array(values, pa.string()).take(indices)


def _phones(random: np.random.Generator, shown: NDArray[np.bool_]) -> pa.Array:
    """Return numbers of the form 0900xxxxxx."""
    numbers = pa.array(900_000_000 + random.integers(0, 1_000_000, len(shown)), mask=~shown).cast(pa.string())
    return pc.binary_join_element_wise("0", numbers, "")


def _street_names(places: Scattered) -> pa.Array:
    """Return the road, on a side lane its number first; nothing where a house stands alone."""
    lanes = int(places.lane.max(initial=0)) + 1
    names = [f"Ngõ {lane}, {road}" if lane else road for road in ROADS for lane in range(lanes)]
    road = (places.commune * 7 + places.village) % len(ROADS)
    return _take(names, road * lanes + places.lane, places.number > 0)


def _write(columns: Mapping[str, pa.Array], places: Floats, target: Path, format: Format, crs: int) -> None:
    if format == "csv":
        axes = ("kinh_do", "vi_do") if crs == WGS84 else ("easting", "northing")
        decimals = _DEGREE_DECIMALS if crs == WGS84 else _METRE_DECIMALS
        rounded = np.round(places, decimals)
        table = {**columns, axes[0]: rounded[:, 0], axes[1]: rounded[:, 1]}
        pyarrow.csv.write_csv(pa.table(table), target)
        return
    fields = [
        pa.field(name, pa.string(), metadata={"GDAL:OGR:width": str(width)} if format == "shp" else None)
        for name, width in _WIDTHS.items()
    ]
    schema = pa.schema([*fields, pa.field("geometry", pa.binary())])
    table = pa.table([*(columns[name] for name in _WIDTHS), _point_wkb(places)], schema=schema)
    pyogrio.write_arrow(
        table, target, driver=_DRIVERS[format], geometry_name="geometry", geometry_type="Point", crs=f"EPSG:{crs}",
        **_options(format, crs),
    )  # fmt: skip


def _options(format: Format, crs: int) -> dict[str, Any]:
    if format == "shp":
        return {"encoding": "UTF-8"}
    if format == "geojson":
        is_degrees = crs == WGS84
        return {
            "COORDINATE_PRECISION": _DEGREE_DECIMALS if is_degrees else _METRE_DECIMALS,
            "RFC7946": "YES" if is_degrees else "NO",
        }
    return {}


def _point_wkb(places: Floats) -> pa.Array:
    """Write points as WKB in one buffer: byte order, type 1, two doubles."""
    records = np.empty(len(places), dtype=[("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
    records["order"], records["type"] = 1, 1
    records["x"], records["y"] = places.T
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(records.itemsize), len(records), [None, pa.py_buffer(records.tobytes())]
    )
    return fixed.cast(pa.binary())

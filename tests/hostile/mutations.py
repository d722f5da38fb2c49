"""Good files of every format, and ways to break them."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas
import pyogrio
import shapely
import xlwt

from tests.geodata.importing.workbooks import workbook
from tests.hostile import drawings
from tests.hostile.bombs import ods, ods_row
from tests.hostile.cases import COMMUNE, LAT, LON, csv, feature, geojson, gpx, kml, placemark, waypoint
from tests.hostile.zips import DEFLATED, Part, write_zip

Parts = Mapping[str, bytes]
_SQUARE = shapely.box(LON, LAT, LON + 0.01, LAT + 0.01)
_HOLED = _SQUARE - shapely.box(LON + 0.002, LAT + 0.002, LON + 0.004, LAT + 0.004)
_SHAPES = (_SQUARE, _HOLED, shapely.MultiPolygon([_SQUARE, shapely.box(LON + 1, LAT, LON + 2, LAT + 1)]))
_NAMES = ("Suối Mơ", "Hồ Xanh", "Bến Đò")
_EXTREMES = tuple(
    bytes.fromhex(text)
    for text in ("ffffffff", "00000000", "7fffffff", "ffffff7f", "80000000", "00000080", "ffff", "0000", "00000000000000f87f",
                 "000000000000f07f", "ff", "00", "0a", "22", "2c", "3c", "5b", "7b", "efbbbf", "eda080", "c0")
)  # fmt: skip


@dataclass(frozen=True)
class Seed:
    """A good file: what it is of, and whether its parts are zipped after one was broken."""

    name: str
    suffix: str
    make: Callable[[], Parts]
    is_zipped: bool = False
    needs_gdal: bool = False


def _written(driver: str, name: str, *shapes: shapely.Geometry, **options: str) -> Parts:
    frame = geopandas.GeoDataFrame(
        {"ten": _NAMES[: len(shapes)], "ma_xa": [COMMUNE] * len(shapes), "so": range(len(shapes))},
        geometry=list(shapes), crs="EPSG:4326",
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        pyogrio.write_dataframe(frame, Path(folder, name), driver=driver, **options)
        files = sorted(item for item in Path(folder).rglob("*") if item.is_file())
        return {str(item.relative_to(folder)): item.read_bytes() for item in files}


def _points() -> tuple[shapely.Geometry, ...]:
    return tuple(shapely.Point(LON + at / 100, LAT) for at in range(3))


def _old_workbook() -> bytes:
    book, out = xlwt.Workbook(), BytesIO()
    sheet = book.add_sheet("a")
    for at, row in enumerate((("ten", "ma_xa", "lon", "lat"), *((name, COMMUNE, LON, LAT) for name in _NAMES))):
        for column, value in enumerate(row):
            sheet.write(at, column, value)
    book.save(out)
    return out.getvalue()


def _table() -> str:
    return csv(*((name, COMMUNE, LON, LAT) for name in _NAMES))


def _wkt_table() -> str:
    rows = "".join(f'{name},{COMMUNE},"{shape.wkt}"\n' for name, shape in zip(_NAMES, _SHAPES, strict=True))
    return "ten,ma_xa,wkt\n" + rows


def _collection() -> str:
    shapes = [json.loads(shapely.to_geojson(shape)) for shape in (*_SHAPES, shapely.Point(LON, LAT))]
    return geojson(*(feature(shape, ten=f"n{at}", so=at) for at, shape in enumerate(shapes)))


def _polygon_kml() -> str:
    ring = " ".join(f"{x},{y}" for x, y in _SQUARE.exterior.coords)
    outer = f"<outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs>"
    folder = f"<Folder><name>a</name>{placemark(f'<Polygon>{outer}</Polygon>', 'b')}</Folder>"
    return kml(placemark(), folder, before='<?xml version="1.0" encoding="UTF-8"?>')


def _book() -> bytes:
    return workbook([["ten", "ma_xa", "lon", "lat"], *([name, COMMUNE, LON, LAT] for name in _NAMES)])


def _track() -> str:
    line = f'<trk><trkseg><trkpt lon="{LON}" lat="{LAT}"/><trkpt lon="{LON}" lat="{LAT + 1}"/></trkseg></trk>'
    return gpx(waypoint(), waypoint("b"), line)


def _drawing() -> str:
    line = drawings.pairs(
        (0, "LWPOLYLINE"), (8, "Thửa"), (90, 3), (70, 1), (10, 1), (20, 1), (10, 4), (20, 1), (10, 4), (20, 4)
    )
    block = drawings._block("b", drawings.POINT)
    return drawings.dxf(drawings.POINT + line + drawings._insert("b"), block)


def _unpacked(data: bytes) -> Parts:
    import zipfile

    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _one(text: str | bytes) -> Parts:
    return {"a": text if isinstance(text, bytes) else text.encode()}


SEEDS = (
    Seed("shapefile of points", ".zip", lambda: _written("ESRI Shapefile", "a.shp", *_points()), is_zipped=True),
    Seed("shapefile of areas", ".zip", lambda: _written("ESRI Shapefile", "a.shp", *_SHAPES), is_zipped=True),
    Seed("DBF", ".dbf", lambda: _one(_written("ESRI Shapefile", "a.shp", *_points())["a.dbf"])),
    Seed("GeoPackage of points", ".gpkg", lambda: _one(_written("GPKG", "a.gpkg", *_points())["a.gpkg"])),
    Seed("GeoPackage of areas", ".gpkg", lambda: _one(_written("GPKG", "a.gpkg", *_SHAPES)["a.gpkg"])),
    Seed("GeoJSON", ".geojson", lambda: _one(_collection())),
    Seed("GeoJSON by line", ".geojsonl", lambda: _one("\n".join(json.dumps(feature(ten=name)) for name in _NAMES))),
    Seed("KML", ".kml", lambda: _one(_polygon_kml())),
    Seed("KMZ", ".kmz", lambda: {"doc.kml": _polygon_kml().encode()}, is_zipped=True),
    Seed("GPX", ".gpx", lambda: _one(_track())),
    Seed("CSV", ".csv", lambda: _one(_table())),
    Seed("CSV of WKT", ".csv", lambda: _one(_wkt_table())),
    Seed("CSV in UTF-16", ".csv", lambda: _one(_table().encode("utf-16"))),
    Seed("CSV in TCVN3", ".csv", lambda: _one(b"ten,ma_xa,lon,lat\n" + b"Su\xe8i M\xac,20194,108.1,16.1\n" * 9)),
    Seed("XLSX", ".xlsx", lambda: _unpacked(_book()), is_zipped=True),
    Seed("XLSX, packed", ".xlsx", lambda: _one(_book())),
    Seed("XLS", ".xls", lambda: _one(_old_workbook())),
    Seed("ODS", ".ods", lambda: _unpacked(ods(ods_row("ten", "ma_xa", "lon", "lat") + ods_row("a", COMMUNE, "108.1", "16.1"))), is_zipped=True),
    Seed("zip", ".zip", lambda: _one(write_zip([Part("a.csv", _table().encode(), DEFLATED), Part("b/c.txt", b"x" * 99)]))),
    Seed("DXF", ".dxf", lambda: _one(_drawing()), needs_gdal=True),
    Seed("MapInfo TAB", ".zip", lambda: _written("MapInfo File", "a.tab", *_points()), is_zipped=True, needs_gdal=True),
    Seed("MapInfo MIF", ".zip", lambda: _written("MapInfo File", "a.mif", *_SHAPES), is_zipped=True, needs_gdal=True),
    Seed("File Geodatabase", ".zip", lambda: _written("OpenFileGDB", "a.gdb", *_points()), is_zipped=True, needs_gdal=True),
)  # fmt: skip


@cache
def parts_of(seed: Seed) -> Parts:
    """Make a good file once."""
    return seed.make()


def broken(seed: Seed, number: int) -> bytes:
    """Return the good file broken in the n-th way."""
    chance = random.Random(f"{seed.name} {number}")
    parts = dict(parts_of(seed))
    victim = chance.choice(sorted(name for name, data in parts.items() if data))
    parts[victim] = mutated(parts[victim], chance)
    if not seed.is_zipped:
        return parts[victim]
    return write_zip([Part(name, data, DEFLATED) for name, data in parts.items()])


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Break some bytes: flipped, cut off, moved, doubled, or numbers as large as they can be."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 30))):
        if not changed:
            break
        chance.choice((_flip, _flip, _fill, _fill, _cut, _splice, _drop, _double))(changed, chance)
    return bytes(changed)


def _flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _fill(data: bytearray, chance: random.Random) -> None:
    value, at = chance.choice(_EXTREMES), chance.randrange(len(data))
    data[at : at + len(value)] = value


def _cut(data: bytearray, chance: random.Random) -> None:
    if chance.random() < 0.3:
        del data[chance.randrange(len(data)) :]


def _piece(data: bytearray, chance: random.Random) -> slice:
    at = chance.randrange(len(data))
    return slice(at, at + chance.choice((1, 4, 16, 100, 1_000)))


def _splice(data: bytearray, chance: random.Random) -> None:
    data[_piece(data, chance)] = data[_piece(data, chance)]


def _drop(data: bytearray, chance: random.Random) -> None:
    del data[_piece(data, chance)]


def _double(data: bytearray, chance: random.Random) -> None:
    piece = data[_piece(data, chance)]
    at = chance.randrange(len(data))
    data[at:at] = piece * chance.choice((1, 1, 9))

"""DXF, MapInfo and geodatabases: headers that lie, blocks within blocks, files that name other files."""

import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas
import pyogrio
import shapely

from tests.hostile.cases import COMMUNE, LAT, LON, Bait, Case, calling
from tests.hostile.zips import DEFLATED, Part, write_zip

FAMILY = "drawings and tables for GDAL"
Parts = dict[str, bytes]


@cache
def made(driver: str, name: str) -> tuple[tuple[str, bytes], ...]:
    """Write one good tourism point with a driver; return the files it is of."""
    frame = geopandas.GeoDataFrame(
        {"ten": ["Suoi Mo"], "ma_xa": [COMMUNE]}, geometry=[shapely.Point(LON, LAT)], crs="EPSG:4326"
    )
    with TemporaryDirectory() as folder:
        pyogrio.write_dataframe(frame, Path(folder, name), driver=driver)
        found = sorted(item for item in Path(folder).rglob("*") if item.is_file())
        return tuple((str(item.relative_to(folder)), item.read_bytes()) for item in found)


def packed(parts: Parts) -> bytes:
    """Zip files."""
    return write_zip([Part(name, data, DEFLATED) for name, data in parts.items()])


def pairs(*groups: tuple[int, object]) -> str:
    """Return groups of a DXF."""
    return "".join(f"{code}\n{value}\n" for code, value in groups)


def dxf(entities: str, blocks: str = "") -> str:
    """Return a drawing."""
    head = pairs((0, "SECTION"), (2, "HEADER"), (9, "$ACADVER"), (1, "AC1015"), (0, "ENDSEC"))
    inside = pairs((0, "SECTION"), (2, "BLOCKS")) + blocks + pairs((0, "ENDSEC"))
    return head + inside + pairs((0, "SECTION"), (2, "ENTITIES")) + entities + pairs((0, "ENDSEC"), (0, "EOF"))


POINT = pairs((0, "POINT"), (8, "0"), (10, LON), (20, LAT))


def _insert(name: str, *more: tuple[int, object]) -> str:
    return pairs((0, "INSERT"), (8, "0"), (2, name), (10, LON), (20, LAT), *more)


def _block(name: str, inside: str, *more: tuple[int, object]) -> str:
    return pairs((0, "BLOCK"), (2, name), (10, 0), (20, 0), *more) + inside + pairs((0, "ENDBLK"))


_TEN = "".join(_block(f"b{at}", _insert(f"b{at - 1}") * 10 if at else POINT) for at in range(10))
_LINE = pairs((0, "LWPOLYLINE"), (8, "0"), (90, 0x7FFFFFFF), (70, 1), (10, LON), (20, LAT), (10, LON), (20, 17))
_DXF: dict[str, tuple[str, str]] = {
    "block of itself": (
        dxf(_insert("b"), _block("b", _insert("b"))),
        "refused 0/1 COMMUNE_NOT_FOUND CRS_ASSUMED Z_DROPPED",
    ),
    "blocks of ten blocks, ten deep": (
        dxf(_insert("b9"), _TEN),
        "refused 0/1 COMMUNE_NOT_FOUND CRS_ASSUMED Z_DROPPED",
    ),
    "block set 10⁸ times": (
        dxf(_insert("b", (70, 10_000), (71, 10_000), (44, 1), (45, 1)), _block("b", POINT)),
        "refused TOO_MANY_ROWS",
    ),
    "block of another file": (
        dxf(_insert("x") + POINT, _block("x", "", (70, 4), (1, "{secret}"))),
        "refused 0/2 COMMUNE_NOT_FOUND:2 CRS_ASSUMED Z_DROPPED",
    ),
    "picture of another file": (
        dxf(pairs((0, "IMAGE"), (8, "0"), (1, "{url}/a.png")) + POINT),
        "refused 0/1 COMMUNE_NOT_FOUND CRS_ASSUMED",
    ),
    "line of 2³¹ places": (dxf(_LINE), "refused 0/1 GEOM_TOO_FEW_POSITIONS"),
    "spline of degree 2³¹": (
        dxf(pairs((0, "SPLINE"), (8, "0"), (71, 0x7FFFFFFF), (73, 0x7FFFFFFF), (10, 1), (20, 1)) + POINT),
        "refused 0/1 COMMUNE_NOT_FOUND CRS_ASSUMED",
    ),
    "hatch of 2³¹ edges": (
        dxf(pairs((0, "HATCH"), (8, "0"), (91, 0x7FFFFFFF), (92, 1), (93, 0x7FFFFFFF)) + POINT),
        "refused 0/1 GEOM_EMPTY",
    ),
    "text of 5 MB": (
        dxf(pairs((0, "TEXT"), (8, "0"), (10, LON), (20, LAT), (1, "x" * 5_000_000))),
        "refused EMPTY_LAYER",
    ),
    "place that is no number": (
        dxf(pairs((0, "POINT"), (8, "0"), (10, "nan"), (20, "inf")) + POINT),
        "refused 0/2 COMMUNE_NOT_FOUND CRS_ASSUMED GEOM_NOT_FINITE",
    ),
    "5,000 layers": (
        dxf("".join(pairs((0, "POINT"), (8, at), (10, LON), (20, LAT)) for at in range(5_000))),
        "refused 0/5000 COMMUNE_NOT_FOUND:5000 COORDINATES_ROUNDED CRS_ASSUMED",
    ),
    "sections without an end": (pairs((0, "SECTION")) * 100_000, "refused GDAL_BROKEN"),
}


def _tab(change: Callable[[str], str]) -> Callable[[Bait], bytes]:
    def make(bait: Bait) -> bytes:
        parts = dict(made("MapInfo File", "a.tab"))
        text = change(parts["a.tab"].decode("latin-1"))
        return packed({**parts, "a.tab": calling(text)(bait)})

    return make


def _mif(head: str, data: str = '"Suoi Mo","20194"\n') -> bytes:
    return packed({"a.mif": head.encode(), "a.mid": data.encode()})


_MIF = 'Version 300\nCharset "Neutral"\nDelimiter ","\nColumns 2\n  ten Char(20)\n  ma_xa Char(5)\nData\n\n'
_MIFS: dict[str, tuple[str, str]] = {
    "MIF of 2³¹ columns": (
        _MIF.replace("Columns 2", "Columns 2147483647") + f"Point {LON} {LAT}\n",
        "refused GDAL_BROKEN",
    ),
    "MIF of a line of 2³¹ places": (
        _MIF + f"Pline 2147483647\n{LON} {LAT}\n",
        "refused 0/1 FEATURE_UNREADABLE",
    ),
    "MIF of a region of 2³¹ parts": (
        _MIF + f"Region 2147483647\n  4\n{LON} {LAT}\n",
        "refused 0/1 FEATURE_UNREADABLE",
    ),
    "MIF of a negative count": (_MIF + f"Pline -5\n{LON} {LAT}\n", "refused 0/1 FEATURE_UNREADABLE"),
    "MIF of collections 1,000 deep": (_MIF + "Collection 1\n" * 1_000 + f"Point {LON} {LAT}\n", "refused GDAL_BROKEN"),
    "MIF of words": (_MIF + "Point đây đó\n", "needs_choice CRS_MISSING"),
    "MIF of fields 2³¹ wide": (
        _MIF.replace("Char(20)", "Char(2147483647)") + f"Point {LON} {LAT}\n",
        "ok 1/1 CRS_ASSUMED",
    ),
}


def _geodatabase(change: Callable[[str, bytes], bytes]) -> bytes:
    return packed({name: change(name, data) for name, data in made("OpenFileGDB", "a.gdb")})


def _filled(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


_TABLES: dict[str, tuple[Callable[[str, bytes], bytes], str]] = {
    "geodatabase of 4 billion rows": (
        lambda name, data: _filled(data, 4, b"\xff" * 4) if name.endswith("tablx") else data,
        "refused GDAL_BROKEN",
    ),
    "geodatabase with every table cut": (
        lambda name, data: data[:64] if name.endswith("table") else data,
        "refused GDAL_BROKEN",
    ),
    "geodatabase with fields far away": (
        lambda name, data: _filled(data, 32, b"\xff" * 8) if name.endswith("table") else data,
        "refused GDAL_BROKEN",
    ),
    "geodatabase of zeros": (lambda _name, data: bytes(len(data)), "refused GDAL_BROKEN"),
    "geodatabase with a catalogue of rubbish": (
        lambda name, data: b"\xa5" * len(data) if "00000001" in name else data,
        "refused GDAL_BROKEN",
    ),
}
_POINTING = {
    "TAB that is linked": "Type LINKED",
    "TAB over a database": "Type ODBC",
    "TAB over a picture": 'Type "RASTER"',
    "TAB over a table elsewhere": 'Type NATIVE File "{secret}"',
}


_OFFSETS = {
    ("dat", 0): "refused GDAL_BROKEN",
    ("dat", 4): "refused GDAL_BROKEN",
    ("dat", 256): "ok 1/1",
    ("map", 0): "ok 1/1",
    ("map", 4): "ok 1/1",
    ("map", 256): "refused GDAL_BROKEN",
}


def _with_a_path() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in made("OpenFileGDB", "a.gdb"):
            archive.writestr(name.replace("a.gdb/", "a.gdb/../../"), data)
    return out.getvalue()


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (text, expected) in _DXF.items():
        is_calling = "{" in text
        yield Case(FAMILY, f"DXF, {name}", ".dxf", expected, calling(text), is_calling)
    for name, line in _POINTING.items():
        make = _tab(lambda text, line=line: text.replace("Type NATIVE", line))
        yield Case(FAMILY, name, ".zip", "refused MAPINFO_INDIRECT", make, True)
    seamless = _tab(lambda text: text + 'begin_metadata\n"\\IsSeamless" = "TRUE"\nend_metadata\n')
    yield Case(FAMILY, "TAB that is seamless", ".zip", "refused MAPINFO_INDIRECT", seamless)
    yield Case(
        FAMILY,
        "TAB of 2³¹ fields",
        ".zip",
        "refused GDAL_BROKEN",
        _tab(lambda text: text.replace("Fields 2", "Fields 2147483647")),
    )
    for (suffix, at), expected in _OFFSETS.items():
        make = lambda _, suffix=suffix, at=at: packed(  # noqa: E731
            {n: _filled(d, at, b"\xff" * 8) if n.endswith(suffix) else d for n, d in made("MapInfo File", "a.tab")}
        )
        yield Case(FAMILY, f"TAB whose .{suffix} lies at {at}", ".zip", expected, make)
    for name, (head, expected) in _MIFS.items():
        yield Case(FAMILY, name, ".zip", expected, lambda _, head=head: _mif(head))
    for name, (change, expected) in _TABLES.items():
        yield Case(FAMILY, name, ".gdb.zip", expected, lambda _, change=change: _geodatabase(change))
    yield Case(FAMILY, "geodatabase that leads out", ".zip", "refused ZIP_PATH", lambda _: _with_a_path())

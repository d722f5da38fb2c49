"""What a file is, its bytes say: kinds that are not read name what to do, and disguises fall."""

import contextlib
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.geodata.importing.files import collection, kml, read, refusal, refusal_here, shape
from tests.geodata.importing.test_sandbox import disguised_vrt, traces_of, zipped

NEW_SUFFIXES = (".gpx", ".xlsx", ".xls", ".ods", ".dxf", ".tab", ".mif")
GML = '<?xml version="1.0"?><gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml"/>'
CANARY = "canh-bao-7f3a9c"


def database(folder: Path, spatial: bool) -> bytes:
    path = folder / "x.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE spatial_ref_sys (srid)" if spatial else "CREATE TABLE a (b)")
    return path.read_bytes()


def parquet(folder: Path) -> bytes:
    pyarrow.parquet.write_table(pa.table({"a": [1]}), folder / "x.parquet")
    return (folder / "x.parquet").read_bytes()


@pytest.mark.parametrize("suffix", NEW_SUFFIXES)
@pytest.mark.parametrize(
    ("kind", "is_zipped"), [("vrt", False), ("gml", False), ("sqlite", False), ("vrt", True)],
    ids=["vrt", "gml", "sqlite", "zipped vrt"],
)  # fmt: skip
def test_a_disguise_under_a_new_suffix_is_refused_and_reads_no_other_file(
    tmp_path: Path, suffix: str, kind: str, is_zipped: bool
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(f"a,b\n{CANARY},1\n", encoding="ascii")
    data = {"vrt": disguised_vrt(f"CSV:{secret}"), "gml": GML.encode(), "sqlite": database(tmp_path, True)}[kind]
    if is_zipped:
        data, suffix = zipped(tmp_path, f"x{suffix}", data), ".zip"
    refused = refusal if kind == "vrt" and not is_zipped else refusal_here
    assert refused(tmp_path, data, f"a{suffix}").code == "UPLOAD_FORMAT"
    if refused is refusal:
        assert not traces_of(CANARY, tmp_path / "work")


@pytest.mark.parametrize(
    ("kind", "suffix", "says"),
    [
        ("topojson", ".topojson", "GeoPackage"),
        ("gml", ".gml", "GML"),
        ("fgb", ".fgb", "FlatGeobuf"),
        ("parquet", ".parquet", "Parquet"),
        ("sqlite", ".sqlite", "GeoPackage"),
        ("spatialite", ".sqlite", "GeoPackage"),
        ("dwg", ".dwg", "DXF"),
        ("gzip", ".csv.gz", ".zip"),
        ("rar", ".rar", "(tệp nén)"),
        ("picture", ".jpg", "(ảnh)"),
        ("links", ".kml", "Google Earth"),
        ("xlsb", ".xlsb", ".xlsx"),
    ],
)
def test_kinds_that_are_not_read_say_what_to_do(tmp_path: Path, kind: str, suffix: str, says: str) -> None:
    data = {
        "topojson": b'{"type":"Topology","objects":{},"arcs":[]}',
        "gml": GML.encode(),
        "fgb": b"fgb\x03fgb\x00" + bytes(40),
        "parquet": parquet(tmp_path),
        "sqlite": database(tmp_path, False),
        "spatialite": database(tmp_path, True),
        "dwg": b"AC1032" + bytes(40),
        "gzip": b"\x1f\x8b\x08" + bytes(40),
        "rar": b"Rar!\x1a\x07" + bytes(40),
        "picture": b"\xff\xd8\xff\xe0" + bytes(40),
        "links": kml("<NetworkLink><Link><href>http://127.0.0.1/x.kml</href></Link></NetworkLink>").encode(),
        "xlsb": zipped(tmp_path, "xl/workbook.bin", b"x"),
    }[kind]
    error = refusal_here(tmp_path, data, f"a{suffix}")
    assert (error.code, says in error.vi) == ("UPLOAD_FORMAT", True)


@pytest.mark.parametrize(
    ("start", "between", "suffix"),
    [
        ("", "\n", ".geojsonl"), ("\x1e", "\n\x1e", ".geojsons"), ("\x1e", "\x1e", ".json"), ("\ufeff", "\r\n", ".txt"),
        ("", "\n\n", ".geojson"),
    ],
)  # fmt: skip
def test_features_line_by_line_are_read_with_and_without_record_marks(
    tmp_path: Path, start: str, between: str, suffix: str
) -> None:
    feature = collection(shape("Point", [1, 2])).partition("[")[2].rpartition("]")[0]
    assert read(tmp_path, (start + between.join([feature] * 3)).encode(), f"a{suffix}").row_count == 3

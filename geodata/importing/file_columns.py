"""Which field each column of a file is, told to its sender; and the columns that are none: places, records' own ids."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

import pyarrow as pa

from geodata.importing.given_ids import GivenIds, parse
from geodata.importing.mapping import ColumnChoiceError, ColumnMatch, ColumnMatching, derived_names
from geodata.importing.report import Report
from geodata.importing.results import ReadResult, iter_batches
from geodata.register import Field, Register
from geodata.text import search_key

PLACE_COLUMNS = frozenset(
    ["lon", "long", "lng", "longitude", "x", "lat", "latitude", "y", "wkt", "geom", "geometry", "easting", "northing"]
) | {
    "kinh do",
    "vi do",
}
"""Columns of tables that the reader takes the place from; they are no fields and not worth a note."""


def match_columns(matching: ColumnMatching, result: ReadResult, report: Report) -> Mapping[str, Field] | None:
    """Find the field of each column, saying how; None where the sender's own choice cannot be followed."""
    with closing(iter_batches(result)) as batches:
        first = next(batches, None)
    sample = {} if first is None else {name: first.column(name) for name in result.columns}
    try:
        matches = matching.run(result.columns, sample)
    except ColumnChoiceError as error:
        report.refuse(error.code, "needs_choice", value=error.detail["name"], **error.detail)
        return None
    report.columns = {match.name: match.taken.name if match.taken else None for match in matches}
    mapping = {match.name: match.taken for match in matches if match.taken is not None}
    ids, derived = find_given_ids(result, mapping), derived_names(matching.register)
    report.matches = [_explained(match, result, ids, sample).as_dict() for match in matches]
    for match in matches:
        is_place = match.name in result.place_columns or search_key(match.name) in PLACE_COLUMNS
        is_derived = match.taken is None and search_key(match.name) in derived
        if not (is_place or is_derived or match.name == ids.column):
            match.say(report)
    _say_missing(matching.register, mapping, report)
    return mapping


def _explained(match: ColumnMatch, result: ReadResult, ids: GivenIds, sample: Mapping[str, pa.Array]) -> ColumnMatch:
    """Say what a column without a field is used for, where it is."""
    if match.taken is None and match.name in result.place_columns:
        return replace(match, field=None, how="place", certain=True)
    if match.taken is None and match.name == ids.column and _holds_ids(sample.get(match.name)):
        return replace(match, field=None, how="id", certain=True)
    return match


def _holds_ids(texts: pa.Array | None) -> bool:
    first = None if texts is None else next((one for one in texts.to_pylist() if one is not None), None)
    return first is not None and parse(first) is not None


def _say_missing(register: Register, mapping: Mapping[str, Field], report: Report) -> None:
    """Say once which columns the file lacks altogether; a row's commune is known by its place, too."""
    has = {item.name for item in mapping.values()} | {"commune_code"}
    for name, info in register.write.model_fields.items():
        if info.is_required() and name not in has:
            title = register.field(name).title
            report.add("COLUMN_MISSING", column=name, title_vi=title.vi, title_en=title.en)


def find_given_ids(result: ReadResult, mapping: Mapping[str, Field]) -> GivenIds:
    """Find the column of the records' own ids, as exports have it, among those that are no field."""
    return GivenIds([name for name in result.columns if name not in mapping])

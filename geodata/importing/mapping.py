"""Which column of a file is which field of the register.

The sender's word counts most, then what was chosen for such a column before, then its header in any spelling, shortened
by DBF or not, and last its values.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import pyarrow as pa

from geodata.importing.cells import clean_column
from geodata.importing.recognition import SAMPLE_ROWS, Likeness, recognise
from geodata.importing.report import Report
from geodata.importing.results import UnreadableFileError
from geodata.people import is_personal
from geodata.register import Field, Label, Register
from geodata.text import clean_text, search_key
from geodata.units.index import UnitIndex

DBF_NAME_LENGTH = 10
"""Shapefiles cut field names at 10 bytes."""

SOURCE_TITLE = Label("Nguồn", "Source")
SAMPLES_SHOWN, SAMPLE_SHOWN = 3, 40
_PERSONAL_SHARE = 0.2

How = Literal["name", "values", "memory", "chosen", "place", "id", "none"]


class ColumnChoiceError(UnreadableFileError):
    """The sender's word on a column, ``name`` in the detail, cannot be followed."""


@dataclass(frozen=True)
class ColumnMatch:
    """A column and its field.

    Attributes
    ----------
    field : Field or None
        Where the match is not certain, a proposal.
    """

    name: str
    field: Field | None
    how: How
    certain: bool
    samples: tuple[str, ...] = ()

    @property
    def taken(self) -> Field | None:
        """The field that rows are read by."""
        return self.field if self.certain else None

    def as_dict(self) -> dict[str, Any]:
        """Return the column as reports tell it."""
        field = None if self.field is None else self.field.name
        return {
            "name": self.name, "field": field, "how": self.how, "certain": self.certain, "samples": list(self.samples),
        }  # fmt: skip

    def say(self, report: Report) -> None:
        """Note what the sender should know of it; a header that names its field is worth no note."""
        codes = {("memory", True): "COLUMN_REMEMBERED", ("values", True): "COLUMN_GUESSED"}
        if self.field is not None and self.how == "values" and not self.certain:
            code: str | None = "COLUMN_MAYBE"
        elif self.field is None:
            code = None if self.how == "chosen" else "COLUMN_UNUSED"
        else:
            code = codes.get((self.how, self.certain))
        if code is not None:
            title = self.field.title if self.field is not None else Label("", "")
            report.add(code, value=self.name, title_vi=title.vi, title_en=title.en)


def field_names(item: Field) -> list[str]:
    """Return every spelling by which a header may name the field, as search keys."""
    spellings = (item.name, item.title.vi, item.title.en, *item.aliases)
    return list(dict.fromkeys(search_key(spelling) for spelling in spellings))


def read_fields(register: Register) -> tuple[Field, ...]:
    """Return the fields that files may give: all but those the service fills in, and the source."""
    source = Field(register.model.source, SOURCE_TITLE, aliases=("nguon", "nguon du lieu"))
    return (*(item for item in register.fields if item.name not in register.derived), source)


def derived_names(register: Register) -> frozenset[str]:
    """Return the headers, as search keys, of fields that the service fills in itself: exports write them, too."""
    derived = (item for item in register.fields if item.name in register.derived)
    return frozenset(name for item in derived for name in field_names(item))


def map_columns(register: Register, columns: Sequence[str]) -> Mapping[str, Field]:
    """Find the field of each column of a file by its header.

    Parameters
    ----------
    register : Register
    columns : sequence of str
        Headers as they stand in the file.

    Returns
    -------
    mapping of column name to field
        In the order of the file. A field is taken by one column only, the first that names it; whole names win
        over names with their words run together, and these over names cut at ten characters. Columns that are no field
        are missing.
    """
    return _by_name(read_fields(register), columns)


def _by_name(fields: Sequence[Field], columns: Sequence[str]) -> dict[str, Field]:
    tables: tuple[dict[str, Field], ...] = ({}, {}, {})
    for item in fields:
        for name in field_names(item):
            forms = (name, name.replace(" ", ""), name.replace(" ", "_")[:DBF_NAME_LENGTH])
            for table, form in zip(tables, forms, strict=True):
                table.setdefault(form, item)
    found: dict[str, Field] = {}
    for number, table in enumerate(tables):
        for column in columns:
            name = search_key(column)
            key = (name, name.replace(" ", ""), column.strip().casefold())[number]
            if column not in found and key in table and table[key] not in found.values():
                found[column] = table[key]
    return {column: found[column] for column in columns if column in found}


@dataclass(frozen=True)
class ColumnMatching:
    """Decides which column is which field.

    Attributes
    ----------
    chosen : mapping of column name to field name
        The sender's word; None for a column that is to be left out.
    remembered : mapping of column key to field name
        What was chosen before, by `column_key`.
    commune : str, optional
        The commune the file is for.
    """

    register: Register
    chosen: Mapping[str, str | None]
    remembered: Mapping[str, str | None]
    units: UnitIndex
    commune: str | None = None

    def run(self, columns: Sequence[str], sample: Mapping[str, pa.Array]) -> list[ColumnMatch]:
        """Match the columns of a file.

        Parameters
        ----------
        columns : sequence of str
        sample : mapping of column name to string array
            The file's first rows.

        Returns
        -------
        list of ColumnMatch
            One for each column, in the order of the file.

        Raises
        ------
        ColumnChoiceError
            When the sender named a column or field that is not there, or gave one field to two columns.
        """
        texts = {name: clean_column(column.slice(0, SAMPLE_ROWS)).drop_null() for name, column in sample.items()}
        open_ = _Open(read_fields(self.register), list(columns))
        open_.take("chosen", self._chosen(open_))
        known = {name: self.remembered[key] for name in open_.columns if (key := column_key(name)) in self.remembered}
        open_.take("memory", open_.fields_of(known))
        open_.take("name", _by_name(open_.fields, open_.columns))
        likely = {name: self._likely(texts.get(name), open_.fields) for name in open_.columns}
        open_.guess(likely)
        return [self._with_samples(ColumnMatch(name, *open_.found[name]), texts.get(name)) for name in columns]

    def _with_samples(self, match: ColumnMatch, texts: pa.Array | None) -> ColumnMatch:
        """Add the first different texts of a column, none where they may be private."""
        if texts is None or (match.field is not None and not is_open(self.register, match.field)):
            return match
        distinct: list[str] = texts.unique().to_pylist()
        if match.taken is None and are_personal(distinct):
            return match
        return replace(match, samples=tuple(text[:SAMPLE_SHOWN] for text in distinct[:SAMPLES_SHOWN]))

    def _chosen(self, open_: "_Open") -> dict[str, Field | None]:
        by_name = {unicodedata.normalize("NFC", name): name for name in open_.columns}
        found: dict[str, Field | None] = {}
        for column, name in self.chosen.items():
            field = next((item for item in open_.fields if item.name == name), None)
            here = by_name.get(unicodedata.normalize("NFC", column))
            if here is None:
                raise ColumnChoiceError("COLUMN_UNKNOWN", name=column)
            if name is not None and field is None:
                raise ColumnChoiceError("FIELD_UNKNOWN", name=column, field=name[:40])
            if field is not None and field in found.values():
                raise ColumnChoiceError("FIELD_TWICE", name=column, title_vi=field.title.vi, title_en=field.title.en)
            found[here] = field
        return found

    def _likely(self, texts: pa.Array | None, fields: Sequence[Field]) -> list[Likeness]:
        return [] if texts is None else recognise(texts, fields, self.register, self.units, self.commune)


@dataclass
class _Open:
    """Columns without a field and fields without a column."""

    fields: Sequence[Field]
    columns: list[str]

    def __post_init__(self) -> None:
        self.found: dict[str, tuple[Field | None, How, bool]] = {}

    def take(self, how: How, matched: Mapping[str, Field | None]) -> Self:
        """Close what was matched for certain."""
        self.found |= {name: (field, how, True) for name, field in matched.items()}
        taken = {field.name for field in matched.values() if field is not None}
        self.fields = [item for item in self.fields if item.name not in taken]
        self.columns = [name for name in self.columns if name not in matched]
        return self

    def fields_of(self, known: Mapping[str, str | None]) -> dict[str, Field | None]:
        """Return the fields of these names that are still open, the first column's where two name one."""
        by_name = {item.name: item for item in self.fields}
        return {
            column: None if name is None else by_name.pop(name)
            for column, name in known.items()
            if name is None or name in by_name
        }

    def guess(self, likely: Mapping[str, Sequence[Likeness]]) -> None:
        """Take what the values leave no doubt of, propose what they only suggest."""
        sure = {name: found[0].field for name, found in likely.items() if len(found) == 1 and found[0].certain}
        names = [field.name for field in sure.values()]
        self.take("values", {name: field for name, field in sure.items() if names.count(field.name) == 1})
        for name in self.columns:
            free = [found.field for found in likely[name] if found.field in self.fields]
            self.found[name] = (free[0], "values", False) if free else (None, "none", False)


def column_key(column: str) -> str:
    """Return by what a column is remembered: its header without accents and case."""
    return search_key(column)


def is_open(register: Register, field: Field) -> bool:
    """Whether a field's values may be shown: always public, and not one whose people's names the model moves away."""
    is_moved = any(not item.public for item in register.fields if item.name in register.write.computed)
    return field.public and field.public_if is None and not (is_moved and field.name == "name")


def are_personal(texts: Sequence[str]) -> bool:
    """Whether most of these texts look like what is known of persons."""
    return sum(map(is_personal, texts)) >= max(1, _PERSONAL_SHARE * len(texts))


def without_private(register: Register, sample: Sequence[Mapping[str, str | None]]) -> list[dict[str, str | None]]:
    """Return sample rows with “…” for what is private by its header, or looks like a person's."""
    columns = list(dict.fromkeys(name for row in sample for name in row))
    named, hidden = map_columns(register, columns), set[str]()
    for name in columns:
        texts = [clean_text(text) for row in sample if (text := row.get(name))]
        if not is_open(register, named[name]) if name in named else are_personal(texts):
            hidden.add(name)
    return [{name: "…" if text and name in hidden else text for name, text in row.items()} for row in sample]

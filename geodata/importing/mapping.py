"""Which column of a file is which field of the register: by name, in any spelling, shortened by DBF or not."""

from collections.abc import Mapping, Sequence

from geodata.register import Field, Label, Register
from geodata.text import search_key

DBF_NAME_LENGTH = 10
"""Shapefiles cut field names at 10 bytes."""

SOURCE_TITLE = Label("Nguồn", "Source")


def field_names(item: Field) -> list[str]:
    """Return every spelling by which a header may name the field, as search keys."""
    spellings = (item.name, item.title.vi, item.title.en, *item.aliases)
    return list(dict.fromkeys(search_key(spelling) for spelling in spellings))


def map_columns(register: Register, columns: Sequence[str]) -> Mapping[str, Field]:
    """Find the field of each column of a file.

    Parameters
    ----------
    register : Register
    columns : sequence of str
        Headers as they stand in the file.

    Returns
    -------
    mapping of column name to field
        In the order of the file. A field is taken by one column only, the first that names it; whole names win
        over names cut at ten characters. Columns that are no field are missing.
    """
    whole: dict[str, Field] = {}
    cut: dict[str, Field] = {}
    source = Field(register.model.source, SOURCE_TITLE, aliases=("nguon", "nguon du lieu"))
    for item in (*register.fields, source):
        if item.name in register.derived:
            continue
        for name in field_names(item):
            whole.setdefault(name, item)
            cut.setdefault(name.replace(" ", "_")[:DBF_NAME_LENGTH], item)
    return _assign(columns, whole, cut)


def _assign(columns: Sequence[str], whole: Mapping[str, Field], cut: Mapping[str, Field]) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for table in (whole, cut):
        for column in columns:
            key = search_key(column) if table is whole else column.strip().casefold()
            if column not in found and key in table and table[key] not in found.values():
                found[column] = table[key]
    return {column: found[column] for column in columns if column in found}

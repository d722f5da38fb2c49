"""What field a column may be, judged by its values: code lists, communes, codes, dates, telephones, names of people."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.cells import read_cells
from geodata.importing.columnwise import surely_valid
from geodata.people import MAX_LENGTH
from geodata.register import Field, Register
from geodata.units.index import UnitIndex

SAMPLE_ROWS = 1000
_SHARE = 0.95
_LEAST_ROWS, _LEAST_DISTINCT, _LEAST_COMMUNES = 3, 2, 3


@dataclass(frozen=True)
class Likeness:
    """A field that a column may be.

    Attributes
    ----------
    certain : bool
        Whether the values leave no doubt, as long as no other field is as likely. Private fields never are: a wrong
        guess would store people's data, and a street's names are those of people.
    """

    field: Field
    certain: bool


def recognise(
    texts: pa.Array, fields: Sequence[Field], register: Register, units: UnitIndex, commune: str | None
) -> list[Likeness]:
    """Find the fields that a column's values fit.

    Parameters
    ----------
    texts : string array, shape (n,)
        Cleaned values of the column, none of them null.
    fields : sequence of Field
        Those without a column.
    units : UnitIndex
        Its communes tell their codes from other numbers of five digits.
    commune : str, optional
        The commune the file is for.
    """
    if len(texts) < _LEAST_ROWS:
        return []
    looks = _Looks(texts, register, units, commune)
    found = [Likeness(item, certain) for item in fields for certain in looks.like(item)]
    dates = [item for item in fields if item.column.type.python_type is date]
    if not found and len(dates) == 1 and looks.are_dates(dates[0]):
        return [Likeness(dates[0], certain=False)]
    return found


@dataclass(frozen=True)
class _Looks:
    texts: pa.Array
    register: Register
    units: UnitIndex
    commune: str | None

    def like(self, item: Field) -> Iterator[bool]:
        """Yield whether it is certain, once, where the values fit the field."""
        distinct = pc.count_distinct(self.texts).as_py()
        is_open = item.public and item.public_if is None
        if item.name == "commune_code" and self.register.is_in_communes:
            if self._fits(pc.is_in(self.texts, pa.array(self.units.provinces, pa.string()))):
                is_chosen = distinct == 1 and self.texts[0].as_py() == self.commune
                yield is_chosen or distinct >= _LEAST_COMMUNES
        elif item.choices:
            if self._fits(pc.is_in(read_cells(self.texts, item).values, pa.array(item.choices, pa.string()))):
                yield is_open and distinct >= _LEAST_DISTINCT
        elif item.looks_like is not None:
            fits = pa.array([_matches(item.looks_like, text) for text in self.texts.to_pylist()])
            if self._fits(fits):
                yield is_open and distinct >= _LEAST_DISTINCT
        elif item.scheme is not None and item.column.key == "value" and self._is_valid(item):
            yield False

    def are_dates(self, item: Field) -> bool:
        return self._fits(pc.is_valid(read_cells(self.texts, item).values))

    def _is_valid(self, item: Field) -> bool:
        cells = read_cells(self.texts, item)
        return self._fits(pa.array(surely_valid(self.register.write, item.name, cells.text, cells.values)))

    def _fits(self, mask: pa.Array) -> bool:
        share: float = pc.mean(pc.cast(mask, pa.int8())).as_py() or 0.0
        return share >= _SHARE


def _matches(pattern: re.Pattern[str], text: str) -> bool:
    return len(text) <= MAX_LENGTH and pattern.fullmatch(text) is not None

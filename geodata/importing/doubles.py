"""Rows with a key or code that an earlier row of the file has already."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.importing.report import Report
from geodata.importing.rows import CheckedRows
from geodata.register import Register

Mask = NDArray[np.bool_]


@dataclass
class Doubles:
    """Remembers the keys and codes of a file's valid rows."""

    register: Register
    report: Report
    seen: dict[tuple[str, ...], dict[Any, int]] = field(default_factory=dict)

    def without(self, checked: CheckedRows, numbers: Sequence[int]) -> CheckedRows:
        """Leave out rows with a key or code that an earlier valid row has already."""
        register = self.register
        keys = {register.key, *((item.name,) for item in register.code_fields)}
        is_kept = np.ones(len(checked.positions), dtype=bool)
        for names in sorted(keys):
            if names and set(names) <= checked.columns.keys():
                self._refuse(names, checked, numbers, is_kept)
        if is_kept.all():
            return checked
        columns = {name: column.filter(pa.array(is_kept)) for name, column in checked.columns.items()}
        return CheckedRows(checked.positions[is_kept], columns)

    def _refuse(self, names: tuple[str, ...], checked: CheckedRows, numbers: Sequence[int], is_kept: Mask) -> None:
        seen = self.seen.setdefault(names, {})
        columns = [checked.columns[name].to_pylist() for name in names]
        # Texts as they are: tuples would be walked through again and again by the collector of cycles.
        values: list[Any] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        positions = checked.positions.tolist()
        # Nearly always there is none, which is told three times faster for the whole batch.
        found = dict(zip(values, map(numbers.__getitem__, positions), strict=True))
        if is_kept.all() and len(found) == len(values) and seen.keys().isdisjoint(found):
            seen.update(found)
            return
        for at in sorted(range(len(positions)), key=positions.__getitem__):
            value, row = values[at], numbers[positions[at]]
            if not is_kept[at] or value is None or (len(columns) > 1 and None in value):
                continue
            first = seen.setdefault(value, row)
            if first != row:
                is_kept[at] = False
                self._say_double(names, [value] if len(columns) == 1 else value, checked, at, row, first)

    def _say_double(
        self, names: tuple[str, ...], value: Sequence[str], checked: CheckedRows, at: int, row: int, first: int
    ) -> None:
        """Say which value stands twice; a key that the file does not have is made of the name, which is then said."""
        register, given = self.register, set(self.report.columns.values())
        if set(names) & register.write.computed - given:
            name = checked.columns[register.label][at].as_py()
            self.report.add("NAME_DOUBLED", row=row, column=register.label, value=name, first_row=first)
        else:
            self.report.add("CODE_DOUBLED", row=row, column=names[-1], value=" · ".join(value), first_row=first)

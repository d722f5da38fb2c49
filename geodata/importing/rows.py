"""Rows of a file against the register's write model: what is valid goes on, what is not is said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from geodata.importing.cells import clean_column, read_cells
from geodata.importing.report import Report
from geodata.register import Field, Register

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RowChecker:
    """Checks batches of rows of one file.

    Attributes
    ----------
    register : Register
    mapping : mapping of column name to field
        See `geodata.importing.mapping.map_columns`.
    constants : mapping of field name to value
        Given for rows whose own cell is empty (the chosen commune).
    """

    register: Register
    mapping: Mapping[str, Field]
    constants: Mapping[str, Any]

    @cached_property
    def adapter(self) -> TypeAdapter[list[BaseModel]]:
        """Validator of many rows at once."""
        return TypeAdapter(list[self.register.write])  # type: ignore[name-defined]  the model is a value here

    @cached_property
    def _columns_by_field(self) -> Mapping[str, str]:
        return {item.name: column for column, item in self.mapping.items()}

    def values(self, batch: pa.RecordBatch) -> dict[str, list[Any]]:
        """Return the fields' values as read from the cells, constants filled in."""
        found: dict[str, list[Any]] = {}
        for column, item in self.mapping.items():
            found[item.name] = read_cells(clean_column(batch.column(column)), item)
        for name, constant in self.constants.items():
            cells = found.get(name)
            found[name] = [constant] * batch.num_rows if cells is None else [
                constant if cell is None else cell for cell in cells
            ]  # fmt: skip
        return found

    def check(
        self, values: Mapping[str, Sequence[Any]], rows: Sequence[int], good: Mask, report: Report
    ) -> list[BaseModel]:
        """Validate the good rows; rows that fail are reported and cleared in ``good``.

        Parameters
        ----------
        values : mapping of field name to values, each of shape (n,)
        rows : sequence of int, shape (n,)
            Row numbers in the file, for the report.
        good : bool array, shape (n,)
            Rows still in play; changed in place.

        Returns
        -------
        list of models
            One for each row still good, in order.
        """
        positions = np.flatnonzero(good)
        records = _records(values, positions)
        try:
            return self.adapter.validate_python(records)
        except ValidationError as error:
            bad = set()
            for fault in error.errors(include_url=False, include_context=False):
                index = int(fault["loc"][0])
                bad.add(index)
                self._say(fault, records[index], rows[positions[index]], report)
            good[positions[sorted(bad)]] = False
            return self.adapter.validate_python([record for n, record in enumerate(records) if n not in bad])

    def _say(self, fault: ErrorDetails, record: Mapping[str, Any], row: int, report: Report) -> None:
        name = str(fault["loc"][1]) if len(fault["loc"]) > 1 else ""
        item = self._field(name)
        titles = {"title_vi": item.title.vi if item else name, "title_en": item.title.en if item else name}
        is_private = item is not None and not item.public
        value = "…" if is_private else record.get(name)
        choices = ", ".join(choice.label.vi for choice in item.choices.values()) if item else ""
        report.add(
            _message_code(fault, item), row=row, column=self._columns_by_field.get(name, name), value=value,
            **titles, choices=choices,
        )  # fmt: skip

    def _field(self, name: str) -> Field | None:
        return next((item for item in self.register.fields if item.name == name), None)


def _message_code(fault: ErrorDetails, item: Field | None) -> str:
    kind = fault["type"]
    if kind == "missing":
        return "FIELD_MISSING"
    if kind == "string_too_long":
        return "FIELD_TOO_LONG"
    if kind == "literal_error":
        return "CHOICE_UNKNOWN"
    if kind == "string_pattern_mismatch" and item is not None and (item.scheme or "code" in item.name):
        return "CODE_FORMAT"
    return "FIELD_INVALID"


def _records(values: Mapping[str, Sequence[Any]], positions: NDArray[np.intp]) -> list[dict[str, Any]]:
    names = list(values)
    columns = [values[name] for name in names]
    rows: Iterator[tuple[Any, ...]] = (
        zip(*columns, strict=True) if columns else iter([()] * (int(positions[-1]) + 1))
    )
    chosen = list(rows) if columns else list(rows)
    if len(positions) != len(chosen):
        chosen = [chosen[position] for position in positions]
    return [{name: cell for name, cell in zip(names, row, strict=True) if cell is not None} for row in chosen]


def model_columns(models: Sequence[BaseModel], names: Sequence[str]) -> dict[str, list[Any]]:
    """Turn validated rows back into columns of the named fields."""
    if not models:
        return {name: [] for name in names}
    if len(names) == 1:
        return {names[0]: [getattr(model, names[0]) for model in models]}
    rows = map(attrgetter(*names), models)
    return {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}

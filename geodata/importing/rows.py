"""Rows of a file against the register's write model: what is valid goes on, what is not is said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from geodata.importing.cells import ARROW_TYPES, Cells, read_cells
from geodata.importing.columnwise import surely_valid
from geodata.importing.faults import bound_of, fault_code
from geodata.importing.report import Report
from geodata.importing.staging import raw_name
from geodata.importing.value_repairs import ValueRepair, repair_value
from geodata.register import Field, Register
from geodata.writing import Doubt, WriteModel

COMMUNE = "commune_code"

Mask = NDArray[np.bool_]
Positions = NDArray[np.intp]


@dataclass(frozen=True)
class CheckedRows:
    """The valid rows of a batch.

    Attributes
    ----------
    positions : int array, shape (m,)
        Which rows of the batch they are; rows that went through the model one by one come last.
    columns : mapping of field name to array of shape (m,)
        Values in the same order.
    """

    positions: Positions
    columns: Mapping[str, pa.Array]


@dataclass(frozen=True)
class RowChecker:
    """Checks batches of rows of one file.

    Attributes
    ----------
    register : Register
    mapping : mapping of column name to field
        See `geodata.importing.mapping.map_columns`.
    fields : sequence of str
        Fields that rows may carry: mapped, given, with a default, or computed by the model.
    """

    register: Register
    mapping: Mapping[str, Field]
    fields: Sequence[str]

    def read(self, batch: pa.RecordBatch) -> dict[str, Cells]:
        """Read the cells of every mapped field."""
        return {item.name: read_cells(batch.column(column), item) for column, item in self.mapping.items()}

    def check(self, cells: Mapping[str, Cells], rows: Sequence[int], good: Mask, report: Report) -> CheckedRows:
        """Validate the good rows.

        Parameters
        ----------
        cells : mapping of field name to cells, each of shape (n,)
        rows : sequence of int, shape (n,)
            Row numbers in the file, for the report.
        good : bool array, shape (n,)
            Rows still in play.
        """
        has_all = all(name in cells for name, info in self.register.write.model_fields.items() if info.is_required())
        sure = self._surely_valid(cells, good) & has_all
        fast, slow = np.flatnonzero(sure), np.flatnonzero(good & ~sure)
        models, kept = self._one_by_one(cells, rows, slow, report)
        columns = {name: self._column(name, cells, fast, models) for name in self.fields}
        positions = np.concatenate([fast, kept])
        for item in self.register.code_fields:
            if item.name in cells:
                columns[raw_name(item)] = _as_written(cells[item.name], positions)
        return CheckedRows(positions, columns)

    def say_rest(self, cells: Mapping[str, Cells], rows: Sequence[int], lost: Mask, report: Report) -> None:
        """Say which values are wrong in rows that their places have lost already, so that errors do not come in rounds.

        What is missing in such a row may be missing because it could not be read.
        """
        own = {name: part for name, part in cells.items() if name != COMMUNE}
        for position in np.flatnonzero(lost & ~self._surely_valid(own, lost)):
            record = {name: value for name, part in own.items() if (value := part.at(int(position))) is not None}
            try:
                self.register.write.model_validate(record)
            except ValidationError as error:
                texts = {name: part.text[int(position)].as_py() for name, part in own.items()}
                faults = [one for one in error.errors(include_url=False) if texts.get(_field_name(one)) is not None]
                repairs = self._repairs(faults, texts)
                if not (
                    repairs and report.repairs.may({found.code for found in repairs.values()}, rows[int(position)])
                ):
                    for fault in faults:
                        self._say(fault, texts, rows[int(position)], report)

    def _surely_valid(self, cells: Mapping[str, Cells], good: Mask) -> Mask:
        """Return the rows in play of which no field that the file has can be at fault."""
        write = self.register.write
        sure = good.copy()
        for name in write.model_fields.keys() & cells.keys():
            sure &= surely_valid(write, name, cells[name].text, cells[name].values)
        by_own_rule: Mask = write.needs_own_rules({name: part.values for name, part in cells.items()}, len(good))
        return sure & ~by_own_rule

    def _one_by_one(
        self, cells: Mapping[str, Cells], rows: Sequence[int], positions: Positions, report: Report
    ) -> tuple[list[WriteModel], Positions]:
        models, kept = [], []
        for position in positions:
            record = {name: value for name, part in cells.items() if (value := part.at(int(position))) is not None}
            try:
                models.append(self.register.write.model_validate(record))
                kept.append(position)
            except ValidationError as error:
                texts = {name: part.text[int(position)].as_py() for name, part in cells.items()}
                faults = error.errors(include_url=False)
                model = self._repaired(record, faults, texts, rows[position], report)
                if model is None:
                    for fault in faults:
                        self._say(fault, texts, rows[position], report)
                else:
                    models.append(model)
                    kept.append(position)
        return models, np.array(kept, dtype=np.intp)

    def _repaired(
        self, record: Mapping[str, Any], faults: Sequence[ErrorDetails], texts: Mapping[str, str | None], row: int, report: Report
    ) -> WriteModel | None:  # fmt: skip
        """Return the record as accepted repairs of its values make it; None where they do not make it valid."""
        repairs = self._repairs(faults, texts)
        if repairs is None:
            return None
        mended = {
            name: read_cells(pa.array([found.text]), self.register.field(name)).at(0) for name, found in repairs.items()
        }
        try:
            model = self.register.write.model_validate({**record, **mended})
        except ValidationError:
            return None
        if not report.repairs.may({found.code for found in repairs.values()}, row):
            return None
        for name, found in repairs.items():
            self._say_repair(self.register.field(name), found, texts[name], row, report)
        return model

    def _repairs(
        self, faults: Sequence[ErrorDetails], texts: Mapping[str, str | None]
    ) -> dict[str, ValueRepair] | None:
        """Return a repair for each field with a fault; None where one has none."""
        repairs: dict[str, ValueRepair] = {}
        for fault in faults:
            item, text = self._field(_field_name(fault)), texts.get(_field_name(fault))
            repair = repair_value(item, text) if item is not None and text is not None else None
            if item is None or repair is None:
                return None
            repairs[item.name] = repair
        return repairs

    def _say_repair(self, item: Field, repair: ValueRepair, before: str | None, row: int, report: Report) -> None:
        column = self.column_of(item.name)
        report.repairs.note_value(row, column, repair.text)
        report.add(
            repair.code.replace("REPAIR_", "REPAIRED_", 1), row=row, column=column,
            value=before if item.public else "…", after=repair.text if item.public else "…",
            title_vi=item.title.vi, title_en=item.title.en,
        )  # fmt: skip

    def _column(self, name: str, cells: Mapping[str, Cells], fast: Positions, models: Sequence[WriteModel]) -> pa.Array:
        kind, info = arrow_type(self.register, name), self.register.write.model_fields[name]
        values = pa.nulls(len(fast), kind)
        if name in cells:
            given = cells[name].values
            values = (given if len(fast) == len(given) else given.take(pa.array(fast))).cast(kind)
        if values.null_count and not info.is_required() and info.get_default() is not None:
            values = pc.fill_null(values, pa.scalar(info.get_default(), kind))
        return pa.concat_arrays([values, model_column(self.register, models, name)]) if models else values

    def unclear_numbers(self, checked: CheckedRows, cells: Mapping[str, Cells]) -> Iterator[Doubt]:
        """Yield decimal numbers that may as well have been meant as thousands: 1.234, which is read as 1,234."""
        for name, part in cells.items():
            if pa.types.is_floating(part.values.type):
                texts = part.text.take(pa.array(checked.positions))
                unclear = pc.fill_null(pc.match_substring_regex(texts, r"^[1-9]\d{0,2}[.,]\d{3}$"), False)  # noqa: FBT003
                yield Doubt("NUMBER_UNCLEAR", name, unclear, {})

    def missing_codes(self, checked: CheckedRows, cells: Mapping[str, Cells]) -> Iterator[Doubt]:
        """Yield rows without the code by which the next file would know them, where the file has a column for it."""
        schemes = {item.name for item in self.register.code_fields}
        for name in schemes.intersection(self.register.key, cells):
            yield Doubt("CODE_MISSING", name, cells[name].text.take(pa.array(checked.positions)).is_null(), {})

    def column_of(self, name: str) -> str:
        """Return what the file calls a field; the field's own name where it has no such column."""
        return self._columns_by_field.get(name, name)

    @cached_property
    def _columns_by_field(self) -> Mapping[str, str]:
        return {item.name: column for column, item in self.mapping.items()}

    def _field(self, name: str) -> Field | None:
        return next((item for item in self.register.fields if item.name == name), None)

    def _say(self, fault: ErrorDetails, texts: Mapping[str, str | None], row: int, report: Report) -> None:
        name = _field_name(fault)
        item = self._field(name)
        is_private = item is not None and not item.public
        detail = _detail(item) if item is not None else {"title_vi": name, "title_en": name}
        report.add(
            fault_code(fault, item), row=row, column=self.column_of(name),
            value="…" if is_private else texts.get(name), bound=bound_of(fault), **detail,
        )  # fmt: skip


def _detail(item: Field) -> dict[str, Any]:
    """Return what messages say of a field."""
    detail: dict[str, Any] = {"title_vi": item.title.vi, "title_en": item.title.en}
    detail["choices"] = "; ".join(choice.label.vi for choice in item.choices.values())
    if item.form is not None:
        detail |= {"form_vi": item.form.label.vi, "form_en": item.form.label.en, "example": item.form.example}
    return detail


def _field_name(fault: ErrorDetails) -> str:
    """Return the field that a fault is about; a rule of the whole row says it in its context."""
    return str(fault["loc"][0] if fault["loc"] else fault.get("ctx", {}).get("field", ""))


def _as_written(code: Cells, positions: Positions) -> pa.Array:
    """Return codes as the file wrote them, null where that is how they are stored."""
    is_stored = pc.equal(code.text, code.values)
    return pc.if_else(is_stored, pa.scalar(None, pa.string()), code.text).take(pa.array(positions))


def arrow_type(register: Register, name: str) -> pa.DataType:
    """Return the type of a field's column in Arrow."""
    item = next((item for item in register.fields if item.name == name), None)
    column = item.column if item is not None else register.table.c[name]
    return ARROW_TYPES[column.type.python_type]


def model_column(register: Register, models: Sequence[WriteModel], name: str) -> pa.Array:
    """Return one field of validated rows as a column."""
    return pa.array([_plain(getattr(model, name)) for model in models], arrow_type(register, name))


def array_literal(values: Sequence[Any]) -> str:
    """Write a PostgreSQL array: every element quoted, quotes and backslashes escaped."""
    quoted = ['"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    return "{" + ",".join(quoted) + "}"


def _plain(value: Any) -> Any:
    return array_literal(value) if isinstance(value, list) else value

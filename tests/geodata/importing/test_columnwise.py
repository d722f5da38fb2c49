"""Rules for whole columns and the write model say the same of every row, in every register."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from geodata.importing.cells import clean_column
from geodata.importing.columnwise import column_rules, surely_valid
from geodata.importing.report import Report
from geodata.importing.rows import RowChecker, arrow_type, model_column
from geodata.register import Register
from geodata.registers import discover

REGISTERS = list(discover().values())
VALID = {
    "addresses": {"commune_code": "20194"},
    "communes": {"code": "20194", "name": "Hải Vân", "full_name": "Phường Hải Vân", "province_code": "48"},
    "growing_areas": {"code": "VN-DNOR-0269", "crop": "Bưởi", "commune_code": "20194"},
    "ntm_results": {
        "commune_code": "20194", "commune_name": "Xã Hòa Tiến", "period": "2021-2025", "level": "advanced",
        "valid_from": "2025-03-31",
    },
    "provinces": {"code": "48", "name": "Đà Nẵng", "full_name": "Thành phố Đà Nẵng"},
    "tourism_points": {"name": "Làng Túy Loan", "commune_code": "20194"},
    "villages": {"name": "Thôn 1", "commune_code": "20194"},
}  # fmt: skip
FIELDS_RULED_BY_CODE = {
    "addresses": {"entrances"},
    "communes": {"valid_to"},
    "ntm_results": {"period", "valid_to"},
    "provinces": {"valid_to"},
    "growing_areas": {"code", "harvest_months", "markets"},
    "tourism_points": {"season_months", "languages", "services"},
}
ODD_BLANKS = "\u00a0\u3000\u2003\u0085\u200b\t\n "
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]) | st.sampled_from(ODD_BLANKS), max_size=12)
NUMBERS = st.integers(-2, 15).map(str) | st.sampled_from(
    [
        "1e9",
        "100000",
        "100000,5",
        "1000000",
        "1.000.001",
        "2000000000",
        "2147483648",
        "9" * 30,
        "0,000001",
        "nan",
        "inf",
        "1_0",
    ]
)
WORDS = st.sampled_from(
    [
        "household", "Hộ gia đình", "agency", "closed", "lâu đài", "có", "không", "on", "2026-01-31", "31/01/2026", "31/02/2026",
        "86400", "1,2,3", "13", "a;b|c", ";", "0900123456", "+84 (236) 123-456", "https://xa.gov.vn", "https://x\u3000y.vn/", "a" * 61,
        "đ" * 200, "đ" * 201, "ả" * 4001, "VN – DNOR – 0269", "vn-dnor-0269", "[VN-DNOR-0269]", "ab", "a-b", "a--b",
    ]
)  # fmt: skip


def patterns_of(schema: Any) -> set[str]:
    """Return every pattern in a JSON Schema."""
    if isinstance(schema, list):
        return {pattern for part in schema for pattern in patterns_of(part)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own | {pattern for part in schema.values() for pattern in patterns_of(part)}


PATTERNS = sorted({pattern for register in REGISTERS for pattern in patterns_of(register.write.model_json_schema())})
LIKE_PATTERNS = st.one_of(*(st.from_regex(pattern, fullmatch=True) for pattern in PATTERNS))
CELLS = st.one_of(st.none(), TEXT, NUMBERS, WORDS, LIKE_PATTERNS)


@st.composite
def rows_of(draw: st.DrawFn, register: Register) -> list[Mapping[str, str | None]]:
    """Draw rows that are valid but for a few cells, which may hold anything."""
    names = [item.name for item in register.fields if item.name not in register.derived]
    changes = st.dictionaries(st.sampled_from(names), CELLS, max_size=3)
    return [{**VALID[register.id], **change} for change in draw(st.lists(changes, min_size=1, max_size=12))]


def check(register: Register, rows: list[Mapping[str, str | None]]) -> tuple[Any, list[BaseModel | None], Report]:
    """Return what the checker makes of the rows, and what the write model alone would."""
    mapping = {item.name: item for item in register.fields if item.name not in register.derived}
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in mapping}
    checker = RowChecker(register, mapping, list(register.write.model_fields))
    cells = checker.read(pa.record_batch(columns))
    report = Report(register.id)
    checked = checker.check(cells, range(1, len(rows) + 1), np.ones(len(rows), dtype=bool), report)
    records = [{name: part.at(n) for name, part in cells.items() if part.at(n) is not None} for n in range(len(rows))]
    return checked, [model_or_none(register.write, record) for record in records], report


def model_or_none(write: type[BaseModel], record: Mapping[str, Any]) -> BaseModel | None:
    try:
        return write.model_validate(record)
    except ValidationError:
        return None


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
@settings(max_examples=30)
@given(data=st.data())
def test_every_row_is_taken_or_reported_as_the_model_would_have_it(register: Register, data: st.DataObject) -> None:
    checked, models, report = check(register, data.draw(rows_of(register)))
    assert sorted(checked.positions) == [n for n, model in enumerate(models) if model is not None]
    assert {message["row"] for message in report.messages} == {n for n, model in enumerate(models, 1) if model is None}


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
@settings(max_examples=30)
@given(data=st.data())
def test_a_row_that_is_taken_has_the_values_the_model_gives_it(register: Register, data: st.DataObject) -> None:
    checked, models, _ = check(register, data.draw(rows_of(register)))
    accepted = [models[n] for n in checked.positions]
    for name in register.write.model_fields:
        assert checked.columns[name].to_pylist() == model_column(register, accepted, name).to_pylist()  # type: ignore[arg-type]


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
def test_only_few_fields_have_to_become_python_objects(register: Register) -> None:
    """Whole columns are why a large file takes seconds."""
    by_code = {name for name, rules in column_rules(register.write).items() if rules is None}
    assert by_code == FIELDS_RULED_BY_CODE.get(register.id, set())


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
def test_plain_values_are_judged_by_their_columns_alone(register: Register) -> None:
    for name in VALID[register.id].keys() - FIELDS_RULED_BY_CODE.get(register.id, set()):
        column = pa.array([VALID[register.id][name]]).cast(arrow_type(register, name))
        assert surely_valid(register.write, name, column, column).all()


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=30)
@given(data=st.data())
def test_both_engines_of_regular_expressions_agree_on_the_patterns_in_use(pattern: str, data: st.DataObject) -> None:
    """Arrow searches with RE2, Pydantic with the regex crate; they differ in what a blank is, for one."""
    text = data.draw(
        TEXT | WORDS | st.from_regex(pattern, fullmatch=True) | st.from_regex(pattern).map(lambda t: t + "\n")
    )
    column = clean_column(pa.array([text], pa.string()))
    if column.null_count == 0:
        model = TypeAdapter(Annotated[str, Field(pattern=pattern)])
        by_columns = pc.match_substring_regex(column, pattern)[0].as_py()
        try:
            model.validate_python(column[0].as_py())
        except ValidationError:
            assert not by_columns
        else:
            assert by_columns


class Bounded(BaseModel):
    least: Annotated[int, Ge(1)]
    above: Annotated[float, Gt(0)]
    most: Annotated[int, Le(10)]
    below: Annotated[float, Lt(1)]
    between: Annotated[int, Field(ge=1, lt=5)] | None = None
    short: Annotated[str, StringConstraints(min_length=2, max_length=3)] = "ab"
    measured: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    own: Annotated[str, lambda value: value] = ""


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("least", [0, 1], [False, True]), ("above", [0.0, 0.1], [False, True]), ("most", [10, 11], [True, False]),
        ("below", [0.9, 1.0], [True, False]), ("between", [0, 1, 4, 5], [False, True, True, False]),
        ("short", ["a", "ab", "đđđ", "abcd"], [False, True, True, False]),
        ("measured", ["a", "ab", "đđđ", "abcd"], [False, True, True, False]),
    ],
)  # fmt: skip
def test_bounds_and_lengths_are_those_of_the_model(name: str, values: list[Any], expected: list[bool]) -> None:
    column = pa.array(values)
    assert surely_valid(Bounded, name, column.cast(pa.string()), column).tolist() == expected


def test_a_rule_that_is_code_is_never_sure() -> None:
    column = pa.array(["x"])
    assert surely_valid(Bounded, "own", column, column).tolist() == [False]


def test_an_empty_cell_is_sure_where_the_field_may_be_empty() -> None:
    nothing = pa.array([None], pa.string())
    assert surely_valid(Bounded, "between", nothing, nothing.cast(pa.int64())).tolist() == [True]
    assert surely_valid(Bounded, "least", nothing, nothing.cast(pa.int64())).tolist() == [False]

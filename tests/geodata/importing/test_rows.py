"""Rows against the write model: what goes on, and what the report says of the rest."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from geodata.importing.mapping import map_columns
from geodata.importing.messages import KINDS
from geodata.importing.report import MESSAGES_KEPT, Report
from geodata.importing.rows import CheckedRows, RowChecker, array_literal
from geodata.registers import discover, get_register

PERSON = "Nguyễn Thị Bí Mật"


def check(
    register_id: str, columns: dict[str, list[str | None]], good: list[bool] | None = None
) -> tuple[CheckedRows, Report]:
    """Check a batch whose rows are numbered from 11 on."""
    register = get_register(register_id)
    count = len(next(iter(columns.values())))
    report = Report(register_id)
    checker = RowChecker(register, map_columns(register, list(columns)), list(register.write.model_fields))
    batch = pa.record_batch({name: pa.array(texts, pa.string()) for name, texts in columns.items()})
    mask = np.array(good if good is not None else [True] * count)
    return checker.check(checker.read(batch), range(11, 11 + count), mask, report), report


def addresses(**columns: list[str | None]) -> tuple[CheckedRows, Report]:
    count = len(next(iter(columns.values())))
    return check("addresses", {"commune_code": ["20194"] * count, **columns})


def only_message(report: Report) -> dict[str, Any]:
    assert len(report.messages) == 1
    return report.messages[0]


def test_valid_rows_go_on_with_values_of_their_types() -> None:
    checked, report = addresses(recorded_on=["05/03/2026"], position_accuracy_m=["2,5"], kind=["Cơ quan"])
    assert report.messages == []
    assert checked.columns["recorded_on"].to_pylist() == [date(2026, 3, 5)]
    assert checked.columns["position_accuracy_m"].to_pylist() == [2.5]
    assert checked.columns["kind"].to_pylist() == ["agency"]


def test_a_field_that_the_file_lacks_gets_its_default() -> None:
    checked, _ = addresses(house_number=["1", "2"])
    assert checked.columns["status"].to_pylist() == ["active", "active"]


def test_an_empty_cell_gets_its_default_too() -> None:
    """The column of the database takes no null: a half-filled column must not break the publish."""
    checked, report = addresses(kind=["Cơ quan", None, "  "], status=[None, "Ngừng dùng", None])
    assert report.messages == []
    assert checked.columns["kind"].to_pylist() == ["agency", "household", "household"]
    assert checked.columns["status"].to_pylist() == ["active", "inactive", "active"]


def test_rows_that_are_out_already_are_not_looked_at() -> None:
    columns: dict[str, list[str | None]] = {"commune_code": ["20194", "x", "20194"]}
    checked, report = check("addresses", columns, good=[False, False, True])
    assert (checked.positions.tolist(), report.messages) == ([2], [])


def test_positions_tell_which_rows_the_values_belong_to() -> None:
    checked, _ = addresses(
        kind=["household", "agency", "household"], name=["Bà Ba", "UBND xã", None], house_number=["1", "2", "3"]
    )
    numbers = dict(zip(checked.positions.tolist(), checked.columns["house_number"].to_pylist(), strict=True))
    assert numbers == {0: "1", 1: "2", 2: "3"}


def test_a_household_s_name_is_moved_to_its_private_data() -> None:
    checked, _ = addresses(kind=["household"], name=[PERSON])
    assert checked.columns["name"].to_pylist() == [None]
    assert checked.columns["head_name"].to_pylist() == [PERSON]


def test_a_head_of_household_that_is_given_is_not_overwritten_by_the_name() -> None:
    checked, _ = addresses(kind=["household"], name=["Nhà số 5"], head_name=[PERSON])
    assert checked.columns["head_name"].to_pylist() == [PERSON]


def test_an_agency_keeps_its_name() -> None:
    checked, _ = addresses(kind=["agency"], name=["UBND xã"])
    assert (checked.columns["name"].to_pylist(), checked.columns["head_name"].to_pylist()) == (["UBND xã"], [None])


def test_a_tourism_point_without_slug_gets_one_of_name_and_commune() -> None:
    checked, _ = check("tourism_points", {"name": ["Làng Túy Loan"], "commune_code": ["20194"]})
    assert checked.columns["slug"].to_pylist() == ["lang-tuy-loan-20194"]


def test_growing_area_codes_are_normalised() -> None:
    columns: dict[str, list[str | None]] = {"code": ["vn – dnor - 0269"], "crop": ["Bưởi"], "commune_code": ["20194"]}
    assert check("growing_areas", columns)[0].columns["code"].to_pylist() == ["VN-DNOR-0269"]


def test_lists_become_arrays_that_postgresql_reads() -> None:
    columns: dict[str, list[str | None]] = {
        "name": ["A"], "commune_code": ["20194"], "season_months": ["1; 2|12"], "services": ['ăn "đặc sản", ngủ\\nghỉ'],
    }  # fmt: skip
    checked, _ = check("tourism_points", columns)
    assert checked.columns["season_months"].to_pylist() == ['{"1","2","12"}']
    assert checked.columns["services"].to_pylist() == ['{"ăn \\"đặc sản\\"","ngủ\\\\nghỉ"}']


def test_array_literals_escape_quotes_and_backslashes() -> None:
    assert array_literal(['a"b', "c\\d", 3]) == '{"a\\"b","c\\\\d","3"}'


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("code", "123", "CODE_FORMAT"),
        ("vpostcode", "10000AAAAAAA", "CODE_FORMAT"),
        ("commune_code", "123", "CODE_FORMAT"),
        ("kind", "lâu đài", "CHOICE_UNKNOWN"),
        ("street", "x" * 201, "FIELD_TOO_LONG"),
        ("recorded_on", "hôm qua", "DATE_UNREADABLE"),
        ("position_accuracy_m", "2 bước", "NUMBER_UNREADABLE"),
        ("position_accuracy_m", "-1", "NUMBER_NEGATIVE"),
    ],
)
def test_each_fault_has_its_message_with_row_column_and_value(column: str, text: str, code: str) -> None:
    _, report = addresses(**{column: [text]})
    message = only_message(report)
    assert (message["code"], message["row"], message["column"], message["level"]) == (code, 11, column, "error")
    assert message["value"] == text[:80]


def test_a_missing_required_field_is_named_by_its_title() -> None:
    _, report = check("growing_areas", {"code": ["VN-DNOR-0269"], "commune_code": ["20194"]})
    message = only_message(report)
    assert message["code"] == "FIELD_MISSING"
    assert message["vi"] == "Thiếu “Cây trồng”."
    assert message["en"] == "“Crop” is missing."


@pytest.mark.parametrize(("valid_to", "is_taken"), [("01/07/2025", False), ("30/06/2025", False), ("02/07/2025", True)])
def test_a_unit_cannot_end_before_it_began(valid_to: str, is_taken: bool) -> None:
    columns: dict[str, list[str | None]] = {"code": ["48"], "name": ["X"], "full_name": ["X"], "valid_to": [valid_to]}
    checked, report = check("provinces", columns)
    assert (len(checked.positions), sorted(report.counts)) == ((1, []) if is_taken else (0, ["DATES_REVERSED"]))


def test_the_report_names_the_column_as_the_file_does() -> None:
    _, report = check("addresses", {"Mã xã": ["20194"], "Sai số": ["xa"]})
    assert only_message(report)["column"] == "Sai số"


def test_every_fault_of_a_row_is_told_at_once() -> None:
    _, report = addresses(kind=["lâu đài"], recorded_on=["hôm qua"], code=["1"])
    assert sorted(report.counts) == ["CHOICE_UNKNOWN", "CODE_FORMAT", "DATE_UNREADABLE"]


def test_an_unknown_choice_is_answered_with_the_whole_list() -> None:
    _, report = addresses(kind=["lâu đài"])
    assert "Hộ gia đình; Cơ quan; Tổ chức" in only_message(report)["remedy"]["vi"]


@pytest.mark.parametrize(("column", "text"), [("phone", "gọi bà Ba 0905"), ("head_name", PERSON * 20)])
def test_the_value_of_a_private_field_is_never_in_the_report(column: str, text: str) -> None:
    _, report = addresses(**{column: [text]})
    written = str(report.as_dict())
    assert only_message(report)["value"] == "…"
    assert text[:10] not in written


def test_no_private_value_of_any_register_is_in_a_message_about_it() -> None:
    for register in discover().values():
        for item in register.fields:
            if not item.public and item.name not in register.derived:
                _, report = check(register.id, {item.name: [PERSON * 400]})
                assert PERSON not in str(report.messages)


def test_braces_in_a_value_are_only_text() -> None:
    _, report = addresses(kind=["{title_vi} {0}"])
    assert only_message(report)["vi"].startswith("“{title_vi} {0}” không có")


def test_messages_are_counted_beyond_those_that_are_kept() -> None:
    report = Report("addresses")
    for row in range(MESSAGES_KEPT + 50):
        report.add("GEOM_MISSING", row=row)
    written = report.as_dict()
    assert len(written["messages"]) == MESSAGES_KEPT
    assert written["counts"] == {"GEOM_MISSING": MESSAGES_KEPT + 50}


def test_what_holds_for_the_whole_file_is_kept_though_rows_fill_the_report() -> None:
    report = Report("addresses")
    for row in range(1, MESSAGES_KEPT + 1):
        report.add("GEOM_MISSING", row=row)
    report.add_first("Z_DROPPED")
    report.add_first("COLUMN_MISSING", title_vi="Tên", title_en="Name")
    report.add_first("ZONE_MIXED", zones="", file_zone="")
    written = report.as_dict()["messages"]
    assert len(written) == MESSAGES_KEPT
    assert [one["level"] for one in written[:3]] == ["error", "warning", "info"]
    assert [written[2]["code"], written[-1]["row"]] == ["Z_DROPPED", MESSAGES_KEPT - 3]


def test_a_message_for_each_value_is_said_once() -> None:
    report = Report("addresses")
    for code in ("20194", "20197", "20194"):
        report.add_once("BOUNDARY_UNKNOWN", code)
    assert [message["value"] for message in report.messages] == ["20194", "20197"]


@pytest.mark.parametrize("code", KINDS)
def test_every_message_has_both_languages_and_says_what_to_do(code: str) -> None:
    kind = KINDS[code]
    assert kind.level in {"error", "warning", "info"}
    assert kind.vi
    assert kind.en
    assert kind.remedy_vi
    assert kind.remedy_en

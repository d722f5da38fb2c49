"""Columns whose header says nothing: told by their values where these leave no doubt, by the sender, by memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from geodata.db import SYSTEM
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.mapping import ColumnMatch, ColumnMatching, without_private
from geodata.importing.report import Report
from geodata.people import is_personal
from geodata.registers import get_register
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, agency, units, write_geojson

CODES = [f"{n:010}" for n in range(1, 5)]
COMMUNES = [COMMUNE, OTHER_COMMUNE, "00004", COMMUNE]
PEOPLE = ["Nguyễn Thị Thử", "Trần Văn B", "Giàng A Páo", "Lê Thị C"]
PHONES = ["0912345678", "0987 654 321", "+84912345679", "02083123456"]


def match(
    columns: Mapping[str, Sequence[str | None]], register: str = "addresses", **options: Any
) -> dict[str, ColumnMatch]:
    """Match the columns of a file with these values."""
    options = {"chosen": {}, "remembered": {}, **options}
    matching = ColumnMatching(get_register(register), units=units(), **options)
    sample = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return {found.name: found for found in matching.run(list(columns), sample)}


def check(folder: Path, values: Sequence[str], **options: Any) -> Report:
    """Check a file of addresses with the column “màu sơn”."""
    rows = [{**agency(code), "màu sơn": value} for code, value in zip(CODES, values, strict=True)]
    path = write_geojson(folder / "f.geojson", rows)
    request = ImportRequest(path, path.name, get_register("addresses"), SYSTEM, **options)
    return check_file(request, units(), folder / "work", NoSink())


def told(found: ColumnMatch) -> tuple[str | None, str, bool, list[str]]:
    """Return what a match says: field, how, certain, and the codes of its messages."""
    report = Report("addresses")
    found.say(report)
    return found.field and found.field.name, found.how, found.certain, list(report.counts)


SURE: list[tuple[str, str, Sequence[str]]] = [
    ("addresses", "commune_code", COMMUNES),
    ("addresses", "kind", ["Hộ gia đình", "Cơ quan", "ho", "Doanh nghiệp"]),
    ("addresses", "status", ["Đang dùng", "đang dùng", "Ngừng dùng", "active"]),
    ("growing_areas", "code", ["VN-DNOR-0269", "vn – dnor – 0270", "75-PUC-SR-00001-CHN", "VN-BDOR-001"]),
    ("growing_areas", "regime", ["Xuất khẩu", "Nội địa", "xuat khau", "Xuất khẩu"]),
]


@pytest.mark.parametrize(("register", "field", "values"), SURE, ids=[one[1] for one in SURE])
def test_values_that_leave_no_doubt_tell_the_field(register: str, field: str, values: Sequence[str]) -> None:
    assert told(match({"x9": values}, register)["x9"]) == (field, "values", True, ["COLUMN_GUESSED"])


DOUBTFUL: list[tuple[str, str, Sequence[str]]] = [
    ("addresses", "head_name", PEOPLE),
    ("addresses", "phone", PHONES),
    ("addresses", "location_id", [f"{n:012}" for n in range(4)]),
    ("addresses", "code", ["0790012345", "0790012346", "0790012347"]),
    ("addresses", "kind", ["Cơ quan"] * 4),
    ("growing_areas", "status", ["Bị cảnh báo", "Thu hồi", "Tạm đình chỉ"]),
    ("tourism_points", "phone", PHONES),
    ("villages", "household_count_on", ["2026-01-31", "31/12/2025", "1.5.2026"]),
]


@pytest.mark.parametrize(("register", "field", "values"), DOUBTFUL, ids=[f"{one[0]}-{one[1]}" for one in DOUBTFUL])
def test_what_values_only_suggest_is_proposed_and_not_used(register: str, field: str, values: Sequence[str]) -> None:
    found = match({"x9": values}, register)["x9"]
    assert told(found) == (field, "values", False, ["COLUMN_MAYBE"])
    assert found.taken is None


@pytest.mark.parametrize(
    "values",
    [
        ["xanh", "đỏ", "tím", "vàng"],
        ["Hộ gia đình", "xanh", "đỏ", "Cơ quan"],
        ["12345", "99999", "99998", "99997"],
        [COMMUNE, OTHER_COMMUNE, "99999", "99998"],
        [None, None, "Hộ gia đình", "Cơ quan"],
        ["106.2307", "106.2308", "106.2309"],
        ["2026-01-31", "31/12/2025", "1.5.2026"],
        [],
    ],
)
def test_values_that_fit_no_field_or_too_many_are_left_out(values: Sequence[str | None]) -> None:
    assert told(match({"x9": values})["x9"]) == (None, "none", False, ["COLUMN_UNUSED"])


def test_two_columns_of_the_same_values_are_both_only_proposed() -> None:
    kinds = ["Hộ gia đình", "Cơ quan", "Công trình"]
    found = match({"a": kinds, "b": kinds})
    assert [told(found[name])[:3] for name in ("a", "b")] == [("kind", "values", False)] * 2


def test_a_field_that_a_header_names_is_not_guessed_again() -> None:
    kinds = ["Hộ gia đình", "Cơ quan", "Công trình"]
    found = match({"Loại": kinds, "nhóm": kinds})
    assert (told(found["Loại"]), told(found["nhóm"])[0]) == (("kind", "name", True, []), None)


@pytest.mark.parametrize(("commune", "certain"), [(COMMUNE, True), (OTHER_COMMUNE, False), (None, False)])
def test_the_code_of_one_commune_is_taken_where_the_file_is_for_it(commune: str | None, certain: bool) -> None:
    assert match({"x9": [COMMUNE] * 4}, commune=commune)["x9"].certain is certain


def test_rows_are_read_by_a_column_that_was_guessed_and_not_by_one_that_was_proposed(tmp_path: Path) -> None:
    rows = [
        {"a": code, "b": kind, "c": commune, "geom": None}
        for code, kind, commune in zip(
            CODES, ["Hộ gia đình", "Cơ quan", "Công trình", "Hộ gia đình"], COMMUNES, strict=True
        )
    ]
    path = write_geojson(tmp_path / "f.geojson", rows)
    request = ImportRequest(path, path.name, get_register("addresses"), SYSTEM)
    report = check_file(request, units(), tmp_path / "work", NoSink())
    assert report.columns == {"a": None, "b": "kind", "c": "commune_code"}
    assert report.counts == {"COLUMN_MAYBE": 1, "COLUMN_GUESSED": 2, "GEOM_MISSING": 4}
    assert [one["field"] for one in report.as_dict()["columns"]] == ["code", "kind", "commune_code"]


def test_a_field_that_every_row_must_have_is_missed_once_for_the_file(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "f.geojson", [{"ghi chú": "x", "geom": None}] * 3)
    request = ImportRequest(path, path.name, get_register("tourism_points"), SYSTEM)
    report = check_file(request, units(), tmp_path / "work", NoSink())
    missed = [(one["row"], one["column"], one["vi"]) for one in report.messages if one["code"] == "COLUMN_MISSING"]
    assert missed == [(None, "name", "Không cột nào của tệp được hiểu là “Tên”, mà dòng nào cũng phải có.")]


# --- the sender's word


@pytest.mark.parametrize("column", ["màu sơn", "ma\u0300u sơn"])
def test_the_sender_s_word_wins_over_header_and_values(column: str) -> None:
    found = match({"màu sơn": ["xanh"], "Loại": ["ho"]}, chosen={column: "street", "Loại": None})
    assert told(found["màu sơn"]) == ("street", "chosen", True, [])
    assert told(found["Loại"]) == (None, "chosen", True, [])


@pytest.mark.parametrize(
    ("columns", "code", "why"),
    [
        ({"không có": "street"}, "COLUMN_UNKNOWN", "không có cột “không có”"),
        ({"màu sơn": "nothing"}, "FIELD_UNKNOWN", "làm trường “nothing”"),
        ({"màu sơn": "province_code"}, "FIELD_UNKNOWN", "làm trường “province_code”"),
        ({"màu sơn": "kind", "code": "kind"}, "FIELD_TWICE", "Cột “code” và một cột khác cùng được chọn làm “Loại”"),
    ],
)
def test_a_choice_that_cannot_be_followed_is_asked_for_again(
    tmp_path: Path, columns: Mapping[str, str], code: str, why: str
) -> None:
    report = check(tmp_path, ["xanh"] * 4, columns=columns)
    assert (report.outcome, report.read, list(report.counts)) == ("needs_choice", 0, [code])
    assert why in report.messages[0]["vi"]


def test_what_was_chosen_before_is_used_unless_the_sender_says_otherwise() -> None:
    remembered = {"mau son": "street", "loai": None}
    columns = {"Màu  sơn": ["xanh"], "Loại": ["ho"]}
    found = match(columns, remembered=remembered)
    assert told(found["Màu  sơn"]) == ("street", "memory", True, ["COLUMN_REMEMBERED"])
    assert found["Loại"].taken is None
    assert match(columns, remembered=remembered, chosen={"Màu  sơn": None})["Màu  sơn"].how == "chosen"


def test_a_memory_of_a_field_that_is_gone_or_taken_is_passed_over() -> None:
    remembered = {"mau son": "kind", "code": "no_such_field"}
    found = match({"màu sơn": ["xanh"], "code": ["x"], "a": ["ho"]}, remembered=remembered, chosen={"a": "kind"})
    assert found["màu sơn"].field is None
    assert told(found["code"])[:2] == ("code", "name")


# --- samples


def test_samples_are_the_first_different_texts_of_a_column(tmp_path: Path) -> None:
    report = check(tmp_path, ["xanh", "xanh", " đỏ ", "t" * 60])
    column = report.as_dict()["columns"][-1]
    assert column == {
        "name": "màu sơn", "field": None, "how": "none", "certain": False, "samples": ["xanh", "đỏ", "t" * 40],
    }  # fmt: skip


PRIVATE = {"names": PEOPLE, "phones": PHONES, "identity": [f"0792000{n:05}" for n in range(4)], "e-mail": ["a@b.vn"]}


@pytest.mark.parametrize("column", ["Chủ hộ", "Tên", "cột lạ"])
@pytest.mark.parametrize("what", PRIVATE)
def test_no_sample_shows_what_is_private_or_looks_like_a_person_s(column: str, what: str) -> None:
    assert match({column: PRIVATE[what]})[column].samples == ()
    rows = [{column: text, "Mã xã": COMMUNE} for text in PRIVATE[what]]
    assert without_private(get_register("addresses"), rows) == [{column: "…", "Mã xã": COMMUNE}] * len(rows)


def test_names_of_streets_are_shown_though_they_are_those_of_people() -> None:
    assert match({"Tên đường": ["Nguyễn Trãi", "Lê Lợi"]})["Tên đường"].samples == ("Nguyễn Trãi", "Lê Lợi")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NGUYỄN VĂN A", True), ("nguyen van a", True), ("Bà Lò Thị Mai", True), ("0203 3821 234", True),
        ("079200012345", True), ("ubnd@xa.gov.vn", True), ("Nguyễn", False), ("Thôn 5", False), ("20194", False),
        ("106.2310", False), ("a@" + "." * 60_000 + "@", False), ("2026-01-31", False), ("UBND xã Nghĩa Đô", False), ("VN-DNOR-0269", False),
    ],
)  # fmt: skip
def test_names_and_numbers_of_people_are_recognised(text: str, expected: bool) -> None:
    assert is_personal(text) is expected


def test_the_elements_of_gpx_name_fields() -> None:
    found = match({"name": ["Chùa Thầy"], "desc": ["Cách trung tâm xã 2 km"]}, "tourism_points")
    assert [told(found[name])[0] for name in ("name", "desc")] == ["name", "description"]

"""Cells of officers' files: cleaned text, Vietnamese numbers and dates, values of lists, codes."""

import unicodedata
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.importing.cells import Cells, clean_column, read_bool, read_cells, read_date, read_number
from geodata.registers import get_register
from geodata.text import clean_text

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=30)


def cells(register: str, field: str, *texts: str | None) -> Cells:
    return read_cells(pa.array(texts, pa.string()), get_register(register).field(field))


@given(st.lists(st.none() | ANY_TEXT))
def test_a_column_is_cleaned_as_each_text_would_be(texts: list[str | None]) -> None:
    expected = [None if text is None else clean_text(text) or None for text in texts]
    assert clean_column(pa.array(texts, pa.string())).to_pylist() == expected


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_text_is_stored_composed_whatever_the_file_has(form: str) -> None:
    name = "Xã Nghĩa Đô, huyện Bảo Yên"
    assert cells("villages", "name", unicodedata.normalize(form, name)).values.to_pylist() == [name]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12), ("12,5", 12.5), ("12.5", 12.5), ("-3,25", -3.25), ("+7", 7), ("0,5", 0.5), (",5", 0.5), ("1e3", 1000),
        ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1.234.567", 1_234_567), ("1,234,567", 1_234_567),
        ("12.345.678,9", 12_345_678.9), ("1 234 567", 1_234_567), ("007", 7),
    ],
)  # fmt: skip
def test_numbers_are_read_as_vietnamese_and_english_writers_put_them(text: str, number: float) -> None:
    assert read_number(text) == number


def test_whole_numbers_are_integers() -> None:
    assert isinstance(read_number("12,0"), int)


@pytest.mark.parametrize(
    "text",
    ["", "một", "120 ha", "1.2.3", "1,2,3", "12-5", "0x10", "1_000", "inf", "-Infinity", "nan", "٣", "１２", "9" * 400, "1e999"],
)  # fmt: skip
def test_what_is_no_number_stays_the_text_it_is(text: str) -> None:
    assert read_number(text) == text


@given(st.integers(-(10**12), 10**12))
def test_grouped_integers_are_read_with_either_mark(number: int) -> None:
    english = f"{number:,}"
    if english.count(",") != 1:  # a single mark is a decimal comma: 1,234 is 1.234
        assert read_number(english) == number
        assert read_number(english.replace(",", ".")) == number


@given(st.decimals(-(10**6), 10**6, places=3))
def test_decimals_with_comma_and_point_are_the_same_number(number: object) -> None:
    assert read_number(str(number).replace(".", ",")) == read_number(str(number)) == float(str(number))


@pytest.mark.parametrize(
    "text", ["2026-03-05", "05/03/2026", "5/3/2026", "05-03-2026", "05.03.2026", "2026/03/05", "20260305", "2026-03-05T10:20:30"]
)  # fmt: skip
def test_dates_are_read_day_first_or_iso(text: str) -> None:
    assert read_date(text) == date(2026, 3, 5)


@pytest.mark.parametrize("text", ["31/02/2026", "2026", "03/13/2026", "hôm qua", "5/3/26"])
def test_what_is_no_date_stays_the_text_it_is(text: str) -> None:
    assert read_date(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Có", True),
        ("x", True),
        ("1", True),
        ("đồng ý", True),
        ("TRUE", True),
        ("không", False),
        ("0", False),
        ("No", False),
    ],
)
def test_yes_and_no_are_read_in_both_languages(text: str, value: bool) -> None:
    assert read_bool(text) is value


def test_neither_yes_nor_no_stays_the_text_it_is() -> None:
    assert read_bool("có lẽ") == "có lẽ"


@pytest.mark.parametrize("text", ["household", "Hộ gia đình", "HỘ GIA ĐÌNH", "ho gia dinh", "Household", "hộ", "Nhà ở"])
def test_a_choice_is_known_by_value_label_or_alias_with_and_without_accents(text: str) -> None:
    assert cells("addresses", "kind", text).values.to_pylist() == ["household"]


def test_a_choice_in_decomposed_letters_is_known_too() -> None:
    found = cells("growing_areas", "status", unicodedata.normalize("NFD", "Tạm đình chỉ"))
    assert found.values.to_pylist() == ["suspended"]


def test_an_unknown_choice_is_kept_for_the_report() -> None:
    assert cells("addresses", "kind", "Lâu đài").at(0) == "Lâu đài"


def test_every_label_and_alias_of_every_choice_leads_to_its_own_value() -> None:
    for name in ("addresses", "growing_areas", "tourism_points", "villages", "communes", "provinces"):
        for item in get_register(name).fields:
            for value, choice in item.choices.items():
                spellings = [value, choice.label.vi, choice.label.en, *choice.aliases]
                assert set(cells(name, item.name, *spellings).values.to_pylist()) == {value}


def test_codes_lose_the_separators_people_put_into_them() -> None:
    found = cells("addresses", "vpostcode", "10000 7pjj2rmf", "10000-7PJJ-2RMF", "10000.7PJJ.2RMF", "10000+7PJJ—2RMF")
    assert set(found.values.to_pylist()) == {"100007PJJ2RMF"}


def test_leading_zeros_of_codes_stay() -> None:
    assert cells("addresses", "code", "0012345678").values.to_pylist() == ["0012345678"]


def test_an_empty_cell_has_neither_text_nor_value() -> None:
    for text in ("", "   ", "\u00a0", "\u200b", None):
        found = cells("addresses", "name", text)
        assert found.at(0) is None
        assert (found.text.null_count, found.values.null_count) == (1, 1)


def test_an_unreadable_number_has_text_but_no_value() -> None:
    found = cells("growing_areas", "area_ha", "12 mẫu")
    assert (found.values[0].as_py(), found.at(0)) == (None, "12 mẫu")


def test_a_fraction_is_no_value_of_a_whole_number() -> None:
    assert cells("growing_areas", "tree_count", "12,5").values.to_pylist() == [None]


def test_whole_numbers_fill_fields_of_fractions() -> None:
    assert cells("growing_areas", "area_ha", "12").values.to_pylist() == [12.0]

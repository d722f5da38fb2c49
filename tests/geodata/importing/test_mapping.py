"""Which column of an officer's file is which field."""

import pytest

from geodata.importing.mapping import DBF_NAME_LENGTH, field_names, map_columns
from geodata.register import Register
from geodata.registers import discover, get_register

REGISTERS = list(discover().values())


def fields(register: str, *columns: str) -> dict[str, str]:
    return {column: item.name for column, item in map_columns(get_register(register), columns).items()}


def test_headers_of_the_vietnamese_address_form_are_known() -> None:
    found = fields(
        "addresses", "Mã địa chỉ", "Loại", "Chủ hộ", "Điện thoại", "Số nhà", "Tên đường", "Thôn", "Mã xã", "Nguồn"
    )
    assert list(found.values()) == [
        "code",
        "kind",
        "head_name",
        "phone",
        "house_number",
        "street",
        "village",
        "commune_code",
        "source",
    ]


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
@pytest.mark.parametrize("spelling", ["name", "vi", "en"])
def test_every_field_is_known_by_its_name_and_both_titles(register: Register, spelling: str) -> None:
    for item in register.fields:
        if item.name not in register.derived:
            header = item.name if spelling == "name" else item.title.in_language(spelling)
            assert fields(register.id, header) == {header: item.name}


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)
def test_no_spelling_means_two_fields_of_one_register(register: Register) -> None:
    names = [name for item in register.fields if item.name not in register.derived for name in field_names(item)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    "header",
    ["MA_DIA_CHI", "ma dia chi", "Mã  địa-chỉ", "ma_dia_chi", "Ma_Dia_Chi", "MÃ ĐỊA CHỈ", "ma_diachi", "MaDiaChi"],
)
def test_case_accents_and_separators_of_headers_do_not_matter(header: str) -> None:
    assert fields("addresses", header) == {header: "code"}


def test_decomposed_headers_are_known() -> None:
    assert list(fields("addresses", "Ma\u0303 xa\u0303").values()) == ["commune_code"]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("household_", "household_count"),
        ("expected_y", "expected_yield_t"),
        ("DECISION_N", "decision_number"),
        ("ma_so_vung", "code"),
    ],
)
def test_headers_that_a_shapefile_cut_at_ten_characters_are_known(header: str, field: str) -> None:
    assert len(header) == DBF_NAME_LENGTH
    assert fields("growing_areas", header) == {header: field}


def test_a_whole_name_wins_over_one_that_was_cut() -> None:
    assert fields("villages", "household_", "household_count") == {"household_count": "household_count"}


def test_the_first_of_two_columns_for_one_field_wins() -> None:
    assert fields("addresses", "so_nha", "Số nhà", "sonha") == {"so_nha": "house_number"}


def test_a_column_that_is_no_field_is_left_out() -> None:
    assert fields("addresses", "màu sơn", "Mã xã") == {"Mã xã": "commune_code"}


def test_a_cut_name_of_an_unknown_column_is_not_forced_onto_a_field() -> None:
    assert fields("addresses", "so_nha_cu_2019") == {}


@pytest.mark.parametrize("header", ["Mã tỉnh", "province_code", "ma_tinh"])
def test_what_the_service_derives_itself_is_not_read_from_files(header: str) -> None:
    assert fields("addresses", header) == {}


def test_the_province_of_a_commune_is_read_because_nothing_derives_it() -> None:
    assert fields("communes", "Mã tỉnh") == {"Mã tỉnh": "province_code"}


@pytest.mark.parametrize("header", ["id", "uuid", "revision", "updated_at", "geom", "fid"])
def test_no_file_can_write_the_engine_s_own_columns(header: str) -> None:
    for register in REGISTERS:
        assert fields(register.id, header) == {}


def test_mapping_keeps_the_order_of_the_file() -> None:
    assert list(fields("villages", "Số hộ", "Loại", "Tên")) == ["Số hộ", "Loại", "Tên"]

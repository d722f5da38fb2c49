"""A declaration checks itself when it is made; the registers are found by looking."""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from geodata import registers
from geodata.errors import UnknownRegisterError
from geodata.register import Field, Label, TileRule
from geodata.registers import add_register, discover, get_register, load_registers
from geodata.registers.tourism_points.model import TourismPoint

SIGHTS, AREAS, ADDRESSES = (get_register(name) for name in ("tourism_points", "growing_areas", "addresses"))
TITLE = Label("Tên", "Name")


@pytest.fixture
def extra() -> Iterator[None]:
    """Forget registers that the test adds."""
    before = dict(registers._extra)
    yield
    registers._extra.clear()
    registers._extra.update(before)
    discover.cache_clear()


def with_field(item: Field) -> tuple[Field, ...]:
    return (*SIGHTS.fields, item)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"id": "sights"}, "table is called tourism_points"),
        ({"fields": with_field(Field(TourismPoint.name, TITLE))}, "a field name stands twice"),
        ({"fields": with_field(Field(TourismPoint.updated_at, TITLE))}, r"write model lacks \['updated_at'\]"),
        ({"fields": with_field(Field(TourismPoint.source, TITLE, tile=True))}, "source is in tiles but not public"),
        ({"label": "title"}, "no field title"),
        ({"key": ("slug", "number")}, "no field number"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        replace(SIGHTS, **changes)


def test_a_field_is_private_unless_it_says_otherwise() -> None:
    item = Field(TourismPoint.name, TITLE)
    assert (item.public, item.tile) == (False, False)


def test_public_and_tile_fields_are_those_declared_so_in_order() -> None:
    for register in discover().values():
        listed = {item for side in register.lists for item in register.list_fields(side)}
        assert list(register.public_fields) == [item for item in register.fields if item.public and item not in listed]
        assert set(register.tile_fields) <= set(register.public_fields)


def test_fields_know_in_which_table_they_live() -> None:
    assert [item.name for item in ADDRESSES.code_fields] == ["code", "vpostcode", "location_id"]
    assert {table.name: [item.name for item in items] for table, items in ADDRESSES.companion_fields.items()} == {
        "household_private": ["head_name", "phone"]
    }
    companions = [item for items in ADDRESSES.companion_fields.values() for item in items]
    details = [item for code in ADDRESSES.code_fields for item in ADDRESSES.code_details(code)]
    assert [item.name for item in details if item.scheme == "digital_address"] == ["code_issued_on", "code_source"]
    everywhere = {*ADDRESSES.main_fields, *ADDRESSES.code_fields, *details, *companions}
    assert everywhere == set(ADDRESSES.fields)


def test_the_province_is_derived_where_the_commune_tells_it() -> None:
    derived = {register.id: sorted(register.derived) for register in discover().values()}
    assert derived == {
        "addresses": ["province_code"], "growing_areas": ["province_code"], "ntm_results": ["province_code"], "tourism_points": ["province_code"],
        "communes": [], "provinces": [], "villages": [],
    }  # fmt: skip


def test_registers_know_their_kind_of_geometry_and_whether_they_are_in_communes() -> None:
    found = {register.id: (register.geometry_kind, register.is_in_communes) for register in discover().values()}
    assert found == {
        "addresses": ("point", True), "communes": ("polygon", True), "growing_areas": ("polygon", True),
        "ntm_results": ("polygon", True), "provinces": ("polygon", False), "tourism_points": ("point", True), "villages": ("polygon", True),
    }  # fmt: skip


def test_addresses_alone_are_not_found_by_name() -> None:
    assert [register.id for register in discover().values() if not register.is_named] == ["addresses"]


def test_a_field_is_found_by_its_name() -> None:
    assert AREAS.field("area_ha").title.vi == "Diện tích (ha)"
    with pytest.raises(KeyError):
        AREAS.field("area")


@pytest.mark.parametrize(("language", "text"), [("vi", "Tên"), ("en", "Name"), ("fr", "Tên")])
def test_labels_are_vietnamese_unless_english_is_asked(language: str, text: str) -> None:
    assert TITLE.in_language(language) == text


def test_registers_are_found_in_alphabetical_order() -> None:
    assert list(discover()) == [
        "addresses",
        "communes",
        "growing_areas",
        "ntm_results",
        "provinces",
        "tourism_points",
        "villages",
    ]


def test_an_unknown_register_is_named_in_both_languages() -> None:
    with pytest.raises(UnknownRegisterError) as refusal:
        get_register("x" * 100)
    assert refusal.value.vi == f"Không có lớp dữ liệu “{'x' * 40}”."
    assert refusal.value.en == f"There is no register “{'x' * 40}”."


def test_a_register_from_elsewhere_can_be_added(extra: None) -> None:
    elsewhere = replace(SIGHTS, title=TITLE)
    add_register(elsewhere)
    assert get_register("tourism_points") is elsewhere


def test_a_broken_register_stops_the_search_and_is_not_skipped(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "broken_registers" / "sights"
    folder.mkdir(parents=True)
    for path in (folder.parent / "__init__.py", folder / "__init__.py"):
        path.write_text("")
    (folder / "register.py").write_text("from geodata.registers.tourism_points.register import REGISTER\n")
    monkeypatch.syspath_prepend(tmp_path)
    package = ModuleType("broken_registers")
    package.__path__ = [str(folder.parent)]
    with pytest.raises(ValueError, match="folder sights declares register tourism_points"):
        list(load_registers(package))


def test_a_rule_for_tiles_draws_from_the_first_zoom_unless_told() -> None:
    assert (TileRule().min_zoom, TileRule().counts_below) == (0, None)

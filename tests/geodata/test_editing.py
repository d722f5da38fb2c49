"""One record made, changed and removed: every register, by the rules of files."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
import shapely
from shapely.geometry import mapping
from sqlalchemy import Connection, select, text

from geodata.db import SYSTEM, Actor
from geodata.edit_content import Content, EditRefusedError, single_fields
from geodata.editing import Edited, Editor, State, create, remove, replace_record, update_record
from geodata.errors import FeatureNotFoundError
from geodata.features import read_feature
from geodata.history import latest_revision
from geodata.register import Register
from geodata.registers import discover, get_register
from geodata.rollback import roll_back
from geodata.units.index import UnitIndex
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, PLACE, agency, household, rows_of, units
from tests.geodata.series import CHANGES, ROWS, ids_of, put, rows

REGISTERS = list(discover().values())
ADDRESSES, AREAS, SIGHTS = get_register("addresses"), get_register("growing_areas"), get_register("tourism_points")


@pytest.fixture(params=REGISTERS, ids=lambda register: register.id)
def register(request: pytest.FixtureRequest) -> Register:
    found: Register = request.param
    return found


def editor(connection: Connection, register: Register, actor: Actor = SYSTEM, index: UnitIndex | None = None) -> Editor:
    return Editor(connection, register, actor, index or units())


def any_state(_state: State) -> None:
    """Agree to every state."""


def content(row: Mapping[str, Any], *without: str) -> Content:
    """Return a row of the builders as a request would send it."""
    values = {name: value for name, value in row.items() if name != "geom" and name not in without}
    return Content(json.loads(json.dumps(values, default=str)), geojson(row["geom"]))


def geojson(shape: Any) -> Any:
    return json.loads(json.dumps(mapping(shape)))


def patch(geom: Any = None, **values: Any) -> Content:
    """Return a merge patch."""
    return Content(values, None if geom is None else geojson(geom), geom is not None)


def refusal(*codes: str) -> Any:
    """Expect a refusal with just these codes."""

    def found(error: BaseException) -> bool:
        assert isinstance(error, EditRefusedError)
        assert [one["code"] for one in error.detail["errors"]] == list(codes)
        return True

    return pytest.RaisesExc(EditRefusedError, check=found)


def shown(connection: Connection, register: Register, uuid: UUID) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read_feature(connection, register, str(uuid)).feature)
    return found


def make(connection: Connection, register: Register, at: int = 1, **changes: Any) -> Edited:
    return create(editor(connection, register), content(ROWS[register.id](at, **changes)))


def test_a_record_is_made_sent_back_changed_emptied_and_undone(connection: Connection, register: Register) -> None:
    one, at = editor(connection, register), ROWS[register.id](1)
    made = create(one, content(at))
    feature = shown(connection, register, made.uuid)
    sent = {name: value for name, value in content(at).properties.items() if name in feature["properties"]}
    assert {name: feature["properties"][name] for name in sent} == sent
    # What was read can be sent back and changes nothing.
    again = replace_record(one, str(made.uuid), Content(feature["properties"], feature["geometry"]), any_state)
    assert (again.revision, again.state) == (None, made.state)
    assert (latest_revision(connection, register.id), shown(connection, register, made.uuid)) == (
        made.revision,
        feature,
    )
    # A patch changes what it names and nothing else.
    both = {name: value for change in CHANGES[register.id] for name, value in change.items()}
    change = {name: value for name, value in both.items() if name in single_fields(register) and name != "location_id"}
    done = update_record(one, str(made.uuid), patch(**change), any_state)
    changed = {**feature, "properties": {**feature["properties"], **change}}
    assert shown(connection, register, made.uuid) == changed
    assert done.feature is not None
    assert json.loads(done.feature) == changed
    # Null empties a field, or gives it its default; undoing brings the value back.
    name = list(change)[-1]
    done = update_record(one, str(made.uuid), patch(**{name: None}), any_state)
    now = shown(connection, register, made.uuid)["properties"][name]
    assert now is None if single_fields(register)[name].column.nullable else now != change[name]
    assert done.revision is not None
    roll_back(connection, register, done.revision, SYSTEM)
    assert shown(connection, register, made.uuid) == changed


def test_what_is_derived_follows_a_move_and_a_removal(connection: Connection, register: Register) -> None:
    one, made = editor(connection, register), make(connection, register)
    place = shapely.affinity.translate(ROWS[register.id](1)["geom"], 0.01, 0.0)
    east = pytest.approx(shapely.point_on_surface(place).x, abs=0.001)
    done = update_record(one, str(made.uuid), patch(place), any_state)
    slim = f"SELECT ST_X(ST_Transform(t.point, 4326)) FROM reg.{register.id}_tile t"
    search = f"SELECT ST_X(point) FROM reg.search_entry WHERE feature_uuid = '{made.uuid}'"
    assert rows_of(connection, f"{slim} JOIN reg.{register.id} l USING (id) WHERE l.uuid = '{made.uuid}'") == [(east,)]
    assert rows_of(connection, search) == ([(east,)] if register.is_named else [])
    stamps = f"SELECT count(*) > 0 FROM ops.tile_stamp WHERE layer = '{register.id}' AND revision = {done.revision}"
    assert rows_of(connection, stamps) == [(True,)]
    before = shown(connection, register, made.uuid)
    gone = remove(one, str(made.uuid), any_state)
    assert (gone.state, rows_of(connection, slim), rows_of(connection, search)) == (None, [], [])
    with pytest.raises(FeatureNotFoundError):
        read_feature(connection, register, str(made.uuid))
    assert gone.revision is not None
    roll_back(connection, register, gone.revision, SYSTEM)
    assert shown(connection, register, made.uuid) == before


def test_replacing_empties_what_is_public_and_not_sent_and_keeps_what_cannot_be_seen(connection: Connection) -> None:
    row = household("0790000001", street="Cũ", head_name="Nguyễn Văn A", phone="0912345678", full_address="Số 1")
    made = create(editor(connection, ADDRESSES), content(row))
    replace_record(
        editor(connection, ADDRESSES), str(made.uuid), Content({"kind": "household"}, geojson(PLACE)), any_state
    )
    assert rows_of(connection, "SELECT street, full_address, commune_code FROM reg.addresses") == [
        (None, "Số 1", COMMUNE)
    ]
    assert rows_of(connection, "SELECT head_name, phone FROM reg.household_private") == [("Nguyễn Văn A", "0912345678")]
    assert shown(connection, ADDRESSES, made.uuid)["properties"]["code"] is None
    assert rows_of(connection, "SELECT value, status FROM reg.address_codes") == [("0790000001", "retired")]


def test_a_patch_with_null_forgets_what_is_private(connection: Connection) -> None:
    made = create(editor(connection, ADDRESSES), content(household("0790000001", head_name="A", phone="0912345678")))
    update_record(editor(connection, ADDRESSES), str(made.uuid), patch(phone=None), any_state)
    assert rows_of(connection, "SELECT head_name, phone FROM reg.household_private") == [("A", None)]
    update_record(editor(connection, ADDRESSES), str(made.uuid), patch(head_name=None), any_state)
    assert rows_of(connection, "SELECT * FROM reg.household_private") == []


def test_a_value_whose_condition_hides_it_outlives_a_replacement(connection: Connection) -> None:
    made = make(connection, SIGHTS, phone="0912345678", contact_consent=False)
    feature = shown(connection, SIGHTS, made.uuid)
    assert feature["properties"]["phone"] is None
    feature["properties"]["beds"] = 4
    replace_record(
        editor(connection, SIGHTS), str(made.uuid), Content(feature["properties"], feature["geometry"]), any_state
    )
    assert rows_of(connection, "SELECT beds, phone FROM reg.tourism_points") == [(4, "0912345678")]
    update_record(editor(connection, SIGHTS), str(made.uuid), patch(phone=None), any_state)
    assert rows_of(connection, "SELECT phone FROM reg.tourism_points") == [(None,)]


def test_a_slug_outlives_a_new_name(connection: Connection) -> None:
    made = make(connection, SIGHTS)
    slug = shown(connection, SIGHTS, made.uuid)["properties"]["slug"]
    for sent in ({"name": "Tên khác"}, {"name": "Tên nữa", "slug": None}):
        update_record(editor(connection, SIGHTS), str(made.uuid), patch(**sent), any_state)
        assert shown(connection, SIGHTS, made.uuid)["properties"]["slug"] == slug
    replace_record(editor(connection, SIGHTS), str(made.uuid), Content({"name": "Mới"}, geojson(PLACE)), any_state)
    assert shown(connection, SIGHTS, made.uuid)["properties"]["slug"] == slug


def test_a_code_written_otherwise_is_kept_as_it_was_written(connection: Connection) -> None:
    made = make(connection, AREAS)
    update_record(editor(connection, AREAS), str(made.uuid), patch(code="VN-AGPUC 0001"), any_state)
    before = shown(connection, AREAS, made.uuid)["properties"]
    assert (before["code"] != "VN-AGPUC 0001", before["code_raw"]) == (True, "VN-AGPUC 0001")
    update_record(editor(connection, AREAS), str(made.uuid), patch(code=before["code"], crop="Xoài"), any_state)
    assert shown(connection, AREAS, made.uuid)["properties"]["code_raw"] == "VN-AGPUC 0001"


def test_one_entry_of_a_list_is_added_or_changed_like_a_row(connection: Connection) -> None:
    made = make(connection, AREAS)
    one = editor(connection, AREAS)
    update_record(one, str(made.uuid), patch(market="USA", market_valid_from="2025-01-01"), any_state)
    update_record(one, str(made.uuid), patch(market="CHN", market_valid_from="2024-01-01", market_valid_to="2025-05-05"), any_state)  # fmt: skip
    listed = {
        entry["market"]: entry for entry in shown(connection, AREAS, made.uuid)["properties"]["market_registrations"]
    }
    assert (listed["USA"]["valid_from"], listed["CHN"]["valid_to"]) == ("2025-01-01", "2025-05-05")
    with refusal("FIELD_MISSING"):
        update_record(one, str(made.uuid), patch(market="USA"), any_state)


def test_two_households_at_one_door_are_two_records(connection: Connection) -> None:
    first, second = (create(editor(connection, ADDRESSES), content(household(None))) for _ in range(2))
    assert first.uuid != second.uuid
    assert rows_of(connection, "SELECT count(*) FROM reg.addresses") == [(2,)]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"color": "red"}, "FIELD_UNKNOWN"), ({"id": str(uuid4())}, "FIELD_UNKNOWN"), ({"version": 2}, "FIELD_UNKNOWN"),
    ({"revision": 2}, "FIELD_UNKNOWN"), ({"uuid": "x"}, "FIELD_UNKNOWN"), ({"province_code": "01"}, "FIELD_READ_ONLY"),
    ({"beds": "12"}, "FIELD_TYPE"), ({"beds": True}, "FIELD_TYPE"), ({"beds": 1.234}, "NUMBER_NOT_WHOLE"),
    ({"beds": -1}, "NUMBER_NEGATIVE"), ({"name": 12}, "FIELD_TYPE"), ({"services": "a"}, "FIELD_TYPE"),
    ({"services": [1.5]}, "FIELD_TYPE"), ({"services": ["a, b"]}, "LIST_ENTRY"), ({"contact_consent": 1}, "FIELD_TYPE"),
    ({"category": "castle"}, "CHOICE_UNKNOWN"), ({"verified_on": "2999-01-01"}, "DATE_FUTURE"),
    ({"website": "javascript:x"}, "LINK_FORM"), ({"name": None}, "FIELD_MISSING"), ({"name": " "}, "FIELD_MISSING"),
    ({"slug": "Not A Slug"}, "FIELD_INVALID"), ({"commune_code": "00000"}, "COMMUNE_UNKNOWN"),
]  # fmt: skip


def test_what_may_not_be_written_is_named_and_changes_nothing(connection: Connection) -> None:
    made = make(connection, SIGHTS)
    before = rows_of(connection, "SELECT * FROM reg.tourism_points")
    for values, code in WRONG:
        with refusal(code) as error:
            update_record(editor(connection, SIGHTS), str(made.uuid), patch(**values), any_state)
        (one,) = error.value.detail["errors"]
        assert one["field"] == next(iter(values))
        assert one["vi"] != one["en"]
    assert rows_of(connection, "SELECT * FROM reg.tourism_points") == before
    assert latest_revision(connection, "tourism_points") == made.revision


def test_a_code_or_key_of_another_record_is_refused(connection: Connection) -> None:
    put(connection, ADDRESSES, [agency("0790000001")])
    with refusal("CODE_TAKEN") as error:
        create(editor(connection, ADDRESSES), content(agency("0790000001", geom=shapely.Point(108.2, 16.2))))
    assert error.value.detail["errors"][0]["field"] == "code"
    make(connection, AREAS, 1)
    with refusal("CODE_TAKEN"):
        make(connection, AREAS, 1)


@pytest.mark.parametrize("register", [ADDRESSES], ids=lambda register: register.id)
def test_a_telephone_number_in_any_wrong_place_is_not_repeated(connection: Connection, register: Register) -> None:
    made = make(connection, register)
    canary = "0987 654 321"
    told = ""
    for sent in (canary, [canary], 987654321.5):
        for number in (True, False):
            names = [
                name
                for name, item in single_fields(register).items()
                if (item.column.type.python_type is str) is not number
            ]
            with pytest.raises(EditRefusedError) as error:
                update_record(
                    editor(connection, register), str(made.uuid), patch(**dict.fromkeys(names, sent)), any_state
                )
            told += json.dumps(error.value.detail, default=str) + error.value.vi + error.value.en
    assert told.count('"field"') > len(single_fields(register))
    assert "987" not in told.replace(" ", "")


def test_an_officer_changes_records_of_the_own_communes_only(connection: Connection) -> None:
    own, other = make(connection, ADDRESSES, 1), make(connection, ADDRESSES, 2, commune_code=OTHER_COMMUNE)
    officer = editor(connection, ADDRESSES, Actor("xã", (COMMUNE,)))
    update_record(officer, str(own.uuid), patch(street="Mới"), any_state)
    for wanted in (str(other.uuid), str(uuid4()), "0", "không có"):
        with pytest.raises(FeatureNotFoundError):
            update_record(officer, wanted, patch(street="Mới"), never)
        with pytest.raises(FeatureNotFoundError):
            remove(officer, wanted, never)
    with refusal("COMMUNE_NOT_YOURS"):
        update_record(officer, str(own.uuid), patch(commune_code=OTHER_COMMUNE), any_state)
    with refusal("COMMUNE_NOT_YOURS"):
        create(officer, content(household(None, commune_code=OTHER_COMMUNE)))


def never(_state: State) -> None:
    raise AssertionError("nothing is told of the record")


SQUARES = UnitIndex(
    {COMMUNE: "48", OTHER_COMMUNE: "79"},
    {COMMUNE: shapely.box(108, 16, 108.2, 16.2), OTHER_COMMUNE: shapely.box(108.2, 16, 108.4, 16.2)},
    {COMMUNE: "Xã Một", OTHER_COMMUNE: "Xã Hai"},
)


@pytest.mark.parametrize("register", [SIGHTS], ids=lambda register: register.id)
def test_a_record_that_moves_gets_commune_and_province_of_its_place(connection: Connection, register: Register) -> None:
    one = editor(connection, register, index=SQUARES)
    made = create(one, content(ROWS[register.id](1), "commune_code"))
    there = shapely.Point(108.3, 16.1)
    update_record(one, str(made.uuid), patch(there), any_state)
    found = shown(connection, register, made.uuid)
    assert (found["properties"]["commune_code"], found["properties"]["province_code"]) == (OTHER_COMMUNE, "79")
    with refusal("OUTSIDE_COMMUNE"):
        update_record(one, str(made.uuid), patch(PLACE, commune_code=OTHER_COMMUNE), any_state)
    with refusal("OUTSIDE_COMMUNE"):
        update_record(one, str(made.uuid), patch(commune_code=COMMUNE), any_state)
    officer = editor(connection, register, Actor("xã", (OTHER_COMMUNE,)), SQUARES)
    with refusal("COMMUNE_NOT_YOURS"):
        update_record(officer, str(made.uuid), patch(PLACE), any_state)
    replace_record(one, str(made.uuid), content({**ROWS[register.id](1), "geom": PLACE}, "commune_code"), any_state)
    assert shown(connection, register, made.uuid)["properties"]["province_code"] == "48"


NO_PLACES: list[tuple[Any, str]] = [
    (None, "GEOM_MISSING"), ({"type": "Point", "coordinates": [2.3, 48.8]}, "GEOM_OUTSIDE_VIETNAM"),
    ({"type": "Point", "coordinates": [16.1, 108.1]}, "GEOM_SWAPPED"),
    ({"type": "LineString", "coordinates": [[108.1, 16.1], [108.2, 16.2]]}, "GEOM_TYPE"),
    ({"type": "Point", "coordinates": ["0987654321"]}, "GEOM_COORDINATE_TYPE"), ({"type": "Sphere"}, "GEOM_TYPE_UNKNOWN"),
    ({"type": "GeometryCollection", "geometries": []}, "GEOM_COLLECTION"),
]  # fmt: skip


def test_a_place_is_held_to_the_rules_of_files(connection: Connection) -> None:
    made = make(connection, SIGHTS)
    for geometry, code in NO_PLACES:
        with refusal(code):
            replace_record(editor(connection, SIGHTS), str(made.uuid), Content({"name": "Một"}, geometry), any_state)
    with refusal("GEOM_MISSING"):
        create(editor(connection, SIGHTS), Content({"name": "Một", "commune_code": COMMUNE}, None))


def test_an_area_that_crosses_itself_is_refused_with_the_place(connection: Connection) -> None:
    bow = shapely.Polygon([(108.1, 16.1), (108.11, 16.11), (108.11, 16.1), (108.1, 16.11)])
    with refusal("GEOM_SELF_CROSSING") as error:
        make(connection, AREAS, geom=bow)
    assert error.value.detail["errors"][0]["place"] == pytest.approx([108.105, 16.105])


def test_the_note_and_the_officer_stand_with_the_revision(connection: Connection) -> None:
    one = Editor(connection, SIGHTS, Actor("chị-hoa", (COMMUNE,)), units(), note="Sửa theo đơn")
    create(one, content(ROWS["tourism_points"](1)))
    found = rows_of(
        connection, "SELECT author, note, communes, added FROM ops.revision WHERE register = 'tourism_points'"
    )
    assert found == [("chị-hoa", "Sửa theo đơn", [COMMUNE], 1)]


def test_the_first_record_of_an_empty_register_is_drawn_at_once(connection: Connection) -> None:
    assert connection.scalar(select(ADDRESSES.table.c.id).limit(1)) is None
    make(connection, ADDRESSES)
    assert rows_of(connection, "SELECT count(*) FROM reg.addresses_tile") == [(1,)]
    put(connection, ADDRESSES, rows(ADDRESSES, 3, 4))
    assert len(ids_of(connection, ADDRESSES, 2)) == 2


def test_a_record_that_the_public_does_not_see_can_be_edited(connection: Connection) -> None:
    made = make(connection, AREAS, status="proposed")
    assert made.feature is None
    done = update_record(editor(connection, AREAS), str(made.uuid), patch(crop="Sầu riêng"), any_state)
    assert (done.feature, rows_of(connection, "SELECT crop, status FROM reg.growing_areas")) == (
        None,
        [("Sầu riêng", "proposed")],
    )
    shown_now = update_record(editor(connection, AREAS), str(made.uuid), patch(status="active"), any_state)
    assert shown_now.feature is not None


def test_no_staged_row_is_left_behind(connection: Connection) -> None:
    make(connection, SIGHTS)
    assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'")) == 0

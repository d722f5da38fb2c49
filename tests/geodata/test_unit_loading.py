"""Administrative units: the reference list in the database, boundaries from files, and the index of places."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import LineString, Point, Polygon, box
from sqlalchemy import text

from geodata.db import Database
from geodata.history import Counts
from geodata.importing.results import UnreadableFileError
from geodata.registers import get_register
from geodata.units.index import UnitIndex, load_units, reference_units
from geodata.units.load import load_boundaries, load_reference
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import write_geojson

HAI_VAN, LIEN_CHIEU = "20194", "20197"
SQUARE, NEXT_SQUARE = box(108.0, 16.0, 108.1, 16.1), box(108.1, 16.0, 108.2, 16.1)
BOWTIE = Polygon([(108, 16), (108.1, 16.1), (108.1, 16), (108, 16.1), (108, 16)])
COMMUNES = get_register("communes")


@pytest.fixture(scope="module")
def database(server: Server, worker_name: str) -> Iterator[Database]:
    """The unit lists in a database of this module's own; the tests draw boundaries in it."""
    name = f"boundaries_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    yield found
    found.dispose()
    server.drop(name)


def boundary(database: Database, code: str) -> shapely.Geometry | None:
    with database.read() as connection:
        statement = text("SELECT ST_AsBinary(geom) FROM open.communes WHERE code = :code")
        wkb = connection.scalar(statement, {"code": code})
    return None if wkb is None else shapely.from_wkb(bytes(wkb))


def draw(database: Database, folder: Path, *rows: dict[str, Any], **options: Any) -> Any:
    return load_boundaries(database, write_geojson(folder / "units.geojson", rows), COMMUNES, **options)


# --- the list


def test_the_list_is_in_the_database_once_and_a_second_load_makes_no_revision(database: Database) -> None:
    assert {name: (published.revision, published.counts) for name, published in load_reference(database).items()} == {
        "provinces": (None, Counts(0, 0)), "communes": (None, Counts(0, 0)),
    }  # fmt: skip


def test_the_list_has_34_provinces_and_3321_communes_with_both_archipelagos(database: Database) -> None:
    with database.read() as connection:
        counts = connection.execute(
            text("SELECT (SELECT count(*) FROM open.provinces), (SELECT count(*) FROM open.communes)")
        ).one()
        statement = text(
            "SELECT full_name, province_code FROM open.communes WHERE code IN ('20333', '22736') ORDER BY code"
        )
        archipelagos = [tuple(row) for row in connection.execute(statement)]
    assert tuple(counts) == (34, 3321)
    assert archipelagos == [("Đặc khu Hoàng Sa", "48"), ("Đặc khu Trường Sa", "56")]


def test_a_change_of_the_list_is_loaded_as_a_revision(scratch_url: str) -> None:
    database = Database(settings_for(scratch_url))
    with database.worker() as connection:
        connection.execute(text("UPDATE reg.communes SET full_name = 'Xã Cũ' WHERE code = '20194'"))
    published = load_reference(database)
    database.dispose()
    assert (published["provinces"].revision, published["communes"].counts) == (None, Counts(0, 1))


def test_boundaries_stay_when_the_list_is_loaded_again(database: Database, tmp_path: Path) -> None:
    draw(database, tmp_path, {"code": HAI_VAN, "geom": SQUARE})
    load_reference(database)
    assert boundary(database, HAI_VAN) is not None


# --- boundaries


def test_boundaries_are_matched_by_code(database: Database, tmp_path: Path) -> None:
    found = draw(database, tmp_path, {"Mã xã": HAI_VAN, "geom": SQUARE}, {"Mã xã": LIEN_CHIEU, "geom": NEXT_SQUARE})
    assert found.matched == [HAI_VAN, LIEN_CHIEU]
    assert shapely.equals(boundary(database, LIEN_CHIEU), NEXT_SQUARE)


def test_names_of_the_list_are_not_changed_by_a_file_of_boundaries(database: Database, tmp_path: Path) -> None:
    draw(database, tmp_path, {"code": HAI_VAN, "full_name": "Sai tên", "geom": SQUARE})
    with database.read() as connection:
        statement = text("SELECT full_name FROM open.communes WHERE code = :code")
        assert connection.scalar(statement, {"code": HAI_VAN}) == "Phường Hải Vân"


def test_the_same_boundaries_again_make_no_revision(database: Database, tmp_path: Path) -> None:
    row = {"code": "20200", "geom": SQUARE}
    first, second = (draw(database, tmp_path, row) for _ in range(2))
    assert first.revision is not None
    assert second.revision is None
    assert second.matched == ["20200"]


def test_codes_that_no_unit_has_are_told(database: Database, tmp_path: Path) -> None:
    found = draw(database, tmp_path, {"code": "99999", "geom": SQUARE}, {"code": None, "geom": SQUARE})
    assert (found.matched, found.unknown, found.revision) == ([], ["99999", "None"], None)


@pytest.mark.parametrize("broken", [BOWTIE, LineString([(108, 16), (108.1, 16)]), Point(108, 16), None])
def test_shapes_that_cannot_be_a_boundary_are_told_and_not_taken(
    database: Database, tmp_path: Path, broken: shapely.Geometry | None
) -> None:
    found = draw(database, tmp_path, {"code": "20209", "geom": broken})
    assert (found.matched, found.invalid) == ([], ["20209"])
    assert boundary(database, "20209") is None


def test_a_unit_in_several_rows_gets_all_its_parts(database: Database, tmp_path: Path) -> None:
    island = box(108.5, 16.0, 108.6, 16.1)
    found = draw(database, tmp_path, {"code": HAI_VAN, "geom": SQUARE}, {"code": HAI_VAN, "geom": island})
    assert found.matched == [HAI_VAN]
    assert shapely.equals(boundary(database, HAI_VAN), shapely.MultiPolygon([SQUARE, island]))


def test_units_that_still_have_no_boundary_are_listed(database: Database, tmp_path: Path) -> None:
    found = draw(database, tmp_path, {"code": HAI_VAN, "geom": SQUARE})
    assert HAI_VAN not in found.without
    assert "22736" in found.without


def test_a_file_without_a_column_of_codes_is_answered_with_its_columns(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="CODE_COLUMN") as refusal:
        draw(database, tmp_path, {"số": HAI_VAN, "màu": "đỏ", "geom": SQUARE})
    assert refusal.value.detail["columns"] == ["số", "màu"]


def test_the_column_of_codes_can_be_chosen(database: Database, tmp_path: Path) -> None:
    found = draw(database, tmp_path, {"số": HAI_VAN, "code": "99999", "geom": SQUARE}, code_column="số")
    assert found.matched == [HAI_VAN]


def test_a_chosen_column_that_is_not_there_is_answered_with_the_columns(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="CODE_COLUMN"):
        draw(database, tmp_path, {"code": HAI_VAN, "geom": SQUARE}, code_column="mã")


def test_boundaries_in_metres_are_moved_with_the_chosen_system(database: Database, tmp_path: Path) -> None:
    square_m = box(550_000, 1_770_000, 551_000, 1_771_000)
    (tmp_path / "units.csv").write_text(f'code,wkt\n{LIEN_CHIEU},"{square_m.wkt}"\n')
    without = load_boundaries(database, tmp_path / "units.csv", COMMUNES)
    assert (without.matched, [message["code"] for message in without.messages]) == ([], ["CRS_MISSING"])
    found = load_boundaries(database, tmp_path / "units.csv", COMMUNES, crs="EPSG:5899")
    assert found.matched == [LIEN_CHIEU]
    drawn = boundary(database, LIEN_CHIEU)
    assert drawn is not None
    assert (round(drawn.centroid.x, 1), round(drawn.centroid.y, 1)) == (108.2, 16.0)


def test_provinces_are_loaded_the_same_way(database: Database, tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "provinces.geojson", [{"Mã tỉnh": "48", "geom": SQUARE}])
    found = load_boundaries(database, path, get_register("provinces"))
    assert (found.matched, len(found.without)) == (["48"], 33)


# --- the index


@pytest.fixture
def index() -> UnitIndex:
    return UnitIndex({"a": "48", "b": "48", "c": "49"}, {"a": SQUARE, "b": NEXT_SQUARE}, {"a": "A", "b": "B", "c": "C"})


def test_the_commune_at_a_place_is_the_one_that_holds_it(index: UnitIndex) -> None:
    places = shapely.points([[108.05, 16.05], [108.15, 16.05], [108.05, 16.5]])
    assert index.communes_at(places).tolist() == ["a", "b", None]


def test_a_place_on_the_border_is_in_one_of_both_communes(index: UnitIndex) -> None:
    assert index.communes_at(shapely.points([[108.1, 16.05]])).tolist()[0] in {"a", "b"}


def test_without_any_boundary_no_commune_is_known() -> None:
    assert UnitIndex({}, {}, {}).communes_at(shapely.points([[108.05, 16.05]])).tolist() == [None]


def test_a_commune_without_boundary_holds_every_place(index: UnitIndex) -> None:
    assert index.inside("c", shapely.points([[0.0, 0.0]])).tolist() == [True]


def test_simplifying_a_wriggly_boundary_does_not_refuse_places_inside_it() -> None:
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    radius = 0.05 + 0.0002 * np.sin(500 * angles)
    wriggly = Polygon(np.column_stack([108 + radius * np.cos(angles), 16 + radius * np.sin(angles)]))
    index = UnitIndex({"a": "48"}, {"a": wriggly}, {"a": "A"})
    assert index.inside("a", shapely.points(wriggly.exterior.coords)).all()


def test_the_distance_of_a_place_inside_is_nothing(index: UnitIndex) -> None:
    assert index.distance_m("a", Point(108.05, 16.05)) == 0


def test_the_index_of_the_database_knows_current_units_only(scratch_url: str) -> None:
    database = Database(settings_for(scratch_url))
    with database.worker() as connection:
        connection.execute(text("UPDATE reg.communes SET valid_to = '2026-01-01' WHERE code = '20194'"))
    with database.read() as connection:
        found = load_units(connection)
    database.dispose()
    assert len(found.provinces) == 3320
    assert "20194" not in found.provinces
    assert (found.provinces["20197"], found.names["20197"]) == ("48", "Phường Liên Chiểu")


def test_the_reference_list_serves_checks_without_a_database() -> None:
    found = reference_units()
    assert (len(found.provinces), dict(found.boundaries)) == (3321, {})

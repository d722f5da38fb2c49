"""Reference data: unit lists, old-to-new tables, province outlines, base map."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import shape

from geodata.reference import (
    read_basemap,
    read_communes,
    read_crosswalk,
    read_province_crosswalk,
    read_province_outlines,
    read_provinces,
)
from geodata.reference.outlines import build_outlines
from geodata.reference.outlines.border_corrections import CORRECTIONS, give_up_remnants
from geodata.reference.units import build_units
from geodata.reference.units.build_crosswalk import Link, OldUnit, drop_mix_ups, is_named_in_note

HOANG_SA_BOX = shapely.box(111.0, 15.5, 113.0, 17.3)
TRUONG_SA_BOX = shapely.box(111.3, 7.4, 116.0, 11.7)
HOANG_SA_LABEL = "Quần đảo Hoàng Sa (TP. Đà Nẵng, Việt Nam)"
TRUONG_SA_LABEL = "Quần đảo Trường Sa (tỉnh Khánh Hòa, Việt Nam)"
UNIT_WORDS = {
    "tinh": "Tỉnh",
    "thanh_pho": "Thành phố",
    "xa": "Xã",
    "phuong": "Phường",
    "dac_khu": "Đặc khu",
}


@pytest.fixture(scope="module")
def outlines() -> dict[str, shapely.MultiPolygon]:
    return {
        feature["properties"]["code"]: shapely.MultiPolygon(shape(feature["geometry"]))
        for feature in read_province_outlines()["features"]
    }


@pytest.fixture(scope="module")
def basemap() -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = read_basemap()["features"]
    return features


def outline_file(name: str) -> bytes:
    return (files("geodata.reference") / "outlines" / name).read_bytes()


def commune_points() -> Iterator[tuple[str, str, shapely.Point]]:
    for row in read_communes():
        if row.rep_lon is not None and row.rep_lat is not None:
            yield row.code, row.province_code, shapely.Point(row.rep_lon, row.rep_lat)


def old_unit(code: str, district: str, name_key: str = "phuong4") -> OldUnit:
    return OldUnit(f"tinh_{district}_{name_key}", code, "Phường 4", name_key, district, "Tỉnh Đồng Tháp")


# --- unit lists


def test_there_are_34_provinces_and_3321_communes_of_the_known_kinds() -> None:
    assert Counter(row.kind for row in read_provinces()) == {"tinh": 25, "thanh_pho": 9}
    assert Counter(row.kind for row in read_communes()) == {"phuong": 709, "xa": 2599, "dac_khu": 13}


@pytest.mark.parametrize(("rows", "digits"), [(read_provinces(), 2), (read_communes(), 5)])
def test_codes_are_unique_text_of_fixed_length_in_order(rows: list[Any], digits: int) -> None:
    codes = [row.code for row in rows]
    assert all(len(code) == digits and code.isascii() and code.isdigit() for code in codes)
    assert all(before < after for before, after in pairwise(codes))


def test_leading_zeros_are_kept() -> None:
    assert read_provinces()[0].code == "01"
    assert read_communes()[0].code == "00004"


def test_every_commune_belongs_to_a_listed_province() -> None:
    assert {row.province_code for row in read_communes()} == {row.code for row in read_provinces()}


@pytest.mark.parametrize("rows", [read_provinces(), read_communes()])
def test_full_name_is_the_unit_word_and_the_name(rows: list[Any]) -> None:
    assert [row for row in rows if row.full_name != f"{UNIT_WORDS[row.kind]} {row.name}"] == []


def test_english_names_are_plain_ascii() -> None:
    communes = {row.code: row.name_en for row in read_communes()}
    assert all(name.isascii() and name for name in communes.values())
    assert communes["00004"] == "Ba Dinh"
    assert communes["24412"] == "M'Drak"


def test_both_archipelagos_are_special_zones_of_their_provinces() -> None:
    communes = {row.code: row for row in read_communes()}
    assert (communes["20333"].full_name, communes["20333"].province_code) == ("Đặc khu Hoàng Sa", "48")
    assert (communes["22736"].full_name, communes["22736"].province_code) == ("Đặc khu Trường Sa", "56")


def test_units_changed_by_later_resolutions_carry_the_later_day_of_effect() -> None:
    communes = Counter(row.valid_from for row in read_communes())
    assert communes == {date(2025, 7, 1): 3299, date(2026, 4, 30): 10, date(2026, 9, 20): 12}
    later = {row.code: row.valid_from for row in read_provinces() if row.valid_from != date(2025, 7, 1)}
    assert later == {"22": date(2026, 9, 1), "24": date(2026, 9, 20), "75": date(2026, 4, 30)}


def test_no_unit_has_ended() -> None:
    assert {row.valid_to for row in read_communes()} | {row.valid_to for row in read_provinces()} == {None}


def test_points_lie_in_vietnam_or_are_left_empty_where_doubtful() -> None:
    communes = read_communes()
    assert {row.code for row in communes if row.rep_lon is None} == build_units.DOUBTFUL_POINTS
    vietnam = shapely.box(102, 8, 115, 24)
    assert all(vietnam.contains(point) for _, _, point in commune_points())
    assert all(row.rep_lon is not None and row.rep_lat is not None for row in read_provinces())


# --- old to new


def test_every_commune_of_today_has_a_predecessor_and_every_target_exists() -> None:
    assert {row.new_code for row in read_crosswalk()} == {row.code for row in read_communes()}


def test_crosswalk_pairs_are_unique_and_part_means_several_successors() -> None:
    rows = read_crosswalk()
    assert len({(row.old_code, row.new_code) for row in rows}) == len(rows) == 10571
    successors = Counter(row.old_code for row in rows)
    assert len(successors) == 10040
    assert [row for row in rows if (row.kind == "part") != (successors[row.old_code] > 1)] == []


def test_an_old_commune_never_leaves_its_provinces_successor() -> None:
    successor = {row.old_name: row.new_code for row in read_province_crosswalk()}
    province = {row.code: row.province_code for row in read_communes()}
    strays = [row for row in read_crosswalk() if successor[row.old_province] != province[row.new_code]]
    assert strays == []


def test_the_island_district_of_hoang_sa_becomes_the_special_zone() -> None:
    assert [row.new_code for row in read_crosswalk() if row.old_name == "Huyện Hoàng Sa"] == ["20333"]


def test_a_namesake_in_another_district_brings_no_false_successor() -> None:
    ward_4_of_sa_dec = [row for row in read_crosswalk() if row.old_code == "29908"]
    assert [(row.new_code, row.kind) for row in ward_4_of_sa_dec] == [("29905", "whole")]


def test_63_provinces_become_34() -> None:
    rows = read_province_crosswalk()
    assert len({row.old_code for row in rows}) == len(rows) == 63
    assert {row.new_code for row in rows} == {row.code for row in read_provinces()}


def test_a_mix_up_goes_and_a_true_division_stays() -> None:
    sa_dec, cao_lanh = old_unit("1", "sadec"), old_unit("2", "caolanh")
    neighbour = old_unit("3", "caolanh", "phuong1")
    links = [
        Link(sa_dec, "A", "Phường Sa Đéc"),
        Link(sa_dec, "B", "Phường Cao Lãnh"),
        Link(cao_lanh, "B", "Phường Cao Lãnh"),
        Link(neighbour, "B", "Phường Cao Lãnh"),
        Link(neighbour, "C", "Phường Mỹ Ngãi"),
    ]
    assert drop_mix_ups(links) == [links[0], *links[2:]]


@pytest.mark.parametrize(
    ("note", "named"),
    [
        ("Hợp nhất Phường 1, phường 4 (thành phố Cao Lãnh)", True),
        ("Hợp nhất phường 14", False),
        ("Giữ nguyên, không thực hiện sắp xếp.", False),
    ],
)
def test_a_numbered_ward_is_named_in_a_note_only_in_full(note: str, *, named: bool) -> None:
    assert is_named_in_note(Link(old_unit("1", "caolanh"), "B", "Phường Cao Lãnh"), note) is named


# --- building the lists


def test_building_the_unit_lists_again_gives_the_same_bytes(tmp_path: Path) -> None:
    build_units.build(tmp_path)
    committed = files("geodata.reference") / "units"
    built = sorted(path.name for path in tmp_path.iterdir())
    assert built == ["communes.tsv", "crosswalk.tsv", "province_crosswalk.tsv", "provinces.tsv"]
    assert [name for name in built if (tmp_path / name).read_bytes() != (committed / name).read_bytes()] == []


def test_another_version_of_a_source_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(build_units.PACKAGES, build_units.TABLE_PACKAGE, "9.9.9")
    with pytest.raises(build_units.SourceError, match=r"checked with 9\.9\.9: install that version"):
        build_units.package_folder(build_units.TABLE_PACKAGE)


def test_an_unknown_later_resolution_is_refused_rather_than_dated_2025() -> None:
    with pytest.raises(build_units.SourceError, match="Add the day of effect of 999/NQ-UBTVQH16"):
        build_units.find_valid_from("Thành lập phường. Số: 999/NQ-UBTVQH16; Ngày: 01/12/2026")


def test_a_tab_inside_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(build_units.SourceError, match="holds a tab"):
        build_units.write_table(tmp_path / "x.tsv", ["note"], [{"note": "a\tb"}])


# --- outlines


def test_every_province_has_an_outline_with_its_name() -> None:
    drawn = [feature["properties"] for feature in read_province_outlines()["features"]]
    listed = [{"code": row.code, "name": row.name, "full_name": row.full_name} for row in read_provinces()]
    assert drawn == listed


def test_outlines_are_valid_multipolygons_on_the_grid_with_rfc_7946_winding(
    outlines: dict[str, shapely.MultiPolygon],
) -> None:
    for outline in outlines.values():
        assert outline.geom_type == "MultiPolygon"
        assert outline.is_valid
        coordinates = shapely.get_coordinates(outline)
        assert abs(coordinates - coordinates.round(4)).max() == 0
        assert all(polygon.exterior.is_ccw for polygon in outline.geoms)
        assert not any(hole.is_ccw for polygon in outline.geoms for hole in polygon.interiors)


def test_outlines_neither_overlap_nor_leave_gaps(outlines: dict[str, shapely.MultiPolygon]) -> None:
    areas = list(outlines.values())
    united = shapely.union_all(areas)
    assert shapely.coverage_is_valid(areas)
    assert sum(area.area for area in areas) == pytest.approx(united.area, rel=1e-12)
    assert [hole for polygon in united.geoms for hole in polygon.interiors] == []


def test_simplification_keeps_the_area(outlines: dict[str, shapely.MultiPolygon]) -> None:
    source = build_outlines.read_extract().provinces
    for code, outline in outlines.items():
        mainland = sum(polygon.area for polygon in outline.geoms if polygon.bounds[0] < 109.6)
        assert mainland == pytest.approx(source[code].area, rel=0.01), code


def test_hoang_sa_is_part_of_da_nang_and_truong_sa_of_khanh_hoa(
    outlines: dict[str, shapely.MultiPolygon],
) -> None:
    for code, box, least in (("48", HOANG_SA_BOX, 14), ("56", TRUONG_SA_BOX, 25)):
        parts = [polygon for polygon in outlines[code].geoms if box.contains(polygon)]
        assert len(parts) >= least
        assert not any(outline.intersects(box) for other, outline in outlines.items() if other != code)


@pytest.mark.parametrize("island", build_outlines.read_islands(), ids=lambda island: island.name_en)
def test_every_listed_island_is_drawn_in_its_province(
    island: build_outlines.Island, outlines: dict[str, shapely.MultiPolygon]
) -> None:
    place = shapely.Point(island.lon, island.lat)
    assert outlines[island.province_code].distance(place) < build_outlines.MARK_ONLY_BEYOND_DEG


def test_communes_of_outdated_borders_lie_in_their_own_province(
    outlines: dict[str, shapely.MultiPolygon],
) -> None:
    for wrong, right in CORRECTIONS:
        points = [point for _, province, point in commune_points() if province == right]
        assert [point for point in points if outlines[wrong].buffer(-0.01).contains(point)] == []


def test_few_commune_points_lie_outside_their_provinces_outline(
    outlines: dict[str, shapely.MultiPolygon],
) -> None:
    far = {code for code, province, point in commune_points() if outlines[province].distance(point) > 0.05}
    # Between the islands of an archipelago, where a representative point may well be at sea.
    assert far == {"20333", "22736"}


def test_remnants_go_to_the_winner_and_islands_stay() -> None:
    mainland, remnant, island = shapely.box(0, 0, 4, 4), shapely.box(6, 0, 7, 4), shapely.box(0, 9, 1, 10)
    loser, winner = give_up_remnants(shapely.MultiPolygon([remnant, mainland, island]), shapely.box(4, 0, 6, 4))
    assert loser.equals(shapely.MultiPolygon([mainland, island]))
    assert winner.equals(shapely.box(4, 0, 7, 4))


# --- base map


def test_archipelagos_and_sea_carry_the_exact_names(basemap: list[dict[str, Any]]) -> None:
    labels = {
        feature["properties"]["name"]: (feature["properties"]["kind"], feature["properties"]["name_en"])
        for feature in basemap
        if feature["properties"]["kind"] in {"archipelago", "sea"}
    }
    assert labels == {
        HOANG_SA_LABEL: ("archipelago", "Hoàng Sa Archipelago (Da Nang City, Viet Nam)"),
        TRUONG_SA_LABEL: ("archipelago", "Trường Sa Archipelago (Khanh Hoa Province, Viet Nam)"),
        "Biển Đông": ("sea", "East Sea (Biển Đông)"),
        "Vịnh Bắc Bộ": ("sea", "Bac Bo Gulf (Vịnh Bắc Bộ)"),
        "Vịnh Thái Lan": ("sea", "Gulf of Thailand (Vịnh Thái Lan)"),
    }


@pytest.mark.parametrize(("name", "box"), [(HOANG_SA_LABEL, HOANG_SA_BOX), (TRUONG_SA_LABEL, TRUONG_SA_BOX)])
def test_archipelago_labels_stand_among_their_islands(
    name: str, box: shapely.Polygon, basemap: list[dict[str, Any]]
) -> None:
    (label,) = [feature for feature in basemap if feature["properties"].get("name") == name]
    assert box.contains(shape(label["geometry"]))


def test_every_province_label_lies_inside_its_outline(
    basemap: list[dict[str, Any]], outlines: dict[str, shapely.MultiPolygon]
) -> None:
    labels = {
        feature["properties"]["code"]: shape(feature["geometry"])
        for feature in basemap
        if feature["properties"]["kind"] == "province"
    }
    assert labels.keys() == outlines.keys()
    assert [code for code, point in labels.items() if not outlines[code].contains(point)] == []


def test_neighbouring_land_is_nameless_clipped_and_meets_vietnam_without_a_gap(
    basemap: list[dict[str, Any]], outlines: dict[str, shapely.MultiPolygon]
) -> None:
    (neighbour,) = [feature for feature in basemap if feature["properties"]["kind"] == "neighbour"]
    land = shape(neighbour["geometry"])
    assert neighbour["properties"] == {"kind": "neighbour"}
    assert land.is_valid
    assert shapely.box(98, 4, 120, 26).covers(land)
    assert shapely.coverage_is_valid([*outlines.values(), land])
    assert not land.intersects(HOANG_SA_BOX)
    assert not land.intersects(TRUONG_SA_BOX)


def test_land_goes_on_where_the_neighbours_are_cut_and_stays_out_of_our_sea(basemap: list[dict[str, Any]]) -> None:
    neighbour, far = (
        next(shape(feature["geometry"]) for feature in basemap if feature["properties"] == {"kind": kind})
        for kind in ("neighbour", "far")
    )
    cut = shapely.box(98, 4, 120, 26)
    edge = neighbour.intersection(cut.exterior)
    assert edge.difference(far).length < 0.1 * edge.length, "but for small islands and the shape of a shore"
    assert not far.intersects(cut.buffer(-0.15))
    assert far.is_valid


@pytest.mark.parametrize("name", ["provinces.geojson", "basemap.geojson"])
def test_no_foreign_name_of_the_islands_appears(name: str) -> None:
    text = outline_file(name).decode().casefold()
    foreign = (
        "paracel",
        "spratly",
        "xisha",
        "nansha",
        "sansha",
        "kalayaan",
        "south china sea",
        "woody",
        "itu aba",
    )
    assert [word for word in foreign if word in text] == []


def test_files_stay_small() -> None:
    assert len(outline_file("provinces.geojson")) <= 400_000
    assert len(outline_file("basemap.geojson")) <= 150_000
    assert len((files("geodata.reference") / "units" / "crosswalk.tsv").read_bytes()) <= 3_000_000


def test_building_the_outlines_again_gives_the_same_bytes(tmp_path: Path) -> None:
    build_outlines.build(tmp_path)
    for name in ("provinces.geojson", "basemap.geojson"):
        assert (tmp_path / name).read_bytes() == outline_file(name), name


def test_rounding_that_breaks_a_geometry_is_refused() -> None:
    needle = shapely.Polygon([(0, 0), (1, 0.00001), (1, 0.00004), (0, 0.00002)])
    with pytest.raises(ValueError, match="neighbour"):
        build_outlines.make_feature({"kind": "neighbour"}, needle)


def test_written_collections_are_geojson_with_a_feature_a_line(tmp_path: Path) -> None:
    features = [build_outlines.make_feature({"kind": "sea"}, shapely.Point(112.50004, 13.2))]
    build_outlines.write_collection(tmp_path / "x.geojson", features)
    lines = (tmp_path / "x.geojson").read_text().splitlines()
    assert json.loads(lines[1])["geometry"] == {"type": "Point", "coordinates": [112.5, 13.2]}
    assert json.loads("".join(lines))["type"] == "FeatureCollection"

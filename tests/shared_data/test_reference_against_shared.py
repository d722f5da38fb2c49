"""Reference data against an independent copy of the unit lists and boundaries.

The copy comes from thanglequoc/vietnamese-provinces-database and dvhcvn/20250701 (both MIT) and lies beside
the repository; without it these tests are skipped.
"""

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path

import pytest
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geodata.reference import (
    read_communes,
    read_crosswalk,
    read_province_crosswalk,
    read_province_outlines,
    read_provinces,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not beside the repository")

IOU_FLOOR = 0.8
"""Natural Earth is drawn for 1 : 10 million; the copy's own provinces are generalised too."""

ISLAND_AREA_DEG2 = 0.005
ARCHIPELAGO_WEST = 109.6

GONE_BEFORE_2025_07 = {
    "07693", "07732", "07744", "16387", "16411", "18448",
    "20176", "20674", "25102", "25174", "25177", "25186",
}  # fmt: skip
"""Old communes the copy still lists, merged by the end of 2024; 10,035 were left on 2025-06-30."""

ISLAND_DISTRICTS = {"318", "471", "498", "536", "755"}
"""Districts without communes; the copy leaves them out."""


def read_table(name: str) -> list[dict[str, str]]:
    with (SHARED / "units" / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def read_outlines(name: str) -> dict[str, BaseGeometry]:
    with gzip.open(SHARED / "boundaries" / name, "rt", encoding="utf-8") as file:
        features = json.load(file)["features"]
    return {feature["properties"]["code"]: shape(feature["geometry"]) for feature in features}


def mainland(outline: BaseGeometry) -> BaseGeometry:
    parts = shapely.get_parts(outline)
    return shapely.union_all(
        [part for part in parts if part.area >= ISLAND_AREA_DEG2 and part.bounds[0] < ARCHIPELAGO_WEST]
    )


def test_communes_equal_the_newest_list_in_code_name_kind_and_note() -> None:
    shared = {
        row["code"]: (
            row["full_name"],
            row["type"].replace("-", "_"),
            row["province_code"],
            row["legal_note"],
        )
        for row in read_table("commune_3321_2026-10_with_legal_notes.tsv")
    }
    ours = {row.code: (row.full_name, row.kind, row.province_code, row.legal_note) for row in read_communes()}
    assert ours == shared


def test_codes_differ_from_the_boundary_list_in_ba_che_only() -> None:
    shared = {row["code"] for row in read_table("commune_3321_2026-07.tsv")}
    ours = {row.code: row.full_name for row in read_communes()}
    # The statistics office has 06970; the boundary set has 06978.
    assert (ours.keys() - shared, shared - ours.keys()) == ({"06970"}, {"06978"})
    assert ours["06970"] == "Xã Ba Chẽ"


def test_kinds_differ_from_the_july_list_by_the_resolution_of_september_2026_only() -> None:
    shared = {row["code"]: row["unit_type"] for row in read_table("commune_3321_2026-07.tsv")}
    changed = [row for row in read_communes() if row.kind != shared.get(row.code, row.kind)]
    assert len(changed) == 12
    assert {(row.kind, row.province_code, row.valid_from.isoformat()) for row in changed} == {
        ("phuong", "24", "2026-09-20")
    }


def test_provinces_equal_the_july_list_but_for_the_two_new_cities() -> None:
    shared = {row["code"]: row["unit_type"] for row in read_table("province_34_2026-07.tsv")}
    ours = {row.code: row.kind for row in read_provinces()}
    assert ours.keys() == shared.keys()
    assert {code for code in ours if ours[code] != shared[code]} == {"22", "24"}


def test_63_provinces_go_to_the_same_34() -> None:
    shared = {row["old_code"]: row["new_code"] for row in read_table("old_to_new_province_2025-07-01.tsv")}
    assert {row.old_code: row.new_code for row in read_province_crosswalk()} == shared


def test_both_commune_crosswalks_know_the_same_old_communes_but_for_known_ones() -> None:
    shared = {row["old_code"] for row in read_table("old_to_new_commune_2025-07-01.tsv")}
    ours = {row.old_code for row in read_crosswalk()}
    assert shared - ours == GONE_BEFORE_2025_07
    assert ours - shared == ISLAND_DISTRICTS


def test_crosswalks_disagree_on_few_old_communes() -> None:
    shared, ours = defaultdict(set), defaultdict(set)
    for row in read_table("old_to_new_commune_2025-07-01.tsv"):
        shared[row["old_code"]].add(row["new_code"])
    for pair in read_crosswalk():
        ours[pair.old_code].add(pair.new_code)
    differing = [code for code in shared.keys() & ours.keys() if shared[code] != ours[code]]
    assert len(differing) == 28
    # Ours lacks small parts the copy has; hardly ever does it send a commune somewhere else.
    assert sum(not ours[code] & shared[code] for code in differing) <= 7


def test_commune_points_lie_inside_or_within_a_kilometre_but_for_the_archipelagos() -> None:
    polygons = read_outlines("commune_3321_simplified.geojson.gz")
    polygons["06970"] = polygons.pop("06978")
    outside_deg = {
        row.code: polygons[row.code].distance(shapely.Point(row.rep_lon, row.rep_lat))
        for row in read_communes()
        if row.rep_lon is not None and row.rep_lat is not None
    }
    assert sum(distance > 0 for distance in outside_deg.values()) == 7
    assert {code for code, distance in outside_deg.items() if distance > 0.01} == {"20333", "22736"}


def test_province_points_lie_inside_their_province() -> None:
    polygons = read_outlines("province_34.geojson.gz")
    outside = [
        row.full_name
        for row in read_provinces()
        if not polygons[row.code].contains(shapely.Point(row.rep_lon or 0, row.rep_lat or 0))
    ]
    assert outside == []


def test_province_outlines_match_the_boundaries_roughly_islands_aside() -> None:
    boundaries = read_outlines("province_34.geojson.gz")
    overlap = {}
    for feature in read_province_outlines()["features"]:
        code = feature["properties"]["code"]
        ours, theirs = mainland(shape(feature["geometry"])), mainland(boundaries[code])
        overlap[code] = ours.intersection(theirs).area / ours.union(theirs).area
    assert len(overlap) == 34
    assert {code: iou for code, iou in overlap.items() if iou < IOU_FLOOR} == {}
    assert sum(overlap.values()) / len(overlap) > 0.89

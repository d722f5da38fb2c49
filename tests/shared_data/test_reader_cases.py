"""Every file of the shared upload cases ends in rows or in a coded refusal."""

import csv
import time
from pathlib import Path

import pytest

from geodata.importing.results import ReadResult, UnreadableFileError, iter_batches
from geodata.importing.sandbox import read_upload

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "upload-cases"
MANIFEST = CASES / "MANIFEST.tsv"

pytestmark = pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/data/upload-cases is not here")

REFUSED = {
    "filegdb_many_layers.gdb.zip": "LAYER_CHOICE",
    "geojson_bad-json.geojson": "GEOJSON_SYNTAX",
    "geojson_rootstring.geojson": "UPLOAD_FORMAT",
    "gpkg_two_layers_two_crs.gpkg": "LAYER_CHOICE",
    "not_a_zip.zip": "UPLOAD_FORMAT",
    "shp_bad_record_length.zip": "SHP_BROKEN",
    "shp_empty_no_records.zip": "EMPTY_LAYER",
    "sqlite_renamed_gpkg.gpkg": "UPLOAD_FORMAT",
    "zip_duplicate_member.zip": "ZIP_DUPLICATE",
    "zip_two_shapefiles_no_prj.zip": "LAYER_CHOICE",
    "zip_without_any_geodata.zip": "NO_LAYER",
}
# Rows, and how many of them have which problem.
ROWS: dict[str, tuple[int, dict[str, int]]] = {
    "geojson_bad-duplicate-properties.geojson": (1, {"GEOM_NULL": 1}),
    "geojson_badcoordtype.geojson": (1, {"GEOM_NESTING": 1}),
    "geojson_expected_object.geojson": (1, {"FEATURE_PROPERTIES": 1}),
    "geojson_null_geometry.geojson": (2, {"GEOM_NULL": 1}),
    "geojson_point-toofew.geojson": (1, {"GEOM_TOO_FEW_POSITIONS": 1}),
    "geojson_short-linearring.geojson": (1, {"GEOM_RING_NOT_CLOSED": 1}),
    "geojson_stringcoord.geojson": (2, {"GEOM_COORDINATE_TYPE": 1}),
    "kml_bad.kml": (3, {"GEOM_COORDINATE_TYPE": 3}),
    "kml_null_geometry.kml": (1, {"GEOM_NULL": 1}),
    "kml_selfclosing.kml": (1, {"GEOM_EMPTY": 1}),
    "kml_multigeometry_sibling.kml": (1, {}),
    "shp_30_invalid_of_1204_spaces_in_name.zip": (1204, {}),
    "shp_alone_null_in_middle.zip": (3, {"GEOM_NULL": 1}),
    "shp_mostly_null_shapes_gda94.zip": (13, {"GEOM_NULL": 12}),
    "shp_ring_not_closed_many.zip": (1492, {"GEOM_RING_NOT_CLOSED": 1492}),
    "shp_trailing_byte_in_shp_and_dbf.zip": (10, {}),
    "shp_zero_length_line_and_null.zip": (3, {"GEOM_NULL": 1}),
    "world_borders_antimeridian_no_prj.zip": (246, {}),
    "zip_only_shp_sbx.zip": (14, {}),
}


def case_names() -> list[str]:
    if not MANIFEST.exists():
        return []
    with MANIFEST.open(encoding="utf-8", newline="") as file:
        return [row["file"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def read(tmp_path: Path, name: str, layer: str | None = None) -> ReadResult:
    return read_upload(CASES / name, tmp_path / "work", original_name=name, layer=layer, timeout_s=30)


def values(result: ReadResult, column: str) -> list[str | None]:
    return [value for batch in iter_batches(result) for value in batch.column(column).to_pylist()]


@pytest.mark.parametrize("name", case_names())
def test_case_ends_in_rows_or_a_coded_refusal(tmp_path: Path, name: str) -> None:
    started = time.monotonic()
    if name in REFUSED:
        with pytest.raises(UnreadableFileError) as caught:
            read(tmp_path, name)
        assert caught.value.code == REFUSED[name]
        assert caught.value.vi
    else:
        result = read(tmp_path, name)
        problems = [problem for problem in values(result, "_problem") if problem]
        found = (result.row_count, {code: problems.count(code) for code in set(problems)})
        assert found == ROWS.get(name, (result.row_count, {}))
    assert time.monotonic() - started < 30


@pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/data/upload-cases is not here")
def test_all_58_cases_are_listed() -> None:
    assert len(case_names()) == 58


@pytest.mark.parametrize("name", ["dbf_cp1258_decomposed_ninh_binh.zip", "dbf_utf8_no_cpg_nghe_an.zip"])
def test_vietnamese_names_are_whole_and_composed(tmp_path: Path, name: str) -> None:
    names = values(read(tmp_path, name), "ten_xa")
    assert len(names) == 6
    assert all(text and "\ufffd" not in text and len(text) > 3 for text in names)
    assert any(ord(letter) > 0x1E9F for text in names for letter in text or "")
    assert not any(0x300 <= ord(letter) <= 0x36F for text in names for letter in text or "")


@pytest.mark.parametrize(
    ("name", "column", "told"),
    [
        ("dbf_cp1258_decomposed_ninh_binh.zip", "ten_xa", ("cp1258", "letters", True)),
        ("dbf_utf8_no_cpg_nghe_an.zip", "ten_xa", ("utf-8", "bytes", True)),
        ("shp_cpg_ansi_1250.zip", "field", ("cp1250", "cpg", True)),
        ("shp_cpg_is_html_page.zip", "field", ("utf-8", "bytes", True)),
        ("shp_cpg_utf8.zip", "field", ("utf-8", "bytes", True)),
        # A single word with an accent: Åland Islands.
        ("world_borders_antimeridian_no_prj.zip", "NAME", ("cp1252", "letters", False)),
        ("geojson_nfd_names_da_nang.geojson", "ten_xa", ("utf-8", "format", True)),
    ],
)
def test_the_encoding_is_found_and_doubt_is_told(
    tmp_path: Path, name: str, column: str, told: tuple[object, ...]
) -> None:
    choice = read(tmp_path, name).encoding[column]
    assert (choice.chosen, choice.how, choice.certain) == told


def test_the_same_communes_have_the_same_names_in_every_encoding(tmp_path: Path) -> None:
    decomposed = read(tmp_path, "geojson_nfd_names_da_nang.geojson")
    plain = read_upload(
        CASES / "vn2000_esri_custom_name_da_nang.zip", tmp_path / "b", original_name="b.zip", timeout_s=30
    )
    assert sorted(map(str, values(decomposed, "ten_xa"))) == sorted(map(str, values(plain, "ten_xa")))


@pytest.mark.parametrize(("layer", "srid"), [("vung_trong", "9210"), ("diem_4326", "4326")])
def test_each_layer_of_a_geopackage_has_its_own_crs(tmp_path: Path, layer: str, srid: str) -> None:
    result = read(tmp_path, "gpkg_two_layers_two_crs.gpkg", layer)
    assert (result.layer, result.crs_hint, result.row_count) == (layer, f"EPSG:{srid}", 6)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("point", (5, "Point", {})),
        ("multipolygon", (5, "MultiPolygon", {})),
        ("linestring25D", (5, "MultiLineString", {})),
        ("null_polygon", (5, None, {"GEOM_NULL": 5})),
        ("multipatch", (5, None, {"GEOM_TYPE": 5})),
        ("big_layer", (341, None, {})),
        ("hole", (12, None, {"GEOM_NULL": 12})),
        ("pointzm", (1, "Point", {})),
        ("none", (6, None, {})),
    ],
)
def test_layers_of_a_geodatabase_are_read(
    tmp_path: Path, layer: str, expected: tuple[int, str | None, dict[str, int]]
) -> None:
    result = read(tmp_path, "filegdb_many_layers.gdb.zip", layer)
    problems = [problem for problem in values(result, "_problem") if problem]
    counted = {code: problems.count(code) for code in set(problems)}
    assert (result.row_count, result.geometry_type, counted) == expected


def test_base_names_keep_their_dots_and_blanks(tmp_path: Path) -> None:
    assert read(tmp_path, "shp_ring_not_closed_many.zip").layer == "221-1_28.03.202411-16"
    spaces = read(tmp_path, "shp_30_invalid_of_1204_spaces_in_name.zip").layer
    assert spaces == "Bonifiche Ferraresi-Jolanda_1-203-super urea"


def test_islands_in_holes_are_polygons_of_their_own(tmp_path: Path) -> None:
    assert read(tmp_path, "shp_nested_tiny_rings.zip").geometry_type == "MultiPolygon"

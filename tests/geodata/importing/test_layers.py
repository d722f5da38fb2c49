"""Which layers a file has, and which of them is read."""

import contextlib
import sqlite3
import zipfile
from pathlib import Path

import pyogrio
import pytest
import shapely

from tests.geodata.importing.files import codes, kml, read, refusal, refusal_here, shapefile, table, values, wkt, zipped


def test_kmz_is_a_zip_with_kml(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", kml("<Placemark><Point><coordinates>1,2</coordinates></Point></Placemark>"))
    assert wkt(read(tmp_path, (tmp_path / "a.kmz").read_bytes(), "a.kmz")) == ["POINT (1 2)"]


def test_a_document_that_only_links_to_the_layers_of_its_kmz_is_none_of_them(tmp_path: Path) -> None:
    link = "<NetworkLink><Link><href>layers/xa.kml</href></Link></NetworkLink>"
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", kml(link))
        archive.writestr("layers/xa.kml", kml("<Placemark><Point><coordinates>1,2</coordinates></Point></Placemark>"))
    result = read(tmp_path, (tmp_path / "a.kmz").read_bytes(), "a.kmz")
    assert (result.layer, wkt(result)) == ("xa", ["POINT (1 2)"])


def test_several_layers_must_be_chosen_unless_one_alone_has_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for name in ("một", "hai"):
        pyogrio.write_dataframe(table([shapely.Point(1, 2)], a=[name]), path, layer=name)
    error = refusal(tmp_path, path.read_bytes(), "a.gpkg")
    assert error.code == "LAYER_CHOICE"
    assert [(item["name"], item["row_count"]) for item in error.detail["layers"]] == [("một", 1), ("hai", 1)]
    assert values(read(tmp_path, path.read_bytes(), "a.gpkg", layer="hai"), "a") == ["hai"]
    assert refusal(tmp_path, path.read_bytes(), "a.gpkg", layer="ba").code == "LAYER_UNKNOWN"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute('DELETE FROM "một"')
        database.commit()
    assert read(tmp_path, path.read_bytes(), "a.gpkg").layer == "hai"


def test_an_only_layer_is_called_like_its_file_and_any_other_choice_is_refused(tmp_path: Path) -> None:
    content = b"ten,lon,lat\nmot,106,20\n"
    assert read(tmp_path, content, "Xóm mới.csv", layer="Xóm mới").layer == "Xóm mới"
    error = refusal(tmp_path, content, "Xóm mới.csv", layer="nope")
    assert (error.code, [item["name"] for item in error.detail["layers"]]) == ("LAYER_UNKNOWN", ["Xóm mới"])
    assert "“nope” như đã chọn; các lớp trong tệp: “Xóm mới”." in error.vi


@pytest.mark.parametrize("name", ["a.csv", "a.zip"])
def test_bytes_that_are_no_text_are_refused_as_a_format_and_not_as_empty(tmp_path: Path, name: str) -> None:
    junk = b"\xff\xd8\xff\xe0\x10JFIF\x01"
    assert refusal(tmp_path, junk, name).code == "UPLOAD_FORMAT"
    assert refusal(tmp_path, junk + b",x\nmore\x02\n", name).code == "UPLOAD_FORMAT"


@pytest.mark.parametrize("suffix", ["csv", "dxf", "geojson", "gpkg", "gpx", "kml", "shp", "tab", "xls", "xlsx"])
def test_an_archive_of_an_empty_file_is_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / f"a.{suffix}").touch()
    assert refusal_here(tmp_path, zipped(tmp_path / "s"), "a.zip").code in {
        "UPLOAD_FORMAT", "CSV_NO_HEADER", "GEOJSON_SYNTAX", "XML_SYNTAX",
    }  # fmt: skip


def test_parts_are_found_in_folders_whatever_their_case(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.Point(1, 2)], ten=["Huế"]), ENCODING="UTF-8")
    path.with_suffix(".dbf").rename(path.with_suffix(".DBF"))
    path.with_suffix(".prj").rename(path.parent / "A.PRJ")
    result = read(tmp_path, zipped(tmp_path / "s", inside="Bản đồ/"), "a.zip")
    assert (result.layer, values(result, "ten"), str(result.crs_wkt)[:6]) == ("a", ["Huế"], "GEOGCS")


def test_missing_parts(tmp_path: Path) -> None:
    shapefile(tmp_path / "s", table([shapely.Point(1, 2)], ten=["Huế"]))
    result = read(tmp_path, zipped(tmp_path / "s", ".shp"), "a.zip")
    assert (codes(result), result.columns, result.crs_wkt) == (["DBF_MISSING"], (), None)
    error = refusal(tmp_path, zipped(tmp_path / "s", ".dbf", ".shx"), "a.zip")
    assert (error.code, error.detail["missing"]) == ("SHP_PARTS_MISSING", [".shp"])


def test_a_dbf_table_alone_is_a_table_whose_places_may_stand_in_its_columns(tmp_path: Path) -> None:
    frame = table([shapely.Point(1, 2)] * 2, ten=["Huế", "Vinh"], lon=[107.5, 105.5], lat=[16.5, 18.5])
    path = shapefile(tmp_path / "s", frame, ENCODING="UTF-8").with_suffix(".dbf")
    plain = read(tmp_path, path.read_bytes(), "a.dbf")
    assert (plain.format, values(plain, "ten"), wkt(plain)[0]) == ("DBF", ["Huế", "Vinh"], "POINT (107.5 16.5)")
    together = read(tmp_path, zipped(tmp_path / "s", ".dbf", ".cpg"), "a.zip")
    assert (together.layer, values(together, "ten")) == ("a", ["Huế", "Vinh"])
    path = shapefile(tmp_path / "t", table([shapely.Point(1, 2)], ma=["1"])).with_suffix(".dbf")
    marked = path.read_bytes().replace(b"\r 1", b"\r*1")
    assert refusal(tmp_path, marked, "a.dbf").code == "EMPTY_LAYER"
    result = read(tmp_path, path.read_bytes(), "a.dbf")
    assert (result.geometry_type, values(result, "_problem"), codes(result)) == (None, [None], ["CSV_NO_GEOMETRY"])


def test_unreadable_members_beside_a_layer_are_left_out_with_a_note(tmp_path: Path) -> None:
    shapefile(tmp_path / "s", table([shapely.Point(1, 2)], ten=["Huế"]))
    (tmp_path / "s" / "metadata.json").write_text('{"author": "x"}', encoding="ascii")
    result = read(tmp_path, zipped(tmp_path / "s"), "a.zip")
    assert (result.row_count, codes(result)) == (1, ["MEMBER_IGNORED"])

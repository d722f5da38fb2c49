"""Files sent together, and shapefiles in every state of order."""

import shutil
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import shapely

from geodata.importing.context import ReaderLimits
from geodata.importing.results import ReadResult, UnreadableFileError
from geodata.importing.sandbox import read_upload
from tests.geodata.importing.files import codes, collection, read, refusal, shape, shapefile, table, values, wkt, zipped

TEXT = "Thửa số 1"


def sent(tmp_path: Path, files: dict[str, bytes], **options: Any) -> ReadResult:
    """Store files as the server does, m000.shp and so on, and read them together."""
    folder = tmp_path / "stored"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    names = {f"m{at:03d}{Path(name).suffix.lower()[:8]}": name for at, name in enumerate(files)}
    for stored, name in names.items():
        (folder / stored).write_bytes(files[name])
    return read_upload(folder, tmp_path / "work", original_name="upload", names=names, **options)


def parts(tmp_path: Path, name: str = "a") -> dict[str, bytes]:
    path = shapefile(tmp_path / "made", table([shapely.Point(1, 2)], "EPSG:9209", ten=[TEXT]), name, ENCODING="UTF-8")
    return {item.name: item.read_bytes() for item in sorted(path.parent.glob(f"{name}.*"))}


def test_loose_parts_are_one_layer_whatever_their_case_and_order(tmp_path: Path) -> None:
    made = parts(tmp_path)
    mixed = {"A.DBF": made["a.dbf"], "a.Shp": made["a.shp"], "a.PRJ": made["a.prj"], "a.cpg": made["a.cpg"]}
    result = sent(tmp_path, mixed)
    assert (result.layer, values(result, "ten"), wkt(result)) == ("a", [TEXT], ["POINT (1 2)"])
    assert (result.crs_wkt is not None, result.encoding["ten"].how) == (True, "bytes")


def test_two_loose_shapefiles_are_two_layers(tmp_path: Path) -> None:
    both = {**parts(tmp_path), **parts(tmp_path, "b")}
    with pytest.raises(UnreadableFileError) as caught:
        sent(tmp_path, both)
    layers = caught.value.detail["layers"]
    assert (caught.value.code, [item["name"] for item in layers]) == ("LAYER_CHOICE", ["a", "b"])
    assert [list(item["sample"]) for item in layers] == [[{"ten": TEXT}]] * 2
    assert sent(tmp_path, both, layer="b").layer == "b"


def test_a_single_file_sent_as_a_folder_is_read_like_any_other(tmp_path: Path) -> None:
    data = collection(shape("Point", [1, 2])).encode()
    assert sent(tmp_path, {"Xóm mới.geojson": data}).layer == "Xóm mới"
    made = parts(tmp_path)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in made.items():
            archive.writestr(f"Bản đồ/2026/{name}", content)
    assert values(sent(tmp_path, {"a.zip": out.getvalue()}), "ten") == [TEXT]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"../a.shp": b"x", "a.dbf": b"x"}, "ZIP_PATH"),
        ({"/etc/a.shp": b"x", "a.dbf": b"x"}, "ZIP_PATH"),
        ({"con.shp": b"x", "a.dbf": b"x"}, "ZIP_PATH"),
        ({"a.shp": b"x", "A.SHP": b"x"}, "ZIP_DUPLICATE"),
        ({"a.zip": b"x", "b.dbf": b"x"}, "ZIP_NESTED"),
        ({"a.shx": b"x", "a.dbf": b"x"}, "SHP_PARTS_MISSING"),
        ({"a.dat": b"x", "a.map": b"x"}, "MAPINFO_PARTS"),
        ({"a.doc": b"x", "b.exe": b"x"}, "NO_LAYER"),
        ({f"{at}.prj": b"x" for at in range(201)}, "ZIP_TOO_MANY_ENTRIES"),
        ({"a.csv": b"", "b.csv": b""}, "FILE_EMPTY"),
    ],
    ids=["up", "root", "device", "case", "nested", "no shp", "no tab", "nothing", "many", "empty"],
)
def test_names_and_numbers_are_checked_like_those_in_an_archive(
    tmp_path: Path, files: dict[str, bytes], code: str
) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        sent(tmp_path, files)
    assert caught.value.code == code


def test_the_sizes_of_loose_parts_are_added_up(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="FILE_TOO_LARGE"):
        sent(tmp_path, {"a.shp": bytes(600), "a.dbf": bytes(600)}, limits=ReaderLimits(max_packed_bytes=1000))


def test_a_stored_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "stored"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("lon,lat\n1,2\n", encoding="ascii")
    (folder / "m000.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(UnreadableFileError, match="ZIP_SPECIAL"):
        read_upload(folder, tmp_path / "work", original_name="x", names={"m000.csv": "a.csv"})


@pytest.mark.parametrize(
    "index", [None, b"", b"\xff" * 100, b"\0" * 5000], ids=["missing", "empty", "rubbish", "zeros"]
)
def test_an_index_that_is_missing_or_lies_changes_nothing(tmp_path: Path, index: bytes | None) -> None:
    made = parts(tmp_path)
    made.pop("a.shx")
    files = made if index is None else {**made, "a.shx": index}
    assert (values(sent(tmp_path, files), "ten"), values(sent(tmp_path, files), "_problem")) == ([TEXT], [None])


@pytest.mark.parametrize("left_out", [".shx", ".prj", ".dbf", ".cpg"])
def test_a_zipped_shapefile_lacks_any_one_part(tmp_path: Path, left_out: str) -> None:
    parts(tmp_path)
    suffixes = [suffix for suffix in (".shp", ".shx", ".prj", ".dbf", ".cpg") if suffix != left_out]
    result = read(tmp_path, zipped(tmp_path / "made", *suffixes, inside="x/y/"), "a.zip")
    assert (result.crs_wkt is None, result.columns == ()) == (left_out == ".prj", left_out == ".dbf")
    assert codes(result) == (["DBF_MISSING"] if left_out == ".dbf" else [])
    assert wkt(result) == ["POINT (1 2)"]


def test_shapefiles_of_one_name_in_two_folders_are_two_layers(tmp_path: Path) -> None:
    parts(tmp_path)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for folder in ("2025", "2026"):
            for item in (tmp_path / "made").iterdir():
                archive.write(item, f"{folder}/{item.name}")
    error = refusal(tmp_path, out.getvalue(), "a.zip")
    assert [item["name"] for item in error.detail["layers"]] == ["a (1)", "a (2)"]
    assert read(tmp_path, out.getvalue(), "a.zip", layer="a (2)").row_count == 1

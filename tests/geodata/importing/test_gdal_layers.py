"""MapInfo, DXF and geodatabases: what GDAL reads in the sandbox, and what it never gets to see."""

import contextlib
import json
import random
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pyogrio
import pytest
import shapely

from geodata.importing import gdal_mode, sandbox
from geodata.importing.results import UnreadableFileError
from tests.geodata.importing.files import codes, read, refusal, refusal_here, rows, table, values, wkt, zipped

pytestmark = pytest.mark.usefixtures("own_reader")

CRS = "EPSG:9209"
POLYGON = "POLYGON ((0 0, 0 4, 4 4, 4 0, 0 0))"


def made(folder: Path, kind: str, name: str = "a") -> Path:
    """Write a layer of a point and a polygon in one of MapInfo's forms."""
    folder.mkdir(exist_ok=True)
    frame = table([shapely.Point(1, 2), shapely.from_wkt(POLYGON)], CRS, ten=["Xa moi", "Hue"], so=[1, 2])
    pyogrio.write_dataframe(frame, folder / f"{name}.{kind}", driver="MapInfo File")
    return folder / f"{name}.{kind}"


def geodatabase(folder: Path, *layers: str) -> Path:
    path = folder / "du_lieu.gdb"
    for name in layers:
        frame = table([shapely.Point(1, 2)], CRS, ten=[f"Xã {name}"], so=[1.5])
        pyogrio.write_dataframe(frame, path, driver="OpenFileGDB", layer=name)
    return path


def packed(path: Path, inside: str = "") -> bytes:
    return zipped(path, inside=inside)


def pairs(*groups: tuple[int, object]) -> str:
    return "".join(f"{code}\n{value}\n" for code, value in groups)


def dxf(*entities: str, version: str = "AC1015", before: str = "") -> str:
    header = pairs(
        (0, "SECTION"),
        (2, "HEADER"),
        (9, "$ACADVER"),
        (1, version),
        (9, "$DWGCODEPAGE"),
        (3, "ANSI_1252"),
        (0, "ENDSEC"),
    )
    block = pairs((0, "SECTION"), (2, "BLOCKS"), (0, "BLOCK"), (2, "NHA"), (10, 0), (20, 0)) + LINE
    block += pairs((0, "ENDBLK"), (0, "ENDSEC"))
    return (
        before
        + header
        + block
        + pairs((0, "SECTION"), (2, "ENTITIES"))
        + "".join(entities)
        + pairs((0, "ENDSEC"), (0, "EOF"))
    )


LINE = pairs((0, "LINE"), (8, "0"), (10, 0), (20, 0), (11, 1), (21, 1))
PARCEL = pairs(
    (0, "LWPOLYLINE"), (8, "Thửa đất"), (90, 3), (70, 1), (10, 0), (20, 0), (10, 4), (20, 0), (10, 4), (20, 4)
)
LABEL = pairs((0, "TEXT"), (8, "CHU"), (10, 5), (20, 6), (40, 1), (1, "Nghĩa Đô"))
HOUSE = pairs((0, "INSERT"), (8, "NHA"), (2, "NHA"), (10, 7), (20, 8), (30, 9))


@pytest.mark.parametrize("kind", ["tab", "mif"])
def test_mapinfo_tables_are_read(tmp_path: Path, kind: str) -> None:
    made(tmp_path / "s", kind)
    result = read(tmp_path, packed(tmp_path / "s", "Lớp/"), "a.zip")
    assert (result.format, result.layer, values(result, "ten"), values(result, "so")) == (
        "MapInfo", "a", ["Xa moi", "Hue"], ["1", "2"],
    )  # fmt: skip
    shapes = [shapely.from_wkb(wkb) for wkb in values(result, "_wkb")]
    assert shapes[0].distance(shapely.Point(1, 2)) < 0.02
    assert shapes[1].symmetric_difference(shapely.from_wkt(POLYGON)).area < 0.2
    assert "105.5" in str(result.crs_wkt)


@pytest.mark.parametrize("kind", ["tab", "mif"])
@pytest.mark.parametrize(
    ("charset", "codec"), [("WindowsVietnamese", "cp1258"), ("WindowsLatin1", "utf-8"), ("UTF-8", "utf-8")]
)
def test_text_reaches_our_own_decision_as_bytes(tmp_path: Path, kind: str, charset: str, codec: str) -> None:
    path = made(tmp_path / "s", kind)
    written = "Ho\u0300a Bi\u0300nh".encode("cp1258") if codec == "cp1258" else "Hòa Bình".encode()
    data = path.with_suffix({"tab": ".dat", "mif": ".mid"}[kind])
    # Of the fixed width of a .dat nothing may change.
    old = b"Xa moi" if kind == "mif" else b"Xa moi".ljust(len(written), b"\0")
    assert old in data.read_bytes()
    data.write_bytes(data.read_bytes().replace(old, written))
    path.write_bytes(path.read_bytes().replace(b"Neutral", charset.encode()))
    result = read(tmp_path, packed(tmp_path / "s"), "a.zip")
    assert (values(result, "ten")[0], result.encoding["ten"].chosen) == ("Hòa Bình", codec)


def test_the_charset_that_mapinfo_names_is_only_a_hint(tmp_path: Path) -> None:
    path = made(tmp_path / "s", "mif")
    path.with_suffix(".mid").write_bytes("Hòa Bình,1\nHuế,2\n".encode())
    path.write_bytes(path.read_bytes().replace(b"Neutral", b"WindowsSimpChinese"))
    assert values(read(tmp_path, packed(tmp_path / "s"), "a.zip"), "ten") == ["Hòa Bình", "Huế"]


@pytest.mark.parametrize(
    "line",
    ['  Type LINKED\n', '  Type NATIVE\n  File "/etc/passwd"\n', 'create view a as select * from "b"\n',
     '  Type NATIVE\nbegin_metadata\n"\\IsSeamless" = "TRUE"\n', '  Type "RASTER"\n', '  Type DBF Charset "Neutral"\n'],
)  # fmt: skip
def test_tables_that_point_elsewhere_are_refused_before_gdal_sees_them(tmp_path: Path, line: str) -> None:
    path = made(tmp_path / "s", "tab")
    path.write_text(f"!table\n!version 300\n\nDefinition Table\n{line}", encoding="ascii")
    assert refusal_here(tmp_path, packed(tmp_path / "s"), "a.zip").code == "MAPINFO_INDIRECT"


def test_missing_parts_of_a_mapinfo_table_are_named(tmp_path: Path) -> None:
    made(tmp_path / "s", "tab")
    error = refusal(tmp_path, zipped(tmp_path / "s", ".tab", ".map"), "a.zip")
    assert (error.code, error.detail["missing"]) == ("MAPINFO_PARTS", [".dat"])
    error = refusal(tmp_path, zipped(tmp_path / "s", ".dat", ".map"), "a.zip")
    assert (error.code, error.detail["missing"]) == ("MAPINFO_PARTS", [".tab"])


def test_a_geodatabase_s_layers_are_read_one_by_one(tmp_path: Path) -> None:
    data = packed(geodatabase(tmp_path, "điểm", "vùng"), "du_lieu.gdb/")
    error = refusal(tmp_path, data, "a.gdb.zip")
    assert (error.code, [item["name"] for item in error.detail["layers"]]) == ("LAYER_CHOICE", ["điểm", "vùng"])
    assert error.detail["layers"][0]["sample"] == [{"ten": "Xã điểm", "so": "1.5"}]
    result = read(tmp_path, data, "a.zip", layer="vùng")
    assert "MEMBER_IGNORED" not in codes(result)
    assert (result.format, wkt(result), values(result, "ten")) == ("File Geodatabase", ["POINT (1 2)"], ["Xã vùng"])
    assert result.crs_hint == CRS


def test_a_geodatabase_zipped_without_its_folder_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, packed(geodatabase(tmp_path, "điểm")), "a.zip").layer == "điểm"


def test_a_drawing_s_entities_are_rows_with_their_layer(tmp_path: Path) -> None:
    result = read(tmp_path, dxf(PARCEL, LABEL, HOUSE, LINE), "a.dxf")
    assert (result.format, result.layer, result.crs_wkt, result.crs_hint) == ("DXF", "a", None, None)
    assert wkt(result) == ["POLYGON ((0 0, 4 0, 4 4, 0 0))", "POINT (5 6)", "POINT (7 8)", "LINESTRING (0 0, 1 1)"]
    assert [row["Layer"] for row in rows(result)] == ["Thửa đất", "CHU", "NHA", "0"]
    assert [row["Text"] for row in rows(result)] == [None, "Nghĩa Đô", None, None]
    assert [row["BlockName"] for row in rows(result)] == [None, None, "NHA", None]
    assert "Z_DROPPED" in codes(result)


def test_a_drawing_inside_an_archive_and_under_another_name_is_read(tmp_path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Bản vẽ.DXF", dxf(PARCEL, before=pairs((999, "made by hand"))))
    assert read(tmp_path, out.getvalue(), "a.zip").layer == "Bản vẽ"
    assert read(tmp_path, dxf(PARCEL), "a.csv").format == "DXF"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (dxf(), "EMPTY_LAYER"),
        (b"AutoCAD Binary DXF\r\n\x1a\0", "UPLOAD_FORMAT"),
        (b"AC1032\0\0\0", "UPLOAD_FORMAT"),
        (b"0\nSECTION\n2\nENT", "GDAL_BROKEN"),
        (b"plain text", "UPLOAD_FORMAT"),
    ],
    ids=["empty", "binary", "dwg", "cut", "text"],
)
def test_drawings_that_cannot_be_read_are_refused(tmp_path: Path, data: bytes | str, code: str) -> None:
    assert refusal(tmp_path, data, "a.dxf").code == code


def test_a_block_that_is_set_in_too_many_rows_and_columns_is_refused_before_gdal_sets_it(tmp_path: Path) -> None:
    array = HOUSE.replace("8\nNHA", "8\n0") + pairs((70, 100_000), (71, 100_000), (44, 1), (45, 1))
    assert refusal_here(tmp_path, dxf(LINE, array), "a.dxf").code == "TOO_MANY_ROWS"
    few = HOUSE + pairs((70, 3), (71, 2), (44, 1), (45, 1))
    assert read(tmp_path, dxf(few), "a.dxf").row_count == 6


def test_a_cut_drawing_gives_the_entities_before_the_cut_or_is_refused(tmp_path: Path) -> None:
    text = dxf(*[PARCEL] * 50)
    with contextlib.suppress(UnreadableFileError):
        assert read(tmp_path, text[: len(text) // 2], "a.dxf").row_count <= 50


def test_a_reader_that_was_told_no_drivers_asks_for_them_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_build_drivers", [])
    assert read(tmp_path, dxf(PARCEL), "a.dxf").row_count == 1


def test_a_reader_that_was_told_too_few_drivers_refuses_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_build_drivers", ["DXF", "GPKG"])
    error = refusal(tmp_path, dxf(PARCEL), "a.dxf")
    assert error.code == "GDAL_UNSAFE"
    assert "CSV" in error.detail["drivers"]
    assert "GPKG" not in error.detail["drivers"]


def test_gdal_is_not_let_in_where_other_drivers_are_live_already() -> None:
    assert set(pyogrio.list_drivers()) - gdal_mode.DRIVERS
    with pytest.raises(UnreadableFileError) as caught:
        gdal_mode.load()
    assert caught.value.code == "GDAL_UNSAFE"


def test_in_a_fresh_process_only_the_allowed_drivers_are_live_and_none_reads_another_format(tmp_path: Path) -> None:
    shapefile = tmp_path / "x.gpkg"
    pyogrio.write_dataframe(table([shapely.Point(1, 2)]), shapefile)
    code = (
        "import json, sys; from geodata.importing import gdal_mode; p = gdal_mode.load(); found = []\n"
        "for path in sys.argv[1:]:\n"
        "    try: p.list_layers(path); found.append(path)\n"
        "    except p.errors.DataSourceError: pass\n"
        "print(json.dumps([sorted(p.list_drivers()), found]))"
    )
    vrt = tmp_path / "x.vrt"
    vrt.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>{shapefile}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(shapefile), str(vrt), "/vsicurl/http://127.0.0.1:9/x.gpkg", f"CSV:{vrt}"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    drivers, found = json.loads(answer.stdout)
    assert (drivers, found) == (sorted(gdal_mode.DRIVERS), [])


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    if chance.random() < 0.3:
        return data[: chance.randrange(len(data))]
    for _ in range(chance.choice([1, 3, 20])):
        changed[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(changed)


def test_mutated_files_end_in_rows_or_a_coded_refusal(tmp_path: Path) -> None:
    """One of each format, each with a reader of its own; tests/hostile has thousands."""
    chance = random.Random(20261122)
    made(tmp_path / "tab", "tab")
    made(tmp_path / "mif", "mif")
    homes = [(tmp_path / "tab", ""), (tmp_path / "mif", ""), (geodatabase(tmp_path, "a"), "a.gdb/")]
    (tmp_path / "dxf").mkdir()
    (tmp_path / "dxf" / "a.dxf").write_text(dxf(PARCEL, LABEL, HOUSE), encoding="utf-8")
    for home, inside in [*homes, (tmp_path / "dxf", "")]:
        victims = sorted(item for item in home.iterdir() if item.stat().st_size)
        victim = victims[chance.randrange(len(victims))]
        victim.write_bytes(mutated(victim.read_bytes(), chance))
        with contextlib.suppress(UnreadableFileError):
            rows(read(tmp_path, zipped(home, inside=inside), "a.zip", timeout_s=30))
        assert not list((tmp_path / "work").glob("members/*"))

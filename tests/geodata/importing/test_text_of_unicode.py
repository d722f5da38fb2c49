"""Text typed with the fonts of TCVN3, VNI and VISCII in formats that are Unicode: what was meant is read, or doubted."""

import json
import random
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely

from geodata.importing.encodings import ColumnEvidence, decode_value, judge
from geodata.importing.results import ReadResult
from tests.geodata.importing.corpus_text import columns as made_columns
from tests.geodata.importing.corpus_text import encode_tcvn3, encode_viscii, encode_vni
from tests.geodata.importing.files import codes, collection, kml, read, table, values
from tests.geodata.importing.workbooks import workbook

UNITS = ["Xã Nghĩa Đô", "Phường Hồng Gai", "Thị trấn Yên Thế", "Xã Đồng Thịnh", "Phường Mỹ Phước"]
PEOPLE = ["Nguyễn Thị Hường", "Trần Quốc Tuấn", "Lê Văn Được", "Phạm Hữu Nghĩa", "Đặng Thùy Trâm"]
SYMBOLS = ["Ø300", "5 m²", "±0,5", "25 µm", "§ 7"]
FONTS = {"tcvn3": encode_tcvn3, "vni": encode_vni, "viscii": encode_viscii}
FORMATS = ["xlsx", "geojson", "geojsonl", "kml", "gpkg", "gdb", "mif"]
POINT = {"type": "Point", "coordinates": [105.0, 21.0]}


def as_typed(text: str, font: str) -> str:
    """Return what a program holds of text typed with an old font: each byte the letter that Windows-1252 has for it."""
    return seen(FONTS[font](text))


def doubled(text: str) -> str:
    return seen(text.encode())


def seen(data: bytes) -> str:
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in data)


def written(tmp_path: Path, kind: str, columns: dict[str, list[str]]) -> bytes:
    rows = list(zip(*columns.values(), strict=True))
    if kind == "xlsx":
        return workbook([[*columns, "lon", "lat"], *([*row, 105.0, 21.0] for row in rows)])
    if kind in ("geojson", "geojsonl"):
        features = [
            {"type": "Feature", "properties": dict(zip(columns, row, strict=True)), "geometry": POINT} for row in rows
        ]
        if kind == "geojsonl":
            return "\n".join(json.dumps(feature, ensure_ascii=False) for feature in features).encode()
        return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()
    if kind == "kml":
        return kml(*(placemark(dict(zip(columns, row, strict=True))) for row in rows)).encode()
    return drawn(tmp_path, kind, columns)


def placemark(properties: dict[str, str]) -> str:
    data = "".join(f'<Data name="{name}"><value>{text}</value></Data>' for name, text in properties.items())
    return f"<Placemark><ExtendedData>{data}</ExtendedData><Point><coordinates>105,21</coordinates></Point></Placemark>"


def drawn(tmp_path: Path, kind: str, columns: dict[str, list[str]]) -> bytes:
    """Write what only GDAL writes."""
    count = len(next(iter(columns.values())))
    frame = table([shapely.Point(105, 21)] * count, **columns)
    folder = tmp_path / "made"
    folder.mkdir(exist_ok=True)
    target = folder / f"a.{kind}"
    driver = {"gpkg": "GPKG", "gdb": "OpenFileGDB", "mif": "MapInfo File"}[kind]
    options = {"encoding": "CP1252"} if kind == "mif" else {}
    pyogrio.write_dataframe(frame, target, driver=driver, **options)
    return target.read_bytes() if kind == "gpkg" else archived(folder)


def archived(folder: Path) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for item in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(item, item.relative_to(folder))
    return out.getvalue()


def read_columns(tmp_path: Path, kind: str, columns: dict[str, list[str]], **options: Any) -> ReadResult:
    suffix = "zip" if kind in ("gdb", "mif") else kind
    return read(tmp_path, written(tmp_path, kind, columns), f"a.{suffix}", **options)


def told(result: ReadResult) -> dict[str, tuple[str, bool]]:
    return {column: (choice.chosen, choice.certain) for column, choice in result.encoding.items()}


@pytest.mark.parametrize("kind", FORMATS)
def test_old_fonts_are_read_in_every_format_and_right_text_stays(tmp_path: Path, kind: str) -> None:
    columns = {font: [as_typed(text, font) for text in UNITS] for font in FONTS} | {"moi": UNITS}
    if kind == "mif":  # text of one code page
        del columns["moi"]
    result = read_columns(tmp_path, kind, columns)
    assert [values(result, name) for name in columns] == [UNITS] * len(columns)
    assert {name: told(result)[name] for name in FONTS} == {name: (name, True) for name in FONTS}
    sample = result.encoding["tcvn3"].samples[0]
    assert (sample.before, sample.after) == (as_typed(sample.after, "tcvn3"), UNITS[UNITS.index(sample.after)])
    if kind != "mif":
        assert told(result)["moi"] == ("utf-8", True)
        assert "TEXT_OLD_FONT" in codes(result)


@pytest.mark.parametrize("kind", ["xlsx", "geojson", "kml", "gpkg"])
def test_doubled_utf8_is_undone_in_every_format(tmp_path: Path, kind: str) -> None:
    result = read_columns(tmp_path, kind, {"ten": [doubled(text) for text in PEOPLE], "moi": PEOPLE})
    assert (values(result, "ten"), values(result, "moi")) == (PEOPLE, PEOPLE)
    assert "TEXT_DOUBLE_ENCODED" in codes(result)


@pytest.mark.parametrize("kind", ["xlsx", "gpkg", "geojson"])
def test_single_doubled_values_are_undone_and_the_rest_of_their_column_stays(tmp_path: Path, kind: str) -> None:
    right = [*PEOPLE, "Xã Hà", "Café São Paulo", "30°", *(f"Đường số {number}" for number in range(200))]
    mixed = [doubled(text) if text in PEOPLE[:2] else text for text in right]
    result = read_columns(tmp_path, kind, {"ten": mixed, "moi": right})
    assert (values(result, "ten"), values(result, "moi")) == (right, right)
    assert (told(result)["ten"], told(result)["moi"]) == (("utf-8-double", True), ("utf-8", True))
    assert next(item for item in result.warnings if item.code == "TEXT_DOUBLE_ENCODED").detail["columns"] == ["ten"]
    shown = {(sample.before, sample.after) for sample in result.encoding["ten"].samples[:2]}
    assert shown == {(doubled(text), text) for text in PEOPLE[:2]}


def test_a_doubled_value_among_old_fonts_leaves_the_column_in_doubt(tmp_path: Path) -> None:
    mixed = [doubled(PEOPLE[0]), *(as_typed(text, "tcvn3") for text in UNITS), *PEOPLE, "Xã Nghĩa Đô", "Đồng Thịnh"]
    result = read_columns(tmp_path, "xlsx", {"ten": mixed})
    assert (values(result, "ten")[0], told(result)["ten"]) == (PEOPLE[0], ("utf-8-double", False))
    assert "ENCODING_UNSURE" in codes(result)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
@pytest.mark.parametrize("font", FONTS)
def test_headers_in_an_old_font_still_name_the_places(tmp_path: Path, font: str, kind: str) -> None:
    header = [as_typed(name, font) for name in ("Tên chủ hộ", "Kinh độ", "Vĩ độ")]
    rows = [header, *([as_typed(name, font), 105.5, 21.25] for name in PEOPLE)]
    lines = "\n".join(";".join(map(str, row)) for row in rows)
    result = read(tmp_path, workbook(rows) if kind == "xlsx" else lines, f"a.{kind}")
    assert result.columns == ("Tên chủ hộ", "Kinh độ", "Vĩ độ")
    assert (values(result, "Tên chủ hộ"), result.place_columns) == (PEOPLE, ("Kinh độ", "Vĩ độ"))


@pytest.mark.parametrize("kind", ["xlsx", "geojson", "gpkg"])
def test_symbols_and_western_words_are_left_alone(tmp_path: Path, kind: str) -> None:
    western = ["Société Générale", "Müller", "São Paulo", "Peña Núñez", "Café"]
    latin = ["Xã Hà", "Thôn Lý", "Ấp Hòa", "Bến Tà", "Phú Lân"]
    result = read_columns(tmp_path, kind, {"mo_ta": SYMBOLS, "tay": western, "la": latin})
    assert [values(result, name) for name in ("mo_ta", "tay", "la")] == [SYMBOLS, western, latin]
    assert "TEXT_OLD_FONT" not in codes(result)


def test_a_short_column_goes_by_the_others_and_is_marked(tmp_path: Path) -> None:
    thin = as_typed("Tuyết", "tcvn3")
    columns = {"ten": [as_typed(text, "tcvn3") for text in UNITS], "loai": [thin] * 5, "moi": UNITS}
    result = read_columns(tmp_path, "xlsx", columns)
    assert (values(result, "loai"), told(result)["loai"]) == (["Tuyết"] * 5, ("tcvn3", False))
    alone = read_columns(tmp_path, "xlsx", {"loai": [thin], "moi": ["Xã Nghĩa Đô"]})
    assert (values(alone, "loai"), told(alone)["loai"]) == ([thin], ("utf-8", False))
    assert "ENCODING_UNSURE" in codes(alone)


@pytest.mark.parametrize("every", [2, 4])
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_a_column_of_which_some_rows_are_in_an_old_font_stays_and_is_marked(
    tmp_path: Path, kind: str, every: int
) -> None:
    """Lists of two offices, one below the other: right rows must not be harmed, nor wrong ones pass unseen."""
    joined = [text if at % every else as_typed(text, "tcvn3") for at, text in enumerate(UNITS + PEOPLE)]
    rows = [["ten", "lon", "lat"], *([text, 105.5, 21.25] for text in joined)]
    lines = "\n".join(";".join(map(str, row)) for row in rows)
    result = read(tmp_path, workbook(rows) if kind == "xlsx" else lines, f"a.{kind}")
    assert (values(result, "ten"), told(result)["ten"]) == (joined, ("utf-8", False))
    assert "ENCODING_UNSURE" in codes(result)
    assert result.encoding["ten"].samples[0].after in {as_typed(text, "tcvn3") for text in UNITS + PEOPLE}


@pytest.mark.parametrize("kind", ["xlsx", "geojson", "gpkg"])
def test_the_officer_has_the_last_word(tmp_path: Path, kind: str) -> None:
    columns = {"ten": [as_typed(text, "tcvn3") for text in UNITS], "loai": [as_typed("Lý", "vni")] * 5}
    kept = read_columns(tmp_path, kind, columns, encoding=json.dumps({"ten": "utf-8", "loai": "VNI-Windows"}))
    assert (values(kept, "ten"), values(kept, "loai")) == (columns["ten"], ["Lý"] * 5)
    assert {name: kept.encoding[name].how for name in columns} == {"ten": "chosen", "loai": "chosen"}


def test_evidence_comes_from_all_over_a_large_file(tmp_path: Path) -> None:
    chance = random.Random(3)
    names = [None] * 12_000 + [as_typed(chance.choice(PEOPLE), "tcvn3") for _ in range(2_000)]
    features = [POINT] * len(names)
    text = json.loads(collection(*features))
    for feature, name in zip(text["features"], names, strict=True):
        feature["properties"]["ten"] = name
    result = read(tmp_path, json.dumps(text, ensure_ascii=False), "a.geojson")
    assert set(values(result, "ten")) == {None, *PEOPLE}


@pytest.mark.parametrize("font", [*FONTS, "utf-8"])
def test_150_columns_of_unicode_are_read_right_and_none_is_wrong_and_certain(font: str) -> None:
    found = Counter[tuple[bool, bool]]()
    for column in made_columns(font, 150, seed=7):
        # What VISCII writes as control codes does not come through XML and spreadsheets.
        values = [value for value in column.values if min(value, default=0) >= ord(" ")]
        meant = [decode_value(value, font)[0] for value in values]
        typed = values if font == "utf-8" else [seen(value).encode() for value in values]
        high = list(dict.fromkeys(value for value in typed if not value.isascii()))
        verdict = judge(ColumnEvidence(not high, is_utf8=True, values=high, is_unicode=True))
        read_as = [decode_value(value, verdict.codec, wrapped=verdict.wrapped)[0] for value in typed]
        found[read_as == meant, verdict.certain] += 1
    assert found[True, True] >= 148
    assert found[False, True] == 0

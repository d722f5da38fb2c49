"""Shapefiles and CSV tables in every encoding, read by the reader: the same rows come out of each."""

import json
import zipfile
from pathlib import Path

import pytest
import shapely

from geodata.importing.results import ReadResult, UnreadableFileError
from tests.geodata.importing.corpus_text import ENCODERS, encode_tcvn3, encode_vni
from tests.geodata.importing.files import codes, read, shapefile, table, values
from tests.geodata.importing.test_dbf import make_dbf

UNITS = ["Xã Nghĩa Đô", "Phường Hồng Gai", "Thị trấn Yên Thế", "Xã Đồng Thịnh", "Phường Mỹ Phước"]
PEOPLE = ["Nguyễn Thị Hường", "Trần Quốc Tuấn", "Lê Văn Được", "Phạm Hữu Nghĩa", "Đặng Thùy Trâm"]
VIETNAMESE = ["utf-8", "tcvn3", "vni", "viscii", "cp1258"]
CHINESE = ["河内市还剑郡", "海防市红庞郡", "岘港市海州郡", "芹苴市宁桥郡", "顺化市"]


def zipped_dbf(tmp_path: Path, columns: dict[str, list[bytes]], *, cpg: str | None = None, width: int = 60) -> bytes:
    """Zip points with a table whose bytes are given."""
    count = len(next(iter(columns.values())))
    made = shapefile(tmp_path / "made", table([shapely.Point(105, 21)] * count, n=list(range(count))))
    fields = [(name, "C", width, 0) for name in columns]
    make_dbf(made.with_suffix(".dbf"), fields, [list(row) for row in zip(*columns.values(), strict=True)])
    target = tmp_path / "a.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for suffix in (".shp", ".dbf", ".prj"):
            archive.write(made.with_suffix(suffix), f"a{suffix}")
        if cpg is not None:
            archive.writestr("a.cpg", cpg)
    return target.read_bytes()


def csv_bytes(columns: dict[str, list[bytes]]) -> bytes:
    rows = zip(*columns.values(), strict=True)
    return b"\n".join(
        [b",".join([*(name.encode() for name in columns), b"lon,lat"]), *(b",".join([*row, b"105,21"]) for row in rows)]
    )


def read_columns(tmp_path: Path, kind: str, columns: dict[str, list[bytes]], **options: str) -> ReadResult:
    if kind == "csv":
        return read(tmp_path, csv_bytes(columns), "a.csv", **options)
    return read(tmp_path, zipped_dbf(tmp_path, columns), "a.zip", **options)


@pytest.mark.parametrize("encoding", VIETNAMESE)
@pytest.mark.parametrize("kind", ["dbf", "csv"])
def test_the_same_text_comes_out_of_every_encoding(tmp_path: Path, kind: str, encoding: str) -> None:
    encode = ENCODERS[encoding][0]
    columns = {"ten": [encode(text) for text in UNITS], "chu": [encode(text) for text in PEOPLE], "ma": [b"01"] * 5}
    result = read_columns(tmp_path, kind, columns)
    assert (values(result, "ten"), values(result, "chu")) == (UNITS, PEOPLE)
    told = {column: (choice.chosen, choice.certain) for column, choice in result.encoding.items() if column in columns}
    assert told == {"ten": (encoding, True), "chu": (encoding, True), "ma": ("utf-8", True)}
    assert not {"ENCODING_UNSURE", "TEXT_BROKEN"} & set(codes(result))


@pytest.mark.parametrize("kind", ["dbf", "csv"])
def test_each_column_has_its_own_encoding_and_its_samples(tmp_path: Path, kind: str) -> None:
    columns = {
        "abc": [encode_tcvn3(text) for text in UNITS],
        "vni": [encode_vni(text) for text in UNITS],
        "moi": [text.encode() for text in UNITS],
        "trung": [text.encode("gbk") for text in CHINESE],
        "tay": [text.encode("cp1252") for text in ("Société Générale", "Müller", "São Paulo", "Peña Núñez", "Café")],
    }
    result = read_columns(tmp_path, kind, columns)
    told = {column: (choice.chosen, choice.certain) for column, choice in result.encoding.items() if column in columns}
    assert told == {
        "abc": ("tcvn3", True), "vni": ("vni", True), "moi": ("utf-8", True), "trung": ("gbk", True), "tay": ("cp1252", True),
    }  # fmt: skip
    assert [values(result, column) for column in ("abc", "vni", "moi", "trung")] == [UNITS, UNITS, UNITS, CHINESE]
    sample = result.encoding["vni"].samples[0]
    assert (sample.before, sample.after) == ("Xaõ Nghóa Ñoâ", "Xã Nghĩa Đô")
    assert len(result.encoding["vni"].samples) == 5


@pytest.mark.parametrize("kind", ["dbf", "csv"])
def test_doubled_utf8_is_undone_with_a_word_about_it(tmp_path: Path, kind: str) -> None:
    doubled = [
        "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode()) for text in UNITS
    ]
    result = read_columns(
        tmp_path, kind, {"ten": [text.encode() for text in doubled], "moi": [text.encode() for text in UNITS]}
    )
    assert (values(result, "ten"), values(result, "moi")) == (UNITS, UNITS)
    warning = next(warning for warning in result.warnings if warning.code == "TEXT_DOUBLE_ENCODED")
    assert warning.detail["columns"] == ["ten"]
    assert values(read_columns(tmp_path, kind, {"ten": [doubled[0].encode()]}, encoding="utf-8"), "ten") == [doubled[0]]


@pytest.mark.parametrize("kind", ["dbf", "csv"])
@pytest.mark.parametrize("wanted", ["tcvn3", json.dumps({"ten": "TCVN3 (ABC)"})])
def test_the_officer_overrides_the_file_or_one_column(tmp_path: Path, kind: str, wanted: str) -> None:
    columns = {"ten": [b"Hoa L\xfd"], "moi": [b"Hoa"]}
    result = read_columns(tmp_path, kind, columns, encoding=wanted)
    choice = result.encoding["ten"]
    assert (values(result, "ten"), choice.chosen, choice.how, choice.certain) == (["Hoa Lý"], "tcvn3", "chosen", True)


@pytest.mark.parametrize("kind", ["dbf", "csv"])
def test_capitals_that_tcvn3_could_not_write_come_back_where_the_column_tells(tmp_path: Path, kind: str) -> None:
    columns = {
        "chu": [*PEOPLE, "Nguyễn Thị Ánh", "Ấu Văn Út"],
        "loai": ["Chùa cổ", "Đình làng", "Bến thuyền", "Nhà thờ", "Vườn nhãn", "Ẩm thực", "Ổ voi ở đồi"],
        "ghi": ["cạnh ao", "Sau đền", "cuối ngõ", "giáp sông", "đầu làng", "ở giữa", "ổ voi"],
    }
    result = read_columns(tmp_path, kind, {name: list(map(encode_tcvn3, texts)) for name, texts in columns.items()})
    assert {name: values(result, name) for name in columns} == columns
    few = read_columns(tmp_path, kind, {"chu": list(map(encode_tcvn3, [*PEOPLE[:3], "Ánh Nguyễn"]))})
    assert values(few, "chu") == [*PEOPLE[:3], "ánh Nguyễn"]
    shown = {(sample.before, sample.after) for sample in result.encoding["loai"].samples}
    assert {after for _, after in shown} <= set(columns["loai"])


@pytest.mark.parametrize("wanted", ["rot13", '{"ten": "rot13"}', '{"ten": ', '{"ten": 5}'])
def test_a_choice_that_is_no_encoding_is_refused(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(UnreadableFileError, match="ENCODING_UNKNOWN"):
        read_columns(tmp_path, "dbf", {"ten": [b"Hoa L\xfd"]}, encoding=wanted)


def test_a_choice_for_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = read_columns(tmp_path, "dbf", {"ten": ["Huế".encode()]}, encoding='{"khac": "vni"}')
    assert (codes(result), values(result, "ten")) == (["ENCODING_COLUMN"], ["Huế"])


@pytest.mark.parametrize("kind", ["dbf", "csv"])
def test_a_short_column_goes_by_the_others_and_is_marked(tmp_path: Path, kind: str) -> None:
    # In VNI the same bytes are Nhơn, which is the commoner syllable.
    encode = ENCODERS["viscii"][0]
    columns = {"ten": [encode(text) for text in UNITS], "loai": [encode("Nhôn")] * 5}
    result = read_columns(tmp_path, kind, columns)
    choice = result.encoding["loai"]
    assert (choice.chosen, choice.how, choice.certain, values(result, "loai")) == (
        "viscii",
        "other columns",
        False,
        ["Nhôn"] * 5,
    )
    assert codes(result) == ["ENCODING_UNSURE"]
    assert result.warnings[0].detail["columns"] == ["loai"]


@pytest.mark.parametrize(
    ("cpg", "told"), [("1252", ["CPG_WRONG"]), ("UTF-8", ["CPG_WRONG"]), ("rubbish", ["CPG_IGNORED"]), (None, [])]
)
def test_a_cpg_is_a_hint_only(tmp_path: Path, cpg: str | None, told: list[str]) -> None:
    result = read(tmp_path, zipped_dbf(tmp_path, {"ten": [encode_tcvn3(text) for text in UNITS]}, cpg=cpg), "a.zip")
    assert (values(result, "ten"), codes(result)) == (UNITS, told)


def test_utf8_cut_by_a_narrow_column_loses_one_letter_and_is_told(tmp_path: Path) -> None:
    raw = [text.encode()[:8] for text in UNITS]
    result = read(tmp_path, zipped_dbf(tmp_path, {"ten": raw}, width=8), "a.zip")
    assert values(result, "ten") == [value.decode(errors="ignore").strip() for value in raw]
    assert codes(result) == ["TEXT_CUT"]
    assert result.encoding["ten"].certain


def test_a_header_of_a_csv_is_read_like_its_columns(tmp_path: Path) -> None:
    header = encode_tcvn3("Tên xã,Chủ hộ,Kinh độ,Vĩ độ\n")
    body = b"".join(encode_tcvn3(f"{unit},{person},105,21\n") for unit, person in zip(UNITS, PEOPLE, strict=True))
    result = read(tmp_path, header + body, "a.csv")
    assert (result.columns, values(result, "Tên xã"), result.crs_hint) == (
        ("Tên xã", "Chủ hộ", "Kinh độ", "Vĩ độ"),
        UNITS,
        "degrees",
    )


@pytest.mark.parametrize(("before", "count"), [("", 60_000), ("Vang 01", 60_000), ("", 400)])
def test_a_csv_in_utf8_is_judged_by_all_its_rows(tmp_path: Path, before: str, count: int) -> None:
    """Text of old fonts and doubled text that only comes late, and rarely."""
    late = [UNITS[at] for at in range(5) for _ in range(20)]
    columns = {
        "Tên": [before.encode()] * count + [as_font(encode_tcvn3(text)) for text in late],
        "Chủ": [before.encode()] * count + [as_font(text.encode()) for text in late],
        "Mới": ["Xã Nghĩa Đô".encode()] * (count + len(late)),
    }
    result = read_columns(tmp_path, "csv", columns)
    assert [values(result, name)[count:] for name in ("Tên", "Chủ")] == [late, late]
    assert {"TEXT_OLD_FONT", "TEXT_DOUBLE_ENCODED"} <= set(codes(result))
    assert {*values(result, "Mới")} == {"Xã Nghĩa Đô"}


def as_font(raw: bytes) -> bytes:
    """Write as UTF-8 what a program read as Windows-1252."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in raw).encode()


def test_a_delimiter_inside_quotes_and_odd_rows_survive_in_legacy_text(tmp_path: Path) -> None:
    lines = [
        "ten,chu,lon,lat",
        f'"{UNITS[0]}, {UNITS[1]}",{PEOPLE[0]},105,21',
        f"{UNITS[2]},{PEOPLE[1]},105",
        f"{UNITS[3]},{PEOPLE[2]},105,21",
    ]
    result = read(tmp_path, encode_vni("\n".join(lines)), "a.csv")
    assert values(result, "ten") == [f"{UNITS[0]}, {UNITS[1]}", UNITS[2], UNITS[3]]
    assert values(result, "_problem") == [None, "ROW_COLUMNS", None]

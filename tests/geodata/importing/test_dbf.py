"""DBF tables: lying headers, legacy encodings, and the forms of values."""

import struct
import time
from pathlib import Path

import numpy as np
import pytest

from geodata.importing.context import ReadContext, ReaderLimits
from geodata.importing.dbf import DbfFile
from geodata.importing.results import EncodingChoice, UnreadableFileError

Field = tuple[str, str, int, int]


def make_dbf(
    path: Path,
    fields: list[Field],
    records: list[list[bytes]],
    *,
    language: int = 0,
    count: int | None = None,
    deleted: tuple[int, ...] = (),
    tail: bytes = b"\x1a",
) -> Path:
    width = 1 + sum(field[2] for field in fields)
    head = struct.pack(
        "<4BIHH17xB2x",
        3,
        124,
        1,
        1,
        len(records) if count is None else count,
        33 + 32 * len(fields),
        width,
        language,
    )
    described = b"".join(
        name.encode("latin-1").ljust(11, b"\0") + kind.encode() + bytes(4) + bytes([size, decimals]) + bytes(14)
        for name, kind, size, decimals in fields
    )
    body = b""
    for number, record in enumerate(records):
        body += b"*" if number in deleted else b" "
        body += b"".join(
            value.rjust(size) if kind in "NF" else value.ljust(size)
            for value, (_, kind, size, _) in zip(record, fields, strict=True)
        )
    path.write_bytes(head + described + b"\r" + body + tail)
    return path


def read(path: Path, *, declared: str | None = None, context: ReadContext | None = None) -> list[list[str | None]]:
    table = DbfFile(path, context or ReadContext(ReaderLimits()))
    table.choose_encodings(declared)
    columns = [column.to_pylist() for column in table.columns(table.read_block(0, table.record_count))]
    table.warn_about_text()
    return [list(row) for row in zip(*columns, strict=True)]


def text_column(path: Path, values: list[bytes], *, language: int = 0) -> Path:
    return make_dbf(path, [("ten", "C", 40, 0)], [[value] for value in values], language=language)


def choice_for(path: Path, declared: str | None = None) -> tuple[EncodingChoice, ReadContext]:
    context = ReadContext(ReaderLimits())
    return DbfFile(path, context).choose_encodings(declared)[0], context


def told(choice: EncodingChoice) -> tuple[str, str, bool]:
    return choice.chosen, choice.how, choice.certain


def test_values_become_plain_text(tmp_path: Path) -> None:
    fields = [
        ("so", "N", 12, 3),
        ("ma", "N", 8, 0),
        ("f", "F", 24, 11),
        ("ngay", "D", 8, 0),
        ("co", "L", 1, 0),
    ]
    rows = [
        [b"12.500", b"42", b"1.50000000000e+003", b"20260301", b"T"],
        [b"7.000", b"0", b"-0.25", b"00000000", b"n"],
        [b"************", b"********", b"", b"        ", b"?"],
        [b"", b"", b"nan?", b"1.3.2026", b" "],
    ]
    assert read(make_dbf(tmp_path / "a.dbf", fields, rows)) == [
        ["12.5", "42", "1500", "2026-03-01", "true"],
        ["7", "0", "-0.25", None, "false"],
        [None, None, None, None, None],
        [None, None, "nan?", "1.3.2026", None],
    ]


def test_blank_and_nul_padded_text_is_null_or_cut(tmp_path: Path) -> None:
    values = [b"abc\0\0\0", b"\0" * 40, b"", b"abc\0garbage", b"  two  words "]
    assert read(text_column(tmp_path / "a.dbf", values)) == [
        ["abc"],
        [None],
        [None],
        ["abc"],
        ["  two  words"],
    ]


def test_a_leading_zero_of_a_code_survives(tmp_path: Path) -> None:
    assert read(text_column(tmp_path / "a.dbf", [b"00123", b"12.00"])) == [["00123"], ["12.00"]]


def test_bytes_beyond_the_header_count_are_ignored(tmp_path: Path) -> None:
    path = make_dbf(tmp_path / "a.dbf", [("a", "C", 2, 0)], [[b"x"], [b"y"]], tail=b"\x1a" + b"junk" * 20)
    assert read(path) == [["x"], ["y"]]


def test_fewer_records_than_declared_are_read_and_reported(tmp_path: Path) -> None:
    context = ReadContext(ReaderLimits())
    path = make_dbf(tmp_path / "a.dbf", [("a", "C", 2, 0)], [[b"x"], [b"y"]], count=5, tail=b"")
    assert read(path, context=context) == [["x"], ["y"]]
    assert [(warning.code, dict(warning.detail)) for warning in context.warnings] == [
        ("DBF_SHORT", {"declared": 5, "present": 2})
    ]


def test_an_absurd_count_is_refused(tmp_path: Path) -> None:
    path = make_dbf(tmp_path / "a.dbf", [("a", "C", 2, 0)], [[b"x"]], count=0xFFFFFFFF)
    with pytest.raises(UnreadableFileError, match="DBF_BROKEN"):
        DbfFile(path, ReadContext(ReaderLimits()))


@pytest.mark.parametrize(("at", "value"), [(10, 0), (8, 0), (8, 0xFFFF), (10, 1)])
def test_lying_record_and_header_lengths_are_refused(tmp_path: Path, at: int, value: int) -> None:
    path = make_dbf(tmp_path / "a.dbf", [("a", "C", 20, 0)], [[b"x"], [b"y"]])
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, at, value)
    path.write_bytes(data)
    with pytest.raises(UnreadableFileError, match="DBF_BROKEN"):
        DbfFile(path, ReadContext(ReaderLimits()))


def test_too_many_rows_and_columns_are_refused(tmp_path: Path) -> None:
    path = make_dbf(tmp_path / "a.dbf", [(f"c{at}", "C", 1, 0) for at in range(5)], [[b"x"] * 5] * 5)
    with pytest.raises(UnreadableFileError, match="TOO_MANY_ROWS"):
        DbfFile(path, ReadContext(ReaderLimits(max_rows=4)))
    with pytest.raises(UnreadableFileError, match="TOO_MANY_COLUMNS"):
        DbfFile(path, ReadContext(ReaderLimits(max_columns=4)))


def test_memo_columns_are_left_out_with_a_note(tmp_path: Path) -> None:
    context = ReadContext(ReaderLimits())
    path = make_dbf(tmp_path / "a.dbf", [("m", "M", 10, 0), ("a", "C", 2, 0)], [[b"1", b"x"]])
    assert read(path, context=context) == [["x"]]
    assert [warning.code for warning in context.warnings] == ["DBF_FIELD_TYPE"]


def test_utf8_is_recognised_without_a_cpg_and_composed(tmp_path: Path) -> None:
    path = text_column(tmp_path / "a.dbf", ["Xã Nghĩa Đô".encode(), "Xa\u0303 Nghi\u0303a".encode()])
    assert told(choice_for(path)[0]) == ("utf-8", "bytes", True)
    assert read(path) == [["Xã Nghĩa Đô"], ["Xã Nghĩa"]]


def test_cp1258_is_recognised_and_composed(tmp_path: Path) -> None:
    # Windows writes the tone as a mark of its own after the letter.
    raw = "Nghê\u0323 An, đươ\u0300ng Ho\u0300a Bi\u0300nh".encode("cp1258")
    path = text_column(tmp_path / "a.dbf", [raw])
    assert told(choice_for(path)[0]) == ("cp1258", "letters", True)
    assert read(path) == [["Nghệ An, đường Hòa Bình"]]
    assert read(path, declared="CP1258") == [["Nghệ An, đường Hòa Bình"]]


def test_unknown_bytes_are_read_as_cp1252_with_a_warning(tmp_path: Path) -> None:
    path = text_column(tmp_path / "a.dbf", [b"\xd9\xd9 \xb4\xa4", b"\xbf\xbf\xae"])
    choice, context = choice_for(path)
    assert told(choice) == ("cp1252", "guess", False)
    assert [(warning.code, warning.detail["columns"]) for warning in context.warnings] == [("ENCODING_UNSURE", ["ten"])]


def test_the_officers_choice_outranks_all(tmp_path: Path) -> None:
    path = text_column(tmp_path / "a.dbf", ["Huế".encode()])
    assert read(path, context=ReadContext(ReaderLimits(), encoding="windows-1252")) == [["Huáº¿"]]
    with pytest.raises(UnreadableFileError, match="ENCODING_UNKNOWN"):
        read(path, context=ReadContext(ReaderLimits(), encoding="rot13"))


def test_a_valid_cpg_is_used(tmp_path: Path) -> None:
    path = text_column(tmp_path / "a.dbf", ["Žluťoučký kůň".encode("cp1250")])
    assert read(path, declared="ANSI 1250") == [["Žluťoučký kůň"]]


def test_a_cpg_that_is_a_web_page_is_ignored(tmp_path: Path) -> None:
    path = text_column(tmp_path / "a.dbf", ["Đà Nẵng".encode()])
    choice, context = choice_for(path, "<!DOCTYPE html><html></html>")
    assert choice.chosen == "utf-8"
    assert [warning.code for warning in context.warnings] == ["CPG_IGNORED"]


def test_a_cpg_the_bytes_contradict_is_not_believed(tmp_path: Path) -> None:
    path = text_column(tmp_path / "a.dbf", ["Đà Nẵng".encode(), "Huế".encode()])
    choice, context = choice_for(path, "1252")
    assert choice.chosen == "utf-8"
    assert [warning.code for warning in context.warnings] == ["CPG_WRONG"]


def test_the_language_byte_is_a_hint(tmp_path: Path) -> None:
    path = text_column(tmp_path / "a.dbf", ["Привет мир".encode("cp1251")], language=0xC9)
    assert told(choice_for(path)[0]) == ("cp1251", "language byte", False)
    assert read(path) == [["Привет мир"]]


def test_a_value_cut_inside_a_letter_keeps_its_row(tmp_path: Path) -> None:
    context = ReadContext(ReaderLimits())
    path = make_dbf(tmp_path / "a.dbf", [("a", "C", 5, 0)], [["Đườ".encode()[:5]], ["Huế".encode()]])
    assert read(path, context=context) == [["Đư"], ["Huế"]]
    assert [warning.code for warning in context.warnings] == ["TEXT_CUT"]


def test_one_broken_value_does_not_change_the_encoding_of_a_thousand(tmp_path: Path) -> None:
    context = ReadContext(ReaderLimits())
    values = [f"Thôn Đông {number}".encode() for number in range(1000)] + [b"Ngh\xd6 An"]
    rows = read(text_column(tmp_path / "a.dbf", values), context=context)
    assert rows[7] == ["Thôn Đông 7"]
    assert rows[1000] == ["Ngh\ufffd An"]
    assert [warning.code for warning in context.warnings] == ["TEXT_BROKEN"]


def test_column_names_are_decoded_like_the_text(tmp_path: Path) -> None:
    path = make_dbf(tmp_path / "a.dbf", [("t\xc3\xaan", "C", 8, 0)], [["Huế".encode()]])
    table = DbfFile(path, ReadContext(ReaderLimits()))
    table.choose_encodings(None)
    assert table.names() == ["tên"]


@pytest.mark.timeout(60)
def test_67500_wide_rows_are_decoded_in_a_tenth_of_the_time_allowed_for_675000(tmp_path: Path) -> None:
    count, width = 67_500, 80
    letters = np.frombuffer("Đường Lê Lợi ".encode(), np.uint8)
    block = np.full((count, 1 + 8 * width), ord(" "), np.uint8)
    for column in range(8):
        block[:, 1 + column * width : 1 + column * width + len(letters)] = letters
    path = make_dbf(tmp_path / "a.dbf", [(f"c{at}", "C", width, 0) for at in range(8)], [], count=count, tail=b"")
    with path.open("ab") as file:
        file.write(block.tobytes())
    started = time.process_time()
    table = DbfFile(path, ReadContext(ReaderLimits()))
    table.choose_encodings(None)
    rows = 0
    for start in range(0, count, table.block_rows):
        rows += len(table.columns(table.read_block(start, min(table.block_rows, count - start)))[0])
    assert rows == count
    assert time.process_time() - started < 1.5

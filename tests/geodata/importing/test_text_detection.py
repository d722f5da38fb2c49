"""The encoding of made columns is found from their bytes, or said not to be certain."""

from collections import Counter

import pytest

from geodata.importing.encodings import DOUBLE_UTF8, ColumnEvidence, Verdict, decode_value, judge
from geodata.importing.text_decoding import EvidenceCollector
from geodata.text import clean_text
from tests.geodata.importing.corpus_text import ENCODERS, Column, columns, encode_tcvn3, encode_vni

ENCODINGS = sorted(ENCODERS)
NAMES = ["Phường Nghĩa Đô", "Nguyễn Thị Hường", "Xã Đồng Thịnh", "Trần Quốc Tuấn"]


def evidence_of(values: list[bytes], width: int | None = None) -> ColumnEvidence:
    high = list(dict.fromkeys(value for value in values if not value.isascii()))
    return ColumnEvidence(not high, all(is_utf8(value) for value in high), high, (), width)


def is_utf8(value: bytes) -> bool:
    return decode_value(value, "utf-8")[1] == "good"


def outcome(encoding: str, column: Column) -> tuple[bool, bool]:
    """Return whether the text came out right, and whether that was held to be certain."""
    found = judge(evidence_of(column.values, column.width))
    texts = [plain(value, found.codec, wrapped=found.wrapped) for value in column.values]
    return texts == [plain(value, encoding) for value in column.values], found.certain


def plain(value: bytes, codec: str, *, wrapped: bool = False) -> str:
    return clean_text(decode_value(value, codec, wrapped=wrapped)[0])


def outcomes(encoding: str, count: int, seed: int) -> Counter[tuple[bool, bool]]:
    return Counter(outcome(encoding, column) for column in columns(encoding, count, seed))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_150_columns_are_read_right_and_none_is_wrong_and_certain(encoding: str) -> None:
    found = outcomes(encoding, 150, seed=1)
    assert found[True, True] + found[True, False] >= 149
    assert found[False, True] == 0
    assert found[True, True] >= (90 if encoding == "cp1252" else 148)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_2000_columns_are_read_right(encoding: str) -> None:
    found = outcomes(encoding, 2000, seed=2)
    print(f"{encoding}: {dict(found)}")  # noqa: T201 - figures for docs/benchmarks
    assert found[True, True] + found[True, False] >= 0.995 * 2000
    assert found[False, True] <= 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_columns_of_one_to_three_values_are_hardly_ever_wrong_and_certain(encoding: str) -> None:
    short = [column._replace(values=column.values[: 1 + at % 3]) for at, column in enumerate(columns(encoding, 300, 3))]
    found = Counter(outcome(encoding, column) for column in short)
    assert found[False, True] <= 1


def test_a_column_with_a_damaged_value_is_still_utf8() -> None:
    values = [f"Thôn Đông {number}".encode() for number in range(50)] + [b"Ngh\xd6 An"]
    assert judge(evidence_of(values)) == Verdict("utf-8", "bytes", certain=True)


@pytest.mark.parametrize("encode", [encode_tcvn3, encode_vni])
def test_font_text_that_became_unicode_as_cp1252_is_read_by_its_font(encode: object) -> None:
    codec = "tcvn3" if encode is encode_tcvn3 else "vni"
    values = [encode(name).decode("cp1252").encode() for name in NAMES]  # type: ignore[operator]
    found = judge(evidence_of(values))
    assert (found.codec, found.certain, found.wrapped) == (codec, True, True)
    assert [decode_value(value, codec, wrapped=True)[0] for value in values] == NAMES


def test_doubled_utf8_is_undone_and_the_values_that_were_right_stay() -> None:
    doubled = [sloppy(name).encode() for name in NAMES]
    found = judge(evidence_of([*doubled, "Xã Nghĩa Đô".encode()]))
    assert (found.codec, found.certain) == (DOUBLE_UTF8, True)
    texts = [
        decode_value(value, DOUBLE_UTF8)[0] for value in (*doubled, "Xã Nghĩa Đô".encode(), b"Hai Ba", doubled[0][:-1])
    ]
    assert texts == [*NAMES, "Xã Nghĩa Đô", "Hai Ba", "Phường Nghĩa Đ"]


def sloppy(text: str) -> str:
    """Read UTF-8 as Windows does, which takes the five bytes that cp1252 lacks for control codes."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())


@pytest.mark.parametrize(
    "text",
    ["XÃ – PHƯỜNG", "Société Générale", "Müller Straße", "Ürümqi İstanbul", "Đà Nẵng"],
)
def test_right_utf8_is_never_undone(text: str) -> None:
    assert judge(evidence_of([text.encode()])).codec == "utf-8"


def test_text_of_other_alphabets_is_not_taken_for_vietnamese() -> None:
    for text, codec in [
        ("Привет мир, улица Ленина", "cp1251"),
        ("Αθήνα Θεσσαλονίκη", "cp1253"),
        ("東京都新宿区", "cp932"),
    ]:
        found = judge(evidence_of([text.encode(codec)]))
        assert not found.certain
    for text, codec in [
        ("Žluťoučký kůň", "cp1250"),
        ("Łódź Kraków Wrocław", "cp1250"),
        ("Şanlıurfa Iğdır Muğla", "cp1254"),
    ]:
        assert not judge(evidence_of([text.encode(codec)])).certain


def test_a_declared_encoding_of_another_language_is_used_where_the_words_are_not_vietnamese() -> None:
    czech, vietnamese = evidence_of(["Žluťoučký kůň".encode("cp1250")]), evidence_of([encode_tcvn3(NAMES[0])])
    assert judge(czech, declared="cp1250").codec == "cp1250"
    assert judge(vietnamese, declared="cp1250").codec == "tcvn3"


def test_long_remarks_are_judged_by_a_part_of_them() -> None:
    collector = EvidenceCollector()
    collector.note(is_utf8=False)
    remark = encode_tcvn3(" ".join(NAMES)) * 500
    collector.add(b"%d %s" % (number, remark) for number in range(1000))
    evidence = collector.evidence()
    assert sum(len(value) for value in evidence.values) < 100_000
    assert judge(evidence).codec == "tcvn3"

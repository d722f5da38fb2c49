"""Tables of TCVN3, VNI-Windows and VISCII, capitals of TCVN3, and which words can be Vietnamese."""

import shutil
import subprocess

import pytest

from geodata.importing.syllables import PEOPLE, WORDS, is_syllable
from geodata.importing.vietnamese_codecs import TABLES, compose, decode, raise_capitals
from geodata.reference.units import build_syllables
from tests.geodata.importing.corpus_text import FAMILY, GIVEN, MIDDLE, encode_tcvn3, encode_vni

# Where TCVN 5712 has capitals that people's punctuation stands for in files.
PUNCTUATION = bytes([0x85, *range(0x91, 0x98)])
ALPHABET = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"


@pytest.mark.skipif(shutil.which("iconv") is None, reason="iconv is not here")
@pytest.mark.parametrize(
    ("codec", "name", "left_out"), [("tcvn3", "TCVN5712-1", PUNCTUATION), ("viscii", "VISCII", b"")]
)
def test_tables_agree_with_those_of_glibc(codec: str, name: str, left_out: bytes) -> None:
    data = b" ".join(bytes([byte]) for byte in range(1, 256) if byte not in left_out) + b" "
    answer = subprocess.run(["iconv", "-f", name, "-t", "UTF-8"], input=data, capture_output=True, check=True)
    assert compose(decode(data, codec)) == compose(answer.stdout.decode())


def test_punctuation_of_windows_stays_in_tcvn3() -> None:
    assert decode(PUNCTUATION, "tcvn3") == PUNCTUATION.decode("cp1252")


@pytest.mark.parametrize("text", [ALPHABET, "Nghệ An – “Đường Lê Lợi”"])
def test_every_letter_comes_back_from_tcvn3_and_vni(text: str) -> None:
    assert compose(decode(encode_tcvn3(text), "tcvn3")) == text
    assert compose(decode(encode_vni(text), "vni")) == text


def test_every_capital_comes_back_from_vni() -> None:
    assert compose(decode(encode_vni(ALPHABET.upper()), "vni")) == ALPHABET.upper()


@pytest.mark.parametrize(
    ("raw", "codec", "text"),
    [
        # As the cp1252 text looks that people paste into forums when their fonts are missing.
        ("NghÖ An, ®­êng Lª Lîi", "tcvn3", "Nghệ An, đường Lê Lợi"),
        ("Ngheä An, ñöôøng Leâ Lôïi", "vni", "Nghệ An, đường Lê Lợi"),
        ("COÄNG HOØA XAÕ HOÄI CHUÛ NGHÓA VIEÄT NAM", "vni", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        ("Céng hßa x· héi chñ nghÜa ViÖt Nam", "tcvn3", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
    ],
)
def test_known_phrases(raw: str, codec: str, text: str) -> None:
    assert compose(decode(raw.encode("cp1252"), codec)) == text


@pytest.mark.parametrize(
    "text",
    ["TỈNH NGHỆ AN", "PHƯỜNG HÀ ĐÔNG", "Phường Hà Đông", "Hà Nội", "HÀ NAM", "LÊ THỊ Ý", "UBND xã Ba Vì",
     "THCS Hà Huy Tập", "TP Hà Nội", "BÀ NGUYỄN THỊ HÀ", "Tổ 5 KP Mỹ Hòa", "xã an bình"],
)  # fmt: skip
def test_capitals_of_tcvn3_come_back(text: str) -> None:
    assert raise_capitals(compose(decode(encode_tcvn3(text), "tcvn3"))) == text


def test_common_words_and_names_are_syllables() -> None:
    # Tày and Ê Đê names are not.
    words = f"{PEOPLE} {WORDS} {FAMILY} {MIDDLE} {GIVEN}".lower().split()
    assert [word for word in words if not is_syllable(word)] == []


@pytest.mark.parametrize(
    "word",
    [
        "nghàn",
        "ngề",
        "cẻ",
        "ká",
        "quở̉",
        "hồa",
        "thòan",
        "mác̀",
        "hạch̀",
        "tàt",
        "bỡnh",
        "müller",
        "señor",
        "xyz",
        "ăa",
        "",
    ],
)
def test_words_against_the_rules_are_no_syllables(word: str) -> None:
    assert not is_syllable(compose(word))


def test_the_file_of_syllables_is_what_its_script_makes_of_the_unit_lists() -> None:
    assert build_syllables.TARGET.read_text(encoding="utf-8") == build_syllables.build()


def test_each_table_has_every_byte_once() -> None:
    assert {codec: len(table) for codec, table in TABLES.items()} == {"tcvn3": 256, "vni": 256, "viscii": 256}
    assert len(set(TABLES["viscii"])) == 256

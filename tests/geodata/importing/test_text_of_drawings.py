"""Text in DXF drawings: bytes of any encoding, letters written by number, the signs of AutoCAD's own."""

from pathlib import Path

import pytest

from geodata.importing.results import ReadResult
from tests.geodata.importing.corpus_text import ENCODERS
from tests.geodata.importing.files import read, values
from tests.geodata.importing.test_gdal_layers import dxf, pairs

NAMES = ("Chùa Hưng Long", "Đình Phú Thọ", "Bến thuyền", "Nhà văn hóa thôn Đông")


def read_labels(tmp_path: Path, labels: list[str], codec: str, kind: str = "TEXT") -> ReadResult:
    texts = (pairs((0, kind), (8, "CHU"), (10, 5), (20, 6), (40, 1), (1, label)) for label in labels)
    return read(tmp_path, ENCODERS[codec][0](dxf(*texts)), "a.dxf")


@pytest.mark.parametrize("kind", ["TEXT", "MTEXT"])
def test_letters_written_by_number_are_read(tmp_path: Path, kind: str) -> None:
    by_number = ["".join(f"\\U+{ord(sign):04X}" if ord(sign) > 127 else sign for sign in name) for name in NAMES]
    result = read_labels(tmp_path, [*by_number, r"Thôn \U+D83D \U+00GG"], "utf-8", kind)
    assert values(result, "Text")[:4] == list(NAMES)
    if kind == "TEXT":
        assert values(result, "Text")[4] == r"Thôn \U+D83D \U+00GG"


@pytest.mark.parametrize("codec", ["utf-8", "tcvn3", "vni", "cp1258"])
def test_signs_that_the_drawing_writes_as_words_leave_the_letters_around_them_alone(tmp_path: Path, codec: str) -> None:
    labels = [*NAMES, "Góc 30%%d hướng Đông", "Cống %%c200 %%p5 đường Đê"]
    result = read_labels(tmp_path, labels, codec)
    assert values(result, "Text") == [*NAMES, "Góc 30° hướng Đông", "Cống ⌀200 ±5 đường Đê"]
    assert (result.encoding["Text"].chosen, result.encoding["Text"].certain) == (codec, True)


def test_attributes_of_blocks_are_decoded_too(tmp_path: Path) -> None:
    houses = (
        pairs((0, "INSERT"), (8, "NHA"), (66, 1), (2, "NHA"), (10, 7), (20, 8), (30, 9))
        + pairs((0, "ATTRIB"), (8, "NHA"), (10, 7), (20, 8), (40, 1), (1, name), (2, "TEN"), (70, 0))
        + pairs((0, "SEQEND"), (8, "NHA"))
        for name in NAMES
    )
    result = read(tmp_path, ENCODERS["tcvn3"][0](dxf(*houses)), "a.dxf")
    assert [name in str(text) for name, text in zip(NAMES, values(result, "BlockAttributes"), strict=True)] == [
        True
    ] * 4

"""Which encoding a file's text is read in."""

import pytest

from geodata.importing.context import ReadContext, ReaderLimits
from geodata.importing.encodings import TextEvidence, choose_encoding, find_codec
from geodata.importing.results import EncodingChoice


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("65001", "utf-8"),
        ("ANSI 1258", "cp1258"),
        ("8859_1", "iso8859-1"),
        ("OEM 437", "cp437"),
        ("hex", None),
        ("idna", None),
        ("utf-16", None),
        ("", None),
        ("x" * 99, None),
        ("a\0b", None),
    ],
)
def test_names_of_encodings(name: str, codec: str | None) -> None:
    assert find_codec(name) == codec


def test_choose_encoding_of_ascii_is_certain() -> None:
    evidence = TextEvidence(is_ascii=True, is_utf8=True, values=[])
    choice = choose_encoding(evidence, explicit=None, declared=None, hint=None, context=ReadContext(ReaderLimits()))
    assert choice == EncodingChoice("utf-8", "ascii", certain=True)

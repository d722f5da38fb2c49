"""Which encoding a file's text is read in."""

import pytest

from geodata.importing.encodings import find_codec


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("65001", "utf-8"),
        ("ANSI 1258", "cp1258"),
        ("8859_1", "iso8859-1"),
        ("OEM 437", "cp437"),
        ("TCVN3 (ABC)", "tcvn3"),
        ("VNI-Windows", "vni"),
        ("viscii", "viscii"),
        ("GBK", "gbk"),
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

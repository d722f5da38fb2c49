r"""Text that GDAL gives us undecoded: each byte of the file comes as one letter of a stand-in encoding.

For MapInfo that is Latin-1. GDAL turns some words of a drawing into letters by itself, ``%%d`` into a degree sign, and
numbers (``\U+00F9``) stand for letters too; so that these can be told from bytes, a drawing's bytes come as ISO 8859-5,
whose letters are Cyrillic.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from geodata.importing.encodings import Verdict, read_value

MAPINFO: Final = "latin-1"
DRAWING: Final = "iso8859-5"

_BYTES: Final = {codec: re.compile(f"[{re.escape(bytes(range(256)).decode(codec))}]+") for codec in (MAPINFO, DRAWING)}
# AutoCAD writes so what the code page of the drawing does not have; halves of letters and control codes stay.
_NUMBERED: Final = re.compile(r"\\U\+(?!D[89A-F]|00[01])([0-9A-F]{4})", re.IGNORECASE)


def raw_values(value: Any, codec: str) -> Iterator[bytes]:
    """Give the bytes of a text, or of each text of a list; none where it has letters that are no bytes."""
    if isinstance(value, np.ndarray):
        for item in value.tolist():
            yield from raw_values(item, codec)
    elif isinstance(value, str) and _BYTES[codec].fullmatch(text := _letters(value, codec)):
        yield text.encode(codec)


def decoded(value: Any, codec: str, verdict: Verdict) -> Any:
    """Read the bytes of a text, or of each text of a list; letters that are no bytes stay, and so do other values."""
    if isinstance(value, np.ndarray):
        return [decoded(item, codec, verdict) for item in value.tolist()]
    if not isinstance(value, str):
        return value

    def read(match: re.Match[str]) -> str:
        return read_value(match[0].encode(codec), verdict)[0]

    return _BYTES[codec].sub(read, _letters(value, codec))


def _letters(text: str, codec: str) -> str:
    return _NUMBERED.sub(lambda match: chr(int(match[1], 16)), text) if codec == DRAWING else text

"""Decide in which encoding a file's text is written, from its bytes and from what the file says of itself."""

import codecs
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from geodata.importing.context import ReadContext
from geodata.importing.results import EncodingChoice, UnreadableFileError

MAX_DISTINCT = 50_000
"""How many distinct values are evidence enough."""

_ENOUGH = 0.95
_VIETNAMESE_SHARE = 0.98
_MAX_CODEC_NAME = 40
_WESTERN = frozenset({"cp1252", "iso8859-1", "iso8859-15", "cp437", "cp850"})
_TEXT_CODEC = re.compile(r"utf-8|cp\d+|iso8859-\d+|koi8-[ru]|mac-\w+|gb\w+|big5\w*|euc_\w+|shift_jis\w*|tis-620")
_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_LOWER = {unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in _TONES} | {"đ"}
_VIETNAMESE = frozenset(_LOWER | {letter.upper() for letter in _LOWER} | set("—“”…°²³½₫"))


class TextEvidence(NamedTuple):
    """What the bytes of a file's text look like; ``values`` are distinct ones with bytes above 127."""

    is_ascii: bool
    is_utf8: bool
    values: list[bytes]


def choose_encoding(
    evidence: TextEvidence,
    *,
    explicit: str | None,
    declared: str | None,
    hint: str | None,
    context: ReadContext,
) -> EncodingChoice:
    """Decide how a file's text is encoded; the one home of this decision.

    Parameters
    ----------
    evidence : TextEvidence
        The bytes themselves; they outrank what the file says of itself.
    explicit, declared, hint : str or None
        The officer's choice; the .cpg; the codec of the DBF language byte.

    Raises
    ------
    UnreadableFileError
        ``ENCODING_UNKNOWN`` if the officer's choice is no encoding.
    """
    if explicit is not None:
        codec = find_codec(explicit)
        if codec is None:
            raise UnreadableFileError(
                "ENCODING_UNKNOWN",
                f"Không có bảng mã “{explicit[:40]}”.",
                f"No encoding is called “{explicit[:40]}”.",
            )
        return EncodingChoice(codec, "chosen", certain=True)
    if declared is not None and (codec := _trusted_declaration(declared, evidence, context)):
        return EncodingChoice(codec, "cpg", certain=evidence.is_ascii or codec not in _WESTERN)
    if evidence.is_utf8 or _fits("utf-8", evidence.values):
        return EncodingChoice("utf-8", "ascii" if evidence.is_ascii else "bytes", certain=evidence.is_utf8)
    if hint is not None and _fits(hint, evidence.values):
        return EncodingChoice(hint, "language byte", certain=False)
    if _looks_vietnamese("cp1258", evidence.values):
        return EncodingChoice("cp1258", "letters", certain=True)
    context.warn(
        "ENCODING_GUESSED",
        "Không nhận ra bảng mã của chữ; tạm đọc theo Windows-1252. Hãy kiểm tra dấu và chọn bảng mã đúng.",
        "The text's encoding was not recognised; Windows-1252 was used. Check the accents and choose it.",
    )
    return EncodingChoice("cp1252", "guess", certain=False)


def _trusted_declaration(declared: str, evidence: TextEvidence, context: ReadContext) -> str | None:
    codec = find_codec(declared)
    if codec is None:
        context.warn(
            "CPG_IGNORED",
            "Tệp .cpg không ghi tên một bảng mã nên không được dùng.",
            "The .cpg file does not name an encoding and was ignored.",
        )
        return None
    better_utf8 = codec != "utf-8" and evidence.is_utf8 and not evidence.is_ascii
    better_1258 = codec in _WESTERN and bool(evidence.values) and _looks_vietnamese("cp1258", evidence.values)
    if better_utf8 or better_1258 or not _fits(codec, evidence.values):
        context.warn(
            "CPG_WRONG",
            f"Tệp .cpg ghi {codec} nhưng chữ trong bảng không theo bảng mã đó.",
            f"The .cpg says {codec} but the table's text is not written in it.",
            declared=codec,
        )
        return None
    return codec


def find_codec(name: str) -> str | None:
    """Find Python's name of an encoding as .cpg files and people write it; None if it is none.

    Examples
    --------
    >>> find_codec("ANSI 1258"), find_codec("ISO 88591"), find_codec("65001"), find_codec("<html>")
    ('cp1258', 'iso8859-1', 'utf-8', None)
    """
    text = name.strip("\ufeff\0 \r\n\t").lower()
    if not text or len(text) > _MAX_CODEC_NAME:
        return None
    if match := re.fullmatch(r"(?:iso)?[ _-]*8859[ _-]*(\d{1,2})", text):
        text = f"iso8859-{match[1]}"
    elif match := re.fullmatch(r"(?:ansi|oem|cp|windows|win|dos|ms)?[ _-]*(\d{3,5})", text):
        text = "utf-8" if match[1] == "65001" else f"cp{match[1]}"
    try:
        found = codecs.lookup(text).name
    except (LookupError, ValueError):
        return None
    return found if _TEXT_CODEC.fullmatch(found) else None


def _fits(codec: str, values: list[bytes]) -> bool:
    if not values:
        return True
    return sum(decode_value(value, codec)[1] != "broken" for value in values) >= _ENOUGH * len(values)


def _looks_vietnamese(codec: str, values: Iterable[bytes]) -> bool:
    text = unicodedata.normalize("NFC", "\n".join(value.decode(codec, "replace") for value in values))
    accented = [letter for letter in text if not letter.isascii()]
    return sum(letter in _VIETNAMESE for letter in accented) >= max(1, _VIETNAMESE_SHARE * len(accented))


def decode_value(value: bytes, codec: str) -> tuple[str, str]:
    """Decode one value as far as it goes.

    Returns
    -------
    str, str
        The text, and ``good``; ``cut`` where the value ended inside a letter, which is dropped; ``broken`` where
        it holds bytes the codec does not know, which become U+FFFD.
    """
    try:
        return value.decode(codec), "good"
    except UnicodeDecodeError as error:
        if codec == "utf-8" and error.reason == "unexpected end of data":
            return value[: error.start].decode(codec), "cut"
        return value.decode(codec, "replace"), "broken"

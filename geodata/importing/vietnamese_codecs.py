"""Single-byte encodings of Vietnamese that Python does not know: TCVN3 (ABC), VNI-Windows, VISCII.

Each is a table of what the bytes above 127, and a few control codes, stand for. Text that was decoded has to be brought
to NFC: VNI and TCVN3 write some tones as marks of their own.

Notes
-----
TCVN3 is TCVN 5712:1993 without the capitals that stand on control codes and punctuation; the table has those of its
first set (VN1) where they take the place of nothing that people type. VNI-Windows follows the rule of its maker:
a letter, then a byte for its accents, capitals of both for a capital. VISCII is RFC 1456. The first and the last were
compared with glibc's TCVN5712-1 and VISCII, byte by byte.
"""

import codecs
import re
import unicodedata
from typing import Final

from geodata.importing.syllables import is_syllable

_WESTERN: Final = bytes(range(256)).decode("cp1252", "replace")

_TCVN_CONTROLS: Final = {0x01: "ÚỤ", 0x04: "ỪỬỮ", 0x11: "ỨỰỲỶỸÝỴ"}
_TCVN_HIGH: Final = (
    "ÀẢÃÁẠ…ẬÈẺẼÉẸỆÌỈĨÍ‘’“”•–—ỜỞỠỚỢÙỦŨ"
    "\u00a0ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴẮẦẨẪẤỀặầẩẫấậèỂẻẽ"
    "éẹềểễếệìỉỄẾỒĩíịòỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ"
)  # fmt: skip
_VISCII_CONTROLS: Final = {0x02: "Ẳ", 0x05: "ẴẪ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ"}
_VISCII_HIGH: Final = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
_CIRCUMFLEX, _BREVE = "\u0302", "\u0306"
_GRAVE, _ACUTE, _TILDE, _HOOK, _DOT = "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"
# As cp1252 shows the bytes; a letter's own byte, or what follows its base letter.
_VNI: Final = {
    "ù": _ACUTE, "ø": _GRAVE, "û": _HOOK, "õ": _TILDE, "ï": _DOT,
    "â": _CIRCUMFLEX, "á": _CIRCUMFLEX + _ACUTE, "à": _CIRCUMFLEX + _GRAVE, "å": _CIRCUMFLEX + _HOOK,
    "ã": _CIRCUMFLEX + _TILDE, "ä": _CIRCUMFLEX + _DOT,
    "ê": _BREVE, "é": _BREVE + _ACUTE, "è": _BREVE + _GRAVE, "ú": _BREVE + _HOOK, "ü": _BREVE + _TILDE,
    "ë": _BREVE + _DOT,
    "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "ñ": "đ", "î": "ỵ",
}  # fmt: skip


def _one_byte_table(high: str, controls: dict[int, str]) -> str:
    letters = [chr(code) for code in range(128)] + list(high)
    for start, found in controls.items():
        letters[start : start + len(found)] = found
    return "".join(letters)


def _vni_table() -> dict[int, str]:
    # Accents have no capitals, so a capital's accent byte becomes the same mark.
    both_cases = _VNI | {sign.upper(): meaning.upper() for sign, meaning in _VNI.items()}
    return {code: both_cases.get(sign, sign) for code, sign in enumerate(_WESTERN)}


TABLES: Final[dict[str, str | dict[int, str]]] = {
    "tcvn3": _one_byte_table(_TCVN_HIGH, _TCVN_CONTROLS),
    "vni": _vni_table(),
    "viscii": _one_byte_table(_VISCII_HIGH, _VISCII_CONTROLS),
}
"""What each byte stands for, by codec."""

NAMES: Final = {
    **dict.fromkeys(("tcvn3", "tcvn-3", "tcvn", "abc", "tcvn5712", "tcvn5712-1", "tcvn3 (abc)"), "tcvn3"),
    **dict.fromkeys(("vni", "vni-windows", "vni windows", "vni-win", "vni win"), "vni"),
    "viscii": "viscii",
}
"""What people call these codecs."""

TCVN3_TONED: Final = frozenset(_TCVN_HIGH[0x28:]) - frozenset(
    letter for letter in _TCVN_HIGH if letter != letter.lower()
)
"""Letters of TCVN3 that its capital fonts (``.VnTimeH``) show as capitals though their codes are those of small ones."""

_CAPITAL, _SMALL = "[A-ZĂÂÊÔƠƯĐ]", f"[{''.join(sorted(TCVN3_TONED))}]"
_TWO_CAPITALS = re.compile(f"{_CAPITAL}{_SMALL}*{_CAPITAL}")
_LOUD = re.compile(f"(?:{_CAPITAL}{_SMALL}+{_CAPITAL}|{_CAPITAL}{{2}}{_SMALL})")
_PLAIN_SMALL = re.compile("[a-z]")
_WORD = re.compile(r"[^\W\d_]+")


def decode(data: bytes, codec: str, errors: str = "strict") -> str:
    r"""Decode bytes by one of these tables or by Python's codec.

    Examples
    --------
    >>> decode(b"Ngh\xd6 An", "tcvn3"), compose(decode(b"\xd1\xf6\xf4\xf8ng", "vni"))
    ('Nghệ An', 'Đường')
    """
    table = TABLES.get(codec)
    return data.decode(codec, errors) if table is None else codecs.charmap_decode(data, errors, table)[0]


def raise_capitals(text: str) -> str:
    """Write the capitals of TCVN3, whose toned letters are all small, as capitals where the rest of a word is.

    A word with a single plain letter, ``Hà`` for one, goes by the value's other words.

    Parameters
    ----------
    text : str
        One value as its bytes say, in NFC.

    Examples
    --------
    >>> raise_capitals("TỉNH NGHệ AN"), raise_capitals("Hà NộI"), raise_capitals("THCS Hà Huy Tập")
    ('TỈNH NGHỆ AN', 'HÀ NỘI', 'THCS Hà Huy Tập')
    """
    if not _TWO_CAPITALS.search(text):
        return text
    if _LOUD.search(text) and not _PLAIN_SMALL.search(text):
        return text.upper()
    words = _WORD.findall(text)
    sure = [plain for word in words if len(plain := plain_letters(word)) > 1 and is_syllable(word.lower())]
    is_loud = bool(sure) and all(plain.isupper() for plain in sure)

    def raised(match: re.Match[str]) -> str:
        word = match[0]
        plain = plain_letters(word)
        is_capital = plain.isupper() if len(plain) > 1 else is_loud and not plain.islower()
        return word.upper() if is_capital else word

    return _WORD.sub(raised, text)


def plain_letters(word: str) -> str:
    """Leave out the letters of a word that have no capitals in TCVN3."""
    return "".join(letter for letter in word if letter not in TCVN3_TONED)


def compose(text: str) -> str:
    """Compose letters and their marks (NFC)."""
    return unicodedata.normalize("NFC", text)

"""Vietnamese text: one stored form, and keys to compare and search by."""

import re
import unicodedata

INVISIBLE = "[\\x00-\\x08\\x0e-\\x1b\\x7f\u00ad\u200b-\u200d\u2060\ufeff]"
ODD_BLANK = "[\\t-\\r\\x1c-\\x1f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
BLANKS = f"[ {ODD_BLANK[1:]}{{2,}}|{ODD_BLANK}"
"""What becomes a single blank. Written out: ``\\s`` means something else to each engine of regular expressions."""

_INVISIBLE, _BLANKS = re.compile(INVISIBLE), re.compile(BLANKS)
# Eth and the African D look like Đ and come from converters and keyboards that did not know better.
_D_FORMS = str.maketrans({"\u00d0": "Đ", "\u0189": "Đ", "\u00f0": "đ"})
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def clean_text(text: str) -> str:
    r"""Bring text to the one form that is stored.

    Parameters
    ----------
    text : str
        Any Unicode text.

    Returns
    -------
    str
        NFC, without invisible characters, with Đ/đ repaired, blanks collapsed and trimmed.

    Examples
    --------
    >>> clean_text("  Xa\u0303  Nghĩa\u200b Ðô ")
    'Xã Nghĩa Đô'
    """
    composed = unicodedata.normalize("NFC", _INVISIBLE.sub("", text).translate(_D_FORMS))
    return _BLANKS.sub(" ", composed).strip(" ")


def search_key(text: str) -> str:
    """Write text the way search compares it: no accents, no case, đ as d, single blanks.

    Examples
    --------
    >>> search_key("Đường Trần-Hưng  Đạo")
    'duong tran hung dao'
    """
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    plain = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return _NOT_WORD.sub(" ", plain.translate(_D_FORMS).replace("đ", "d")).strip()


def slugify(text: str) -> str:
    """Write text as part of an address in the web: ``lang-nghe-van-phuc``; never empty."""
    return search_key(text).replace(" ", "-")[:80].strip("-") or "diem"

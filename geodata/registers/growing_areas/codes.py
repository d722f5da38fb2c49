"""Grammar of growing-area codes.

Three live formats were seen in real lists (2026): ``VN-DNOR-0269`` (export, General Administration of Customs of
China list), ``75-PUC-SR-00001`` with an optional market suffix, and free provincial forms. A code outlives
mergers, so nothing is derived from its letters.
"""

import re
import unicodedata

from geodata.register import CodeForm, Label

PATTERN = r"^[0-9A-Z][0-9A-Z./-]{2,39}$"
"""A normalised code of any format; the known ones are in `KNOWN`."""

FORM = CodeForm(
    Label("3 đến 40 chữ cái không dấu, chữ số và dấu gạch", "3 to 40 plain letters, digits and hyphens"), "VN-DNOR-0269"
)
"""How people are told the form of a code."""

KNOWN = (
    re.compile(r"^VN-[A-Z]{2,3}OR-\d{3,4}$"),
    re.compile(r"^\d{2}-PUC-[A-Z0-9]{2,5}-\d{5}(-[A-Z]{3})?$"),
)

LOOKS_LIKE = re.compile(
    r"(?:VN ?[-‐–] ?[A-Z]{2,3}OR ?[-‐–] ?\d{3,4}|\d{2}-PUC-[A-Z0-9]{2,5}-\d{5}(?:-[A-Z]{3})?)", re.IGNORECASE
)
"""The known formats as people write them."""

_DASHES = re.compile(r"[‐‑‒–—―−]")
_NOISE = re.compile(r"[\s\[\]]+")


def normalize_code(raw: str) -> str:
    """Write a growing-area code the one way it is stored.

    Parameters
    ----------
    raw : str
        As people write it, ``VN – DNOR – 0269`` for one.

    Returns
    -------
    str
        NFC, upper case, plain hyphens, no blanks or brackets. Not checked against a grammar.

    Examples
    --------
    >>> normalize_code("vn – dnor - 0269")
    'VN-DNOR-0269'
    """
    text = _DASHES.sub("-", unicodedata.normalize("NFC", raw)).upper()
    return _NOISE.sub("", text)


def is_known_format(code: str) -> bool:
    """Whether a normalised code follows one of the formats seen in official lists."""
    return any(pattern.match(code) for pattern in KNOWN)

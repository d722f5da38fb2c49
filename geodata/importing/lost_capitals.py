"""Capitals that TCVN3 could not write: its toned letters have small codes only, so that ``Ánh`` comes as ``ánh``.

Whether a capital was meant, the other words of a column tell: where all its values begin with one, or all its words
as names do, so does the word that could not.
"""

import re
from collections.abc import Iterable
from enum import Enum

from geodata.importing.vietnamese_codecs import TCVN3_TONED

_FEWEST_VALUES, _FEWEST_WORDS, _SHARE = 5, 10, 0.95
_WORD = re.compile(r"[^\W\d_]+")
_LOST_FIRST = re.compile(f"[{''.join(sorted(TCVN3_TONED))}]")
_LOST_EVERY = re.compile(rf"(?<!\w){_LOST_FIRST.pattern}")


class Capitals(Enum):
    """Which words of a column begin with a capital: nobody knows, the first of each value, every one."""

    UNKNOWN = "unknown"
    FIRST = "first"
    EVERY = "every"


def capitals_of(texts: Iterable[str]) -> Capitals:
    """Tell from the words of which TCVN3 can write the first letter both ways.

    Examples
    --------
    >>> [capitals_of(4 * [name]) for name in ("Lê Thị Hoa", "Đình làng", "sân kho")]
    [<Capitals.UNKNOWN: 'unknown'>, <Capitals.UNKNOWN: 'unknown'>, <Capitals.UNKNOWN: 'unknown'>]
    >>> [capitals_of(5 * [name]) for name in ("Lê Thị Hoa", "Đình làng", "sân kho")]
    [<Capitals.EVERY: 'every'>, <Capitals.FIRST: 'first'>, <Capitals.UNKNOWN: 'unknown'>]
    """
    firsts, others = list[bool](), list[bool]()
    for text in texts:
        words = _WORD.findall(text)
        if text[:1].isalpha() and text[0] not in TCVN3_TONED:
            firsts.append(text[0].isupper())
        others += [word[0].isupper() for word in words[1:] if word[0] not in TCVN3_TONED]
    if len(firsts) < _FEWEST_VALUES or sum(firsts) < _SHARE * len(firsts):
        return Capitals.UNKNOWN
    is_every = len(others) >= _FEWEST_WORDS and sum(others) >= _SHARE * len(others)
    return Capitals.EVERY if is_every else Capitals.FIRST


def raise_first_letters(text: str, capitals: Capitals) -> str:
    """Write the first letters as capitals that could not be written so.

    Examples
    --------
    >>> raise_first_letters("ấp Đông", Capitals.FIRST), raise_first_letters("Lê Thị ánh", Capitals.EVERY)
    ('Ấp Đông', 'Lê Thị Ánh')
    """
    if capitals is Capitals.UNKNOWN:
        return text
    if capitals is Capitals.FIRST:
        return text[:1].upper() + text[1:] if _LOST_FIRST.match(text) else text
    return _LOST_EVERY.sub(lambda match: match[0].upper(), text)

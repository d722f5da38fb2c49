"""Decide in which encoding each column of a file's text is written, from its bytes and from what the file says of itself.

A column is read in each encoding that could be meant; the right one is that whose words look like Vietnamese. What
the .cpg file and the DBF language byte say only tips the scales. Where the evidence is thin, the column is marked as
not sure, and goes by the file's other columns.
"""

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from geodata.importing import vietnamese_codecs
from geodata.importing.lost_capitals import Capitals, raise_first_letters
from geodata.importing.syllables import COMMON, IMPOSSIBLE, POSSIBLE, RARE, USUAL, likeness

MAX_DISTINCT = 1_000
"""How many distinct values of a column are evidence enough; they are taken from all over it."""

DOUBLE_UTF8 = "utf-8-double"
"""UTF-8 that was read as cp1252 and written as UTF-8 again."""

VIETNAMESE: Final = ("tcvn3", "vni", "cp1252", "cp1258", "viscii")
"""Encodings with one byte a letter that Vietnamese text may be in; cp1252 has letters for some words only."""

DOUBT_POINTS, PROOF_POINTS = 2, 4
"""Points in another encoding from which on Unicode is doubted (a rare syllable), and held to be wrong (a common one)."""
_UTF8_SHARE, _FITTING_SHARE, _FEW = 0.95, 0.95, 100
_POINTS: Final = {IMPOSSIBLE: -4, POSSIBLE: 1, RARE: 2, USUAL: 3, COMMON: 4}
MARGIN = 8
"""Points by which the best encoding must lead to be certain: two syllables that are known in it and in no other."""
_SURE_SHARE, _LIKELY_SHARE = 0.75, 0.5
_HINT_POINTS = 3
_COMMON_HANZI_SHARE, _FEWEST_HANZI, _SURE_HANZI = 0.8, 2, 4
_WESTERN_SHARE, _FEWEST_WESTERN = 0.9, 3
_MAX_CODEC_NAME = 40
WESTERN: Final = frozenset({"cp1252", "iso8859-1", "iso8859-15", "cp437", "cp850"})
_TEXT_CODEC = re.compile(r"utf-8|cp\d+|iso8859-\d+|koi8-[ru]|mac-\w+|gb\w+|big5\w*|euc_\w+|shift_jis\w*|tis-620")
# Signs that stand between words in any text; all others beside letters speak against an encoding.
_BETWEEN = re.compile(r"[\s\x00-@\[-`{-\x7f\u00a0“”‘’–—…•°²³½\u200b\ufeff]+")
_MOJIBAKE = re.compile(r"[ÃÄÅÆ][\u0080-\u00bfŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™]|á[º»]")
# Without the letters that take the place of other alphabets' ones: Czech, Polish, Turkish, Vietnamese read as cp1252.
_WESTERN_WORD = re.compile(r"[A-ZÀ-ÅÇ-ËÍ-ÏÑÓ-ÖØÚ-ÜŒÆ]?[a-zà-åç-ëí-ïñó-öøú-üßœæ]+|[A-ZÀ-ÅÇ-ËÍ-ÏÑÓ-ÖØÚ-ÜŒÆ]+")
# Eth looks like Đ and stands for it where the encoding has no other.
_ETHS: Final = str.maketrans("ÐðƉ", "ĐđĐ")
# Letters of alphabets that are rare here, all of two bytes: what a few words in another encoding may look like.
_ODD_UTF8 = re.compile("[\x00-\x7f\u0250-\u07ff]*")
# Some programs read the bytes from 0x80 to 0x9F as Latin-1 does, as control codes; Windows only those it lacks.
_WESTERN_BYTES: Final = {byte: byte for byte in range(256)} | {
    ord(letter): byte for byte in range(256) if (letter := bytes([byte]).decode("cp1252", "ignore"))
}
_HANZI_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")


class ColumnEvidence(NamedTuple):
    """What the bytes of a text column look like.

    Attributes
    ----------
    values : list of bytes
        Distinct values with bytes above 127, at most `MAX_DISTINCT`, from all over the column.
    plain : list of bytes
        Some distinct values without such bytes.
    width : int or None
        Bytes a value can have at most, where the format sets that; a value so long may have been cut.
    is_unicode : bool
        Whether the format itself says so, and the bytes are but ours: then no other encoding is asked about, only what
        became of the text before.
    """

    is_ascii: bool
    is_utf8: bool
    values: Sequence[bytes] = ()
    plain: Sequence[bytes] = ()
    width: int | None = None
    is_unicode: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a column's own bytes say.

    Attributes
    ----------
    how : str
        ``ascii``, ``bytes`` (only UTF-8 has such), ``letters`` (its words), ``cpg``, ``language byte``, ``guess``.
    wrapped : bool
        Whether the bytes were once read as cp1252 and written as UTF-8.
    points : dict of str to int
        How well each encoding's words look; empty where that was not asked. Of Unicode text: as it stands (cp1252), and
        as text of another encoding that was once read as cp1252.
    capitals : Capitals
        Which words begin with a capital, where the encoding cannot write all of them.
    """

    codec: str
    how: str
    certain: bool
    wrapped: bool = False
    points: tuple[tuple[str, int], ...] = ()
    capitals: Capitals = Capitals.UNKNOWN


class _Fit(NamedTuple):
    codec: str
    text: str
    points: int
    share: float
    known_share: float


def judge(evidence: ColumnEvidence, declared: str | None = None, hint: str | None = None) -> Verdict:
    """Decide from a column's own bytes.

    Parameters
    ----------
    evidence : ColumnEvidence
    declared, hint : str or None
        The codecs of the .cpg file and of the DBF language byte.
    """
    if evidence.is_ascii:
        return Verdict("utf-8", "ascii", certain=True)
    if not evidence.is_utf8 and not _is_nearly_utf8(evidence):
        return _judge_legacy(evidence, declared, hint)
    if not evidence.is_unicode and all(
        _ODD_UTF8.fullmatch(decode_value(value, "utf-8")[0]) for value in evidence.values
    ):
        legacy = _judge_legacy(evidence, declared, hint)
        if legacy.how == "letters":
            return replace(legacy, certain=False)
    return _unwrapped(evidence) or Verdict("utf-8", "bytes", certain=True)


def _is_nearly_utf8(evidence: ColumnEvidence) -> bool:
    """Tell UTF-8 of which some values were cut or damaged: whole letters of several bytes are no accident."""
    good = bad = 0
    for value in evidence.values:
        text, state = decode_value(value, "utf-8")
        if state == "broken":
            bad += 1
        elif not text.isascii():
            good += 1
    return good > 0 and good >= _UTF8_SHARE * (good + bad)


def _unwrapped(evidence: ColumnEvidence) -> Verdict | None:
    """Look for text that was read as cp1252 on its way to UTF-8: doubled UTF-8, or the fonts of TCVN3 and VNI."""
    rest = [value for value in evidence.values if not is_doubled(value)]
    if len(rest) < len(evidence.values):
        # Values are undone one by one, so that a single one is enough; other encodings of the rest are not asked about.
        return Verdict(DOUBLE_UTF8, "letters", certain=_doubt_for_some(_bare(rest)[1]) is None)
    values, bare = _bare(evidence.values[:: max(1, len(evidence.values) // _FEW)])
    if len(bare) < _LIKELY_SHARE * len(values):
        return _doubt_for_some(bare)
    values, bare = _bare(evidence.values)
    inner = ColumnEvidence(is_ascii=False, is_utf8=False, values=bare)
    verdict = _judge_legacy(inner, None, None)
    points = dict(verdict.points)
    best = max(vietnamese_codecs.TABLES, key=lambda codec: points.get(codec, 0))
    if len(bare) < _FITTING_SHARE * len(values):
        return _doubt_for_some(bare)
    if points.get(best, 0) <= points.get("cp1252", 0):
        return None
    # Signs (Ø, ², µ) are syllables in some encoding, but hardly ever known ones.
    is_known = _fit(best, inner).known_share >= _LIKELY_SHARE
    if verdict.certain and verdict.codec == best and points[best] >= PROOF_POINTS and is_known:
        return replace(verdict, wrapped=True)
    # What is Unicode may be right as it stands, so little evidence changes nothing by itself.
    is_doubted = points[best] >= DOUBT_POINTS and is_known
    return Verdict("utf-8", "bytes", certain=not is_doubted, points=verdict.points if is_doubted else ())


def is_doubled(value: bytes) -> bool:
    r"""Tell a value in UTF-8 that was read as cp1252 and written as UTF-8 again: no other text looks so by accident.

    Examples
    --------
    >>> is_doubled("Tháº¡ch ThÃ\u00a0nh".encode()), is_doubled("XÃ HÀ, 30°".encode()), is_doubled(b"Th\xf4n")
    (True, False, False)
    """
    text = decode_value(value, "utf-8")[0]
    inner = to_cp1252(text) if _MOJIBAKE.search(text) else None
    return inner is not None and decode_value(inner, "utf-8")[1] != "broken"


def _doubt_for_some(bare: Sequence[bytes]) -> Verdict | None:
    """Doubt Unicode of which some values were typed with an old font: to read all so would harm the others."""
    inner = ColumnEvidence(is_ascii=False, is_utf8=False, values=bare)
    verdict = _judge_legacy(inner, None, None)
    is_old = verdict.certain and verdict.codec in vietnamese_codecs.TABLES
    if is_old and _fit(verdict.codec, inner).known_share >= _LIKELY_SHARE:
        return Verdict("utf-8", "bytes", certain=False)
    return None


def _bare(values: Sequence[bytes]) -> tuple[list[str], list[bytes]]:
    """Decode UTF-8, and list the bytes of those values that may have been read as cp1252 before."""
    texts = [decode_value(value, "utf-8")[0] for value in values]
    return texts, [raw for text in texts if (raw := to_cp1252(text)) is not None and not raw.isascii()]


def _judge_legacy(evidence: ColumnEvidence, declared: str | None, hint: str | None) -> Verdict:
    fits = sorted((_fit(codec, evidence) for codec in VIETNAMESE), key=lambda fit: -fit.points)
    bonus = Counter({declared: _HINT_POINTS}) + Counter({hint: _HINT_POINTS})
    best = max(fits, key=lambda fit: fit.points + bonus[fit.codec])
    rival = max((fit.points for fit in fits if fit.text != best.text), default=0)
    points = tuple((fit.codec, fit.points) for fit in fits)
    if best.share >= _SURE_SHARE and best.points > 0 and best.points - rival >= MARGIN:
        return Verdict(best.codec, "letters", certain=True, points=points)
    if foreign := _judge_foreign(evidence, best, declared, hint):
        return foreign
    if best.share >= _LIKELY_SHARE and best.points > 0:
        return Verdict(best.codec, "letters", certain=False, points=points)
    return Verdict("cp1252", "guess", certain=False, points=points)


def _fit(codec: str, evidence: ColumnEvidence) -> _Fit:
    """Read values in an encoding and give points to each distinct word; words at the cut end of a value do not count."""
    text = _read(evidence.values, codec)
    ended = [_without_cut_word(value, evidence.width) for value in evidence.values]
    words = {word for word in _BETWEEN.split(_read(ended, codec)) if not word.isascii()}
    levels = [likeness(word) if has_one_case(word, codec) else IMPOSSIBLE for word in words]
    possible = sum(level > IMPOSSIBLE for level in levels)
    known, count = sum(level > POSSIBLE for level in levels), max(1, len(levels))
    return _Fit(codec, text, sum(_POINTS[level] for level in levels), possible / count, known / count)


def _read(values: Sequence[bytes], codec: str) -> str:
    text = vietnamese_codecs.compose(vietnamese_codecs.decode(b"\n".join(values), codec, "replace"))
    return text.translate(_ETHS)


def _without_cut_word(value: bytes, width: int | None) -> bytes:
    if width is None or len(value) < width:
        return value
    return value[: max(0, value.rfind(b" "))]


def has_one_case(word: str, codec: str) -> bool:
    """Tell whether a word is written in small letters, in capitals, or with its first letter as a capital."""
    if codec == "tcvn3":
        word = vietnamese_codecs.plain_letters(word)
    return not word or word.islower() or word.isupper() or (word[0].isupper() and word[1:].islower())


def _judge_foreign(evidence: ColumnEvidence, best: _Fit, declared: str | None, hint: str | None) -> Verdict | None:
    """Look for text that is not Vietnamese: Chinese, what the file itself names, western languages."""
    if best.share < _SURE_SHARE and (hanzi := _common_hanzi(evidence.values)) >= _FEWEST_HANZI:
        return Verdict("gbk", "letters", certain=hanzi >= _SURE_HANZI)
    for codec, how in ((declared, "cpg"), (hint, "language byte")):
        if codec is None or codec == "utf-8" or codec in VIETNAMESE or not fits(codec, evidence.values):
            continue
        if best.share < _LIKELY_SHARE or codec not in WESTERN:
            return Verdict(codec, how, certain=how == "cpg" and codec not in WESTERN)
    western = _western_words(evidence.values)
    if best.share < _LIKELY_SHARE and sum(western) >= _WESTERN_SHARE * len(western):
        return Verdict("cp1252", "letters", certain=len(western) >= _FEWEST_WESTERN or declared in WESTERN)
    return None


def _common_hanzi(values: Sequence[bytes]) -> int:
    """Count the characters of GBK if nearly all are of the 3,755 common ones, GB 2312 rows 16 to 55; else 0."""
    if not fits("gbk", values):
        return 0
    pairs = [pair[0] for value in values for pair in _HANZI_PAIR.finditer(value)]
    common = sum(0xB0 <= pair[0] <= 0xD7 and pair[1] >= 0xA1 for pair in pairs)  # noqa: PLR2004 - bytes of GB 2312
    return common if common >= _COMMON_HANZI_SHARE * len(pairs) else 0


def _western_words(values: Sequence[bytes]) -> list[bool]:
    """Tell of each distinct word with accents whether a western language may have it."""
    text = b"\n".join(values).decode("cp1252", "replace")
    return [_WESTERN_WORD.fullmatch(word) is not None for word in {*_BETWEEN.split(text)} if not word.isascii()]


def fits(codec: str, values: Sequence[bytes]) -> bool:
    """Tell whether nearly all values can be read in an encoding."""
    good = sum(decode_value(value, codec)[1] != "broken" for value in values)
    return good >= _FITTING_SHARE * len(values)


def find_codec(name: str) -> str | None:
    """Find our name of an encoding as .cpg files and people write it; None if it is none.

    Examples
    --------
    >>> find_codec("ANSI 1258"), find_codec("ISO 88591"), find_codec("TCVN3"), find_codec("<html>")
    ('cp1258', 'iso8859-1', 'tcvn3', None)
    """
    text = name.strip("\ufeff\0 \r\n\t").lower()
    if not text or len(text) > _MAX_CODEC_NAME:
        return None
    if text in vietnamese_codecs.NAMES or text == DOUBLE_UTF8:
        return vietnamese_codecs.NAMES.get(text, text)
    if match := re.fullmatch(r"(?:iso)?[ _-]*8859[ _-]*(\d{1,2})", text):
        text = f"iso8859-{match[1]}"
    elif match := re.fullmatch(r"(?:ansi|oem|cp|windows|win|dos|ms)?[ _-]*(\d{3,5})", text):
        text = "utf-8" if match[1] == "65001" else f"cp{match[1]}"
    try:
        found = codecs.lookup(text).name
    except (LookupError, ValueError):
        return None
    return found if _TEXT_CODEC.fullmatch(found) else None


def read_value(value: bytes, verdict: Verdict) -> tuple[str, str]:
    """Decode one value of a column as its verdict says; returns what `decode_value` does."""
    text, state = decode_value(value, verdict.codec, wrapped=verdict.wrapped)
    return raise_first_letters(text, verdict.capitals), state


def decode_value(value: bytes, codec: str, *, wrapped: bool = False) -> tuple[str, str]:
    """Decode one value as far as it goes.

    Parameters
    ----------
    value : bytes
    codec : str
        As `find_codec` gives it.
    wrapped : bool
        Whether the value was read as cp1252 and written as UTF-8 on its way.

    Returns
    -------
    str, str
        The text in NFC, and ``good``; ``cut`` where the value ended inside a letter, which is dropped; ``broken`` where
        it holds bytes the codec does not know, which become U+FFFD.
    """
    if wrapped or codec == DOUBLE_UTF8:
        return _decode_wrapped(value, "utf-8" if codec == DOUBLE_UTF8 else codec)
    try:
        text, state = vietnamese_codecs.decode(value, codec), "good"
    except UnicodeDecodeError as error:
        if codec == "utf-8" and error.reason == "unexpected end of data":
            text, state = value[: error.start].decode(codec), "cut"
        else:
            text, state = vietnamese_codecs.decode(value, codec, "replace"), "broken"
    text = vietnamese_codecs.compose(text)
    return (vietnamese_codecs.raise_capitals(text) if codec == "tcvn3" else text), state


def _decode_wrapped(value: bytes, codec: str) -> tuple[str, str]:
    """Undo the wrapping of one value; one that was never wrapped stays what it is."""
    text, state = decode_value(value, "utf-8")
    inner = to_cp1252(text)
    if inner is None or inner.isascii():
        return text, state
    found, inner_state = decode_value(inner, codec)
    return (text, state) if inner_state == "broken" else (found, max(state, inner_state, key=("good", "cut").index))


def to_cp1252(text: str) -> bytes | None:
    """Return the bytes that were read as cp1252 or Latin-1; None where there are none."""
    try:
        return codecs.charmap_encode(text, "strict", _WESTERN_BYTES)[0]
    except UnicodeEncodeError:
        return None

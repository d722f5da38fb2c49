"""Decide the encoding of every column of one table, and say what the officer should know about it."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from geodata.importing import vietnamese_codecs
from geodata.importing.context import ReadContext
from geodata.importing.encodings import (
    DOUBLE_UTF8,
    DOUBT_POINTS,
    MARGIN,
    ColumnEvidence,
    Verdict,
    decode_value,
    find_codec,
    fits,
    is_doubled,
    judge,
    read_value,
    to_cp1252,
)
from geodata.importing.lost_capitals import capitals_of
from geodata.importing.results import EncodingChoice, TextSample, UnreadableFileError

_SAMPLES, _SAMPLE_LETTERS, _COLUMNS_NAMED = 5, 80, 5
_TITLES = {"tcvn3": "TCVN3 (ABC)", "vni": "VNI-Windows", "viscii": "VISCII", DOUBLE_UTF8: "UTF-8"}


class TableText(NamedTuple):
    """How the text of a table is to be read; one entry a column, in their order."""

    names: list[str]
    choices: list[EncodingChoice]
    verdicts: list[Verdict]


def choose_encodings(
    names: Sequence[bytes],
    evidence: Sequence[ColumnEvidence],
    context: ReadContext,
    *,
    declared: str | None = None,
    hint: str | None = None,
) -> TableText:
    """Decide how each column's text is encoded; the one home of this decision.

    Parameters
    ----------
    names : sequence of bytes
        The header; its own words are read like a column's.
    evidence : sequence of ColumnEvidence
        The bytes themselves; they outrank what the file says of itself.
    context : ReadContext
        Holds the officer's choice, which outranks all; takes the warnings.
    declared, hint : str or None
        The text of the .cpg; the codec of the DBF language byte.

    Raises
    ------
    UnreadableFileError
        ``ENCODING_UNKNOWN`` if the officer's choice is no encoding.
    """
    wanted = parse_choice(context.encoding)
    declared_codec = _declared_codec(declared, context)
    own = [judge(item, declared_codec, hint) for item in evidence]
    leader = _leader(own)
    verdicts = [_follow(verdict, item, leader) for verdict, item in zip(own, evidence, strict=True)]
    is_unicode = any(item.is_unicode for item in evidence)
    if isinstance(wanted, str):
        leader = Verdict(wanted, "chosen", certain=True, wrapped=is_unicode and wanted != "utf-8")
    read = read_names(names, leader, is_unicode=is_unicode)
    if not isinstance(wanted, Mapping):
        wanted = dict.fromkeys(read, wanted) if wanted else {}
    verdicts = [
        _chosen(wanted[name], item) if name in wanted else verdict
        for name, item, verdict in zip(read, evidence, verdicts, strict=True)
    ]
    verdicts = [_with_capitals(verdict, item) for verdict, item in zip(verdicts, evidence, strict=True)]
    _warn(read, verdicts, evidence, declared_codec, context)
    if unmet := sorted(wanted.keys() - set(read)):
        context.warn("ENCODING_COLUMN", listed=_listed(unmet), columns=unmet[:_COLUMNS_NAMED])
    choices = [
        EncodingChoice(verdict.codec, verdict.how, verdict.certain, _samples(item, verdict))
        for verdict, item in zip(verdicts, evidence, strict=True)
    ]
    return TableText(read, choices, verdicts)


def parse_choice(text: str | None) -> str | Mapping[str, str] | None:
    """Read the officer's choice: an encoding, or a JSON object that gives one by column.

    Raises
    ------
    UnreadableFileError
        ``ENCODING_UNKNOWN``.

    Examples
    --------
    >>> parse_choice("TCVN3"), parse_choice('{"ten": "VNI-Windows"}')
    ('tcvn3', {'ten': 'vni'})
    """
    if text is None or not text.strip():
        return None
    if not text.lstrip().startswith("{"):
        return _required_codec(text)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_codec(text) from None
    return {unicodedata.normalize("NFC", name).strip(): _required_codec(str(codec)) for name, codec in given.items()}


def _required_codec(name: str) -> str:
    codec = find_codec(name)
    if codec is None:
        raise _no_codec(name)
    return codec


def _no_codec(name: str) -> UnreadableFileError:
    return UnreadableFileError("ENCODING_UNKNOWN", name=name[:40])


def _declared_codec(declared: str | None, context: ReadContext) -> str | None:
    codec = find_codec(declared) if declared is not None else None
    if declared is not None and codec is None:
        context.warn("CPG_IGNORED")
    return codec


def _leader(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Find the encoding of the columns that are certain; else the one that all the others' words together speak for."""
    # Unicode that is right as it stands says nothing of columns whose words are another encoding's.
    ignored = ("ascii", "bytes") if any(map(_is_doubted, verdicts)) else ("ascii",)
    certain = Counter(
        (verdict.codec, verdict.wrapped) for verdict in verdicts if verdict.certain and verdict.how not in ignored
    )
    if certain:
        (codec, wrapped), _ = certain.most_common(1)[0]
        return Verdict(codec, "other columns", certain=False, wrapped=wrapped)
    bare = [verdict for verdict in verdicts if not _is_doubted(verdict)]
    return _together(bare, wrapped=False) or _together(verdicts, wrapped=True)


def _together(verdicts: Sequence[Verdict], *, wrapped: bool) -> Verdict | None:
    points = Counter[str]()
    for verdict in verdicts:
        points.update(dict(verdict.points))
    ranked = points.most_common(2)
    if len(ranked) > 1 and ranked[0][1] > 0 and ranked[0][1] - ranked[1][1] >= MARGIN:
        return Verdict(ranked[0][0], "other columns", certain=False, wrapped=wrapped)
    return None


def _is_doubted(verdict: Verdict) -> bool:
    """Tell Unicode whose words would make sense in another encoding."""
    return verdict.codec == "utf-8" and not verdict.certain


def _follow(verdict: Verdict, evidence: ColumnEvidence, leader: Verdict | None) -> Verdict:
    """Let a column that is not certain go by the file's others, unless its own words speak clearly against that."""
    if verdict.certain or leader is None or leader.codec == verdict.codec:
        return verdict
    points = dict(verdict.points)
    if leader.wrapped or _is_doubted(verdict):
        is_alike = leader.wrapped and _is_doubted(verdict) and points.get(leader.codec, 0) >= DOUBT_POINTS
        return leader if is_alike else verdict
    against = max(points.values(), default=0) - points.get(leader.codec, 0)
    return leader if against < MARGIN and fits(leader.codec, evidence.values) else verdict


def _chosen(codec: str, evidence: ColumnEvidence) -> Verdict:
    # Fonts of TCVN3 and VNI in a file of Unicode text: the letters were cp1252's before they became UTF-8.
    is_legacy = codec in vietnamese_codecs.TABLES or (evidence.is_unicode and codec not in ("utf-8", DOUBLE_UTF8))
    wrapped = evidence.is_utf8 and not evidence.is_ascii and is_legacy
    return Verdict(codec, "chosen", certain=True, wrapped=wrapped)


def _with_capitals(verdict: Verdict, evidence: ColumnEvidence) -> Verdict:
    if verdict.codec != "tcvn3":
        return verdict
    texts = (read_value(value, verdict)[0] for value in (*evidence.values, *evidence.plain))
    return replace(verdict, capitals=capitals_of(texts))


def read_names(names: Iterable[bytes], leader: Verdict | None, *, is_unicode: bool = False) -> list[str]:
    """Decode column names: by their own words where those are certain, else like the columns."""
    names = list(names)
    high = [name for name in names if not name.isascii()]
    is_utf8 = all(decode_value(name, "utf-8")[1] == "good" for name in high)
    verdict = judge(ColumnEvidence(is_ascii=not high, is_utf8=is_utf8, values=high, is_unicode=is_unicode))
    codec, wrapped = verdict.codec, verdict.wrapped
    if leader and not verdict.certain and (leader.wrapped or not _is_doubted(verdict)):
        codec, wrapped = leader.codec, leader.wrapped or wrapped
    return [decode_value(name, codec, wrapped=wrapped)[0].strip() for name in names]


def _samples(evidence: ColumnEvidence, verdict: Verdict) -> tuple[TextSample, ...]:
    found = dict[TextSample, None]()
    is_unicode = evidence.is_unicode or verdict.wrapped or verdict.codec == DOUBLE_UTF8
    seen_as = "utf-8" if is_unicode and evidence.is_utf8 else "cp1252"
    values = evidence.values
    if _is_doubted(verdict):  # what gives rise to the doubt first
        values = sorted(values, key=lambda value: to_cp1252(value.decode("utf-8", "replace")) is None)
    elif verdict.codec == DOUBLE_UTF8:
        values = sorted(values, key=lambda value: not is_doubled(value))
    for value in (*values[:_SAMPLES], *evidence.plain[:_SAMPLES]):
        before = value.decode(seen_as, "replace").strip()[:_SAMPLE_LETTERS]
        after = read_value(value, verdict)[0].strip()[:_SAMPLE_LETTERS]
        found[TextSample(before, after)] = None
    return tuple(found)[:_SAMPLES]


def _warn(
    names: Sequence[str],
    verdicts: Sequence[Verdict],
    evidence: Sequence[ColumnEvidence],
    declared: str | None,
    context: ReadContext,
) -> None:
    columns = list(zip(names, verdicts, evidence, strict=True))
    if declared and any(_contradicts(verdict, item, declared) for _, verdict, item in columns):
        context.warn("CPG_WRONG", declared=declared)
    if doubled := [name for name, verdict, _ in columns if verdict.codec == DOUBLE_UTF8]:
        context.warn("TEXT_DOUBLE_ENCODED", listed=_listed(doubled), columns=doubled[:_COLUMNS_NAMED])
    for codec in sorted({verdict.codec for verdict in verdicts if verdict.wrapped and verdict.certain}):
        listed = [
            name for name, verdict, _ in columns if verdict.wrapped and verdict.certain and verdict.codec == codec
        ]
        title = _TITLES.get(codec, codec)
        context.warn("TEXT_OLD_FONT", listed=_listed(listed), title=title, columns=listed[:_COLUMNS_NAMED], codec=codec)
    for codec in sorted({verdict.codec for verdict in verdicts if not verdict.certain}):
        unsure = [name for name, verdict, _ in columns if not verdict.certain and verdict.codec == codec]
        title = _TITLES.get(codec, codec)
        context.warn(
            "ENCODING_UNSURE", listed=_listed(unsure), title=title, columns=unsure[:_COLUMNS_NAMED], codec=codec
        )


def _contradicts(verdict: Verdict, evidence: ColumnEvidence, declared: str) -> bool:
    """Tell whether a column is read otherwise than the .cpg says, with another outcome."""
    if verdict.how == "chosen" or verdict.codec in (declared, DOUBLE_UTF8) or evidence.is_ascii:
        return False
    if not verdict.certain and fits(declared, evidence.values):
        return False
    return any(decode_value(value, declared)[0] != decode_value(value, verdict.codec)[0] for value in evidence.values)


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(f"“{name[:_SAMPLE_LETTERS]}”" for name in names[:_COLUMNS_NAMED])
    return listed if len(names) <= _COLUMNS_NAMED else f"{listed} (+{len(names) - _COLUMNS_NAMED})"

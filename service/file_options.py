"""What a sender says about a file beside the file itself: the same words in a form and at the shell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from geodata import crs, crs_choices
from geodata.errors import GeodataError
from geodata.importing.column_encodings import parse_choice
from geodata.importing.messages_of_repairs import REPAIRS
from geodata.importing.results import UnreadableFileError

OPTION_NAMES = ("commune", "layer", "crs", "encoding", "columns", "place_columns", "accept")
"""What may be said of a file wherever one is taken: a form, the shell."""

JSON_OPTIONS = ("encoding", "columns", "place_columns", "accept")
MAX_JSON, MAX_TEXT = 20_000, 500
MAX_COLUMNS, MAX_REPAIRS, MAX_NAME = 256, 50, 200
PLACE_COLUMNS = ({"x_column", "y_column"}, {"wkt_column"}, set[str]())
_COMMUNE = re.compile(r"[0-9]{5}")
_NO_ENCODING = (
    "tên một bảng mã (tcvn3, vni, viscii, cp1258, cp1252, gbk, utf-8, utf-8-double…) hoặc đối tượng JSON {cột: bảng mã}",
    "the name of an encoding (tcvn3, vni, viscii, cp1258, cp1252, gbk, utf-8, utf-8-double …) or a JSON object "
    "{column: encoding}",
)


class FileOptionError(GeodataError):
    """An option about a file is not of the form it must have."""

    code = "FILE_OPTION"
    vi_template = "“{part}” phải là {vi}."
    en_template = "“{part}” must be {en}."


@dataclass(frozen=True)
class FileOptions:
    """Choices of a file's sender.

    Attributes
    ----------
    columns : mapping of column name to field name
        None for a column that is to be left out.
    place_columns : mapping, optional
        ``x_column`` and ``y_column``, or ``wkt_column``.
    accept : frozenset of str
        Codes of the repairs that may be made.
    """

    commune: str | None = None
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    place_columns: Mapping[str, str | None] | None = None
    accept: frozenset[str] = frozenset()

    def as_request(self) -> dict[str, Any]:
        """Return them as `geodata.importing.check.ImportRequest` takes them."""
        return dict(vars(self))


def read_file_options(values: Mapping[str, str]) -> FileOptions:
    """Read the options from texts.

    Parameters
    ----------
    values : mapping of str to str
        ``columns`` is a JSON object of column names and field names or null, ``accept`` a JSON list of codes or codes
        with commas between; the others are plain text.

    Raises
    ------
    FileOptionError
        When an option cannot be meant for any file; the sentence says what it may be.
    CoordinateSystemError
        When ``crs`` is none.

    Examples
    --------
    >>> sorted(read_file_options({"accept": "REPAIR_SPIKES, REPAIR_CLOSE_RING"}).accept)
    ['REPAIR_CLOSE_RING', 'REPAIR_SPIKES']
    """
    plain = {name: values[name] for name in ("commune", "layer", "crs", "encoding") if values.get(name)}
    for name, check in _CHECKS.items():
        if name in plain:
            check(plain[name])
    return FileOptions(
        **plain,
        columns=_columns("columns", values.get("columns", "")),
        place_columns=_place_columns(values.get("place_columns", "")),
        accept=_accept(values.get("accept", "")),
    )


def longest(name: str) -> int:
    """Return how many letters an option may have in a form."""
    return MAX_JSON if name in JSON_OPTIONS else MAX_TEXT


def _check_commune(code: str) -> None:
    if not _COMMUNE.fullmatch(code):
        raise FileOptionError(part="commune", vi="mã xã 5 chữ số", en="a commune code of 5 digits")


def _check_crs(text: str) -> None:
    """Refuse what is no coordinate system; what ``file`` stands for, only the file says."""
    base, *options = text.split(";")
    is_of_file = base.strip().lower() == crs.FILE_CHOICE
    crs_choices.parse_choice(";".join([f"EPSG:{crs.VN2000_GEOGRAPHIC}", *options]) if is_of_file else text)


def _check_encoding(text: str) -> None:
    try:
        parse_choice(text)
    except UnreadableFileError as error:
        raise FileOptionError(part="encoding", vi=_NO_ENCODING[0], en=_NO_ENCODING[1]) from error


_CHECKS = {"commune": _check_commune, "crs": _check_crs, "encoding": _check_encoding}


def _columns(part: str, text: str) -> dict[str, str | None]:
    found = _json(text) if text else {}
    is_right = isinstance(found, dict) and len(found) <= MAX_COLUMNS
    if not is_right or not all(isinstance(value, str | None) and _is_short(value or "") for value in found.values()):
        raise FileOptionError(
            part=part, vi="một đối tượng JSON {cột: trường hoặc null}", en="a JSON object {column: field or null}"
        )
    return {name: value or None for name, value in found.items()}


def _place_columns(text: str) -> dict[str, str | None] | None:
    if not text:
        return None
    given = {name: column for name, column in _columns("place_columns", text).items() if column is not None}
    if given.keys() not in PLACE_COLUMNS or len({*given.values()}) < len(given):
        form = '{"x_column": "…", "y_column": "…"}, {"wkt_column": "…"}'
        raise FileOptionError(part="place_columns", vi=f"{form} hoặc {{}}", en=f"{form} or {{}}")
    return {**given}


def _accept(text: str) -> frozenset[str]:
    is_list = text.lstrip().startswith("[")
    found = _json(text) if is_list else [part.strip() for part in text.split(",") if part.strip()]
    is_right = isinstance(found, list) and len(found) <= MAX_REPAIRS
    if not is_right or not all(isinstance(code, str) and code in REPAIRS for code in found):
        known = ", ".join(REPAIRS)
        raise FileOptionError(
            part="accept", vi=f"một danh sách JSON các mã sửa: {known}", en=f"a JSON list of codes of repairs: {known}"
        )
    return frozenset(found)


def _is_short(text: str) -> bool:
    return len(text) <= MAX_NAME


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None

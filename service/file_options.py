"""What a sender says about a file beside the file itself: the same words in a form and at the shell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from geodata.errors import GeodataError

MAX_COLUMNS, MAX_REPAIRS, MAX_NAME = 256, 50, 200
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,40}")


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

    Examples
    --------
    >>> sorted(read_file_options({"accept": "REPAIR_SPIKES, REPAIR_CLOSE_RING"}).accept)
    ['REPAIR_CLOSE_RING', 'REPAIR_SPIKES']
    """
    plain = {name: values[name] for name in ("commune", "layer", "crs", "encoding") if values.get(name)}
    places = values.get("place_columns", "")
    return FileOptions(
        **plain,
        columns=_columns("columns", values.get("columns", "")),
        place_columns=_columns("place_columns", places) if places else None,
        accept=_accept(values.get("accept", "")),
    )


def _columns(part: str, text: str) -> dict[str, str | None]:
    found = _json(text) if text else {}
    is_right = isinstance(found, dict) and len(found) <= MAX_COLUMNS
    if not is_right or not all(isinstance(value, str | None) and _is_short(value or "") for value in found.values()):
        raise FileOptionError(
            part=part, vi="một đối tượng JSON {cột: trường hoặc null}", en="a JSON object {column: field or null}"
        )
    return {name: value or None for name, value in found.items()}


def _accept(text: str) -> frozenset[str]:
    is_list = text.lstrip().startswith("[")
    found = _json(text) if is_list else [part.strip() for part in text.split(",") if part.strip()]
    is_right = isinstance(found, list) and len(found) <= MAX_REPAIRS
    if not is_right or not all(isinstance(code, str) and _CODE.fullmatch(code) for code in found):
        raise FileOptionError(part="accept", vi="một danh sách JSON các mã sửa", en="a JSON list of codes of repairs")
    return frozenset(found)


def _is_short(text: str) -> bool:
    return len(text) <= MAX_NAME


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None

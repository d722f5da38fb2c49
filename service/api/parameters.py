"""Query parameters: read strictly. An unknown one is refused, so that a typing mistake never passes as a filter."""

import base64
import binascii
import hashlib
import hmac
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from fastapi import Request
from sqlalchemy import BigInteger, SmallInteger

from geodata.errors import ParameterError
from geodata.features import BBox, ItemsQuery
from geodata.filtering import LANGUAGES as FILTER_LANGUAGES
from geodata.filtering import MAX_BYTES, Filter, read_filter
from geodata.register import Field, Register
from geodata.registers import discover
from service.web.i18n import LANGUAGES

DEFAULT_LIMIT, MAX_LIMIT = 10, 1000
MAX_OFFSET = 10_000
MAX_VALUE = 1000
_LONGEST: Mapping[str, int] = {"filter": MAX_BYTES}
_BOX_2D, _BOX_3D = 4, 6
_MAX_LON, _MAX_LAT = 180, 90
_COMMON: Mapping[str, tuple[str, ...]] = {"f": ("json", "html", "geojson"), "lang": LANGUAGES}
_ITEMS = frozenset(
    {"bbox", "limit", "cursor", "offset", "datetime", "bbox-crs", "crs", "as-of", "filter", "filter-lang", "filter-crs"}
)
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

# Numbers as JSON writes them, times as RFC 3339 does: Python's own readers take more, such as 1_0 and 2025-W01-1.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_WHOLE = re.compile(r"0|[1-9][0-9]*")
_NUMBER = re.compile(_INTEGER.pattern + r"(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TWENTY_FOUR = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DATE_TIME = re.compile(
    rf"({_FULL_DATE.pattern})[Tt]{_TWENTY_FOUR}:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[+-]{_TWENTY_FOUR})"
)


def only(request: Request, names: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the query's parameters, refusing unknown and repeated ones.

    Parameters
    ----------
    names : iterable of str
        Known beside ``f`` and ``lang``.

    Raises
    ------
    ParameterError
    """
    known = _COMMON.keys() | set(names)
    seen: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise ParameterError(name=name[:40], why_vi="không có tham số này.", why_en="there is no such parameter.")
        if name in seen:
            raise ParameterError(name=name, why_vi="chỉ được ghi một lần.", why_en="it may be given once only.")
        if len(value) > _LONGEST.get(name, MAX_VALUE) or "\x00" in value:
            raise ParameterError(
                name=name,
                why_vi="giá trị quá dài hoặc có ký tự lạ.",
                why_en="the value is too long or has control characters.",
            )
        if value not in _COMMON.get(name, (value,)):
            raise ParameterError(
                name=name, why_vi=f"dùng {' hoặc '.join(_COMMON[name])}.", why_en=f"use {' or '.join(_COMMON[name])}."
            )
        seen[name] = value
    return seen


def require_crs84(given: Mapping[str, str]) -> None:
    """Refuse every coordinate system but CRS84, for the answer and for the box.

    Raises
    ------
    ParameterError
    """
    for name in ("bbox-crs", "crs", "filter-crs"):
        if given.get(name, CRS84) != CRS84:
            raise ParameterError(name=name, why_vi=f"chỉ dùng được {CRS84}.", why_en=f"only {CRS84} can be used.")


def read_layers(text: str) -> list[Register]:
    """Read the layers that a query names, comma separated.

    Raises
    ------
    ParameterError
        Naming the layers there are, when one is unknown or stands there twice.
    """
    names, known = text.split(","), discover()
    if len(set(names)) == len(names) and known.keys() >= set(names):
        return [known[name] for name in names]
    raise ParameterError(
        name="layers", why_vi=f"mỗi lớp một lần, trong các lớp: {', '.join(known)}.",
        why_en=f"each layer once, of these: {', '.join(known)}.",
    )  # fmt: skip


def read_whole(text: str, name: str, *, least: int, most: float = math.inf) -> int:
    """Read a whole number within bounds.

    Raises
    ------
    ParameterError
    """
    if _WHOLE.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    end_vi, end_en = ("", " up") if most == math.inf else (f" đến {most}", f" to {most}")
    raise ParameterError(
        name=name,
        why_vi=f"phải là số nguyên từ {least}{end_vi}.",
        why_en=f"it must be a whole number from {least}{end_en}.",
    )


def read_items_query(request: Request, register: Register, key: bytes) -> ItemsQuery:
    """Read what a request asks of a register's items.

    Raises
    ------
    ParameterError
        When anything in it is unknown or malformed.
    """
    fields = {item.name: item for item in register.public_fields}
    given = only(request, _ITEMS | fields.keys())
    require_crs84(given)
    limit = min(read_whole(given.get("limit", str(DEFAULT_LIMIT)), "limit", least=1), MAX_LIMIT)
    offset = read_whole(given.get("offset", "0"), "offset", least=0)
    if offset > MAX_OFFSET:
        raise ParameterError(
            name="offset", why_vi=f"lớn nhất là {MAX_OFFSET}; hãy theo liên kết next.",
            why_en=f"the largest is {MAX_OFFSET}; follow the next link.",
        )  # fmt: skip
    return ItemsQuery(
        limit=limit,
        offset=offset,
        boxes=_boxes(given["bbox"]) if "bbox" in given else (),
        interval=_interval(given["datetime"]) if "datetime" in given else None,
        equals={name: _value(fields[name], text) for name, text in given.items() if name in fields},
        after=read_cursor(given["cursor"], register, key) if "cursor" in given else 0,
        filter=read_cql2(given, register),
    )


def read_cql2(given: Mapping[str, str], register: Register) -> Filter | None:
    """Read the CQL2 filter among a query's parameters; None where there is none.

    Raises
    ------
    ParameterError
    """
    asked = given.get("filter-lang", FILTER_LANGUAGES[0])
    language = next((known for known in FILTER_LANGUAGES if known == asked), None)
    if language is None:
        names_vi, names_en = (word.join(FILTER_LANGUAGES) for word in (" hoặc ", " or "))
        raise ParameterError(name="filter-lang", why_vi=f"dùng {names_vi}.", why_en=f"use {names_en}.")
    return read_filter(register, given["filter"], language) if "filter" in given else None


def read_as_of(request: Request) -> int | date | datetime | None:
    """Read at which moment of the past a request asks for a register; None where it asks for the present.

    Raises
    ------
    ParameterError
    """
    text = request.query_params.get("as-of")
    if text is None:
        return None
    try:
        if _WHOLE.fullmatch(text):
            return _read_integer(text)
        if _FULL_DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    raise ParameterError(
        name="as-of",
        why_vi="cần số của đợt công bố, ngày (2026-01-31) hoặc thời điểm RFC 3339 có múi giờ.",
        why_en="it takes the number of a revision, a day (2026-01-31) or an RFC 3339 instant with its offset.",
    )


def _boxes(text: str) -> tuple[BBox, ...]:
    try:
        numbers = [_read_number(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == _BOX_3D:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != _BOX_2D or not all(math.isfinite(number) for number in numbers):
        raise _bbox_error()
    west, south, east, north = numbers
    if max(abs(west), abs(east)) > _MAX_LON or max(abs(south), abs(north)) > _MAX_LAT:
        raise ParameterError(
            name="bbox", why_vi="kinh độ từ -180 đến 180, vĩ độ từ -90 đến 90.",
            why_en="longitudes go from -180 to 180, latitudes from -90 to 90.",
        )  # fmt: skip
    if south > north:
        raise ParameterError(
            name="bbox", why_vi=f"nam ({south:g}) lớn hơn bắc ({north:g}); thứ tự là tây,nam,đông,bắc.",
            why_en=f"south ({south:g}) is greater than north ({north:g}); the order is west,south,east,north.",
        )  # fmt: skip
    if west <= east:
        return ((west, south, east, north),)
    return ((west, south, 180.0, north), (-180.0, south, east, north))


def _bbox_error() -> ParameterError:
    return ParameterError(
        name="bbox", why_vi="cần bốn số: tây,nam,đông,bắc (độ).", why_en="it takes four numbers: west,south,east,north (degrees).",
    )  # fmt: skip


def _interval(text: str) -> tuple[date | None, date | None]:
    parts = text.split("/")
    if len(parts) == 1 and parts[0] not in {"", ".."}:
        day = _day(parts[0])
        return day, day
    if len(parts) == 2:  # noqa: PLR2004  start and end
        start, end = (None if part in {"", ".."} else _day(part) for part in parts)
        if (start or end) and not (start and end and start > end):
            return start, end
    raise _datetime_error()


def _day(text: str) -> date:
    """Read a day, or the day of an instant where it was written."""
    instant = _DATE_TIME.fullmatch(text)
    try:
        return _read_date(instant[1] if instant else text)
    except ValueError:
        raise _datetime_error() from None


def _datetime_error() -> ParameterError:
    return ParameterError(
        name="datetime",
        why_vi="cần ngày (2026-01-31), thời điểm RFC 3339 có múi giờ (2026-01-31T08:00:00+07:00) "
        "hoặc khoảng “bắt đầu/kết thúc”.",
        why_en="it takes a day (2026-01-31), an RFC 3339 instant with its offset (2026-01-31T08:00:00Z) "
        "or an interval “start/end”.",
    )


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _read_number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _read_truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError
    return text == "true"


def _read_date(text: str) -> date:
    if not _FULL_DATE.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text)


_READERS: Mapping[type, Callable[[str], Any]] = {
    str: str,
    int: _read_integer,
    float: _read_number,
    bool: _read_truth,
    date: _read_date,
}


def _value(item: Field, text: str) -> Any:
    """Read a filter's value as the field's type; list fields cannot be compared this way."""
    kind = item.column.type.python_type
    try:
        value = _READERS[kind](text)
        if kind in {int, float} and not _fits(item, value):
            raise ValueError
        return value
    except (KeyError, ValueError):
        raise ParameterError(
            name=item.name, why_vi="giá trị không đúng kiểu của trường.", why_en="the value is not of the field's type."
        ) from None


def _fits(item: Field, value: int | float) -> bool:
    """Whether the column's type has room for a number; the database would refuse the others with an error."""
    if isinstance(value, float):
        return math.isfinite(value)
    kind = item.column.type
    bits = 15 if isinstance(kind, SmallInteger) else 63 if isinstance(kind, BigInteger) else 31
    return -(1 << bits) <= value < 1 << bits


def write_cursor(last_id: int, register: Register, key: bytes) -> str:
    """Write the place after which the next page starts, signed so that nobody reads meaning into it."""
    body = f"{register.id}:{last_id}".encode()
    signature = hmac.new(key, body, hashlib.sha256).digest()[:9]
    return base64.urlsafe_b64encode(signature + body).decode().rstrip("=")


def read_cursor(text: str, register: Register, key: bytes) -> int:
    """Read a cursor of ours.

    Raises
    ------
    ParameterError
        When it is not one, or one of another register.
    """
    try:
        body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[9:]
        last_id = int(body.decode().rpartition(":")[2])
        if hmac.compare_digest(write_cursor(last_id, register, key), text):
            return last_id
    except (ValueError, binascii.Error):
        pass
    raise ParameterError(
        name="cursor", why_vi="không phải con trỏ của lớp này.", why_en="it is no cursor of this collection."
    )

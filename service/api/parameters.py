"""Query parameters: read strictly. An unknown one is refused, so that a typing mistake never passes as a filter."""

import base64
import binascii
import hashlib
import hmac
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import BigInteger, SmallInteger

from geodata.errors import ParameterError
from geodata.features import BBox, ItemsQuery
from geodata.register import Field, Register

DEFAULT_LIMIT, MAX_LIMIT = 10, 1000
MAX_OFFSET = 10_000
MAX_VALUE = 1000
_BOX_2D, _BOX_3D = 4, 6
_MAX_LON, _MAX_LAT = 180, 90
_MAX_DIGITS = 18
_COMMON = frozenset({"f", "lang"})
_ITEMS = frozenset({"bbox", "limit", "cursor", "offset", "datetime", "bbox-crs", "crs"})
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


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
    known = _COMMON | set(names)
    seen: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise ParameterError(name=name[:40], why_vi="không có tham số này.", why_en="there is no such parameter.")
        if name in seen:
            raise ParameterError(name=name, why_vi="chỉ được ghi một lần.", why_en="it may be given once only.")
        if len(value) > MAX_VALUE or "\x00" in value:
            raise ParameterError(
                name=name,
                why_vi="giá trị quá dài hoặc có ký tự lạ.",
                why_en="the value is too long or has control characters.",
            )
        seen[name] = value
    return seen


def read_items_query(request: Request, register: Register, key: bytes) -> ItemsQuery:
    """Read what a request asks of a register's items.

    Raises
    ------
    ParameterError
        When anything in it is unknown or malformed.
    """
    fields = {item.name: item for item in register.public_fields}
    given = only(request, _ITEMS | fields.keys())
    for name in ("bbox-crs", "crs"):
        if given.get(name, CRS84) != CRS84:
            raise ParameterError(name=name, why_vi=f"chỉ dùng được {CRS84}.", why_en=f"only {CRS84} can be used.")
    limit = min(_whole(given.get("limit", str(DEFAULT_LIMIT)), "limit", least=1), MAX_LIMIT)
    offset = _whole(given.get("offset", "0"), "offset", least=0)
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
    )


def _whole(text: str, name: str, *, least: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) >= least:
        return int(text)
    raise ParameterError(
        name=name, why_vi=f"phải là số nguyên từ {least}.", why_en=f"it must be a whole number from {least} up."
    )


def _boxes(text: str) -> tuple[BBox, ...]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == _BOX_3D:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != _BOX_2D or not all(math.isfinite(number) for number in numbers):
        raise _bbox_error()
    west, south, east, north = numbers
    if max(abs(west), abs(east)) > _MAX_LON or not -_MAX_LAT <= south <= north <= _MAX_LAT:
        raise _bbox_error()
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
    try:
        return datetime.fromisoformat(text).date() if "T" in text else date.fromisoformat(text)
    except ValueError:
        raise _datetime_error() from None


def _datetime_error() -> ParameterError:
    return ParameterError(
        name="datetime", why_vi="cần thời điểm RFC 3339 hoặc khoảng “bắt đầu/kết thúc”.",
        why_en="it takes an RFC 3339 instant or an interval “start/end”.",
    )  # fmt: skip


def _value(item: Field, text: str) -> Any:
    """Read a filter's value as the field's type; list fields cannot be compared this way."""
    kind = item.column.type.python_type
    try:
        if kind is str:
            return text
        if kind is list:
            raise ValueError
        value = TypeAdapter(kind).validate_python(text)
        if kind in {int, float} and not _fits(item, value):
            raise ValueError
        return value
    except (ValidationError, ValueError):
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
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        signature, body = raw[:9], raw[9:]
        expected = hmac.new(key, body, hashlib.sha256).digest()[:9]
        name, _, last_id = body.decode().partition(":")
        if hmac.compare_digest(signature, expected) and name == register.id:
            return int(last_id)
    except (ValueError, binascii.Error):
        pass
    raise ParameterError(
        name="cursor", why_vi="không phải con trỏ của lớp này.", why_en="it is no cursor of this collection."
    )

"""Query parameters: read strictly. An unknown one is refused, so that a typing mistake never passes as a filter."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from fastapi import Request

from geodata.errors import ParameterError
from geodata.filtering import LANGUAGES as FILTER_LANGUAGES
from geodata.filtering import MAX_BYTES, Filter, read_filter
from geodata.matching import Interval
from geodata.reference_systems import CRS84, ReferenceSystem, find_system
from geodata.register import Register
from geodata.registers import discover
from service.api.strict_values import DATE_TIME, FULL_DATE, WHOLE, read_date, read_integer
from service.web.i18n import LANGUAGES

MAX_VALUE = 1000
_LONGEST: Mapping[str, int] = {"filter": MAX_BYTES}
_FORMS = ("json", "html", "geojson")


def only(request: Request, names: Iterable[str] = (), forms: Sequence[str] = _FORMS) -> Mapping[str, str]:
    """Return the query's parameters, refusing unknown and repeated ones.

    Parameters
    ----------
    names : iterable of str
        Known beside ``f`` and ``lang``.
    forms : sequence of str
        What ``f`` may be.

    Raises
    ------
    ParameterError
    """
    common = {"f": forms, "lang": LANGUAGES}
    known = common.keys() | set(names)
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
        if value not in common.get(name, (value,)):
            raise ParameterError(
                name=name, why_vi=f"dùng {' hoặc '.join(common[name])}.", why_en=f"use {' or '.join(common[name])}."
            )
        seen[name] = value
    return seen


def read_system(given: Mapping[str, str], name: str) -> ReferenceSystem:
    """Read a coordinate system by its OGC name; CRS84 where none is given.

    Raises
    ------
    ParameterError
    """
    system = find_system(given.get(name, CRS84))
    if system is None:
        raise ParameterError(
            name=name, why_vi="không có hệ tọa độ này; các hệ có trong “crs” của lớp dữ liệu.",
            why_en="there is no such coordinate system; those there are stand in “crs” of the collection.",
        )  # fmt: skip
    return system


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
    if WHOLE.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    end_vi, end_en = ("", " up") if most == math.inf else (f" đến {most}", f" to {most}")
    raise ParameterError(
        name=name,
        why_vi=f"phải là số nguyên từ {least}{end_vi}.",
        why_en=f"it must be a whole number from {least}{end_en}.",
    )


def read_cql2(given: Mapping[str, str], register: Register) -> Filter | None:
    """Read the CQL2 filter among a query's parameters, its shapes in their ``filter-crs``; None where there is none.

    Raises
    ------
    ParameterError
    """
    asked = given.get("filter-lang", FILTER_LANGUAGES[0])
    language = next((known for known in FILTER_LANGUAGES if known == asked), None)
    if language is None:
        names_vi, names_en = (word.join(FILTER_LANGUAGES) for word in (" hoặc ", " or "))
        raise ParameterError(name="filter-lang", why_vi=f"dùng {names_vi}.", why_en=f"use {names_en}.")
    system = read_system(given, "filter-crs")
    move = None if system.is_lon_lat else system.read
    return read_filter(register, given["filter"], language, to_wgs84=move) if "filter" in given else None


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
        if WHOLE.fullmatch(text):
            return read_integer(text)
        if FULL_DATE.fullmatch(text):
            return date.fromisoformat(text)
        if DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    raise ParameterError(
        name="as-of",
        why_vi="cần số của đợt công bố, ngày (2026-01-31) hoặc thời điểm RFC 3339 có múi giờ.",
        why_en="it takes the number of a revision, a day (2026-01-31) or an RFC 3339 instant with its offset.",
    )


def read_names(text: str, name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Read names, comma separated; return them in the order in which they are known.

    Raises
    ------
    ParameterError
        Naming what there is, when one is unknown or stands there twice.
    """
    asked = text.split(",")
    if len(set(asked)) != len(asked) or not set(asked) <= set(known):
        listed = ", ".join(known)
        raise ParameterError(
            name=name, why_vi=f"mỗi trường một lần, trong các trường: {listed}.",
            why_en=f"each field once, of these: {listed}.",
        )  # fmt: skip
    return tuple(one for one in known if one in set(asked))


def read_interval(text: str) -> Interval:
    """Read ``datetime``: a day, an instant, or an interval of them that may be open at one end.

    Raises
    ------
    ParameterError
    """
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
    instant = DATE_TIME.fullmatch(text)
    try:
        return read_date(instant[1] if instant else text)
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

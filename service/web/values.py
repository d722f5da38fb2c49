"""How values of a register are read by people on the pages. All of it is text, never markup."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from geodata.past import VIETNAM
from service.web.i18n import Language, translator

# Years and house numbers read badly with a separator.
GROUPED_FROM: Final = 10_000
_MOMENTS: Final[Mapping[Language, str]] = {"vi": "HH:mm:ss dd/MM/yyyy", "en": "d MMM yyyy, HH:mm:ss"}
_SAFE_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})


def show(value: object, field: Mapping[str, Any], language: Language) -> str:
    """Return a value of a register as people read it.

    Parameters
    ----------
    value : object
        As it stands in GeoJSON; None gives an empty text.
    field : mapping
        Its ``choices``, a list of ``{"value", "label"}``, give coded values their labels; where its ``type``
        is ``date``, values are written as people write dates; its ``columns`` are the fields of a list's rows.
    language : {"vi", "en"}
        Language of labels, numbers and dates.

    Examples
    --------
    >>> show([2026, 12500.5, True], {}, "vi")
    '2026, 12.500,5, Có'
    """
    if isinstance(value, list | tuple):
        if "columns" in field:
            return "; ".join(_row(row, field["columns"], language) for row in value)
        return ", ".join(show(part, field, language) for part in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return translator(language)("Yes" if value else "No")
    if isinstance(value, int | float):
        return _number(value, language)
    return "" if value is None else _text(str(value), field, language)


def say(value: object, language: Language) -> str:
    """Return a text that may stand in two languages, ``{"vi": …, "en": …}``, in one of them."""
    if isinstance(value, Mapping):
        return str(value.get(language) or value.get("vi") or "")
    return "" if value is None else str(value)


def moment(value: datetime | str, language: Language) -> str:
    """Return an instant as people in Vietnam read it: there, to the second.

    Examples
    --------
    >>> moment("2026-11-22T20:04:05.123456+00:00", "vi")
    '03:04:05 23/11/2026'
    """
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return format_datetime(instant.astimezone(VIETNAM), _MOMENTS[language], locale=language)


def feature_name(properties: Mapping[str, Any], language: Language, label: str = "name") -> str:
    """Return what people call a feature: the field ``label``, else its name, title or code; else empty."""
    for field in (label, "name", "title", "label", "code"):
        for key in (f"{field}_{language}", field, f"{field}_vi"):
            if properties.get(key):
                return str(properties[key])
    return ""


def safe_href(value: object) -> str | None:
    """Return a link people may follow, or None: ``javascript:`` and its like are shown as text only.

    Examples
    --------
    >>> safe_href("https://ocop.gov.vn/")
    'https://ocop.gov.vn/'
    >>> safe_href("javascript:alert(1)") is None
    True
    """
    if not isinstance(value, str) or any(character.isspace() for character in value):
        return None
    try:
        scheme = urlsplit(value).scheme
    except ValueError:
        return None
    return value if scheme in _SAFE_SCHEMES else None


def _row(row: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Return one row of a list: the titles of its fields with their values."""
    shown = ((say(column["title"], language), show(row.get(column["name"]), column, language)) for column in columns)
    return " · ".join(f"{title}: {text}" for title, text in shown if text)


def _number(value: float, language: Language) -> str:
    pattern = "#,##0.######" if abs(value) >= GROUPED_FROM else "0.######"
    return format_decimal(value, format=pattern, locale=language)


def _text(value: str, field: Mapping[str, Any], language: Language) -> str:
    if field.get("type") == "date":
        return _date(value, language)
    labels = {choice["value"]: choice["label"] for choice in field.get("choices") or ()}
    return say(labels.get(value, value), language)


def _date(value: str, language: Language) -> str:
    try:
        return format_date(date.fromisoformat(value), format="medium", locale=language)
    except ValueError:
        return value

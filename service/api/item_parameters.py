"""What a request asks of a register's items: which records, in which order, what of them, in which coordinates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from fastapi import Request

from geodata.errors import ParameterError
from geodata.matching import ItemsQuery
from geodata.public_views import property_names
from geodata.reference_systems import ReferenceSystem
from geodata.register import Field, Register
from geodata.sorting import MAX_KEYS, SortKey, sortables
from geodata.text import search_key
from service.api.boxes import Asked, read_bbox
from service.api.cursors import read_cursor
from service.api.item_forms import FORM_NAMES, ItemForm, pick_item_form
from service.api.parameters import only, read_cql2, read_interval, read_names, read_system, read_whole
from service.api.strict_values import read_value

DEFAULT_LIMIT = 10
MAX_OFFSET, MAX_WORDS = 10_000, 100
_ITEMS = frozenset(
    {"bbox", "limit", "cursor", "offset", "datetime", "bbox-crs", "crs", "as-of", "filter", "filter-lang", "filter-crs",
     "sortby", "properties", "q", "resultType", "profile", "bom"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemsRequest:
    """What a request asks for.

    Attributes
    ----------
    sortby : str
        As it was written; empty where the order is that of the ids.
    system : ReferenceSystem
        Of the coordinates in the answer.
    counts_only : bool
        Only how many there are is asked for.
    has_mark : bool
        Whether a CSV begins with the byte order mark by which Excel knows UTF-8.
    """

    query: ItemsQuery
    form: ItemForm
    sortby: str
    system: ReferenceSystem
    counts_only: bool
    has_mark: bool


def read_items_request(request: Request, register: Register, key: bytes, form: ItemForm | None = None) -> ItemsRequest:
    """Read what a request asks of a register's items.

    Parameters
    ----------
    key : bytes
        Signs cursors.
    form : ItemForm, optional
        That the address itself names.

    Raises
    ------
    ParameterError
        When anything in it is unknown or malformed.
    """
    fields = _fields(register)
    given = only(request, _ITEMS | fields.keys(), FORM_NAMES)
    form = pick_item_form(request, given, form)
    for name in ("sortby", "q"):
        if name in given and "as-of" in given:
            raise ParameterError(
                name=name, why_vi="chưa dùng được cùng as-of.", why_en="it does not go together with as-of."
            )
    sortby, sort = given.get("sortby", ""), _sort(given, register)
    boxes, area = _place(given)
    after, values = read_cursor(given["cursor"], register, key, sortby) if "cursor" in given else (0, [])
    query = ItemsQuery(
        limit=min(read_whole(given.get("limit", str(DEFAULT_LIMIT)), "limit", least=1), form.most),
        offset=_offset(given),
        boxes=boxes,
        area=area,
        interval=read_interval(given["datetime"]) if "datetime" in given else None,
        equals={name: read_value(fields[name], text) for name, text in given.items() if name in fields},
        words=_words(given["q"]) if "q" in given else None,
        sort=sort,
        after=after,
        after_values=tuple(_typed(key, value) for key, value in zip(sort, values, strict=True)) if values else (),
        names=read_names(given["properties"], "properties", property_names(register))
        if "properties" in given
        else None,
        filter=read_cql2(given, register),
    )
    return ItemsRequest(
        query, form, sortby, read_system(given, "crs"), _choice(given, "resultType", "results", "hits") == "hits",
        _choice(given, "bom", "false", "true") == "true",
    )  # fmt: skip


@cache
def _fields(register: Register) -> Mapping[str, Field]:
    """Return the fields that items are asked for by, by their names."""
    return {item.name: item for item in register.public_fields}


def _choice(given: Mapping[str, str], name: str, *choices: str) -> str:
    """Read one of two words; the first where none is given."""
    value = given.get(name, choices[0])
    if value not in choices:
        raise ParameterError(name=name, why_vi=f"dùng {' hoặc '.join(choices)}.", why_en=f"use {' or '.join(choices)}.")
    return value


def _offset(given: Mapping[str, str]) -> int:
    offset = read_whole(given.get("offset", "0"), "offset", least=0)
    if offset > MAX_OFFSET:
        raise ParameterError(
            name="offset", why_vi=f"lớn nhất là {MAX_OFFSET}; hãy theo liên kết next.",
            why_en=f"the largest is {MAX_OFFSET}; follow the next link.",
        )  # fmt: skip
    return offset


def _place(given: Mapping[str, str]) -> Asked:
    system = read_system(given, "bbox-crs")
    return read_bbox(given["bbox"], system) if "bbox" in given else ((), None)


def _sort(given: Mapping[str, str], register: Register) -> tuple[SortKey, ...]:
    """Read ``sortby``: fields, comma separated, each with + (as it is without a sign) or - before it."""
    if "sortby" not in given:
        return ()
    known = sortables(register)
    keys: list[SortKey] = []
    for part in given["sortby"].split(","):
        # A plus sign in an address stands for a blank.
        name = part[1:] if part[:1] in {"+", "-", " "} else part
        if name not in known or len(keys) == MAX_KEYS or name in {key.field.name for key in keys}:
            listed = ", ".join(known)
            raise ParameterError(
                name="sortby", why_vi=f"nhiều nhất {MAX_KEYS} trường, mỗi trường một lần, trong các trường: {listed}.",
                why_en=f"at most {MAX_KEYS} fields, each once, of these: {listed}.",
            )  # fmt: skip
        keys.append(SortKey(known[name], is_descending=part.startswith("-")))
    return tuple(keys)


def _typed(key: SortKey, value: Any) -> Any:
    """Return a value of a cursor as its field has it: JSON has no days."""
    is_day = value is not None and key.field.column.type.python_type is date
    return date.fromisoformat(value) if is_day else value


def _words(text: str) -> str:
    if not search_key(text) or len(text) > MAX_WORDS:
        raise ParameterError(
            name="q", why_vi=f"cần từ 1 đến {MAX_WORDS} ký tự, có chữ hoặc số.",
            why_en=f"it takes 1 to {MAX_WORDS} characters with letters or digits among them.",
        )  # fmt: skip
    return text

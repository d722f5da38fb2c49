"""What a request says of one record, and what the record becomes of it: as texts that are checked like a file's row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from geodata.errors import GeodataError
from geodata.importing.messages import say
from geodata.importing.text_columns import plain_decimal
from geodata.register import Field, Label, Register

Fault = dict[str, Any]

_LIST_MARKS = frozenset(",;|")
_NAME_SHOWN = 60
_WORDS: Mapping[str, Label] = {
    "FIELD_UNKNOWN": Label("Không có trường này.", "There is no such field."),
    "FIELD_READ_ONLY": Label("Hệ thống tự ghi trường này.", "The service itself fills this field in."),
    "FIELD_TYPE": Label("“{vi}” cần giá trị JSON kiểu {kind}.", "“{en}” takes a JSON value of the type {kind}."),
}
_KINDS: Mapping[type, tuple[str, tuple[type, ...]]] = {
    str: ("string", (str,)), date: ("string", (str,)), bool: ("boolean", (bool,)), int: ("integer", (int, float)),
    float: ("number", (int, float)), list: ("array", (list,)),
}  # fmt: skip


class EditRefusedError(GeodataError):
    """What a request would make of a record cannot be published; ``errors`` in the detail says what is wrong."""

    code = "EDIT_REFUSED"
    vi_template = "Không ghi gì: có {count} lỗi, xem danh sách “errors”."
    en_template = "Nothing was written: {count} errors, listed in “errors”."

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(count=len(faults), errors=faults)


@dataclass(frozen=True)
class Content:
    """What a request says of a record.

    Attributes
    ----------
    properties : mapping of name to JSON value
    geometry : mapping or None
        GeoJSON.
    tells_place : bool
        Whether it says anything of the place; None then means that there shall be none.
    """

    properties: Mapping[str, Any]
    geometry: Mapping[str, Any] | None = None
    tells_place: bool = True


@dataclass(frozen=True)
class Known:
    """What is known of a record before it is edited; nothing of one that is being made.

    Attributes
    ----------
    values : mapping of field name to value
        Of all fields with one value a record, private ones too.
    shown : mapping or None
        The feature as everybody may read it; None where the public does not see the record.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] | None = None

    @property
    def properties(self) -> Mapping[str, Any]:
        """What of the values is public now."""
        found: Mapping[str, Any] = (self.shown or {}).get("properties", {})
        return found


@cache
def single_fields(register: Register) -> Mapping[str, Field]:
    """Return the fields that may be written and have one value a record."""
    return {item.name: item for item in _written(register) if item.column.class_ not in _list_models(register)}


@cache
def list_fields(register: Register) -> Mapping[str, Field]:
    """Return the fields by which one entry of a list is added or changed, as by a row of a file."""
    return {item.name: item for item in _written(register) if item.column.class_ in _list_models(register)}


def _written(register: Register) -> Iterator[Field]:
    return (item for item in register.fields if item.name in register.write.model_fields)


def _list_models(register: Register) -> set[type[Any]]:
    return {side.model for side in register.lists}


def fault(code: str, name: str, label: Label | None = None, **detail: Any) -> Fault:
    """Write one entry of ``errors``; nothing in it is what was sent but the name."""
    words = _WORDS.get(code)
    if words is None:
        message = say(code, detail)
        return {"field": name, **{part: message[part] for part in ("code", "vi", "en", "remedy")}}
    titles = {"vi": label.vi, "en": label.en} if label is not None else {}
    return {"field": name[:_NAME_SHOWN], "code": code, "vi": words.vi.format(**titles, **detail),
            "en": words.en.format(**titles, **detail)}  # fmt: skip


def find_faults(register: Register, given: Mapping[str, Any], known: Known) -> list[Fault]:
    """Return what is wrong with the properties of a request before any rule of the register is asked.

    What the service fills in itself may stand in a request as it is now: so what was read can be sent back.
    """
    own = {**single_fields(register), **list_fields(register)}
    filled = {item.name for item in register.public_fields} | {side.name for side in register.lists}
    found = []
    for name, value in given.items():
        if name in own:
            found += _type_faults(own[name], value)
        elif name not in filled:
            found.append(fault("FIELD_UNKNOWN", name))
        elif value != known.properties.get(name):
            found.append(fault("FIELD_READ_ONLY", name))
    return found


def _type_faults(item: Field, value: Any) -> list[Fault]:
    kind, takes = _KINDS[item.column.type.python_type]
    is_wrong = not isinstance(value, takes) or (isinstance(value, bool) and kind != "boolean")
    if kind == "array" and not is_wrong:
        if any(not isinstance(part, str | int) or isinstance(part, bool) for part in value):
            is_wrong = True
        elif any(_LIST_MARKS.intersection(str(part)) for part in value):
            return [fault("LIST_ENTRY", item.name, title_vi=item.title.vi, title_en=item.title.en)]
    if isinstance(value, float) and kind == "integer" and not value.is_integer():
        # As text 1.234 would be read as more than a thousand.
        return [fault("NUMBER_NOT_WHOLE", item.name, title_vi=item.title.vi, title_en=item.title.en)]
    return [fault("FIELD_TYPE", item.name, item.title, kind=kind)] if is_wrong and value is not None else []


def as_text(value: Any) -> str | None:
    """Return a value, of JSON or of the database, as a file has it, so that it is read back as the same value.

    Examples
    --------
    >>> as_text(0.5), as_text(12.0), as_text([1, 12]), as_text(True), as_text(None)
    ('0.5', '12', '1; 12', 'true', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return plain_decimal(repr(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return "; ".join(map(str, value)) or None
    return str(value)


def created(register: Register, content: Content) -> dict[str, str | None]:
    """Return the fields of a new record; what is null is not given, so that defaults hold."""
    own = {**single_fields(register), **list_fields(register)}
    return {name: as_text(value) for name, value in content.properties.items() if name in own and value is not None}


def replaced(register: Register, content: Content, known: Known) -> dict[str, str | None]:
    """Return the fields of a record of which a request sends everything that it could read.

    What was public and is not sent is empty then. What the sender may not have seen stays unless it is named:
    private fields, and values that are public on a condition which does not hold now.
    """
    given = content.properties
    whole = {name: None for name, item in single_fields(register).items() if item.public}
    for name in register.write.computed & whole.keys():
        whole[name] = known.values[name]
    for name, item in single_fields(register).items():
        if item.public_if is not None and known.properties.get(name) is None:
            whole[name] = known.values[name]
    unseen = {name for name in given if name in whole and given[name] is None and whole[name] is not None}
    return updated(register, {**whole, **{name: given[name] for name in given if name not in unseen}}, known)


def updated(register: Register, given: Mapping[str, Any], known: Known) -> dict[str, str | None]:
    """Return the fields of a record of which a request names those that change; null empties one."""
    single = single_fields(register)
    values = {**known.values, **{name: given[name] for name in given if name in single}}
    for name in _remade(register, given, known):
        del values[name]
    for name in register.write.computed & values.keys():
        if values[name] is None and not single[name].column.nullable:
            values[name] = known.values[name]
    entry = {name: given[name] for name in list_fields(register) if given.get(name) is not None}
    return {name: as_text(value) for name, value in {**values, **entry}.items()}


def _remade(register: Register, given: Mapping[str, Any], known: Known) -> list[str]:
    """Return fields that say how another was written, where that one is written anew."""
    single = single_fields(register)
    return [
        f"{name}_raw"
        for name in given
        if f"{name}_raw" in single and f"{name}_raw" not in given and given[name] != known.values.get(name)
    ]

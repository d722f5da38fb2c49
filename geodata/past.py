"""Which revision stands for a moment of the past, and what a revision changed as the public sees it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, column, select, table, union_all

from geodata.errors import RevisionNotFoundError
from geodata.public_views import feature_at, public_view, replaced_view, states_view
from geodata.register import Label, Register

Kind = Literal["added", "changed", "removed"]
GEOMETRY = Label("Hình học", "Geometry")

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

_REVISION = table(
    "revision", *(column(name) for name in ("register", "number", "published_at", "added", "changed", "removed")),
    schema="open",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """A revision as the public knows it."""

    number: int
    published_at: datetime
    added: int
    changed: int
    removed: int


def find_revision(connection: Connection, register: Register, at: int | date | datetime) -> Published:
    """Return the revision after which a register was as it was at a moment.

    Parameters
    ----------
    at : int, date or datetime
        The number of a revision; a moment; or a day, which stands for its end in Vietnam.

    Raises
    ------
    RevisionNotFoundError
        When there is no such revision, or none so early.
    """
    statement = select(*(column_ for name, column_ in _REVISION.c.items() if name != "register"))
    statement = statement.where(_REVISION.c.register == register.id)
    if isinstance(at, int):
        statement = statement.where(_REVISION.c.number == at)
    else:
        statement = statement.where(_REVISION.c.published_at <= _end(at))
    row = connection.execute(statement.order_by(_REVISION.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        raise RevisionNotFoundError(revision=at)
    return Published(*row)


def list_revisions(connection: Connection, register: Register, limit: int, before: int | None) -> list[Published]:
    """Return revisions, the latest first; those before a number where one is given."""
    statement = select(*(column_ for name, column_ in _REVISION.c.items() if name != "register"))
    statement = statement.where(_REVISION.c.register == register.id)
    if before is not None:
        statement = statement.where(_REVISION.c.number < before)
    rows = connection.execute(statement.order_by(_REVISION.c.number.desc()).limit(limit))
    return [Published(*row) for row in rows]


def _end(at: date | datetime) -> datetime:
    if isinstance(at, datetime):
        return at
    return datetime.combine(at + timedelta(days=1), time(), VIETNAM) - timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a revision made of one public value of a feature."""

    field: str
    title: Label
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Changed:
    """What a revision did to one feature, as far as the public sees it.

    Attributes
    ----------
    number : int
        The feature's number; changes come in its order.
    id : str
        The feature's uuid.
    label : str or None
        What people know it by.
    """

    number: int
    id: str
    kind: Kind
    label: str | None
    fields: list[Difference]


def list_changes(
    connection: Connection, register: Register, revision: int, *, limit: int, after: int = 0
) -> list[Changed]:
    """Return what a revision changed, in the order of the features' numbers.

    Parameters
    ----------
    after : int
        Numbers above this one.
    """
    view = states_view(register)
    ended, begun = view.c.until == revision, view.c.revision == revision
    numbers = list(connection.scalars(changed_ids_statement(register, revision, limit=limit, after=after)))
    sides = [_read_sides(connection, register, condition, numbers) for condition in (ended, begun)]
    return [_changed(register, number, sides[0].get(number), sides[1].get(number)) for number in numbers]


def changed_ids_statement(register: Register, revision: int, *, limit: int, after: int) -> Select[Any]:
    """Return the statement of the ids of what a revision changed, each way along an index: see `past_ids_statement`."""
    live, replaced = public_view(register, is_past=False), replaced_view(register)
    ways = ((replaced, replaced.c.until), (replaced, replaced.c.revision), (live, live.c.revision))
    parts = [
        select(view.c.id).where(at == revision, view.c.id > after).order_by(view.c.id).limit(limit).subquery()
        for view, at in ways
    ]
    every = union_all(*(select(part.c.id) for part in parts)).subquery()
    return select(every.c.id).group_by(every.c.id).order_by(every.c.id).limit(limit)


def _read_sides(
    connection: Connection, register: Register, condition: ColumnElement[bool], numbers: Sequence[int]
) -> dict[int, dict[str, Any]]:
    view = states_view(register)
    rows = connection.execute(select(view.c.id, feature_at(register)).where(condition, view.c.id.in_(numbers)))
    return {row[0]: json.loads(row[1]) for row in rows}


def _changed(register: Register, number: int, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Changed:
    known = after or before
    assert known is not None
    kind: Kind = "added" if before is None else "removed" if after is None else "changed"
    return Changed(
        number, known["id"], kind, known["properties"].get(register.label), _differences(register, before, after)
    )


def _differences(register: Register, before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    old, new = _values(before), _values(after)
    titles = {item.name: item.title for item in register.public_fields}
    titles |= {side.name: side.title for side in register.lists} | {"geometry": GEOMETRY}
    return [
        Difference(name, title, old.get(name), new.get(name))
        for name, title in titles.items()
        if old.get(name) != new.get(name)
    ]


def _values(feature: dict[str, Any] | None) -> dict[str, Any]:
    return {} if feature is None else {**feature["properties"], "geometry": feature["geometry"]}

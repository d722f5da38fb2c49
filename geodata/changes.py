"""What changed in all registers, as the public sees it: events in the order of transactions, and whole states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, RowMapping, column, func, or_, select, table, text, tuple_

from geodata.features import Page, read_page
from geodata.matching import ItemsQuery
from geodata.public_views import feature_at, in_unit, states_view, unit_field
from geodata.register import Register

EventKind = Literal["insert", "update", "delete", "reset"]

REVISIONS_A_PAGE = 200
LOOKS_A_PAGE = 5
"""How often records are looked for that a page can show; where few are public or of the unit, it ends with fewer."""

BEFORE_ALL, AFTER_ALL = -1, (1 << 63) - 1

_REVISION = table(
    "revision",
    *(column(name) for name in ("register", "number", "published_at", "added", "changed", "removed", "transaction", "is_reset")),
    schema="open",
)  # fmt: skip
_ERASURE = table("erasure", *map(column, ("register", "revision", "id", "uuid", "unit")), schema="open")


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two events: after a record of a transaction, or before all of it.

    Attributes
    ----------
    id : int
        The record's number; `BEFORE_ALL` or `AFTER_ALL` of its transaction.
    """

    transaction: int
    id: int = AFTER_ALL


@dataclass(frozen=True, slots=True)
class Event:
    """What one transaction did to one record, as far as the public sees it.

    Attributes
    ----------
    number, id : int, str or None
        The record's number and uuid; of a reset, which stands for the register as a whole, 0 and None.
    unit : str or None
        Code of the record's commune, of a unit its own.
    before, after : str or None
        GeoJSON features as text; None where there was or is none that the public sees.
    """

    transaction: int
    register: str
    revision: int
    published_at: datetime
    kind: EventKind
    number: int
    id: str | None = None
    unit: str | None = None
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """Which events are asked for.

    Attributes
    ----------
    after : Position
        Events behind it.
    until : int
        Transactions up to this one.
    unit : str, optional
        Code of a commune (5 digits) or province (2 digits): the events of a copy that holds its records alone.
    """

    registers: tuple[Register, ...]
    after: Position
    until: int
    limit: int
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A revision and its transaction."""

    transaction: int
    register: str
    number: int
    published_at: datetime
    added: int
    changed: int
    removed: int
    is_reset: bool

    @property
    def touched(self) -> int:
        """How many records it touched."""
        return self.added + self.changed + self.removed


def first_and_latest(connection: Connection) -> tuple[int, int, datetime | None]:
    """Return the first transaction's number, the latest one's, and when the first was; 0 where there is none."""
    of = _REVISION.c
    ends = select(func.min(of.transaction), func.max(of.transaction)).where(of.transaction.is_not(None))
    first, latest = connection.execute(ends).one()
    since = connection.scalar(select(of.published_at).where(of.transaction == first))
    return first or 0, latest or 0, since


def revision_at(connection: Connection, register: Register, transaction: int) -> int:
    """Return the number of the register's revision that held after a transaction, 0 before its first."""
    statement = select(func.max(_REVISION.c.number))
    found = statement.where(_REVISION.c.register == register.id, _REVISION.c.transaction <= transaction)
    return int(connection.scalar(found) or 0)


def read_revisions(connection: Connection, query: ChangesQuery, limit: int, *, newest: bool = False) -> list[Made]:
    """Return revisions in the order of transactions, or the newest first; those that a position lies in among them."""
    at, names = _REVISION.c.transaction, [register.id for register in query.registers]
    columns = (at, *(_REVISION.c[name] for name in ("register", "number", "published_at", "added", "changed", "removed", "is_reset")))  # fmt: skip
    is_asked = at > query.after.transaction if query.after.id == AFTER_ALL else at >= query.after.transaction
    statement = select(*columns).where(is_asked, at <= query.until, _REVISION.c.register.in_(names))
    rows = connection.execute(statement.order_by(at.desc() if newest else at).limit(limit))
    return [Made(*row) for row in rows]


def read_events(connection: Connection, query: ChangesQuery) -> tuple[list[Event], Position | None]:
    """Read one page of events.

    Returns
    -------
    list of Event, Position or None
        The position at which the next page goes on, None after the last event. A page may have fewer events than
        asked for, or none, and yet not be the last.
    """
    found: list[Event] = []
    position: Position | None = query.after
    for _ in range(LOOKS_A_PAGE):
        assert position is not None
        left = query.limit - len(found)
        events, position = _look(connection, replace(query, after=position), left)
        found += events
        if position is None or len(found) >= query.limit:
            break
    return found, position


def _look(connection: Connection, query: ChangesQuery, wanted: int) -> tuple[list[Event], Position | None]:
    """Look at the next records that were touched; return their events, and where to go on."""
    most = wanted if query.unit is None else max(wanted, 1000)
    made = _enough(read_revisions(connection, query, REVISIONS_A_PAGE), most)
    if not made:
        return [], None
    touched = _touched(connection, query, made, most + 1)
    sides = {key: value for register in query.registers for key, value in _sides(connection, register, query, touched)}
    erased = _erased(connection, query, made)
    events: list[Event] = []
    for one, number in touched[:most]:
        key = one.transaction, number
        event = erased.get(key) or _event(one, number, sides.get(key, {}))
        if event is not None and len(events) == wanted:
            return events, Position(events[-1].transaction, events[-1].number)
        events += [] if event is None else [event]
    if len(touched) > most:
        return events, Position(touched[most - 1][0].transaction, touched[most - 1][1])
    is_last = made[-1].transaction >= query.until or not _goes_on(connection, query, made[-1].transaction)
    return events, None if is_last else Position(made[-1].transaction)


def _goes_on(connection: Connection, query: ChangesQuery, transaction: int) -> bool:
    return bool(read_revisions(connection, replace(query, after=Position(transaction)), 1))


def _enough(made: Sequence[Made], most: int) -> list[Made]:
    """Return the first revisions that touched as many records together as are to be looked at."""
    taken: list[Made] = []
    count = 0
    for one in made:
        taken.append(one)
        count += one.touched
        # The first may be one of which a part was read already.
        if count > most and len(taken) > 1:
            break
    return taken


def _touched(connection: Connection, query: ChangesQuery, made: Sequence[Made], most: int) -> list[tuple[Made, int]]:
    """Return the numbers of the records that revisions touched, in order; 0 for a reset."""
    found: list[tuple[Made, int]] = []
    statement = text("SELECT id FROM open.touched_ids(:register, :number, :after, :most) AS id")
    for one in made:
        after = query.after.id if one.transaction == query.after.transaction else BEFORE_ALL
        if one.is_reset and after == BEFORE_ALL:
            found.append((one, 0))
        asked = {"register": one.register, "number": one.number, "after": max(after, 0), "most": most - len(found)}
        found += [(one, number) for number in connection.scalars(statement, asked)]
        if len(found) >= most:
            break
    return found[:most]


_Sides = dict[str, RowMapping]


def _sides(
    connection: Connection, register: Register, query: ChangesQuery, touched: Sequence[tuple[Made, int]]
) -> Iterator[tuple[tuple[int, int], _Sides]]:
    """Yield what touched records of a register were before and after, by transaction and number."""
    own = [(one, number) for one, number in touched if one.register == register.id and number]
    transactions = {one.number: one.transaction for one, _ in own}
    wanted = {(one.number, number) for one, number in own}
    found: dict[tuple[int, int], _Sides] = {}
    view = states_view(register)
    for side, at in (("before", view.c.until), ("after", view.c.revision)):
        if not own:
            continue
        statement = select(view.c.id, at.label("at"), view.c.uuid, view.c[unit_field(register)].label("unit"), feature_at(register))  # fmt: skip
        statement = statement.where(at.in_(list(transactions)), view.c.id.in_({number for _, number in own}))
        if query.unit is not None:
            statement = statement.where(in_unit(register, view, query.unit))
        for row in connection.execute(statement).mappings():
            if (row["at"], row["id"]) in wanted:
                found.setdefault((transactions[row["at"]], row["id"]), {})[side] = row
    yield from found.items()


def _erased(connection: Connection, query: ChangesQuery, made: Sequence[Made]) -> dict[tuple[int, int], Event]:
    """Return the events of records that revisions erased: of their removal, and of nothing that they were."""
    of = _ERASURE.c
    revisions = {(one.register, one.number): one for one in made}
    statement = select(_ERASURE).where(tuple_(of.register, of.revision).in_(list(revisions)))
    if query.unit is not None:
        communes = table("communes", column("code"), column("province_code"), schema="open")
        of_province = select(communes.c.code).where(communes.c.province_code == query.unit)
        statement = statement.where(or_(of.unit == query.unit, of.unit.in_(of_province)))
    events = {}
    for row in connection.execute(statement):
        one = revisions[row.register, row.revision]
        events[one.transaction, row.id] = Event(
            one.transaction, one.register, one.number, one.published_at, "delete", row.id, str(row.uuid), row.unit
        )
    return events


def _event(made: Made, number: int, sides: _Sides) -> Event | None:
    """Return the event of a record; None where the public saw it neither before nor after."""
    if made.is_reset and not number:
        return Event(made.transaction, made.register, made.number, made.published_at, "reset", 0)
    before, after = sides.get("before"), sides.get("after")
    known = after or before
    if known is None:
        return None
    kind: EventKind = "update" if before and after else "insert" if after else "delete"
    return Event(
        made.transaction, made.register, made.number, made.published_at, kind, number, str(known["uuid"]), known["unit"],
        before["feature"] if before else None, after["feature"] if after else None,
    )  # fmt: skip


def read_state(
    connection: Connection, register: Register, revision: int, *, after: int, limit: int, unit: str | None
) -> Page:
    """Read one page of a register as it was after a revision: all that is public, what lists leave out among it."""
    return read_page(connection, register, ItemsQuery(limit=limit, after=after, at=revision, unit=unit, is_whole=True))

"""Which states of the past can stand again: rules of the tables are asked before anything is written."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Connection,
    FromClause,
    Index,
    Subquery,
    Table,
    TableClause,
    and_,
    column,
    exists,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    table,
    text,
    true,
    union,
    update,
)

from geodata.register import Register
from geodata.states import read_row, read_rows_beside

_SHAPE = "CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT 0::bigint AS owner, {columns} FROM {holder} WITH NO DATA"


def leave_broken(connection: Connection, register: Register, undo: FromClause) -> None:
    """Leave the records alone that would break a rule of the register's tables.

    Parameters
    ----------
    undo : FromClause
        The temporary table: ``id``, ``wanted`` (the state to come), ``action``, ``fields``.
    """
    stored = _stored(register, undo)
    rules = list(_broken_rules(register, stored))
    # All at once first: mostly none is broken, and each look reads every state out of its document.
    if connection.scalar(select(exists(select(stored.c.undo_id).where(or_(*(rule for rule, _ in rules)))))):
        for condition, fields in rules:
            _leave(connection, undo, select(stored.c.undo_id).where(condition), fields)
    # A record that is left keeps its codes, which another may have wanted.
    keys = list(_keys(connection, register, undo))
    while any(_leave(connection, undo, broken, fields) for broken, fields in keys):
        pass


def _leave(connection: Connection, undo: Any, ids: Any, fields: Sequence[str]) -> int:
    statement = update(undo).values(action=null(), wanted=null(), fields=list(fields))
    return connection.execute(statement.where(undo.c.id.in_(ids))).rowcount


def _stored(register: Register, undo: FromClause) -> Subquery:
    """Return the states to come as rows of the register's table."""
    live = register.table
    row = read_row(live, undo.c.wanted, "row")
    states = select(undo.c.id.label("undo_id"), *(row.c[item.name] for item in live.c))
    return states.select_from(undo.join(row, true())).where(undo.c.wanted.is_not(None)).subquery("stored")


def _broken_rules(register: Register, stored: Subquery) -> Iterator[tuple[ColumnElement[bool], list[str]]]:
    """Yield when a state breaks a rule of its own row, with the fields it is about."""
    live = register.table
    for rule in live.constraints:
        if isinstance(rule, CheckConstraint):
            words = set(re.findall(r"\w+", str(rule.sqltext)))
            fields = [item.name for item in live.c if item.name in words]
            yield literal_column(f"({rule.sqltext}) IS FALSE"), fields
    for item in live.c:
        if not item.nullable and item.computed is None and item.server_default is None and item.identity is None:
            yield stored.c[item.name].is_(None), [item.name]


def _keys(connection: Connection, register: Register, undo: FromClause) -> Iterator[tuple[Any, list[str]]]:
    """Yield for each thing that only one record may have the ids of those that would have it besides, with its fields.

    What the states to come have of it is written down once: read out of their documents again for each comparison, a
    removal of hundreds of thousands could not be undone within hours.
    """
    tables = [register.table] if register.codes is None else [register.table, register.codes.__table__]
    for holder in tables:
        for index in sorted((index for index in holder.indexes if index.unique), key=lambda one: str(one.name)):
            yield _rivals(undo, holder, index, _write_keys(connection, register, undo, index)), _fields(holder, index)


def _fields(holder: Table, index: Index) -> list[str]:
    return [holder.name] if "feature_id" in holder.c else [item.name for item in index.columns]


def _write_keys(connection: Connection, register: Register, undo: FromClause, index: Index) -> TableClause:
    """Write down what the states to come have of one unique index: ``owner``, and its columns."""
    holder, names = index.table, [item.name for item in index.columns]
    assert holder is not None
    keys = table(f"wanted_{index.name}", column("owner"), *(column(name) for name in names))
    connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{keys.name}"))
    connection.execute(text(_SHAPE.format(name=keys.name, columns=", ".join(names), holder=holder.fullname)))
    is_own = holder is register.table
    rows = read_row(holder, undo.c.wanted, "row") if is_own else read_rows_beside(holder, undo.c.wanted)
    wanted = select(undo.c.id, *(rows.c[name] for name in names)).select_from(undo.join(rows, true()))
    wanted = wanted.where(undo.c.wanted.is_not(None), _holds_for(index), *(rows.c[name].is_not(None) for name in names))
    connection.execute(insert(keys).from_select(["owner", *names], wanted))
    connection.execute(text(f"ANALYZE {keys.name}"))
    return keys


def _holds_for(index: Index) -> ColumnElement[bool]:
    """Return which rows an index holds."""
    condition = index.dialect_options["postgresql"]["where"]
    return true() if condition is None else literal_column(f"({condition})")


def _rivals(undo: FromClause, holder: Table, index: Index, keys: TableClause) -> Any:
    """Return the ids of records whose key one that stays has, or one with a smaller id that is to come too."""
    names = [item.name for item in index.columns]
    owner = holder.c.feature_id if "feature_id" in holder.c else holder.c.id
    mine = select(keys).join(undo, undo.c.id == keys.c.owner).where(undo.c.wanted.is_not(None)).cte("mine")
    # Not "not in": with more ids than fit into memory the database would go through all of them for each record.
    is_going = exists().where(undo.c.id == owner, undo.c.action.is_not(None))
    held = select(*(holder.c[name] for name in names)).where(~is_going, _holds_for(index)).subquery("held")
    key = [mine.c[name] for name in names]
    doubled = select(*key, func.min(mine.c.owner).label("first")).group_by(*key).having(func.count() > 1).subquery()
    taken = select(mine.c.owner).join(held, _same(mine, held, names))
    second = select(mine.c.owner).join(doubled, and_(_same(mine, doubled, names), mine.c.owner > doubled.c.first))
    return union(taken, second)


def _same(left: FromClause, right: FromClause, names: Sequence[str]) -> ColumnElement[bool]:
    return and_(literal(True), *(left.c[name] == right.c[name] for name in names))  # noqa: FBT003  SQL's own
